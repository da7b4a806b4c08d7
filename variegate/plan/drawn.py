"""What was drawn, grouped by op over all positions; records are made of it when someone looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from variegate.ops.op import Op
from variegate.ops.registry import get
from variegate.plan.record import Record

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]


@dataclass
class Finite:
    """Values that come from a short list. code (k,): each row's place in `values`, name -> (c,).

    lowered: what lowering made of the list, by what it depends on; kept for as long as the policy.
    """

    code: Rows
    values: Mapping[str, Array]
    lowered: dict[Any, Any]


@dataclass
class Group:
    """One op with the same settings on some samples, at one position or several.

    rows, position (k,); values: name -> (k,) or (k, width). finite: more values, as a short list,
    or None.
    """

    op: Op
    settings: Mapping[str, Any]
    rows: Rows
    position: Rows
    values: dict[str, Array]
    finite: Finite | None = None

    def all_values(self) -> dict[str, Array]:
        """The values of every row, those of the list among them."""
        if self.finite is None:
            return self.values
        code = self.finite.code
        return {name: own[code] for name, own in self.finite.values.items()} | self.values

    def listed(self) -> Group:
        """The short list itself, a row for each of its values; without one, the group."""
        if self.finite is None:
            return self
        rows = np.arange(len(next(iter(self.finite.values.values()))))
        return Group(self.op, self.settings, rows, rows, dict(self.finite.values))

    def at(self, chosen: Array) -> Group:
        """The group of the `chosen` (k,) rows alone."""
        values = {name: value[chosen] for name, value in self.all_values().items()}
        return Group(self.op, self.settings, self.rows[chosen], self.position[chosen], values)


# Groups that may be lowered together: no op among them needs what another one does to the sizes.
Span = list[Group]


@dataclass
class Drawn(Sequence[Record]):
    """The records of a plan, made when first asked for. spans: the same as groups, in order."""

    spans: list[Span]
    make: Callable[[], tuple[Record, ...]]
    _made: tuple[Record, ...] | None = field(default=None, repr=False)

    @property
    def seen(self) -> bool:
        """Whether someone has looked at the records, and may have changed their arrays."""
        return self._made is not None

    @property
    def records(self) -> tuple[Record, ...]:
        """The records in order of position."""
        if self._made is None:
            self._made = self.make()
        return self._made

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, place: int | slice) -> Record | tuple[Record, ...]:
        return self.records[place]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self.records,)


def spans_of(records: Sequence[Record]) -> list[Span]:
    """Records as groups, each position for itself; what nobody has looked at as it was drawn."""
    if isinstance(records, Drawn) and not records.seen:
        return records.spans
    spans: list[Span] = []
    before = None
    for record in records:
        if record.position != before:
            spans.append([])
            before = record.position
        position = np.full(len(record.rows), record.position)
        group = Group(get(record.op), record.settings, record.rows, position, dict(record.values))
        spans[-1].append(group)
    return spans
