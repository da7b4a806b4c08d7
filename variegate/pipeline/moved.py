"""Marks after a program: what became of them, in the forms that they came in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine
from variegate.pipeline.marks import Marks
from variegate.pipeline.mixed import carried, run_masks
from variegate.plan.maps import runs
from variegate.plan.program import Program, Stage
from variegate.targets.annotations import (
    REASONS,
    STAYS,
    Annotations,
    Seen,
    boxes_alone,
    boxes_of,
    fates,
)
from variegate.targets.boxes import from_corners
from variegate.targets.images import stack
from variegate.targets.instance_masks import instance_areas, kept_masks
from variegate.targets.keypoints import Points, shown
from variegate.targets.oriented import write_oriented
from variegate.targets.polygons import write_polygons
from variegate.targets.rows import split, starts
from variegate.targets.tensors import is_tensor

Ints = npt.NDArray[np.int64]
REASON_NAMES = np.array(REASONS)


@dataclass(frozen=True)
class _Moved:
    """Where everything went. boxes (m, 4), if there are any; code (m,): which instances stay."""

    annotations: Annotations
    boxes: Any
    instance_masks: list[Any] | None
    code: Ints


def moved_marks(
    marks: Marks, program: Program, engine: Engine, threads: int, mixing: bool = False
) -> dict[str, Any]:
    """The marks but masks after the program, under their names; with what has a shape also `kept`,
    `dropped` and `reasons`, with keypoints `keypoints_inside`.

    mixing: also `origins` and `dropped_origins`, the place in the batch of the image that each came
    with, and `shares`, how much of each pixel is its own.
    """
    result: dict[str, Any] = {}
    if marks.first[-1] == 0 and not marks.outlined and marks.points is None:
        return result
    found = _moved(marks, program, engine, threads)
    rows = np.flatnonzero(found.code == STAYS)
    owner = found.annotations.owner[rows]
    counts = np.bincount(owner, minlength=len(marks.sizes))
    first = starts(counts.tolist())
    kept = split(found.annotations.index[rows], first)
    origins = split(found.annotations.source[rows], first) if mixing else None
    places = rows - found.annotations.first[owner]
    result |= _shapes(marks, program, found, rows, first)
    if marks.points is not None:
        result |= _keypoints(marks, found.annotations, split(places, first))
    for name, items in marks.extras.items():
        taken = _taken_of(items, kept, origins)
        group, _, own_name = name.partition(".")
        if own_name:
            result.setdefault(group, {})[own_name] = taken
        else:
            result[name] = taken
    if marks.outlined:
        result |= {"kept": kept, **_dropped(found, len(marks.sizes), mixing)}
    if mixing and (marks.outlined or marks.extras or (marks.points and marks.points.bound)):
        result |= {"origins": origins, "shares": split(found.annotations.share[rows], first)}
    return result


def moved_masks(marks: Marks, program: Program, engine: Engine, threads: int) -> dict[str, Any]:
    """The masks of classes after the program, under their name, if there are any."""
    if marks.masks is None:
        return {}
    masks = run_masks(program, marks.masks, engine, threads)
    return {"masks": _written_masks(masks, marks.given["masks"])}


def _moved(marks: Marks, program: Program, engine: Engine, threads: int) -> _Moved:
    fast, parts = engine.name == "native", runs(program)
    quick = None
    if fast and marks.boxes is not None and len(parts) == 1 and isinstance(parts[0], list):
        quick = boxes_alone(marks.boxes.first, marks.boxes.flat, parts[0], threads)
    annotations = marks.annotations(boxes=quick is None)
    annotations, masks = carried(annotations, marks, program, engine, threads)
    seen = {name: Seen(*own.areas()) for name, own in annotations.outlines.items()}
    boxes = None
    if quick is not None:
        boxes, seen["boxes"] = quick
    elif "boxes" in annotations.outlines:
        boxes = boxes_of(annotations.outlines["boxes"])
    if masks is not None:
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
        boxes = from_corners(found.boxes.take(rows, axis=0), size, marks.form.boxes)
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
        places = rows - found.annotations.first[found.annotations.owner[rows]]
        result["instance_masks"] = kept_masks(found.instance_masks, split(places, first))
    return result


def _keypoints(marks: Marks, annotations: Annotations, places: list[Any]) -> dict[str, Any]:
    """places: which instances of each result stay."""
    points, form = annotations.points, marks.point_form
    if points is None or form is None:
        return {}
    xy = points.xy - 0.5 if marks.form.keypoints == "index" else points.xy
    visible = shown(points)
    if form.third and visible is not None:
        xy = np.concatenate([xy, visible[:, None]], axis=1)
    shapes = _point_shapes(annotations, points, form.shapes)
    first = starts([prod(shape[:-1]) for shape in shapes])
    result = {
        "keypoints": _formed(xy.astype(np.float32), first, shapes),
        "keypoints_inside": _formed(points.inside, first, shapes),
    }
    if visible is not None and not form.third:
        result["keypoint_visibility"] = _formed(visible.astype(np.int64), first, shapes)
    if not points.bound:
        return result
    return {
        name: [item[own] for item, own in zip(items, places, strict=True)]
        for name, items in result.items()
    }


def _point_shapes(
    annotations: Annotations, points: Points, shapes: list[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """The shape of each result's points; shapes: as they came."""
    if not points.bound:
        return [
            (count, *shape[1:]) for count, shape in zip(points.counts.tolist(), shapes, strict=True)
        ]
    counts = (annotations.first[1:] - annotations.first[:-1]).tolist()
    found = []
    for sample, (count, shape) in enumerate(zip(counts, shapes, strict=True)):
        own = points.counts[annotations.first[sample] : annotations.first[sample + 1]]
        found.append((count, int(own[0]) if count else shape[1], *shape[2:]))
    return found


