"""Canvas: geometry whose output size follows from the image's own, by scales, margins and limits.

Like the ops of geometry.py, each is one 3x3 matrix per image, from sizes (k, 2) as (height, width).
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.frames import place, stretch, tile_size
from variegate.ops.geometry import COMMON, identity_matrices, translation
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import (
    ANTIALIAS,
    FILL,
    MAX_SIDE,
    RESAMPLE,
    SAMPLING,
    SIZE,
    choice,
    flag,
    whole,
)

CENTER = "center"
POSITIONS = (CENTER, "top_left", "top_right", "bottom_left", "bottom_right")
POSITION = choice("position", POSITIONS, CENTER)


def offset(room: Ints, position: str) -> tuple[Floats, Floats]:
    """Left and top (k,) of an image in a canvas with `room` (k, 2) rows and columns to spare."""
    half = np.asarray(room // 2, dtype=np.float64)
    if position == CENTER:
        return half[:, 1], half[:, 0]
    down, across = position.split("_")
    return (
        np.where(across == "right", room[:, 1], 0.0),
        np.where(down == "bottom", room[:, 0], 0.0),
    )


def placed(sizes: Ints, inner: Ints, x: Floats, y: Floats, canvas: Ints) -> Geometry:
    """The whole images stretched to sizes `inner` (k, 2), at (x, y) of a canvas (k, 2)."""
    forward, backward = identity_matrices(len(sizes)), identity_matrices(len(sizes))
    for axis, start in enumerate((x, y)):
        own, new = sizes[:, 1 - axis], inner[:, 1 - axis]
        forward[:, axis, axis], backward[:, axis, axis] = new / own, own / new
        forward[:, axis, 2], backward[:, axis, 2] = start, -start * (own / new)
    return Geometry(forward, canvas, backward=backward)


def scaled(sizes: Ints, inner: Ints) -> Geometry:
    """The whole images stretched to sizes `inner` (k, 2)."""
    zero = np.zeros(len(sizes))
    return placed(sizes, inner, zero, zero, inner)


def times(sizes: Ints, factor: Floats) -> Ints:
    """Sizes times factors (k,), to the nearest whole pixel, at least 1."""
    return np.asarray(np.maximum(np.rint(sizes * factor[:, None]), 1), dtype=np.int64)


@declare(
    Kind.MATRIX,
    source="Redmon et al., darknet; centered as in YOLOv5 (its fill is 114)",
    settings=(SIZE, POSITION, RESAMPLE, FILL, ANTIALIAS),
    example={"size": (7, 5)},
)
def letterbox(sizes: Ints, size: tuple[int, int], position: str) -> Geometry:
    """Scale the image to fit into a size with its aspect kept, and fill what is left over."""
    canvas = tile_size(size, len(sizes))
    inner = np.minimum(times(sizes, np.min(canvas / sizes, axis=1)), canvas)
    return placed(sizes, inner, *offset(canvas - inner, position), canvas)


MAX_SIZE = Setting(
    "max_size",
    lambda value: whole(value, 1, MAX_SIDE),
    f"a whole number 1..{MAX_SIDE}",
    required=True,
)
LIMITED = (MAX_SIZE, RESAMPLE, ANTIALIAS)


@declare(Kind.MATRIX, source=COMMON, settings=LIMITED, example={"max_size": 12}, reframes=True)
def longest_max_size(sizes: Ints, max_size: int) -> Geometry:
    """Scale the image so that its longer side has `max_size` pixels; the aspect is kept."""
    return scaled(sizes, times(sizes, max_size / np.max(sizes, axis=1)))


@declare(Kind.MATRIX, source=COMMON, settings=LIMITED, example={"max_size": 6}, reframes=True)
def smallest_max_size(sizes: Ints, max_size: int) -> Geometry:
    """Scale the image so that its shorter side has `max_size` pixels; the aspect is kept."""
    return scaled(sizes, times(sizes, max_size / np.min(sizes, axis=1)))


def _factor(low: float, default: tuple[float, float]) -> Param:
    return Param("factor", low, 20, "times", identity=1, default=default)


@declare(
    Kind.MATRIX,
    source=COMMON,
    params=(_factor(0.05, (0.9, 1.1)),),
    settings=(RESAMPLE, ANTIALIAS),
    reframes=True,
)
def random_scale(sizes: Ints, factor: Floats) -> Geometry:
    """Resize the image by a factor; the canvas grows or shrinks with it."""
    return scaled(sizes, times(sizes, factor))


@declare(
    Kind.MATRIX,
    source="Ghiasi et al. 2021, large-scale jittering",
    params=(_factor(0.05, (0.1, 2.0)),),
    settings=(SIZE, RESAMPLE, ANTIALIAS),
    example={"size": (7, 5)},
)
def scale_jitter(sizes: Ints, size: tuple[int, int], factor: Floats) -> Geometry:
    """Resize the image to `factor` times what just fits into a size; the aspect is kept and nothing
    is cut off.
    """
    fit = np.min(tile_size(size, len(sizes)) / sizes, axis=1)
    return scaled(sizes, times(sizes, fit * factor))


@declare(
    Kind.MATRIX,
    source="Liu et al. 2016, SSD, section 3.6",
    params=(_factor(1, (1.0, 4.0)),),
    settings=SAMPLING[1:3],
    draws=(Draw("left"), Draw("top")),
    reframes=True,
)
def random_zoom_out(sizes: Ints, factor: Floats, left: Floats, top: Floats) -> Geometry:
    """Put the image at a random place of a canvas `factor` times as high and as wide."""
    canvas = np.asarray(np.floor(sizes * factor[:, None]), dtype=np.int64)
    room = canvas - sizes
    return Geometry(translation(place(left, room[:, 1]), place(top, room[:, 0])), canvas)


LOWEST = Setting("size", SIZE.check, f"{SIZE.legal}, the least that comes out", (1, 1))
DIVISOR = Setting(
    "divisor", lambda value: whole(value, 1, MAX_SIDE), f"a whole number 1..{MAX_SIDE}", 1
)


@declare(
    Kind.MATRIX,
    source=COMMON,
    settings=(LOWEST, DIVISOR, POSITION, *SAMPLING[1:3]),
    example={"size": (12, 9), "divisor": 4},
    reframes=True,
)
def pad_if_needed(sizes: Ints, size: tuple[int, int], divisor: int, position: str) -> Geometry:
    """Enlarge the canvas to at least a size, and then to whole multiples of `divisor`."""
    canvas = np.maximum(sizes, tile_size(size, len(sizes)))
    canvas = -(-canvas // divisor) * divisor
    return Geometry(translation(*offset(canvas - sizes, position)), canvas)


def _margin(name: str, side: str) -> Param:
    unit = f"share of the {side}, below 0 cut off, above 0 added"
    return Param(
        name, -0.49, 2, unit, identity=0, weak=0, strong=0.25, mirrored=True, default=(-0.1, 0.1)
    )


MARGINS = (
    _margin("top", "height"),
    _margin("right", "width"),
    _margin("bottom", "height"),
    _margin("left", "width"),
)


@declare(
    Kind.MATRIX,
    source="Jung et al., imgaug",
    params=MARGINS,
    settings=(flag("keep_size", True), *SAMPLING),
)
def crop_and_pad(
    sizes: Ints, top: Floats, right: Floats, bottom: Floats, left: Floats, keep_size: bool
) -> Geometry:
    """Cut off or add whole pixels at each side; with `keep_size` the result is stretched over the
    old canvas.
    """
    height, width = sizes[:, 0], sizes[:, 1]
    shares = [-left * width, -top * height, right * width, bottom * height]
    moved = np.trunc(np.stack(shares, axis=1))
    box = moved + np.stack([0 * width, 0 * height, width, height], axis=1)
    size = np.stack([box[:, 3] - box[:, 1], box[:, 2] - box[:, 0]], axis=1).astype(np.int64)
    return stretch(box, sizes if keep_size else size)
