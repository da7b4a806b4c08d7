"""One prediction from those of several views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError, VariegateError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
MERGES = ("mean", "gmean", "vote", "max")
TINY = 1e-12


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities (..., classes) from logits."""
    scaled = logits / temperature
    shifted = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def log_of(probabilities: Floats) -> Floats:
    """Logarithms of probabilities; 0 counts as 1e-12."""
    return np.asarray(np.log(np.maximum(probabilities, TINY)))


def merge_classes(views: Floats, merge: str, weights: Floats | None = None) -> Floats:
    """Probabilities (n, classes) from those of the views (v, n, classes).

    merge: mean; gmean (of probabilities, made to sum to 1 again); vote (share of the views whose
    first class it is, ties by the mean); max, which ruins accuracy and is here for comparison.
    weights (v,), or (v, classes): what each view counts, for mean and gmean.
    """
    if merge not in MERGES:
        raise InputError(f"merge: expected one of {', '.join(MERGES)}, got {merge!r}")
    share = np.full((len(views), 1), 1 / len(views)) if weights is None else weights
    if share.ndim == 1:
        share = share[:, None]
    if merge == "mean":
        return _sums_to_one(np.einsum("vnc,vc->nc", views, _wide(share, views)))
    if merge == "gmean":
        return softmax(np.einsum("vnc,vc->nc", log_of(views), _wide(share, views)))
    if merge == "max":
        return _sums_to_one(views.max(axis=0))
    votes = np.zeros(views.shape[1:])
    for own in views:
        votes[np.arange(len(own)), own.argmax(axis=1)] += 1
    ties = views.mean(axis=0)  # below 1, so it only settles ties
    return _sums_to_one(votes / len(views) + ties / (2 * len(views)))


def _wide(share: Floats, views: Floats) -> Floats:
    return np.broadcast_to(share, (len(views), views.shape[2]))


def _sums_to_one(value: Floats) -> Floats:
    return np.asarray(value / np.maximum(value.sum(axis=1, keepdims=True), TINY))


def merge_maps(maps: Sequence[Floats], seen: Sequence[Bools]) -> tuple[Floats, Bools]:
    """The mean (h, w, c) of maps that were taken back, each counted where it was seen (h, w); and
    where any was. Elsewhere the mean is 0.
    """
    total, count = np.zeros(maps[0].shape), np.zeros(maps[0].shape[:2])
    for own, shown in zip(maps, seen, strict=True):
        total += np.where(shown[..., None], own, 0.0)
        count += shown
    return total / np.maximum(count, 1)[..., None], count > 0


def merge_boxes(
    views: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
    iou: float = 0.55,
    least: float = 0.0,
) -> dict[str, Any]:
    """Weighted boxes fusion (Solovyev et al. 2021) of boxes in one image's frame.

    views: one dict a view with boxes (k, 4) x1 y1 x2 y2 in pixels, scores (k,) and labels (k,).
    size: (height, width). iou: how much boxes must overlap to be one; least: the lowest score that
    counts. Returns boxes float32, scores float32 and labels int64, the highest score first. Needs
    the package ensemble-boxes.
    """
    try:
        from ensemble_boxes import weighted_boxes_fusion
    except ImportError as error:
        raise VariegateError(
            "fusing boxes needs the package ensemble-boxes: pip install 'variegate[tta]'"
        ) from error
    height, width = size
    scale = np.array([width, height, width, height], dtype=np.float64)
    boxes = [np.clip(np.asarray(v["boxes"], np.float64).reshape(-1, 4) / scale, 0, 1)
             for v in views]  # fmt: skip
    scores = [np.asarray(v["scores"], dtype=np.float64) for v in views]
    labels = [np.asarray(v["labels"], dtype=np.int64) for v in views]
    fused, score, label = weighted_boxes_fusion(
        boxes, scores, labels, iou_thr=iou, skip_box_thr=least
    )
    return {
        "boxes": (np.asarray(fused).reshape(-1, 4) * scale).astype(np.float32),
        "scores": np.asarray(score, dtype=np.float32),
        "labels": np.asarray(label).astype(np.int64),
    }


def merge_points(views: Sequence[Floats], inside: Sequence[Bools]) -> Floats:
    """The mean (m, 2) of points that were taken back, each view counted where its point was inside
    the frame; where none was, the first view's.
    """
    total, count = np.zeros(views[0].shape), np.zeros(len(views[0]))
    for own, shown in zip(views, inside, strict=True):
        total += np.where(shown[:, None], own, 0.0)
        count += shown
    mean = total / np.maximum(count, 1)[:, None]
    return np.where((count > 0)[:, None], mean, views[0])
