"""Settings that several ops share, each with the check that makes it legal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from variegate.ops.op import REAL, Setting

RESAMPLES = ("nearest", "bilinear", "bicubic")
BORDERS = ("constant", "reflect", "edge", "wrap")
MAX_SIDE = 1 << 15


def whole(value: object, low: int, high: int) -> int:
    """An integer within low..high; raises ValueError otherwise (a bool is not a number here)."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, np.integer))
        or not low <= int(value) <= high
    ):
        raise ValueError
    return int(value)


def number(value: object, low: float, high: float) -> float:
    """A finite number within low..high; raises ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, REAL):
        raise ValueError
    result = float(value)
    if not (math.isfinite(result) and low <= result <= high):
        raise ValueError
    return result


def _size(value: object) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError
    return whole(value[0], 1, MAX_SIDE), whole(value[1], 1, MAX_SIDE)


def _fill(value: object) -> float | tuple[float, ...]:
    if isinstance(value, (tuple, list)):
        if not 1 <= len(value) <= 16:
            raise ValueError
        return tuple(number(v, 0, 255) for v in value)
    return number(value, 0, 255)


def pair(low: float, high: float) -> Callable[[object], tuple[float, float]]:
    """A check for an ordered pair of numbers within low..high."""

    def check(value: object) -> tuple[float, float]:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError
        first, second = number(value[0], low, high), number(value[1], low, high)
        if first > second:
            raise ValueError
        return first, second

    return check


def choice(name: str, legal: tuple[Any, ...], default: Any) -> Setting:
    """One of a few values."""

    def check(value: object) -> Any:
        if isinstance(value, bool) or value not in legal:
            raise ValueError
        return value

    return Setting(name, check, "one of " + ", ".join(map(str, legal)), default)


def flag(name: str, default: bool) -> Setting:
    """True or False."""

    def check(value: object) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError
        return bool(value)

    return Setting(name, check, "True or False", default)


SIZE = Setting(
    "size", _size, f"a pair (height, width) of whole numbers 1..{MAX_SIDE}", required=True
)
FILL = Setting("fill", _fill, "a level 0..255, or one for each channel", 0.0)
RESAMPLE = choice("resample", RESAMPLES, "bilinear")
BORDER = choice("border", BORDERS, "constant")
ANTIALIAS = flag("antialias", True)
SAMPLING = (RESAMPLE, BORDER, FILL, ANTIALIAS)
