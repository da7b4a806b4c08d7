"""Labels: class indices, or soft shares of classes; mixing makes them soft."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.program import MixStage

Labels = npt.NDArray[Any]


def read_labels(value: Any, count: int, where: str = "labels") -> Labels:
    """Class indices (n,) int64, or soft labels (n, classes) float32 in [0, 1]; raises InputError
    otherwise.
    """
    try:
        labels = np.asarray(value)
    except ValueError as error:
        raise InputError(
            f"{where}: expected (n,) whole numbers or (n, classes) shares: {error}"
        ) from error
    if labels.ndim not in (1, 2) or len(labels) != count:
        raise InputError(f"{where}: expected {count} rows, one per image, got shape {labels.shape}")
    if labels.ndim == 1:
        if count and not np.issubdtype(labels.dtype, np.integer):
            raise InputError(f"{where}: class indices must be whole numbers, got {labels.dtype}")
        if np.any(labels < 0):
            raise InputError(f"{where}: class indices must be at least 0, got {int(labels.min())}")
        return labels.astype(np.int64)
    if not (np.issubdtype(labels.dtype, np.floating) or np.issubdtype(labels.dtype, np.integer)):
        raise InputError(f"{where}: soft labels must be numbers, got {labels.dtype}")
    if labels.shape[1] == 0:
        raise InputError(f"{where}: soft labels need a column for each class, got none")
    soft = labels.astype(np.float32)
    if not np.isfinite(soft).all() or np.any(soft < 0) or np.any(soft > 1):
        raise InputError(f"{where}: soft labels must lie in [0, 1]")
    return soft


def class_indices(labels: Labels) -> npt.NDArray[np.int64]:
    """The class of each image, the largest share of soft labels."""
    return labels if labels.ndim == 1 else np.argmax(labels, axis=1).astype(np.int64)


def soften(labels: Labels, classes: int | None) -> npt.NDArray[np.float32]:
    """Soft labels (n, classes); class indices need `classes`. Raises InputError that says so."""
    if labels.ndim == 2:
        if classes is not None and labels.shape[1] != classes:
            raise InputError(f"labels: {labels.shape[1]} columns, but classes={classes}")
        return labels
    if classes is None:
        raise InputError(
            "labels are class indices and the policy mixes images, which gives soft labels: "
            "pass Pipeline(..., classes=<number of classes>) or soft labels (n, classes)"
        )
    if np.any(labels >= classes):
        raise InputError(f"labels: class {int(labels.max())} is not below classes={classes}")
    soft = np.zeros((len(labels), classes), dtype=np.float32)
    soft[np.arange(len(labels)), labels] = 1.0
    return soft


def mix_labels(labels: npt.NDArray[np.float32], mix: MixStage) -> npt.NDArray[np.float32]:
    """Each result's labels: those of the images it shows, by the pixels that are really there."""
    start = mix.share_start[:-1]
    counts = mix.share_start[1:] - start
    mixed, exact = np.zeros(labels.shape), labels.astype(np.float64)
    for turn in range(int(counts.max(initial=0))):  # few: as many as a result shows images
        more = counts > turn
        rows = slice(None) if more.all() else more.nonzero()[0]
        own = start[rows] + turn
        mixed[rows] += mix.share[own, None] * exact.take(mix.share_source[own], axis=0)
    return np.minimum(mixed, 1, out=mixed).astype(np.float32)
