"""Standard errors of many classes, each helped by what the others say of its noise.

With 5 seeds a class knows the noise of its own trainings from 4 degrees of freedom, which is next
to nothing. The classes of one comparison share their trainings, so their noise is alike, up to how
often the two arms disagree. With v_c the variance of class c's difference and b_c what it would be
if every image were an independent draw (the share of disagreements over the count of answers),

    v_c / b_c  ~  s * F(df_c, d),   so that   (d s + df_c v_c / b_c) / (d + df_c)

is the better estimate, with d + df_c degrees of freedom. s and d are fitted by moments of the
logarithm (Smyth 2004); where the classes' noise is not alike, d is small and each keeps its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from variegate.evaluate.statistics import LEVEL, Difference, floor, paired_difference

__all__ = ["class_differences", "fit", "moderated", "paired_differences"]

Floats = NDArray[np.float64]
Right = NDArray[np.bool_]
# Fewer classes say nothing of how alike their noise is; fewer disagreements nothing of the noise.
FEWEST, DISAGREEMENTS = 4, 5
# Beyond so many degrees of freedom Student's t is the normal distribution.
MOST = 1e6


def class_differences(
    first: Right, second: Right, labels: NDArray[np.int64], classes: int
) -> list[Difference | None]:
    """Compare two arms class by class, (seeds, images); None for a class without a test image."""
    pairs: list[tuple[Right, Right] | None] = []
    for number in range(classes):
        own = np.flatnonzero(labels == number)
        pairs.append((first[:, own], second[:, own]) if len(own) else None)
    return paired_differences(pairs)


def paired_differences(pairs: Sequence[tuple[Right, Right] | None]) -> list[Difference | None]:
    """Compare two arms on each of several sets of images, with moderated errors; None stays."""
    own = [None if pair is None else paired_difference(*pair) for pair in pairs]
    counts = [0 if pair is None else int((pair[0] != pair[1]).sum()) for pair in pairs]
    return moderated(own, counts)


def moderated(
    differences: Sequence[Difference | None], disagreements: Sequence[int]
) -> list[Difference | None]:
    """Give the differences with errors that all of them helped to estimate.

    disagreements: on how many answers (seeds times images) the two arms differ. Those with fewer
    than 5 stay as they are, and so do all where fewer than 4 are left.
    """
    from scipy import stats

    result = list(differences)
    places = [
        place
        for place, (own, count) in enumerate(zip(differences, disagreements, strict=True))
        if own is not None and own.p is not None and count >= DISAGREEMENTS
    ]
    if len(places) < FEWEST:
        return result
    known = [own for place in places if (own := differences[place]) is not None]
    answers = np.array([own.seeds * own.images for own in known], dtype=np.float64)
    shares = np.array([disagreements[place] for place in places]) / answers
    independent = shares / answers
    ratios = np.array([own.error for own in known]) ** 2 / independent
    df = np.array([own.df for own in known])
    prior_df, prior = fit(ratios, df)
    better = (prior_df * prior + df * ratios) / (prior_df + df)
    total = np.minimum(prior_df + df, df.sum())
    for place, own, square, freedom in zip(places, known, better * independent, total, strict=True):
        error = float(np.sqrt(max(square, floor(own.images))))
        half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
        result[place] = replace(
            own,
            low=max(-1.0, own.value - half),
            high=min(1.0, own.value + half),
            p=float(2 * stats.t.sf(abs(own.value) / error, freedom)),
            df=float(freedom),
            error=error,
        )
    return result


def fit(ratios: Floats, df: Floats) -> tuple[float, float]:
    """Give d and s of ratios (k,) that are s * F(df, d), by the moments of their logarithm."""
    from scipy.special import digamma, polygamma

    logs = np.log(ratios) - digamma(df / 2) + np.log(df / 2)
    mean = float(logs.mean())
    spread = float(((logs - mean) ** 2).sum() / (len(logs) - 1) - polygamma(1, df / 2).mean())
    prior_df = MOST if spread <= 0 else min(MOST, 2 * _trigamma_inverse(spread))
    return prior_df, float(np.exp(mean + digamma(prior_df / 2) - np.log(prior_df / 2)))


def _trigamma_inverse(value: float) -> float:
    """The x above 0 whose trigamma is the value: trigamma falls, so halve an interval."""
    from scipy.special import polygamma

    low, high = np.log(1e-8), np.log(MOST)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if polygamma(1, np.exp(middle)) > value else (low, middle)
    return float(np.exp((low + high) / 2))
