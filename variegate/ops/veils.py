"""Shapes as arrays, for the ops that draw them; and colors that lie over an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Ints, ShapeKind, Shapes
from variegate.ops.op import Setting
from variegate.ops.settings import number

FINE = 1.0  # pixels over which an edge fades: about what a pixel covers of it
EVERY_ANGLE = 2 * np.pi


def shape_rows(kind: ShapeKind, alpha: Any, softness: Any, *numbers: Any) -> Floats:
    """Rows (k, m, 8) of one kind; everything spreads over (k, m)."""
    columns = [float(kind), alpha, softness, *numbers, *[0.0] * (5 - len(numbers))]
    return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(np.float64)


def veil(rows: Floats, gain: Any, shift: Any = 0.0, used: Any = True) -> Shapes:
    """Shapes over an image: value + cover * (gain * value + shift). gain: one number or (k,);
    shift: a level, three of them, or (k, 3).
    """
    count = len(rows)
    levels = np.atleast_2d(np.asarray(shift, dtype=np.float64))
    return Shapes(
        rows,
        np.broadcast_to(used, rows.shape[:2]),
        np.broadcast_to(np.asarray(gain, dtype=np.float64), (count,)),
        np.broadcast_to(levels, (count, levels.shape[1])),
    )


def everywhere(gain: Floats, shift: Any = 0.0) -> Shapes:
    """The whole image under one veil: outside of no shape at all."""
    entry = veil(np.zeros((len(gain), 0, 8)), gain, shift)
    return Shapes(entry.rows, entry.used, entry.gain, entry.shift, outside=True)


def toward(rows: Floats, color: Any, used: Any = True) -> Shapes:
    """Shapes of a color, three levels or one."""
    return veil(rows, -1.0, color, used)


def ramp(sizes: Ints, angle: Floats, alpha: Any) -> Floats:
    """From nothing at one end of the image to `alpha` at the other; angle (k,) in radians,
    counter-clockwise as displayed, points to the covered end.
    """
    height, width = sizes.T.astype(np.float64)
    along_x, along_y = np.cos(angle), -np.sin(angle)
    reach = (np.abs(along_x) * width + np.abs(along_y) * height) / 2
    middle = (along_x * width + along_y * height) / 2
    columns = (np.asarray(alpha), 2 * reach, -along_x, -along_y, -middle)
    wide = [np.broadcast_to(c, (len(sizes),))[:, None] for c in columns]
    return shape_rows(ShapeKind.PLANE, *wide)


def _region(value: object) -> tuple[float, float, float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 4:
        raise ValueError
    x1, y1, x2, y2 = (number(v, 0, 1) for v in value)
    if x1 >= x2 or y1 >= y2:
        raise ValueError
    return x1, y1, x2, y2


def region(name: str, default: tuple[float, float, float, float]) -> Setting:
    """A part of the image as shares of its sides."""
    legal = "four shares x1 y1 x2 y2 in 0..1, x1 < x2 and y1 < y2"
    return Setting(name, _region, legal, default)


def within(
    part: tuple[float, float, float, float], sizes: Ints, x: Floats, y: Floats
) -> tuple[Floats, Floats]:
    """Points (k, ...) of a part of the image in pixels, from uniform numbers."""
    shape = (-1, *[1] * (x.ndim - 1))
    height, width = (sizes[:, i].reshape(shape) for i in (0, 1))
    x1, y1, x2, y2 = part
    return (x1 + x * (x2 - x1)) * width, (y1 + y * (y2 - y1)) * height


def _color(value: object) -> tuple[float, float, float]:
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise ValueError
    red, green, blue = (number(v, 0, 255) for v in value)
    return red, green, blue


def color(name: str, default: tuple[float, float, float]) -> Setting:
    """Three levels."""
    return Setting(name, _color, "three levels 0..255", default)
