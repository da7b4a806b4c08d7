"""Rings: closed outlines of any number of corners, many in one array, cut off by straight lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STEP = 2.0  # pixels between the points of an edge that will be bent
MOST = 64  # points of one edge


@dataclass(frozen=True)
class Rings:
    """points (p, 2): the corners of all rings. first (r + 1,): where each ring's begin. row (r,):
    whose each ring is; an instance may have several. sign (r,): 1, or -1 for a hole.
    """

    points: Floats
    first: Ints
    row: Ints
    sign: Floats

    @classmethod
    def of_corners(cls, corners: Floats) -> Rings:
        """One ring for each of m rows, from corners (m, v, 2)."""
        count, sides = corners.shape[:2]
        first = np.arange(count + 1) * sides
        return cls(corners.reshape(-1, 2), first, np.arange(count), np.ones(count))

    def __len__(self) -> int:
        return len(self.row)

    @property
    def counts(self) -> Ints:
        """How many corners each ring has (r,)."""
        return self.first[1:] - self.first[:-1]

    @property
    def ring(self) -> Ints:
        """Which ring each point belongs to (p,)."""
        return np.repeat(np.arange(len(self)), self.counts)

    def at(self, points: Floats) -> Rings:
        """The same rings with their corners elsewhere."""
        return replace(self, points=points)

    def take(self, rings: Ints) -> Rings:
        """Some of the rings (places, in any order)."""
        counts = self.counts[rings]
        first = np.concatenate([[0], np.cumsum(counts)])
        own = np.arange(first[-1]) + np.repeat(self.first[rings] - first[:-1], counts)
        return Rings(self.points[own], first, self.row[rings], self.sign[rings])


def joined(parts: list[Rings]) -> Rings:
    """The rings of several, one after the other."""
    counts = np.concatenate([part.counts for part in parts])
    return Rings(
        np.concatenate([part.points for part in parts]),
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.sign for part in parts]),
    )


def _following(first: Ints) -> Ints:
    """For each point the next one of its ring, the first after the last (p,)."""
    after = np.arange(1, first[-1] + 1)
    some = first[1:] > first[:-1]
    after[first[1:][some] - 1] = first[:-1][some]
    return after


def clip(rings: Rings, distance: Floats, axis: int = 0, limit: Floats | None = None) -> Rings:
    """Keeps the part of each ring whose distance (p,), linear along edges, is at least 0. limit
    (p,): what the coordinate of this axis is along the line, where the line has one.

    Sutherland and Hodgman 1974. A ring outside is left with no corners. What a line cuts into
    several parts stays one ring, whose parts are joined along the line: its area is right.
    """
    inside = distance >= 0
    if inside.all():
        return rings
    after = _following(rings.first)
    crosses = inside != inside[after]
    start = np.flatnonzero(crosses)
    end = after[start]
    share = distance[start] / (distance[start] - distance[end])
    cut = rings.points.copy()
    cut[start] += share[:, None] * (rings.points[end] - rings.points[start])
    if limit is not None:
        cut[start, axis] = limit[start]
    kept = np.stack([inside, crosses], axis=1)
    points = np.stack([rings.points, cut], axis=1)[kept]
    total = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return replace(rings, points=points, first=total[rings.first])


def clip_to_box(rings: Rings, box: Floats) -> Rings:
    """Rings cut off at boxes x1 y1 x2 y2, one for each ring (r, 4)."""
    low, high = rings.points.min(axis=0, initial=np.inf), rings.points.max(axis=0, initial=-np.inf)
    for side, axis, sign in ((0, 0, 1.0), (2, 0, -1.0), (1, 1, 1.0), (3, 1, -1.0)):
        limit = box[:, side]
        if len(limit) and (low[axis] < limit.max() if sign > 0 else high[axis] > limit.min()):
            mine = limit[rings.ring]
            rings = clip(rings, sign * (rings.points[:, axis] - mine), axis, mine)
    return rings


def ring_areas(rings: Rings) -> Floats:
    """The area of each ring (r,), at least 0."""
    if len(rings.points) == 0:
        return np.zeros(len(rings))
    # Measured from each ring's first corner: far from the origin, products would lose digits.
    x, y = (rings.points - np.repeat(rings.points[_starts(rings)], rings.counts, axis=0)).T
    after = _following(rings.first)
    cross = x * y[after] - y * x[after]
    return np.asarray(np.abs(np.bincount(rings.ring, cross, minlength=len(rings)) / 2))


def _starts(rings: Rings) -> Ints:
    """Where each ring's points begin; any place for a ring without."""
    return np.minimum(rings.first[:-1], len(rings.points) - 1)


def areas(rings: Rings, count: int) -> Floats:
    """The area of each of `count` rows, holes taken off."""
    signed = ring_areas(rings) * rings.sign
    return np.bincount(rings.row, signed, minlength=count).astype(np.float64)


def bounds(rings: Rings, count: int) -> Floats:
    """The box x1 y1 x2 y2 around each of `count` rows (count, 4); inside out where nothing is."""
    box = np.full((count, 4), np.inf)
    box[:, 2:] = -np.inf
    some = np.flatnonzero(rings.counts)
    if len(some) == 0:
        return box
    starts, row = rings.first[some], rings.row[some]
    low = np.minimum.reduceat(rings.points, starts, axis=0)
    high = np.maximum.reduceat(rings.points, starts, axis=0)
    if len(row) == count and np.array_equal(row, np.arange(count)):
        return np.concatenate([low, high], axis=1)
    np.minimum.at(box[:, :2], row, low)
    np.maximum.at(box[:, 2:], row, high)
    return box


def densified(rings: Rings, bent: Bools) -> Rings:
    """The rings with points along the edges of those that will be bent (r,)."""
    after = rings.points[_following(rings.first)] - rings.points
    length = np.sqrt(np.sum(after**2, axis=1))
    wanted = np.clip(np.ceil(length / STEP), 1, MOST).astype(np.int64)
    wanted[~bent[rings.ring]] = 1
    place = np.concatenate([[0], np.cumsum(wanted)])
    turn = np.arange(place[-1]) - np.repeat(place[:-1], wanted)
    share = turn / np.repeat(wanted, wanted)
    points = np.repeat(rings.points, wanted, axis=0)
    points += share[:, None] * np.repeat(after, wanted, axis=0)
    return replace(rings, points=points, first=place[rings.first])
