"""Boxes at the door: their formats, what is legal, and the outlines that move."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.rings import Rings
from variegate.targets.outlines import Outlines
from variegate.targets.rows import Rows, numbers_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
BOX_FORMATS = ("xyxy", "pascal_voc", "coco", "yolo")
TOLERANCE = 1.0  # pixels that a box may pass the frame by: rounding, or ends that count as inside
HIGH = [1, 0, 1, 0]  # of a size (height, width): what x1 y1 x2 y2 must not pass


def read_boxes(value: Any, where: str, size: tuple[int, int], form: str) -> Floats:
    """Boxes (k, 4) as float64 x1 y1 x2 y2 in pixels; raises InputError by row.

    form: xyxy or pascal_voc (pixels), coco (x, y, width, height in pixels) or yolo (center and size
    on 0..1). A box may pass the frame by a pixel, which rounding does; it is cut off. Boxes
    further outside, inside out or empty are errors.
    """
    raw = _rows_of_four(value, where)
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
    values: list[Any], where: str, sizes: Ints, form: str, drop: bool = False
) -> tuple[Rows, Bools]:
    """The boxes of each image, as `read_boxes` gives them, checked at once where all are legal; and
    which of them are no boxes (m,), all False unless they are to be dropped.

    sizes (n, 2): height and width of the images.
    """
    rows = numbers_of(values, 4)
    if rows is not None:
        one = len(sizes) == 1 or bool((sizes == sizes[0]).all())
        size = sizes[0] if one else np.repeat(sizes, rows.counts, axis=0)
        boxes = to_corners(rows.flat, size, form)
        beyond = _beyond(boxes, size)
        if beyond <= TOLERANCE:
            if beyond > 0:
                boxes = np.clip(boxes, 0, size[..., HIGH].astype(np.float64))
            return Rows(boxes, rows.first), np.zeros(len(boxes), dtype=bool)
    read = _cut_boxes if drop else _read_boxes
    found = [
        read(value, f"{where}[{place}]", (height, width), form)
        for place, (value, (height, width)) in enumerate(zip(values, sizes.tolist(), strict=True))
    ]
    bad = np.concatenate([part for _, part in found] or [np.zeros(0, dtype=bool)])
    return Rows.of([part for part, _ in found], 4), bad


def _beyond(boxes: Floats, size: Any) -> float:
    """By how many pixels any box passes the frame, 0 or less where none does; without end where
    one is empty, inside out or not a number. size: (height, width), or one for each box.
    """
    left, top, right, bottom = np.ascontiguousarray(boxes.T)  # long rows are quickly gone through
    if not ((right > left).all() and (bottom > top).all()):
        return float("inf")
    height, width = size[..., 0], size[..., 1]
    outside = (-left.min(), -top.min(), (right - width).max(), (bottom - height).max())
    return float(max(outside))


def _read_boxes(value: Any, where: str, size: tuple[int, int], form: str) -> tuple[Floats, Bools]:
    boxes = read_boxes(value, where, size, form)
    return boxes, np.zeros(len(boxes), dtype=bool)


def _cut_boxes(value: Any, where: str, size: tuple[int, int], form: str) -> tuple[Floats, Bools]:
    """Boxes cut off at the frame, and which of them leave nothing or are no numbers."""
    boxes = to_corners(_rows_of_four(value, where), size, form)
    cut = np.clip(np.where(np.isfinite(boxes), boxes, 0), 0, [size[1], size[0]] * 2)
    bad = np.asarray(~np.isfinite(boxes).all(axis=1) | (cut[:, 2:] <= cut[:, :2]).any(axis=1))
    return np.where(bad[:, None], 0, cut), bad


def _rows_of_four(value: Any, where: str) -> Floats:
    try:
        raw = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected numbers (k, 4), got {type(value).__name__}") from error
    if raw.size == 0:
        return np.zeros((0, 4))
    if raw.ndim != 2 or raw.shape[1] != 4:
        raise InputError(f"{where}: expected shape (k, 4), got {raw.shape}")
    return raw


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


def box_outlines(boxes: Floats) -> Outlines:
    """Boxes (m, 4) as outlines of four corners."""
    corners = np.stack([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], 1)
    rings = Rings.of_corners(corners)
    return Outlines(rings, rings, len(boxes))
