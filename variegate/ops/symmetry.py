"""The symmetries of a rectangle: quarter turns, mirrors and the transpose; every pixel moves whole.

Like the ops of geometry.py, each is one 3x3 matrix per image, from sizes (k, 2) as (height, width).
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.geometry import COMMON, identity_matrices
from variegate.ops.op import Kind, Param, declare


def quarter_turns(sizes: Ints, turns: Floats) -> Geometry:
    """Turns (k,) quarters counter-clockwise as displayed; an odd one swaps height and width."""
    quarter = np.mod(turns, 4).astype(np.int64)
    height, width = sizes[:, 0].astype(np.float64), sizes[:, 1].astype(np.float64)
    cos = np.array([1.0, 0.0, -1.0, 0.0])[quarter]
    sin = np.array([0.0, 1.0, 0.0, -1.0])[quarter]
    matrix = identity_matrices(len(sizes))
    matrix[:, 0, 0] = matrix[:, 1, 1] = cos
    matrix[:, 0, 1], matrix[:, 1, 0] = sin, -sin
    # The corner that lands in the upper left becomes the origin.
    matrix[:, 0, 2] = np.choose(quarter, [0 * width, 0 * width, width, height])
    matrix[:, 1, 2] = np.choose(quarter, [0 * width, width, height, 0 * width])
    return Geometry(matrix, np.where(quarter[:, None] % 2 == 1, sizes[:, ::-1], sizes))


@declare(Kind.MATRIX, source=COMMON, reframes=True)
def transpose(sizes: Ints) -> Geometry:
    """Swap rows and columns: (x, y) becomes (y, x)."""
    matrix = identity_matrices(len(sizes))[:, [1, 0, 2]]
    return Geometry(matrix, sizes[:, ::-1])


TURNS = Param(
    "turns",
    0,
    3,
    "quarter turns counter-clockwise",
    identity=0,
    default=(0.0, 3.0),
    whole=True,
)


@declare(Kind.MATRIX, source=COMMON, params=(TURNS,), reframes=True)
def random_rotate90(sizes: Ints, turns: Floats) -> Geometry:
    """Turn by whole quarters, counter-clockwise as displayed; odd ones swap height and width."""
    return quarter_turns(sizes, turns)


ELEMENT = Param(
    "element",
    0,
    7,
    "quarter turns, plus 4 where the image is mirrored first",
    identity=0,
    default=(0.0, 7.0),
    whole=True,
)


@declare(Kind.MATRIX, source="the dihedral group of the square", params=(ELEMENT,), reframes=True)
def d4(sizes: Ints, element: Floats) -> Geometry:
    """One of the 8 symmetries of a square: mirrored left to right from element 4 on, then turned by
    `element` mod 4 quarters.
    """
    mirror = identity_matrices(len(sizes))
    mirrored = element >= 4
    mirror[:, 0, 0] = np.where(mirrored, -1.0, 1.0)
    mirror[:, 0, 2] = np.where(mirrored, sizes[:, 1], 0.0)
    turned = quarter_turns(sizes, element)
    return Geometry(turned.matrix @ mirror, turned.size)
