"""Puzzle Mix (Kim et al. 2020): which image shows in each cell of a grid, and what moves where.

The cut minimizes, over a label l = 0..levels - 1 of each cell (z = 1 - l / (levels - 1) is the
share of the image itself there),

    sum z * u2 + (1 - z) * u1 + prior(l)  +  sum over neighbors w * (z - z')**2

where u1, u2 are the shares of all saliency that lie in the cell. It is one minimum cut, exact for
any number of levels, since the cost between neighbors is convex (Ishikawa 2003).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.layers import Puzzle
from variegate.ops.mosaics import MOST_CELLS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Image = npt.NDArray[Any]
UNITS = 1000.0  # whole numbers for one part of the cost of a cell, as the paper's program has it
NEIGHBORHOOD = 4  # pixels on either side of an edge that are compared
LEAST = 1e-12


@dataclass(frozen=True)
class Solvers:
    """min_cut and assign of variegate.engine.flow, or their equals."""

    min_cut: Callable[[Ints, Ints, Ints], Any]
    assign: Callable[[Ints], Ints]


@dataclass(frozen=True)
class Cut:
    """Cells of a grid: edges of rows and columns (cells + 1,). labels (cells**2,), row by row. own,
    other (cells**2,): the cell that each cell shows of the image and of its partner.
    """

    rows: Ints
    columns: Ints
    labels: Ints
    own: Ints
    other: Ints


def cut_of(
    entry: Puzzle, row: int, images: tuple[Image, Image], maps: tuple[Floats, Floats], by: Solvers
) -> Cut:
    """The cut of one image and its partner (h, w, c), levels on 0..1, by what stands out in them
    (h, w).
    """
    height, width = images[0].shape[:2]
    cells = min(int(entry.cells[row]), height, width)
    rows, columns = _edges(height, cells), _edges(width, cells)
    salient = [_shares(part, rows, columns) for part in maps]
    unary, arcs, weight = energy(entry, float(entry.weight[row]), cells, salient, images)
    labels = solve(unary, arcs, weight, by)
    own, other = np.arange(cells**2), np.arange(cells**2)
    if entry.transport is not None:
        last = entry.levels - 1
        own = moved(salient[0], labels < last, entry.transport, by)
        other = moved(salient[1], labels > 0, entry.transport, by)
    return Cut(rows, columns, labels, own, other)


def _edges(side: int, cells: int) -> Ints:
    return np.rint(np.arange(cells + 1) * side / cells).astype(np.int64)


def _pooled(value: Floats, rows: Ints, columns: Ints) -> Floats:
    """Means of (h, w, ...) over cells between edges."""
    sums = np.add.reduceat(np.add.reduceat(value, rows[:-1], axis=0), columns[:-1], axis=1)
    area = np.diff(rows)[:, None] * np.diff(columns)[None]
    return np.asarray(sums / area.reshape(*area.shape, *[1] * (value.ndim - 2)))


def _shares(saliency: Floats, rows: Ints, columns: Ints) -> Floats:
    """Each cell's share of all saliency (cells**2,); equal ones where there is none."""
    pooled = _pooled(saliency, rows, columns).reshape(-1)
    total = float(pooled.sum())
    return pooled / total if total > LEAST else np.full(len(pooled), 1 / len(pooled))


def energy(
    entry: Puzzle, share: float, cells: int, salient: list[Floats], images: tuple[Image, Image]
) -> tuple[Ints, Ints, Ints]:
    """unary (cells**2, levels), neighbors (e, 2) and the cost (e,) of labels next to each other
    that are one apart, all in whole numbers: neighbors that are d apart cost d * d times that.
    """
    levels, count = entry.levels, cells**2
    z = 1 - np.arange(levels) / (levels - 1)
    neighbors, apart = _borders(images, cells)
    beta = entry.beta / cells / 16
    apart = apart * beta * entry.gamma
    terms, residual = _split(apart)
    first, second = salient[0].copy(), salient[1].copy()
    # What both labels of a pair cost is theirs alone: showing itself (z = 1) or the partner.
    np.add.at(second, neighbors[:, 0], terms[:, 0])
    np.add.at(second, neighbors[:, 1], terms[:, 1])
    np.add.at(first, neighbors[:, 0], terms[:, 2])
    np.add.at(first, neighbors[:, 1], terms[:, 3])
    chance = np.array([comb(levels - 1, n) for n in range(levels)], dtype=np.float64)
    chance *= share ** np.arange(levels)[::-1] * (1 - share) ** np.arange(levels)
    prior = -entry.eta / count * np.log(np.maximum(chance, LEAST))
    cost = z[None] * second[:, None] + (1 - z)[None] * first[:, None] + prior[None]
    between = np.maximum(residual + beta, 0) / (levels - 1) ** 2
    scale = UNITS * count
    return (
        np.rint(cost * scale).astype(np.int64),
        neighbors,
        np.rint(between * scale).astype(np.int64),
    )


