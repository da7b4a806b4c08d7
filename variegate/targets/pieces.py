"""Where each picture of a mix is seen: rectangles of every result, by what lies over what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.plan.maps import warp_levels
from variegate.plan.program import MixStage

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A part of a result where one picture is seen.

    picture: a sample of the batch, or n + a tile. shift (y, x): from the picture's pixels to the
    result's. share: of each pixel. rects (r, 4): y1 x1 y2 x2 in the result.
    """

    picture: int
    shift: tuple[int, int]
    share: float
    rects: Ints


def pictures_of(mix: MixStage) -> Ints:
    """Which picture each layer shows (m,): tiles that nothing moved are the image itself."""
    count = len(mix.base)
    shown = np.arange(count + len(mix.tile_source))
    shown[count:][~moved_tiles(mix)] = mix.tile_source[~moved_tiles(mix)]
    return np.asarray(shown[mix.source], dtype=np.int64)


def moved_tiles(mix: MixStage) -> npt.NDArray[np.bool_]:
    """Which tiles went through a warp (t,)."""
    moved = [np.zeros(0, dtype=np.bool_)]
    for stage in mix.tiles:
        own = np.zeros(len(stage.start) - 1, dtype=np.bool_)
        for level in warp_levels(stage):
            own |= level >= 0
        moved.append(own)
    return np.concatenate(moved)


def pieces_of(mix: MixStage, sample: int, pictures: Ints) -> list[Piece]:
    """What is seen of each picture in one result, the one below first, then by layer.

    pictures (m,): those of the layers.
    """
    first, last = int(mix.start[sample]), int(mix.start[sample + 1])
    base, size = int(mix.base[sample]), mix.sizes_out[sample].tolist()
    layers = [
        layer
        for layer in range(first, last)
        if pictures[layer] != base or np.any(mix.origin[layer] != mix.place[layer, :2])
    ]
    rows, columns = _edges(mix, layers, size)
    rest = np.ones((len(rows) - 1, len(columns) - 1))
    found: list[Piece] = []
    for layer in reversed(layers):
        top, left, bottom, right = mix.place[layer].tolist()
        area = (
            slice(*np.searchsorted(rows, (top, bottom))),
            slice(*np.searchsorted(columns, (left, right))),
        )
        weight = np.zeros_like(rest)
        weight[area] = mix.weight[layer]
        if mix.mask[layer] >= 0:
            weight *= mix.masks[mix.mask[layer]]
        y, x = mix.origin[layer].tolist()
        shift = top - y, left - x
        found[:0] = _split(int(pictures[layer]), shift, weight * rest, rows, columns)
        rest *= 1 - weight
    return found if base < 0 else _split(base, (0, 0), rest, rows, columns) + found


def _edges(mix: MixStage, layers: list[int], size: list[int]) -> tuple[Ints, Ints]:
    """Rows and columns at which what is seen may change."""
    if any(mix.mask[layer] >= 0 for layer in layers):
        return np.arange(size[0] + 1), np.arange(size[1] + 1)
    place = mix.place[layers]
    rows = np.unique(np.concatenate([[0, size[0]], place[:, 0], place[:, 2]]))
    columns = np.unique(np.concatenate([[0, size[1]], place[:, 1], place[:, 3]]))
    return rows.astype(np.int64), columns.astype(np.int64)


def _split(
    picture: int, shift: tuple[int, int], share: Floats, rows: Ints, columns: Ints
) -> list[Piece]:
    """One piece for each share above 0."""
    return [
        Piece(picture, shift, float(value), _rectangles(share == value, rows, columns))
        for value in np.unique(share[share > 0])
    ]


def _rectangles(covered: npt.NDArray[np.bool_], rows: Ints, columns: Ints) -> Ints:
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
