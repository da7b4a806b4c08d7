"""Where each picture of a mix is seen: rectangles of every result, by what lies over what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.plan.maps import warp_levels
from variegate.plan.program import MixStage
from variegate.plan.rectangles import rectangles_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FILL = -2  # what a layer of the fill shows; -1 is what lies below where no sample does


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
    """Which picture each layer shows (m,): tiles that nothing moved are the image itself; FILL."""
    count = len(mix.base)
    shown = np.arange(count + len(mix.tile_source))
    shown[count:][~moved_tiles(mix)] = mix.tile_source[~moved_tiles(mix)]
    return np.where(mix.source < 0, FILL, shown[mix.source]).astype(np.int64)


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
        if pictures[layer] != FILL:
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
        Piece(picture, shift, float(value), rectangles_of(share == value, rows, columns))
        for value in np.unique(share[share > 0])
    ]
