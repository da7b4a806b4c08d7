"""Boxes and points as Albumentations takes and gives them, and the filters it applies to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.adapters.albumentations.read import Read
from variegate.errors import InputError

BOX_FORMATS = ("coco", "pascal_voc", "albumentations", "yolo")
POINT_FORMATS = ("xy", "yx")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Boxes or points of one sample: numbers (k, 4) or (k, 2), and what else stood in each row."""

    numbers: Floats
    rest: list[tuple[Any, ...]]
    array: bool

    @staticmethod
    def read(value: Any, width: int, where: str) -> Rows:
        """Rows of `width` numbers and more; raises InputError on others."""
        try:
            rows = [tuple(row) for row in value]
            numbers = np.array([row[:width] for row in rows], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{where}: expected rows of {width} numbers and more") from error
        if numbers.size and (numbers.ndim != 2 or numbers.shape[1] != width):
            raise InputError(f"{where}: expected rows of {width} numbers and more")
        rest = [row[width:] for row in rows]
        return Rows(numbers.reshape(-1, width), rest, isinstance(value, np.ndarray))

    def written(self, numbers: Floats, kept: Sequence[int]) -> Any:
        """These numbers with the rest of the rows that were kept, in the form they came in."""
        rows = [(*n, *self.rest[k]) for n, k in zip(numbers.tolist(), kept, strict=True)]
        if not self.array:
            return rows
        width = numbers.shape[1] + (len(self.rest[0]) if self.rest else 0)
        return np.array(rows, dtype=np.float32).reshape(-1, width)


def to_pixels(boxes: Floats, form: str, size: tuple[int, int]) -> Floats:
    """Boxes of a format as x1 y1 x2 y2 in pixels."""
    height, width = size
    side = np.array([width, height, width, height], dtype=np.float64)
    if form == "coco":
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    if form == "yolo":
        half = boxes[:, 2:] / 2
        return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1) * side
    return boxes * side if form == "albumentations" else boxes


def from_pixels(boxes: Floats, form: str, size: tuple[int, int]) -> Floats:
    """x1 y1 x2 y2 in pixels as boxes of a format."""
    height, width = size
    side = np.array([width, height, width, height], dtype=np.float64)
    extent = boxes[:, 2:] - boxes[:, :2]
    if form == "coco":
        return np.concatenate([boxes[:, :2], extent], axis=1)
    if form == "yolo":
        return np.concatenate([boxes[:, :2] + extent / 2, extent], axis=1) / side
    return boxes / side if form == "albumentations" else boxes


def first_filter(
    boxes: Floats, settings: Mapping[str, Any], size: tuple[int, int]
) -> tuple[Floats, list[int]]:
    """What `clip` and `filter_invalid_bboxes` do before anything moves; which rows stay."""
    height, width = size
    high = np.array([width, height, width, height], dtype=np.float64)
    if settings["clip"]:
        boxes = np.clip(boxes, 0, high)
    kept = np.ones(len(boxes), dtype=bool)
    if settings["filter_invalid_bboxes"]:
        kept = (boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3])
        kept &= (boxes >= 0).all(axis=1) & (boxes <= high).all(axis=1)
    return boxes[kept], np.flatnonzero(kept).tolist()


