"""Lowering: a plan's drawn values become a program of entries. Fusion happens here, so it is part
of the meaning.

A run of adjacent MATRIX and FIELD ops of one sample becomes one WARP, as long as the ops agree on
how to resample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import EngineError, PolicyError
from variegate.ops.entries import Luma, Output, Toward
from variegate.ops.op import Kind, Op
from variegate.ops.registry import get
from variegate.plan.columns import columns_of
from variegate.plan.drawn import Group, Span, spans_of
from variegate.plan.geometry import NO_ROWS, Lowered, PendingGeometry, distinct
from variegate.plan.kernels import Kernels
from variegate.plan.layout import ALONE
from variegate.plan.mixing import mixes_of
from variegate.plan.plan import Plan
from variegate.plan.program import KNOTS, Program, Stage, Verb
from variegate.plan.record import Record
from variegate.plan.signatures import call
from variegate.plan.tables import Entries

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

GEOMETRY = (Kind.MATRIX, Kind.FIELD)
WHOLE_LEVELS = np.arange(256.0)
ALL_LEVELS = np.linspace(0.0, 255.0, KNOTS)
AT_ONCE = 1 << 15  # levels that are worked on at once, so that they stay in the cache
KEPT = 32  # sizes and dtypes for which the same list stays lowered


def lower(plan: Plan, dtype: Any, channels: int, kernels: Kernels | None = None) -> Program:
    """The program that carries out a plan on images of this dtype (uint8 or float32) and channel
    count. kernels: what computes parts of it sooner; the program is the same.

    Raises PolicyError where an op cannot work on such images, by name.
    """
    *_, program = in_steps(plan, dtype, channels, kernels)
    if isinstance(program, int):
        raise EngineError("lower: the program comes last")
    return program


def in_steps(
    plan: Plan, dtype: Any, channels: int, kernels: Kernels | None = None
) -> Iterator[int | Program]:
    """The same in steps: before each of them how many are left, and the program at last."""
    work = _Lowering(plan, np.dtype(dtype), channels, kernels)
    spans = spans_of(plan.records)
    for place, span in enumerate(spans):
        yield len(spans) - place + 1
        work.add_span(span, _ends_stage(spans[place + 1 :]))
    yield 1
    work.close_stage()
    yield work.program


def _ends_stage(later: list[Span]) -> bool:
    """Whether nothing more is done to pixels before a mix or the end."""
    kinds = (span[0].op.kind for span in later if span[0].op.kind is not Kind.OUTPUT)
    return next(kinds, Kind.MIX) is Kind.MIX


class _Lowering:
    """The state of one pass over the records: the stage being filled and each sample's pending
    geometry.
    """

    def __init__(
        self, plan: Plan, dtype: np.dtype[Any], channels: int, kernels: Kernels | None
    ) -> None:
        self.plan = plan
        self.kernels = kernels
        self.dtype = dtype
        self.channels = channels
        self.program = Program(dtype)
        self.geometry = PendingGeometry(plan.sizes, kernels)
        self.turn = 0
        self.open_stage()

    def open_stage(self) -> None:
        self.entries = Entries(self.dtype)
        self.sizes_in = self.geometry.sizes.copy()
        self.channels_in = self.channels

    def close_stage(self) -> None:
        if self.geometry.waiting:
            self.compose([], [], [], self.turn + 1)
        start, verb, row = self.entries.per_sample(len(self.plan), self.kernels)
        sizes = self.geometry.sizes.copy()
        tables = self.entries.tables()
        stage = Stage(
            start, verb, row, tables, self.sizes_in, sizes, self.channels_in, self.channels
        )
        self.program.stages.append(stage)

    def add_span(self, groups: Span, last: bool = False) -> None:
        """Groups that are lowered together: geometry composes position by position. last: in its
        stage, so that all runs end after it.
        """
        if any(group.op.kind in ALONE for group in groups):
            for group in groups:
                if group.op.kind is not Kind.MIX:
                    self.add(group)
            mixes = [group for group in groups if group.op.kind is Kind.MIX]
            if mixes:
                self.add_mixes(mixes)
            return
        moving = [group for group in groups if group.op.kind in GEOMETRY]
        lowered: list[Lowered] = [self.lowered(group) for group in moving]
        if self._must_part(groups, moving, lowered):
            for position in distinct(np.concatenate([group.position for group in groups])):
                parts = [(group, group.position == position) for group in groups]
                self.add_span([group.at(own) for group, own in parts if own.any()])
            return
        rest = [group for group in groups if group.op.kind not in GEOMETRY]
        self.turn = max(int(group.position[-1]) for group in groups)
        if moving or self.geometry.waiting:
            self.compose(moving, lowered, rest, self.turn + 1 if last else None)
        for group in rest:
            self.add_pixels(group)

    def lowered(self, group: Group) -> tuple[Any, Rows | None]:
        """What the op makes of the group's values, and which row of it is whose.

        Values of a short list are lowered once, where the images have one size.
        """
        size, finite = self.geometry.one_size, group.finite
        if finite is None or size is None:
            sizes = self.geometry.sizes[group.rows]
            values, count = group.all_values(), len(group.rows)
            return call(group.op, group.settings, values, sizes=sizes, count=count), None
        if size not in finite.lowered:
            if len(finite.lowered) >= KEPT:
                finite.lowered.clear()
            count = len(next(iter(finite.values.values())))
            sizes = np.tile(np.array(size), (count, 1))
            made = call(group.op, group.settings, finite.values, sizes=sizes, count=count)
            finite.lowered[size] = made
        return finite.lowered[size], finite.code

    def _must_part(self, groups: Span, moving: Span, lowered: list[Lowered]) -> bool:
        """Whether an op changes sizes that an op of a later position has to see."""
        if len(groups) == 1 and len(groups[0].rows) == 1:
            return False
        size = self.geometry.one_size
        same = all(
            np.array_equal(entry.size, self.geometry.sizes[group.rows])
            if size is None
            else (entry.size == size).all()
            for group, (entry, _) in zip(moving, lowered, strict=True)
        )
        first = groups[0].position[0]
        return not same and any(np.any(group.position != first) for group in groups)

    def compose(self, moving: Span, lowered: list[Lowered], rest: Span, end: int | None) -> None:
        """Each position's geometry joins the runs, and its other ops end them; so does `end`."""
        parts = [(group.rows, group.position) for group in rest]
        if end is not None:
            count = len(self.plan)
            parts.append((np.arange(count), np.full(count, end)))
        rows = np.concatenate([rows for rows, _ in parts]) if parts else NO_ROWS
        ends = np.concatenate([ends for _, ends in parts]) if parts else NO_ROWS
        geometry, entries = self.geometry, self.entries
        moves = geometry.moves(moving, lowered, self.channels, entries) if moving else None
        geometry.compose(moves, rows, ends, entries)

    def add(self, group: Group) -> None:
        """A group of one position that stands alone, or beside one that does."""
        op = group.op
        if op.kind is Kind.CHAIN:
            for name, chained in call(op, group.settings, group.all_values()):
                part = Group(get(name), group.settings, group.rows, group.position, chained)
                try:
                    self.add_span([part])
                except PolicyError as error:  # the user knows the chain, not its parts
                    raise PolicyError(f"{op.name}: {error}") from error
        elif op.kind is Kind.OUTPUT:
            output: Output = call(op, group.settings, group.all_values())
            _check_output(output, self.channels)
            self.program.output = output
        else:
            self.add_span([group])

    def add_pixels(self, group: Group) -> None:
        op, rows, turn = group.op, group.rows, group.position
        if op.kind is Kind.TABLE:
            table, pick = self.table(group)
            self.entries.add(Verb.LOOKUP, rows, turn, pick, lookup=table)
            return
        if self.channels not in (op.channels or (self.channels,)):
            *some, last = map(str, op.channels)
            legal = f"{', '.join(some)} or {last}" if some else last
            raise PolicyError(f"{op.name} needs images of {legal} channels, got {self.channels}")
        entry, pick = self.lowered(group)
        self.add_entry(entry, group, pick)

    def add_entry(self, entry: Any, group: Group, pick: Rows | None) -> None:
        """One entry, or several that run one after the other. pick: see `lowered`."""
        if isinstance(entry, tuple):
            for part in entry:
                self.add_entry(part, group, pick)
        elif isinstance(entry, Luma):
            self.to_luma(group)
        elif not (isinstance(entry, Toward) and self.channels == 1):  # gray is its own gray
            made = columns_of(entry, group if pick is None else group.listed(), self.channels)
            self.entries.add(made.verb, group.rows, group.position, pick, **made.columns)
            for name, (rows, used) in made.lists.items():
                self.entries.add_list(name, rows, used)

    def to_luma(self, group: Group) -> None:
        if self.channels == 1:
            return
        if len(group.rows) != len(self.plan):
            raise PolicyError(
                f"{group.op.name}: output_channels=1 must reach every image; "
                "use it outside of choices"
            )
        self.entries.add(Verb.LUMA, group.rows, group.position)
        self.channels = 1

    def table(self, group: Group) -> tuple[Array, Rows | None]:
        """Tables, and which is whose: one for each value where the values are a short list."""
        op, settings, kernels = group.op, group.settings, self.kernels
        if group.finite is None:
            count = len(group.rows)
            return level_table(op, settings, group.values, self.dtype, count, kernels), None
        tables, values = group.finite.lowered, group.finite.values
        name = self.dtype.str
        if name not in tables:
            count = len(next(iter(values.values())))
            tables[name] = level_table(op, settings, values, self.dtype, count, kernels)
        return tables[name], group.finite.code

    def add_mixes(self, groups: Span) -> None:
        """The mixes of one position: all of them see the images as they are before it."""
        self.close_stage()
        sizes = self.geometry.sizes.copy()
        stage = mixes_of(groups, sizes, self.dtype, self.channels, self.copies)
        self.program.stages.append(stage)
        self.geometry.begin_anew(stage.sizes_out)
        self.open_stage()

    def copies(self, rows: Rows, records: list[Record]) -> Stage:
        """The stage that these records stand for, on copies of samples `rows` (t,)."""
        sizes = self.geometry.sizes[rows]
        plan = replace(self.plan, index=self.plan.index[rows], sizes=sizes, records=records)
        stage = lower(plan, self.dtype, self.channels).stages[0]
        if not isinstance(stage, Stage):
            raise PolicyError("copies of one image cannot be mixed")
        return stage


