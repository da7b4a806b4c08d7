"""Applying a plan to all targets of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine, Images, converted_shape
from variegate.errors import EngineError, InputError
from variegate.ops.entries import Output
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.forms import Targets
from variegate.pipeline.marks import MARKS, SHAPES, Marks
from variegate.pipeline.moved import moved_marks
from variegate.plan.maps import stages_shuffle
from variegate.plan.program import MixStage, Program, Stage
from variegate.targets.images import stack
from variegate.targets.labels import mix_labels, read_labels, soften


@dataclass(slots=True)  # made for every call, so not frozen
class Means:
    """What a batch is worked on with. mixes, shuffles: the names of the policy's ops that mix
    images or shuffle their parts, if any; buffers: memory for results.
    """

    engine: Engine
    form: Targets
    classes: int | None
    threads: int
    mixes: tuple[str, ...] = ()
    shuffles: tuple[str, ...] = ()
    buffers: Buffers | None = None


def apply_program(
    program: Program,
    images: Images,
    batch: Mapping[str, Any],
    means: Means,
    out: Any = None,
) -> dict[str, Any]:
    """Reads every target, then runs the program: nothing is computed before all of them are known
    to be legal. out: an array for the images.
    """
    into = None if out is None else read_out(out, program, images)
    if len(batch) == 1:
        return {
            "images": run_images(program, images, means.engine, means.threads, into, means.buffers)
        }
    starting = _starting_sizes(program)
    mixing = bool(means.mixes) or any(isinstance(stage, MixStage) for stage in program.stages)
    if mixing:
        _refuse_mixed(batch, means.mixes)
    labels = _labels(batch, len(images), mixing, means.classes)
    marks = Marks.read(batch, starting, means.form)
    if means.shuffles or stages_shuffle([s for s in program.stages if isinstance(s, Stage)]):
        _refuse_shuffled(marks, means.shuffles)

    result: dict[str, Any] = {
        "images": run_images(program, images, means.engine, means.threads, into, means.buffers)
    }
    if labels is not None:
        result["labels"] = _mixed_labels(program, labels)
    return result | moved_marks(marks, program, means.engine, means.threads)


def _refuse_shuffled(marks: Marks, shuffles: tuple[str, ...]) -> None:
    """What has one outline cannot follow an image that is cut into cells."""
    names = " and ".join(shuffles) or "the plan"
    for name in SHAPES:
        if name in marks.given:
            raise InputError(f"{name}: {names} cuts the image into cells; {name} cannot follow")


def _starting_sizes(program: Program) -> npt.NDArray[np.int64]:
    first = program.stages[0]
    if not isinstance(first, Stage):
        raise EngineError("program: the first stage is a mix")
    return np.asarray(first.sizes_in, dtype=np.int64)


def run_images(
    program: Program,
    images: Images,
    engine: Engine,
    threads: int,
    out: Any = None,
    buffers: Buffers | None = None,
) -> Any:
    """The images through all stages and the output; one array where the sizes agree.

    out: the array that takes the result. buffers: where the memory comes from that is not given.
    """
    current, steps = images, _steps(program)
    for place, step in enumerate(steps):
        is_last = place == len(steps) - 1
        output = program.output if is_last else None
        into = out if is_last else None
        if isinstance(step, tuple):
            batch = as_batch(current)
            if not isinstance(batch, np.ndarray):  # no images at all
                continue
            if into is None and buffers is not None:
                into = buffers.take(batch.shape, batch.dtype)
            current = Images.of(engine.run_mixes(step, batch, threads, into))
            continue
        if into is None and buffers is not None:
            form = stage_form(step, program.dtype, output)
            into = None if form is None else buffers.take(*form)
        current = engine.run_stage(step, current, threads, output, into)
    return as_batch(current)


def _steps(program: Program) -> list[Stage | tuple[MixStage, ...]]:
    """What must run, mixes that follow each other together. A stage without entries only copies,
    which no result needs that a mix has just written.
    """
    last = program.stages[-1]
    if not isinstance(last, Stage):
        raise EngineError("program: the last stage is a mix")
    steps: list[Stage | tuple[MixStage, ...]] = []
    for step in program.stages[:-1]:
        before = steps[-1] if steps else None
        if isinstance(step, MixStage) and isinstance(before, tuple):
            steps[-1] = (*before, step)
        elif isinstance(step, MixStage):
            steps.append((step,))
        elif _has_entries(step):
            steps.append(step)
    mixed = bool(steps) and isinstance(steps[-1], tuple)
    if not mixed or program.output is not None or _has_entries(last):
        steps.append(last)
    return steps


def _has_entries(stage: Stage) -> bool:
    return bool(stage.start[-1] > stage.start[0])


Form: TypeAlias = tuple[tuple[int, ...], np.dtype[Any]]


def result_form(program: Program) -> Form | None:
    """Shape and dtype of the resulting batch; None where the sizes differ or there are none."""
    last = program.stages[-1]
    return stage_form(last, program.dtype, program.output) if isinstance(last, Stage) else None


def stage_form(stage: Stage, dtype: Any, output: Output | None) -> Form | None:
    """Shape and dtype of what a stage gives; None where the sizes differ or there are none."""
    sizes = np.asarray(stage.sizes_out)
    if len(sizes) == 0 or (len(sizes) > 1 and not (sizes == sizes[0]).all()):
        return None
    height, width = sizes[0].tolist()
    shape = converted_shape((height, width, stage.channels_out), output)
    return (len(sizes), *shape), np.dtype(dtype if output is None else output.dtype)


def read_out(out: Any, program: Program, images: Images) -> Any:
    """The array that takes the resulting images; raises InputError where they do not fit."""
    form = result_form(program)
    if form is None:
        raise InputError("out: the images come out with different sizes, or there are none")
    shape, dtype = form
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InputError(f"out: expected an array {dtype} {shape}, got {got}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise InputError("out: expected a writable array in C order")
    parts = images if images.batch is None else (images.batch,)
    if any(np.may_share_memory(out, part) for part in parts):
        raise InputError("out: overlaps the input images, which are never written to")
    return out


def as_batch(images: Images) -> Any:
    """One array (n, h, w, c) where all sizes agree, without a copy where an engine made it so."""
    return stack(images) if images.batch is None else images.batch


def _refuse_mixed(batch: Mapping[str, Any], mixes: tuple[str, ...]) -> None:
    for name in MARKS:
        if name in batch:
            mixers = " and ".join(mixes) or "the plan's mix"
            raise InputError(f"{name}: {mixers} cannot mix {name}, only images and labels")


def _labels(batch: Mapping[str, Any], count: int, mixes: bool, classes: int | None) -> Any:
    if "labels" not in batch:
        return None
    labels = read_labels(batch["labels"], count)
    return soften(labels, classes) if mixes else labels


def _mixed_labels(program: Program, labels: Any) -> Any:
    for stage in program.stages:
        if isinstance(stage, MixStage):
            labels = mix_labels(labels, stage)
    return labels
