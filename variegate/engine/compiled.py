"""What the compiled part computes beside pixels: random numbers, runs of matrices and the order of
entries (a variegate.plan.kernels.Kernels), boxes and points, cuts and assignments, floats that are
not images yet, and the content of files.

Each has its meaning in NumPy, which serves where the compiled part is missing or not asked for.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.choose import COMPILED
from variegate.engine.puzzle import Solvers
from variegate.plan.kernels import Part
from variegate.plan.program import Stage
from variegate.plan.tables import identities

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
StageArrays = tuple[Any, Any, Any, Any, Any]
# What is known of each run that ends: the columns of its warp.
WARP_ROWS: tuple[tuple[str, tuple[int, ...], type], ...] = (
    ("rows", (), np.int64),
    ("turn", (), np.int64),
    ("warp_matrix", (9,), np.float64),
    ("warp_forward", (9,), np.float64),
    ("warp_size", (2,), np.int32),
    ("warp_field_size", (2,), np.int32),
    ("warp_mode", (4,), np.int32),
    ("warp_fill", (16,), np.float32),
)


@lru_cache(maxsize=1)
def _native() -> Any:
    """The compiled part, loaded at its first use; None where it lacks these functions."""
    try:
        found = import_module(COMPILED)
    except ImportError:
        return None
    return found if hasattr(found, "round_levels") else None


def available() -> bool:
    """Whether the compiled part is there; without it, none of the rest may be called."""
    return _native() is not None


def uniforms(keys: Keys, index: Keys) -> Floats:
    """(n, slots) numbers in [0, 1) with 53 random bits; see variegate.plan.counter."""
    result = np.empty((len(index), len(keys)))
    _native().uniforms(keys, np.ascontiguousarray(index), result)
    return result


def inverse(matrix: Floats) -> Floats:
    """Inverses (k, 3, 3), by cofactors; see variegate.plan.geometry."""
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    result = np.empty(matrix.shape)
    _native().invert(matrix, result)
    return result


def compose(
    moves: tuple[Any, ...], ends: tuple[Ints, Ints], state: Any, manners: Any
) -> dict[str, Any]:
    """The columns of a warp for each run that ends; see variegate.plan.kernels."""
    moves = tuple(map(np.ascontiguousarray, moves))
    room = len(moves[0]) + int(np.count_nonzero(state[0]))
    out: dict[str, Any] = {
        name: np.empty((room, *shape), dtype=dtype) for name, shape, dtype in WARP_ROWS
    }
    count = _native().compose(moves, ends, state, manners, tuple(out.values()))
    columns = {name: column[:count] for name, column in out.items()}
    return columns | dict.fromkeys(("warp_before", "warp_after"), identities(count))


def order(parts: list[Part], count: int) -> tuple[Any, Any, Any]:
    """start (count + 1,), verb (m,) and row (m,); see variegate.plan.tables."""
    entries = sum(len(part[1]) for part in parts)
    start = np.empty(count + 1, dtype=np.int64)
    verb, row = np.empty(entries, dtype=np.int32), np.empty(entries, dtype=np.int64)
    _native().order_entries(parts, start, verb, row)
    return start, verb, row


def settled(levels: Any, rounds: bool, out: Any) -> None:
    """Writes levels (k, 256), float32 or float64, as bytes into `out`; see variegate.plan.lower."""
    if levels.shape != out.shape:
        levels = np.broadcast_to(levels, out.shape)
    _native().settle(np.ascontiguousarray(levels), rounds, out)


def scaled(factor: Any, rounds: bool, out: Any) -> None:
    """Writes levels 0 to 255 times each factor (k,), float32, as bytes into `out` (k, 256)."""
    _native().scale_levels(factor, rounds, out)


def move_boxes(
    stages: list[Stage], first: Ints, boxes: Floats, threads: int = 1
) -> tuple[Floats, Floats, Floats]:
    """The boxes (m, 4) around what the frames leave of boxes, the area of that (m,), and the area
    with nothing cut off (m,); see variegate.targets.outlines.
    """
    count = len(boxes)
    bounding, seen, whole = np.empty((count, 4)), np.empty(count), np.empty(count)
    _native().move_boxes(_arrays(stages), first, boxes, bounding, seen, whole, threads)
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


def solvers() -> Solvers:
    """The equals of variegate.engine.flow's; they let go of the interpreter lock."""
    return Solvers(_min_cut, _assign)


def _min_cut(linear: Ints, arcs: Ints, costs: Ints) -> npt.NDArray[np.bool_]:
    chosen = np.empty(len(linear), dtype=np.bool_)
    _native().min_cut(*(np.ascontiguousarray(a) for a in (linear, arcs, costs)), chosen)
    return chosen


def _assign(cost: Ints) -> Ints:
    row_of = np.empty(len(cost), dtype=np.int64)
    _native().assign(np.ascontiguousarray(cost), row_of)
    return row_of


def read_files(paths: list[bytes], most: int) -> list[bytes | None]:
    """The content of each regular file of at most `most` bytes that can be read, None for others.
    Lets go of the interpreter lock once, while a file object does so several times for each file.
    """
    found: list[bytes | None] = _native().read_files(paths, most)
    return found


def round_levels(values: Any, out: Any, threads: int) -> bool:
    """Writes floats on 0..255 as the nearest bytes, halves up; False where one is not within half a
    level of that. Both arrays in row order without gaps.
    """
    return bool(_native().round_levels(values, out, threads))


def extent(values: Any, threads: int) -> tuple[float, float]:
    """The least and the highest of float32 values in row order without gaps, at least one; not
    numbers where any of them is none.
    """
    low, high = _native().extent(values, threads)
    return float(low), float(high)


def stretch(images: Any, factor: float, offset: float, out: Any, threads: int) -> None:
    """Writes images (n, h, w, c), uint8 or float32, times a factor plus an offset as float32."""
    channels = images.shape[3]
    scale, shift = (np.full(channels, value, np.float32) for value in (factor, offset))
    _native().run_output(images, scale, shift, False, out, threads)


def _arrays(stages: list[Stage]) -> list[StageArrays]:
    return [
        (s.start, s.verb, s.row, s.tables.warp_forward, s.tables.warp_size)
        for s in stages
        if len(s.tables.warp_forward)
    ]
