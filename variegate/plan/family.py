"""Leaves of one op that are drawn and lowered together, wherever in the policy they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.op import Op, Param
from variegate.plan.drawn import Finite, Group
from variegate.policy.nodes import Step, Strength

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]

MOST_LISTED = 64  # values that are kept as a list, with their tables
SIGNS = 2  # that are drawn for an op whose values are kept as a list


@dataclass
class Leaf:
    """A step at a position. columns: name of a number -> its columns in the matrix of uniforms.

    number: its place among the leaves; -1 where it does nothing and is never drawn.
    """

    step: Step
    op: Op
    position: int
    path: str
    columns: dict[str, Columns]
    number: int = -1


def settings_of(leaf: Leaf) -> dict[str, Any]:
    """The step's fixed choices."""
    return {s.name: leaf.step.arguments[s.name] for s in leaf.op.settings}


def likeness(leaf: Leaf) -> tuple[Any, ...]:
    """Leaves with equal likeness differ only in numbers: ranges, magnitudes and columns."""
    step, strength = leaf.step, leaf.step.magnitude
    ranges = tuple(
        step.arguments[p.name][0] < step.arguments[p.name][1] if p.name in step.arguments else None
        for p in leaf.op.params
    )
    how = None
    if strength is not None:
        how = (strength.low < strength.high, strength.std, strength.levels)
    widths = tuple((name, len(value)) for name, value in leaf.columns.items() if name != "p")
    settings = tuple((name, value) for name, value in settings_of(leaf).items())
    return leaf.op.name, repr(settings), ranges, how, tuple(step.strong.items()), widths


