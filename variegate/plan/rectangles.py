"""Regions of any shape as rectangles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def rectangles_of(covered: npt.NDArray[np.bool_], rows: Ints, columns: Ints) -> Ints:
    """A region of cells between edges as rectangles that do not overlap (r, 4)."""
    wide = np.zeros((covered.shape[0] + 1, covered.shape[1] + 2), dtype=np.int8)
    wide[:-1, 1:-1] = covered
    change = np.diff(wide, axis=1)
    open_runs: dict[tuple[int, int], int] = {}
    found = []
    for row in range(len(wide)):
        starts, ends = np.flatnonzero(change[row] == 1), np.flatnonzero(change[row] == -1)
        runs = set(zip(starts.tolist(), ends.tolist(), strict=True))
        ended = [run for run in open_runs if run not in runs]
        found += [(open_runs.pop(run), run[0], row, run[1]) for run in ended]
        for run in runs:
            open_runs.setdefault(run, row)
    cells = np.array(sorted(found), dtype=np.int64).reshape(-1, 4)
    edges = rows[cells[:, [0, 2]]], columns[cells[:, [1, 3]]]
    return np.stack([edges[0][:, 0], edges[1][:, 0], edges[0][:, 1], edges[1][:, 1]], axis=1)
