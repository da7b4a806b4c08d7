"""Applying a plan to all targets of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine, Images, converted_shape
from variegate.errors import EngineError, InputError, PolicyError
from variegate.ops.settings import number
from variegate.pipeline.buffers import Buffers
from variegate.plan.program import MixStage, Program, Stage
from variegate.policy.nodes import fraction
from variegate.targets.boxes import BOX_FORMATS, from_corners, move_boxes, read_all_boxes
from variegate.targets.images import read_mask, stack
from variegate.targets.keypoints import move_keypoints, read_keypoints
from variegate.targets.labels import mix_labels, read_labels, soften

UNMIXED = ("masks", "boxes", "keypoints")


@dataclass(frozen=True)
class Targets:
    """How targets are written: see Pipeline."""

    boxes: str = "xyxy"
    keypoints: str = "continuous"
    min_area: float = 0.0
    min_visibility: float = 0.0

    def __post_init__(self) -> None:
        if self.boxes not in BOX_FORMATS:
            raise PolicyError(
                f"boxes: expected one of {', '.join(BOX_FORMATS)}, got {self.boxes!r}"
            )
        if self.keypoints not in ("continuous", "index"):
            raise PolicyError(
                f"keypoints: expected 'continuous' or 'index', got {self.keypoints!r}"
            )
        object.__setattr__(self, "min_area", _pixels(self.min_area))
        visibility = fraction(self.min_visibility, "min_visibility")
        object.__setattr__(self, "min_visibility", visibility)

    def to_dict(self) -> dict[str, Any]:
        """As keyword arguments of Pipeline."""
        return asdict(self)


def _pixels(value: object) -> float:
    try:
        return number(value, 0, 1e12)
    except ValueError as error:
        message = f"min_area: expected a number of pixels of at least 0, got {value!r}"
        raise PolicyError(message) from error


@dataclass(frozen=True)
class Means:
    """What a batch is worked on with. mixes: the names of the policy's ops that mix images, if
    any; buffers: memory for results.
    """

    engine: Engine
    form: Targets
    classes: int | None
    threads: int
    mixes: tuple[str, ...] = ()
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
    sizes: list[tuple[int, int]] = [tuple(size) for size in starting.tolist()]
    mixing = bool(means.mixes) or any(isinstance(stage, MixStage) for stage in program.stages)
    if mixing:
        _refuse_mixed(batch, means.mixes)
    engine, form, threads = means.engine, means.form, means.threads
    labels = _labels(batch, len(images), mixing, means.classes)
    masks = _masks(batch, sizes)
    boxes = _boxes(batch, sizes, form)
    points = _keypoints(batch, sizes, form, boxes)

    result: dict[str, Any] = {
        "images": run_images(program, images, engine, threads, into, means.buffers)
    }
    if labels is not None:
        result["labels"] = _mixed_labels(program, labels)
    if masks is not None:
        result["masks"] = _run_masks(program, masks, engine, threads, batch["masks"])
    if boxes is not None:
        result |= _run_boxes(program, boxes, batch, form, starting)
    if points is not None:
        moved = move_keypoints(program, points, starting)
        shift = 0.5 if form.keypoints == "index" else 0.0
        if boxes is not None:
            moved = _with_boxes(moved, result["kept"])
        result["keypoints"] = [(p - shift).astype(np.float32) for p, _ in moved]
        result["keypoints_inside"] = [inside for _, inside in moved]
    return result


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

    out: the array that takes the result. buffers: where its memory comes from if there is none.
    """
    current = images
    for stage in program.stages[:-1]:
        if isinstance(stage, MixStage):
            batch = as_batch(current)
            if isinstance(batch, np.ndarray):
                current = Images.of(engine.run_mix(stage, batch, threads))
        else:
            current = engine.run_stage(stage, current, threads)
    last = program.stages[-1]
    if not isinstance(last, Stage):
        raise EngineError("program: the last stage is a mix")
    if out is None and buffers is not None:
        form = result_form(program)
        out = None if form is None else buffers.take(*form)
    return as_batch(engine.run_stage(last, current, threads, program.output, out))


