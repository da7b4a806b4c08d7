"""Geometry: ops that are one 3x3 matrix per image, in continuous coordinates, x right and y down.

Every function takes sizes (k, 2) as (height, width) at that point of the pipeline and returns a
Geometry, whose matrix moves input points to output points. Angles are in degrees, counter-clockwise
as displayed.
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.op import Draw, Kind, Param, declare
from variegate.ops.settings import SAMPLING, flag

AUTOAUGMENT = "Cubuk et al. 2019, AutoAugment, table 6"
COMMON = "common to every augmentation library"


def identity_matrices(count: int) -> Floats:
    """(count, 3, 3) identity matrices."""
    matrix = np.zeros((count, 3, 3))
    matrix[:, (0, 1, 2), (0, 1, 2)] = 1.0
    return matrix


def translation(x: Floats, y: Floats) -> Floats:
    """(k, 3, 3) matrices that move points by (x, y) pixels."""
    matrix = identity_matrices(len(x))
    matrix[:, 0, 2] = x
    matrix[:, 1, 2] = y
    return matrix


def about_center(matrix: Floats, sizes: Ints) -> Floats:
    """The same affine maps with the frame's center in the place of the origin."""
    height, width = sizes[:, 0] / 2.0, sizes[:, 1] / 2.0
    result = matrix.copy()
    for row, middle in enumerate((width, height)):
        turned = matrix[:, row, 0] * width + matrix[:, row, 1] * height
        result[:, row, 2] = matrix[:, row, 2] + middle - turned
    return result


def cos_sin(angle: Floats) -> tuple[Floats, Floats]:
    """Cosines and sines of degrees; multiples of 90 are exact."""
    quarter = np.mod(angle, 90.0) == 0.0
    radians = np.deg2rad(angle)
    cos, sin = np.cos(radians), np.sin(radians)
    if quarter.any():
        cos, sin = np.where(quarter, np.rint(cos), cos), np.where(quarter, np.rint(sin), sin)
    return cos, sin


def rotation(angle: Floats) -> Floats:
    """(k, 3, 3) rotations about the origin; multiples of 90 degrees are exact."""
    cos, sin = cos_sin(angle)
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
    "angle",
    -360,
    360,
    "degrees",
    identity=0,
    weak=0,
    strong=30,
    mirrored=True,
    default=(-30.0, 30.0),
)


EXPAND = flag("expand", False)


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(ANGLE,), settings=(*SAMPLING, EXPAND))
def rotate(sizes: Ints, angle: Floats, expand: bool) -> Geometry:
    """Turn about the center, counter-clockwise as displayed. The canvas keeps its size; with
    `expand` it becomes the smallest that holds all of the image.
    """
    if not expand:
        return Geometry(about_center(rotation(angle), sizes), sizes)
    turned = rotation(angle)
    canvas = np.asarray(np.ceil(extent(turned, sizes) - 1e-9), dtype=np.int64)
    out, middle = canvas / 2, sizes / 2
    there = translation(out[:, 1], out[:, 0]) @ turned
    return Geometry(there @ translation(-middle[:, 1], -middle[:, 0]), canvas)


def extent(matrix: Floats, sizes: Ints) -> Floats:
    """Heights and widths (k, 2) of what linear maps make of frames, in fractions of pixels."""
    part, height, width = np.abs(matrix), sizes[:, 0], sizes[:, 1]
    tall = part[:, 1, 0] * width + part[:, 1, 1] * height
    wide = part[:, 0, 0] * width + part[:, 0, 1] * height
    return np.stack([tall, wide], axis=1)


@declare(
    Kind.MATRIX,
    source="Albumentations; here one scale for both sides, so that shapes stay",
    params=(ANGLE,),
    settings=SAMPLING,
)
def safe_rotate(sizes: Ints, angle: Floats) -> Geometry:
    """Turn about the center and shrink until nothing leaves the canvas, which keeps its size."""
    matrix = rotation(angle)
    scale = np.min(sizes / extent(matrix, sizes), axis=1)
    matrix[:, :2, :2] *= scale[:, None, None]
    return Geometry(about_center(matrix, sizes), sizes)


