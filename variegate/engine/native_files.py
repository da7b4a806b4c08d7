"""Stages with file formats among their entries: the native engine runs what lies between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from variegate.engine import codec, reference
from variegate.engine.engine import Image, Images
from variegate.errors import EngineError
from variegate.ops.entries import FileFormat
from variegate.plan.program import Stage, Verb

Size = tuple[int, ...]
Run = Callable[[Stage, Sequence[Image], Sequence[Size], int], Images]


def files_of(stage: Stage) -> Any:
    """Which entries (m,) of the stage only a file carries out: WebP. JPEG is one of the compiled
    verbs. Rows and formats that do not exist are left to the compiled part, which refuses them.
    """
    verb, codec = stage.verb, stage.tables.codec
    row: Any = stage.row
    known = (verb == Verb.CODEC) & (row >= 0) & (row < len(codec))
    return known & (codec[np.where(known, row, 0), 1] == FileFormat.WEBP)


def has_files(stage: Stage) -> bool:
    """Whether a file is among the entries of the stage's samples; its arrays may hold others'
    too.
    """
    if not len(stage.tables.codec) or stage.verb.shape != stage.row.shape:
        return False
    return bool(files_of(stage)[stage.start[0] : stage.start[-1]].any())


def run_with_files(
    stage: Stage, images: Sequence[Image] | Images, threads: int, run: Run
) -> Images:
    """Runs up to each sample's next file, then that, until all entries have run. run: runs all
    entries of a stage without files, on images whose shapes afterwards are given.
    """
    current: list[Image] = list(images)
    starts, ends = np.asarray(stage.start)[:-1].copy(), np.asarray(stage.start)[1:]
    if len(starts) != len(images) or np.any(np.diff(stage.start) < 0):
        raise EngineError(
            "native engine: stage.start: expected rising places, one more than images"
        )
    files = files_of(stage)
    while True:
        stops = [_next_true(files, int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
        parts = [(int(a), stop) for a, stop in zip(starts, stops, strict=True)]
        current = list(_run_parts(stage, parts, current, threads, run))
        waiting = [i for i, stop in enumerate(stops) if stop < ends[i]]
        if not waiting:
            break
        pairs = stage.tables.codec[stage.row[[stops[i] for i in waiting]]].tolist()
        rows = [(int(quality), int(kind)) for quality, kind in pairs]
        moved = codec.there_and_back([current[i] for i in waiting], rows, threads)
        for i, image in zip(waiting, moved, strict=True):
            current[i] = image
        starts = np.array([stop + (stop < end) for stop, end in zip(stops, ends, strict=True)])
    return reference.gathered(current)


def _next_true(marks: Any, first: int, last: int) -> int:
    places = np.flatnonzero(marks[first:last])
    return first + int(places[0]) if len(places) else last


def _run_parts(
    stage: Stage, parts: list[tuple[int, int]], images: list[Image], threads: int, run: Run
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
    return run(part_stage, images, shapes, threads)


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
