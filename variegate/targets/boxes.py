"""Boxes: carried as polygons through all maps, cut off at each frame, boxed once at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine import compiled
from variegate.errors import InputError
from variegate.plan.program import MixStage, Program
from variegate.targets.polygons import (
    EDGE_SAMPLES,
    Floats,
    Ints,
    clip_to_frame,
    clip_to_front,
    densify,
    has_fields,
    matrices,
    through_warp,
    warp_levels,
)
from variegate.targets.rows import Rows, numbers_of

BOX_FORMATS = ("xyxy", "pascal_voc", "coco", "yolo")
TOLERANCE = 0.5
HIGH = [1, 0, 1, 0]  # of a size (height, width): what x1 y1 x2 y2 must not pass


def read_boxes(value: Any, where: str, size: tuple[int, int], form: str) -> Floats:
    """Boxes (k, 4) as float64 x1 y1 x2 y2 in pixels; raises InputError by row.

    form: xyxy or pascal_voc (pixels), coco (x, y, width, height in pixels) or yolo (center and size
    on 0..1). A box may pass the frame by half a pixel, which rounding does; it is cut off. Boxes
    further outside, inside out or empty are errors.
    """
    try:
        raw = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected numbers (k, 4), got {type(value).__name__}") from error
    if raw.size == 0:
        return np.zeros((0, 4))
    if raw.ndim != 2 or raw.shape[1] != 4:
        raise InputError(f"{where}: expected shape (k, 4), got {raw.shape}")
    boxes = to_corners(raw, size, form)
    height, width = size
    high = np.array([width, height, width, height], dtype=np.float64)
    problems = (
        (~np.isfinite(boxes).all(axis=1), "not finite"),
        (
            (boxes < -TOLERANCE).any(axis=1) | (boxes > high + TOLERANCE).any(axis=1),
            f"outside the {height}x{width} image",
        ),
        (
            (boxes[:, 2:] <= boxes[:, :2]).any(axis=1),
            "empty or inside out (x1 < x2 and y1 < y2 needed)",
        ),
    )
    for bad, reason in problems:
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(f"{where}[{row}]: {reason}: {raw[row].tolist()} ({form})")
    return np.clip(boxes, 0, high)


def read_all_boxes(values: list[Any], where: str, sizes: Ints, form: str) -> Rows:
    """The boxes of each image, as `read_boxes` gives them; checked at once where all are legal.

    sizes (n, 2): height and width of the images.
    """
    rows = numbers_of(values, 4)
    if rows is not None:
        one = len(sizes) == 1 or bool((sizes == sizes[0]).all())
        size = sizes[0] if one else np.repeat(sizes, rows.counts, axis=0)
        boxes, high = to_corners(rows.flat, size, form), size[..., HIGH].astype(np.float64)
        legal = bool(boxes.min() >= 0 and (boxes <= high).all())  # also false for NaN
        if not legal:
            legal = bool(((boxes >= -TOLERANCE) & (boxes <= high + TOLERANCE)).all())
            boxes = np.clip(boxes, 0, high)
        if legal and (boxes[:, 2:] > boxes[:, :2]).all():
            return Rows(boxes, rows.first)
    return Rows.of(
        [
            read_boxes(value, f"{where}[{place}]", (height, width), form)
            for place, (value, (height, width)) in enumerate(
                zip(values, sizes.tolist(), strict=True)
            )
        ],
        4,
    )


def to_corners(raw: Floats, size: Any, form: str) -> Floats:
    """Boxes of a format as x1 y1 x2 y2 in pixels; size: (height, width), or one for each box."""
    if form == "coco":
        return np.concatenate([raw[:, :2], raw[:, :2] + raw[:, 2:]], axis=1)
    if form == "yolo":
        scale = np.asarray(size, dtype=np.float64)[..., ::-1]
        center, half = raw[:, :2] * scale, raw[:, 2:] * scale / 2
        return np.concatenate([center - half, center + half], axis=1)
    return raw


def from_corners(boxes: Floats, size: Any, form: str) -> npt.NDArray[np.float32]:
    """The reverse of `to_corners`, float32; size: (height, width), or one for each box."""
    if form == "coco":
        boxes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    elif form == "yolo":
        scale = np.asarray(size, dtype=np.float64)[..., ::-1]
        center, span = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        boxes = np.concatenate([center / scale, span / scale], axis=1)
    return boxes.astype(np.float32)


def move_boxes(
    program: Program, boxes: Rows, min_area: float, min_visibility: float, fast: bool = False
) -> tuple[Floats, Ints, Ints]:
    """Each sample's boxes (k, 4) through the program: the boxes that stay, in order, each one's
    place in its sample, and how many stay of each sample (n,).

    A box stays if the visible part has more than `min_area` pixels and at least `min_visibility` of
    the area that it would have with nothing cut off. fast: by the compiled part, where it can.
    """
    bends = has_fields(program)
    if fast and compiled.available() and not bends:
        return compiled.move_boxes(program, boxes.first, boxes.flat, min_area, min_visibility)
    owner, flat = np.repeat(np.arange(len(boxes.counts)), boxes.counts), boxes.flat
    corners = np.stack([flat[:, [0, 1]], flat[:, [2, 1]], flat[:, [2, 3]], flat[:, [0, 3]]], axis=1)
    polygons = densify(corners, EDGE_SAMPLES) if bends else corners
    whole = polygons.copy()
    count = np.full(len(polygons), polygons.shape[1])
    for stage in program.stages:
        if isinstance(stage, MixStage):
            continue
        for level in warp_levels(stage):
            rows = level[owner]
            moving = np.flatnonzero(rows >= 0)
            if len(moving) == 0:
                continue
            ahead = np.tile(np.eye(3), (len(rows), 1, 1))
            ahead[moving] = matrices(stage.tables.warp_forward, rows[moving])
            polygons, count = clip_to_front(polygons, count, ahead)
            polygons = polygons.copy()
            polygons[moving] = through_warp(stage.tables, rows[moving], polygons[moving])
            whole[moving] = through_warp(stage.tables, rows[moving], whole[moving])
            size = np.asarray(stage.tables.warp_size, dtype=np.float64)[np.maximum(rows, 0)]
            size[rows < 0] = 1e9
            polygons, count = clip_to_frame(polygons, count, size)
    return _collect(polygons, count, whole, boxes, min_area, min_visibility)


def area(points: Floats, count: Ints) -> Floats:
    """Areas (m,) of polygons (m, v, 2) of which the first count (m,) points are used."""
    used = np.arange(points.shape[1]) < count[:, None]
    following = np.where(
        np.arange(points.shape[1]) + 1 < count[:, None], np.arange(points.shape[1]) + 1, 0
    )
    after = np.take_along_axis(points, following[..., None], axis=1)
    cross = points[..., 0] * after[..., 1] - points[..., 1] * after[..., 0]
    return np.asarray(np.abs(np.where(used, cross, 0.0).sum(axis=1)) / 2)


def _collect(
    polygons: Floats,
    count: Ints,
    whole: Floats,
    boxes: Rows,
    min_area: float,
    min_visibility: float,
) -> tuple[Floats, Ints, Ints]:
    used = (np.arange(polygons.shape[1]) < count[:, None])[..., None]
    low = np.where(used, polygons, np.inf).min(axis=1, initial=np.inf)
    high = np.where(used, polygons, -np.inf).max(axis=1, initial=-np.inf)
    visible = area(polygons, count)
    full = area(whole, np.full(len(whole), whole.shape[1]))
    stays = (count > 2) & (visible > min_area) & (visible >= min_visibility * full)
    chosen = np.flatnonzero(stays)
    owner = np.repeat(np.arange(len(boxes.counts)), boxes.counts)[chosen]
    corners = np.concatenate([low[chosen], high[chosen]], axis=1)
    kept = chosen - boxes.first[owner]
    return corners, kept, np.bincount(owner, minlength=len(boxes.counts))
