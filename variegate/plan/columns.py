"""From an op's entry to the rows of a verb's tables: one function for each kind of entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from variegate.errors import PolicyError
from variegate.ops.entries import (
    Channels,
    Codec,
    FillMode,
    Grid,
    Measure,
    Noise,
    Rectangles,
    Smooth,
    Toward,
)
from variegate.plan import neighbors
from variegate.plan.drawn import Group
from variegate.plan.made import Columns, side_by_side
from variegate.plan.program import Verb
from variegate.plan.tables import fill_rows

Maker: TypeAlias = Callable[[Any, Group, int], Columns]


def columns_of(entry: Any, group: Group, channels: int) -> Columns:
    """The columns of an entry for images of this channel count; raises PolicyError where no verb
    carries it out.
    """
    make = MAKERS.get(type(entry))
    if make is None:
        raise PolicyError(
            f"{group.op.name} lowers to {type(entry).__name__}, which no verb carries out"
        )
    return make(entry, group, channels)


def _toward(entry: Toward, group: Group, channels: int) -> Columns:
    return Columns(Verb.TOWARD, {"toward": entry.factor.astype(np.float32)})


def _channels(entry: Channels, group: Group, channels: int) -> Columns:
    return Columns(Verb.CHANNELS, {"channels": entry.matrix.reshape(-1, 12)})


def _measure(entry: Measure, group: Group, channels: int) -> Columns:
    measure = np.empty((len(group.rows), 2))
    measure[:, 0], measure[:, 1] = float(entry.mode), entry.value
    return Columns(Verb.MEASURE, {"measure": measure})


def _smooth(entry: Smooth, group: Group, channels: int) -> Columns:
    return Columns(Verb.SMOOTH, {"smooth": entry.factor.astype(np.float32)})


def _rectangles(entry: Rectangles, group: Group, channels: int) -> Columns:
    rects, count = entry.rects, len(group.rows)
    noisy = entry.mode is FillMode.NOISE
    columns = {
        "rectangles_fill": fill_rows(entry.fill, count, channels, group.op.name),
        "rectangles_noise": group.values["key"] if noisy else np.zeros(count, dtype=np.uint64),
    }
    filled = (rects[..., 2] > rects[..., 0]) & (rects[..., 3] > rects[..., 1])
    return Columns(Verb.RECTANGLES, columns, {"rectangles": (rects, filled)})


def _grid(entry: Grid, group: Group, channels: int) -> Columns:
    fill = fill_rows(entry.fill, len(group.rows), channels, group.op.name)
    return Columns(Verb.GRID, {"grid": entry.numbers, "grid_fill": fill})


def _noise(entry: Noise, group: Group, channels: int) -> Columns:
    mode = np.full((len(group.rows), 1), float(entry.mode))
    columns = {
        "noise": np.concatenate([mode, entry.numbers], axis=1),
        "noise_fill": fill_rows(entry.fill, len(group.rows), channels, group.op.name),
        "noise_key": group.values["key"],
    }
    return Columns(Verb.NOISE, columns)


def _codec(entry: Codec, group: Group, channels: int) -> Columns:
    return Columns(Verb.CODEC, {"codec": side_by_side(entry.quality, float(entry.kind))})


MAKERS: dict[type, Maker] = {
    Toward: _toward,
    Channels: _channels,
    Measure: _measure,
    Smooth: _smooth,
    Rectangles: _rectangles,
    Grid: _grid,
    Noise: _noise,
    Codec: _codec,
    **neighbors.MAKERS,
}
