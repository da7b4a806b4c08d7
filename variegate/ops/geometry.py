"""Geometry: ops that are one 3x3 matrix per image, in continuous coordinates, x right and y down.

Every function takes sizes (k, 2) as (height, width) at that point of the pipeline and returns a Geometry, whose
matrix moves input points to output points. Angles are in degrees, counter-clockwise as displayed.
"""

from __future__ import annotations

import math

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import ANTIALIAS, MAX_SIDE, RESAMPLE, SAMPLING, SIZE, pair, whole

AUTOAUGMENT = "Cubuk et al. 2019, AutoAugment, table 6"
COMMON = "common to every augmentation library"


def identity_matrices(count: int) -> Floats:
    """(count, 3, 3) identity matrices."""
    return np.tile(np.eye(3), (count, 1, 1))


def translation(x: Floats, y: Floats) -> Floats:
    """(k, 3, 3) matrices that move points by (x, y) pixels."""
    matrix = identity_matrices(len(x))
    matrix[:, 0, 2] = x
    matrix[:, 1, 2] = y
    return matrix


def about_center(matrix: Floats, sizes: Ints) -> Floats:
    """The same linear maps with the frame's center as the fixed point."""
    height, width = sizes[:, 0] / 2.0, sizes[:, 1] / 2.0
    return translation(width, height) @ matrix @ translation(-width, -height)


def rotation(angle: Floats) -> Floats:
    """(k, 3, 3) rotations about the origin; multiples of 90 degrees are exact."""
    quarter = np.mod(angle, 90.0) == 0.0
    radians = np.deg2rad(angle)
    cos = np.where(quarter, np.rint(np.cos(radians)), np.cos(radians))
    sin = np.where(quarter, np.rint(np.sin(radians)), np.sin(radians))
    matrix = identity_matrices(len(angle))
    matrix[:, 0, 0] = cos
    matrix[:, 0, 1] = sin
    matrix[:, 1, 0] = -sin
    matrix[:, 1, 1] = cos
    return matrix


@declare(Kind.MATRIX, source=COMMON)
def identity(sizes: Ints) -> Geometry:
    """Leave the image as it is; a policy's way of doing nothing."""
    return Geometry(identity_matrices(len(sizes)), sizes)


@declare(Kind.MATRIX, source=COMMON)
def horizontal_flip(sizes: Ints) -> Geometry:
    """Mirror left and right: x becomes width - x."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 0] = -1.0
    matrix[:, 0, 2] = sizes[:, 1]
    return Geometry(matrix, sizes)


@declare(Kind.MATRIX, source=COMMON)
def vertical_flip(sizes: Ints) -> Geometry:
    """Mirror top and bottom: y becomes height - y."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 1, 1] = -1.0
    matrix[:, 1, 2] = sizes[:, 0]
    return Geometry(matrix, sizes)


ANGLE = Param(
    "angle", -360, 360, "degrees", identity=0, weak=0, strong=30, mirrored=True, default=(-30.0, 30.0)
)


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(ANGLE,), settings=SAMPLING)
def rotate(sizes: Ints, angle: Floats) -> Geometry:
    """Turn about the center, counter-clockwise as displayed; the canvas keeps its size."""
    return Geometry(about_center(rotation(angle), sizes), sizes)


def _slope(low: float = -2, high: float = 2) -> Param:
    return Param(
        "slope", low, high, "pixels per pixel", identity=0, weak=0, strong=0.3, mirrored=True, default=(-0.3, 0.3)
    )


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(_slope(),), settings=SAMPLING)
def shear_x(sizes: Ints, slope: Floats) -> Geometry:
    """Slide rows sideways: x becomes x + slope * (y - center)."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 1] = slope
    return Geometry(about_center(matrix, sizes), sizes)


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(_slope(),), settings=SAMPLING)
def shear_y(sizes: Ints, slope: Floats) -> Geometry:
    """Slide columns up or down: y becomes y + slope * (x - center)."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 1, 0] = slope
    return Geometry(about_center(matrix, sizes), sizes)


def _shift(unit: str, name: str = "fraction") -> Param:
    return Param(name, -1, 1, unit, identity=0, weak=0, strong=150 / 331, mirrored=True, default=(-0.125, 0.125))


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(_shift("share of the width"),), settings=SAMPLING)
def translate_x(sizes: Ints, fraction: Floats) -> Geometry:
    """Move right by a share of the width."""
    return Geometry(translation(fraction * sizes[:, 1], np.zeros(len(sizes))), sizes)


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(_shift("share of the height"),), settings=SAMPLING)
def translate_y(sizes: Ints, fraction: Floats) -> Geometry:
    """Move down by a share of the height."""
    return Geometry(translation(np.zeros(len(sizes)), fraction * sizes[:, 0]), sizes)


ZOOM = Param("factor", 0.05, 20, "times", identity=1, weak=1, strong=1.5, mirrored=True, default=(0.8, 1.25))


