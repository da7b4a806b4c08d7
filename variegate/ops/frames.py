"""Frames: geometry that changes the canvas, by crops, padding and resizing.

Like the ops of geometry.py, each is one 3x3 matrix per image, from sizes (k, 2) as (height, width).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.geometry import COMMON, identity_matrices, translation
from variegate.ops.op import Draw, Kind, Setting, declare
from variegate.ops.settings import ANTIALIAS, MAX_SIDE, RESAMPLE, SAMPLING, SIZE, pair, whole


def stretch(box: Floats, size: Ints) -> Geometry:
    """Stretches boxes (k, 4) x1 y1 x2 y2 of the input over outputs of `size` (k, 2)."""
    wide, tall = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    forward, backward = identity_matrices(len(box)), identity_matrices(len(box))
    for axis, (length, goal) in enumerate(((wide, size[:, 1]), (tall, size[:, 0]))):
        forward[:, axis, axis] = times = goal / length
        forward[:, axis, 2] = -box[:, axis] * times
        backward[:, axis, axis] = length / goal
        backward[:, axis, 2] = box[:, axis]
    return Geometry(forward, size, backward=backward)


def tile_size(size: tuple[int, int], count: int) -> Ints:
    """(count, 2) copies of one size."""
    return np.tile(np.asarray(size, dtype=np.int64), (count, 1))


def crop_at(sizes: Ints, left: Floats, top: Floats, size: tuple[int, int]) -> Geometry:
    """Crops of one size whose corner is at (left, top)."""
    out = tile_size(size, len(sizes))
    return Geometry(translation(-left, -top), out)


def _box(value: object) -> tuple[int, int, int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 4:
        raise ValueError
    x1, y1, x2, y2 = (whole(v, -MAX_SIDE, MAX_SIDE) for v in value)
    if x1 >= x2 or y1 >= y2:
        raise ValueError
    return x1, y1, x2, y2


BOX = Setting("box", _box, "whole numbers x1, y1, x2, y2 with x1 < x2 and y1 < y2", required=True)


@declare(Kind.MATRIX, source=COMMON, settings=(BOX, *SAMPLING[1:3]), example={"box": (1, 2, 6, 9)})
def crop(sizes: Ints, box: tuple[int, int, int, int]) -> Geometry:
    """Cut out one box in pixels; what lies outside the image takes the border or the fill."""
    x1, y1, x2, y2 = box
    ones = np.ones(len(sizes))
    return crop_at(sizes, ones * x1, ones * y1, (y2 - y1, x2 - x1))


@declare(Kind.MATRIX, source=COMMON, settings=(SIZE, *SAMPLING[1:3]), example={"size": (7, 5)})
def center_crop(sizes: Ints, size: tuple[int, int]) -> Geometry:
    """Cut the middle out; a smaller image is padded all round."""
    left = np.floor((sizes[:, 1] - size[1]) / 2.0)
    top = np.floor((sizes[:, 0] - size[0]) / 2.0)
    return crop_at(sizes, left, top, size)


@declare(
    Kind.MATRIX,
    source=COMMON,
    settings=(SIZE, *SAMPLING[1:3]),
    draws=(Draw("left"), Draw("top")),
    example={"size": (7, 5)},
)
def random_crop(sizes: Ints, size: tuple[int, int], left: Floats, top: Floats) -> Geometry:
    """Cut a window out at a random place; a smaller image lies at a random place in the window."""
    room_x, room_y = sizes[:, 1] - size[1], sizes[:, 0] - size[0]
    return crop_at(sizes, place(left, room_x), place(top, room_y), size)


def place(uniform: Floats, room: Ints) -> Floats:
    """A whole offset in 0..room, or in room..0 where room is negative, each equally likely."""
    span = np.abs(room) + 1
    offset = np.minimum(np.floor(uniform * span), span - 1)
    return np.asarray(np.where(room < 0, -offset, offset), dtype=np.float64)


ATTEMPTS = 10
CROP_SETTINGS = (
    SIZE,
    Setting("scale", pair(1e-6, 1.0), "a pair (low, high) of area shares in 0..1", (0.08, 1.0)),
    Setting("ratio", pair(1e-3, 1e3), "a pair (low, high) of width / height", (3 / 4, 4 / 3)),
    RESAMPLE,
    ANTIALIAS,
)


@declare(
    Kind.MATRIX,
    source="Szegedy et al. 2015; drawn as torchvision does (10 tries, then the center)",
    settings=CROP_SETTINGS,
    draws=(Draw("area", ATTEMPTS), Draw("aspect", ATTEMPTS), Draw("left"), Draw("top")),
    example={"size": (7, 5)},
)
def random_resized_crop(
    sizes: Ints,
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    area: Floats,
    aspect: Floats,
    left: Floats,
    top: Floats,
) -> Geometry:
    """Cut out a part with a random area and aspect, and resize it."""
    crop_height, crop_width = random_areas(sizes, scale, ratio, area, aspect)
    missing = np.flatnonzero(np.isnan(crop_height))
    if len(missing):
        fallback = _fitting_aspect(sizes[missing], ratio)
        crop_height[missing], crop_width[missing] = fallback
    room_x, room_y = sizes[:, 1] - crop_width, sizes[:, 0] - crop_height
    x = np.minimum(np.floor(left * (room_x + 1)), room_x)
    y = np.minimum(np.floor(top * (room_y + 1)), room_y)
    if len(missing):
        x[missing], y[missing] = np.floor(room_x[missing] / 2), np.floor(room_y[missing] / 2)
    box = np.stack([x, y, x + crop_width, y + crop_height], axis=1)
    return stretch(box, tile_size(size, len(sizes)))


def random_areas(
    sizes: Ints,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    area: Floats,
    aspect: Floats,
) -> tuple[Floats, Floats]:
    """Heights and widths (k,) of the first try that fits; NaN where none of the tries (k, tries)
    fits.
    """
    height, width, fits = _tries(sizes, scale, ratio, area[:, :1], aspect[:, :1])
    height, width = np.where(fits, height, np.nan)[:, 0], np.where(fits, width, np.nan)[:, 0]
    rest = np.flatnonzero(~fits)  # few: the first try mostly fits
    if len(rest):
        more = _tries(sizes[rest], scale, ratio, area[rest, 1:], aspect[rest, 1:])
        first, row = np.argmax(more[2], axis=1), np.arange(len(rest))
        found = more[2][row, first]
        height[rest] = np.where(found, more[0][row, first], np.nan)
        width[rest] = np.where(found, more[1][row, first], np.nan)
    return height, width


def _tries(
    sizes: Ints,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    area: Floats,
    aspect: Floats,
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Height and width of each try (k, tries), and whether it fits."""
    frame = (sizes[:, 0] * sizes[:, 1]).astype(np.float64)[:, None]
    target = frame * (scale[0] + area * (scale[1] - scale[0]))
    low, high = math.log(ratio[0]), math.log(ratio[1])
    shape = np.exp(low + aspect * (high - low))
    width, height = np.rint(np.sqrt(target * shape)), np.rint(np.sqrt(target / shape))
    fits = (width >= 1) & (height >= 1) & (width <= sizes[:, 1:]) & (height <= sizes[:, :1])
    return height, width, fits


