"""What some ops look at before they draw a window: boxes, or the pixels of a mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.ops.entries import Looked
from variegate.ops.op import Kind, Op
from variegate.ops.registry import get
from variegate.plan.drawn import Drawn, Group, Span, spans_of
from variegate.plan.lower import GEOMETRY, lower
from variegate.plan.maps import points_after, rings_after
from variegate.plan.plan import Plan
from variegate.plan.program import Program, Stage
from variegate.plan.rings import Rings, areas, bounds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

NEUTRAL = get("Invert")  # ends a run of geometry as any other op does, on images of any kind
LEAST = 1e-9  # pixels of a box that must still be seen


@dataclass(frozen=True)
class Boxes:
    """Boxes x1 y1 x2 y2 (m, 4) of the images as they come in. first (n + 1,): whose they are.

    value (m,): of the pixels of a mask, whose rows are boxes of equal values.
    """

    first: Ints
    boxes: Floats
    value: Floats


@dataclass(frozen=True)
class Regions:
    """boxes: of instances. mask: a mask's pixels that are not 0. None where nobody gave any."""

    boxes: Boxes | None = None
    mask: Boxes | None = None


def geometry_of(plan: Plan) -> Program:
    """The program of a plan's geometry alone; other ops end its runs and do nothing else."""
    spans: list[Span] = []
    channels = 1
    for span in spans_of(plan.records):
        groups = []
        for group in span:
            fill = group.settings.get("fill")
            channels = max(channels, len(fill) if isinstance(fill, tuple) else 1)
            kept = group.op.kind in (*GEOMETRY, Kind.CELLS, Kind.MIX)
            groups.append(group if kept else Group(NEUTRAL, {}, group.rows, group.position, {}))
        spans.append(groups)
    return lower(replace(plan, records=Drawn(spans, tuple)), np.uint8, channels)


def looked_at(
    op: Op,
    regions: Regions,
    before: Program,
    rows: Rows,
    settings: Mapping[str, Any],
    values: Mapping[str, Any],
) -> Looked:
    """What an op sees of samples `rows` (k,) after the program of all that comes before it."""
    stages = [stage for stage in before.stages if isinstance(stage, Stage)]
    if len(stages) < len(before.stages):
        raise InputError(f"{op.name} looks at {op.looks}, which a mix changes: put it before")
    sizes = np.asarray(stages[-1].sizes_out, dtype=np.int64)[rows]
    count = len(stages[0].sizes_in)
    if op.looks == "mask":
        points = picked(_or_none(regions.mask, count), rows, settings, values["pixel"])
        none = _boxes_of([np.zeros((0, 4))] * len(rows))
        return Looked(sizes, *none, _moved(points, stages, rows))
    found = _seen(_or_none(regions.boxes, count), stages)
    boxes = _boxes_of([found[row] for row in rows.tolist()])
    return Looked(sizes, *boxes, np.zeros((len(rows), 0, 2)))


def _or_none(given: Boxes | None, count: int) -> Boxes:
    if given is not None:
        return given
    return Boxes(np.zeros(count + 1, dtype=np.int64), np.zeros((0, 4)), np.zeros(0))


def _boxes_of(parts: list[Floats]) -> tuple[Ints, Floats]:
    first = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return first, np.concatenate([np.zeros((0, 4)), *parts])


def _seen(given: Boxes, stages: list[Stage]) -> list[Floats]:
    """The boxes of each sample that are still seen, as they are after the stages."""
    x1, y1, x2, y2 = given.boxes.T
    corners = np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1).reshape(-1, 4, 2)
    owner = np.repeat(np.arange(len(given.first) - 1), np.diff(given.first))
    rings = rings_after(Rings.of_corners(corners), stages, owner, cut=True)
    count = len(given.boxes)
    box, shown = bounds(rings, count), areas(rings, count) > LEAST
    ends = given.first.tolist()
    return [box[a:b][shown[a:b]] for a, b in pairwise(ends)]


def picked(mask: Boxes, rows: Rows, settings: Mapping[str, Any], uniform: Floats) -> Floats:
    """Centers of pixels of each mask (k, t, 2), each pixel equally likely; NaN where it has none.

    uniform (k, t).
    """
    points = np.full((*uniform.shape, 2), np.nan)
    wanted = ~np.isin(mask.value, settings.get("ignore_values", ()))
    for place, row in enumerate(rows.tolist()):
        part = slice(mask.first[row], mask.first[row + 1])
        boxes = mask.boxes[part][wanted[part]]
        wide = boxes[:, 2] - boxes[:, 0]
        end = np.cumsum(wide * (boxes[:, 3] - boxes[:, 1]))
        if len(end) == 0:
            continue
        pixel = np.minimum(np.floor(uniform[place] * end[-1]), end[-1] - 1)
        own = np.searchsorted(end, pixel, side="right")
        within = pixel - np.concatenate([[0], end])[own]
        down, across = np.divmod(within, wide[own])
        points[place] = boxes[own, :2] + np.stack([across, down], axis=1) + 0.5
    return points


def _moved(points: Floats, stages: list[Stage], rows: Rows) -> Floats:
    """Points (k, t, 2) after the stages; NaN where one was outside of a frame."""
    flat, owner = points.reshape(-1, 2).copy(), np.repeat(rows, points.shape[1])
    there = np.flatnonzero(np.isfinite(flat[:, 0]))
    moved, inside = points_after(flat[there], stages, owner[there])
    flat[there] = np.where(inside[:, None], moved, np.nan)
    return flat.reshape(points.shape)


def runs_of(mask: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """The pixels of a mask (h, w) or (h, w, c) that are not 0, as boxes one row high (m, 4), and
    the value of each (m,), 1 where there are several channels.
    """
    value = mask if mask.ndim == 2 else np.asarray(mask.any(axis=2), dtype=np.int64)
    value = value.astype(np.float64)
    edge = np.ones((len(value), value.shape[1] + 1), dtype=bool)
    edge[:, 1:-1] = value[:, 1:] != value[:, :-1]
    row, column = np.nonzero(edge)
    follows = row[1:] == row[:-1]
    y, x1, x2 = row[:-1][follows], column[:-1][follows], column[1:][follows]
    own = value[y, x1]
    some = own != 0
    boxes = np.stack([x1, y, x2, y + 1], axis=1)[some].astype(np.float64)
    return boxes, own[some]
