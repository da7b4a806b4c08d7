"""What the compiled part computes beside pixels: random numbers, boxes and points.

Each has its meaning in NumPy, which serves where the compiled part is missing or not asked for.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.choose import COMPILED
from variegate.plan.program import Stage

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
StageArrays = tuple[Any, Any, Any, Any, Any]


@lru_cache(maxsize=1)
def _native() -> Any:
    """The compiled part, loaded at its first use; None where it lacks these functions."""
    try:
        found = import_module(COMPILED)
    except ImportError:
        return None
    return found if hasattr(found, "move_boxes") else None


def available() -> bool:
    """Whether the compiled part is there; without it, none of the rest may be called."""
    return _native() is not None


def uniforms(keys: Keys, index: Keys) -> Floats:
    """(n, slots) numbers in [0, 1) with 53 random bits; see variegate.plan.counter."""
    result = np.empty((len(index), len(keys)))
    _native().uniforms(keys, np.ascontiguousarray(index), result)
    return result


def move_boxes(stages: list[Stage], first: Ints, boxes: Floats) -> tuple[Floats, Floats, Floats]:
    """The boxes (m, 4) around what the frames leave of boxes, the area of that (m,), and the area
    with nothing cut off (m,); see variegate.targets.outlines.
    """
    count = len(boxes)
    bounding, seen, whole = np.empty((count, 4)), np.empty(count), np.empty(count)
    _native().move_boxes(_arrays(stages), first, boxes, bounding, seen, whole)
    return bounding, seen, whole


def move_points(
    stages: list[Stage], first: Ints, sizes: Ints, points: Floats
) -> npt.NDArray[np.bool_]:
    """Moves points (m, 2) in place; tells which were inside every frame (m,); see
    variegate.targets.keypoints.
    """
    inside = np.empty(len(points), dtype=np.bool_)
    _native().move_points(_arrays(stages), first, np.ascontiguousarray(sizes), points, inside)
    return inside


def _arrays(stages: list[Stage]) -> list[StageArrays]:
    return [
        (s.start, s.verb, s.row, s.tables.warp_forward, s.tables.warp_size)
        for s in stages
        if len(s.tables.warp_forward)
    ]
