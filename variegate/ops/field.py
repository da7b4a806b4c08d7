"""Geometry by a displacement per pixel."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.geometry import identity_matrices
from variegate.ops.op import Draw, Kind, Param, declare
from variegate.ops.settings import SAMPLING

NODES = 8
AMOUNT = Param(
    "amount",
    0,
    0.25,
    "share of the shorter side",
    identity=0,
    weak=0,
    strong=0.1,
    default=(0.0, 0.05),
)


@declare(
    Kind.FIELD,
    source="Simard et al. 2003 in spirit; the coarse random grid of U-Net's elastic deformation",
    params=(AMOUNT,),
    settings=SAMPLING,
    draws=(Draw("nodes", NODES * NODES * 2),),
)
def elastic(sizes: Ints, amount: Floats, nodes: Floats) -> Geometry:
    """Bend the image: the nodes of a coarse grid move by up to `amount`, the outer ones stay.

    The grid is smooth enough that no fold appears at magnitude 1 (a node moves by less than half
    its distance).
    """
    reach = amount[:, None, None, None] * np.minimum(sizes[:, 0], sizes[:, 1])[:, None, None, None]
    inner = (nodes.reshape(-1, NODES, NODES, 2) * 2 - 1) * reach / 2
    grid = np.zeros((len(sizes), NODES + 2, NODES + 2, 2))
    grid[:, 1:-1, 1:-1] = inner
    return Geometry(identity_matrices(len(sizes)), sizes, _smooth(grid))


def _smooth(grid: Floats) -> Floats:
    """Each node averaged with its neighbors (1 2 1 in both directions), twice; the rim stays at
    zero.
    """
    out = grid
    for _ in range(2):
        padded = np.pad(out, ((0, 0), (1, 1), (0, 0), (0, 0)))
        out = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
        padded = np.pad(out, ((0, 0), (0, 0), (1, 1), (0, 0)))
        out = (padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]) / 4
    out[:, [0, -1]] = 0
    out[:, :, [0, -1]] = 0
    return out