def _slope(name: str = "slope", low: float = -2, high: float = 2) -> Param:
    return Param(
        name,
        low,
        high,
        "pixels per pixel",
        identity=0,
        weak=0,
        strong=0.3,
        mirrored=True,
        default=(-0.3, 0.3),
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
    return Param(
        name,
        -1,
        1,
        unit,
        identity=0,
        weak=0,
        strong=150 / 331,
        mirrored=True,
        default=(-0.125, 0.125),
    )


@declare(Kind.MATRIX, source=AUTOAUGMENT, params=(_shift("share of the width"),), settings=SAMPLING)
def translate_x(sizes: Ints, fraction: Floats) -> Geometry:
    """Move right by a share of the width."""
    return Geometry(translation(fraction * sizes[:, 1], np.zeros(len(sizes))), sizes)


@declare(
    Kind.MATRIX, source=AUTOAUGMENT, params=(_shift("share of the height"),), settings=SAMPLING
)
def translate_y(sizes: Ints, fraction: Floats) -> Geometry:
    """Move down by a share of the height."""
    return Geometry(translation(np.zeros(len(sizes)), fraction * sizes[:, 0]), sizes)


ZOOM = Param(
    "factor", 0.05, 20, "times", identity=1, weak=1, strong=1.5, mirrored=True, default=(0.8, 1.25)
)


@declare(Kind.MATRIX, source=COMMON, params=(ZOOM,), settings=SAMPLING)
def zoom(sizes: Ints, factor: Floats) -> Geometry:
    """Enlarge (above 1) or shrink (below 1) about the center; the canvas keeps its size."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 0] = factor
    matrix[:, 1, 1] = factor
    return Geometry(about_center(matrix, sizes), sizes)


def _side(name: str, side: str) -> Param:
    return Param(
        name,
        0.05,
        20,
        f"times the {side}",
        identity=1,
        weak=1,
        strong=1.5,
        mirrored=True,
        default=(0.8, 1.25),
    )


@declare(
    Kind.MATRIX,
    source="Albumentations' Affine and KerasCV's RandomZoom, whose sides are drawn apart",
    params=(_side("x", "width"), _side("y", "height")),
    settings=SAMPLING,
)
def stretch(sizes: Ints, x: Floats, y: Floats) -> Geometry:
    """Enlarge or shrink each side by its own factor about the center; the canvas keeps its size."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 0] = x
    matrix[:, 1, 1] = y
    return Geometry(about_center(matrix, sizes), sizes)


@declare(
    Kind.MATRIX,
    source="Albumentations' Affine, whose two slopes are applied at once",
    params=(_slope("x", -0.9, 0.9), _slope("y", -0.9, 0.9)),
    settings=SAMPLING,
)
def shear(sizes: Ints, x: Floats, y: Floats) -> Geometry:
    """Slide rows and columns at once: `x` shifts rows, `y` columns, as seen from the center."""
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 1] = x
    matrix[:, 1, 0] = y
    return Geometry(about_center(matrix, sizes), sizes)


AFFINE = (
    Param(
        "angle",
        -360,
        360,
        "degrees",
        identity=0,
        weak=0,
        strong=30,
        mirrored=True,
        default=(-15.0, 15.0),
    ),
    Param(
        "scale",
        0.05,
        20,
        "times",
        identity=1,
        weak=1,
        strong=1.5,
        mirrored=True,
        default=(0.9, 1.1),
    ),
    Param(
        "shear",
        -2,
        2,
        "pixels per pixel",
        identity=0,
        weak=0,
        strong=0.3,
        mirrored=True,
        default=(-0.1, 0.1),
    ),
    _shift("share of the width", "translate_x"),
    _shift("share of the height", "translate_y"),
)


@declare(Kind.MATRIX, source=COMMON, params=AFFINE, settings=SAMPLING)
def affine(
    sizes: Ints,
    angle: Floats,
    scale: Floats,
    shear: Floats,
    translate_x: Floats,
    translate_y: Floats,
) -> Geometry:
    """Scale, shear sideways, turn and move, in this order, about the center."""
    cos, sin = cos_sin(angle)
    height, width = sizes[:, 0], sizes[:, 1]
    matrix = identity_matrices(len(angle))
    # Column by column, which is quicker than many small matrices.
    rows = ((cos, sin, width, translate_x), (-sin, cos, height, translate_y))
    for row, (first, second, side, translate) in enumerate(rows):
        across, down = first * scale, (second + first * shear) * scale
        matrix[:, row, 0], matrix[:, row, 1] = across, down
        turned = across * (width / 2.0) + down * (height / 2.0)
        matrix[:, row, 2] = (side / 2.0 - turned) + translate * side
    return Geometry(matrix, sizes)


# Up to 2/3 the moved corners stay a convex figure, whatever is drawn; beyond it some draws would
# turn the picture inside out.
DISTORTION = Param(
    "distortion",
    0,
    0.66,
    "share of half a side",
    identity=0,
    weak=0,
    strong=0.5,
    default=(0.0, 0.3),
)


@declare(
    Kind.MATRIX, source=COMMON, params=(DISTORTION,), settings=SAMPLING, draws=(Draw("corners", 8),)
)
def perspective(sizes: Ints, distortion: Floats, corners: Floats) -> Geometry:
    """Move each corner inward by up to `distortion` times half a side, as seen from another point
    of view.
    """
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
