"""torchvision's tv_tensors: boxes, masks and keypoints of a target, in and out.

A target with boxes, masks of instances (k, h, w) or keypoints (k, j, 2) has rows: `labels` and any
other tensor with a row for each goes along, and leaves with its row. torchvision's keypoints are
pixel indices (a mirror takes x to width - 1 - x).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from variegate.adapters.torch.images import as_array, is_tv
from variegate.errors import InputError
from variegate.pipeline.forms import Targets

KINDS = ("BoundingBoxes", "Mask", "KeyPoints")
PLAIN, TURNED = ("XYXY", "XYWH", "CXCYWH"), "XYXYXYXY"
HALF = 0.5
Size = tuple[int, int]
Write = Callable[[Mapping[str, Any], Size], Any]


def has_any(target: Mapping[str, Any]) -> bool:
    """Whether a target holds tv_tensors that move."""
    return any(is_tv(value, *KINDS) for value in target.values())


def read_target(
    target: Mapping[str, Any], form: Targets, keep: Sequence[str], size: Size
) -> tuple[dict[str, Any], Write]:
    """The targets of a pipeline in a dict with tv_tensors, and what writes a result in its form.

    keep: names that go along untouched. size: the image's. Raises InputError for what has no row
    for each instance and is not kept.
    """
    if form.boxes not in ("xyxy", "pascal_voc"):
        raise InputError(f"tv_tensors: expected Pipeline(boxes='xyxy'), got {form.boxes!r}")
    rows = _rows(target)
    parts: dict[str, tuple[str, Any]] = {}
    given: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in target.items():
        if name in keep:
            continue
        if not is_tv(value, *KINDS):
            others[name] = _row_values(name, value, rows)
            continue
        called, array = _read(value, form, rows, size, name)
        if called in given:
            raise InputError(f"{name}: one target holds one tv_tensor of a kind, got two")
        given[called], parts[name] = array, (called, value)
    if others:
        given["instances"] = others

    def write(result: Mapping[str, Any], after: Size) -> dict[str, Any]:
        moved = {
            name: _written(called, result[called], value, form, after)
            for name, (called, value) in parts.items()
        }
        own = result.get("instances", {})
        moved |= {name: _like(own[name], target[name]) for name in others}
        return {**target, **moved}

    return given, write


def _rows(target: Mapping[str, Any]) -> int | None:
    """How many instances a target has; None where it has no rows."""
    for value in target.values():
        if is_tv(value, "BoundingBoxes"):
            return len(value)
    for value in target.values():
        if is_tv(value, "KeyPoints") and value.ndim > 2:
            return len(value)
    labels: Any = target.get("labels")
    for value in target.values():
        bound = is_tv(value, "Mask") and value.ndim == 3 and labels is not None
        if bound and np.ndim(labels) == 1 and len(labels) == len(value):
            return len(value)
    return None


def _row_values(name: str, value: Any, rows: int | None) -> Any:
    array = as_array(value) if isinstance(value, torch.Tensor) else value
    if rows is None or not hasattr(array, "__len__") or len(array) != rows:
        raise InputError(
            f"{name}: expected a tv_tensor, or a row for each of {rows or 0} instances; what may "
            f"stay as it is goes into keep=({name!r},)"
        )
    return array


def _read(value: Any, form: Targets, rows: int | None, size: Size, name: str) -> tuple[str, Any]:
    """The pipeline's name of a tv_tensor, and its array."""
    array = as_array(value)
    if is_tv(value, "Mask"):
        if rows is not None and array.ndim == 3 and len(array) == rows:
            return "instance_masks", array
        return "mask", array if array.ndim == 2 else array.transpose(1, 2, 0)
    if tuple(value.canvas_size) != tuple(size):
        raise InputError(f"{name}: its canvas {tuple(value.canvas_size)} is not the image's {size}")
    if is_tv(value, "KeyPoints"):
        points = array.astype(np.float64)
        if points.ndim > 3:
            points = points.reshape(len(points), -1, 2)
        return "keypoints", points if form.keypoints == "index" else points + HALF
    how = value.format.value
    if how == TURNED:
        return "oriented_boxes", array.astype(np.float64)
    if how not in PLAIN:
        raise InputError(
            f"{name}: boxes as {how} have an origin of their turn that is not told; convert them "
            f"to {TURNED} first"
        )
    return "boxes", _corners(array.astype(np.float64), how)


def _corners(boxes: Any, how: str) -> Any:
    if how == "XYXY":
        return boxes
    first, sides = boxes[:, :2], boxes[:, 2:]
    start = first if how == "XYWH" else first - sides / 2
    return np.concatenate([start, start + sides], axis=1)


def _from_corners(boxes: Any, how: str) -> Any:
    if how == "XYXY":
        return boxes
    sides = boxes[:, 2:] - boxes[:, :2]
    start = boxes[:, :2] if how == "XYWH" else (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.concatenate([start, sides], axis=1)


def _written(called: str, array: Any, like: Any, form: Targets, size: Size) -> Any:
    """A result as the tv_tensor that it came as. size: the resulting image's."""
    from torchvision import tv_tensors

    if is_tv(like, "Mask"):
        channels = called == "mask" and array.ndim == 3
        moved = array.transpose(2, 0, 1) if channels else array
        return tv_tensors.wrap(torch.from_numpy(np.ascontiguousarray(moved)), like=like)
    if is_tv(like, "KeyPoints"):
        points = array if form.keypoints == "index" else array - np.float32(HALF)
        points = points.reshape(-1, *like.shape[1:]) if like.ndim > 3 else points
        return tv_tensors.wrap(_like(points, like), like=like, canvas_size=size)
    moved = array if like.format.value == TURNED else _from_corners(array, like.format.value)
    return tv_tensors.wrap(_like(moved, like), like=like, canvas_size=size)


def _like(array: Any, like: Any) -> Any:
    """An array as a tensor of the dtype of `like`, whole numbers rounded; others as they are."""
    if not isinstance(like, torch.Tensor):
        return array
    whole = not like.dtype.is_floating_point and np.asarray(array).dtype.kind == "f"
    values = np.rint(array) if whole else array
    return torch.as_tensor(np.ascontiguousarray(values)).to(like.dtype)
