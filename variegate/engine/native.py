"""The native engine: the reference's functions in C++, on as many threads as asked for.

Python makes the arrays for the results; the compiled part checks every argument, lets go of the
interpreter lock and fills them. File formats go through Pillow, between two runs of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

import variegate.engine._native as _native
from variegate.engine import reference
from variegate.engine.engine import (
    Floats,
    Image,
    Images,
    converted_shape,
    numbers_of,
    stage_form,
)
from variegate.engine.native_files import has_files, run_with_files
from variegate.errors import EngineError
from variegate.ops.entries import Output
from variegate.plan.normal import normal_table
from variegate.plan.program import MixStage, Stage, Verb

Ints = npt.NDArray[np.int64]
Size = tuple[int, ...]
name = "native"
MOVED_AS_BYTES = 16
TOGETHER = 2  # mixes in one pass: each one more reads twice as many rows


def run_stage(
    stage: Stage,
    images: Sequence[Image] | Images,
    threads: int = 1,
    output: Output | None = None,
    out: Image | None = None,
    beside: Callable[[], None] | None = None,
) -> Images:
    """Runs each sample's entries in order. images: n arrays (h, w, c) of one dtype.

    Returns new arrays, or `out`, converted by the output where there is one. beside: called by this
    thread while the others work. Raises EngineError, before anything is computed, where the stage
    does not fit the images.
    """
    with_files = has_files(stage)
    if beside is not None and (with_files or not len(images)):
        beside()
        beside = None
    if with_files:
        return _converted(
            run_with_files(stage, images, threads, _run_between), output, out, threads
        )
    if len(stage.sizes_out) != len(images):
        raise EngineError(f"stage: made for {len(stage.sizes_out)} images, got {len(images)}")
    return _run_between(stage, images, None, threads, output, out, beside)


def _run_between(
    stage: Stage,
    images: Sequence[Image] | Images,
    shapes: Sequence[Size] | None,
    threads: int,
    output: Output | None = None,
    out: Image | None = None,
    beside: Callable[[], None] | None = None,
) -> Images:
    """Runs all entries; shapes: of the results before the output, None for the stage's."""
    if not len(images):
        return Images()
    if len(stage.start) != len(images) + 1:
        raise EngineError(f"stage.start: does not fit {len(images)} images")
    given = getattr(images, "batch", None)
    dtype = (images[0] if given is None else given).dtype
    prepared = _prepared(stage, output, dtype == np.uint8)
    if output is not None:
        dtype = np.dtype(output.dtype)
    if out is None and shapes is None:
        channels = stage.channels_out
        shapes = [(height, width, channels) for height, width in stage.sizes_out.tolist()]
    results = _empty(shapes or [], output, dtype) if out is None else Images.of(out)
    into = _memory(list(results) if results.batch is None else results.batch)
    pictures = list(images) if given is None else given
    _run_stage(prepared, 0, pictures, into, threads, beside)
    return results


def _run_stage(
    prepared: Any,
    first: int,
    images: Any,
    into: Any,
    threads: int,
    beside: Callable[[], None] | None,
) -> None:
    """Runs samples `first` and on of a stage; an error of `beside` comes out as it is."""
    if beside is None:
        _call(_native.run_stage, prepared, first, images, into, threads)
        return
    failed: list[BaseException] = []
    _call(
        _native.run_stage, prepared, first, images, into, threads, partial(_attempt, beside, failed)
    )
    if failed:
        raise failed.pop()  # nothing of this call stays alive with it


def _attempt(work: Callable[[], None], failed: list[BaseException]) -> None:
    """Does the work and keeps its error, which is not the engine's."""
    try:
        work()
    except BaseException as error:
        failed.append(error)


def _prepared(
    stage: Stage, output: Output | None, whole: bool, size: tuple[int, int, int] | None = None
) -> Any:
    """A stage as the compiled part keeps it. whole: for uint8, else float32. size: of the images,
    where they are known to have one: then every sample is checked now.
    """
    numbers = None
    if output is not None:
        scale, offset = _scale_offset(output, stage.channels_out, whole)
        numbers = (scale, offset, output.layout == "NCHW")
    arrays = stage.start, stage.verb, stage.row, stage.tables, normal_table()
    return _call(_native.prepare, *arrays, numbers, whole, size)


