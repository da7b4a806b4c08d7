"""Outlines: what boxes, oriented boxes and polygons are on their way through a program's maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.plan.maps import points_after, rings_after
from variegate.plan.program import Stage
from variegate.plan.rings import Rings, areas

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outlines:
    """The outlines of `count` instances, all of one kind.

    seen: what the frames on the way have left of them. whole: the same with nothing cut off.
    corners (count, v, 2) or None: points that only move, for outlines of a fixed form.
    """

    seen: Rings
    whole: Rings
    count: int
    corners: Floats | None = None

    def areas(self) -> tuple[Floats, Floats]:
        """What is seen of each instance and what there would be, in pixels (count,) each."""
        return areas(self.seen, self.count), areas(self.whole, self.count)


def followed(outlines: Outlines, stages: list[Stage], owner: Ints) -> Outlines:
    """Outlines after all warps of these stages, cut off at each frame as the pixels are.

    owner (count,): the sample that each instance is in.
    """
    seen = rings_after(outlines.seen, stages, owner, cut=True)
    whole = rings_after(outlines.whole, stages, owner, cut=False)
    corners = outlines.corners
    if corners is not None:
        sides = corners.shape[1]
        moved, _ = points_after(corners.reshape(-1, 2), stages, np.repeat(owner, sides))
        corners = moved.reshape(-1, sides, 2)
    return Outlines(seen, whole, outlines.count, corners)
