"""Marks after a program: what became of them, in the forms that they came in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine
from variegate.pipeline.marks import Marks
from variegate.plan.maps import runs
from variegate.plan.program import MixStage, Program, Stage
from variegate.targets.annotations import (
    REASONS,
    STAYS,
    Annotations,
    Seen,
    boxes_alone,
    boxes_of,
    fates,
    moved,
)
from variegate.targets.boxes import from_corners
from variegate.targets.images import stack
from variegate.targets.instance_masks import instance_areas, kept_masks, run_instance_masks
from variegate.targets.keypoints import shown
from variegate.targets.oriented import write_oriented
from variegate.targets.polygons import write_polygons
from variegate.targets.rows import split, starts

Ints = npt.NDArray[np.int64]
REASON_NAMES = np.array(REASONS)


@dataclass(frozen=True)
class _Moved:
    """Where everything went. boxes (m, 4), if there are any; code (m,): which instances stay."""

    annotations: Annotations
    boxes: Any
    instance_masks: list[Any] | None
    code: Ints


def moved_marks(marks: Marks, program: Program, engine: Engine, threads: int) -> dict[str, Any]:
    """The marks after the program, under their names; with what has a shape also `kept`,
    `dropped` and `reasons`, with keypoints `keypoints_inside`.
    """
    result: dict[str, Any] = {}
    if marks.masks is not None:
        given = marks.given["masks"]
        result["masks"] = _run_masks(program, marks.masks, engine, threads, given)
    if marks.first[-1] == 0 and not marks.outlined and marks.points is None:
        return result
    found = _moved(marks, program, engine, threads)
    rows = np.flatnonzero(found.code == STAYS)
    counts = np.bincount(found.annotations.owner[rows], minlength=len(marks.sizes))
    first = starts(counts.tolist())
    kept = split(found.annotations.index[rows], first)
    result |= _shapes(marks, program, found, rows, first)
    if marks.points is not None:
        result |= _keypoints(marks, found.annotations, kept)
    for name, items in marks.extras.items():
        taken = [_taken(item, own) for item, own in zip(items, kept, strict=True)]
        group, _, own_name = name.partition(".")
        if own_name:
            result.setdefault(group, {})[own_name] = taken
        else:
            result[name] = taken
    if marks.outlined:
        result |= {"kept": kept, **_dropped(found, len(marks.sizes))}
    return result


def _moved(marks: Marks, program: Program, engine: Engine, threads: int) -> _Moved:
    fast, parts = engine.name == "native", runs(program)
    quick = None
    if fast and marks.boxes is not None and len(parts) == 1 and isinstance(parts[0], list):
        quick = boxes_alone(marks.boxes.first, marks.boxes.flat, parts[0])
    annotations = marks.annotations(boxes=quick is None)
    pairs = np.array(marks.form.keypoint_pairs, dtype=np.int64).reshape(-1, 2)
    for part in parts:
        if not isinstance(part, MixStage):
            annotations = moved(annotations, part, pairs, fast)
    seen = {name: Seen(*own.areas()) for name, own in annotations.outlines.items()}
    boxes = None
    if quick is not None:
        boxes, seen["boxes"] = quick
    elif "boxes" in annotations.outlines:
        boxes = boxes_of(annotations.outlines["boxes"])
    masks = marks.instance_masks
    if masks is not None:
        masks = run_instance_masks(program, masks, engine, threads)
        pixels = instance_areas(masks, annotations.first)
        seen["instance_masks"] = Seen(pixels, pixels)
    form = marks.form
    code = fates(seen, annotations.code, form.min_area, form.min_visibility)
    return _Moved(annotations, boxes, masks, code)


def _shapes(
    marks: Marks, program: Program, found: _Moved, rows: Ints, first: Ints
) -> dict[str, Any]:
    """Boxes, oriented boxes, polygons and instance masks of the instances that stay."""
    result: dict[str, Any] = {}
    outlines = found.annotations.outlines
    if found.boxes is not None:
        size = None
        if marks.form.boxes == "yolo":
            last = [s for s in program.stages if isinstance(s, Stage)][-1]
            size = np.asarray(last.sizes_out)[found.annotations.owner[rows]]
        boxes = from_corners(found.boxes[rows], size, marks.form.boxes)
        result["boxes"] = split(boxes, first)
    if marks.oriented is not None:
        form = marks.form
        turn = 360.0 if form.box_angles == "full" else 180.0
        written = write_oriented(
            outlines["oriented_boxes"],
            rows,
            marks.oriented.tail,
            form.oriented_boxes == "whole",
            turn,
        )
        result["oriented_boxes"] = split(written, first)
    if marks.polygons is not None:
        polygons = write_polygons(outlines["polygons"], rows, marks.polygons.flat)
        result["polygons"] = [polygons[a:b] for a, b in pairwise(first.tolist())]
    if found.instance_masks is not None:
        kept = split(found.annotations.index[rows], first)
        result["instance_masks"] = kept_masks(found.instance_masks, kept)
    return result


def _keypoints(marks: Marks, annotations: Annotations, kept: list[Any]) -> dict[str, Any]:
    points, form = annotations.points, marks.point_form
    if points is None or form is None:
        return {}
    xy = points.xy - 0.5 if marks.form.keypoints == "index" else points.xy
    visible = shown(points)
    if form.third and visible is not None:
        xy = np.concatenate([xy, visible[:, None]], axis=1)
    first = starts([int(np.prod(shape[:-1])) for shape in form.shapes])
    result = {
        "keypoints": _formed(xy.astype(np.float32), first, form.shapes),
        "keypoints_inside": _formed(points.inside, first, form.shapes),
    }
    if visible is not None and not form.third:
        result["keypoint_visibility"] = _formed(visible.astype(np.int64), first, form.shapes)
    if not points.bound:
        return result
    return {
        name: [item[own] for item, own in zip(items, kept, strict=True)]
        for name, items in result.items()
    }


def _formed(flat: Any, first: Ints, shapes: list[tuple[int, ...]]) -> list[Any]:
    """Each sample's part of what belongs to points, in the shape that its points came in."""
    parts = split(flat, first)
    if all(len(shape) == 2 for shape in shapes):
        return parts
    tail = flat.shape[1:]
    return [p.reshape(*own[:-1], *tail) for p, own in zip(parts, shapes, strict=True)]


def _taken(item: Any, chosen: Any) -> Any:
    return item[chosen] if isinstance(item, np.ndarray) else [item[i] for i in chosen]


def _dropped(found: _Moved, count: int) -> dict[str, Any]:
    """Each sample's instances that are gone, and why."""
    gone = np.flatnonzero(found.code != STAYS)
    owner = found.annotations.owner[gone]
    first = starts(np.bincount(owner, minlength=count).tolist())
    reasons = REASON_NAMES[found.code[gone]]
    return {
        "dropped": split(found.annotations.index[gone], first),
        "reasons": split(reasons, first),
    }


def _run_masks(program: Program, masks: list[Any], engine: Engine, threads: int, given: Any) -> Any:
    current = masks
    for stage in program.stages:
        if isinstance(stage, Stage):
            current = engine.run_masks(stage, current, threads)
    restored = [
        new[..., 0] if np.ndim(old) == 2 else new for new, old in zip(current, given, strict=True)
    ]
    return stack(restored) if isinstance(given, np.ndarray) else restored