def level_table(
    op: Op,
    settings: Mapping[str, Any],
    values: Mapping[str, Array],
    dtype: Any,
    count: int,
    kernels: Kernels | None = None,
) -> Array:
    """(k, 256) uint8, or (k, KNOTS) float32 on 0..1: the op's function on every level."""
    whole = dtype == np.uint8
    levels = WHOLE_LEVELS if whole else ALL_LEVELS
    tables = np.empty((count, len(levels)), dtype=np.uint8 if whole else np.float32)
    if op.scales and whole and kernels is not None:
        kernels.scaled(values[op.scales].astype(np.float32), op.rounds, tables)
        return tables
    step = max(1, AT_ONCE // len(levels))
    for first in range(0, count, step):
        part = tables[first : first + step]
        columns = {name: value[first : first + step, None] for name, value in values.items()}
        result = call(op, settings, columns, levels=levels)
        if whole and kernels is not None:
            kernels.settled(result, op.rounds, part)
            continue
        result = np.maximum(result, 0)
        result = np.minimum(result, 255, out=result)
        if not whole:
            part[...] = np.divide(result, result.dtype.type(255))
        else:
            part[...] = result + 0.5 if op.rounds else result  # cut off; nothing is below 0
    return tables


def _check_output(output: Output, channels: int) -> None:
    for name, value in (("mean", output.mean), ("std", output.std)):
        if len(value) not in (1, channels):
            raise PolicyError(
                f"Normalize.{name}: expected 1 or {channels} numbers, got {len(value)}"
            )