def _split(apart: Floats) -> tuple[Floats, Floats]:
    """Costs of neighbors (e, 2, 2), by which image each shows, as terms of one cell each and what
    is left where they show different ones.

    terms (e, 4): of the first and the second cell if they show the image, and if the partner.
    """
    same, partner = apart[:, 0, 0], apart[:, 1, 1]
    lean = (apart[:, 0, 1] - apart[:, 1, 0]) / 4
    terms = np.stack([same / 2 + lean, same / 2 - lean, partner / 2 - lean, partner / 2 + lean], 1)
    residual = (apart[:, 0, 1] + apart[:, 1, 0] - same - partner) / 2
    return terms, residual


def _borders(images: tuple[Image, Image], cells: int) -> tuple[Ints, Floats]:
    """Neighbors (e, 2) of a grid, and how unlike the pixels along their border are (e, 2, 2): of
    which image the first cell shows, and of which the second.
    """
    height, width = images[0].shape[:2]
    down, across = (max(1, side // cells // NEIGHBORHOOD) for side in (height, width))
    rows, columns = _edges(height, cells * down), _edges(width, cells * across)
    pooled = np.stack([_pooled(image, rows, columns) for image in images])
    number = np.arange(cells**2).reshape(cells, cells)
    level = pooled.reshape(2, cells, down, cells, across, -1)
    right, left = level[:, :, :, :-1, -1], level[:, :, :, 1:, 0]
    bottom, top = level[:, :-1, -1], level[:, 1:, 0]
    sideways = np.abs(right[:, None] - left[None]).mean(axis=(3, 5))
    upright = np.abs(bottom[:, None] - top[None]).mean(axis=(4, 5))
    neighbors = np.concatenate(
        [
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
            np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
        ]
    )
    apart = np.concatenate([sideways.reshape(2, 2, -1), upright.reshape(2, 2, -1)], axis=2)
    return neighbors, np.moveaxis(apart, 2, 0)


def solve(unary: Ints, neighbors: Ints, weight: Ints, by: Solvers) -> Ints:
    """The labels (m,) of least cost: unary (m, levels) and weight (e,) times the square of how far
    apart the labels of neighbors (e, 2) are.

    Node (i, k) of the cut means that the label of i is at least k + 1. A square of a difference of
    labels is a sum of products of such nodes, so every pair of them gets an arc of that weight.
    """
    count, levels = unary.shape
    steps = levels - 1
    label = np.arange(levels)
    own = unary.copy()
    square = label**2 - steps * label
    for side in (0, 1):
        np.add.at(own, neighbors[:, side], weight[:, None] * square)
    linear = np.diff(own, axis=1).reshape(-1)
    node = np.arange(count * steps).reshape(count, steps)
    first, second = node[neighbors[:, 0]], node[neighbors[:, 1]]
    pairs = np.stack(
        [np.repeat(first, steps, axis=1).ravel(), np.tile(second, (1, steps)).ravel()], axis=1
    )
    costs = np.repeat(weight, steps * steps)
    order = np.stack([node[:, 1:].ravel(), node[:, :-1].ravel()], axis=1)
    never = np.full(len(order), int(np.abs(linear).sum() + 2 * costs.sum()) + 1)
    arcs = np.concatenate([pairs, pairs[:, ::-1], order])
    chosen = by.min_cut(linear, np.ascontiguousarray(arcs), np.concatenate([costs, costs, never]))
    labels: Ints = np.asarray(chosen).reshape(count, steps).sum(axis=1)
    return labels


def moved(salient: Floats, kept: Any, distance: float, by: Solvers) -> Ints:
    """Which cell each cell shows (m,), so that what is salient lies in the `kept` cells (m,).

    A cell moved by the whole frame costs `distance`; saliency shown gains as much as it is.
    """
    count = len(salient)
    cost = distance * _far(round(count**0.5)) - salient[:, None] * np.asarray(kept)[None]
    cost *= UNITS * count
    whole: Ints = np.rint(cost, out=cost).astype(np.int64)
    return by.assign(whole)


@lru_cache(maxsize=MOST_CELLS)
def _far(side: int) -> Floats:
    """Squares of how far apart two cells of a grid are, in frames (side**2, side**2)."""
    row, column = np.divmod(np.arange(side**2, dtype=np.float64), side)
    apart = (row[:, None] - row) ** 2 + (column[:, None] - column) ** 2
    return np.asarray(apart / max(side - 1, 1) ** 2)
