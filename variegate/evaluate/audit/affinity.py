"""Affinity: the accuracy that models trained without augmentation keep under a transformation.

Gontijo-Lopes et al. 2020 define it as the ratio of the two accuracies. Both are of the same images,
so its interval is the one for a ratio of paired proportions (Bonett and Price 2006, Statistics in
Medicine 25, hybrid Wilson), which holds for few images and for accuracies near 0 and 1. It covers
the finite number of images, not another training of the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError
from variegate.search.narrow import beyond_chance

__all__ = ["Probed", "Seen", "affinity", "table", "wilson"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True, eq=False)
class Seen:
    """The images as the clean models see them untransformed: labels and predictions (n,)."""

    labels: Ints
    clean: Ints
    classes: int

    def __post_init__(self) -> None:
        if self.labels.shape != self.clean.shape or self.labels.ndim != 1 or not len(self.labels):
            raise InputError(
                f"predictions: expected (n,) for labels (n,), n at least 1, got "
                f"{self.clean.shape} for {self.labels.shape}"
            )
        for what, values in (("labels", self.labels), ("predictions", self.clean)):
            if values.min() < 0 or values.max() >= self.classes:
                raise InputError(f"{what}: expected 0 to {self.classes - 1}, got others")


@dataclass(frozen=True, eq=False)
class Probed:
    """One transformation: its name, op and kind, and predictions (n,) at each magnitude.

    magnitudes: rising, on 0..1; a single 1 for an op that has none.
    """

    name: str
    op: str
    kind: str
    magnitudes: tuple[float, ...]
    predictions: tuple[Ints, ...]
    ladder: bool = True


def affinity(
    right: NDArray[Any], before: NDArray[Any], both: NDArray[Any], z: float = Z
) -> tuple[Floats, Floats, Floats]:
    """Ratio right / before with its interval, elementwise; NaN where nothing was right before.

    right, before: numbers of images that are right under the op and without it; both: in both.
    """
    x1, x0, x11 = (np.asarray(v, np.float64) for v in (right, before, both))
    gained, lost = x1 - x11, x0 - x11
    size = x11 + gained + lost
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = x1 / x0
        a = np.sqrt((gained + lost + 2) / ((x1 + 1) * (x0 + 1)))
        b = np.sqrt((1 - (x1 + 1) / (size + 2)) / (x1 + 1))
        c = np.sqrt((1 - (x0 + 1) / (size + 2)) / (x0 + 1))
        k = a / (b + c) * z
        low1, high1 = wilson(x1, size, k)
        low0, high0 = wilson(x0, size, k)
        low, high = low1 / high0, high1 / low0
    unknown = x0 == 0
    return tuple(np.where(unknown, np.nan, v) for v in (ratio, low, high))  # type: ignore[return-value]


def wilson(count: Any, size: Any, z: Any = Z) -> tuple[Floats, Floats]:
    """Wilson's interval of a share count / size, elementwise."""
    root = z * np.sqrt(z * z + 4 * count * (1 - count / size))
    middle, scale = 2 * count + z * z, 2 * (size + z * z)
    return np.maximum(0.0, (middle - root) / scale), (middle + root) / scale


def table(seen: Seen, probed: Sequence[Probed]) -> list[dict[str, Any]]:
    """For each transformation and magnitude: affinity overall and of each class, and what grows.

    Affinity counts images; `kept` is the share of what the models know beyond a guess, where
    classes count alike, None where they know nothing more without the op.
    Per class, in the order of the classes: affinity, low, high; `into`: the other class that most
    of its recognized images are called now, None for none; `moved`: how many; `still`: how many
    of them are recognized yet. `grows`: by how many percentage points of
    all images each class's false positives rise.
    """
    return [
        {
            "name": each.name,
            "op": each.op,
            "kind": each.kind,
            "ladder": each.ladder,
            "magnitudes": [
                {"magnitude": magnitude, **_cells(seen, predictions)}
                for magnitude, predictions in zip(each.magnitudes, each.predictions, strict=True)
            ],
        }
        for each in probed
    ]


def _cells(seen: Seen, now: Ints) -> dict[str, Any]:
    labels, clean, classes = seen.labels, seen.clean, seen.classes
    if now.shape != labels.shape:
        raise InputError(f"predictions: expected {labels.shape}, got {now.shape}")
    before, after = clean == labels, now == labels
    right, known, both = (_counts(labels[m], classes) for m in (after, before, after & before))
    value, low, high = affinity(right, known, both)
    whole = affinity(*(count.sum(keepdims=True) for count in (right, known, both)))
    called = np.zeros((classes, classes), np.int64)
    np.add.at(called, (labels[before], now[before]), 1)
    still = called.diagonal().copy()
    np.fill_diagonal(called, 0)
    into, most = called.argmax(axis=1), called.max(axis=1, initial=0)
    grows = _false(seen, now) - _false(seen, clean)
    return {
        "affinity": _number(whole[0][0]),
        "interval": [_number(whole[1][0]), _number(whole[2][0])],
        "kept": _number(_kept(right, known, _counts(labels, classes))),
        "classes": {
            "affinity": [_number(v) for v in value],
            "low": [_number(v) for v in low],
            "high": [_number(v) for v in high],
            "into": [int(d) if n else None for d, n in zip(into, most, strict=True)],
            "moved": [int(n) for n in most],
            "still": [int(n) for n in still],
            "grows": [_number(v) for v in grows],
        },
    }


def _kept(after: Ints, before: Ints, images: Ints) -> float:
    """The share of what is known beyond a guess; after, before: right answers of each class."""
    have = images > 0
    now, clean = (beyond_chance((own[have] / images[have]).tolist()) for own in (after, before))
    return now / clean if clean else float("nan")


def _counts(labels: Ints, classes: int) -> Ints:
    return np.bincount(labels, minlength=classes).astype(np.int64)


def _false(seen: Seen, predictions: Ints) -> Floats:
    """Share of all images that are called each class and are another."""
    wrong = predictions[predictions != seen.labels]
    return np.bincount(wrong, minlength=seen.classes) / len(seen.labels)


def _number(value: float) -> float | None:
    """Four digits are more than the images can tell; NaN has no place in JSON."""
    return None if np.isnan(value) else round(float(value), 4)