def _fitting_aspect(sizes: Ints, ratio: tuple[float, float]) -> tuple[Floats, Floats]:
    """The largest centered height and width whose aspect lies within `ratio`."""
    height, width = sizes[:, 0].astype(np.float64), sizes[:, 1].astype(np.float64)
    own = width / height
    tall = np.where(own < ratio[0], np.rint(width / ratio[0]), height)
    wide = np.where(own > ratio[1], np.rint(height * ratio[1]), width)
    return np.clip(tall, 1, height), np.clip(wide, 1, width)


def _padding(value: object) -> tuple[int, int, int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 4:
        raise ValueError
    top, right, bottom, left = (whole(v, 0, MAX_SIDE) for v in value)
    return top, right, bottom, left


PADDING = Setting(
    "padding", _padding, "whole numbers (top, right, bottom, left) of at least 0", required=True
)


@declare(
    Kind.MATRIX,
    source=COMMON,
    settings=(PADDING, *SAMPLING[1:3]),
    example={"padding": (1, 2, 3, 4)},
)
def pad(sizes: Ints, padding: tuple[int, int, int, int]) -> Geometry:
    """Enlarge the canvas by (top, right, bottom, left) pixels."""
    top, right, bottom, left = padding
    ones = np.ones(len(sizes))
    size = sizes + np.array([top + bottom, left + right])
    return Geometry(translation(ones * left, ones * top), size)


@declare(Kind.MATRIX, source=COMMON, settings=(SIZE, RESAMPLE, ANTIALIAS), example={"size": (7, 5)})
def resize(sizes: Ints, size: tuple[int, int]) -> Geometry:
    """Stretch the whole image to a size."""
    box = np.zeros((len(sizes), 4))
    box[:, 2] = sizes[:, 1]
    box[:, 3] = sizes[:, 0]
    return stretch(box, tile_size(size, len(sizes)))
