"""SHAPES: a veil over the image, as thick as the shapes drawn on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from variegate.engine.values import Floats, Image, levels, rounded
from variegate.ops.entries import ShapeKind
from variegate.plan.program import Tables


def shapes(image: Image, tables: Tables, row: int) -> Image:
    """value + cover * (gain * value + shift), rounded. What several shapes cover adds up as veils
    do: each covers its part of what still shows through. See ops.entries.Shapes.
    """
    first, last = (int(v) for v in tables.shapes_start[row : row + 2])
    height, width, depth = image.shape
    cover = cover_of(np.asarray(tables.shapes[first:last]), (height, width))
    if tables.shapes_outside[row]:
        cover = 1 - cover
    gain = tables.shapes_gain[row, :depth].astype(np.float64)
    shift = tables.shapes_shift[row, :depth].astype(np.float64)
    value = levels(image)
    return rounded(value + cover[..., None] * (gain * value + shift), image)


def cover_of(rows: npt.NDArray[np.float64], size: tuple[int, int]) -> Floats:
    """How much of each pixel of a frame is covered, 0..1; at the pixels' centers."""
    y, x = (np.arange(side, dtype=np.float64) + 0.5 for side in size)
    x, y = x[None, :], y[:, None]
    clear = np.ones(size)
    place = 0
    while place < len(rows):
        kind, alpha, softness = ShapeKind(int(rows[place, 0])), rows[place, 1], rows[place, 2]
        own = rows[place : place + 1]
        if kind is ShapeKind.EDGE:
            same = (rows[place:, 0] == kind) & (rows[place:, 7] == rows[place, 7])
            own = rows[place : place + int(np.argmin(np.append(same, False)))]
        place += len(own)
        if kind is ShapeKind.GAUSS:
            clear *= 1 - alpha * bell(x, y, own[0, 3:])
        else:
            distance = DISTANCES[kind](x, y, own[:, 3:])
            clear *= 1 - alpha * np.clip(0.5 - distance / softness, 0, 1)
    return np.asarray(1 - clear)


def bell(x: Floats, y: Floats, numbers: Floats) -> Floats:
    """1 at a point, falling off as a Gaussian along each axis."""
    across = np.exp(-0.5 * ((x - numbers[0]) / numbers[2]) ** 2)
    return np.asarray(across * np.exp(-0.5 * ((y - numbers[1]) / numbers[3]) ** 2))


def from_disc(x: Floats, y: Floats, numbers: Floats) -> Floats:
    """The distance to a disc's rim, negative inside."""
    center_x, center_y, radius = numbers[0, :3]
    return np.asarray(np.sqrt((x - center_x) ** 2 + (y - center_y) ** 2) - radius)


def from_plane(x: Floats, y: Floats, numbers: Floats) -> Floats:
    """The distance to a line, negative on the side that is covered."""
    along_x, along_y, offset = numbers[0, :3]
    return np.asarray(along_x * x + along_y * y - offset)


def to_segment(x: Floats, y: Floats, ends: Floats) -> Floats:
    """The squared distance to a line segment x1 y1 x2 y2."""
    x1, y1, x2, y2 = ends
    along_x, along_y = x2 - x1, y2 - y1
    square = along_x * along_x + along_y * along_y
    scale = 1.0 / square if square > 0 else 0.0
    share = np.clip(((x - x1) * along_x + (y - y1) * along_y) * scale, 0, 1)
    return np.asarray((x - x1 - share * along_x) ** 2 + (y - y1 - share * along_y) ** 2)


def from_segment(x: Floats, y: Floats, numbers: Floats) -> Floats:
    """The distance to a thick line's rim, negative inside."""
    return np.asarray(np.sqrt(to_segment(x, y, numbers[0, :4])) - numbers[0, 4])


def from_polygon(x: Floats, y: Floats, numbers: Floats) -> Floats:
    """The distance to the nearest edge, negative inside: where a ray crosses an odd number."""
    nearest = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf)
    inside = np.zeros(nearest.shape, dtype=bool)
    for x1, y1, x2, y2, _ in numbers:
        nearest = np.minimum(nearest, to_segment(x, y, np.array([x1, y1, x2, y2])))
        crossed = (y1 > y) != (y2 > y)
        slope = (x2 - x1) / (y2 - y1) if y2 != y1 else 0.0
        inside ^= crossed & (x < x1 + (y - y1) * slope)
    return np.asarray(np.where(inside, -1.0, 1.0) * np.sqrt(nearest))


DISTANCES = {
    ShapeKind.DISC: from_disc,
    ShapeKind.SEGMENT: from_segment,
    ShapeKind.PLANE: from_plane,
    ShapeKind.EDGE: from_polygon,
}
