"""Properties of random policies on random input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import variegate as vg
from tests.pipeline.samples import digest
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.plan.check import check_plan, check_program
from variegate.plan.lower import lower
from variegate.testing import engines
from variegate.testing.pictures import as_float, picture, stride_forms
from variegate.testing.strategies import FIXED_SIZE, LEAVES, policies

QUIET = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ENGINES = pytest.mark.parametrize("engine", engines())
MOVING = tuple(n for n in LEAVES if get(n).kind in (Kind.MATRIX, Kind.FIELD))
# Ops that do not look at targets: what a looking crop does depends on what is there, by its nature.
BLIND = tuple(n for n in LEAVES if not get(n).looks)
INSIDE = tuple(n for n in MOVING if n in FIXED_SIZE)
SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))


@st.composite
def batches(draw: st.DrawFn, channels: tuple[int, ...] = (1, 3, 4)) -> np.ndarray:
    """Up to five images, uint8 or float32, of any small size."""
    size, count = draw(SIZES), draw(st.integers(1, 5))
    images = np.stack([picture("random", size, draw(st.sampled_from(channels)), 0)] * count)
    images = images + np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return as_float(images) if draw(st.booleans()) else images


def images_of(result: dict[str, Any]) -> list[np.ndarray]:
    return list(result["images"])


@ENGINES
@QUIET
@given(policy=policies(), batch=batches())
def test_rules_hold_and_inputs_stay(engine: str, policy: vg.Policy, batch: np.ndarray) -> None:
    aug = vg.Pipeline(policy, seed=3, engine=engine)
    labels, before = np.arange(len(batch)), digest(batch)
    plan = aug.draw(images=batch, index=labels, labels=labels)
    check_plan(plan)
    program = lower(plan, batch.dtype, batch.shape[3])
    check_program(program)
    out = images_of(aug(images=batch, labels=labels, index=labels))
    sizes = np.asarray(program.stages[-1].sizes_out).tolist()
    assert digest(batch) == before
    assert [list(o.shape) for o in out] == [[*s, batch.shape[3]] for s in sizes]
    assert {o.dtype for o in out} == {batch.dtype}
    assert all(np.isfinite(o).all() and o.min() >= 0 for o in out)
    assert all(o.dtype == np.uint8 or o.max() <= 1 for o in out)


@ENGINES
@QUIET
@given(policy=policies(), batch=batches())
def test_a_batch_is_its_samples(engine: str, policy: vg.Policy, batch: np.ndarray) -> None:
    aug = vg.Pipeline(policy, seed=3, engine=engine, threads=2)
    labels = np.arange(len(batch))
    whole = images_of(aug(images=batch, labels=labels, index=labels + 5))
    for place, image in enumerate(batch):
        alone = aug(image=image, label=int(labels[place]), index=place + 5)["image"]
        assert digest(alone) == digest(whole[place])


@ENGINES
@QUIET
@given(policy=policies(ops=FIXED_SIZE, per_class=False), batch=batches())
def test_memory_layout_does_not_matter(engine: str, policy: vg.Policy, batch: np.ndarray) -> None:
    aug = vg.Pipeline(policy, seed=3, engine=engine)
    expected = digest(aug(images=batch, index=range(len(batch)))["images"])
    for form, view in stride_forms(batch).items():
        assert digest(aug(images=view, index=range(len(batch)))["images"]) == expected, form


@ENGINES
@QUIET
@given(
    policy=policies(ops=INSIDE, per_class=False),
    level=st.integers(0, 255),
    size=SIZES,
    whole=st.booleans(),
)
def test_a_flat_image_stays_flat(
    engine: str, policy: vg.Policy, level: int, size: tuple[int, int], whole: bool
) -> None:
    """With the border reflected, geometry finds the same level everywhere."""
    data = policy.to_dict()
    mirror(data["steps"])
    reflected = vg.Policy.from_dict(data)
    batch = np.full((3, *size, 3), level, dtype=np.uint8)
    batch = batch if whole else as_float(batch)
    out = vg.Pipeline(reflected, seed=3, engine=engine)(images=batch, index=range(3))["images"]
    assert np.abs(out.astype(np.float64) - batch).max() <= (0 if whole else 1e-6)


def mirror(steps: list[dict[str, Any]]) -> None:
    """Sets the border of every step to reflect; presets become the identity."""
    for step in steps:
        if "border" in step:
            step["border"] = "reflect"
        if step["step"] in ("RandAugment", "TrivialAugment", "AutoAugment"):
            step.clear()
            step["step"] = "Identity"
        mirror(step.get("steps", []))
        for own in step.get("policies", {}).values():
            mirror(own)


@ENGINES
@QUIET
@given(policy=policies(BLIND, per_class=False), size=SIZES)
def test_targets_do_not_disturb_each_other(
    engine: str, policy: vg.Policy, size: tuple[int, int]
) -> None:
    """In any order, alone or together, each target comes out the same; masks gain no new ids."""
    image = picture("random", size, 3)
    ids = np.random.default_rng(0).choice([1, 17, 254, 300, 65535], size)
    box = np.array([[0, 0, size[1], size[0]]])
    targets = {"image": image, "mask": ids, "boxes": box, "keypoints": [[0.5, 0.5]]}
    aug = vg.Pipeline(policy, seed=3, engine=engine)
    one = aug(index=4, **targets)
    other = aug(index=4, **dict(reversed(targets.items())))
    assert all(digest(one[name]) == digest(other[name]) for name in one)
    assert digest(aug(index=4, image=image)["image"]) == digest(one["image"])
    assert digest(aug(index=4, image=image, mask=ids)["mask"]) == digest(one["mask"])
    assert set(np.unique(one["mask"])) <= {0, 1, 17, 254, 300, 65535}
    assert one["mask"].dtype == ids.dtype
    assert one["mask"].shape == one["image"].shape[:2]


@ENGINES
@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_form_of_the_result_does_not_depend_on_chance(
    engine: str, count: int, p: float
) -> None:
    steps = [vg.Rotate(p=p), vg.GaussianBlur(p=p), vg.RandomResizedCrop(size=(9, 7)), vg.MixUp(p=p)]
    steps.append(vg.Normalize(mean=(0.5,), std=(0.25,), layout="NCHW", dtype="float16"))
    aug = vg.Pipeline(steps, seed=1, classes=4, engine=engine)
    images = np.zeros((count, 12, 13, 3), dtype=np.uint8)
    out = aug(images=images, labels=np.zeros(count, dtype=int), index=range(count))
    assert (out["images"].shape, out["images"].dtype) == ((count, 3, 9, 7), np.float16)
    assert (out["labels"].shape, out["labels"].dtype) == ((count, 4), np.float32)
    flat = aug(image=images[0, ..., 0], index=0) if count else {"image": np.zeros((1, 9, 7))}
    assert flat["image"].shape == (1, 9, 7)


@ENGINES
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_normalize_by_hand(engine: str, dtype: str, layout: str) -> None:
    images = np.stack([picture("random", (5, 7), 3, i) for i in range(4)])
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    aug = vg.Pipeline([vg.Normalize(mean=mean, std=std, layout=layout, dtype=dtype)], engine=engine)
    exact = (images / 255 - np.array(mean)) / np.array(std)
    exact = np.moveaxis(exact, 3, 1) if layout == "NCHW" else exact
    allowed = {"float32": 2e-6, "float16": 2e-3, "bfloat16": 1.2e-2}[dtype]  # half a step at 2.6
    for batch in (images, as_float(images)):
        out = aug(images=batch)["images"]
        assert out.dtype == np.dtype(dtype)
        assert out.flags.c_contiguous
        assert np.abs(out.astype(np.float64) - exact).max() < allowed
