"""Empirical Bayes: class differences drawn toward their mean, as far as noise explains them.

The largest of many noisy differences is large because it is noisy. With d_c the difference of class
c, e_c its standard error, and true differences normal around a mean m with variance t,

    shrunk_c = m + (1 - b_c) (d_c - m),   b_c = e_c^2 / (e_c^2 + t).

t is Paule and Mandel's (1982): the one for which the weighted squares have their expectation. The
interval has Morris's terms for not knowing m and t (1983, JASA 78).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from variegate.evaluate.schema import Shrunk
from variegate.evaluate.statistics import LEVEL, Difference

__all__ = ["between", "shrunk"]

FEWEST = 4
Floats = NDArray[np.float64]


def shrunk(differences: Sequence[Difference | None]) -> list[Shrunk | None]:
    """Shrink the differences of the classes; None where nothing can be said of training noise.

    With fewer than 4 such classes the spread over classes is unknown, and all are None.
    """
    from scipy import stats

    known = [i for i, d in enumerate(differences) if d is not None and d.p is not None]
    result: list[Shrunk | None] = [None] * len(differences)
    if len(known) < FEWEST:
        return result
    chosen = [d for i in known if (d := differences[i]) is not None]
    values = np.array([d.value for d in chosen])
    squares = np.array([d.error for d in chosen]) ** 2
    spread = between(values, squares)
    weights = 1.0 / (squares + spread)
    mean = float((weights * values).sum() / weights.sum())
    noise = squares / (squares + spread)
    drawn = mean + (1 - noise) * (values - mean)
    variance = (1 - noise) * squares + noise**2 / weights.sum()
    variance += 2 / (len(known) - 3) * noise**2 * (values - mean) ** 2
    half = stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance)
    for place, value, reach in zip(known, drawn, half, strict=True):
        low, high = max(-1.0, value - reach), min(1.0, value + reach)
        result[place] = {"value": float(value), "interval": [float(low), float(high)]}
    return result


def between(values: Floats, squares: Floats) -> float:
    """Variance of the true values (k,), from squared standard errors (k,); 0 if noise is enough."""

    def excess(spread: float) -> float:
        weights = 1.0 / (squares + spread)
        mean = (weights * values).sum() / weights.sum()
        return float((weights * (values - mean) ** 2).sum()) - (len(values) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(values.var()) * len(values) + float(squares.max())
    while excess(high) > 0:
        high *= 2
    for _ in range(60):  # excess falls as the spread rises
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