def last_filter(boxes: Floats, settings: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Which boxes are wide, high and square enough."""
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    keep = (wide >= settings["min_width"]) & (high >= settings["min_height"])
    if settings["max_accept_ratio"] is not None:
        least = np.maximum(np.minimum(wide, high), 1e-9)
        keep &= np.maximum(wide, high) / least <= settings["max_accept_ratio"]
    return np.asarray(keep)


class Rounds:
    """The targets of one sample, sorted into calls of a pipeline: most samples need one, with the
    image, all masks, the boxes and the points; a second image or set of boxes needs another.
    """

    def __init__(self, read: Read, kinds: Mapping[str, str], targets: Mapping[str, Any]) -> None:
        self.read, self.given = read, targets
        image = np.asarray(targets["image"])
        self.size = (int(image.shape[0]), int(image.shape[1]))
        self.result: dict[str, Any] = {}
        self._images: list[tuple[str, Any]] = []
        self._boxes: list[str] = []
        self._points: list[str] = []
        parts: dict[str, list[tuple[str, Any]]] = {}
        for name, value in targets.items():
            kind = kinds.get(name)
            if kind == "image":
                self._images.append((name, np.asarray(value)))
            elif kind in ("mask", "masks"):
                for part in value if kind == "masks" else [value]:
                    array = np.asarray(part)
                    parts.setdefault(str(array.dtype), []).append((name, array))
                self.result[name] = [] if kind == "masks" else None
            elif kind == "bboxes":
                self._boxes.append(name)
            elif kind == "keypoints":
                self._points.append(name)
        self._images.sort(key=lambda item: item[0] != "image")
        self._masks = list(parts.values())
        self._now: tuple[int, dict[str, Any]] = (0, {})

    def __iter__(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        groups = (self._images, self._masks, self._boxes, self._points)
        for place in range(max(len(group) for group in groups)):
            marks: dict[str, Any] = {}
            held: dict[str, Any] = {}
            if place < len(self._masks):
                layers = [m[..., None] if m.ndim == 2 else m for _, m in self._masks[place]]
                marks["mask"] = np.concatenate(layers, axis=2)
            if place < len(self._boxes):
                held["boxes"], marks["boxes"] = self._read_boxes(self._boxes[place])
            if place < len(self._points):
                held["points"], marks["keypoints"] = self._read_points(self._points[place])
            self._now = (place, held)
            yield self._images[min(place, len(self._images) - 1)][1], marks
        for name, value in self.result.items():
            if isinstance(value, list) and isinstance(self.given[name], np.ndarray):
                self.result[name] = np.stack(value)

    def take(self, moved: Mapping[str, Any]) -> None:
        """What a call gave, into `result` under the targets' own names."""
        place, held = self._now
        size = (moved["image"].shape[0], moved["image"].shape[1])
        if place < len(self._images):
            self.result[self._images[place][0]] = moved["image"]
        if "mask" in moved:
            self._take_masks(self._masks[place], moved["mask"])
        if "boxes" in held:
            rows, first = held["boxes"]
            self._take_boxes(self._boxes[place], rows, first, moved, size)
        if "points" in held:
            self._take_points(self._points[place], held["points"], moved)

    def _take_masks(self, parts: list[tuple[str, Any]], stacked: Any) -> None:
        first = 0
        for name, given in parts:
            depth = 1 if given.ndim == 2 else given.shape[2]
            mask = stacked[..., first : first + depth]
            mask = np.ascontiguousarray(mask[..., 0] if given.ndim == 2 else mask)
            first += depth
            if isinstance(self.result[name], list):
                self.result[name].append(mask)
            else:
                self.result[name] = mask

    def _read_boxes(self, name: str) -> tuple[tuple[Rows, list[int]], Floats]:
        settings = self.read.bbox_params
        if settings is None:
            raise InputError(f"{name}: pass bbox_params=A.BboxParams(...) to Compose")
        rows = Rows.read(self.given[name], 4, name)
        boxes = to_pixels(rows.numbers, settings["format"], self.size)
        boxes, kept = first_filter(boxes, settings, self.size)
        return (rows, kept), boxes

    def _take_boxes(
        self, name: str, rows: Rows, first: list[int], moved: Mapping[str, Any],
        size: tuple[int, int],
    ) -> None:  # fmt: skip
        settings = self.read.bbox_params or {}
        boxes = moved["boxes"].astype(np.float64)
        good = last_filter(boxes, settings)
        kept = [first[k] for k, keep in zip(moved["kept"].tolist(), good, strict=True) if keep]
        out = from_pixels(boxes[good], settings["format"], size)
        self.result[name] = rows.written(out, kept)
        self._take_labels(settings, len(rows.rest), kept)

    def _read_points(self, name: str) -> tuple[Rows, Floats]:
        settings = self.read.keypoint_params
        if settings is None:
            raise InputError(f"{name}: pass keypoint_params=A.KeypointParams(...) to Compose")
        rows = Rows.read(self.given[name], 2, name)
        return rows, rows.numbers[:, :: _turn(settings)]

    def _take_points(self, name: str, rows: Rows, moved: Mapping[str, Any]) -> None:
        settings = self.read.keypoint_params or {}
        points, kept = moved["keypoints"].astype(np.float64), list(range(len(rows.rest)))
        if settings["remove_invisible"]:
            kept = np.flatnonzero(moved["keypoints_inside"]).tolist()
        self.result[name] = rows.written(points[kept][:, :: _turn(settings)], kept)
        self._take_labels(settings, len(rows.rest), kept)

    def _take_labels(self, settings: Mapping[str, Any], count: int, kept: list[int]) -> None:
        """The label fields of the rows that stay."""
        for field in settings.get("label_fields") or ():
            labels = self.given.get(field)
            if labels is None or len(labels) != count:
                got = "nothing" if labels is None else f"{len(labels)} values"
                raise InputError(f"{field}: expected {count} labels, got {got}")
            chosen = [labels[k] for k in kept]
            self.result[field] = np.array(chosen) if isinstance(labels, np.ndarray) else chosen


def _turn(settings: Mapping[str, Any]) -> int:
    return -1 if settings["format"] == "yx" else 1
