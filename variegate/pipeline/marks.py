"""What is marked on the images of a batch and moves with them, read at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.pipeline.forms import Targets
from variegate.targets.annotations import ILLEGAL, STAYS, Annotations
from variegate.targets.boxes import box_outlines, read_all_boxes
from variegate.targets.images import read_mask
from variegate.targets.instance_masks import extents, read_instance_masks
from variegate.targets.keypoints import PointForm, Points, read_all_keypoints
from variegate.targets.oriented import Oriented, oriented_outlines, read_all_oriented
from variegate.targets.outlines import Outlines
from variegate.targets.polygons import Polygons, polygon_outlines, read_all_polygons
from variegate.targets.rows import Rows
from variegate.targets.tensors import is_tensor

Ints = npt.NDArray[np.int64]
SHAPES = ("boxes", "oriented_boxes", "polygons", "instance_masks")
MARKS = (*SHAPES, "masks", "keypoints", "keypoint_visibility", "box_labels", "instances")


@dataclass(frozen=True)
class Marks:
    """The targets of a batch beside images and labels, read and known to be legal.

    first (n + 1,): where each sample's instances begin. extras: what else belongs to instances,
    name -> one item for each image.
    """

    given: Mapping[str, Any]
    form: Targets
    sizes: Ints
    first: Ints
    masks: list[Any] | None
    instance_masks: list[Any] | None
    boxes: Rows | None
    oriented: Oriented | None
    polygons: Polygons | None
    points: Points | None
    point_form: PointForm | None
    extras: Mapping[str, list[Any]]
    bad: npt.NDArray[np.bool_]

    @property
    def outlined(self) -> bool:
        """Whether any instance has a shape, and so can leave the frame."""
        return any(name in self.given for name in SHAPES)

    @classmethod
    def read(cls, batch: Mapping[str, Any], sizes: Ints, form: Targets) -> Marks:
        """The marks of a batch whose images have these sizes (n, 2); raises InputError."""
        drop, count = form.bad_boxes == "drop", len(sizes)
        items = {name: _each(batch, name, count) for name in SHAPES if name in batch}
        boxes, bad = None, []
        if "boxes" in items:
            boxes, flaws = read_all_boxes(items["boxes"], "boxes", sizes, form.boxes, drop)
            bad.append(flaws)
        oriented = polygons = masks = None
        if "oriented_boxes" in items:
            oriented = read_all_oriented(items["oriented_boxes"], "oriented_boxes", drop)
            bad.append(oriented.bad)
        if "polygons" in items:
            polygons = read_all_polygons(items["polygons"], "polygons", drop)
            bad.append(polygons.bad)
        points, point_form = _keypoints(batch, form, sizes)
        counts: dict[str, Ints] = {}
        if boxes is not None:
            counts["boxes"] = boxes.counts
        if oriented is not None:
            counts["oriented_boxes"] = oriented.corners.counts
        if polygons is not None:
            counts["polygons"] = polygons.first[1:] - polygons.first[:-1]
        if points is not None and point_form is not None and points.bound:
            counts["keypoints"] = np.array([shape[0] for shape in point_form.shapes])
        if "instance_masks" in items:
            known = next(iter(counts.values()), None)
            masks, counts["instance_masks"] = _instance_masks(items["instance_masks"], sizes, known)
        first = _first(counts, count)
        extras = _extras(batch, count)
        _check_counts(counts, extras, first)
        flaws = np.logical_or.reduce(bad) if bad else np.zeros(first[-1], dtype=bool)
        plain = _masks(batch, sizes) if "masks" in batch else None
        return cls(
            batch, form, sizes, first, plain, masks, boxes, oriented, polygons, points, point_form,
            extras, flaws,
        )  # fmt: skip

    def annotations(self, boxes: bool) -> Annotations:
        """All that moves as points. boxes: whether boxes go along as outlines."""
        counts = self.first[1:] - self.first[:-1]
        owner = np.repeat(np.arange(len(counts)), counts)
        frames = np.zeros((0, 4))
        if self.oriented is not None or self.polygons is not None:
            frames = np.zeros((len(owner), 4))
            frames[:, 2:] = self.sizes[owner][:, ::-1]
        outlines: dict[str, Outlines] = {}
        counted = [own for own in (self.boxes, self.oriented, self.polygons) if own is not None]
        if self.boxes is not None and boxes:
            outlines["boxes"] = box_outlines(self.boxes.flat)
        if self.oriented is not None:
            outlines["oriented_boxes"] = oriented_outlines(self.oriented, frames)
        if self.polygons is not None:
            outlines["polygons"] = polygon_outlines(self.polygons, frames)
        if self.instance_masks is not None and not counted and self.form.min_visibility > 0:
            outlines["extents"] = box_outlines(extents(self.instance_masks, self.first))
        index = np.arange(len(owner)) - self.first[owner]
        code = np.where(self.bad, ILLEGAL, STAYS)
        share = np.ones(len(owner))
        return Annotations(self.first, owner, index, outlines, self.points, code, share)


def as_batch_of_one(value: Any) -> Any:
    """A single sample's target as a batch of one; `instances` keeps its names."""
    if isinstance(value, Mapping):
        return {name: [item] for name, item in value.items()}
    return [value]


