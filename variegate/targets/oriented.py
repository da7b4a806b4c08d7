"""Oriented boxes: rectangles at any angle, as center, size and angle or as four points.

An angle is in degrees, counter-clockwise as displayed: the direction of the side that is the
width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.rings import Rings, clip_to_box
from variegate.targets.outlines import Outlines
from variegate.targets.rows import Rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FORMS = "(k, 5) x y width height angle, (k, 8) or (k, 4, 2) points"
SQUARE = 1e-6  # how far from a right angle the sides of a rectangle may be


@dataclass(frozen=True)
class Oriented:
    """corners: each sample's (k, 4, 2), in one array. tail: what a row looks like, (5,), (8,) or
    (4, 2). bad (m,): rows that are no boxes.
    """

    corners: Rows
    tail: tuple[int, ...]
    bad: Bools


def read_all_oriented(values: list[Any], where: str, drop: bool = False) -> Oriented:
    """The oriented boxes of each image; raises InputError that names the row, unless bad ones are
    to be dropped. They may pass the frame by any length.
    """
    arrays = [_array(value, f"{where}[{place}]") for place, value in enumerate(values)]
    tails = {array.shape[1:] for array in arrays if len(array)} or {(5,)}
    if len(tails) > 1:
        raise InputError(f"{where}: a batch holds one form of rows, got {sorted(tails)}")
    tail = tails.pop()
    rows = Rows.of([array.reshape(len(array), -1) for array in arrays if len(array)], 5)
    first = np.concatenate([[0], np.cumsum([len(array) for array in arrays])])
    flat = rows.flat.reshape(-1, *tail)
    bad = _bad(flat)
    if bad.any() and not drop:
        row = int(np.argmax(bad))
        sample = int(np.searchsorted(first, row, side="right")) - 1
        raise InputError(
            f"{where}[{sample}][{row - first[sample]}]: expected finite numbers and a width, a "
            f"height or an area above 0 that does not cross itself, got {flat[row].tolist()}"
        )
    flat = np.where(bad.reshape(-1, *[1] * len(tail)), 0.0, flat)
    corners = corners_of(flat) if tail == (5,) else flat.reshape(-1, 4, 2)
    return Oriented(Rows(corners, first), tail, bad)


def _array(value: Any, where: str) -> Floats:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected numbers {FORMS}") from error
    if array.size == 0:
        return np.zeros((0, 5))
    if array.ndim < 2 or array.shape[1:] not in ((5,), (8,), (4, 2)):
        raise InputError(f"{where}: expected {FORMS}, got shape {array.shape}")
    return array


def _bad(flat: Floats) -> Bools:
    whole: Bools = np.asarray(np.isfinite(flat.reshape(len(flat), -1)).all(axis=1))
    if flat.shape[1:] == (5,):
        return np.asarray(~(whole & (flat[:, 2] > 0) & (flat[:, 3] > 0)))
    points = np.where(whole[:, None, None], flat.reshape(-1, 4, 2), 0.0)
    side = np.roll(points, -1, axis=1) - points
    after = np.roll(side, -1, axis=1)
    turns = side[..., 0] * after[..., 1] - side[..., 1] * after[..., 0]
    crossing = ((turns > 0).sum(axis=1) == 2) & ((turns < 0).sum(axis=1) == 2)
    return np.asarray(~whole | crossing | ~turns.any(axis=1))


def corners_of(boxes: Floats) -> Floats:
    """Corners (m, 4, 2) of boxes (m, 5): at angle 0 upper left, upper right, lower right, lower
    left.
    """
    along, down = _axes(boxes[:, 4])
    across, tall = along * boxes[:, 2:3] / 2, down * boxes[:, 3:4] / 2
    center = boxes[:, :2]
    ends = [center - across - tall, center + across - tall]
    ends += [center + across + tall, center - across + tall]
    return np.stack(ends, axis=1)


def _axes(angle: Floats) -> tuple[Floats, Floats]:
    """The directions of the width and of the height (m, 2), exact at quarter turns."""
    quarter = np.mod(angle, 90.0) == 0
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    cos, sin = np.where(quarter, np.rint(cos), cos), np.where(quarter, np.rint(sin), sin)
    return np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)


def oriented_outlines(boxes: Oriented, frames: Floats) -> Outlines:
    """The outlines, seen as far as they lie in their frames x1 y1 x2 y2 (m, 4)."""
    corners = boxes.corners.flat
    whole = Rings.of_corners(corners)
    return Outlines(clip_to_box(whole, frames), whole, len(corners), corners)


def write_oriented(
    outlines: Outlines, rows: Ints, tail: tuple[int, ...], whole: bool, turn: float
) -> npt.NDArray[np.float32]:
    """Rows (k, *tail) of the instances `rows`, of which something is seen.

    Four points are where they went. Center, size and angle are those of the moved rectangle, or of
    the smallest one around what it became; unless `whole`, the sides shrink to what is seen. turn:
    the degrees after which an angle means the same again, 360, or 180 where boxes have no front.
    """
    if outlines.corners is None:
        raise InputError("oriented boxes: their corners are missing")
    corners = outlines.corners[rows]
    if tail != (5,):
        return corners.reshape(len(rows), *tail).astype(np.float32)
    own = _rings_of(outlines.whole, rows, outlines.count)
    angle = _angles(corners, own)
    shown = own if whole else _rings_of(outlines.seen, rows, outlines.count)
    along, down = _axes(angle)
    boxes = np.empty((len(rows), 5))
    center = np.zeros((len(rows), 2))
    for column, axis in ((2, along), (3, down)):
        low, high = _extent(shown, axis)
        boxes[:, column] = high - low
        center += axis * ((low + high) / 2)[:, None]
    boxes[:, :2], boxes[:, 4] = center, np.mod(angle + turn / 2, turn) - turn / 2
    return boxes.astype(np.float32)


def _rings_of(rings: Rings, rows: Ints, count: int) -> Rings:
    """All that belongs to each of `rows`, as one ring for each, whose order means nothing."""
    place = np.full(count, -1)
    place[rows] = np.arange(len(rows))
    mine = place[rings.row]
    own = np.flatnonzero((mine >= 0) & (rings.counts > 0))
    found = rings.take(own[np.argsort(mine[own], kind="stable")])
    total = np.bincount(place[found.row], found.counts, minlength=len(rows)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(total)])
    return Rings(found.points, first, np.arange(len(rows)), np.ones(len(rows)))


def _extent(rings: Rings, axis: Floats) -> tuple[Floats, Floats]:
    """From where to where each ring reaches along its axis (r, 2)."""
    if len(rings) == 0:
        return np.zeros(0), np.zeros(0)
    value = np.sum(rings.points * axis[rings.ring], axis=1)
    start = rings.first[:-1]
    return np.minimum.reduceat(value, start), np.maximum.reduceat(value, start)


def _angles(corners: Floats, rings: Rings) -> Floats:
    """The angle of the rectangle that each one still is, or of the smallest around it."""
    across, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    far = corners[:, 2] - corners[:, 0]
    angle = np.rad2deg(np.arctan2(-across[:, 1], across[:, 0]))
    sides = np.linalg.norm(across, axis=1), np.linalg.norm(down, axis=1)
    right = np.abs(np.sum(across * down, axis=1)) <= SQUARE * sides[0] * sides[1]
    level = np.abs(across + down - far).max(axis=1, initial=0) <= SQUARE * (sides[0] + sides[1])
    bent = np.flatnonzero(~(right & level & (rings.counts == 4)))
    angle[bent] = _nearest(_smallest(rings.take(bent)), angle[bent])
    return np.asarray(angle)


def _nearest(found: Floats, wanted: Floats) -> Floats:
    """Of the four directions of a rectangle's sides the one nearest to what is wanted."""
    return np.asarray(found + 90 * np.rint((wanted - found) / 90))


