"""Applying a plan to all targets of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from variegate.engine.engine import Engine, Images
from variegate.errors import InputError, PolicyError
from variegate.ops.settings import number
from variegate.plan.lower import lower
from variegate.plan.plan import Plan
from variegate.plan.program import MixStage, Program, Stage
from variegate.policy.nodes import fraction
from variegate.targets.boxes import BOX_FORMATS, from_corners, move_boxes, read_boxes
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


def apply_plan(
    plan: Plan,
    images: list[Any],
    batch: Mapping[str, Any],
    engine: Engine,
    form: Targets,
    classes: int | None,
    threads: int,
    mixes: bool = False,
) -> dict[str, Any]:
    """Reads every target, then runs the program: nothing is computed before all of them are known
    to be legal. mixes: whether the policy mixes images, even if nothing was mixed this time.
    """
    sizes = [tuple(image.shape[:2]) for image in images]
    if [tuple(s) for s in plan.sizes.tolist()] != sizes:
        raise InputError(
            f"the plan was drawn for {len(plan)} images of other sizes than the {len(images)} given"
        )
    program = lower(
        plan, images[0].dtype if images else np.uint8, images[0].shape[2] if images else 1
    )
    mixes = mixes or any(isinstance(stage, MixStage) for stage in program.stages)
    _refuse_mixed(batch, mixes, plan)
    labels = _labels(batch, len(images), mixes, classes)
    masks = _masks(batch, sizes)
    boxes = _boxes(batch, sizes, form)
    points = _keypoints(batch, sizes, form, boxes)

    result: dict[str, Any] = {"images": run_images(program, images, engine, threads)}
    if labels is not None:
        result["labels"] = _mixed_labels(program, labels)
    if masks is not None:
        result["masks"] = _run_masks(program, masks, engine, threads, batch["masks"])
    if boxes is not None:
        result |= _run_boxes(program, boxes, batch, form, plan)
    if points is not None:
        moved = move_keypoints(program, points, plan.sizes)
        shift = 0.5 if form.keypoints == "index" else 0.0
        if boxes is not None:
            moved = _with_boxes(moved, result["kept"])
        result["keypoints"] = [(p - shift).astype(np.float32) for p, _ in moved]
        result["keypoints_inside"] = [inside for _, inside in moved]
    return result


def run_images(program: Program, images: list[Any], engine: Engine, threads: int) -> Any:
    """The images through all stages and the output; one array where the sizes agree."""
    current = images
    for stage in program.stages:
        if isinstance(stage, MixStage):
            batch = as_batch(current)
            if isinstance(batch, np.ndarray):
                current = Images.of(engine.run_mix(stage, batch, threads))
        else:
            current = engine.run_stage(stage, current, threads)
    batch = as_batch(current)
    output = program.output
    if output is None:
        return batch
    channels = current[0].shape[2] if current else 1
    mean = np.broadcast_to(np.array(output.mean, dtype=np.float64), (channels,))
    std = np.broadcast_to(np.array(output.std, dtype=np.float64), (channels,))
    nchw = output.layout == "NCHW"
    if isinstance(batch, np.ndarray):
        return engine.run_output(batch, mean, std, nchw, output.dtype, threads)
    return [
        engine.run_output(image[None], mean, std, nchw, output.dtype, threads)[0] for image in batch
    ]


def as_batch(images: list[Any]) -> Any:
    """One array (n, h, w, c) where all sizes agree, without a copy where an engine made it so."""
    batch = images.batch if isinstance(images, Images) else None
    return stack(images) if batch is None else batch


def _refuse_mixed(batch: Mapping[str, Any], mixes: bool, plan: Plan) -> None:
    mixers = sorted({r.op for r in plan.records if "partner" in r.values}) or ["the policy's mix"]
    for name in UNMIXED:
        if mixes and name in batch:
            raise InputError(
                f"{name}: {' and '.join(mixers)} cannot mix {name}, only images and labels"
            )


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


def _masks(batch: Mapping[str, Any], sizes: list[tuple[int, ...]]) -> list[Any] | None:
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
    batch: Mapping[str, Any], sizes: list[tuple[int, ...]], form: Targets
) -> list[Any] | None:
    if "boxes" not in batch:
        if "box_labels" in batch:
            raise InputError("box_labels: pass boxes= with them")
        return None
    items = _each(batch, "boxes", len(sizes))
    boxes = [
        read_boxes(b, _place(batch, "boxes", i), (s[0], s[1]), form.boxes)
        for i, (b, s) in enumerate(zip(items, sizes, strict=True))
    ]
    for place, labels in enumerate(
        _each(batch, "box_labels", len(sizes)) if "box_labels" in batch else ()
    ):
        if not hasattr(labels, "__len__") or len(labels) != len(boxes[place]):
            count = len(labels) if hasattr(labels, "__len__") else 1
            raise InputError(f"box_labels[{place}]: {count} labels for {len(boxes[place])} boxes")
    return boxes


def _run_boxes(
    program: Program, boxes: list[Any], batch: Mapping[str, Any], form: Targets, plan: Plan
) -> dict[str, Any]:
    last = [s for s in program.stages if isinstance(s, Stage)][-1]
    moved = move_boxes(program, boxes, plan.sizes, form.min_area, form.min_visibility)
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
    sizes: list[tuple[int, ...]],
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