def only(value: Any) -> Any:
    """The reverse of `as_batch_of_one`."""
    if value.__class__ is np.ndarray:  # the usual case; asking for a Mapping takes longer
        return value[0]
    if isinstance(value, Mapping):
        return {name: item[0] for name, item in value.items()}
    return value[0]


def _each(batch: Mapping[str, Any], name: str, count: int) -> list[Any]:
    return _items(batch[name], name, count)


def _items(value: Any, name: str, count: int) -> list[Any]:
    listed = isinstance(value, (list, tuple, np.ndarray)) or is_tensor(value)
    if not listed or len(value) != count:
        got = f"{len(value)} items" if hasattr(value, "__len__") else type(value).__name__
        raise InputError(f"{name}: expected one item per image ({count}), got {got}")
    return list(value)


def _masks(batch: Mapping[str, Any], sizes: Ints) -> list[Any]:
    masks = _each(batch, "masks", len(sizes))
    return [
        read_mask(mask, f"masks[{place}]", (height, width))
        for place, (mask, (height, width)) in enumerate(zip(masks, sizes.tolist(), strict=True))
    ]


def _instance_masks(items: list[Any], sizes: Ints, known: Any) -> tuple[list[Any], Ints]:
    """The masks as they came, and how many instances each image has."""
    masks, counts = [], []
    for place, (mask, (height, width)) in enumerate(zip(items, sizes.tolist(), strict=True)):
        most = None if known is None else int(known[place])
        read, count = read_instance_masks(mask, f"instance_masks[{place}]", (height, width), most)
        masks.append(read)
        counts.append(count)
    return masks, np.array(counts, dtype=np.int64)


def _keypoints(
    batch: Mapping[str, Any], form: Targets, sizes: Ints
) -> tuple[Points | None, PointForm | None]:
    if "keypoints" not in batch:
        if "keypoint_visibility" in batch:
            raise InputError("keypoint_visibility: pass keypoints= with it")
        return None, None
    visibility = None
    if "keypoint_visibility" in batch:
        visibility = _each(batch, "keypoint_visibility", len(sizes))
    items, index = _each(batch, "keypoints", len(sizes)), form.keypoints == "index"
    points, how = read_all_keypoints(items, visibility, "keypoints", index, sizes)
    _check_groups(points, form)
    return points, how


def _check_groups(points: Points, form: Targets) -> None:
    """Raises InputError unless every group of points has the points that pairs and names need."""
    if form.keypoint_names is None and not form.keypoint_pairs:
        return
    least = 1 + max((place for pair in form.keypoint_pairs for place in pair), default=-1)
    names = None if form.keypoint_names is None else len(form.keypoint_names)
    for count in np.unique(points.counts).tolist():
        if count and names is not None and count != names:
            raise InputError(f"keypoints: {count} points a group, but {names} keypoint_names")
        if count and count < least:
            raise InputError(f"keypoints: {count} points a group, but keypoint_pairs need {least}")


def _extras(batch: Mapping[str, Any], count: int) -> dict[str, list[Any]]:
    """What belongs to instances and does not move: box_labels, and what `instances` names."""
    extras: dict[str, list[Any]] = {}
    if "box_labels" in batch:
        extras["box_labels"] = _each(batch, "box_labels", count)
    given = batch.get("instances", {})
    if not isinstance(given, Mapping):
        raise InputError(f"instances: expected {{name: items}}, got {type(given).__name__}")
    for name, value in given.items():
        extras[f"instances.{name}"] = _items(value, f"instances[{name!r}]", count)
    return extras


def _first(counts: Mapping[str, Ints], count: int) -> Ints:
    own = next(iter(counts.values()), np.zeros(count, dtype=np.int64))
    return np.concatenate([[0], np.cumsum(own)]).astype(np.int64)


def _check_counts(counts: Mapping[str, Ints], extras: Mapping[str, Any], first: Ints) -> None:
    """Raises InputError unless all that belongs to instances has a row for each of them."""
    if extras and not counts:
        raise InputError(
            f"{next(iter(extras))}: pass boxes=, oriented_boxes=, polygons=, instance_masks= or "
            "keypoints= (k, j, 2) with them"
        )
    wanted = first[1:] - first[:-1]
    for name, own in counts.items():
        if not np.array_equal(own, wanted):
            place = int(np.argmax(own != wanted))
            reference = next(iter(counts))
            raise InputError(
                f"{name}[{place}]: {own[place]} rows, but {reference}[{place}] has {wanted[place]}"
            )
    for name, items in extras.items():
        for place, (item, count) in enumerate(zip(items, wanted.tolist(), strict=True)):
            if not hasattr(item, "__len__") or len(item) != count:
                got = len(item) if hasattr(item, "__len__") else 1
                raise InputError(f"{name}[{place}]: {got} rows for {count} instances")
