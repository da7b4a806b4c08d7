"""Keypoints: points through the maps, with COCO's visibility and pairs that mirrors swap.

None is dropped by itself: whether it is still inside the frame is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine import compiled
from variegate.errors import InputError
from variegate.plan.maps import mirrors, points_after, stages_bend, stages_shuffle, within
from variegate.plan.program import Stage
from variegate.targets.rows import numbers_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

HIDDEN, VISIBLE = 0, 2  # COCO: 0 not labeled, 1 labeled but covered, 2 labeled and visible


@dataclass(frozen=True)
class Points:
    """xy (p, 2). first (g + 1,): where each group's points begin; a group is an instance's where
    the points are `bound`, else a sample's. inside (p,): whether each was inside every frame.
    labeled (p,): COCO's visibility, or None where nobody gave any.
    """

    xy: Floats
    first: Ints
    inside: Bools
    labeled: Floats | None
    bound: bool

    @property
    def counts(self) -> Ints:
        """How many points each group has (g,)."""
        return self.first[1:] - self.first[:-1]


@dataclass(frozen=True)
class PointForm:
    """How the points came: shapes, each sample's; third: whether with a third column."""

    shapes: list[tuple[int, ...]]
    third: bool


def read_all_keypoints(
    values: list[Any], visibility: list[Any] | None, where: str, index: bool, sizes: Ints
) -> tuple[Points, PointForm]:
    """The points of each image: (m, 2), or (k, j, 2) for k instances; with a third column, or
    arrays `visibility` (m,) or (k, j), for COCO's visibility. index: they are pixel indices.

    Points may lie outside the image. sizes (n, 2): height and width of the images. Raises
    InputError on other shapes, on NaN and where a batch mixes forms.
    """
    rows = numbers_of(values, 2)
    if rows is not None and visibility is None and np.isfinite(rows.flat).all():
        xy, first = rows.flat, rows.first
        shapes: list[tuple[int, ...]] = [(n, 2) for n in rows.counts.tolist()]
        labeled, bound, third = None, False, False
    else:
        read = [_read(v, f"{where}[{place}]") for place, v in enumerate(values)]
        some = [array for array in read if array.size]
        forms = {(array.ndim, array.shape[-1]) for array in some}
        if len(forms) > 1:
            raise InputError(f"{where}: a batch holds one form of points, got {sorted(forms)}")
        given = [array for array in read if array.ndim == 3] or some
        bound = any(array.ndim == 3 for array in given)
        third = any(array.shape[-1] == 3 for array in some)
        shapes = [_shape(array, bound, third) for array in read]
        every = np.concatenate(
            [np.zeros((0, 2 + third)), *(a.reshape(-1, 2 + third) for a in some)]
        )
        xy, labeled = every[:, :2], every[:, 2] if third else None
        counts = [np.full(s[0], s[1]) if bound else np.array([s[0]]) for s in shapes]
        first = np.concatenate([[0], np.cumsum(np.concatenate([[], *counts]))]).astype(np.int64)
    if visibility is not None:
        if third:
            raise InputError(f"keypoint_visibility: {where} has it already, as a third column")
        labeled = _read_visibility(visibility, shapes)
    if index:
        xy = xy + 0.5
    per_sample = [prod(shape[:-1]) for shape in shapes]
    inside = within(xy, np.repeat(sizes, per_sample, axis=0))
    if labeled is not None:
        inside &= labeled > HIDDEN
    return Points(xy, first, inside, labeled, bound), PointForm(shapes, third)


def _read(value: Any, where: str) -> Floats:
    try:
        points = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected numbers (m, 2), got {type(value).__name__}") from error
    if points.size == 0:
        return points if points.ndim == 3 else np.zeros((0, 2))
    if points.ndim not in (2, 3) or points.shape[-1] not in (2, 3):
        raise InputError(
            f"{where}: expected shape (m, 2) or (k, j, 2), or 3 numbers with the visibility, "
            f"got {points.shape}"
        )
    flat = points.reshape(-1, points.shape[-1])
    if not np.isfinite(flat).all():
        row = int(np.argmax(~np.isfinite(flat).all(axis=1)))
        raise InputError(f"{where}: point {row} is not finite")
    if flat.shape[1] == 3:
        _check_visibility(flat[:, 2], where)
    return points


