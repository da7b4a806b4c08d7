"""How much of each image a program looks at, so that no more of its file is decoded.

Where a sample's first entry is a WARP whose rows and columns stay rows and columns and which stays
inside the frame, it never looks below its lowest tap; and if it shrinks, a smaller image will do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from variegate.data.jpeg_fast import FACTORS
from variegate.plan.program import Resample, Stage, Verb

__all__ = ["Needs", "needs", "part_of", "read_smaller"]

Ints = npt.NDArray[np.int64]

# An image is decoded smaller only if it is still this many times too large after that: 1 takes
# other pixels than the filter would (1 to 2 levels off in the mean on photographs), 1.5 hardly.
SPARE = 1.5
_REACH = np.ones(len(Resample))  # of a filter to either side, in pixels
_REACH[Resample.BICUBIC] = 2


@dataclass(frozen=True)
class Needs:
    """For each sample: rows (n,) from the top that the program sees; factor (n,) to shrink by; warp
    (n,) its row of the warp tables, meaningful where factor > 1.
    """

    rows: Ints
    factor: Ints
    warp: Ints


def needs(stage: Stage, scaled: bool) -> Needs:
    """What the samples of a program's first stage need. scaled: whether factor may exceed 1."""
    sizes = np.asarray(stage.sizes_in, dtype=np.int64)
    rows, factor = sizes[:, 0].copy(), np.ones(len(sizes), dtype=np.int64)
    start = np.asarray(stage.start, dtype=np.int64)
    warp = np.zeros(len(sizes), dtype=np.int64)
    moved = np.flatnonzero(start[1:] > start[:-1])
    moved = moved[np.asarray(stage.verb)[start[moved]] == Verb.WARP]
    if len(moved) == 0:
        return Needs(rows, factor, warp)
    warp[moved] = np.asarray(stage.row)[start[moved]]
    tables, entry = stage.tables, warp[moved]
    matrix = np.asarray(tables.warp_matrix, dtype=np.float64)[entry]
    mode = np.asarray(tables.warp_mode, dtype=np.int32)[entry]
    size = np.asarray(tables.warp_size, dtype=np.int32)[entry]
    straight = _is_straight(matrix) & (mode[:, 3] < 0)
    low, high = _span(matrix, size)
    scale = np.abs(matrix[:, [0, 3]]) + np.abs(matrix[:, [1, 4]])  # one of each pair is 0
    inside = np.all((low >= 0) & (high <= sizes[moved][:, ::-1]), axis=1)
    straight &= inside
    reach = _REACH[mode[:, 0]]
    lowest = np.ceil(high[:, 1] + reach * np.maximum(scale[:, 1], 1)) + 1
    rows[moved] = np.where(straight, np.minimum(lowest, rows[moved]), rows[moved])
    if scaled:
        filtered = straight & (mode[:, 2] != 0) & (mode[:, 0] != Resample.NEAREST)
        least = np.where(filtered, scale.min(axis=1), 0.0)
        for step in sorted(FACTORS):
            factor[moved[least >= step * SPARE]] = step
    return Needs(rows, factor, warp)


def _is_straight(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which matrices (k, 9) keep rows and columns rows and columns, perhaps swapped."""
    affine = (matrix[:, 6] == 0) & (matrix[:, 7] == 0) & (matrix[:, 8] == 1)
    kept = (matrix[:, 1] == 0) & (matrix[:, 3] == 0)
    swapped = (matrix[:, 0] == 0) & (matrix[:, 4] == 0)
    return np.asarray(affine & (kept | swapped))


def _span(
    matrix: npt.NDArray[np.float64], size: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The least and the greatest source (x, y) of the output's corners, each (k, 2)."""
    corner, across = matrix[:, [2, 5]], matrix[:, [0, 3]] * size[:, 1:]
    down = matrix[:, [1, 4]] * size[:, :1]
    low = corner + np.minimum(across, 0) + np.minimum(down, 0)
    return low, corner + np.maximum(across, 0) + np.maximum(down, 0)


def part_of(stage: Stage, first: int, last: int) -> Stage:
    """The stage for the samples first to last - 1: the same tables, fewer starts."""
    return replace(
        stage,
        start=np.ascontiguousarray(stage.start[first : last + 1]),
        sizes_in=stage.sizes_in[first:last],
        sizes_out=stage.sizes_out[first:last],
    )


def read_smaller(stage: Stage, factors: Ints, warp: Ints) -> Stage:
    """The stage for images that came shrunk by factors (n,); warp (n,): the tables' rows."""
    if np.all(factors == 1):
        return stage
    matrix = np.array(stage.tables.warp_matrix, dtype=np.float64)
    shrunk = np.flatnonzero(factors > 1)
    matrix[warp[shrunk], :6] /= factors[shrunk, None]
    return replace(stage, tables=replace(stage.tables, warp_matrix=matrix))
