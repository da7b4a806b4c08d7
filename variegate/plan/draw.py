"""Drawing: the only code that makes random numbers. Everything is vectorized over the batch.

Each number is a pure function of (seed, epoch, sample index, step position, slot): the same for any
batch split, order, thread or worker count. Only a mix's partner depends on which samples share the
batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.ops.op import Kind
from variegate.plan.counter import Keys, hashes, slot_keys, uniforms
from variegate.plan.layout import KEY, SLOTS, All, Branch, ByClass, Choice, Layout, Leaf, lay_out
from variegate.plan.plan import Plan, Record
from variegate.policy.policy import Policy

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def draw(
    policy: Policy | Layout,
    seed: int,
    epoch: int,
    index: Keys,
    sizes: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64] | None = None,
) -> Plan:
    """Draws a plan for samples `index` (n,) with input sizes (n, 2).

    labels (n,) class indices: needed where the policy has a PerClass. Raises InputError without
    them.
    """
    layout = policy if isinstance(policy, Layout) else lay_out(policy)
    if layout.needs_labels and labels is None:
        raise InputError("the policy has a PerClass step: pass labels (class indices)")
    numbers = uniforms(slot_keys(seed, epoch, layout.slots), index)
    batch = _Batch(seed, epoch, index, numbers, labels)
    records: list[Record] = []
    _draw_all(layout.root, np.arange(len(index)), batch, records)
    records.sort(key=lambda record: record.position)
    return Plan(seed, epoch, index, sizes, tuple(records))


class _Batch:
    """What every branch needs of the batch."""

    def __init__(
        self,
        seed: int,
        epoch: int,
        index: Keys,
        numbers: Floats,
        labels: npt.NDArray[np.int64] | None,
    ) -> None:
        self.seed = seed
        self.epoch = epoch
        self.index = index
        self.numbers = numbers
        self.labels = labels

    def keys(self, position: int) -> Keys:
        """One 64-bit word for each sample at a position."""
        slot = np.array([position * SLOTS + KEY], dtype=np.uint64)
        return hashes(slot_keys(self.seed, self.epoch, slot), self.index)[:, 0]


def _draw(branch: Branch, rows: Rows, batch: _Batch, records: list[Record]) -> None:
    if len(rows) == 0:
        return
    if isinstance(branch, Leaf):
        _draw_leaf(branch, rows, batch, records)
    elif isinstance(branch, All):
        _draw_all(branch, rows, batch, records)
    elif isinstance(branch, Choice):
        _draw_choice(branch, rows, batch, records)
    else:
        _draw_by_class(branch, rows, batch, records)


def _chosen(rows: Rows, p: float, column: int, batch: _Batch) -> Rows:
    return rows[batch.numbers[rows, column] < p] if p < 1 else rows


def _draw_all(branch: All, rows: Rows, batch: _Batch, records: list[Record]) -> None:
    rows = _chosen(rows, branch.p, branch.apply, batch)
    for child in branch.children:
        _draw(child, rows, batch, records)


def _draw_choice(branch: Choice, rows: Rows, batch: _Batch, records: list[Record]) -> None:
    rows = _chosen(rows, branch.p, branch.apply, batch)
    pick = np.searchsorted(branch.cumulative, batch.numbers[rows, branch.choice], side="right")
    pick = np.minimum(pick, len(branch.children) - 1)
    for place in np.unique(pick):
        _draw(branch.children[place], rows[pick == place], batch, records)


def _draw_by_class(branch: ByClass, rows: Rows, batch: _Batch, records: list[Record]) -> None:
    if batch.labels is None:
        raise InputError("the policy has a PerClass step: pass labels (class indices)")
    labels = batch.labels[rows]
    for index in np.unique(labels):
        child = branch.branches.get(int(index), branch.default)
        _draw(child, rows[labels == index], batch, records)


def _draw_leaf(leaf: Leaf, rows: Rows, batch: _Batch, records: list[Record]) -> None:
    step, op = leaf.step, leaf.op
    if step.p < 1:
        rows = rows[batch.numbers[rows, leaf.columns["p"][0]] < step.p]
    if len(rows) == 0 or op.name == "Identity":
        return
    values: dict[str, Any] = _params(leaf, rows, batch)
    for item in op.draws:
        columns = leaf.columns[item.name]
        values[item.name] = (
            batch.numbers[rows, columns[0]]
            if len(columns) == 1
            else batch.numbers[rows][:, columns]
        )
    if op.kind is Kind.NOISE or step.arguments.get("mode") == "noise":
        values["key"] = batch.keys(leaf.position)[rows] | np.uint64(1)
    if op.kind is Kind.MIX:
        values["partner"] = _partners(batch.keys(leaf.position), batch.index)[rows]
    settings = {s.name: step.arguments[s.name] for s in op.settings}
    records.append(Record(leaf.position, leaf.path, op.name, rows, values, settings))


def _params(leaf: Leaf, rows: Rows, batch: _Batch) -> dict[str, Floats]:
    """The drawn value of each param, (k,)."""
    magnitude = _magnitudes(leaf, rows, batch)
    values: dict[str, Floats] = {}
    for param in leaf.op.params:
        if param.name in leaf.step.arguments:
            low, high = leaf.step.arguments[param.name]
            if low == high:
                values[param.name] = np.full(len(rows), low)
                continue
            uniform = batch.numbers[rows, leaf.columns[param.name][0]]
            span = high - low + 1 if param.whole else high - low
            value = low + uniform * span
            values[param.name] = np.minimum(np.floor(value), high) if param.whole else value
        else:
            sign = np.ones(len(rows))
            if param.mirrored:
                sign = np.where(
                    batch.numbers[rows, leaf.columns[f"{param.name} sign"][0]] < 0.5, -1.0, 1.0
                )
            values[param.name] = param.at(magnitude, sign, leaf.step.strong.get(param.name))
    return values


def _magnitudes(leaf: Leaf, rows: Rows, batch: _Batch) -> Floats:
    strength = leaf.step.magnitude
    if strength is None:
        return np.zeros(len(rows))
    magnitude = np.full(len(rows), strength.low)
    if strength.low < strength.high:
        uniform = batch.numbers[rows, leaf.columns["magnitude"][0]]
        if strength.levels > 1:
            uniform = np.floor(uniform * strength.levels) / (strength.levels - 1)
        magnitude = strength.low + uniform * (strength.high - strength.low)
    if strength.std > 0:
        first, second = batch.numbers[rows][:, leaf.columns["magnitude noise"]].T
        normal = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)
        magnitude = magnitude + strength.std * normal
    return np.asarray(np.clip(magnitude, 0, 1))


def _partners(keys: Keys, index: Keys) -> npt.NDArray[np.int64]:
    """Each sample's partner: the next in one random circle through the batch, whatever its
    order.
    """
    order = np.lexsort((index, keys))
    partner = np.empty(len(order), dtype=np.int64)
    partner[order] = np.roll(order, -1)
    return partner
