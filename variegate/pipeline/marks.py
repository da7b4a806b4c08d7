"""What is marked on the images of a batch and moves with them: masks, boxes, keypoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine
from variegate.errors import InputError, PolicyError
from variegate.ops.settings import number
from variegate.plan.program import Program, Stage
from variegate.policy.nodes import fraction
from variegate.targets.boxes import BOX_FORMATS, from_corners, move_boxes, read_all_boxes
from variegate.targets.images import read_mask, stack
from variegate.targets.keypoints import Points, move_keypoints, read_all_keypoints
from variegate.targets.rows import Rows, split, starts

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Targets:
    """How targets are written: see Pipeline."""

    boxes: str = "xyxy"
    keypoints: str = "continuous"
    min_area: float = 0.0
    min_visibility: float = 0.0

    def __post_init__(self) -> None:
        if self.boxes not in BOX_FORMATS:
            raise PolicyError(
                f"boxes: expected one of {', '.join(BOX_FORMATS)}, got {self.boxes!r}"
            )
        if self.keypoints not in ("continuous", "index"):
            raise PolicyError(
                f"keypoints: expected 'continuous' or 'index', got {self.keypoints!r}"
            )
        object.__setattr__(self, "min_area", _pixels(self.min_area))
        visibility = fraction(self.min_visibility, "min_visibility")
        object.__setattr__(self, "min_visibility", visibility)

    def to_dict(self) -> dict[str, Any]:
        """As keyword arguments of Pipeline."""
        return asdict(self)


def _pixels(value: object) -> float:
    try:
        return number(value, 0, 1e12)
    except ValueError as error:
        message = f"min_area: expected a number of pixels of at least 0, got {value!r}"
        raise PolicyError(message) from error


@dataclass
class Marks:
    """The targets of a batch beside images and labels, read and known to be legal."""

    given: Mapping[str, Any]
    form: Targets
    sizes: Ints
    masks: list[Any] | None
    boxes: Rows | None
    points: Points | None

    @classmethod
    def read(cls, batch: Mapping[str, Any], sizes: Ints, form: Targets) -> Marks:
        """The marks of a batch whose images have these sizes (n, 2); raises InputError."""
        masks = _masks(batch, sizes) if "masks" in batch else None
        boxes = _boxes(batch, sizes, form)
        points = _keypoints(batch, len(sizes), form, boxes) if "keypoints" in batch else None
        return cls(batch, form, sizes, masks, boxes, points)

    def moved(self, program: Program, engine: Engine, threads: int) -> dict[str, Any]:
        """The marks after the program, under their names, with `kept` and `keypoints_inside`."""
        result: dict[str, Any] = {}
        fast, kept = engine.name == "native", None
        if self.masks is not None:
            result["masks"] = _run_masks(program, self.masks, engine, threads, self.given["masks"])
        if self.boxes is not None:
            result |= self._moved_boxes(program, self.boxes, fast)
            kept = result["kept"]
        if self.points is not None:
            moved, inside = move_keypoints(program, self.points.rows, self.sizes, fast)
            if self.form.keypoints == "index":
                moved = moved - 0.5
            points = self.points.split(moved.astype(np.float32))
            insides = self.points.split(inside)
            if kept is not None and self.points.shapes is not None:
                points, insides = _with_boxes(points, kept), _with_boxes(insides, kept, 2)
            result |= {"keypoints": points, "keypoints_inside": insides}
        return result

    def _moved_boxes(self, program: Program, boxes: Rows, fast: bool) -> dict[str, Any]:
        form = self.form
        flat, kept, counts = move_boxes(program, boxes, form.min_area, form.min_visibility, fast)
        size = None
        if form.boxes == "yolo":
            last = [s for s in program.stages if isinstance(s, Stage)][-1]
            size = np.repeat(np.asarray(last.sizes_out), counts, axis=0)
        first = starts(counts.tolist())
        result: dict[str, Any] = {"boxes": split(from_corners(flat, size, form.boxes), first)}
        result["kept"] = split(kept, first)
        if "box_labels" in self.given:
            result["box_labels"] = [
                own[chosen] if isinstance(own, np.ndarray) else [own[i] for i in chosen]
                for own, chosen in zip(self.given["box_labels"], result["kept"], strict=True)
            ]
        return result


def _each(batch: Mapping[str, Any], name: str, count: int) -> list[Any]:
    value = batch[name]
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != count:
        got = f"{len(value)} items" if hasattr(value, "__len__") else type(value).__name__
        raise InputError(f"{name}: expected one item per image ({count}), got {got}")
    return list(value)


def _masks(batch: Mapping[str, Any], sizes: Ints) -> list[Any]:
    masks = _each(batch, "masks", len(sizes))
    return [
        read_mask(mask, f"masks[{place}]", (height, width))
        for place, (mask, (height, width)) in enumerate(zip(masks, sizes.tolist(), strict=True))
    ]


def _run_masks(program: Program, masks: list[Any], engine: Engine, threads: int, given: Any) -> Any:
    current = masks
    for stage in program.stages:
        if isinstance(stage, Stage):
            current = engine.run_masks(stage, current, threads)
    restored = [
        new[..., 0] if np.ndim(old) == 2 else new for new, old in zip(current, given, strict=True)
    ]
    return stack(restored) if isinstance(given, np.ndarray) else restored


def _boxes(batch: Mapping[str, Any], sizes: Ints, form: Targets) -> Rows | None:
    if "boxes" not in batch:
        if "box_labels" in batch:
            raise InputError("box_labels: pass boxes= with them")
        return None
    boxes = read_all_boxes(_each(batch, "boxes", len(sizes)), "boxes", sizes, form.boxes)
    if "box_labels" not in batch:
        return boxes
    items = _each(batch, "box_labels", len(sizes))
    for place, (labels, count) in enumerate(zip(items, boxes.counts.tolist(), strict=True)):
        if not hasattr(labels, "__len__") or len(labels) != count:
            got = len(labels) if hasattr(labels, "__len__") else 1
            raise InputError(f"box_labels[{place}]: {got} labels for {count} boxes")
    return boxes


def _keypoints(batch: Mapping[str, Any], count: int, form: Targets, boxes: Rows | None) -> Points:
    items = _each(batch, "keypoints", count)
    points = read_all_keypoints(items, "keypoints", form.keypoints == "index")
    if boxes is None or points.shapes is None:
        return points
    for place, (shape, own) in enumerate(zip(points.shapes, boxes.counts.tolist(), strict=True)):
        if len(shape) == 3 and shape[0] != own:
            raise InputError(f"keypoints[{place}]: {shape[0]} groups of points for {own} boxes")
    return points


def _with_boxes(items: list[Any], kept: list[Any], groups: int = 3) -> list[Any]:
    """What has `groups` axes belongs to boxes and leaves with its box; the rest all stays."""
    return [
        item[own] if item.ndim == groups else item for item, own in zip(items, kept, strict=True)
    ]
