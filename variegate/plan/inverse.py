"""The way back: a program whose geometry undoes another's, so that everything that can move can be
taken back by the same code.

A matrix is undone by its inverse, exactly. A field is undone by a field: at the nodes of a fine
grid, Newton's steps find where each point came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.fields import undo_fields
from variegate.plan.maps import map_levels
from variegate.plan.program import Border, Program, Resample, Stage, Verb
from variegate.plan.tables import Entries

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NODES = 2  # nodes a pixel of the fine grid, at most MOST a side
MOST = 513
EYE = np.eye(3)


@dataclass(frozen=True)
class _Level:
    """One warp, or one exchange of cells, each of some samples (k,): its stage, its rows in the
    tables, and the sizes (k, 2) that it starts from.
    """

    verb: Verb
    stage: Stage
    samples: Ints
    rows: Ints
    start: Ints


def inverse_program(program: Program, dtype: Any, resample: Resample) -> Program:
    """A program of one stage that takes images of `dtype`, and all targets, from where a program
    ends back to where it began.

    Outside of what the program's result shows, images and masks become 0. Raises InputError where
    the program mixes images.
    """
    stages = [stage for stage in program.stages if isinstance(stage, Stage)]
    if len(stages) < len(program.stages):
        raise InputError("plan: images were mixed with others; a mix cannot be undone")
    levels = [level for stage in stages for level in _levels(stage)]
    first, last = np.asarray(stages[0].sizes_in), np.asarray(stages[-1].sizes_out)
    entries = Entries(np.dtype(dtype))
    nodes = _nodes(levels)
    for turn, level in enumerate(reversed(levels)):
        add = _add_back if level.verb is Verb.WARP else _cells_back
        add(entries, level, turn, nodes, resample)
    start, verb, row = entries.per_sample(len(first))
    channels = stages[-1].channels_out
    stage = Stage(start, verb, row, entries.tables(), last, first, channels, channels)
    return Program(np.dtype(dtype), [stage])


def _levels(stage: Stage) -> list[_Level]:
    size = np.array(stage.sizes_in, dtype=np.int64)
    levels = []
    for verb, table in map_levels(stage):
        samples = np.flatnonzero(table >= 0)
        levels.append(_Level(verb, stage, samples, table[samples], size[samples]))
        if verb is Verb.WARP:
            size[samples] = np.asarray(stage.tables.warp_size)[table[samples]]
    return levels


def _nodes(levels: list[_Level]) -> int:
    """Nodes a side of the grids that undo fields: one number, since they share an array."""
    longest = 0
    for level in (level for level in levels if level.verb is Verb.WARP):
        bent = _field(level) >= 0
        frames = np.asarray(level.stage.tables.warp_field_size)[level.rows[bent]]
        longest = max(longest, int(frames.max(initial=0)))
    return min(NODES * longest + 1, MOST)


def _field(level: _Level) -> Ints:
    field: Ints = np.asarray(level.stage.tables.warp_mode, dtype=np.int64)[level.rows, 3]
    return field


def _column(level: _Level, name: str) -> Floats:
    return np.asarray(getattr(level.stage.tables, name), dtype=np.float64)[level.rows]


def _add_back(entries: Entries, level: _Level, turn: int, nodes: int, resample: Resample) -> None:
    """The warp of a level, from its output to its input."""
    count = len(level.samples)
    matrix, forward = _column(level, "warp_forward"), _column(level, "warp_matrix")
    before = after = np.tile(EYE.reshape(9), (count, 1))
    size, mode = level.start, np.empty((count, 4), dtype=np.int32)
    mode[:] = resample, Border.CONSTANT, 1, -1
    field = _field(level)
    bent = np.flatnonzero(field >= 0)
    if len(bent):
        frames = np.asarray(level.stage.tables.warp_field_size, dtype=np.int64)[level.rows[bent]]
        grids, margin, frames = _undone(level.stage.tables.fields, field[bent], frames, nodes)
        mode[bent, 3] = entries.add_field(grids)
        size = size.copy()
        size[bent] = frames
        to, back = _shifts(margin)
        before, after = before.copy(), after.copy()
        before[bent] = _product(_column(level, "warp_after")[bent], back)
        after[bent] = _product(_column(level, "warp_before")[bent], back)
        matrix[bent] = _product(to, matrix[bent])
        forward[bent] = _product(to, forward[bent])
    entries.add(
        Verb.WARP,
        level.samples,
        np.full(count, turn),
        warp_matrix=matrix,
        warp_forward=forward,
        warp_before=before,
        warp_after=after,
        warp_size=level.start,
        warp_field_size=size,
        warp_mode=mode,
        warp_fill=np.zeros((count, 16), dtype=np.float32),
    )


def _cells_back(entries: Entries, level: _Level, turn: int, nodes: int, resample: Resample) -> None:
    """The cells of a level, each to where it came from."""
    tables, count = level.stage.tables, len(level.samples)
    start = np.asarray(tables.cells_start, dtype=np.int64)
    counts = start[level.rows + 1] - start[level.rows]
    place = np.arange(int(counts.max(initial=0)))
    used = place < counts[:, None]
    moves = np.zeros((count, len(place), 6), dtype=np.int64)
    moves[used] = np.asarray(tables.cells)[(start[level.rows][:, None] + place)[used]]
    corner = moves[..., 4:]
    back = np.concatenate(
        [corner, corner + moves[..., 2:4] - moves[..., :2], moves[..., :2]], axis=2
    )
    entries.add(Verb.CELLS, level.samples, np.full(count, turn), cells_size=level.start)
    entries.add_list("cells", back, used)


def _undone(
    fields: npt.NDArray[Any], chosen: Ints, frames: Ints, nodes: int
) -> tuple[Floats, Ints, Ints]:
    """Fields (k, nodes, nodes, 2) that undo the chosen ones; the margin (k,) by which their frames
    are wider on each side, so that what a field moves over the rim is undone too; the frames.
    """
    fields = np.asarray(fields, dtype=np.float64)
    margin = np.ceil(np.abs(fields[chosen]).max(axis=(1, 2, 3))).astype(np.int64) + 1
    wide = frames + 2 * margin[:, None]
    line = np.linspace(0.0, 1.0, nodes)
    x = line[None, None, :] * wide[:, 1, None, None] - margin[:, None, None]
    y = line[None, :, None] * wide[:, 0, None, None] - margin[:, None, None]
    points = np.stack(np.broadcast_arrays(x, y), axis=-1).reshape(len(chosen), -1, 2)
    moved = undo_fields(fields, chosen, points, frames.astype(np.float64)) - points
    return moved.reshape(len(chosen), nodes, nodes, 2), margin, wide


def _shifts(margin: Ints) -> tuple[Floats, Floats]:
    """Matrices (k, 9) from a frame into the one that is wider by a margin, and back."""
    to, back = np.tile(EYE, (2, len(margin), 1, 1))
    to[:, :2, 2] = margin[:, None]
    back[:, :2, 2] = -margin[:, None]
    return to.reshape(-1, 9), back.reshape(-1, 9)


def _product(first: Floats, second: Floats) -> Floats:
    return (first.reshape(-1, 3, 3) @ second.reshape(-1, 3, 3)).reshape(-1, 9)
