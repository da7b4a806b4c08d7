"""Keypoints: points through the maps; which of them are still inside the frame is told, none is
dropped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.plan.program import MixStage, Program
from variegate.targets.polygons import Bools, Floats, through_warp, warp_levels


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


def move_keypoints(
    program: Program, points: list[Floats], sizes: Any
) -> list[tuple[Floats, Bools]]:
    """Each sample's points (..., 2) through the program, and whether each was inside every frame on
    its way.
    """
    flat = [p.reshape(-1, 2) for p in points]
    owner = np.repeat(np.arange(len(points)), [len(p) for p in flat])
    moved = (np.concatenate(flat) if flat else np.zeros((0, 2)))[:, None, :]
    start = np.asarray(sizes)[owner]
    inside = _within(moved[:, 0], start)
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
    results = []
    for sample, own in enumerate(points):
        mine = owner == sample
        results.append((moved[mine, 0].reshape(own.shape), inside[mine].reshape(own.shape[:-1])))
    return results


def _within(points: Floats, size: npt.NDArray[Any]) -> Bools:
    """Whether points (m, 2) lie in frames (m, 2) of height and width."""
    x, y = points[:, 0], points[:, 1]
    return (x >= 0) & (x < size[:, 1]) & (y >= 0) & (y < size[:, 0])
