"""Mixing: two images of a batch become one. Labels become the shares of the pixels that are really
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.layers import Layers
from variegate.ops.op import Draw, Kind, Mixing, Param, Setting, declare
from variegate.ops.regions import clip_rects
from variegate.ops.settings import ANTIALIAS, RESAMPLE, number

ALPHA = Setting("alpha", lambda value: number(value, 0.01, 100), "a number 0.01..100", 1.0)
FIRST = 0  # of an image's partners


def one_layer(place: Ints, weight: Floats | None = None, **more: Any) -> Layers:
    """One layer (k, 4) of the first partner over each image."""
    partner = np.full((len(place), 1), FIRST, dtype=np.int64)
    return Layers(partner, place[:, None], None if weight is None else weight[:, None], **more)


def whole_frame(sizes: Ints) -> Ints:
    """(k, 4) rectangles y1 x1 y2 x2 as large as the images."""
    frame = np.zeros((len(sizes), 4), dtype=np.int64)
    frame[:, 2:] = sizes
    return frame


@declare(
    Kind.MIX,
    source="Zhang et al. 2018, mixup",
    settings=(ALPHA,),
    draws=(Draw("weight"),),
    mixing=Mixing(blends=True),
)
def mixup(sizes: Ints, alpha: float, weight: Floats) -> Layers:
    """Blend with a partner: weight * own + (1 - weight) * partner, weight from Beta(alpha,
    alpha).
    """
    return one_layer(whole_frame(sizes), 1 - beta_quantile(weight, alpha))


def cut_sides(sizes: Ints, alpha: float, weight: Floats) -> Floats:
    """(k, 2) height and width of rectangles with an area share of 1 - Beta(alpha, alpha)."""
    return np.floor(np.sqrt(1 - beta_quantile(weight, alpha))[:, None] * sizes)


def around(center: Floats, sides: Floats, sizes: Ints) -> Ints:
    """Rectangles (k, 4) of `sides` about pixels `center` (k, 2), cut off at the frame."""
    corner = np.floor(center) - np.floor(sides / 2)
    return clip_rects(np.concatenate([corner, corner + sides], axis=1)[:, None], sizes)[:, 0]


@declare(
    Kind.MIX,
    source="Yun et al. 2019, CutMix; the weight is counted after cutting off at the border",
    settings=(ALPHA,),
    draws=(Draw("weight"), Draw("x"), Draw("y")),
)
def cutmix(sizes: Ints, alpha: float, weight: Floats, x: Floats, y: Floats) -> Layers:
    """Paste a rectangle of a partner; its area share before cutting off is 1 - Beta(alpha,
    alpha).
    """
    center = np.stack([y, x], axis=1) * sizes
    return one_layer(around(center, cut_sides(sizes, alpha, weight), sizes))


@declare(
    Kind.MIX,
    source="Qin et al. 2020, ResizeMix: the whole partner, 0.1 to 0.8 as large",
    params=(Param("scale", 0.01, 1, "share of the sides", default=(0.1, 0.8)),),
    settings=(RESAMPLE, ANTIALIAS),
    draws=(Draw("x"), Draw("y")),
    mixing=Mixing(any_size=True),
)
def resize_mix(
    sizes: Ints,
    partner_sizes: Ints,
    scale: Floats,
    resample: str,
    antialias: bool,
    x: Floats,
    y: Floats,
) -> Layers:
    """Paste the whole partner, made smaller, at a random place inside the image."""
    small = np.maximum(np.floor(scale[:, None] * sizes + 0.5), 1).astype(np.int64)
    corner = np.floor(np.stack([y, x], axis=1) * (sizes - small + 1)).astype(np.int64)
    place = np.concatenate([corner, corner + small], axis=1)
    return one_layer(place, tiles=stretched(partner_sizes[:, 0], small))


def stretched(sizes: Ints, wanted: Ints) -> Geometry:
    """Images of sizes (k, 2) made as large as wanted (k, 2)."""
    matrix = np.zeros((len(sizes), 3, 3))
    matrix[:, 0, 0] = wanted[:, 1] / sizes[:, 1]
    matrix[:, 1, 1] = wanted[:, 0] / sizes[:, 0]
    matrix[:, 2, 2] = 1
    return Geometry(matrix, wanted)


def _cells(arguments: Mapping[str, Any]) -> int:
    return int(arguments["cells"][1]) ** 2


@declare(
    Kind.MIX,
    source="Baek et al. 2021, GridMix: cells of a regular grid, each from one of two images",
    params=(Param("cells", 1, 16, "cells a side", default=(4.0, 4.0), whole=True),),
    settings=(ALPHA,),
    draws=(Draw("weight"), Draw("cell", _cells)),
)
def grid_mix(sizes: Ints, cells: Floats, alpha: float, weight: Floats, cell: Floats) -> Layers:
    """Cut both images into the same cells and take each cell from one of them; the chance of a cell
    to stay is from Beta(alpha, alpha).
    """
    cell = cell.reshape(len(sizes), -1)
    number = np.arange(cell.shape[1])[None]
    side = cells[:, None]
    start = np.stack([number // side, number % side], axis=-1)
    taken = (number < side**2) & (cell >= beta_quantile(weight, alpha)[:, None])
    frame = sizes[:, None, :]
    first = np.rint(start * frame / side[..., None])
    last = np.rint((start + 1) * frame / side[..., None])
    place = np.where(taken[..., None], np.concatenate([first, last], axis=-1), 0)
    return Layers(np.full(cell.shape, FIRST), place.astype(np.int64))


def beta_quantile(uniform: Floats, alpha: float) -> Floats:
    """The symmetric Beta(alpha, alpha) at these quantiles in [0, 1); within 1e-4 of the exact
    value.
    """
    if alpha == 1.0:
        return uniform
    share, value = _lower_half(alpha)
    below = np.minimum(uniform, 1 - uniform)
    half = np.interp(below, share, value)
    return np.where(uniform < 0.5, half, 1 - half)


@lru_cache(maxsize=32)
def _lower_half(alpha: float) -> tuple[Floats, Floats]:
    """Quantiles 0..1/2 and their values. Below 1 by integrating in v = x**alpha, where the density
    has no pole; above 1 in x itself, since equal steps of v would be wide ones of x near 0.
    """
    if alpha < 1:
        v = np.linspace(0, 0.5**alpha, 20001)
        x = v ** (1 / alpha)
        density = (1 - x) ** (alpha - 1)
    else:
        x = np.linspace(0, 0.5, 20001)
        density = (4 * x * (1 - x)) ** (alpha - 1)
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return area / (2 * area[-1]), x