@declare(Kind.MATRIX, source=COMMON, params=(ZOOM,), settings=SAMPLING)
def zoom(sizes: Ints, factor: Floats) -> Geometry:
    """Enlarge (above 1) or shrink (below 1) about the center; the canvas keeps its size."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 0] = factor
    matrix[:, 1, 1] = factor
    return Geometry(about_center(matrix, sizes), sizes)


AFFINE = (
    Param("angle", -360, 360, "degrees", identity=0, weak=0, strong=30, mirrored=True, default=(-15.0, 15.0)),
    Param("scale", 0.05, 20, "times", identity=1, weak=1, strong=1.5, mirrored=True, default=(0.9, 1.1)),
    Param(
        "shear", -2, 2, "pixels per pixel", identity=0, weak=0, strong=0.3, mirrored=True, default=(-0.1, 0.1)
    ),
    _shift("share of the width", "translate_x"),
    _shift("share of the height", "translate_y"),
)


@declare(Kind.MATRIX, source=COMMON, params=AFFINE, settings=SAMPLING)
def affine(
    sizes: Ints, angle: Floats, scale: Floats, shear: Floats, translate_x: Floats, translate_y: Floats
) -> Geometry:
    """Scale, shear sideways, turn and move, in this order, about the center."""
    linear = identity_matrices(len(sizes))
    linear[:, 0, 0] = scale
    linear[:, 1, 1] = scale
    slide = identity_matrices(len(sizes))
    slide[:, 0, 1] = shear
    turned = about_center(rotation(angle) @ slide @ linear, sizes)
    return Geometry(translation(translate_x * sizes[:, 1], translate_y * sizes[:, 0]) @ turned, sizes)


DISTORTION = Param(
    "distortion", 0, 0.9, "share of half a side", identity=0, weak=0, strong=0.5, default=(0.0, 0.3)
)


@declare(
    Kind.MATRIX, source=COMMON, params=(DISTORTION,), settings=SAMPLING, draws=(Draw("corners", 8),)
)
def perspective(sizes: Ints, distortion: Floats, corners: Floats) -> Geometry:
    """Move each corner inward by up to `distortion` times half a side, as seen from another point of view."""
    height, width = sizes[:, 0].astype(np.float64), sizes[:, 1].astype(np.float64)
    inward = corners.reshape(-1, 4, 2) * distortion[:, None, None] / 2
    toward = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    unit = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    side = np.stack([width, height], axis=1)[:, None, :]
    return Geometry(homography(unit * side, (unit + toward * inward) * side), sizes)


def homography(start: Floats, end: Floats) -> Floats:
    """The (k, 3, 3) matrices that move four points `start` (k, 4, 2) to `end` (k, 4, 2)."""
    x, y = start[..., 0], start[..., 1]
    zero, one = np.zeros_like(x), np.ones_like(x)
    u, v = end[..., 0], end[..., 1]
    rows_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    rows_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    system = np.concatenate([rows_u, rows_v], axis=1)
    solved = np.linalg.solve(system, np.concatenate([u, v], axis=1)[..., None])[..., 0]
    return np.concatenate([solved, np.ones((len(solved), 1))], axis=1).reshape(-1, 3, 3)


def stretch(box: Floats, size: Ints) -> Geometry:
    """Stretches boxes (k, 4) x1 y1 x2 y2 of the input over outputs of `size` (k, 2)."""
    wide, tall = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    forward, backward = identity_matrices(len(box)), identity_matrices(len(box))
    forward[:, 0, 0], forward[:, 1, 1] = size[:, 1] / wide, size[:, 0] / tall
    forward[:, :2, 2] = -box[:, :2] * forward[:, [0, 1], [0, 1]]
    backward[:, 0, 0], backward[:, 1, 1] = wide / size[:, 1], tall / size[:, 0]
    backward[:, :2, 2] = box[:, :2]
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
    return crop_at(sizes, _place(left, room_x), _place(top, room_y), size)


def _place(uniform: Floats, room: Ints) -> Floats:
    """A whole offset in 0..room, or in room..0 where room is negative, each equally likely."""
    span = np.abs(room) + 1
    offset = np.minimum(np.floor(uniform * span), span - 1)
    return np.where(room < 0, -offset, offset)


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
    source="Szegedy et al. 2015; sampling as in torchvision's RandomResizedCrop (10 tries, then the center)",
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
    missing = np.isnan(crop_height)
    fallback_height, fallback_width = _fitting_aspect(sizes, ratio)
    crop_height = np.where(missing, fallback_height, crop_height)
    crop_width = np.where(missing, fallback_width, crop_width)
    room_x, room_y = sizes[:, 1] - crop_width, sizes[:, 0] - crop_height
    x = np.where(missing, np.floor(room_x / 2), np.minimum(np.floor(left * (room_x + 1)), room_x))
    y = np.where(missing, np.floor(room_y / 2), np.minimum(np.floor(top * (room_y + 1)), room_y))
    box = np.stack([x, y, x + crop_width, y + crop_height], axis=1)
    return stretch(box, tile_size(size, len(sizes)))


def random_areas(
    sizes: Ints, scale: tuple[float, float], ratio: tuple[float, float], area: Floats, aspect: Floats
) -> tuple[Floats, Floats]:
    """Heights and widths (k,) of the first try that fits; NaN where none of the tries (k, tries) fits."""
    frame = (sizes[:, 0] * sizes[:, 1]).astype(np.float64)[:, None]
    target = frame * (scale[0] + area * (scale[1] - scale[0]))
    low, high = math.log(ratio[0]), math.log(ratio[1])
    shape = np.exp(low + aspect * (high - low))
    width, height = np.rint(np.sqrt(target * shape)), np.rint(np.sqrt(target / shape))
    fits = (width >= 1) & (height >= 1) & (width <= sizes[:, 1:]) & (height <= sizes[:, :1])
    first = np.argmax(fits, axis=1)
    row = np.arange(len(sizes))
    found = fits[row, first]
    return np.where(found, height[row, first], np.nan), np.where(found, width[row, first], np.nan)


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


PADDING = Setting("padding", _padding, "whole numbers (top, right, bottom, left) of at least 0", required=True)


@declare(Kind.MATRIX, source=COMMON, settings=(PADDING, *SAMPLING[1:3]), example={"padding": (1, 2, 3, 4)})
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
