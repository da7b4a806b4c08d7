"""Points and rings through the maps of a program's stages, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.plan.fields import undo_fields
from variegate.plan.program import LateMix, MixStage, Program, Stage, Tables, Verb
from variegate.plan.rings import Rings, clip, clip_to_box, densified

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
BEHIND = 1e-9  # a point at or behind the eye goes far outside
IN_FRONT = 1e-6


def warp_levels(stage: Stage) -> list[Ints]:
    """Rows of the warp table by level: level j holds the j-th warp of each sample (n,), or -1."""
    return [rows for _, rows in _levels(stage, (Verb.WARP,))]


def map_levels(stage: Stage) -> list[tuple[Verb, Ints]]:
    """The same of WARP and CELLS, in the order that they run in; each level is of one verb."""
    if not stages_shuffle([stage]):
        return [(Verb.WARP, rows) for rows in warp_levels(stage)]
    found = []
    for verbs, rows in _levels(stage, (Verb.WARP, Verb.CELLS)):
        for verb in (Verb.WARP, Verb.CELLS):
            own = np.where(verbs == verb, rows, -1)
            if np.any(own >= 0):
                found.append((verb, own))
    return found


def _levels(stage: Stage, wanted: tuple[Verb, ...]) -> list[tuple[Ints, Ints]]:
    """Verbs and rows by level: level j holds the j-th entry of some verbs of each sample (n,)."""
    start = np.asarray(stage.start, dtype=np.int64)
    samples = np.repeat(np.arange(len(start) - 1), start[1:] - start[:-1])
    own = slice(int(start[0]), int(start[-1]))  # the arrays may hold other samples' entries too
    chosen = np.isin(stage.verb[own], wanted)
    samples, rows, verbs = samples[chosen], stage.row[own][chosen], stage.verb[own][chosen]
    levels: list[tuple[Ints, Ints]] = []
    if len(samples) == 0:
        return levels
    first = np.searchsorted(samples, samples, side="left")
    rank = np.arange(len(samples)) - first
    for level in range(int(rank.max()) + 1):
        table = np.full((2, len(stage.start) - 1), -1, dtype=np.int64)
        mine = rank == level
        table[:, samples[mine]] = verbs[mine], rows[mine]
        levels.append((table[0], table[1]))
    return levels


def stages_shuffle(stages: list[Stage]) -> bool:
    """Whether parts of any image change places in these stages."""
    return any(
        len(stage.tables.cells_size) > 0
        and bool(np.any(stage.verb[stage.start[0] : stage.start[-1]] == Verb.CELLS))
        for stage in stages
    )


def through_cells(tables: Tables, rows: Ints, points: Floats) -> Floats:
    """Points (p, 2), each with the cell of its own row (p,) that it lies in."""
    moved = points.copy()
    x, y = points.T
    for row in np.unique(rows):
        first, last = np.asarray(tables.cells_start)[row : row + 2]
        for y1, x1, y2, x2, down, along in np.asarray(tables.cells[first:last], dtype=np.float64):
            inside = (x >= along) & (x < along + x2 - x1) & (y >= down) & (y < down + y2 - y1)
            moved[(rows == row) & inside] += (x1 - along, y1 - down)
    return moved


def transform(matrix: Floats, points: Floats) -> Floats:
    """Points (p, 2), each through its own matrix (p, 9)."""
    x, y, m = points[:, 0], points[:, 1], matrix.T
    moved = np.stack([m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]], axis=1)
    if not m[6:8].any() and (m[8] == 1).all():
        return moved
    weight = m[6] * x + m[7] * y + m[8]
    return np.asarray(moved / np.maximum(weight, BEHIND)[:, None])


def through_warp(tables: Tables, rows: Ints, points: Floats) -> Floats:
    """Points (p, 2), each through its own row (p,) of the warp tables."""
    moved = transform(_column(tables.warp_forward)[rows], points)
    fields = np.asarray(tables.warp_mode)[rows, 3]
    bent = np.flatnonzero(fields >= 0)
    if len(bent) == 0:
        return moved
    sizes = np.asarray(tables.warp_field_size)[rows[bent]].astype(np.float64)
    grids = np.asarray(tables.fields, dtype=np.float64)
    found = undo_fields(grids, fields[bent], moved[bent][:, None], sizes)[:, 0]
    moved[bent] = transform(_column(tables.warp_after)[rows[bent]], found)
    return moved


def _column(column: Any) -> Floats:
    return np.asarray(column, dtype=np.float64)


def stages_bend(stages: list[Stage]) -> bool:
    """Whether any warp of these stages bends straight lines."""
    return any(_bends(stage) for stage in stages)


def _bends(stage: Stage) -> bool:
    if len(stage.tables.fields) == 0:
        return False
    levels = warp_levels(stage)
    mode = np.asarray(stage.tables.warp_mode)
    return any(bool(np.any(mode[rows[rows >= 0], 3] >= 0)) for rows in levels)


def runs(program: Program) -> list[list[Stage] | MixStage]:
    """The program's stages, those that follow each other together, and its mixes."""
    found: list[list[Stage] | MixStage] = []
    for stage in program.stages:
        if isinstance(stage, LateMix):  # one that no image has come to
            continue
        if isinstance(stage, MixStage):
            found.append(stage)
        elif found and isinstance(found[-1], list):
            found[-1].append(stage)
        else:
            found.append([stage])
    return found