class Ready:
    """A stage that has been read once, for calls on any of its samples. shape, dtype: of the result
    of each.
    """

    __slots__ = ("_prepared", "dtype", "shape")

    def __init__(self, prepared: Any, shape: Size, dtype: Any) -> None:
        self._prepared = prepared
        self.shape = shape
        self.dtype = dtype

    def run(
        self,
        first: int,
        images: Image,
        out: Image,
        threads: int,
        beside: Callable[[], None] | None = None,
    ) -> None:
        """Runs samples `first` and on. images, out: a batch, or one image without that axis.
        beside: called by this thread while the others work.
        """
        _run_stage(self._prepared, first, images, _memory(out), threads, beside)


def ready(stage: Stage, dtype: Any, output: Output | None) -> Ready | None:
    """None where results have several sizes, where a file is among the entries, and where a sample
    is not legal, which may not be among those that are asked for.
    """
    form = stage_form(stage, dtype, output)
    if form is None or has_files(stage):
        return None
    sizes, size = stage.sizes_in, None
    if (sizes == sizes[0]).all():
        height, width = sizes[0].tolist()
        size = height, width, stage.channels_in
    try:
        prepared = _prepared(stage, output, dtype == np.uint8, size)
    except EngineError:
        return None
    return Ready(prepared, form[0][1:], form[1])


def _memory(results: Any) -> Any:
    """Results as the compiled part takes them: bfloat16, which has no buffer format, as uint16."""
    if isinstance(results, list):
        return [_memory(result) for result in results]
    dtype = results.dtype  # its name is slow to ask for, and only a foreign dtype is of this kind
    return results.view(np.uint16) if dtype.kind == "V" and dtype.name == "bfloat16" else results


@lru_cache(maxsize=64)
def _scale_offset(output: Output, channels: int, whole: bool) -> tuple[Any, Any]:
    """What a value is multiplied by and what is added then, (c,) float32 each."""
    return _line(*numbers_of(output, channels), whole)


def _line(mean: Floats, std: Floats, whole: bool) -> tuple[Any, Any]:
    full = 255.0 if whole else 1.0
    return (1.0 / (full * std)).astype(np.float32), (-mean / std).astype(np.float32)


def _converted(images: Images, output: Output | None, out: Image | None, threads: int) -> Images:
    """The output for itself, after stages that cannot write it."""
    if output is not None:
        numbers = numbers_of(output, images[0].shape[2])
        nchw = output.layout == "NCHW"
        parts = [images.batch] if images.batch is not None else [one[None] for one in images]
        made = [run_output(part, *numbers, nchw, output.dtype, threads) for part in parts]
        images = Images.of(made[0]) if images.batch is not None else Images(m[0] for m in made)
    if out is None or images.batch is None:
        return images
    out[...] = images.batch
    return Images.of(out)


def _empty(shapes: Sequence[Size], output: Output | None, dtype: Any) -> Images:
    """Arrays to be filled: slices of one array where all shapes agree."""
    shapes = [converted_shape(shape, output) for shape in shapes]
    try:
        if shapes.count(shapes[0]) == len(shapes):
            return Images.of(np.empty((len(shapes), *shapes[0]), dtype=dtype))
        return Images(np.empty(shape, dtype=dtype) for shape in shapes)
    except ValueError as error:
        raise EngineError(f"stage.sizes_out: {error}") from None


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        raise EngineError(f"native engine: {error}") from None


def run_masks(stage: Stage, masks: list[Image], threads: int = 1) -> list[Image]:
    """Runs the WARP and CELLS entries alone on masks (h, w, c): any dtype, nearest, outside 0."""
    if not masks:
        return []
    if len({mask.dtype for mask in masks}) > 1 or not all(map(_moves_as_bytes, masks)):
        return reference.run_masks(stage, masks, threads)
    dtype = masks[0].dtype
    sources = masks
    if dtype != np.uint8:
        sources = [np.ascontiguousarray(mask).view(np.uint8) for mask in masks]
    start = np.asarray(stage.start)
    if len(start) != len(masks) + 1 or start.min() < 0 or start.max() > len(stage.verb):
        raise EngineError(f"native engine: stage.start: does not fit {len(masks)} masks")
    first, last = int(start.min()), int(start.max())  # a part of what many samples share
    warps = np.concatenate([[0], np.cumsum(stage.verb[first:last] == Verb.WARP)])
    moved = np.diff(warps[start - first]) > 0
    shapes = [
        (*(tuple(size) if moves else mask.shape[:2]), mask.shape[2])
        for size, moves, mask in zip(
            np.asarray(stage.sizes_out).tolist(), moved, sources, strict=True
        )
    ]
    results = list(_empty(shapes, None, np.dtype(np.uint8)))
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
    return results if dtype == np.uint8 else [result.view(dtype) for result in results]