def _formed(flat: Any, first: Ints, shapes: list[tuple[int, ...]]) -> list[Any]:
    """Each sample's part of what belongs to points, in the shape that its points came in."""
    parts = split(flat, first)
    if all(len(shape) == 2 for shape in shapes):
        return parts
    tail = flat.shape[1:]
    return [p.reshape(*own[:-1], *tail) for p, own in zip(parts, shapes, strict=True)]


def _taken_of(items: list[Any], kept: list[Ints], origins: list[Ints] | None) -> list[Any]:
    """What belongs to the instances of each result: places `kept` of samples `origins`, or of the
    same sample where nothing was mixed.
    """
    if origins is None:
        return [_taken(item, own) for item, own in zip(items, kept, strict=True)]
    found = []
    for sample, (own, origin) in enumerate(zip(kept, origins, strict=True)):
        if np.all(origin == sample):
            found.append(_taken(items[sample], own))
            continue
        picked = [
            _taken(items[i], [place])
            for i, place in zip(origin.tolist(), own.tolist(), strict=True)
        ]
        if all(isinstance(item, np.ndarray) for item in picked):
            found.append(np.concatenate(picked))
        else:
            found.append([one for item in picked for one in item])
    return found


def _taken(item: Any, chosen: Any) -> Any:
    return item[chosen] if isinstance(item, np.ndarray) else [item[i] for i in chosen]


def _dropped(found: _Moved, count: int, mixing: bool) -> dict[str, Any]:
    """Each sample's instances that are gone, and why; with a mix also where they came from."""
    gone = np.flatnonzero(found.code != STAYS)
    owner = found.annotations.owner[gone]
    first = starts(np.bincount(owner, minlength=count).tolist())
    reasons = REASON_NAMES[found.code[gone]]
    dropped = {
        "dropped": split(found.annotations.index[gone], first),
        "reasons": split(reasons, first),
    }
    if mixing:
        dropped["dropped_origins"] = split(found.annotations.source[gone], first)
    return dropped


def _written_masks(masks: list[Any], given: Any) -> Any:
    """Masks (h, w, c) in the form that they came in."""
    restored = [
        new[..., 0] if np.ndim(old) == 2 else new for new, old in zip(masks, given, strict=True)
    ]
    whole = isinstance(given, np.ndarray) or is_tensor(given)
    return stack(restored) if whole else restored
