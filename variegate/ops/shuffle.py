"""Parts of the image change places; masks and points go with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.ops.entries import Cells, Floats, Ints
from variegate.ops.op import Draw, Kind, Setting, declare
from variegate.ops.settings import whole

MOST = 32


def _grid(value: object) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError
    return whole(value[0], 1, MOST), whole(value[1], 1, MOST)


def _cells(arguments: Mapping[str, Any]) -> int:
    rows, columns = arguments["grid"]
    return int(rows * columns)


@declare(
    Kind.CELLS,
    source="the jigsaw of Noroozi and Favaro 2016, as Albumentations' RandomGridShuffle",
    settings=(
        Setting("grid", _grid, f"a pair (rows, columns) of whole numbers 1..{MOST}", (3, 3)),
    ),
    draws=(Draw("order", _cells),),
)
def random_grid_shuffle(sizes: Ints, grid: tuple[int, int], order: Floats) -> Cells:
    """Cut the image into a grid and put its cells into a random order. Where the sides do not
    divide, cells differ by a pixel, and only cells of one size change places.
    """
    count, number = len(sizes), grid[0] * grid[1]
    cell = np.arange(number)
    place = np.stack([cell // grid[1], cell % grid[1]], axis=1)[None]
    frame = sizes[:, None, :]
    first = np.rint(place * frame / np.array(grid)).astype(np.int64)
    last = np.rint((place + 1) * frame / np.array(grid)).astype(np.int64)
    side = last - first
    kind = side[..., 0] * (frame[..., 1] + 1) + side[..., 1]
    still = np.lexsort((np.broadcast_to(cell, kind.shape), kind), axis=1)
    mixed = np.lexsort((order.reshape(count, -1), kind), axis=1)
    source = np.empty_like(still)
    np.put_along_axis(source, still, mixed, axis=1)
    corner = np.take_along_axis(first, source[..., None], axis=1)
    moves = np.concatenate([first, last, corner], axis=2)
    used = (source != cell) & (side > 0).all(axis=2)
    return Cells(moves, used, sizes)
