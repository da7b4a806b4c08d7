"""Annotations: everything marked on a batch's images beside masks, on its way through a program.

An instance is one row: its box, oriented box, polygon, group of keypoints, label and whatever else
belongs to it have the same place in their sample, and leave together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from variegate.engine import compiled
from variegate.plan.maps import stages_bend
from variegate.plan.program import Stage
from variegate.plan.rings import bounds
from variegate.targets.keypoints import Points, moved_points
from variegate.targets.outlines import Outlines, followed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# What has an outline, the finest first: it tells how much of an instance is seen.
OUTLINED = ("polygons", "oriented_boxes", "boxes", "extents", "instance_masks")
# Why an instance was dropped, by its code; 0 stays.
REASONS = (
    "",
    "out of frame",
    "below min_area",
    "below min_visibility",
    "not a legal shape",
    "covered by a mix",
    "hidden by a dropout",
)
STAYS, OUT, SMALL, HIDDEN, ILLEGAL, COVERED, ERASED = range(7)
NOTHING = 1e-9  # pixels that rounding may leave where nothing is seen


@dataclass(frozen=True)
class Annotations:
    """first (n + 1,): where each sample's instances begin. source, index (m,): the sample that an
    instance came with, and its place there. outlines: name -> Outlines of all m instances.
    code (m,): STAYS, or why an instance is already lost. share (m,): how much of each pixel is
    its own where a mix blends.
    """

    first: Ints
    source: Ints
    index: Ints
    outlines: Mapping[str, Outlines]
    points: Points | None
    code: Ints
    share: Floats

    @property
    def owner(self) -> Ints:
        """The sample that each instance is in now (m,)."""
        return np.repeat(np.arange(len(self.first) - 1), self.first[1:] - self.first[:-1])


def moved(
    annotations: Annotations, stages: list[Stage], pairs: Ints, fast: bool = False
) -> Annotations:
    """Annotations after all warps of stages that follow each other.

    pairs (q, 2): places in a group of keypoints that mirrors swap. fast: by the compiled part.
    """
    owner, points = annotations.owner, annotations.points
    outlines = {name: followed(own, stages, owner) for name, own in annotations.outlines.items()}
    if points is not None:
        groups = owner if points.bound else np.arange(len(annotations.first) - 1)
        points = moved_points(points, stages, groups, pairs, fast)
    return replace(annotations, outlines=outlines, points=points)


@dataclass(frozen=True)
class Seen:
    """What is left of m instances by one kind of outline: area seen and whole (m,)."""

    seen: Floats
    whole: Floats


def boxes_alone(
    first: Ints, boxes: Floats, stages: list[Stage], threads: int
) -> tuple[Floats, Seen] | None:
    """Boxes (m, 4) after all warps, and how much is seen of each, by the compiled part; None where
    it cannot say.
    """
    if not compiled.available() or stages_bend(stages):
        return None
    box, seen, whole = compiled.move_boxes(stages, first, boxes, threads)
    return box, Seen(seen, whole)


def boxes_of(outlines: Outlines) -> Floats:
    """The box around what is seen of each instance (m, 4); inside out where that is nothing."""
    return bounds(outlines.seen, outlines.count)


def fates(found: Mapping[str, Seen], code: Ints, min_area: float, min_visibility: float) -> Ints:
    """Why each instance is lost, or STAYS (m,): something must be left of every outline, and of the
    finest one more than `min_area` pixels and at least `min_visibility` of its whole area.
    """
    code = code.copy()
    for name in OUTLINED:
        if name in found:
            code[(code == STAYS) & (found[name].seen <= NOTHING)] = OUT
    finest = next((found[name] for name in OUTLINED if name in found), None)
    if finest is not None:
        code[(code == STAYS) & (finest.seen <= min_area)] = SMALL
        code[(code == STAYS) & (finest.seen < min_visibility * finest.whole)] = HIDDEN
    return code
