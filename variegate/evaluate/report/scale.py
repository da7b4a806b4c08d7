"""Axes: a linear scale with round ticks, shared by every chart of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """Maps values low..high onto start..end; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Give the position of `value`, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        share = min(max(share, 0.0), 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, count: int = 5) -> list[float]:
        """Give about `count` round values inside the scale."""
        rough = (self.high - self.low) / max(count, 1)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(k * step, 10) for k in range(first, last + 1)]


def around(values: Sequence[float], start: float, end: float, margin: float = 0.06) -> Scale:
    """Give a scale that holds all values with a margin; equal values get room as well."""
    low, high = min(values), max(values)
    room = max((high - low) * margin, 0.005)
    return Scale(low - room, high + room, start, end)


def about_zero(values: Sequence[float], must: Sequence[float], start: float, end: float) -> Scale:
    """Give a scale with zero in the middle, wide enough for `must` and nine tenths of `values`.

    Without that cut a class of two images would press all others into a line.
    """
    sizes = np.abs(np.asarray(values, dtype=np.float64))
    most = float(np.quantile(sizes, 0.9)) if sizes.size else 0.0
    limit = max([most, 0.01, *(abs(value) for value in must)]) * 1.05
    return Scale(-limit, limit, start, end)
