"""Geometry by displacements on a fixed lattice: distorted grids, lenses and splines.

All fields here have FINE cells a side, bilinear between their nodes. FINE has many divisors, so
that coarser grids lie on it exactly. A displacement changes by less than its step (STEEPEST), so
that nothing folds and boxes and points can be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.geometry import identity_matrices
from variegate.ops.op import Draw, Kind, Param, declare
from variegate.ops.settings import SAMPLING, choice

FINE = 36
STEEPEST = 0.66
CONTROLS = 4
CELLS = choice("cells", (2, 3, 4, 6, 9, 12, 18), 4)


def bent(sizes: Ints, shares: Floats) -> Geometry:
    """Displacements (k, FINE + 1, FINE + 1, 2) of x and y as shares of the width and the height."""
    field = shares * sizes[:, None, None, ::-1]
    return Geometry(identity_matrices(len(sizes)), sizes, field)


def _inner(arguments: Mapping[str, Any]) -> int:
    return int(arguments["cells"]) - 1


def _inner_nodes(arguments: Mapping[str, Any]) -> int:
    return 2 * _inner(arguments) ** 2


def _amount(strong: float, default: float, high: float, unit: str) -> Param:
    return Param("amount", 0, high, unit, identity=0, weak=0, strong=strong, default=(0.0, default))


@declare(
    Kind.FIELD,
    source="common to augmentation libraries; lines move on their own, so that cells stay upright",
    params=(_amount(0.6, 0.3, STEEPEST, "share of a cell"),),
    settings=(CELLS, *SAMPLING),
    draws=(Draw("columns", _inner), Draw("rows", _inner)),
)
def grid_distortion(
    sizes: Ints, amount: Floats, cells: int, columns: Floats, rows: Floats
) -> Geometry:
    """Stretch and squeeze the columns and rows of a grid: each inner line moves by up to half of
    `amount` times a cell, the rim stays.
    """
    shares = np.zeros((len(sizes), FINE + 1, FINE + 1, 2))
    shares[..., 0] = _lines(columns, amount, cells)[:, None, :]
    shares[..., 1] = _lines(rows, amount, cells)[:, :, None]
    return bent(sizes, shares)


def _lines(uniform: Floats, amount: Floats, cells: int) -> Floats:
    """How far lines 0..FINE (k, FINE + 1) move, as shares of the side."""
    moved = np.zeros((len(amount), cells + 1))
    moved[:, 1:-1] = (uniform.reshape(len(amount), -1) - 0.5) * amount[:, None] / cells
    coarse, share = _between(cells)
    return np.asarray(moved[:, coarse] + share * (moved[:, coarse + 1] - moved[:, coarse]))


def _between(cells: int) -> tuple[Ints, Floats]:
    """The coarse cell in which each fine line lies, and where in it, 0..1."""
    each = FINE // cells
    line = np.arange(FINE + 1)
    coarse = np.minimum(line // each, cells - 1)
    return coarse, (line - coarse * each) / each


@declare(
    Kind.FIELD,
    source="Jung et al., imgaug: a grid of triangles",
    params=(_amount(0.3, 0.15, STEEPEST / 2, "share of a cell"),),
    settings=(CELLS, *SAMPLING),
    draws=(Draw("nodes", _inner_nodes),),
)
def piecewise_affine(sizes: Ints, amount: Floats, cells: int, nodes: Floats) -> Geometry:
    """Move the inner nodes of a grid by up to half of `amount` times a cell; each cell is two
    triangles, affine inside.

    The kink along a cell's diagonal is rounded off over one cell of the lattice.
    """
    grid = np.zeros((len(sizes), cells + 1, cells + 1, 2))
    moved = (nodes.reshape(len(sizes), cells - 1, cells - 1, 2) - 0.5) / cells
    grid[:, 1:-1, 1:-1] = moved * amount[:, None, None, None]
    coarse, share = _between(cells)
    down, across = coarse[:, None], coarse[None, :]
    v, u = share[:, None, None], share[None, :, None]
    corner, last = grid[:, down, across], grid[:, down + 1, across + 1]
    right, below = grid[:, down, across + 1], grid[:, down + 1, across]
    upper = corner + u * (right - corner) + v * (last - right)
    lower = corner + v * (below - corner) + u * (last - below)
    return bent(sizes, np.where(u >= v, upper, lower))


@declare(
    Kind.FIELD,
    source="Bookstein 1989; a grid of control points, the rim among them",
    params=(_amount(0.1, 0.05, 0.25, "share of the sides"),),
    settings=SAMPLING,
    draws=(Draw("controls", CONTROLS * CONTROLS * 2),),
)
def thin_plate_spline(sizes: Ints, amount: Floats, controls: Floats) -> Geometry:
    """Move 4 x 4 control points by up to `amount` of the sides and bend the rest as a thin plate;
    a draw that would fold is weakened.
    """
    moved = (controls.reshape(len(sizes), -1, 2) * 2 - 1) * amount[:, None, None]
    weights = spline_weights()
    shares = np.zeros((len(sizes), FINE + 1, FINE + 1, 2))
    for control in range(CONTROLS * CONTROLS):  # one order of sums for any batch
        shares += weights[..., control, None] * moved[:, None, None, control]
    steep = _steepness(shares)
    shares *= np.minimum(1.0, STEEPEST / np.maximum(steep, STEEPEST))[:, None, None, None]
    return bent(sizes, shares)


@lru_cache(maxsize=1)
def spline_weights() -> Floats:
    """What each control point's move adds to each node's, (FINE + 1, FINE + 1, controls)."""
    place = np.linspace(0, 1, CONTROLS)
    control = np.stack([a.ravel() for a in np.meshgrid(place, place)], axis=1)
    line = np.arange(FINE + 1) / FINE
    node = np.stack([a.ravel() for a in np.meshgrid(line, line)], axis=1)
    count = len(control)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _plate(control, control)
    system[:count, count:] = system[count:, :count].T
    system[:count, count] = 1
    system[:count, count + 1 :] = control
    system[count:, :count] = system[:count, count:].T
    solved = np.linalg.solve(system, np.eye(count + 3)[:, :count])
    basis = np.concatenate([_plate(node, control), np.ones((len(node), 1)), node], axis=1)
    return np.asarray(basis @ solved).reshape(FINE + 1, FINE + 1, count)


def _plate(points: Floats, centers: Floats) -> Floats:
    """r^2 log r of every pair of points (m, 2) and centers (c, 2)."""
    square = np.sum((points[:, None] - centers[None]) ** 2, axis=2)
    return np.asarray(square * np.log(np.where(square > 0, square, 1.0)) / 2)


def _steepness(shares: Floats) -> Floats:
    """A bound (k,) on how much displacements change per step, in any direction."""
    total = np.zeros(len(shares))
    for axis in (1, 2):
        change = np.diff(shares, axis=axis) * FINE
        total += np.max(np.sum(change**2, axis=3), axis=(1, 2))
    return np.sqrt(total)


def _nodes() -> tuple[Floats, Floats]:
    """x (1, 1, nodes) and y (1, nodes, 1) of the nodes, from the center, as shares of the sides."""
    line = np.arange(FINE + 1) / FINE - 0.5
    return line[None, None, :], line[None, :, None]


LENS = Param(
    "distortion",
    -0.3,
    1,
    "radial coefficient",
    identity=0,
    weak=0,
    strong=0.2,
    mirrored=True,
    default=(-0.05, 0.05),
)


@declare(
    Kind.FIELD,
    source="Brown 1966, with k1 = k2 and focal lengths of one side, as OpenCV's camera model",
    params=(LENS,),
    settings=SAMPLING,
)
def optical_distortion(sizes: Ints, distortion: Floats) -> Geometry:
    """Bend lines as a lens does: a point at radius r comes from r (1 + k r^2 + k r^4), with r in
    shares of the sides. Above 0 the corners move inward.
    """
    x, y = _nodes()
    square = x * x + y * y
    strength = distortion[:, None, None] * (square + square * square)
    return bent(sizes, np.stack([x * strength, y * strength], axis=3))


ANGLE_OF_VIEW = Param(
    "angle",
    0,
    45,
    "degrees from the center to a corner",
    identity=0,
    weak=0,
    strong=40,
    default=(10.0, 40.0),
)


@declare(
    Kind.FIELD,
    source="the equidistant lens: radius in proportion to the angle",
    params=(ANGLE_OF_VIEW,),
    settings=SAMPLING,
)
def fisheye(sizes: Ints, angle: Floats) -> Geometry:
    """Show the image as a fisheye lens would: the middle grows, the corners stay.

    A point at share r of the half diagonal comes from tan(r angle) / tan(angle).
    """
    x, y = _nodes()
    height, width = sizes[:, 0, None, None], sizes[:, 1, None, None]
    radius = 2 * np.hypot(x * width, y * height) / np.hypot(width, height)
    corner = np.maximum(np.deg2rad(angle), 1e-9)[:, None, None]
    source = np.tan(radius * corner) / np.tan(corner)
    grown = source / np.where(radius > 0, radius, 1.0) - 1
    grown = np.where(radius > 0, grown, corner / np.tan(corner) - 1)
    grown = np.where(angle[:, None, None] > 0, grown, 0.0)
    return bent(sizes, np.stack([x * grown, y * grown], axis=3))
