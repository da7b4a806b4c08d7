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
from variegate.plan.program import Program, Stage

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


def move_boxes(
    program: Program, first: Ints, boxes: Floats, min_area: float, min_visibility: float
) -> tuple[Floats, Ints, Ints]:
    """The boxes that stay (k, 4), each one's place in its sample (k,), and how many stay of each
    sample (n,); see variegate.targets.boxes.
    """
    corners, kept = np.empty((len(boxes), 4)), np.empty(len(boxes), dtype=np.int64)
    counts = np.empty(len(first) - 1, dtype=np.int64)
    stages = _stages(program)
    _native().move_boxes(stages, first, boxes, min_area, min_visibility, corners, kept, counts)
    total = int(counts.sum())
    return corners[:total], kept[:total], counts


def move_points(
    program: Program, first: Ints, sizes: Ints, points: Floats
) -> npt.NDArray[np.bool_]:
    """Moves points (m, 2) in place; tells which were inside every frame (m,); see
    variegate.targets.keypoints.
    """
    inside = np.empty(len(points), dtype=np.bool_)
    _native().move_points(_stages(program), first, np.ascontiguousarray(sizes), points, inside)
    return inside


def _stages(program: Program) -> list[StageArrays]:
    return [
        (s.start, s.verb, s.row, s.tables.warp_forward, s.tables.warp_size)
        for s in program.stages
        if isinstance(s, Stage) and len(s.tables.warp_forward)
    ]
