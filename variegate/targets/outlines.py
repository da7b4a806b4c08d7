"""Outlines: what boxes, oriented boxes and polygons are on their way through a program's maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.plan.maps import in_front, through_warp, warp_levels
from variegate.plan.program import Stage
from variegate.plan.rings import Rings, areas, clip_to_box, densified

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
    seen, whole, corners = outlines.seen, outlines.whole, outlines.corners
    for stage in stages:
        for level in warp_levels(stage):
            warp = level[owner]
            if np.all(warp < 0):
                continue
            seen = _moved(stage, in_front(seen, _ahead(stage, warp[seen.row])), warp)
            whole = _moved(stage, whole, warp)
            seen = clip_to_box(seen, _frames(stage, warp)[seen.row])
            if corners is not None:
                flat = corners.reshape(-1, 2).copy()
                rows = np.repeat(warp, corners.shape[1])
                moving = np.flatnonzero(rows >= 0)
                flat[moving] = through_warp(stage.tables, rows[moving], flat[moving])
                corners = flat.reshape(corners.shape)
    return Outlines(seen, whole, outlines.count, corners)


def _moved(stage: Stage, rings: Rings, warp: Ints) -> Rings:
    """Rings through their instance's warp (count,), or where they were."""
    mine = warp[rings.row]
    bent = (mine >= 0) & (np.asarray(stage.tables.warp_mode)[mine, 3] >= 0)
    if bent.any():
        rings = densified(rings, bent)
    rows = mine[rings.ring]
    moving = np.flatnonzero(rows >= 0)
    points = rings.points.copy()
    points[moving] = through_warp(stage.tables, rows[moving], points[moving])
    return rings.at(points)


def _ahead(stage: Stage, warp: Ints) -> Floats:
    """The matrix that comes next (k, 9), the identity where there is none."""
    ahead = np.asarray(stage.tables.warp_forward, dtype=np.float64)[warp]
    ahead[warp < 0] = np.eye(3).reshape(9)
    return ahead


def _frames(stage: Stage, warp: Ints) -> Floats:
    """The frame x1 y1 x2 y2 after each warp (k, 4), without limits where there is none."""
    frames = np.zeros((len(warp), 4))
    frames[:, 2:] = np.asarray(stage.tables.warp_size, dtype=np.float64)[warp, ::-1]
    frames[warp < 0] = [-np.inf, -np.inf, np.inf, np.inf]
    return frames
