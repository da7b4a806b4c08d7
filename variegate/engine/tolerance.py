"""How far an engine may be from the reference: the one table that all engine tests read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import NoiseMode
from variegate.plan.program import Resample, Stage, Tables, Verb

TINY = 40  # values


@dataclass(frozen=True)
class Tolerance:
    """equal, near: least shares of uint8 values that are equal, and within one level.

    most: levels that no uint8 value may be off by more. floats: the same for float32 on 0..1.
    """

    equal: float
    near: float
    most: int
    floats: float

    def broken(self, found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> str:
        """What is wrong with `found`, or "" where it is within the tolerance."""
        if found.shape != expected.shape or found.dtype != expected.dtype:
            return f"{found.dtype} {found.shape} for {expected.dtype} {expected.shape}"
        if not found.size:
            return ""
        off = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        if found.dtype != np.uint8:
            return "" if off.max() <= self.floats else f"off by {off.max():.3g}"
        equal, near = float(np.mean(off == 0)), float(np.mean(off <= 1))
        # A share says nothing of a few values: a tiny image is held to one level.
        tiny = self.equal < 1 and found.size < TINY
        fits = (tiny or equal >= self.equal) and near >= self.near
        if fits and off.max() <= self.most:
            return ""
        return f"{equal:.5f} equal, {near:.5f} within a level, off by up to {off.max():.0f}"


EXACT = Tolerance(equal=1.0, near=1.0, most=0, floats=0.0)
# The same arithmetic, but sums of floats in another order or in single precision.
CLOSE = Tolerance(equal=1.0, near=1.0, most=0, floats=2e-5)
# Another arithmetic before the one rounding: halves may fall to the other side.
ROUNDED = Tolerance(equal=0.95, near=1.0, most=1, floats=2e-5)
INTERPOLATED = Tolerance(equal=0.95, near=0.999, most=2, floats=2e-5)

TOLERANCES: Mapping[Verb, Tolerance] = MappingProxyType(
    {
        Verb.WARP: INTERPOLATED,
        Verb.LOOKUP: EXACT,
        Verb.CHANNELS: ROUNDED,
        Verb.TOWARD: CLOSE,
        Verb.LUMA: CLOSE,
        Verb.MEASURE: CLOSE,
        Verb.BLUR: ROUNDED,
        Verb.SMOOTH: EXACT,
        Verb.RECTANGLES: EXACT,
        Verb.GRID: EXACT,
        Verb.NOISE: EXACT,
        Verb.KERNEL: CLOSE,
        Verb.MEDIAN: EXACT,
        Verb.TILES: CLOSE,
        Verb.RESCALE: CLOSE,
        Verb.ZOOM: INTERPOLATED,
        Verb.SCATTER: EXACT,
        Verb.SHAPES: ROUNDED,
        Verb.LIGHTNESS: CLOSE,
        Verb.MATCH: CLOSE,
        Verb.SPECTRUM: ROUNDED,
        Verb.CELLS: EXACT,
        Verb.HSV: ROUNDED,
        Verb.PICK: EXACT,
        Verb.CODEC: EXACT,
    }
)
MIX = ROUNDED
OUTPUT = EXACT
MASKS = EXACT


def of_warp(tables: Tables, row: int) -> Tolerance:
    """Of one row of the warp tables: nearest is exact, and so is an antialiased resize in uint8."""
    resample, _, antialias, field = (int(value) for value in tables.warp_mode[row])
    if resample == Resample.NEAREST:
        return EXACT
    matrix = np.asarray(tables.warp_matrix[row]).reshape(3, 3)
    straight = field < 0 and bool(np.all(matrix[2] == (0, 0, 1)))
    upright = matrix[0, 1] == matrix[1, 0] == 0 or matrix[0, 0] == matrix[1, 1] == 0
    whole = bool(np.all(matrix == np.floor(matrix)) and np.all(np.abs(matrix[:2, :2]) <= 1))
    return CLOSE if straight and upright and (antialias or whole) else INTERPOLATED


def of_entry(stage: Stage, entry: int) -> Tolerance:
    """Of one entry of a stage."""
    verb = Verb(int(stage.verb[entry]))
    row = int(stage.row[entry])
    if verb == Verb.WARP:
        return of_warp(stage.tables, row)
    if verb == Verb.NOISE and stage.tables.noise[row, 0] == NoiseMode.ISO:
        return ROUNDED
    return TOLERANCES[verb]
