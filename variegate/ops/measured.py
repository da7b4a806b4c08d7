"""Tables made from the image's own statistics."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Measure, MeasureMode, Tiles
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import whole
from variegate.ops.tone import PILLOW, factor


@declare(Kind.MEASURED, source=PILLOW)
def autocontrast(count: int) -> Measure:
    """Stretch each channel so that its darkest level becomes 0 and its brightest 255."""
    return Measure(MeasureMode.STRETCH, np.zeros(count))


@declare(Kind.MEASURED, source=PILLOW)
def equalize(count: int) -> Measure:
    """Give each channel an even histogram."""
    return Measure(MeasureMode.EQUALIZE, np.zeros(count))


@declare(Kind.MEASURED, source=PILLOW, params=(factor(),))
def contrast(factor: Floats) -> Measure:
    """Scale the distance from the mean gray: 0 is flat gray, 1 unchanged."""
    return Measure(MeasureMode.ABOUT_MEAN, factor)


def _grid(value: object) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError
    return whole(value[0], 1, 64), whole(value[1], 1, 64)


@declare(
    Kind.MEASURED,
    source="Zuiderveld 1994, as in OpenCV's createCLAHE; defaults of Albumentations",
    params=(Param("clip_limit", 1, 100, "times the mean", weak=1, strong=4, default=(1.0, 4.0)),),
    settings=(
        Setting("tile_grid_size", _grid, "a pair (rows, columns) of whole numbers 1..64", (8, 8)),
    ),
    example={"tile_grid_size": (1, 1)},
)
def clahe(clip_limit: Floats, tile_grid_size: tuple[int, int]) -> Tiles:
    """Even out the histogram of each tile, with a limit to how much contrast may grow.

    Of a color image the luma alone changes (BT.601: Y of Y'CbCr); the colors keep their distance
    from it.
    """
    grid = np.broadcast_to(np.array(tile_grid_size), (len(clip_limit), 2))
    return Tiles(grid, clip_limit)


ALPHA = Param(
    "alpha",
    0,
    10,
    "standard deviation of the amounts",
    identity=0,
    weak=0,
    strong=1,
    default=(0.1, 0.1),
)


@declare(
    Kind.MEASURED,
    source="Krizhevsky et al. 2012, with the axes of the image itself",
    params=(ALPHA,),
    draws=(Draw("radius", 3), Draw("turn", 3)),
    channels=(1, 3, 4),
)
def fancy_pca(alpha: Floats, radius: Floats, turn: Floats) -> Measure:
    """Move all colors along the three axes in which they vary, by a normal amount times the
    variance along each, values on 0..1. Three strong amounts are a change of light.
    """
    normal = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * turn)
    return Measure(MeasureMode.AXES, alpha[:, None] * normal)
