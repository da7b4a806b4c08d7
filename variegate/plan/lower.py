"""Lowering: a plan's drawn values become a program of entries. Fusion happens here, so it is part
of the meaning.

A run of adjacent MATRIX and FIELD ops of one sample becomes one WARP, as long as the ops agree on
how to resample.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.entries import (
    Blur,
    Channels,
    Codec,
    FillMode,
    Geometry,
    Grid,
    Luma,
    Measure,
    Mix,
    Noise,
    Output,
    Rectangles,
    Smooth,
    Toward,
)
from variegate.ops.op import Kind, Op
from variegate.ops.registry import get
from variegate.plan.geometry import Move, PendingGeometry
from variegate.plan.plan import Plan, Record
from variegate.plan.program import KNOTS, MixStage, Program, Stage, Verb
from variegate.plan.tables import Entries, fill_rows

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

GEOMETRY = (Kind.MATRIX, Kind.FIELD)
ALONE = (Kind.CHAIN, Kind.MIX, Kind.OUTPUT)  # these end or reopen runs of other samples, or several


def lower(plan: Plan, dtype: Any, channels: int) -> Program:
    """The program that carries out a plan on images of this dtype (uint8 or float32) and channel
    count.

    Raises PolicyError where an op cannot work on such images, by name.
    """
    work = _Lowering(plan, np.dtype(dtype), channels)
    for _, group in groupby(plan.records, key=lambda record: record.position):
        work.add_group(list(group))
    work.close_stage()
    return work.program


@lru_cache(maxsize=256)
def _accepted(op_name: str) -> frozenset[str]:
    return frozenset(inspect.signature(get(op_name).lower).parameters)


def call(
    op: Op, record_settings: Mapping[str, Any], values: Mapping[str, Any], **given: Any
) -> Any:
    """Calls the lowering function with the values, settings and `given` that its signature
    names.
    """
    everything = {**given, **record_settings, **values}
    return op.lower(**{name: everything[name] for name in _accepted(op.name)})


class _Lowering:
    """The state of one pass over the records: the stage being filled and each sample's pending
    geometry.
    """

    def __init__(self, plan: Plan, dtype: np.dtype[Any], channels: int) -> None:
        self.plan = plan
        self.dtype = dtype
        self.channels = channels
        self.program = Program(dtype)
        self.geometry = PendingGeometry(plan.sizes)
        self.open_stage()

    def open_stage(self) -> None:
        self.entries = Entries(self.dtype)
        self.sizes_in = self.geometry.sizes.copy()
        self.channels_in = self.channels

    def close_stage(self) -> None:
        self.geometry.flush(np.arange(len(self.plan)), self.entries)
        start, verb, row = self.entries.per_sample(len(self.plan))
        sizes = self.geometry.sizes.copy()
        tables = self.entries.tables()
        stage = Stage(
            start, verb, row, tables, self.sizes_in, sizes, self.channels_in, self.channels
        )
        self.program.stages.append(stage)
        self.open_stage()

    def add_group(self, records: list[Record]) -> None:
        """Records of one position; no sample has two of them, so geometry composes at once."""
        ops = [get(record.op) for record in records]
        if any(op.kind in ALONE for op in ops):
            for record, op in zip(records, ops, strict=True):
                self.add(record, op, record.values)
            return
        moves, rest = [], []
        for record, op in zip(records, ops, strict=True):
            if op.kind in GEOMETRY:
                moves.append(self.move(record, op, record.values))
            else:
                rest.append((record, op))
        if moves:
            self.geometry.add(moves, self.channels, self.entries)
        if rest:
            self.geometry.flush(np.concatenate([record.rows for record, _ in rest]), self.entries)
        for record, op in rest:
            self.add_pixels(record, op, record.values)

    def move(self, record: Record, op: Op, values: Mapping[str, Any]) -> Move:
        sizes = self.geometry.sizes[record.rows]
        entry: Geometry = call(op, record.settings, values, sizes=sizes)
        return Move(record.rows, entry, record.settings, op.name)

    def add(self, record: Record, op: Op, values: Mapping[str, Any]) -> None:
        rows = record.rows
        if op.kind is Kind.CHAIN:
            for name, chained in call(op, record.settings, values):
                self.add(record, get(name), chained)
        elif op.kind in GEOMETRY:
            self.geometry.add([self.move(record, op, values)], self.channels, self.entries)
        elif op.kind is Kind.MIX:
            self.close_stage()
            self.program.stages.append(self.mix_stage(record, op, values))
        elif op.kind is Kind.OUTPUT:
            output: Output = call(op, record.settings, values)
            _check_output(output, self.channels)
            object.__setattr__(self.program, "output", output)
        else:
            self.geometry.flush(rows, self.entries)
            self.add_pixels(record, op, values)

    def add_pixels(self, record: Record, op: Op, values: Mapping[str, Any]) -> None:
        rows, settings = record.rows, record.settings
        if op.kind is Kind.TABLE:
            self.entries.add(Verb.LOOKUP, rows, lookup=self.table(op, settings, values, len(rows)))
            return
        if op.kind in (Kind.COLOR, Kind.CODEC) and self.channels not in (1, 3, 4):
            raise PolicyError(f"{op.name} needs images of 1, 3 or 4 channels, got {self.channels}")
        sizes = self.geometry.sizes[rows]
        entry = call(op, settings, values, sizes=sizes, count=len(rows))
        self.add_entry(entry, record, op.name, values)

    def add_entry(self, entry: Any, record: Record, name: str, values: Mapping[str, Any]) -> None:
        rows, add = record.rows, self.entries.add
        match entry:
            case Toward():
                if self.channels > 1:  # a gray image is its own gray
                    add(Verb.TOWARD, rows, toward=entry.factor.astype(np.float32))
            case Channels():
                add(Verb.CHANNELS, rows, channels=entry.matrix.reshape(-1, 12))
            case Luma():
                self.to_luma(rows, name)
            case Measure():
                mode = np.full(len(rows), float(entry.mode))
                add(Verb.MEASURE, rows, measure=np.stack([mode, entry.value], axis=1))
            case Blur():
                add(Verb.BLUR, rows, blur=entry.sigma)
            case Smooth():
                add(Verb.SMOOTH, rows, smooth=entry.factor.astype(np.float32))
            case Rectangles():
                noisy = entry.mode is FillMode.NOISE
                key = values["key"] if noisy else np.zeros(len(rows), dtype=np.uint64)
                fill = fill_rows(entry.fill, len(rows), self.channels, name)
                add(Verb.RECTANGLES, rows, rectangles_fill=fill, rectangles_noise=key)
                self.entries.add_rectangles(entry.rects)
            case Grid():
                add(
                    Verb.GRID,
                    rows,
                    grid=entry.numbers,
                    grid_fill=fill_rows(entry.fill, len(rows), self.channels, name),
                )
            case Noise():
                add(Verb.NOISE, rows, noise=entry.sigma, noise_key=values["key"])
            case Codec():
                add(Verb.CODEC, rows, codec=entry.quality.astype(np.int32))
            case _:
                raise PolicyError(
                    f"{name} lowers to {type(entry).__name__}, which no verb carries out"
                )

    def to_luma(self, rows: Rows, name: str) -> None:
        if self.channels == 1:
            return
        if len(rows) != len(self.plan):
            raise PolicyError(
                f"{name}: output_channels=1 must reach every image; use it outside of choices"
            )
        self.entries.add(Verb.LUMA, rows)
        self.channels = 1

    def table(
        self, op: Op, settings: Mapping[str, Any], values: Mapping[str, Any], count: int
    ) -> Array:
        """(k, 256) uint8, or (k, KNOTS) float32 on 0..1: the op's function on every level."""
        whole = self.dtype == np.uint8
        levels = np.arange(256.0) if whole else np.linspace(0.0, 255.0, KNOTS)
        columns = {name: value[:, None] for name, value in values.items()}
        result = np.broadcast_to(call(op, settings, columns, levels=levels), (count, len(levels)))
        result = np.clip(result, 0, 255)
        if whole:
            return np.asarray(np.floor(result + (0.5 if op.rounds else 0.0)), dtype=np.uint8)
        return np.asarray(result / 255.0, dtype=np.float32)

    def mix_stage(self, record: Record, op: Op, values: Mapping[str, Any]) -> MixStage:
        count, rows = len(self.plan), record.rows
        sizes = self.geometry.sizes
        if len(np.unique(sizes, axis=0)) > 1:
            found = " and ".join(f"{h}x{w}" for h, w in np.unique(sizes, axis=0)[:2])
            raise PolicyError(
                f"{op.name} needs images of one size, got {found}; resize or crop before it"
            )
        entry: Mix = call(op, record.settings, values, sizes=sizes[rows])
        partner, blend = np.arange(count), np.zeros(count, dtype=bool)
        weight, rects = np.ones(count), np.zeros((count, 4), dtype=np.int32)
        partner[rows] = values["partner"]
        weight[rows] = entry.weight
        blend[rows] = entry.rects is None
        if entry.rects is not None:
            rects[rows] = entry.rects
        alone = partner == np.arange(count)
        weight[alone] = 1.0
        return MixStage(partner, blend, weight, rects)


def _check_output(output: Output, channels: int) -> None:
    for name, value in (("mean", output.mean), ("std", output.std)):
        if len(value) not in (1, channels):
            raise PolicyError(
                f"Normalize.{name}: expected 1 or {channels} numbers, got {len(value)}"
            )