def _shape(array: Floats, bound: bool, third: bool) -> tuple[int, ...]:
    if array.size:
        return array.shape
    return (*(array.shape[:2] if array.ndim == 3 else (0,) * (1 + bound)), 2 + third)


def _check_visibility(value: Floats, where: str) -> None:
    legal = np.isin(value, (0, 1, 2))
    if not legal.all():
        point = int(np.argmax(~legal))
        raise InputError(f"{where}: point {point}: visibility is 0, 1 or 2, got {value[point]:g}")


def _read_visibility(values: list[Any], shapes: list[tuple[int, ...]]) -> Floats:
    parts = [np.zeros(0)]
    for place, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        where = f"keypoint_visibility[{place}]"
        try:
            part = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{where}: expected an array of 0, 1 and 2") from error
        if part.shape != shape[:-1] and (part.size or prod(shape[:-1])):
            raise InputError(f"{where}: expected shape {shape[:-1]}, got {part.shape}")
        _check_visibility(part.reshape(-1), where)
        parts.append(part.reshape(-1))
    return np.concatenate(parts)


def moved_points(
    points: Points, stages: list[Stage], owner: Ints, pairs: Ints, fast: bool = False
) -> Points:
    """Points after all warps of these stages. owner (g,): the sample of each group, rising.

    pairs (q, 2): places in a group that an odd number of mirrors swaps. A point that nobody labeled
    stays where it is. fast: by the compiled part, where it can.
    """
    of_point = np.repeat(owner, points.counts)
    if fast and compiled.available() and not (stages_bend(stages) or stages_shuffle(stages)):
        samples = len(stages[0].start) - 1
        first = np.searchsorted(of_point, np.arange(samples + 1))
        xy = np.ascontiguousarray(points.xy).copy()
        sizes = np.asarray(stages[0].sizes_in, dtype=np.int64)
        inside = points.inside & compiled.move_points(stages, first, sizes, xy)
    else:
        xy, inside = points_after(points.xy, stages, of_point)
        inside &= points.inside
    if points.labeled is not None:
        xy = np.where(points.labeled[:, None] > HIDDEN, xy, points.xy)
    moved = replace(points, xy=xy, inside=inside)
    if len(pairs) == 0:
        return moved
    return _swapped(moved, np.flatnonzero(mirrors(stages)[owner] & (points.counts > 0)), pairs)


def _swapped(points: Points, groups: Ints, pairs: Ints) -> Points:
    """The points with the two of each pair exchanged in some groups."""
    left = (points.first[groups, None] + pairs[:, 0]).reshape(-1)
    right = (points.first[groups, None] + pairs[:, 1]).reshape(-1)
    order = np.arange(len(points.xy))
    order[left], order[right] = right, left
    labeled = None if points.labeled is None else points.labeled[order]
    return replace(points, xy=points.xy[order], inside=points.inside[order], labeled=labeled)


def shown(points: Points) -> npt.NDArray[np.float64] | None:
    """COCO's visibility (p,): 0 for what left a frame on the way, else as it came."""
    return None if points.labeled is None else np.where(points.inside, points.labeled, HIDDEN)


def read_pairs(pairs: Any, names: Sequence[str] | None) -> tuple[tuple[int, int], ...]:
    """Pairs of places or names as pairs of places; raises ValueError that says what is wrong."""
    if not isinstance(pairs, (tuple, list)):
        raise ValueError(f"expected pairs of places or names, got {pairs!r}")
    clean: list[tuple[int, int]] = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"expected pairs of places or names, got {pair!r}")
        first, second = (_place(item, names) for item in pair)
        clean.append((first, second))
    places = [place for pair in clean for place in pair]
    if len(set(places)) < len(places):
        raise ValueError(f"a point stands in two pairs, or twice in one: {pairs!r}")
    return tuple(clean)


def _place(item: object, names: Sequence[str] | None) -> int:
    if isinstance(item, str):
        if names is None:
            raise ValueError(f"{item!r} is a name; pass keypoint_names= with it")
        if item not in names:
            raise ValueError(f"{item!r} is not among the keypoint_names")
        return list(names).index(item)
    if isinstance(item, bool) or not isinstance(item, (int, np.integer)) or item < 0:
        raise ValueError(f"expected places of at least 0 or names, got {item!r}")
    if names is not None and item >= len(names):
        raise ValueError(f"{item} is not below the {len(names)} keypoint_names")
    return int(item)
