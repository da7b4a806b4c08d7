"""Keypoints: points through the maps; which of them are still inside the frame is told, none is
dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine import compiled
from variegate.errors import InputError
from variegate.plan.program import MixStage, Program
from variegate.targets.polygons import Bools, Floats, has_fields, through_warp, warp_levels
from variegate.targets.rows import Rows, numbers_of, split


def read_keypoints(value: Any, where: str, index: bool) -> Floats:
    """Points (m, 2) or (k, j, 2) as float64 x y in continuous coordinates; `index`: they are pixel
    indices.

    Points may lie outside the image. Raises InputError on other shapes and on NaN.
    """
    try:
        points = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected numbers (m, 2), got {type(value).__name__}") from error
    if points.size == 0:
        return points.reshape(*points.shape[:-1], 2) if points.ndim > 1 else np.zeros((0, 2))
    if points.ndim not in (2, 3) or points.shape[-1] != 2:
        raise InputError(f"{where}: expected shape (m, 2) or (k, j, 2), got {points.shape}")
    if not np.isfinite(points).all():
        row = int(np.argmax(~np.isfinite(points.reshape(-1, 2)).all(axis=1)))
        raise InputError(f"{where}: point {row} is not finite")
    return points + 0.5 if index else points


@dataclass
class Points:
    """The points of all samples. shapes: each sample's (..., 2); None where all are (m, 2)."""

    rows: Rows
    shapes: list[tuple[int, ...]] | None

    def split(self, flat: npt.NDArray[Any]) -> list[Any]:
        """What belongs to the points, (total, ...), in the shape that each sample came in."""
        parts = split(flat, self.rows.first)
        if self.shapes is None:
            return parts
        tail = flat.shape[1:]
        return [p.reshape(*own[:-1], *tail) for p, own in zip(parts, self.shapes, strict=True)]


def read_all_keypoints(values: list[Any], where: str, index: bool) -> Points:
    """The points of each image, as `read_keypoints` gives them; checked at once where all are
    legal.
    """
    rows = numbers_of(values, 2)
    if rows is not None and np.isfinite(rows.flat).all():
        if index:
            rows.flat += 0.5
        return Points(rows, None)
    read = [read_keypoints(v, f"{where}[{place}]", index) for place, v in enumerate(values)]
    return Points(Rows.of([p.reshape(-1, 2) for p in read], 2), [p.shape for p in read])


def move_keypoints(
    program: Program, points: Rows, sizes: Any, fast: bool = False
) -> tuple[Floats, Bools]:
    """Each sample's points through the program (m, 2), and whether each was inside every frame on
    its way (m,). fast: by the compiled part, where it can.
    """
    start = np.asarray(sizes)
    if fast and compiled.available() and not has_fields(program):
        moved = points.flat.copy()
        return moved, compiled.move_points(program, points.first, start, moved)
    owner = np.repeat(np.arange(len(points.counts)), points.counts)
    moved = points.flat[:, None, :]
    inside = _within(moved[:, 0], start[owner])
    for stage in program.stages:
        if isinstance(stage, MixStage):
            continue
        for level in warp_levels(stage):
            rows = level[owner]
            moving = np.flatnonzero(rows >= 0)
            if len(moving) == 0:
                continue
            moved = moved.copy()
            moved[moving] = through_warp(stage.tables, rows[moving], moved[moving])
            inside[moving] &= _within(
                moved[moving, 0], np.asarray(stage.tables.warp_size)[rows[moving]]
            )
    return moved[:, 0], inside


def _within(points: Floats, size: npt.NDArray[Any]) -> Bools:
    """Whether points (m, 2) lie in frames (m, 2) of height and width."""
    x, y = points[:, 0], points[:, 1]
    return (x >= 0) & (x < size[:, 1]) & (y >= 0) & (y < size[:, 0])