def rings_after(rings: Rings, stages: list[Stage], owner: Ints, cut: bool) -> Rings:
    """Rings after all warps of these stages. owner (m,): the sample of each row; cut: whether they
    are cut off at each frame, and at the eye, as the pixels are.
    """
    for stage in stages:
        for level in warp_levels(stage):
            warp = level[owner]
            if np.all(warp < 0):
                continue
            if cut:
                rings = _in_front(rings, _ahead(stage, warp[rings.row]))
            rings = _moved(stage, rings, warp)
            if cut:
                rings = clip_to_box(rings, _frames(stage, warp)[rings.row])
    return rings


def points_after(points: Floats, stages: list[Stage], owner: Ints) -> tuple[Floats, Bools]:
    """Points (p, 2) after all warps and exchanges of cells of these stages, and whether each was
    inside every frame after a warp (p,). owner (p,): the sample of each.
    """
    points, inside = points.copy(), np.ones(len(points), dtype=bool)
    for stage in stages:
        for verb, level in map_levels(stage):
            rows = level[owner]
            moving = np.flatnonzero(rows >= 0)
            if verb is Verb.CELLS:
                points[moving] = through_cells(stage.tables, rows[moving], points[moving])
                continue
            points[moving] = through_warp(stage.tables, rows[moving], points[moving])
            frame = np.asarray(stage.tables.warp_size)[rows[moving]]
            inside[moving] &= within(points[moving], frame)
    return points, inside


def within(points: Floats, size: npt.NDArray[Any]) -> Bools:
    """Whether points (p, 2) lie in frames (p, 2) of height and width."""
    x, y = points[:, 0], points[:, 1]
    return np.asarray((x >= 0) & (x < size[:, 1]) & (y >= 0) & (y < size[:, 0]))


def _moved(stage: Stage, rings: Rings, warp: Ints) -> Rings:
    """Rings through the warp of their row (m,), or where they were."""
    mine = warp[rings.row]
    bent = (mine >= 0) & (np.asarray(stage.tables.warp_mode)[mine, 3] >= 0)
    if bent.any():
        rings = densified(rings, bent)
    rows = mine[rings.ring]
    moving = np.flatnonzero(rows >= 0)
    points = rings.points.copy()
    points[moving] = through_warp(stage.tables, rows[moving], points[moving])
    return rings.at(points)


def _in_front(rings: Rings, matrix: Floats) -> Rings:
    """Cuts off what a perspective has behind the eye; matrix (r, 9) is each ring's map to come."""
    if not matrix[:, 6:8].any():
        return rings
    m = matrix[rings.ring]
    x, y = rings.points.T
    return clip(rings, m[:, 6] * x + m[:, 7] * y + m[:, 8] - IN_FRONT)


def _ahead(stage: Stage, warp: Ints) -> Floats:
    """The matrix that comes next (k, 9), the identity where there is none."""
    ahead = _column(stage.tables.warp_forward)[warp]
    ahead[warp < 0] = np.eye(3).reshape(9)
    return ahead


def _frames(stage: Stage, warp: Ints) -> Floats:
    """The frame x1 y1 x2 y2 after each warp (k, 4), without limits where there is none."""
    frames = np.zeros((len(warp), 4))
    frames[:, 2:] = np.asarray(stage.tables.warp_size, dtype=np.float64)[warp, ::-1]
    frames[warp < 0] = [-np.inf, -np.inf, np.inf, np.inf]
    return frames


def mirrors(stages: list[Stage]) -> Bools:
    """Whether each sample comes out of these stages as a mirror image (n,).

    It does after an odd number of maps that turn left into right: matrices whose determinant is
    negative, and fields that turn their frame's outline around.
    """
    odd = np.zeros(len(stages[0].start) - 1, dtype=bool)
    for stage in stages:
        for level in warp_levels(stage):
            samples = np.flatnonzero(level >= 0)
            rows = level[samples]
            odd[samples] ^= _turns_over(stage.tables.warp_forward, rows)
            fields = np.asarray(stage.tables.warp_mode)[rows, 3]
            bent = np.flatnonzero(fields >= 0)
            if len(bent):
                odd[samples[bent]] ^= _turns_over(stage.tables.warp_after, rows[bent])
                sizes = np.asarray(stage.tables.warp_field_size)[rows[bent]]
                odd[samples[bent]] ^= _fields_turn_over(stage.tables.fields, fields[bent], sizes)
    return odd


def _turns_over(column: Any, rows: Ints) -> Bools:
    """In front of the eye a map's orientation is the sign of its determinant everywhere."""
    a, b, c, d, e, f, g, h, i = _column(column)[rows].T
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return np.asarray(determinant < 0)


def _fields_turn_over(fields: Any, chosen: Ints, sizes: Any) -> Bools:
    """Whether the frame's border, displaced, runs the other way around."""
    grids = _column(fields)[chosen]
    y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in grids.shape[1:3]), indexing="ij")
    place = grids + np.stack([x, y], axis=2) * np.asarray(sizes)[:, None, None, ::-1]
    ends = [place[:, 0, :-1], place[:, :-1, -1], place[:, -1, :0:-1], place[:, :0:-1, 0]]
    border = np.concatenate(ends, axis=1)
    after = np.roll(border, -1, axis=1)
    cross = border[..., 0] * after[..., 1] - border[..., 1] * after[..., 0]
    return np.asarray(cross.sum(axis=1) < 0)
