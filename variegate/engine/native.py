"""The native engine: the reference's functions in C++, on as many threads as asked for.

Python makes the arrays for the results; the compiled part checks every argument, lets go of the
interpreter lock and fills them. JPEG goes through Pillow, between two runs of the compiled part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import variegate.engine._native as _native
from variegate.engine import reference
from variegate.engine.engine import Floats, Image, Images
from variegate.errors import EngineError
from variegate.plan.normal import normal_table
from variegate.plan.program import MixStage, Stage, Verb

Ints = npt.NDArray[np.int64]
Size = tuple[int, ...]
name = "native"
MOVED_AS_BYTES = 16


def run_stage(stage: Stage, images: list[Image], threads: int = 1) -> Images:
    """Runs each sample's entries in order. images: n arrays (h, w, c) of one dtype.

    Returns new arrays. Raises EngineError, before anything is computed, where the stage does not
    fit the images.
    """
    if np.any(stage.verb == Verb.CODEC):
        return _run_with_codec(stage, images, threads)
    sizes = np.asarray(stage.sizes_out)
    if len(sizes) != len(images):
        raise EngineError(f"stage: made for {len(sizes)} images, got {len(images)}")
    shapes = [(int(h), int(w), stage.channels_out) for h, w in sizes]
    return _run_between(stage, stage.start, images, shapes, threads)


def _run_between(
    stage: Stage, start: Any, images: list[Image], shapes: Sequence[Size], threads: int
) -> Images:
    """Runs the entries start[i] to start[i + 1] of each sample; shapes: of the results."""
    if not images:
        return Images()
    given = getattr(images, "batch", None)
    results = _empty(shapes, images[0].dtype)
    _call(
        _native.run_stage,
        start,
        stage.verb,
        stage.row,
        stage.tables,
        list(images) if given is None else given,
        results if results.batch is None else results.batch,
        None,
        normal_table(),
        threads,
    )
    return results


def _empty(shapes: Sequence[Size], dtype: Any) -> Images:
    """Arrays to be filled: slices of one array where all shapes agree."""
    try:
        if len(set(shapes)) == 1:
            return Images.of(np.empty((len(shapes), *shapes[0]), dtype=dtype))
        return Images(np.empty(shape, dtype=dtype) for shape in shapes)
    except ValueError as error:
        raise EngineError(f"stage.sizes_out: {error}") from None


def _call(function: Callable[..., None], *arguments: Any) -> None:
    try:
        function(*arguments)
    except (TypeError, ValueError) as error:
        raise EngineError(f"native engine: {error}") from None


def _run_with_codec(stage: Stage, images: list[Image], threads: int) -> Images:
    """Runs up to each sample's next CODEC, then that through Pillow, until all entries have run."""
    current: list[Image] = images
    starts, ends = np.asarray(stage.start)[:-1].copy(), np.asarray(stage.start)[1:]
    if len(starts) != len(images) or np.any(np.diff(stage.start) < 0):
        raise EngineError(
            "native engine: stage.start: expected rising places, one more than images"
        )
    while True:
        stops = [_next_codec(stage, int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
        parts = [(int(a), stop) for a, stop in zip(starts, stops, strict=True)]
        current = _run_parts(stage, parts, current, threads)
        waiting = [i for i, stop in enumerate(stops) if stop < ends[i]]
        if not waiting:
            break
        for i in waiting:
            row = _checked_row(stage, stops[i])
            current[i] = reference.codec(current[i], stage.tables, row)
        current = list(current)  # no longer slices of one array
        starts = np.array([stop + (stop < end) for stop, end in zip(stops, ends, strict=True)])
    return reference.gathered(current)


def _next_codec(stage: Stage, first: int, last: int) -> int:
    places = np.flatnonzero(stage.verb[first:last] == Verb.CODEC)
    return first + int(places[0]) if len(places) else last


def _checked_row(stage: Stage, entry: int) -> int:
    row, qualities = int(stage.row[entry]), stage.tables.codec
    if not 0 <= row < len(qualities):
        raise EngineError(f"native engine: stage.row: entry {entry} has no row {row}")
    return row


def _run_parts(
    stage: Stage, parts: list[tuple[int, int]], images: list[Image], threads: int
) -> Images:
    """Runs the entries first to last - 1 of each sample, given as (first, last)."""
    picked = [np.arange(first, last) for first, last in parts]
    order = np.concatenate(picked) if picked else np.zeros(0, dtype=np.int64)
    start = np.cumsum([0, *(len(p) for p in picked)]).astype(np.int64)
    shapes = [_shape_after(stage, *part, image) for part, image in zip(parts, images, strict=True)]
    part_stage = Stage(
        start,
        np.ascontiguousarray(stage.verb[order]),
        np.ascontiguousarray(stage.row[order]),
        stage.tables,
        stage.sizes_in,
        stage.sizes_out,
        stage.channels_in,
        stage.channels_out,
    )
    return _run_between(part_stage, start, images, shapes, threads)


def _shape_after(stage: Stage, first: int, last: int, image: Image) -> Size:
    height, width, channels = image.shape
    for entry in range(first, last):
        if stage.verb[entry] == Verb.WARP:
            row = int(stage.row[entry])
            if not 0 <= row < len(stage.tables.warp_size):
                raise EngineError(f"native engine: stage.row: entry {entry} has no row {row}")
            height, width = (max(0, int(side)) for side in stage.tables.warp_size[row])
        elif stage.verb[entry] == Verb.LUMA:
            channels = 1
    return height, width, channels


def run_masks(stage: Stage, masks: list[Image], threads: int = 1) -> list[Image]:
    """Runs the WARP entries alone on masks (h, w, c) of any dtype: nearest, outside 0."""
    if not masks:
        return []
    if len({mask.dtype for mask in masks}) > 1 or not all(_moves_as_bytes(mask) for mask in masks):
        return reference.run_masks(stage, masks, threads)
    dtype = masks[0].dtype
    sources = [np.ascontiguousarray(mask).view(np.uint8) for mask in masks]
    start, warps = np.asarray(stage.start), np.cumsum([0, *(stage.verb == Verb.WARP)])
    if len(start) != len(masks) + 1 or start.min() < 0 or start.max() >= len(warps):
        raise EngineError(f"native engine: stage.start: does not fit {len(masks)} masks")
    moved = np.diff(warps[start]) > 0
    shapes = [
        (*(tuple(size) if moves else mask.shape[:2]), mask.shape[2])
        for size, moves, mask in zip(
            np.asarray(stage.sizes_out).tolist(), moved, sources, strict=True
        )
    ]
    results = list(_empty(shapes, np.uint8))
    _call(
        _native.run_masks,
        stage.start,
        stage.verb,
        stage.row,
        stage.tables,
        sources,
        results,
        threads,
    )
    return [result.view(dtype) for result in results]


def _moves_as_bytes(mask: Image) -> bool:
    """Whether pixels are small enough, and mean nothing to the compiled part."""
    return not mask.dtype.hasobject and 0 < mask.shape[2] * mask.dtype.itemsize <= MOVED_AS_BYTES


def run_mix(mix: MixStage, images: Image, threads: int = 1) -> Image:
    """Mixes a batch (n, h, w, c): a blend is rounded, a rectangle is copied."""
    images = np.ascontiguousarray(images)
    result = np.empty_like(images)
    _call(_native.run_mix, mix.partner, mix.blend, mix.weight, mix.rects, images, result, threads)
    return result


def run_output(
    images: Image, mean: Floats, std: Floats, nchw: bool, dtype: str, threads: int = 1
) -> Image:
    """(value on 0..1 - mean) / std in float32 arithmetic. images (n, h, w, c); mean, std (c,)."""
    if np.dtype(dtype) not in (np.float32, np.float16):
        raise EngineError(f"output: expected float32 or float16, got {dtype}")
    images = np.ascontiguousarray(images)
    count, height, width, channels = images.shape
    full = 255.0 if images.dtype == np.uint8 else 1.0
    scale = (1.0 / (full * std)).astype(np.float32)
    offset = (-mean / std).astype(np.float32)
    shape = (channels, height, width) if nchw else (height, width, channels)
    result = np.empty((count, *shape), dtype=dtype)
    _call(_native.run_output, images, scale, offset, nchw, result, threads)
    return result
