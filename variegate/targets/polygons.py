"""Points and polygons through a program's geometry, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.plan.program import Program, Stage, Tables, Verb
from variegate.targets.fields import undo_fields

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
EDGE_SAMPLES = 32
BEHIND = 1e-9  # a point at or behind the eye goes far outside
IN_FRONT = 1e-6


def warp_levels(stage: Stage) -> list[Ints]:
    """Rows of the warp table by level: level j holds the j-th warp of each sample (n,), or -1."""
    start = np.asarray(stage.start, dtype=np.int64)
    samples = np.repeat(np.arange(len(start) - 1), start[1:] - start[:-1])
    own = slice(int(start[0]), int(start[-1]))  # the arrays may hold other samples' entries too
    is_warp = stage.verb[own] == Verb.WARP
    samples, rows = samples[is_warp], stage.row[own][is_warp]
    levels: list[Ints] = []
    if len(samples) == 0:
        return levels
    first = np.searchsorted(samples, samples, side="left")
    rank = np.arange(len(samples)) - first
    for level in range(int(rank.max()) + 1):
        table = np.full(len(stage.start) - 1, -1, dtype=np.int64)
        table[samples[rank == level]] = rows[rank == level]
        levels.append(table)
    return levels


def transform(matrix: Floats, points: Floats) -> Floats:
    """Points (m, ..., 2) through matrices (m, 3, 3)."""
    shape = points.shape
    flat = points.reshape(shape[0], -1, 2)
    moved = np.einsum("mij,mpj->mpi", matrix[:, :2, :2], flat) + matrix[:, None, :2, 2]
    weight = np.einsum("mj,mpj->mp", matrix[:, 2, :2], flat) + matrix[:, None, 2, 2]
    return np.asarray(moved / np.maximum(weight, BEHIND)[..., None]).reshape(shape)


def matrices(column: Any, rows: Ints) -> Floats:
    """(m, 3, 3) matrices of these rows of a warp column."""
    return np.asarray(column, dtype=np.float64)[rows].reshape(-1, 3, 3)


def through_warp(tables: Tables, rows: Ints, points: Floats) -> Floats:
    """Points (m, p, 2), each group through its own row of the warp tables."""
    moved = transform(matrices(tables.warp_forward, rows), points)
    fields = np.asarray(tables.warp_mode)[rows, 3]
    bent = np.flatnonzero(fields >= 0)
    if len(bent):
        sizes = np.asarray(tables.warp_field_size)[rows[bent]].astype(np.float64)
        grids = np.asarray(tables.fields, dtype=np.float64)
        moved[bent] = undo_fields(grids, fields[bent], moved[bent], sizes)
    return transform(matrices(tables.warp_after, rows), moved)


def has_fields(program: Program) -> bool:
    """Whether any warp of the program bends straight lines."""
    return any(isinstance(s, Stage) and _bends(s) for s in program.stages)


def _bends(stage: Stage) -> bool:
    if len(stage.tables.fields) == 0:
        return False
    levels = warp_levels(stage)
    mode = np.asarray(stage.tables.warp_mode)
    return any(bool(np.any(mode[rows[rows >= 0], 3] >= 0)) for rows in levels)


def clip_to_frame(points: Floats, count: Ints, size: Floats) -> tuple[Floats, Ints]:
    """Polygons cut off at their frames (Sutherland and Hodgman 1974), all at once.

    points (m, v, 2), of which the first count (m,) are used; size (m, 2) height and width. The
    polygons must be convex where they cross more than one side. Returns the same form; a polygon
    outside has count 0.
    """
    for axis, high in ((0, False), (0, True), (1, False), (1, True)):
        limit = size[:, 1 - axis] if high else np.zeros(len(size))
        sign = -1.0 if high else 1.0
        distance = sign * (points[..., axis] - limit[:, None])
        points, count = _clip_half(points, count, distance)
    return points, count


def _clip_half(points: Floats, count: Ints, distance: Floats) -> tuple[Floats, Ints]:
    """Keeps the part of each polygon whose distance (m, v) is at least 0."""
    groups, width = distance.shape
    used = np.arange(width) < count[:, None]
    if np.all(distance[used] >= 0):
        return points, count
    following = np.where(np.arange(width) + 1 < count[:, None], np.arange(width) + 1, 0)
    next_point = np.take_along_axis(points, following[..., None], axis=1)
    next_distance = np.take_along_axis(distance, following, axis=1)
    inside = distance >= 0
    crosses = used & (inside != (next_distance >= 0))
    gap = np.where(crosses, distance - next_distance, 1.0)
    cut = points + (distance / gap)[..., None] * (next_point - points)
    candidates = np.stack([points, cut], axis=2).reshape(groups, 2 * width, 2)
    kept = np.stack([used & inside, crosses], axis=2).reshape(groups, 2 * width)
    order = np.argsort(~kept, axis=1, kind="stable")
    total = kept.sum(axis=1)
    longest = max(int(total.max(initial=0)), 1)
    return np.take_along_axis(candidates, order[..., None], axis=1)[:, :longest], total


def clip_to_front(points: Floats, count: Ints, matrix: Floats) -> tuple[Floats, Ints]:
    """Cuts off what a perspective has behind the eye; matrix (m, 3, 3) is the map to come."""
    if not np.any(matrix[:, 2, :2]):
        return points, count
    weight = np.einsum("mj,mpj->mp", matrix[:, 2, :2], points) + matrix[:, None, 2, 2]
    return _clip_half(points, count, weight - IN_FRONT)


def densify(corners: Floats, samples: int) -> Floats:
    """Polygons (m, v, 2) with `samples` points along every edge, for maps that bend lines."""
    t = (np.arange(samples) / samples)[None, None, :, None]
    start, end = corners[:, :, None], np.roll(corners, -1, axis=1)[:, :, None]
    dense: Floats = start + t * (end - start)
    return dense.reshape(len(corners), -1, 2)
