"""The contract that every op keeps, checked from its declaration alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.op import Kind, Op
from variegate.ops.registry import get
from variegate.pipeline.pipeline import Pipeline
from variegate.plan.check import check_plan, check_program
from variegate.plan.lower import lower
from variegate.plan.plan import Plan
from variegate.policy.nodes import Step, Strength
from variegate.testing.pictures import as_float, engines, picture, scenes, stride_forms

Image = npt.NDArray[Any]
SIZES = ((1, 1), (1, 7), (6, 1), (9, 14), (16, 11))
SEED = 20
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
SLACK = 0.03  # how much weaker a stronger magnitude may look on the scenes


def _must(holds: Any, op: Op, rule: str, detail: object = "") -> None:
    if not np.all(holds):
        raise AssertionError(f"{op.name}: {rule}" + (f": {detail}" if detail != "" else ""))


def brightness(images: Image, labels: Any) -> Any:
    """A saliency for ops that need one: bright pixels matter."""
    return images.astype(np.float64).sum(axis=3)


def needed(op: Op, images: Image) -> dict[str, Any]:
    """The targets that an op cannot do without: the left half of each image is an instance."""
    if op.mixing is None or op.mixing.needs not in ("instances", "objects"):
        return {}
    masks = np.zeros((len(images), 1, *images.shape[1:3]), dtype=np.bool_)
    masks[..., : (images.shape[2] + 1) // 2] = True
    return {"instance_masks": masks}


def step_of(op: Op, **more: Any) -> Step:
    """The op as a step with its defaults, or its example where it needs one."""
    return Step(op.name, dict(op.example), **more)


def legal_channels(op: Op) -> tuple[int, ...]:
    """Channel counts that the contract tries."""
    return op.channels or (1, 2, 3, 4, 7)


def check_op(name: str, on: Sequence[str] | None = None) -> None:
    """Runs the contract of one op on some engines, by default on all that are quick; raises
    AssertionError that names the rule.
    """
    op = get(name)
    for engine in engines() if on is None else on:
        for channels in legal_channels(op):
            for size in SIZES:
                images = np.stack([picture("random", size, channels, i) for i in range(5)])
                check_run(op, engine, images)
                check_run(op, engine, as_float(images))
        check_strides(op, engine)
        check_rest(op, engine)
        if op.has_magnitude:
            check_weakest(op, engine)
            check_strength(op, engine)


def check_op_briefly(name: str, engine: str) -> None:
    """The contract on floats of one size, without memory layouts and what magnitudes mean: for an
    engine that is compared with the reference besides.
    """
    op = get(name)
    legal = legal_channels(op)
    channels = 3 if 3 in legal else legal[0]
    images = np.stack([picture("random", SIZES[3], channels, i) for i in range(3)])
    check_run(op, engine, as_float(images))
    check_rest(op, engine)


def check_rest(op: Op, engine: str) -> None:
    """p=0 and the targets."""
    if op.kind is not Kind.OUTPUT:
        check_never(op, engine)
    if op.kind not in (Kind.OUTPUT, Kind.MIX):
        check_targets(op, engine)


def check_run(op: Op, engine: str, images: Image) -> None:
    """Plan and program keep their rules; inputs stay; dtype and sizes hold; replay is exact."""
    pipeline = Pipeline([step_of(op)], seed=SEED, engine=engine, saliency=brightness)
    before, ids = images.copy(), np.arange(len(images)) + 3
    plan = pipeline.draw(images=images, index=ids)
    check_plan(plan)
    program = lower(plan, images.dtype, images.shape[3])
    check_program(program)
    results = pipeline(images=images, index=ids, **needed(op, images))[
        "images"
    ]  # a list where their sizes differ
    _must(images == before, op, "inputs never change", images.shape)
    for place, out in enumerate(results):
        _must(np.isfinite(out), op, "results are finite", images.shape)
        _must(not np.may_share_memory(out, images), op, "results share no memory with inputs")
        if op.kind is not Kind.OUTPUT:
            size = np.asarray(program.stages[-1].sizes_out)[place]
            _must(out.dtype == images.dtype, op, "the dtype stays", out.dtype)
            _must(out.shape == (*size, images.shape[3]), op, "shapes hold", out.shape)
            _must(out.min() >= 0 and (out.max() <= 1 or out.dtype == np.uint8), op, "range 0..1")
    read = Plan.from_dict(json.loads(plan.to_json()))
    again = pipeline.apply(read, images=images, **needed(op, images))["images"]
    _must(equal(again, results), op, "a plan read from JSON gives the same bytes")
    if op.kind is not Kind.MIX:
        for place, number in enumerate(ids):
            one = pipeline(images=images[place : place + 1], index=[number])["images"]
            same = equal(one, results[place : place + 1])
            _must(same, op, "a batch gives what its samples give", images.shape)


def equal(some: Any, others: Any) -> bool:
    """Whether two batches, arrays or lists of them, have the same shapes, dtypes and bytes."""
    return len(some) == len(others) and all(
        one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
        for one, other in zip(some, others, strict=True)
    )


def check_strides(op: Op, engine: str) -> None:
    """The memory layout of the input does not matter."""
    images = np.stack([picture("random", (9, 14), 3, i) for i in range(3)])
    pipeline = Pipeline([step_of(op)], seed=SEED, engine=engine, saliency=brightness)
    for batch in (images, as_float(images)):
        expected = pipeline(images=batch, index=range(3), **needed(op, images))["images"]
        for form, view in stride_forms(batch).items():
            out = pipeline(images=view, index=range(3), **needed(op, images))["images"]
            _must(equal(out, expected), op, "memory layout does not matter", form)


def check_never(op: Op, engine: str) -> None:
    """With p=0 nothing changes."""
    step = Step(op.name, dict(op.example), p=0.0) if "output_channels" not in op.example else None
    images = np.stack([picture("random", (9, 14), 3, i) for i in range(3)])
    if step is not None:
        out = Pipeline([step], seed=SEED, engine=engine, saliency=brightness)(
            images=images, index=range(3), **needed(op, images)
        )["images"]
        _must(out.shape == images.shape and np.all(out == images), op, "p=0 changes nothing")


def check_targets(op: Op, engine: str) -> None:
    """Only geometry moves masks, boxes and points; masks gain no new ids."""
    images = np.stack([picture("random", (16, 11), 3, i) for i in range(4)])
    masks = np.random.default_rng(1).choice([3, 17, 300, 65535], (4, 16, 11)).astype(np.int32)
    boxes, points = [np.array([[2, 3, 8, 12]])] * 4, [np.array([[4.0, 5.5]])] * 4
    given: dict[str, Any] = {"images": images, "masks": masks, "boxes": boxes, "keypoints": points}
    if op.kind is Kind.CELLS:  # what has an outline cannot follow
        del given["boxes"]
    out = Pipeline([step_of(op)], seed=SEED, engine=engine, saliency=brightness)(
        index=range(4), **given
    )
    ids = {int(v) for mask in out["masks"] for v in np.unique(mask)}
    _must(ids <= {0, 3, 17, 300, 65535}, op, "masks gain no new ids", ids)
    if op.kind not in (Kind.MATRIX, Kind.FIELD, Kind.CELLS):
        _must(out["masks"] == masks, op, "masks stay where nothing moves")
        _must([b == boxes[0] for b in out["boxes"]], op, "boxes stay where nothing moves")
        _must([p == points[0] for p in out["keypoints"]], op, "points stay where nothing moves")


def changed(op: Op, engine: str, magnitude: float, images: Image) -> float:
    """The mean absolute change in levels at a magnitude, over the scenes."""
    step = step_of(op, magnitude=Strength(magnitude, magnitude))
    pipeline = Pipeline([step], seed=SEED, engine=engine, saliency=brightness)
    out = pipeline(images=images, index=range(len(images)))["images"]
    return float(np.abs(out.astype(np.float64) - images).mean())


def check_weakest(op: Op, engine: str) -> None:
    """Magnitude 0 changes nothing where every weakest value is the identity."""
    images = scenes(6, (24, 20), 3)
    strong = [p for p in op.params if p.strong is not None]
    if all(p.weak == p.identity for p in strong):
        _must(changed(op, engine, 0.0, images) == 0, op, "magnitude 0 is the identity")


def check_strength(op: Op, engine: str) -> None:
    """A larger magnitude changes the scenes more."""
    images = scenes(24, (24, 20), 3)
    amounts = [changed(op, engine, step, images) for step in STEPS]
    steps = np.diff(amounts)
    _must(steps >= -SLACK * max(amounts), op, "strength grows with the magnitude", amounts)
    _must(amounts[-1] > amounts[0], op, "magnitude 1 is stronger than 0", amounts)
