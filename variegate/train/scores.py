"""What a trained model scores on labeled images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError

__all__ = ["Scores", "score"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Accuracy and loss of one model.

    accuracy: share on 0..1. loss: mean negative log likelihood in nats. per_class: float64
    (classes,), the accuracy within each class, NaN for a class without images. predictions:
    int64 (n,), in the order of the images. seconds: training and scoring together.
    """

    accuracy: float
    loss: float
    per_class: npt.NDArray[np.float64]
    predictions: npt.NDArray[np.int64]
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; NaN becomes None."""
        return {
            "accuracy": self.accuracy,
            "loss": self.loss,
            "per_class": [None if np.isnan(v) else float(v) for v in self.per_class],
            "predictions": [int(v) for v in self.predictions],
            "seconds": self.seconds,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Scores:
        """Read what `to_dict` gave; raises InputError for missing or unknown fields."""
        wanted = set(Scores.__dataclass_fields__)
        if set(data) != wanted:
            raise InputError(f"scores: expected the fields {sorted(wanted)}, got {sorted(data)}")
        per_class = [np.nan if v is None else float(v) for v in data["per_class"]]
        return Scores(
            accuracy=float(data["accuracy"]),
            loss=float(data["loss"]),
            per_class=np.array(per_class, np.float64),
            predictions=np.array(data["predictions"], np.int64),
            seconds=float(data["seconds"]),
        )


def likelihood(
    probabilities: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.integer[Any]]
) -> float:
    """Return the geometric mean of the true class's probability at the best temperature, on 0..1.

    An accuracy counts only which side of a border an image is on; this counts how far, so that it
    tells policies apart with fewer images. The temperature (Guo et al. 2017) takes away how sure
    of itself a model is, which augmentation changes without changing what it knows.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    best = -np.inf
    for scale in np.geomspace(0.25, 8.0, 31):
        scaled = logs * scale
        top = scaled.max(axis=1, keepdims=True)
        total = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        best = max(best, float((scaled[np.arange(len(labels)), labels] - total).mean()))
    return float(np.exp(best))


def score(
    probabilities: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.integer[Any]],
    *,
    seconds: float = 0.0,
) -> Scores:
    """Return the scores of probabilities (n, classes) against labels (n,).

    A probability of 0 for the true class counts as 1e-12 in the loss. Raises InputError where the
    shapes do not fit, for n = 0 and for labels outside the classes.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise InputError(
            f"labels: expected (n,) for probabilities (n, classes), got {labels.shape} for "
            f"{probabilities.shape}"
        )
    n, classes = probabilities.shape
    if n == 0:
        raise InputError("labels: expected at least one image to score, got none")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"labels: expected 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
        )
    predictions = probabilities.argmax(axis=1).astype(np.int64)
    right = predictions == labels
    true = probabilities[np.arange(n), labels].astype(np.float64)
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    hits = np.bincount(labels, weights=right, minlength=classes)
    per_class = np.full(classes, np.nan)
    np.divide(hits, counts, out=per_class, where=counts > 0)
    loss = float(-np.log(np.maximum(true, 1e-12)).mean())
    return Scores(float(right.mean()), loss, per_class, predictions, seconds)
