"""How far a model's confidence is from how often it is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError
from variegate.evaluate.statistics import LEVEL

__all__ = ["BINS", "calibration_error", "seed_interval"]

BINS = 15


def calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], bins: int = BINS
) -> float:
    """Give the expected calibration error on 0..1 of probabilities (n, classes), labels (n,).

    The images are put in order of their confidence, the probability of the class that is named, and
    cut into `bins` of equal numbers of images (Nguyen and O'Connor 2015); the error is the mean
    distance of confidence and accuracy over the bins, each weighted by its images. Bins of equal
    width (Guo et al. 2017) leave nearly all images of an accurate model in the last one.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise InputError(
            "calibration_error: expected probabilities (n, classes) and labels (n,), got "
            f"{probabilities.shape} and {labels.shape}"
        )
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    apart = [abs(float((confidence[p] - right[p]).sum())) for p in parts]
    return float(sum(apart) / len(order))


def seed_interval(values: Sequence[float]) -> list[float] | None:
    """Student's t interval of a mean over seeds; None for a single one."""
    if len(values) < 2:
        return None
    from scipy import stats

    each = np.asarray(values, dtype=np.float64)
    half = stats.t.ppf((1 + LEVEL) / 2, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    return [float(each.mean() - half), float(each.mean() + half)]
