"""PuzzleMix against all labelings of small grids; its solvers against SciPy's and each other."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

import variegate as vg
from variegate.engine import compiled, flow
from variegate.engine.puzzle import Cut, Solvers, cut_of, moved, solve
from variegate.ops.layers import Puzzle

PLAIN = Solvers(flow.min_cut, flow.assign)
SOLVERS = {"plain": PLAIN} | ({"native": compiled.solvers()} if compiled.available() else {})
BY = pytest.mark.parametrize("by", SOLVERS.values(), ids=SOLVERS)


def neighbors(side: int) -> np.ndarray:
    """Pairs of cells of a grid that share a border."""
    number = np.arange(side * side).reshape(side, side)
    sideways = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
    upright = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
    return np.concatenate([sideways, upright])


@BY
@pytest.mark.parametrize(("side", "levels"), [(1, 3), (2, 2), (2, 3), (2, 5), (3, 2), (3, 3)])
def test_a_cut_is_the_best_of_all_labelings(by: Solvers, side: int, levels: int) -> None:
    seed = np.random.default_rng(side * 10 + levels)
    cells, pairs = side * side, neighbors(side)
    every = np.array(list(itertools.product(range(levels), repeat=cells)))
    for _ in range(15):
        unary = seed.integers(-60, 60, (cells, levels))
        weight = seed.integers(0, 25, len(pairs))
        cost = unary[np.arange(cells), every].sum(axis=1)
        cost += (every[:, pairs[:, 0]] - every[:, pairs[:, 1]]) ** 2 @ weight
        found = solve(unary, pairs, weight, by)
        place = np.flatnonzero((every == found).all(axis=1))
        assert cost[place[0]] == cost.min()


def by_hand(entry: Puzzle, images: Any, maps: Any, side: int, labels: np.ndarray) -> float:
    """The paper's cost of a grid of labels 0 (the image) and 1 (its partner), cell by cell."""
    height, width = images[0].shape[0] // side, images[0].shape[1] // side
    share = [m.reshape(side, height, side, width).sum(axis=(1, 3)) for m in maps]
    share = [s / s.sum() for s in share]
    weight, count = float(entry.weight[0]), side * side
    total = 0.0
    for row, column in np.ndindex(side, side):
        label = labels[row, column]
        total += share[1 - label][row, column]
        total -= entry.eta / count * np.log((weight, 1 - weight)[label])
    beta = entry.beta / side / 16
    for row, column in np.ndindex(side, side):
        for down, across in ((0, 1), (1, 0)):
            if row + down == side or column + across == side:
                continue
            one, other = labels[row, column], labels[row + down, column + across]
            first = images[one][row * height : (row + 1) * height, column * width :][:, :width]
            second = images[other][(row + down) * height :, (column + across) * width :]
            second = second[:height, :width]
            pool = 4
            near = first[:, -pool:] if across else first[-pool:].swapaxes(0, 1)
            far = second[:, :pool] if across else second[:pool].swapaxes(0, 1)
            parts = [
                part.reshape(part.shape[0] // pool, pool, pool, -1).mean(axis=(1, 2))
                for part in (near, far)
            ]
            total += beta * entry.gamma * np.abs(parts[0] - parts[1]).mean()
            total += beta * (one != other)
    return total


@BY
@pytest.mark.parametrize("side", [2, 3])
def test_a_cut_of_images_is_the_best_by_the_paper_s_cost(by: Solvers, side: int) -> None:
    """The cost is summed up border by border, with nothing moved to the cells."""
    seed = np.random.default_rng(side)
    for _ in range(6):
        images = tuple(np.clip(seed.normal(0.5, 0.3, (8 * side, 8 * side, 3)), 0, 1) for _ in "ab")
        maps = tuple(seed.random((8 * side, 8 * side)) ** 3 for _ in "ab")
        entry = Puzzle(seed.random(1), np.array([side]), 2, 4.0, 1.0, 0.2, None, "given")
        cut = cut_of(entry, 0, images, maps, by)  # type: ignore[arg-type]
        grids = [
            np.array(labels).reshape(side, side)
            for labels in itertools.product((0, 1), repeat=side * side)
        ]
        costs = [by_hand(entry, images, maps, side, grid) for grid in grids]
        own = by_hand(entry, images, maps, side, cut.labels.reshape(side, side))
        assert own - min(costs) < 2e-4  # costs are rounded to whole numbers


@BY
def test_cuts_of_large_grids_cost_what_scipy_s_flow_is(by: Solvers) -> None:
    seed = np.random.default_rng(4)
    for side in (4, 8, 16):
        pairs, cells = neighbors(side), side * side
        linear = seed.integers(-900, 900, cells)
        weight = seed.integers(0, 400, len(pairs))
        arcs = np.concatenate([pairs, pairs[:, ::-1]])
        costs = np.concatenate([weight, weight])
        chosen = np.asarray(by.min_cut(linear, arcs, costs))
        cost = linear[chosen].sum() + costs[chosen[arcs[:, 0]] & ~chosen[arcs[:, 1]]].sum()
        source, sink = cells, cells + 1
        start = np.concatenate([arcs[:, 0], np.full(cells, source), np.arange(cells)])
        end = np.concatenate([arcs[:, 1], np.arange(cells), np.full(cells, sink)])
        room = np.concatenate([costs, np.maximum(-linear, 0), np.maximum(linear, 0)])
        graph = coo_array((room.astype(np.int32), (start, end))).tocsr()
        graph.resize((cells + 2, cells + 2))
        whole = maximum_flow(graph, source, sink).flow_value
        assert cost == whole + np.minimum(linear, 0).sum()


@BY
def test_assignments_cost_what_scipy_s_do(by: Solvers) -> None:
    seed = np.random.default_rng(5)
    for count in (1, 2, 3, 7, 16, 40):
        cost = seed.integers(-1000, 1000, (count, count))
        found = by.assign(cost)
        rows, columns = linear_sum_assignment(cost)
        assert sorted(found) == list(range(count))
        assert cost[found, np.arange(count)].sum() == cost[rows, columns].sum()


def test_all_solvers_give_the_same_among_equals() -> None:
    seed = np.random.default_rng(6)
    for _ in range(20):
        side = int(seed.integers(2, 6))
        pairs, cells = neighbors(side), side * side
        unary = seed.integers(-2, 3, (cells, 3))
        weight = seed.integers(0, 3, len(pairs))
        cuts = [solve(unary, pairs, weight, by).tolist() for by in SOLVERS.values()]
        cost = seed.integers(0, 3, (cells, cells))
        ways = [np.asarray(by.assign(cost)).tolist() for by in SOLVERS.values()]
        assert all(cut == cuts[0] for cut in cuts)
        assert all(way == ways[0] for way in ways)


@BY
def test_what_is_salient_moves_to_what_is_kept(by: Solvers) -> None:
    """All saliency lies in the first cell, and only the second is kept: the two change places."""
    found = moved(np.array([1.0, 0.0, 0.0, 0.0]), np.array([False, True, False, False]), 0.1, by)
    assert found.tolist() == [1, 0, 2, 3]
    stays = moved(np.array([1.0, 0.0, 0.0, 0.0]), np.array([True, False, False, False]), 0.1, by)
    assert stays.tolist() == [0, 1, 2, 3]
    far = moved(np.array([1.0, 0.0, 0.0, 0.0]), np.array([False, True, False, False]), 9.0, by)
    assert far.tolist() == [0, 1, 2, 3]


@BY
def test_salient_parts_of_both_images_are_kept(by: Solvers) -> None:
    """One image matters on the left, the other on the right: each keeps its half."""
    images = (np.zeros((8, 8, 1)), np.ones((8, 8, 1)))
    left, right = np.zeros((8, 8)), np.zeros((8, 8))
    left[:, :4], right[:, 4:] = 1, 1
    entry = Puzzle(np.array([0.5]), np.array([2]), 3, 0.0, 0.0, 0.0, None, "given")
    cut: Cut = cut_of(entry, 0, images, (left, right), by)
    assert cut.labels.reshape(2, 2).tolist() == [[0, 2], [0, 2]]


def test_transported_cells_show_pixels_of_their_image() -> None:
    """With cells of unequal sizes too, every pixel is one of the two images' own."""
    seed = np.random.default_rng(1)
    images = np.stack([np.full((19, 23, 1), i, dtype=np.uint8) for i in (10, 200)])
    images += seed.integers(0, 50, images.shape).astype(np.uint8)
    step = vg.PuzzleMix(levels=2, cells=(5,), saliency="given", distance=0.0)
    aug = vg.Pipeline([step], seed=3, classes=2, saliency=lambda i, _: seed.random(i.shape[:3]))
    for index in range(6):
        out = aug(images=images, labels=[0, 1], index=[2 * index, 2 * index + 1])
        for image, label in zip(out["images"], out["labels"], strict=True):
            assert abs((image < 100).mean() - label[0]) < 1e-6
            assert set(np.unique(image)) <= set(np.unique(images))
