"""Drawing: the only code that makes random numbers. Everything is vectorized over the batch.

Each number is a pure function of (seed, epoch, sample index, step position, slot): the same for any
batch split, order, thread or worker count. Only a mix's partner depends on which samples share the
batch.
"""

from __future__ import annotations

import inspect
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import EngineError, InputError
from variegate.ops.op import Kind, Op
from variegate.plan.counter import Keys, hashes, slot_keys
from variegate.plan.drawn import Drawn, Group, Span
from variegate.plan.family import Family, Leaf
from variegate.plan.layout import (
    ALONE,
    KEY,
    SLOTS,
    All,
    Branch,
    ByClass,
    Choice,
    Layout,
    Stages,
    lay_out,
)
from variegate.plan.plan import Plan
from variegate.plan.record import Record
from variegate.plan.regions import Regions, geometry_of, looked_at
from variegate.policy.policy import Policy

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
FEW = 32


def draw(
    policy: Policy | Layout,
    seed: int,
    epoch: int,
    index: Keys,
    sizes: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64] | None = None,
    regions: Regions | None = None,
    batch: int | None = None,
) -> Plan:
    """Draws a plan for samples `index` (n,) with input sizes (n, 2).

    labels (n,) class indices: needed where the policy has a PerClass. Raises InputError without
    them. regions: what steps that look at boxes or masks see; without it they see none. batch: how
    many of the samples share a batch, of which there are whole ones; by default all do.
    """
    layout = policy if isinstance(policy, Layout) else lay_out(policy)
    if layout.needs_labels and labels is None:
        raise InputError("the policy has a PerClass step: pass labels (class indices)")
    numbers = layout.uniforms(layout.keys(seed, epoch), index)
    start = Plan(seed, epoch, index, sizes, ())
    work = _Drawing(layout, start, numbers, labels, regions or Regions(), batch or len(index))
    work.visit(layout.root, np.arange(len(index)))
    return Plan(seed, epoch, index, sizes, work.drawn())


class _Drawing:
    """One pass over the policy: which leaves each sample comes to, then what is drawn there."""

    def __init__(
        self,
        layout: Layout,
        start: Plan,
        numbers: Floats,
        labels: Rows | None,
        regions: Regions,
        batch: int,
    ) -> None:
        self.batch = batch
        self.layout = layout
        self.start = start
        self.seed = start.seed
        self.epoch = start.epoch
        self.index = start.index
        self.numbers = numbers
        self.labels = labels
        self.regions = regions
        self.visits: list[tuple[Rows, Rows]] = []  # samples, and the number of each one's leaf

    def keys(self, position: int) -> Keys:
        """One 64-bit word for each sample at a position."""
        return hashes(_key(self.seed, self.epoch, position), self.index)[:, 0]

    def visit(self, branch: Branch, rows: Rows) -> None:
        if len(rows) == 0:
            return
        if isinstance(branch, Leaf):
            self.visits.append((rows, np.full(len(rows), branch.number)))
        elif isinstance(branch, All):
            rows = self.chosen(rows, branch.p, branch.apply)
            for child in branch.children:
                self.visit(child, rows)
        elif isinstance(branch, Choice):
            self.visit_one(branch, self.chosen(rows, branch.p, branch.apply))
        elif isinstance(branch, Stages):
            stage = bisect_right(branch.starts, self.epoch)
            if stage:
                self.visit(branch.branches[stage - 1], rows)
        else:
            self.visit_by_class(branch, rows)

    def chosen(self, rows: Rows, p: float, column: int) -> Rows:
        return rows[self.numbers[rows, column] < p] if p < 1 else rows

    def visit_one(self, branch: Choice, rows: Rows) -> None:
        uniform = self.numbers[rows, branch.choice]
        pick = _places(branch.cumulative, uniform)
        if branch.leaves is not None:
            self.visits.extend((rows, leaves[pick]) for leaves in branch.leaves)
            return
        for place in np.unique(pick):
            self.visit(branch.children[place], rows[pick == place])

    def visit_by_class(self, branch: ByClass, rows: Rows) -> None:
        if self.labels is None:
            raise InputError("the policy has a PerClass step: pass labels (class indices)")
        labels = self.labels[rows]
        for index in np.unique(labels):
            child = branch.branches.get(int(index), branch.default)
            self.visit(child, rows[labels == index])

    def drawn(self) -> Drawn:
        """The values at every leaf, one group for each family; records only when asked for."""
        layout = self.layout
        if not self.visits or not layout.families:
            return Drawn([], tuple)
        rows = np.concatenate([rows for rows, _ in self.visits])
        leaf = np.concatenate([leaf for _, leaf in self.visits])
        visit = np.repeat(np.arange(len(self.visits)), [len(rows) for rows, _ in self.visits])
        there = leaf >= 0
        if self.numbers.shape[1] and layout.rare:
            places = rows * self.numbers.shape[1] + layout.p_column.take(leaf)
            there &= self.numbers.reshape(-1).take(places) < layout.p.take(leaf)
        if not there.all():
            rows, leaf, visit = rows[there], leaf[there], visit[there]
        family = layout.family.astype(np.int16).take(leaf)
        if (family[1:] < family[:-1]).any():
            order = np.argsort(family, kind="stable")
            rows, leaf, visit = rows.take(order), leaf.take(order), visit.take(order)
        ends = np.cumsum(np.bincount(family, minlength=len(layout.families))).tolist()
        parts = [slice(first, end) for first, end in zip([0, *ends], ends, strict=False)]
        local, position = layout.local.take(leaf), layout.position.take(leaf)
        code = self.codes(rows, leaf)
        spans: list[Span] = []
        tags = []
        for numbers in layout.spans:
            found = [
                (part, layout.families[number])
                for number in numbers
                for part in _parts(layout.families[number].op, parts[number], visit)
            ]
            # One mix sees what another has done, so those of one position go by visit.
            found.sort(key=lambda item: visit[item[0].start] if item[1].op.kind in ALONE else -1)
            span = [
                self.group(family, rows[part], local[part], position[part], code[part])
                for part, family in found
            ]
            for group in span:
                if group.op.window is not None:
                    self.look(group, spans)
            tags += [
                (group, leaf[part], visit[part])
                for group, (part, _) in zip(span, found, strict=True)
            ]
            if span:
                spans.append(span)
        return Drawn(spans, lambda: _records(layout, tags))

    def codes(self, rows: Rows, leaf: Rows) -> Rows:
        """Which of its family's listed values each leaf has here; its signs are the lowest bits."""
        code, numbers = self.layout.code.take(leaf), self.numbers.reshape(-1)
        for bit, columns in enumerate(self.layout.signs):
            column = columns.take(leaf)
            drawn = np.flatnonzero(column >= 0)
            places = rows.take(drawn) * self.numbers.shape[1] + column.take(drawn)
            code[drawn] += (numbers.take(places) < 0.5) << bit
        return code

    def group(self, family: Family, rows: Rows, local: Rows, position: Rows, code: Rows) -> Group:
        group = family.draw(rows, local, self.numbers, self.keys, position, code)
        if family.op.kind is Kind.MIX:
            count = 1 if family.op.mixing is None else family.op.mixing.partners
            keys = self.keys(int(family.position[0]))
            group.values["partner"] = _partners(keys, self.index, rows, count, self.batch)
        return group

    def look(self, group: Group, before: list[Span]) -> None:
        """Draws the windows of an op that looks at targets, as they are after what comes before."""
        op, rows = group.op, group.rows
        program = geometry_of(replace(self.start, records=Drawn(before, tuple)))
        seen = looked_at(op, self.regions, program, rows, group.settings, group.values)
        if op.window is None:
            raise EngineError(f"{op.name}: has no window")
        given = {item.name: group.values[item.name] for item in op.draws if item.name != "pixel"}
        settings = {
            name: group.settings[name] for name in _accepted(op.window) & set(group.settings)
        }
        group.values["window"] = op.window(seen, **settings, **given)


