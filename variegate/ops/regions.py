"""Regions: parts of the image are hidden. Masks, boxes and points stay as they are.

A guard keeps the visible part at least as large as the hidden one; `guard=False` turns it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.ops.entries import FillMode, Floats, Grid, Ints, Rectangles
from variegate.ops.frames import ATTEMPTS, random_areas
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import FILL, choice, flag, pair, whole

GUARD = flag("guard", True)
MOST_HIDDEN = 0.5


def _holes(arguments: Mapping[str, Any]) -> int:
    return int(arguments["count"][1])


HOLE = Param(
    "size", 0, 1, "share of the shorter side", identity=0, weak=0, strong=0.6, default=(0.2, 0.4)
)
COUNT = Param("count", 1, 64, "squares", default=(1.0, 1.0), whole=True)


@declare(
    Kind.REGION,
    source="DeVries and Taylor 2017: centers anywhere, squares cut off at the border",
    params=(HOLE, COUNT),
    settings=(FILL, GUARD),
    draws=(Draw("x", _holes), Draw("y", _holes)),
)
def cutout(
    sizes: Ints, size: Floats, count: Floats, x: Floats, y: Floats, fill: float, guard: bool
) -> Rectangles:
    """Hide squares; their size matters more than their shape."""
    x, y = x.reshape(len(sizes), -1), y.reshape(len(sizes), -1)
    side = size * np.minimum(sizes[:, 0], sizes[:, 1])
    if guard:
        side = np.minimum(side, np.sqrt(MOST_HIDDEN * sizes[:, 0] * sizes[:, 1] / count))
    side = np.floor(side)[:, None]
    center_x, center_y = x * sizes[:, 1:], y * sizes[:, :1]
    left, top = np.floor(center_x - side / 2 + 0.5), np.floor(center_y - side / 2 + 0.5)
    rects = np.stack([top, left, top + side, left + side], axis=-1)
    used = np.arange(x.shape[1]) < count[:, None]
    return Rectangles(clip_rects(np.where(used[..., None], rects, 0), sizes), fill)


def clip_rects(rects: Floats, sizes: Ints) -> Ints:
    """Rectangles (k, m, 4) y1 x1 y2 x2 cut off at the frame, as whole numbers."""
    high = np.concatenate([sizes, sizes], axis=1)[:, None, :]
    cut: Ints = np.minimum(np.maximum(rects, 0), high).astype(np.int64)
    return cut


@declare(
    Kind.REGION,
    source="Zhong et al. 2020, Random Erasing; area and aspect drawn up to 10 times until they fit",
    settings=(
        Setting("scale", pair(0, 1), "a pair (low, high) of area shares in 0..1", (0.02, 0.33)),
        Setting("ratio", pair(1e-3, 1e3), "a pair (low, high) of width / height", (0.3, 3.3)),
        choice("mode", ("level", "noise"), "level"),
        FILL,
        GUARD,
    ),
    draws=(Draw("area", ATTEMPTS), Draw("aspect", ATTEMPTS), Draw("left"), Draw("top")),
)
def random_erasing(
    sizes: Ints,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    mode: str,
    fill: float,
    guard: bool,
    area: Floats,
    aspect: Floats,
    left: Floats,
    top: Floats,
) -> Rectangles:
    """Hide one rectangle with a random area and aspect, by one level or by random levels."""
    low, high = scale
    if guard:
        low, high = min(low, MOST_HIDDEN), min(high, MOST_HIDDEN)
    height, width = (
        np.nan_to_num(v) for v in random_areas(sizes, (low, high), ratio, area, aspect)
    )
    if guard:  # rounding up both sides of a small part can pass the half
        over = 2 * height * width > sizes[:, 0] * sizes[:, 1]
        height = np.where(over, np.maximum(height - 1, 0), height)
    y = np.floor(top * (sizes[:, 0] - height + 1))
    x = np.floor(left * (sizes[:, 1] - width + 1))
    rects = np.stack([y, x, y + height, x + width], axis=1)[:, None]
    return Rectangles(clip_rects(rects, sizes), fill, FillMode[mode.upper()])


GRID_RATIO = Param(
    "ratio", 0, 1, "hidden side / period", identity=0, weak=0, strong=0.7, default=(0.3, 0.6)
)
GRID_ANGLE = Param("angle", -360, 360, "degrees", default=(0.0, 90.0))
GRID_PERIOD = Param("period", 0.01, 2, "share of the shorter side", default=(0.3, 0.6))


@declare(
    Kind.REGION,
    source="Chen et al. 2020, GridMask",
    params=(GRID_RATIO, GRID_ANGLE, GRID_PERIOD),
    settings=(FILL, GUARD),
    draws=(Draw("u"), Draw("v")),
)
def grid_mask(
    sizes: Ints,
    ratio: Floats,
    angle: Floats,
    period: Floats,
    u: Floats,
    v: Floats,
    fill: float,
    guard: bool,
) -> Grid:
    """Hide the squares of a turned regular grid."""
    if guard:
        ratio = np.minimum(ratio, np.sqrt(MOST_HIDDEN))
    length = np.maximum(period * np.minimum(sizes[:, 0], sizes[:, 1]), 2.0)
    radians = np.deg2rad(angle)
    numbers = [length, ratio * length, u * length, v * length, np.cos(radians), np.sin(radians)]
    return Grid(np.stack(numbers, axis=1), fill)


def _cells(arguments: Mapping[str, Any]) -> int:
    return int(arguments["cells"]) ** 2


@declare(
    Kind.REGION,
    source="Singh and Lee 2017, Hide-and-Seek",
    params=(
        Param(
            "share",
            0,
            1,
            "chance of each cell",
            identity=0,
            weak=0,
            strong=0.5,
            default=(0.25, 0.5),
        ),
    ),
    settings=(
        Setting(
            "cells", lambda value: whole(value, 1, 32), "a whole number 1..32 (cells a side)", 4
        ),
        FILL,
        GUARD,
    ),
    draws=(Draw("hidden", _cells),),
)
def hide_and_seek(
    sizes: Ints, share: Floats, cells: int, fill: float, guard: bool, hidden: Floats
) -> Rectangles:
    """Cut the image into cells and hide each with the same chance."""
    hidden = hidden.reshape(len(sizes), -1)
    chosen = hidden < share[:, None]
    edge = np.arange(cells + 1) / cells
    rows = np.rint(edge[None] * sizes[:, :1])
    columns = np.rint(edge[None] * sizes[:, 1:])
    top, left = np.repeat(rows[:, :-1], cells, axis=1), np.tile(columns[:, :-1], (1, cells))
    bottom, right = np.repeat(rows[:, 1:], cells, axis=1), np.tile(columns[:, 1:], (1, cells))
    if guard:
        chosen &= _within_half(hidden, (bottom - top) * (right - left), chosen, sizes)
    rects = np.stack([top, left, bottom, right], axis=-1)
    return Rectangles(clip_rects(np.where(chosen[..., None], rects, 0), sizes), fill)


def _within_half(hidden: Floats, area: Floats, chosen: np.ndarray[Any, Any], sizes: Ints) -> Any:
    """Which cells may be hidden, smallest draw first, until half of the image's pixels are gone."""
    order = np.argsort(hidden, axis=1)
    taken = np.cumsum(np.take_along_axis(area * chosen, order, axis=1), axis=1)
    allowed = np.empty_like(chosen)
    half = (sizes[:, 0] * sizes[:, 1] * MOST_HIDDEN)[:, None]
    np.put_along_axis(allowed, order, taken <= half, axis=1)
    return allowed
