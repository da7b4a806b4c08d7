"""Reordering, only where the user asks: geometry first, so that more of it is one resampling."""

from __future__ import annotations

from dataclasses import replace

from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.plan.plan import Plan
from variegate.plan.record import Record

GEOMETRY = (Kind.MATRIX, Kind.FIELD)
POINTWISE = (Kind.TABLE, Kind.COLOR)


def geometry_first(plan: Plan) -> Plan:
    """The plan with geometry moved before the TABLE and COLOR ops that stand directly before it.

    Any other op stays where it is and nothing passes it. Positions are numbered anew. Pixels change
    a little: a table then sees interpolated levels, and a border's fill goes through it too.
    """
    moved: list[Record] = []
    geometry_end = 0
    for record in plan.records:
        kind = get(record.op).kind
        if kind in GEOMETRY:
            moved.insert(geometry_end, record)
            geometry_end += 1
        else:
            moved.append(record)
            if kind not in POINTWISE:
                geometry_end = len(moved)
    return replace(plan, records=tuple(_numbered(moved)))


def _numbered(records: list[Record]) -> list[Record]:
    """Positions that rise with the order; neighbors that shared one still do."""
    numbered: list[Record] = []
    position, before = -1, None
    for record in records:
        if record.position != before:
            position, before = position + 1, record.position
        numbered.append(replace(record, position=position))
    return numbered
