"""Accuracy and differences with intervals that cover training noise and the finite test set.

Two arms are compared on the same seeds and the same test images. With d[s, i] = +1, 0 or -1 for
"only the first arm is right", "both or none", "only the second", the model is

    d[s, i] = mean + seed effect + image effect + rest,      seeds and images both random.

This is the layout of a study with several readers and several cases, and its analysis is used here:
variance of the mean = (MS_seeds + max(MS_images - MS_rest, 0)) / (seeds * images), with Student's
t (Dorfman, Berbaum, Metz 1992; Hillis 2007, Statistics in Medicine 26). Three changes make it
careful with few seeds and rare errors: MS_seeds is not taken below MS_rest (its expectation never
is); the degrees of freedom count the images as well; the variance is not taken below that of half
an image won and half an image lost (the added halves of Agresti and Min 2005, Statistics in
Medicine 24). The tests check by simulation that without any difference the interval leaves out
zero in at most about 5 % of the cases; with few errors per class it is well below that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError

LEVEL = 0.95
ALPHA = 0.05
Verdict = Literal["better", "worse", "not proven"]
METHOD = (
    "Differences are paired by seed and by test image. Their 95 % intervals come from a two-way "
    "random-effects analysis (seeds x images, Student's t), so they cover training noise and the "
    "finite test set; classes share what they say of the noise. Verdicts are corrected for the "
    "number of tests (arms: Holm; classes: "
    "Benjamini-Hochberg, 5 % false discoveries), so an interval may leave out zero where the "
    "verdict is still 'not proven'."
)


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; `covers` says which noise the interval knows about."""

    value: float
    low: float
    high: float
    seeds: int
    covers: Literal["seeds", "test images"]


@dataclass(frozen=True)
class Difference:
    """First arm minus second arm (share of images, -1..1) with its 95 % interval.

    `p` is two-sided, and None where no claim can be made: one seed, or fewer than two images.
    `error` is the standard error of the value.
    """

    value: float
    low: float
    high: float
    p: float | None
    df: float
    seeds: int
    images: int
    error: float


def mean_accuracy(correct: NDArray[np.bool_]) -> Estimate:
    """Give the mean accuracy of (seeds, images) with Student's t interval over the seeds.

    With one seed the interval is Wilson's over the test images: it knows nothing of training noise.
    """
    table = np.asarray(correct, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise InputError(f"correct: expected (seeds, images), both at least 1, got {table.shape}")
    seeds, images = table.shape
    if seeds == 1:
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(table.sum(), images, alpha=1 - LEVEL, method="wilson")
        return Estimate(float(table.mean()), float(low), float(high), 1, "test images")
    from scipy import stats

    each = table.mean(axis=1)
    half = stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * each.std(ddof=1) / np.sqrt(seeds)
    mean = float(each.mean())
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half), seeds, "seeds")


def paired_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Difference:
    """Compare two arms from which images each got right, bool (seeds, images), same seeds in rows.

    The interval covers seeds and images (see the head of this file); with one seed it covers the
    images only and `p` is None.
    """
    if np.shape(first) != np.shape(second) or np.ndim(first) != 2 or not np.size(first):
        raise InputError(
            "paired_difference: expected two arrays of one shape (seeds, images), got "
            f"{np.shape(first)} and {np.shape(second)}"
        )
    from scipy import stats

    table = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    seeds, images = table.shape
    mean = float(table.mean())
    if images < 2:
        return Difference(mean, -1.0, 1.0, None, 0.0, seeds, images, 1.0)
    variance, df = _variance_of_mean(table)
    error = float(np.sqrt(variance))
    half = float(stats.t.ppf((1 + LEVEL) / 2, df)) * error
    p = None if seeds == 1 else float(2 * stats.t.sf(abs(mean) / error, df))
    low, high = max(-1.0, mean - half), min(1.0, mean + half)
    return Difference(mean, low, high, p, df, seeds, images, error)


def floor(images: int) -> float:
    """The least variance of a mean: half an image won and half an image lost."""
    return 1.0 / (images + 2.0) ** 2


def _variance_of_mean(table: NDArray[np.float64]) -> tuple[float, float]:
    """Give the variance of the mean of (seeds, images) and its degrees of freedom."""
    seeds, images = table.shape
    mean = table.mean()
    least = floor(images)
    by_image = table.mean(axis=0) - mean
    if seeds == 1:
        return max(float(by_image @ by_image) / (images - 1) / images, least), float(images - 1)
    by_seed = table.mean(axis=1) - mean
    rest = table - by_seed[:, None] - by_image[None, :] - mean
    ms_seeds = images * float(by_seed @ by_seed) / (seeds - 1)
    ms_images = seeds * float(by_image @ by_image) / (images - 1)
    ms_rest = float((rest * rest).sum()) / ((seeds - 1) * (images - 1))
    from_seeds = max(ms_seeds, ms_rest)
    from_images = max(ms_images - ms_rest, 0.0)
    variance = (from_seeds + from_images) / (seeds * images)
    if variance < least:
        return least, float(seeds - 1)
    # Hillis counts only the seeds; the term of the images matters for classes with few images.
    spread = from_seeds**2 / (seeds - 1) + from_images**2 / (images - 1)
    return variance, (from_seeds + from_images) ** 2 / spread


def adjust(
    p_values: Sequence[float | None], method: Literal["holm", "fdr_bh"]
) -> list[float | None]:
    """Correct p values for their number (statsmodels); None stays None and does not count."""
    from statsmodels.stats.multitest import multipletests

    known = [number for number, p in enumerate(p_values) if p is not None]
    result: list[float | None] = [None] * len(p_values)
    if known:
        corrected = multipletests([p_values[number] for number in known], method=method)[1]
        for number, p in zip(known, corrected, strict=True):
            result[number] = float(p)
    return result


def verdict(difference: Difference, corrected: float | None) -> Verdict:
    """Say in words what the corrected p value allows to say."""
    if corrected is None or corrected > ALPHA or difference.seeds < 2:
        return "not proven"
    return "better" if difference.value > 0 else "worse"
