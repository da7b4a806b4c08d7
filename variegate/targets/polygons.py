"""Polygons: instances outlined by rings of points, as COCO writes segmentations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.rings import Rings, areas, clip_to_box, ring_areas
from variegate.targets.outlines import Outlines

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Polygons:
    """rings: those of all instances. first (n + 1,): where each sample's instances begin. flat:
    whether rings are written as x1 y1 x2 y2 ... bad (m,): instances that are none.
    """

    rings: Rings
    first: Ints
    flat: bool
    bad: Bools


def read_all_polygons(values: list[Any], where: str, drop: bool = False) -> Polygons:
    """The polygons of each image: a list of instances, each a list of rings (v, 2), or of flat
    rings (2v,), or one ring (v, 2).

    Several rings are parts; one that lies within another is a hole in it. They may pass the frame
    by any length. Raises InputError that names the ring, unless bad instances are to be dropped.
    """
    points: list[Floats] = []
    row: list[int] = []
    sign: list[Floats] = []
    bad: list[bool] = []
    first, flat = [0], False
    for sample, instances in enumerate(values):
        if not isinstance(instances, (list, tuple, np.ndarray)):
            got = type(instances).__name__
            raise InputError(f"{where}[{sample}]: expected a list of instances, got {got}")
        for place, instance in enumerate(instances):
            name = f"{where}[{sample}][{place}]"
            given = [_array(ring, f"{name}[{i}]") for i, ring in enumerate(_rings(instance))]
            flat |= any(ring.ndim == 1 for ring in given)
            pairs = [ring.reshape(-1, 2) for ring in given]
            problem = _problem(pairs)
            if problem and not drop:
                raise InputError(f"{name}: {problem}")
            pairs = [] if problem else pairs
            points += pairs
            row += [len(bad)] * len(pairs)
            sign.append(_signs(pairs))
            bad.append(bool(problem))
        first.append(len(bad))
    counts = [len(ring) for ring in points]
    rings = Rings(
        np.concatenate([np.zeros((0, 2)), *points]),
        np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
        np.array(row, dtype=np.int64),
        np.concatenate([np.zeros(0), *sign]),
    )
    found = np.array(bad, dtype=bool)
    hollow = (areas(rings, len(found)) <= 0) & ~found
    if hollow.any() and not drop:
        sample = int(np.searchsorted(first, np.argmax(hollow), side="right")) - 1
        place = int(np.argmax(hollow)) - first[sample]
        raise InputError(f"{where}[{sample}][{place}]: the outline has no area")
    return Polygons(rings, np.array(first, dtype=np.int64), flat, found | hollow)


def _rings(instance: Any) -> Any:
    """The rings of an instance; one alone may stand for itself."""
    if isinstance(instance, np.ndarray) and instance.dtype != object and instance.ndim == 2:
        return [instance]
    return instance if isinstance(instance, (list, tuple, np.ndarray)) else [instance]


def _array(ring: Any, where: str) -> Floats:
    try:
        array = np.asarray(ring, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected a ring of points (v, 2)") from error
    paired = array.ndim == 2 and array.shape[1] == 2
    if not paired and not (array.ndim == 1 and array.size % 2 == 0):
        raise InputError(f"{where}: expected points (v, 2) or (2v,), got shape {array.shape}")
    return array


def _problem(rings: list[Floats]) -> str:
    if not rings:
        return "expected at least one ring"
    if any(len(ring) < 3 for ring in rings):
        return "expected rings of at least 3 points"
    return "" if all(np.isfinite(ring).all() for ring in rings) else "not finite"


def _signs(rings: list[Floats]) -> Floats:
    """-1 for a ring that lies within an odd number of the others, else 1 (r,)."""
    sign = np.ones(len(rings))
    if len(rings) > 1:
        for place, ring in enumerate(rings):
            others = [other for i, other in enumerate(rings) if i != place]
            sign[place] = (-1.0) ** sum(_within(ring, other) for other in others)
    return sign


def _within(ring: Floats, other: Floats) -> bool:
    """Whether most corners of a ring lie inside another (crossings of a ray to the right)."""
    x, y = ring[:, :1], ring[:, 1:]
    x1, y1 = other.T
    x2, y2 = np.roll(other, -1, axis=0).T
    above = (y1 > y) != (y2 > y)
    rise = np.where(y2 == y1, 1.0, y2 - y1)
    crossings = above & (x < x1 + (y - y1) * (x2 - x1) / rise)
    return bool((crossings.sum(axis=1) % 2 == 1).mean() > 0.5)


def polygon_outlines(polygons: Polygons, frames: Floats) -> Outlines:
    """The outlines, seen as far as they lie in their frames x1 y1 x2 y2 (m, 4)."""
    rings = polygons.rings
    return Outlines(clip_to_box(rings, frames[rings.row]), rings, len(frames))


def write_polygons(outlines: Outlines, rows: Ints, flat: bool) -> list[list[Any]]:
    """For each of `rows` what is seen of it: a list of rings, float32 (v, 2), or (2v,) if flat."""
    place = np.full(outlines.count, -1)
    place[rows] = np.arange(len(rows))
    seen = outlines.seen
    own = np.flatnonzero((place[seen.row] >= 0) & (ring_areas(seen) > 0))
    rings = seen.take(own[np.argsort(place[seen.row[own]], kind="stable")])
    points = rings.points.astype(np.float32)
    written: list[list[Any]] = [[] for _ in rows]
    mine = place[rings.row].tolist()
    for owner, (start, end) in zip(mine, pairwise(rings.first.tolist()), strict=True):
        ring = points[start:end]
        written[owner].append(ring.reshape(-1) if flat else ring)
    return written
