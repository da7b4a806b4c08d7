"""How a run of geometry resamples and what lies outside of it: which ops agree on that."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from variegate.ops.entries import MAX_CHANNELS
from variegate.ops.settings import BORDERS, RESAMPLES
from variegate.plan.drawn import Group
from variegate.plan.program import Border, Resample
from variegate.plan.tables import fill_row

# Resample, border, antialias, fill (levels for each channel); None: no op has said it yet.
Manner: TypeAlias = tuple[Any, Any, Any, Any]
CLASH = -1
OPEN: Manner = (None, None, None, None)
NO_FILL = (0.0,) * MAX_CHANNELS


class Manners:
    """Every manner in use has a number; 0 is that of an op that asks for nothing.

    together (m, m): the number of two manners in one run, or CLASH. modes (m, 4) int32 and fills
    (m, 16) float32: the columns of the warp's tables, with no field.
    """

    def __init__(self) -> None:
        self._numbers: dict[Manner, int] = {}
        self._take(OPEN)

    def number(self, group: Group, channels: int) -> int:
        """The number of a group's manner."""
        manner = _manner(group, channels)
        if manner not in self._numbers:
            self._take(manner)
        return self._numbers[manner]

    def _take(self, manner: Manner) -> None:
        """Numbers a manner and all that it gives together with the others."""
        new = [manner]
        while new:
            one = new.pop()
            if one in self._numbers:
                continue
            others = list(self._numbers)
            self._numbers[one] = len(self._numbers)
            new += [both for other in others if (both := _both(one, other)) is not None]
        self.together, self.modes, self.fills = _tables(tuple(self._numbers))


@lru_cache(maxsize=64)
def _tables(manners: tuple[Manner, ...]) -> tuple[Any, Any, Any]:
    numbers: dict[Manner | None, int] = {manner: place for place, manner in enumerate(manners)}
    numbers[None] = CLASH
    together = np.array([[numbers[_both(one, other)] for other in manners] for one in manners])
    fills = [NO_FILL if manner[3] is None else manner[3] for manner in manners]
    modes = [_mode(manner) for manner in manners]
    return together, np.array(modes, dtype=np.int32), np.array(fills, dtype=np.float32)


def _both(one: Manner, other: Manner) -> Manner | None:
    """What two manners are together; None where they do not agree."""
    pairs = list(zip(one, other, strict=True))
    if any(a is not None and b is not None and a != b for a, b in pairs):
        return None
    first, second, third, fourth = (b if a is None else a for a, b in pairs)
    return first, second, third, fourth


def _manner(group: Group, channels: int) -> Manner:
    settings: Mapping[str, Any] = group.settings
    fill = _levels(settings["fill"], channels, group.op.name) if "fill" in settings else None
    return settings.get("resample"), settings.get("border"), settings.get("antialias"), fill


@lru_cache(maxsize=64)
def _levels(fill: Any, channels: int, name: str) -> tuple[float, ...]:
    return tuple(fill_row(fill, channels, name).tolist())


def _mode(manner: Manner) -> tuple[int, int, int, int]:
    resample, border, antialias, _ = manner
    return (
        Resample.BILINEAR if resample is None else RESAMPLES.index(resample),
        Border.CONSTANT if border is None else BORDERS.index(border),
        1 if antialias is None else int(antialias),
        -1,
    )
