"""Boxes: carried as polygons through all maps, cut off at each frame, boxed once at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

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

BOX_FORMATS = ("xyxy", "pascal_voc", "coco", "yolo")
TOLERANCE = 0.5


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


def read_all_boxes(
    values: list[Any], where: str, sizes: list[tuple[int, int]], form: str
) -> list[Floats]:
    """The boxes of each image, as `read_boxes` gives them; checked at once where all are legal."""
    try:
        raw = [np.asarray(value, dtype=np.float64) for value in values]
    except (TypeError, ValueError):
        raw = []
    if raw and all(boxes.ndim == 2 and boxes.shape[1] == 4 for boxes in raw):
        counts = [len(boxes) for boxes in raw]
        size = np.repeat(np.array(sizes, dtype=np.float64), counts, axis=0)
        boxes = to_corners(np.concatenate(raw), size, form)
        high = size[:, [1, 0, 1, 0]]
        inside = (boxes >= -TOLERANCE) & (boxes <= high + TOLERANCE)  # also false for NaN
        if inside.all() and (boxes[:, 2:] > boxes[:, :2]).all():
            return _split(np.clip(boxes, 0, high), counts)
    return [
        read_boxes(value, f"{where}[{place}]", size, form)
        for place, (value, size) in enumerate(zip(values, sizes, strict=True))
    ]


def _split(flat: Any, counts: list[int]) -> list[Any]:
    ends = np.cumsum(counts).tolist()
    return [flat[end - count : end] for end, count in zip(ends, counts, strict=True)]


def to_corners(raw: Floats, size: Any, form: str) -> Floats:
    """Boxes of a format as x1 y1 x2 y2 in pixels; size: (height, width), or one for each box."""
    if form == "coco":
        return np.concatenate([raw[:, :2], raw[:, :2] + raw[:, 2:]], axis=1)
    if form == "yolo":
        scale = np.asarray(size, dtype=np.float64)[..., ::-1]
        center, half = raw[:, :2] * scale, raw[:, 2:] * scale / 2
        return np.concatenate([center - half, center + half], axis=1)
    return raw


def from_corners(boxes: Floats, size: tuple[int, int], form: str) -> npt.NDArray[np.float32]:
    """The reverse of `to_corners`, float32."""
    if form == "coco":
        boxes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    elif form == "yolo":
        scale = np.array([size[1], size[0]], dtype=np.float64)
        center, span = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        boxes = np.concatenate([center / scale, span / scale], axis=1)
    return boxes.astype(np.float32)


def move_boxes(
    program: Program, boxes: list[Floats], sizes: Ints, min_area: float, min_visibility: float
) -> list[tuple[Floats, Ints]]:
    """Each sample's boxes (k, 4) through the program: the boxes that stay (k', 4) and their indices
    (k',).

    A box stays if the visible part has more than `min_area` pixels and at least `min_visibility` of
    the area that it would have with nothing cut off.
    """
    owner = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    flat = np.concatenate(boxes) if boxes else np.zeros((0, 4))
    corners = np.stack([flat[:, [0, 1]], flat[:, [2, 1]], flat[:, [2, 3]], flat[:, [0, 3]]], axis=1)
    polygons = densify(corners, EDGE_SAMPLES) if has_fields(program) else corners
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
    return _collect(polygons, count, whole, owner, sizes, min_area, min_visibility)


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
    owner: Ints,
    sizes: Ints,
    min_area: float,
    min_visibility: float,
) -> list[tuple[Floats, Ints]]:
    used = (np.arange(polygons.shape[1]) < count[:, None])[..., None]
    low = np.where(used, polygons, np.inf).min(axis=1, initial=np.inf)
    high = np.where(used, polygons, -np.inf).max(axis=1, initial=-np.inf)
    visible = area(polygons, count)
    full = area(whole, np.full(len(whole), whole.shape[1]))
    stays = (count > 2) & (visible > min_area) & (visible >= min_visibility * full)
    chosen = np.flatnonzero(stays)
    counts = np.bincount(owner[chosen], minlength=len(sizes)).tolist()
    first = np.searchsorted(owner, np.arange(len(sizes)))
    corners = np.concatenate([low[chosen], high[chosen]], axis=1)
    kept = chosen - first[owner[chosen]]
    return list(zip(_split(corners, counts), _split(kept, counts), strict=True))
