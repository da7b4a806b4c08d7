"""Which warps may run together: how each resizes, shrinks and moves, of all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine import sampling as plain
from variegate.plan.program import Resample

Array = npt.NDArray[Any]
WHOLE = 2


def warp_key(host: dict[str, Array]) -> Array:
    """What warps that run together must share: mode, size, way of resizing, and how they shrink."""
    mode, matrices = host["warp_mode"], host["warp_matrix"].reshape(-1, 3, 3)
    before = host["warp_before"].reshape(-1, 3, 3)
    bent = (mode[:, 3] >= 0).astype(np.int64)
    smooth = (mode[:, 2] != 0) & (mode[:, 0] != Resample.NEAREST)
    own = np.zeros((len(mode), 4), dtype=np.int64)
    straight = smooth & (bent == 0) & stretching(matrices)
    own[straight, 0] = 1 + (matrices[straight, 0, 0] == 0)
    rest = np.flatnonzero(smooth & ~straight)
    paths = matrices[rest]
    for i in np.flatnonzero(bent[rest]):
        paths[i] = plain.product(before[rest[i]], paths[i])
    own[rest, 1:3] = reductions(paths, host["warp_size"][rest])
    own[:, 3] = (matrices[:, 2] == (0, 0, 1)).all(axis=1)
    place = np.zeros((len(mode), 4), dtype=np.int64)
    whole = moves_whole(matrices) & (bent == 0)
    own[whole, 3] = WHOLE
    place[whole] = matrices[whole][:, [0, 0, 1, 1], [0, 2, 1, 2]]
    return np.concatenate([mode[:, :2], bent[:, None], own, place, host["warp_size"]], axis=1)


def stretching(matrices: Array) -> Array:
    """Which matrices (k, 3, 3) keep rows and columns and change the scale of any."""
    affine = (matrices[:, 2] == (0, 0, 1)).all(axis=1)
    upright = (matrices[:, 0, 1] == 0) & (matrices[:, 1, 0] == 0)
    turned = (matrices[:, 0, 0] == 0) & (matrices[:, 1, 1] == 0)
    scales = np.where(upright, matrices[:, 0, 0], matrices[:, 0, 1])
    others = np.where(upright, matrices[:, 1, 1], matrices[:, 1, 0])
    scaled = (np.abs(scales) != 1) | (np.abs(others) != 1)
    found: Array = affine & (upright | turned) & scaled
    return found


def reductions(matrices: Array, sizes: Array) -> Array:
    """The reference's `reduction` of matrices (k, 3, 3) onto sizes (k, 2), at once: (k, 2)."""
    middle = np.stack([sizes[:, 1] / 2.0, sizes[:, 0] / 2.0], axis=1)[:, None, :]
    along = matrices[:, :, 0] * middle[:, :, 0] + matrices[:, :, 1] * middle[:, :, 1]
    ends = along + matrices[:, :, 2]
    seen = ends[:, 2] > 0
    w = np.where(seen, ends[:, 2], 1.0)[:, None]
    # How fast a source coordinate grows along the output's axes: (k, coordinate, axis).
    growth = matrices[:, :2, :2] - (ends[:, :2] / w)[:, :, None] * matrices[:, 2:, :2]
    across, down = (np.hypot(growth[:, i, 0], growth[:, i, 1]) / w[:, 0] for i in (0, 1))
    found = np.stack([down, across], axis=1).clip(1, 1 << 20).astype(np.int64)
    return np.where(seen[:, None], found, 1)


def moves_whole(matrices: Array) -> Array:
    """Which matrices (k, 3, 3) shift by whole pixels and mirror, and nothing else."""
    straight = (matrices[:, 2] == (0, 0, 1)).all(axis=1) & (matrices[:, 0, 1] == 0)
    sides = (np.abs(matrices[:, 0, 0]) == 1) & (np.abs(matrices[:, 1, 1]) == 1)
    shifts = np.abs(matrices[:, :2, 2]) < plain.FAR
    even = (matrices[:, :2, 2] == np.floor(matrices[:, :2, 2])) & shifts
    found: Array = straight & (matrices[:, 1, 0] == 0) & sides & even.all(axis=1)
    return found
