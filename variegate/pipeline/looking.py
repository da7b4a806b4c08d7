"""Regions: what steps that look at targets are shown of a batch before it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.pipeline.clips import Clips
from variegate.pipeline.forms import Targets
from variegate.pipeline.marks import Marks
from variegate.plan.regions import Boxes, Regions, runs_of
from variegate.targets.annotations import OUTLINED, STAYS, boxes_of
from variegate.targets.instance_masks import extents

Ints = npt.NDArray[np.int64]
ANY_BOXES = ("boxes", "oriented_boxes", "polygons", "instance_masks")
ANY_MASK = ("masks", "instance_masks")


def check_looks(looks: Mapping[str, str], targets: Mapping[str, Any]) -> None:
    """Raises InputError that names a step that looks at targets which are not there."""
    for name, op in looks.items():
        known = ANY_BOXES if name == "boxes" else ANY_MASK
        if not any(own in targets for own in known):
            wanted = ", ".join(f"{own}=" for own in known)
            raise InputError(f"draw: {op} looks at targets: pass one of {wanted}")


def regions_of(
    looks: Mapping[str, str],
    batch: Mapping[str, Any],
    sizes: Ints,
    form: Targets,
    clips: Clips | None = None,
) -> Regions:
    """What the steps in `looks` see of a batch whose images have these sizes (n, 2), clip by clip
    where there are `clips`. Raises InputError where targets are not legal.
    """
    marks = Marks.read(batch, sizes, form)
    boxes = _boxes(marks) if "boxes" in looks else None
    mask = _mask(marks) if "mask" in looks else None
    if clips is None:
        return Regions(boxes, mask)
    return Regions(_of_clips(boxes, clips), _of_clips(mask, clips))


def _of_clips(found: Boxes | None, clips: Clips) -> Boxes | None:
    return None if found is None else Boxes(found.first[clips.first], found.boxes, found.value)


def _boxes(marks: Marks) -> Boxes:
    """The boxes, or those around whatever else outlines the instances."""
    annotations = marks.annotations(boxes=True)
    name = next((own for own in reversed(OUTLINED) if own in annotations.outlines), None)
    if name is not None:
        boxes = boxes_of(annotations.outlines[name])
    elif marks.instance_masks is not None:
        boxes = extents(marks.instance_masks, marks.first)
    else:
        boxes = np.zeros((marks.first[-1], 4))
    legal = (annotations.code == STAYS) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    counts = np.bincount(annotations.owner[legal], minlength=len(marks.sizes))
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Boxes(first, boxes[legal], np.ones(first[-1]))


def _mask(marks: Marks) -> Boxes:
    masks = marks.masks
    if masks is None:
        masks = [m if m.ndim == 2 else m.any(axis=0) for m in marks.instance_masks or []]
    runs = [runs_of(mask[..., 0] if mask.shape[2:] == (1,) else mask) for mask in masks]
    counts = [len(boxes) for boxes, _ in runs] or [0] * len(marks.sizes)
    return Boxes(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([np.zeros((0, 4)), *(boxes for boxes, _ in runs)]),
        np.concatenate([np.zeros(0), *(value for _, value in runs)]),
    )