def _moves_as_bytes(mask: Image) -> bool:
    """Whether pixels are small enough, and mean nothing to the compiled part."""
    return not mask.dtype.hasobject and 0 < mask.shape[2] * mask.dtype.itemsize <= MOVED_AS_BYTES


def run_mixes(
    mixes: Sequence[MixStage],
    images: Sequence[Image] | Images,
    threads: int = 1,
    out: Image | None = None,
) -> Images:
    """Mixes images (h, w, c), one mix after the other; two at a time in one pass where they are
    plain.
    """
    current = _packed(images)
    parts = _passes(mixes)
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        current = _run_pass(part, current, threads, out if is_last else None)
    return current


def _packed(images: Sequence[Image] | Images) -> Images:
    """Images in row order without gaps; as one array where they came as one."""
    batch = getattr(images, "batch", None)
    if batch is None:
        return Images(np.ascontiguousarray(image) for image in images)
    packed = np.ascontiguousarray(batch)
    return images if packed is batch and isinstance(images, Images) else Images.of(packed)


def _passes(mixes: Sequence[MixStage]) -> list[list[MixStage]]:
    """Mixes that go over the images together, in order; one empty pass copies."""
    parts: list[list[MixStage]] = []
    for mix in mixes:
        before = parts[-1] if parts else None
        if (
            before is not None
            and len(before) < TOGETHER
            and _is_plain(mix)
            and _is_plain(before[-1])
        ):
            before.append(mix)
        else:
            parts.append([mix])
    return parts or [[]]


def _is_plain(mix: MixStage) -> bool:
    """Whether each image keeps its size and takes one layer at most, so that reading its rows again
    for the next mix costs little.
    """
    one_size = len(mix.sizes_out) == 0 or bool((mix.sizes_out == mix.sizes_out[0]).all())
    fresh = not mix.tiles and bool((mix.base >= 0).all())
    return fresh and one_size and bool((mix.start[1:] - mix.start[:-1] <= 1).all())


def _run_pass(mixes: list[MixStage], images: Images, threads: int, out: Image | None) -> Images:
    if not len(images):
        return Images()
    first = images[0] if images.batch is None else images.batch
    if mixes and len(mixes[-1].sizes_out) != len(images):
        raise EngineError(f"mix: made for {len(mixes[-1].sizes_out)} images, got {len(images)}")
    if out is not None:
        results = Images.of(out)
    else:
        sizes = mixes[-1].sizes_out.tolist() if mixes else [image.shape[:2] for image in images]
        shapes = [(height, width, first.shape[-1]) for height, width in sizes]
        results = _empty(shapes, None, first.dtype)
    stages = [_layers(mix, images, threads) for mix in mixes]
    images.seen = _call(_native.run_mixes, stages, _whole(images), _whole(results), threads)
    return results


def _whole(images: Images) -> Any:
    return list(images) if images.batch is None else images.batch


def _layers(mix: MixStage, images: Images, threads: int) -> tuple[Any, ...]:
    """A mix as the compiled part takes it, its tiles made."""
    tiles: list[Image] = []
    for stage in mix.tiles:
        sources = mix.tile_source[len(tiles) : len(tiles) + len(stage.sizes_in)]
        tiles += run_stage(stage, [images[int(sample)] for sample in sources], threads)
    arrays = mix.base, mix.start, mix.source, mix.place, mix.origin, mix.weight, mix.mask
    return (*arrays, mix.masks, mix.fill, tiles)


def run_output(
    images: Image, mean: Floats, std: Floats, nchw: bool, dtype: str, threads: int = 1
) -> Image:
    """(value on 0..1 - mean) / std in float32 arithmetic. images (n, h, w, c); mean, std (c,)."""
    if dtype not in ("float32", "float16", "bfloat16"):
        raise EngineError(f"output: expected float32, float16 or bfloat16, got {dtype}")
    images = np.ascontiguousarray(images)
    count, height, width, channels = images.shape
    scale, offset = _line(mean, std, images.dtype == np.uint8)
    shape = (channels, height, width) if nchw else (height, width, channels)
    result = np.empty((count, *shape), dtype=dtype)
    _call(_native.run_output, images, scale, offset, nchw, _memory(result), threads)
    return result
