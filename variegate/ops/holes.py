"""Holes: several rectangles are hidden at once. Masks, boxes and points stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.ops.entries import FillMode, Floats, Ints, Rectangles
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.regions import GUARD, MOST_HIDDEN, clip_rects
from variegate.ops.settings import FILL, MAX_SIDE, choice, flag, pair, whole

MODE = choice("mode", ("level", "noise"), "level")
MOST_HOLES, STRONG_HOLES = 64, 16


def _holes(arguments: Mapping[str, Any]) -> int:
    return max(1, int(arguments.get("count", (0, MOST_HOLES))[1]))


def _share(name: str) -> Setting:
    legal = f"a pair (low, high) of shares of the {name} in 0..1"
    return Setting(name, pair(0, 1), legal, (0.1, 0.2))


@declare(
    Kind.REGION,
    source="DeVries and Taylor 2017 with several rectangles, as Albumentations' CoarseDropout",
    params=(
        Param(
            "count",
            0,
            MOST_HOLES,
            "holes",
            identity=0,
            weak=0,
            strong=STRONG_HOLES,
            default=(1.0, 2.0),
            whole=True,
        ),
    ),
    settings=(_share("height"), _share("width"), MODE, FILL, GUARD),
    draws=(Draw("tall", _holes), Draw("wide", _holes), Draw("top", _holes), Draw("left", _holes)),
)
def coarse_dropout(
    sizes: Ints,
    count: Floats,
    height: tuple[float, float],
    width: tuple[float, float],
    mode: str,
    fill: float,
    guard: bool,
    tall: Floats,
    wide: Floats,
    top: Floats,
    left: Floats,
) -> Rectangles:
    """Hide rectangles, each with its own size and place, all of them inside the image."""
    tall, wide, top, left = (v.reshape(len(sizes), -1) for v in (tall, wide, top, left))
    rows, columns = sizes[:, :1], sizes[:, 1:]
    high = np.floor(rows * (height[0] + tall * (height[1] - height[0])))
    long = np.floor(columns * (width[0] + wide * (width[1] - width[0])))
    used = np.arange(tall.shape[1]) < count[:, None]
    if guard:
        # Overlaps are counted twice, so the visible part is never too small.
        hidden = np.cumsum(np.where(used, high * long, 0), axis=1)
        used &= hidden <= MOST_HIDDEN * rows * columns
    y, x = np.floor(top * (rows - high + 1)), np.floor(left * (columns - long + 1))
    rects = np.stack([y, x, y + high, x + long], axis=-1)
    chosen = np.where(used[..., None], rects, 0)
    return Rectangles(clip_rects(chosen, sizes), fill, FillMode[mode.upper()])


def _cells(arguments: Mapping[str, Any]) -> int:
    return int(arguments["cells"][1]) ** 2


@declare(
    Kind.REGION,
    source="Chen et al. 2020, GridMask, with whole cells, as Albumentations' GridDropout",
    params=(
        Param(
            "ratio",
            0,
            1,
            "hidden side / side of a cell",
            identity=0,
            weak=0,
            strong=0.7,
            default=(0.5, 0.5),
        ),
        Param("cells", 1, 32, "cells a side", default=(10.0, 10.0), whole=True),
    ),
    settings=(flag("random_offset", True), MODE, FILL, GUARD),
    draws=(Draw("top", _cells), Draw("left", _cells)),
)
def grid_dropout(
    sizes: Ints,
    ratio: Floats,
    cells: Floats,
    random_offset: bool,
    mode: str,
    fill: float,
    guard: bool,
    top: Floats,
    left: Floats,
) -> Rectangles:
    """Cut the image into cells and hide a part of each: its corner, or a random place in it."""
    top, left = top.reshape(len(sizes), -1), left.reshape(len(sizes), -1)
    if guard:
        ratio = np.minimum(ratio, np.sqrt(MOST_HIDDEN))
    number = np.arange(top.shape[1])[None]
    side = cells[:, None]
    row, column = number // side, number % side
    used = (number < side**2)[..., None]
    start = np.stack([row, column], axis=-1)
    frame = sizes[:, None, :]
    first = np.rint(start * frame / side[..., None])
    last = np.rint((start + 1) * frame / side[..., None])
    hole = np.floor((last - first) * ratio[:, None, None])
    place = np.stack([top, left], axis=-1) if random_offset else np.zeros_like(first)
    corner = first + np.floor(place * (last - first - hole + 1))
    rects = np.where(used, np.concatenate([corner, corner + hole], axis=-1), 0)
    return Rectangles(clip_rects(rects, sizes), fill, FillMode[mode.upper()])


def _stripes(name: str) -> Param:
    return Param(name, 0, 64, "stripes", default=(1.0, 1.0), whole=True)


def _columns(arguments: Mapping[str, Any]) -> int:
    return max(1, int(arguments["count_x"][1]))


def _rows(arguments: Mapping[str, Any]) -> int:
    return max(1, int(arguments["count_y"][1]))


def _pixels(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError
    low, high = whole(value[0], 0, MAX_SIDE), whole(value[1], 0, MAX_SIDE)
    if low > high:
        raise ValueError
    return low, high


def _length(name: str) -> Setting:
    return Setting(name, _pixels, "a pair (low, high) of whole pixels, or None for `size`")


@declare(
    Kind.REGION,
    source="Park et al. 2019, SpecAugment's masks along both axes, as Albumentations' XYMasking",
    params=(
        Param(
            "size", 0, 1, "share of the side", identity=0, weak=0, strong=0.25, default=(0.05, 0.15)
        ),
        _stripes("count_x"),
        _stripes("count_y"),
    ),
    settings=(MODE, FILL, GUARD, _length("length_x"), _length("length_y")),
    draws=(
        Draw("left", _columns),
        Draw("top", _rows),
        Draw("wide", _columns),
        Draw("tall", _rows),
    ),
)
def xy_masking(
    sizes: Ints,
    size: Floats,
    count_x: Floats,
    count_y: Floats,
    mode: str,
    fill: float,
    guard: bool,
    length_x: tuple[int, int] | None,
    length_y: tuple[int, int] | None,
    left: Floats,
    top: Floats,
    wide: Floats,
    tall: Floats,
) -> Rectangles:
    """Hide upright stripes (count_x) and level ones (count_y) that reach from edge to edge.

    length_x, length_y: how thick each stripe is, in pixels, instead of `size`.
    """
    left, top, wide, tall = (v.reshape(len(sizes), -1) for v in (left, top, wide, tall))
    high, long = sizes[:, :1].astype(np.float64), sizes[:, 1:].astype(np.float64)
    across = _thickness(long, size, length_x, wide)
    down = _thickness(high, size, length_y, tall)
    if guard:
        most = (MOST_HIDDEN / np.maximum(count_x + count_y, 1))[:, None]
        across, down = np.minimum(across, most * long), np.minimum(down, most * high)
    across, down = np.floor(across), np.floor(down)
    x, y = np.floor(left * (long - across + 1)), np.floor(top * (high - down + 1))
    none_x, none_y = np.zeros_like(x), np.zeros_like(y)
    upright = np.stack([none_x, x, none_x + high, x + across], axis=-1)
    level = np.stack([y, none_y, y + down, none_y + long], axis=-1)
    upright[np.arange(x.shape[1]) >= count_x[:, None]] = 0
    level[np.arange(y.shape[1]) >= count_y[:, None]] = 0
    rects = np.concatenate([upright, level], axis=1)
    return Rectangles(clip_rects(rects, sizes), fill, FillMode[mode.upper()])


def _thickness(
    side: Floats, size: Floats, length: tuple[int, int] | None, uniform: Floats
) -> Floats:
    """How thick each stripe is (k, m), at most as the side (k, 1): its share, or whole pixels."""
    if length is None:
        return np.broadcast_to(size[:, None] * side, uniform.shape)
    low, high = length
    return np.asarray(np.minimum(low + np.floor(uniform * (high - low + 1)), side))
