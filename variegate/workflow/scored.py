"""What one training of a search is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Judged", "judged"]


@dataclass(frozen=True)
class Judged:
    """Scores of one training.

    value: what trials are ranked by; for a guided search the mean of accuracy and likelihood, both
    on 0..1, because it is less noisy than the accuracy alone. per_class: NaN for a class without
    images. augment_seconds: of the training's time.
    """

    accuracy: float
    loss: float
    value: float
    per_class: tuple[float, ...] = ()
    augment_seconds: float | None = None


def judged(
    probabilities: Any,
    labels: Any,
    *,
    guided: bool = True,
    augment_seconds: float | None = None,
) -> Judged:
    """The scores of probabilities (n, classes) against labels (n,)."""
    from variegate.train.scores import likelihood, score

    plain = score(probabilities, labels)
    value = plain.accuracy
    if guided:
        value = (plain.accuracy + likelihood(probabilities, labels)) / 2
    per_class = tuple(plain.per_class.tolist())
    return Judged(plain.accuracy, plain.loss, value, per_class, augment_seconds)
