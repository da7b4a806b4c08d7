"""What test-time augmentation did to the predictions, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BINS = 15


@dataclass(frozen=True)
class TTAReport:
    """The first view alone beside all views merged, on labeled images.

    before, after: accuracy on 0..1. calibration_before, calibration_after: expected calibration
    error over 15 bins of equal width. corrected, corrupted (classes,): images of each class that
    turned right or wrong. passes: how often the model looks at an image.
    """

    images: int
    passes: int
    before: float
    after: float
    calibration_before: float
    calibration_after: float
    corrected: Ints
    corrupted: Ints

    def __str__(self) -> str:
        gaps = 100 * self.calibration_before, 100 * self.calibration_after
        lines = [
            f"{self.images} images, {self.passes} forward passes an image",
            f"accuracy {100 * self.before:.2f} -> {100 * self.after:.2f} %",
            f"calibration error {gaps[0]:.2f} -> {gaps[1]:.2f} %",
            f"corrected {self.corrected.sum()}, corrupted {self.corrupted.sum()}",
        ]
        touched = np.flatnonzero(self.corrected + self.corrupted)
        lines += [f"  class {c}: {self.corrected[c]} corrected, {self.corrupted[c]} corrupted"
                  for c in touched]  # fmt: skip
        return "\n".join(lines)


def report_of(alone: Floats, merged: Floats, labels: Ints, passes: int) -> TTAReport:
    """Compares probabilities (n, classes) of one view and of all, against labels (n,)."""
    was, now = (p.argmax(axis=1) == labels for p in (alone, merged))
    classes = alone.shape[1]
    return TTAReport(
        len(labels),
        passes,
        float(was.mean()),
        float(now.mean()),
        calibration_error(alone, labels),
        calibration_error(merged, labels),
        np.bincount(labels[now & ~was], minlength=classes),
        np.bincount(labels[was & ~now], minlength=classes),
    )


def calibration_error(probabilities: Floats, labels: Ints) -> float:
    """Expected calibration error (Guo et al. 2017): the mean gap between confidence and accuracy
    over 15 bins, weighted by their images.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    gap = np.abs(
        np.bincount(place, weights=right, minlength=BINS)
        - np.bincount(place, weights=confidence, minlength=BINS)
    )
    return float(gap.sum() / max(int(count.sum()), 1))
