"""From an op's entry to the rows of a verb's tables: one function for each kind of entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from variegate.errors import PolicyError
from variegate.ops.entries import (
    MAX_CHANNELS,
    Cells,
    Channels,
    Codec,
    FillMode,
    Grid,
    Hsv,
    Lightness,
    Match,
    Measure,
    Noise,
    Picked,
    Rectangles,
    Shapes,
    Smooth,
    Spectrum,
    Toward,
)
from variegate.plan import neighbors
from variegate.plan.drawn import Group
from variegate.plan.made import Array, Columns, side_by_side
from variegate.plan.program import Verb
from variegate.plan.tables import fill_rows

LUMA = np.array([0.299, 0.587, 0.114])
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


def _picked(entry: Picked, group: Group, channels: int) -> Columns:
    colors = 3 if channels in (1, 3, 4) else channels
    keys, count = entry.keys[:, :colors], len(group.rows)
    pick = np.tile(np.arange(MAX_CHANNELS, dtype=np.int32), (count, 1))
    first = np.argsort(keys, axis=1)
    if entry.count is None:
        pick[:, :colors] = first
    else:
        place = np.argsort(first, axis=1)
        pick[:, :colors][place < entry.count[:, None]] = -1
    fill = fill_rows(entry.fill, count, colors, group.op.name)
    if channels > 1:
        return Columns(Verb.PICK, {"pick": pick, "pick_fill": fill})
    matrix = np.zeros((count, 3, 4))  # one channel is the luma of three
    matrix[:, :, :3] = pick[:, :3, None] == np.arange(3)
    matrix[:, :, 3] = np.where(pick[:, :3] < 0, fill[:, :3] / 255.0, 0.0)
    return Columns(Verb.CHANNELS, {"channels": matrix.reshape(-1, 12)})


def _hsv(entry: Hsv, group: Group, channels: int) -> Columns:
    numbers = entry.degrees, entry.saturation, entry.value, entry.add_saturation, entry.add_value
    return Columns(Verb.HSV, {"hsv": np.stack(np.broadcast_arrays(*numbers), axis=1)})


def _measure(entry: Measure, group: Group, channels: int) -> Columns:
    measure = np.zeros((len(group.rows), 4))
    values = entry.value.reshape(len(measure), -1)
    measure[:, 0], measure[:, 1 : 1 + values.shape[1]] = float(entry.mode), values
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


def _shapes(entry: Shapes, group: Group, channels: int) -> Columns:
    count = len(group.rows)
    gain = np.zeros((count, MAX_CHANNELS))
    shift = np.zeros_like(gain)
    colored = entry.shift.shape[1] == 3
    reached = 3 if colored and channels == 4 else channels
    gain[:, :reached] = entry.gain[:, None]
    shift[:, :reached] = entry.shift @ LUMA[:, None] if colored and channels == 1 else entry.shift
    columns: dict[str, Array] = {
        "shapes_gain": gain,
        "shapes_shift": shift,
        "shapes_outside": np.full(count, entry.outside, dtype=np.int32),
    }
    return Columns(Verb.SHAPES, columns, {"shapes": (entry.rows, entry.used)})


def _lightness(entry: Lightness, group: Group, channels: int) -> Columns:
    return Columns(Verb.LIGHTNESS, {"lightness": np.stack([entry.threshold, entry.factor], axis=1)})


def _of_each_channel(lists: Array, group: Group, channels: int) -> tuple[Array, Array]:
    """A reference's (k, c, ...) as rows for each channel, and that all are used."""
    count, own = lists.shape[:2]
    if own not in (1, channels):
        raise PolicyError(
            f"{group.op.name}: references of {own} channels, images of {channels}; one of one "
            "channel serves all"
        )
    wide = np.broadcast_to(lists, (count, channels, *lists.shape[2:]))
    rows = wide.reshape(count, -1, lists.shape[-1])
    return rows, np.ones(rows.shape[:2], dtype=bool)


def _match(entry: Match, group: Group, channels: int) -> Columns:
    counts = _of_each_channel(entry.counts, group, channels)
    return Columns(Verb.MATCH, {"match": entry.ratio}, {"match_counts": counts})


def _spectrum(entry: Spectrum, group: Group, channels: int) -> Columns:
    amplitudes = _of_each_channel(entry.amplitudes, group, channels)
    return Columns(Verb.SPECTRUM, {"spectrum": entry.beta}, {"amplitudes": amplitudes})


def _cells(entry: Cells, group: Group, channels: int) -> Columns:
    return Columns(Verb.CELLS, {"cells_size": entry.size}, {"cells": (entry.moves, entry.used)})


def _codec(entry: Codec, group: Group, channels: int) -> Columns:
    return Columns(Verb.CODEC, {"codec": side_by_side(entry.quality, float(entry.kind))})


MAKERS: dict[type, Maker] = {
    Toward: _toward,
    Channels: _channels,
    Hsv: _hsv,
    Picked: _picked,
    Measure: _measure,
    Smooth: _smooth,
    Rectangles: _rectangles,
    Grid: _grid,
    Noise: _noise,
    Codec: _codec,
    **neighbors.MAKERS,
    Shapes: _shapes,
    Lightness: _lightness,
    Match: _match,
    Spectrum: _spectrum,
    Cells: _cells,
}
