"""KerasCV's bounding boxes: seven formats, dense with rows of -1 or lists, and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError

FORMATS = ("xyxy", "rel_xyxy", "center_xywh", "xywh", "rel_xywh", "yxyx", "rel_yxyx")
NONE = -1  # the class of a row that pads

Floats = npt.NDArray[np.float64]


def to_corners(boxes: Floats, form: str, size: tuple[int, int]) -> Floats:
    """Boxes (k, 4) of a format as x1 y1 x2 y2 in pixels."""
    height, width = size
    if form.startswith("rel_"):
        order = [height, width] if form == "rel_yxyx" else [width, height]
        boxes, form = boxes * np.array(order * 2, dtype=np.float64), form[4:]
    if form == "yxyx":
        return boxes[:, [1, 0, 3, 2]]
    if form == "xywh":
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    if form == "center_xywh":
        half = boxes[:, 2:] / 2
        return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    return boxes


def from_corners(boxes: Floats, form: str, size: tuple[int, int]) -> Floats:
    """x1 y1 x2 y2 in pixels as boxes (k, 4) of a format."""
    height, width = size
    extent = boxes[:, 2:] - boxes[:, :2]
    plain = form.removeprefix("rel_")
    if plain == "yxyx":
        boxes = boxes[:, [1, 0, 3, 2]]
    elif plain == "xywh":
        boxes = np.concatenate([boxes[:, :2], extent], axis=1)
    elif plain == "center_xywh":
        boxes = np.concatenate([boxes[:, :2] + extent / 2, extent], axis=1)
    if not form.startswith("rel_"):
        return boxes
    order = [height, width] if plain == "yxyx" else [width, height]
    return boxes / np.array(order * 2, dtype=np.float64)


class Boxes:
    """The boxes of a batch: pixel corners and classes per image, and the form they came in."""

    def __init__(self, given: Any, form: str | None, sizes: Sequence[tuple[int, int]]) -> None:
        if form not in FORMATS:
            raise InputError(f"bounding_box_format: expected one of {', '.join(FORMATS)}")
        if not isinstance(given, dict) or set(given) != {"boxes", "classes"}:
            raise InputError("bounding_boxes: expected {'boxes': ..., 'classes': ...}")
        self.form, self.dense = form, isinstance(given["boxes"], np.ndarray)
        boxes, classes = given["boxes"], given["classes"]
        if len(boxes) != len(sizes) or len(classes) != len(sizes):
            raise InputError(f"bounding_boxes: expected {len(sizes)} images")
        self.width = max((len(b) for b in boxes), default=0)
        floats = self.dense and boxes.dtype.kind == "f"
        self.dtype = boxes.dtype if floats else np.dtype(np.float32)
        self.classes, self.corners = [], []
        for place, size in enumerate(sizes):
            own = np.asarray(classes[place])
            rows = np.asarray(boxes[place], dtype=np.float64).reshape(-1, 4)
            if own.shape != (len(rows),):
                raise InputError(f"bounding_boxes: classes[{place}]: expected {len(rows)} numbers")
            real = own != NONE if self.dense else np.ones(len(rows), dtype=bool)
            self.classes.append(own[real])
            self.corners.append(to_corners(rows[real], self.form, size))

    def written(
        self, corners: Sequence[Any], classes: Sequence[Any], sizes: Sequence[tuple[int, int]]
    ) -> dict[str, Any]:
        """Moved boxes and their classes, in the form that the boxes came in; a dense one is as wide
        as it was, or wider where a mix has added boxes.
        """
        rows = [
            from_corners(np.asarray(c, np.float64).reshape(-1, 4), self.form, size)
            for c, size in zip(corners, sizes, strict=True)
        ]
        if not self.dense:
            return {"boxes": [r.astype(np.float32) for r in rows], "classes": list(classes)}
        width = max([self.width, *(len(r) for r in rows)])
        boxes = np.full((len(rows), width, 4), float(NONE), dtype=self.dtype)
        numbers = np.full((len(rows), width), NONE, dtype=np.asarray(self.classes[0]).dtype)
        for place, (own, labels) in enumerate(zip(rows, classes, strict=True)):
            boxes[place, : len(own)] = own
            numbers[place, : len(own)] = labels
        return {"boxes": boxes, "classes": numbers}