def _places(cumulative: Floats, uniform: Floats) -> Rows:
    """Which part of 0..1 each number lies in; parts end at rising `cumulative`."""
    ends = cumulative[:-1]
    if len(ends) < FEW:  # comparing with all is sooner done than looking for each
        reached = (ends[:, None] <= uniform).view(np.int8)
        return np.asarray(np.add.reduce(reached, axis=0, dtype=np.int8), dtype=np.int64)
    return np.asarray(np.searchsorted(ends, uniform, side="right"), dtype=np.int64)


@lru_cache(maxsize=256)
def _key(seed: int, epoch: int, position: int) -> Keys:
    """The key (1,) of a position's words."""
    return slot_keys(seed, epoch, np.array([position * SLOTS + KEY], dtype=np.uint64))


@lru_cache(maxsize=64)
def _accepted(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def _parts(op: Op, part: slice, visit: Rows) -> list[slice]:
    """What becomes one group: all of it; of a mix each visit, since one mix sees another."""
    if part.start == part.stop:
        return []
    if op.kind is not Kind.MIX or visit[part.start] == visit[part.stop - 1]:
        return [part]
    cuts = np.flatnonzero(np.diff(visit[part])) + 1 + part.start
    ends = [part.start, *cuts.tolist(), part.stop]
    return [slice(first, end) for first, end in pairwise(ends)]


def _records(layout: Layout, tags: list[tuple[Group, Rows, Rows]]) -> tuple[Record, ...]:
    """One record for each leaf and visit, in order of position."""
    found: list[tuple[tuple[int, int, int], Record]] = []
    for group, leaf, visit in tags:
        for own in np.unique(leaf):
            for turn in np.unique(visit[leaf == own]):
                part = group.at((leaf == own) & (visit == turn))
                at = layout.families[layout.family[own]].leaves[layout.local[own]]
                record = Record(
                    at.position, at.path, at.op.name, part.rows, part.values, part.settings
                )
                found.append(((at.position, int(turn), int(own)), record))
    found.sort(key=lambda item: item[0])
    return tuple(record for _, record in found)


def _partners(keys: Keys, index: Keys, rows: Rows, count: int, batch: int) -> npt.NDArray[np.int64]:
    """The next `count` of each of these rows (k, count) in one random circle through its batch,
    whatever the batch's order.
    """
    if len(keys) == 0:
        return np.zeros((0, count), dtype=np.int64)
    circles = keys.reshape(-1, batch)
    order = circles.argsort(axis=1)
    rising = np.take_along_axis(circles, order, axis=1)
    if (rising[:, 1:] == rising[:, :-1]).any():
        order = np.lexsort((index.reshape(-1, batch), circles), axis=1)
    first = np.arange(0, len(keys), batch)[:, None]
    order += first
    place = np.empty(len(keys), dtype=np.int64)
    place[order] = np.arange(batch)  # within the circle
    after = (place[rows, None] + np.arange(1, count + 1)) % batch
    partners: npt.NDArray[np.int64] = order.reshape(-1)[after + (rows // batch * batch)[:, None]]
    return partners
