"""Instance masks: one channel (k, h, w) for each instance, or ids (h, w) where instance i is i + 1.

They move as masks do. After instances were dropped the channels, or the ids, are those that stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine
from variegate.errors import InputError
from variegate.plan.program import Program, Stage

Mask = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

AT_ONCE = 16  # bytes of a pixel that engines move together


def read_instance_masks(
    mask: Any, where: str, size: tuple[int, int], known: int | None
) -> tuple[Mask, int]:
    """A mask (k, h, w) or (h, w), as it came, and its number of instances.

    known: how many instances other targets have, where they say so. Raises InputError.
    """
    if not isinstance(mask, np.ndarray) or mask.ndim not in (2, 3):
        got = mask.shape if isinstance(mask, np.ndarray) else type(mask).__name__
        raise InputError(
            f"{where}: expected (instances, height, width), or ids (height, width), got {got}"
        )
    if mask.shape[-2:] != size:
        raise InputError(f"{where}: size {mask.shape[-2:]} differs from the image's {size}")
    if mask.ndim == 3:
        if mask.dtype.kind not in "biuf":
            raise InputError(f"{where}: expected bools or numbers, got {mask.dtype}")
        return mask, len(mask)
    if mask.dtype.kind not in "iu":
        raise InputError(f"{where}: ids must be whole numbers, got {mask.dtype}")
    low, high = int(mask.min()), int(mask.max())
    if low < 0 or (known is not None and high > known):
        most = "" if known is None else f" for {known} instances"
        raise InputError(f"{where}: ids are 0, or 1 and more{most}; got {low}..{high}")
    return mask, high if known is None else known


def run_instance_masks(
    program: Program, masks: list[Mask], engine: Engine, threads: int
) -> list[Mask]:
    """The masks after the program's stages, each in its own form."""
    current = masks
    for stage in program.stages:
        if isinstance(stage, Stage):
            current = _run_stage(stage, current, engine, threads)
    return current


def _run_stage(stage: Stage, masks: list[Mask], engine: Engine, threads: int) -> list[Mask]:
    """In as many passes as the widest pixel needs; bools go eight to a byte."""
    packed = [_pixels(mask) for mask in masks]
    wide = [max(1, AT_ONCE // mask.dtype.itemsize) for mask in packed]
    passes = max((-(-m.shape[2] // w) for m, w in zip(packed, wide, strict=True)), default=0)
    parts: list[list[Mask]] = [[] for _ in masks]
    for turn in range(max(1, passes)):
        given = []
        for mask, width in zip(packed, wide, strict=True):
            part = mask[..., turn * width : (turn + 1) * width]
            given.append(part if part.shape[2] else np.zeros((*mask.shape[:2], 1), mask.dtype))
        for own, part in zip(parts, engine.run_masks(stage, given, threads), strict=True):
            own.append(part)
    return [_restored(np.concatenate(p, axis=2), m) for p, m in zip(parts, masks, strict=True)]


def _pixels(mask: Mask) -> Mask:
    """As (h, w, c)."""
    if mask.ndim == 2:
        return mask[..., None]
    last = np.moveaxis(mask, 0, -1)
    return np.packbits(last, axis=-1) if mask.dtype == bool else last


def _restored(moved: Mask, given: Mask) -> Mask:
    if given.ndim == 2:
        return moved[..., 0]
    if given.dtype == bool:
        moved = np.unpackbits(moved, axis=-1, count=len(given)).view(bool)
    return np.ascontiguousarray(np.moveaxis(moved[..., : len(given)], -1, 0))


def instance_areas(masks: list[Mask], first: Ints) -> Floats:
    """How many pixels each instance has (m,). first (n + 1,): where each image's begin."""
    areas = np.zeros(first[-1])
    for mask, start, end in zip(masks, first[:-1], first[1:], strict=True):
        if mask.ndim == 3:
            areas[start:end] = np.count_nonzero(mask, axis=(1, 2))
        else:
            areas[start:end] = np.bincount(mask.ravel(), minlength=end - start + 1)[1:]
    return areas


def extents(masks: list[Mask], first: Ints) -> Floats:
    """The box x1 y1 x2 y2 around each instance's pixels (m, 4); all 0 where it has none."""
    boxes = np.zeros((first[-1], 4))
    for mask, start, end in zip(masks, first[:-1].tolist(), first[1:].tolist(), strict=True):
        for row in range(start, end):
            own = mask[row - start] != 0 if mask.ndim == 3 else mask == row - start + 1
            rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
            if len(rows):
                boxes[row] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def kept_masks(masks: list[Mask], kept: list[Ints]) -> list[Mask]:
    """The masks of the instances that stay; ids are counted anew, as the other targets' rows."""
    result = []
    for mask, own in zip(masks, kept, strict=True):
        if mask.ndim == 3:
            result.append(mask[own])
            continue
        ids = np.zeros(int(max(mask.max(), own.max(initial=-1) + 1)) + 1, dtype=mask.dtype)
        ids[own + 1] = np.arange(1, len(own) + 1)
        result.append(ids[mask])
    return result