class Family:
    """Leaves of one likeness; all that does not change from batch to batch is made here."""

    def __init__(self, leaves: list[Leaf]) -> None:
        first = leaves[0]
        self.op: Op = first.op
        self.settings = settings_of(first)
        self.leaves = leaves
        self.position = np.array([leaf.position for leaf in leaves], dtype=np.int64)
        self.columns = {
            name: np.stack([leaf.columns[name] for leaf in leaves])
            for name in first.columns
            if name != "p"
        }
        self.keyed = self.op.keyed or first.step.arguments.get("mode") == "noise"
        self.strength: Strength | None = first.step.magnitude
        self.low = np.array([_low(leaf) for leaf in leaves])
        self.high = np.array([_high(leaf) for leaf in leaves])
        self.ranges: dict[str, Floats] = {
            p.name: np.array([leaf.step.arguments[p.name] for leaf in leaves], dtype=np.float64).T
            for p in self.op.params
            if p.name in first.step.arguments
        }
        self.signed = [p.name for p in self.op.params if f"{p.name} sign" in self.columns]
        self.listed: dict[str, Floats] | None = None
        self.place = np.arange(len(leaves))
        self.lowered: dict[Any, Any] = {}
        if self._is_finite():
            self._list_values()

    def _is_finite(self) -> bool:
        drawn = set(self.columns) - {f"{name} sign" for name in self.signed}
        return bool(self.op.params) and not drawn and len(self.signed) <= SIGNS and not self.keyed

    def _list_values(self) -> None:
        """Each leaf's values for each choice of signs, leaves of equal values only once."""
        choices = 1 << len(self.signed)
        rows = []
        for place in range(len(self.leaves)):
            local = np.full(choices, place)
            signs = {
                name: np.where((np.arange(choices) >> bit) & 1, -1.0, 1.0)
                for bit, name in enumerate(self.signed)
            }
            values = [self._param(p, local, None, signs.get(p.name)) for p in self.op.params]
            rows.append(np.stack(values, axis=1))
        first = {row.tobytes(): place for place, row in reversed(list(enumerate(rows)))}
        kept = sorted(first.values())
        if len(kept) * choices > MOST_LISTED:
            return
        number = {place: i for i, place in enumerate(kept)}
        self.place = np.array([number[first[row.tobytes()]] * choices for row in rows])
        listed = np.concatenate([rows[place] for place in kept])
        self.listed = {p.name: listed[:, i].copy() for i, p in enumerate(self.op.params)}

    def sign_columns(self, bit: int) -> Columns:
        """Of each leaf, the column of the sign that is this bit of a code; -1 where it has none."""
        if self.listed is None or bit >= len(self.signed):
            return np.full(len(self.leaves), -1)
        return np.broadcast_to(self.columns[f"{self.signed[bit]} sign"][:, 0], len(self.leaves))

    def draw(
        self,
        rows: Rows,
        local: Rows,
        numbers: Floats,
        keys: Callable[[int], npt.NDArray[np.uint64]],
        position: Rows,
        code: Rows,
    ) -> Group:
        """The values of `rows` (k,) of the batch, each at its leaf `local` (k,) of the family.

        numbers: the batch's uniforms. keys: the 64-bit word of each sample at a position. position
        (k,): of the leaves. code (k,): which of the listed values, where the family has a list.
        """

        def uniform(name: str) -> Floats:
            columns = self.columns[name]
            if columns.shape[1] > 1:
                if len(columns) == 1 and _are_all(rows, len(numbers)):
                    return numbers[:, columns[0]]
                own = columns if len(columns) == 1 else columns[local]
                return np.asarray(numbers[rows[:, None], own])
            if len(columns) == 1:
                return np.asarray(numbers[rows, columns[0, 0]])
            places = rows * numbers.shape[1] + columns[local, 0]
            return np.asarray(numbers.reshape(-1).take(places))

        finite: Finite | None = None
        values: dict[str, Any] = {}
        if self.listed is not None:
            finite = Finite(code, self.listed, self.lowered)
        else:
            values = {p.name: self._param(p, local, uniform, None) for p in self.op.params}
        for item in self.op.draws:
            values[item.name] = uniform(item.name)
        if self.keyed:
            values["key"] = self._keys(rows, local, keys) | np.uint64(1)
        return Group(self.op, self.settings, rows, position, values, finite)

    def _keys(self, rows: Rows, local: Rows, keys: Any) -> npt.NDArray[np.uint64]:
        result = np.empty(len(rows), dtype=np.uint64)
        for place, position in enumerate(self.position):
            mine = local == place
            if mine.any():
                result[mine] = keys(int(position))[rows[mine]]
        return result

    def _param(self, param: Param, local: Rows, uniform: Any, sign: Floats | None) -> Floats:
        """The drawn value of a param, (k,)."""
        if param.name not in self.ranges:
            if sign is None:
                sign = np.ones(len(local))
                if param.mirrored:
                    sign = np.where(uniform(f"{param.name} sign") < 0.5, -1.0, 1.0)
            strong = self.leaves[0].step.strong.get(param.name)
            return param.at(self._magnitudes(local, uniform), sign, strong)
        low, high = self.ranges[param.name][0, local], self.ranges[param.name][1, local]
        if param.name not in self.columns:
            return np.asarray(low)
        span = high - low + 1 if param.whole else high - low
        value = low + uniform(param.name) * span
        return np.asarray(np.minimum(np.floor(value), high) if param.whole else value)

    def _magnitudes(self, local: Rows, uniform: Any) -> Floats:
        strength = self.strength
        if strength is None:
            return np.zeros(len(local))
        low = self.low[local]
        magnitude = low
        if "magnitude" in self.columns:
            share = uniform("magnitude")
            if strength.levels > 1:
                share = np.floor(share * strength.levels) / (strength.levels - 1)
            magnitude = low + share * (self.high[local] - low)
        if "magnitude noise" in self.columns:
            first, second = uniform("magnitude noise").T
            normal = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)
            magnitude = magnitude + strength.std * normal
        return np.asarray(np.clip(magnitude, 0, 1))


def _are_all(rows: Rows, count: int) -> bool:
    """Whether these are rows 0 to count - 1 in order."""
    return len(rows) == count and bool((rows == np.arange(count)).all())


def _low(leaf: Leaf) -> float:
    return leaf.step.magnitude.low if leaf.step.magnitude is not None else 0.0


def _high(leaf: Leaf) -> float:
    return leaf.step.magnitude.high if leaf.step.magnitude is not None else 0.0
