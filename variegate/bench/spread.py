"""Statistics of a few timings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Seconds an image over n rounds: median, least, first and third quartile."""

    median: float
    least: float
    low: float
    high: float
    n: int


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share lies, between the sorted values in a straight line."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value; raises ValueError for none."""
    if not values:
        raise ValueError("spread: expected at least one value, got none")
    median, low, high = (quantile(values, share) for share in (0.5, 0.25, 0.75))
    return Spread(median, min(values), low, high, len(values))


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of positive values; raises ValueError for none, or for others."""
    if not values or min(values) <= 0:
        raise ValueError(f"geometric_mean: expected positive values, got {list(values)!r:.80}")
    return math.exp(sum(map(math.log, values)) / len(values))
