"""Applying a plan to all targets of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine, Form, Images, stage_form
from variegate.errors import EngineError, InputError
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.forms import Targets
from variegate.pipeline.marks import SHAPES, Marks
from variegate.pipeline.mixed import instances_at, objects_at
from variegate.pipeline.mixers import Mixers, check_marks, made
from variegate.pipeline.moved import moved_marks, moved_masks
from variegate.plan.maps import stages_shuffle
from variegate.plan.program import LateMix, Mixed, MixStage, OpenMix, Program, Stage
from variegate.targets.images import stack
from variegate.targets.labels import mix_labels, read_labels, soften
from variegate.targets.tensors import as_host, is_tensor

UNMARKED = {"images", "labels"}
Task: TypeAlias = Callable[[], None]


@dataclass(slots=True)  # made for every call, so not frozen
class Means:
    """What a batch is worked on with. mixers: what the policy's mixes need; shuffles: the names of
    the policy's ops that shuffle parts of images, if any; buffers: memory for results. beside: what
    this thread can do while others work on the images, for a call to come.
    """

    engine: Engine
    form: Targets
    classes: int | None
    threads: int
    mixers: Mixers = field(default_factory=Mixers)
    shuffles: tuple[str, ...] = ()
    buffers: Buffers | None = None
    beside: Task | None = None


def apply_program(
    program: Program,
    images: Images,
    batch: Mapping[str, Any],
    means: Means,
    out: Any = None,
) -> dict[str, Any]:
    """Reads every target and runs the program: nothing is written before all of them are known to
    be legal. out: an array for the images.
    """
    if _on_device(images, means.engine) and out is not None:
        raise InputError("out: cannot be given where images are tensors")
    into = None if out is None else read_out(out, program, images)
    means.mixers.check(program, batch)
    if len(batch) == 1:
        return {"images": run_images(program, images, means, into, beside=means.beside)[0]}
    mixing = means.mixers.mix_labels or _shows_others(program)
    labels = _labels(batch, len(images), mixing, means.classes)
    if batch.keys() <= UNMARKED:
        array, program = run_images(program, images, means, into, labels, beside=means.beside)
        moved: dict[str, Any] = {}
    else:
        array, program, moved = _run_marked(program, images, batch, means, into, labels, mixing)
    result: dict[str, Any] = {"images": array}
    if labels is not None:
        result["labels"] = labels_after(program.stages, labels)
    return result | moved


def _run_marked(
    program: Program,
    images: Images,
    batch: Mapping[str, Any],
    means: Means,
    into: Any,
    labels: Any,
    mixing: bool,
) -> tuple[Any, Program, dict[str, Any]]:
    """The images, the program and the marks; these are moved by this thread while the engine's
    others work on the images, where no mix has to see both. They are read then too, unless the
    images go into an array of the caller's.
    """
    engine, threads = means.engine, means.threads
    apart = len(program.stages) == 1 and "instance_masks" not in batch
    if not apart or into is not None:
        marks = _marks(program, batch, means, mixing)
    if not apart:
        array, program = run_images(program, images, means, into, labels, marks, means.beside)
        moved = moved_masks(marks, program, engine, threads)
        return array, program, moved | moved_marks(marks, program, engine, threads, mixing)
    moved = {}
    heavy: list[Marks] = []  # those with masks that are worth all threads

    def move() -> None:
        own = marks if into is not None else _marks(program, batch, means, mixing)
        moved.update(moved_marks(own, program, engine, threads, mixing))
        if _are_light(own, images, threads):
            moved.update(moved_masks(own, program, engine, 1))
        else:
            heavy.append(own)
        if means.beside is not None:
            means.beside()

    array, _ = run_images(program, images, means, into, labels, beside=move)
    for own in heavy:
        moved |= moved_masks(own, program, engine, threads)
    return array, program, moved


def _are_light(marks: Marks, images: Images, threads: int) -> bool:
    """Whether one thread is done with the masks by the time the others are with the images."""
    masks = sum(mask.nbytes for mask in marks.masks or ())
    pixels = sum(image.nbytes for image in images)
    return bool(masks * (threads - 1) <= pixels)


def _on_device(images: Images, engine: Engine) -> bool:
    """Whether images are tensors; raises InputError where the engine takes none."""
    tensors = len(images) > 0 and is_tensor(images[0])
    if tensors and engine.name != "torch":
        raise InputError(
            f"images: the {engine.name} engine takes NumPy arrays, got tensors; take "
            "Pipeline(..., engine='torch'), or pass tensor.cpu().numpy()"
        )
    return tensors


def _shows_others(program: Program) -> bool:
    """Whether any result shows another sample than itself."""
    mixes: list[Any] = [stage for stage in program.stages if isinstance(stage, MixStage)]
    for late in (stage for stage in program.stages if isinstance(stage, LateMix)):
        mixes += late.parts
    return any(
        mix.partner.shape[1] > 0
        if isinstance(mix, OpenMix)
        else not np.array_equal(mix.share_source, np.arange(len(mix.base)))
        for mix in mixes
    )


def _marks(program: Program, batch: Mapping[str, Any], means: Means, mixing: bool) -> Marks:
    """What is marked on the images; raises InputError where the program cannot take it along."""
    marks = Marks.read(batch, _starting_sizes(program), means.form)
    if means.shuffles or stages_shuffle([s for s in program.stages if isinstance(s, Stage)]):
        _refuse_shuffled(marks, means.shuffles)
    if mixing:
        check_marks(marks)
    return marks


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
    means: Means,
    out: Any = None,
    labels: Any = None,
    marks: Marks | None = None,
    beside: Task | None = None,
) -> tuple[Any, Program]:
    """The images through all stages and the output, one array where the sizes agree; and the
    program with all mixes made.

    out: the array that takes the result. labels (n, classes), marks: what late mixes may ask for.
    beside: what this thread does while others work on the first stage, if there is one.
    """
    current, steps = images, _steps(program)
    engine, threads, buffers = means.engine, means.threads, means.buffers
    mixed: dict[int, MixStage] = {}
    for place, step in enumerate(steps):
        is_last = place == len(steps) - 1
        output = program.output if is_last else None
        into = out if is_last else None
        if isinstance(step, list):
            if len(current) == 0:
                continue
            mixes = [
                _as_made(program, number, mixed, current, means, labels, marks) for number in step
            ]
            form = mix_form(mixes[-1], current, program.dtype)
            if into is None and buffers is not None and form is not None:
                into = buffers.take(*form)
            current = engine.run_mixes(mixes, current, threads, into)
            continue
        if into is None and buffers is not None:
            form = stage_form(step, program.dtype, output)
            into = None if form is None else buffers.take(*form)
        current = engine.run_stage(step, current, threads, output, into, beside)
        beside = None
    stages = [mixed.get(number, stage) for number, stage in enumerate(program.stages)]
    return as_batch(current), Program(program.dtype, stages, program.output)


def _as_made(
    program: Program,
    number: int,
    mixed: dict[int, MixStage],
    images: Images,
    means: Means,
    labels: Any,
    marks: Marks | None,
) -> MixStage:
    """The mix of this number, made if it had to wait for the images."""
    stage = program.stages[number]
    if isinstance(stage, MixStage):
        return stage
    if not isinstance(stage, LateMix):
        raise EngineError("program: expected a mix")
    before = [mixed.get(place, one) for place, one in enumerate(program.stages[:number])]
    known = None if labels is None else labels_after(before, labels)
    fast = means.engine.name == "native"

    def instances() -> list[Any]:
        if marks is None or marks.instance_masks is None:
            raise InputError("instance_masks: the plan pastes instances, which they tell")
        return instances_at(marks, Program(program.dtype, before), means.engine, means.threads)

    def objects() -> list[Any]:
        if marks is None or (marks.instance_masks is None and marks.masks is None):
            raise InputError("masks: the plan hides what they mark")
        return objects_at(marks, Program(program.dtype, before), means.engine, means.threads)

    if len(images) and is_tensor(images[0]):
        images = Images(as_host(image) for image in images)
    found = mixed[number] = made(stage, images, known, means.mixers, fast, instances, objects)
    return found


def _steps(program: Program) -> list[Stage | list[int]]:
    """What must run, with the numbers of mixes that run together: those that follow each other,
    but a late one only as the first. A stage without entries only copies, which no result needs
    that a mix has just written.
    """
    last = program.stages[-1]
    if not isinstance(last, Stage):
        raise EngineError("program: the last stage is a mix")
    steps: list[Stage | list[int]] = []
    for number, step in enumerate(program.stages[:-1]):
        before = steps[-1] if steps else None
        if isinstance(step, MixStage) and isinstance(before, list):
            before.append(number)
        elif isinstance(step, (MixStage, LateMix)):
            steps.append([number])
        elif _has_entries(step):
            steps.append(step)
    mixed = bool(steps) and isinstance(steps[-1], list)
    if not mixed or program.output is not None or _has_entries(last):
        steps.append(last)
    return steps


def _has_entries(stage: Stage) -> bool:
    return bool(stage.start[-1] > stage.start[0])


def result_form(program: Program) -> Form | None:
    """Shape and dtype of the resulting batch; None where the sizes differ or there are none."""
    last = program.stages[-1]
    return stage_form(last, program.dtype, program.output) if isinstance(last, Stage) else None


def mix_form(mix: MixStage, images: Images, dtype: Any) -> Form | None:
    """The same of what a mix gives."""
    sizes = np.asarray(mix.sizes_out)
    if not (sizes == sizes[0]).all():
        return None
    return (len(images), *sizes[0].tolist(), images[0].shape[2]), np.dtype(dtype)


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


def _labels(batch: Mapping[str, Any], count: int, mixes: bool, classes: int | None) -> Any:
    if "labels" not in batch:
        return None
    labels = read_labels(batch["labels"], count)
    return soften(labels, classes) if mixes else labels


def labels_after(stages: Sequence[Stage | Mixed], labels: Any) -> Any:
    """Labels after all mixes among the stages; class indices stay where no sample shows others."""
    for stage in stages:
        if isinstance(stage, MixStage) and labels.ndim == 2:
            labels = mix_labels(labels, stage)
    return labels