def result_form(program: Program) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
    """Shape and dtype of the resulting batch; None where the sizes differ or there are none."""
    last, output = program.stages[-1], program.output
    if not isinstance(last, Stage) or len(last.sizes_out) == 0:
        return None
    sizes = np.asarray(last.sizes_out)
    if len(sizes) > 1 and not (sizes == sizes[0]).all():
        return None
    height, width = sizes[0].tolist()
    shape = converted_shape((height, width, last.channels_out), output)
    return (len(sizes), *shape), np.dtype(program.dtype if output is None else output.dtype)


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
    for name in UNMIXED:
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


def _each(batch: Mapping[str, Any], name: str, count: int) -> list[Any]:
    value = batch[name]
    if not isinstance(value, (list, tuple, np.ndarray)) or len(value) != count:
        got = f"{len(value)} items" if hasattr(value, "__len__") else type(value).__name__
        raise InputError(f"{name}: expected one item per image ({count}), got {got}")
    return list(value)


def _place(batch: Mapping[str, Any], name: str, place: int) -> str:
    return f"{name}[{place}]"


def _masks(batch: Mapping[str, Any], sizes: list[tuple[int, int]]) -> list[Any] | None:
    if "masks" not in batch:
        return None
    masks = _each(batch, "masks", len(sizes))
    return [
        read_mask(m, _place(batch, "masks", i), (s[0], s[1]))
        for i, (m, s) in enumerate(zip(masks, sizes, strict=True))
    ]


def _run_masks(program: Program, masks: list[Any], engine: Engine, threads: int, given: Any) -> Any:
    current = masks
    for stage in program.stages:
        if isinstance(stage, Stage):
            current = engine.run_masks(stage, current, threads)
    restored = [
        new[..., 0] if np.ndim(old) == 2 else new for new, old in zip(current, given, strict=True)
    ]
    return stack(restored) if isinstance(given, np.ndarray) else restored


def _boxes(
    batch: Mapping[str, Any], sizes: list[tuple[int, int]], form: Targets
) -> list[Any] | None:
    if "boxes" not in batch:
        if "box_labels" in batch:
            raise InputError("box_labels: pass boxes= with them")
        return None
    items = _each(batch, "boxes", len(sizes))
    boxes = read_all_boxes(items, "boxes", sizes, form.boxes)
    for place, labels in enumerate(
        _each(batch, "box_labels", len(sizes)) if "box_labels" in batch else ()
    ):
        if not hasattr(labels, "__len__") or len(labels) != len(boxes[place]):
            count = len(labels) if hasattr(labels, "__len__") else 1
            raise InputError(f"box_labels[{place}]: {count} labels for {len(boxes[place])} boxes")
    return boxes


def _run_boxes(
    program: Program, boxes: list[Any], batch: Mapping[str, Any], form: Targets, starting: Any
) -> dict[str, Any]:
    last = [s for s in program.stages if isinstance(s, Stage)][-1]
    moved = move_boxes(program, boxes, starting, form.min_area, form.min_visibility)
    sizes = [(int(h), int(w)) for h, w in last.sizes_out]
    result: dict[str, Any] = {
        "boxes": [
            from_corners(b, size, form.boxes) for (b, _), size in zip(moved, sizes, strict=True)
        ],
        "kept": [kept for _, kept in moved],
    }
    if "box_labels" in batch:
        labels = _each(batch, "box_labels", len(boxes))
        result["box_labels"] = [
            own[kept] if isinstance(own, np.ndarray) else [own[i] for i in kept]
            for own, (_, kept) in zip(labels, moved, strict=True)
        ]
    return result


def _keypoints(
    batch: Mapping[str, Any],
    sizes: list[tuple[int, int]],
    form: Targets,
    boxes: list[Any] | None,
) -> list[Any] | None:
    if "keypoints" not in batch:
        return None
    read = []
    for i, item in enumerate(_each(batch, "keypoints", len(sizes))):
        points = read_keypoints(item, _place(batch, "keypoints", i), form.keypoints == "index")
        if boxes is not None and points.ndim == 3 and len(points) != len(boxes[i]):
            raise InputError(
                f"keypoints[{i}]: {len(points)} groups of points for {len(boxes[i])} boxes"
            )
        read.append(points)
    return read


def _with_boxes(moved: list[Any], kept: list[Any]) -> list[Any]:
    """Points (k, j, 2) that belong to boxes leave with their box; other points all stay."""
    return [
        (p[own], inside[own]) if p.ndim == 3 else (p, inside)
        for (p, inside), own in zip(moved, kept, strict=True)
    ]