def _smallest(rings: Rings) -> Floats:
    """`smallest_angle` of each ring (r,): of convex ones of four corners all at once."""
    angle, plain = np.zeros(len(rings)), np.flatnonzero(rings.counts == 4)
    corners = rings.points[rings.first[:-1][plain, None] + np.arange(4)]
    side = np.roll(corners, -1, axis=1) - corners
    after = np.roll(side, -1, axis=1)
    turns = side[..., 0] * after[..., 1] - side[..., 1] * after[..., 0]
    convex = (turns > 0).all(axis=1) | (turns < 0).all(axis=1)
    plain, corners, side = plain[convex], corners[convex], side[convex]
    unit = side / np.linalg.norm(side, axis=2, keepdims=True)
    along = unit @ corners.transpose(0, 2, 1)
    down = (unit[..., ::-1] * [-1, 1]) @ corners.transpose(0, 2, 1)
    best = np.argmin(np.ptp(along, axis=2) * np.ptp(down, axis=2), axis=1)
    chosen = unit[np.arange(len(plain)), best]
    angle[plain] = np.rad2deg(np.arctan2(-chosen[:, 1], chosen[:, 0]))
    for ring in np.setdiff1d(np.arange(len(rings)), plain):
        angle[ring] = smallest_angle(rings.points[rings.first[ring] : rings.first[ring + 1]])
    return angle


def smallest_angle(points: Floats) -> float:
    """The angle of one side of the smallest-area rectangle around points (p, 2).

    One of its sides lies along a side of the convex hull (Freeman and Shapira 1975).
    """
    corners = hull(points)
    side = np.roll(corners, -1, axis=0) - corners
    angle = np.rad2deg(np.arctan2(-side[:, 1], side[:, 0]))
    along, down = _axes(angle)
    wide, tall = corners @ along.T, corners @ down.T
    area = (wide.max(axis=0) - wide.min(axis=0)) * (tall.max(axis=0) - tall.min(axis=0))
    return float(angle[np.argmin(area)])


def hull(points: Floats) -> Floats:
    """The corners of the convex hull of points (p, 2), in order (Andrew 1979)."""
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < 3:
        return np.array(ordered)
    halves = []
    for run in (ordered, ordered[::-1]):
        half: list[tuple[float, float]] = []
        for x, y in run:
            while len(half) > 1:
                (x1, y1), (x2, y2) = half[-2], half[-1]
                if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0:
                    break
                half.pop()
            half.append((x, y))
        halves += half[:-1]
    return np.array(halves)
