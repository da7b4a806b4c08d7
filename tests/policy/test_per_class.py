"""Policies by class: what changes and what keeps its draws, mixing across classes, levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import variegate as vg
from variegate.errors import InputError, PolicyError
from variegate.policy.curriculum import Curriculum
from variegate.policy.nodes import PerClass, Step, Strength
from variegate.policy.perclass import Change, changed, per_class

COUNT = 24
LABELS = np.arange(COUNT) % 4
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 12, 12, 3), dtype=np.uint8)
GLOBAL = vg.Policy(
    (
        vg.HorizontalFlip(p=0.5),
        vg.TrivialAugment(),
        vg.OneOf([vg.Rotate(angle=(-40, 80)), vg.VerticalFlip(), vg.Posterize(bits=(2, 6))]),
        vg.Cutout(magnitude=0.5, p=0.7),
    )
)


def run(policy: vg.Policy, **more: object) -> dict:
    call = {"images": IMAGES, "labels": LABELS, "index": np.arange(COUNT), "epoch": 3, **more}
    return vg.Pipeline(policy.steps, seed=5, classes=4)(**call)


def test_strengths_ranges_and_caps_by_hand() -> None:
    half = Change(0.5)
    assert changed(Step("Rotate", magnitude=Strength(0.2, 0.8, 0.1)), half) == Step(
        "Rotate", magnitude=Strength(0.1, 0.4, 0.05)
    )
    own = changed(Step("Rotate", magnitude=Strength(0.2, 0.8)), Change(0.5, {"Rotate": 0.5}))
    assert own == Step("Rotate", magnitude=Strength(0.05, 0.2))
    other = Step("ShearX", magnitude=Strength(0.2, 0.8))
    assert changed(other, Change(ops={"Rotate": 0.5})) == other
    assert changed(vg.Rotate(angle=(-40, 80)), half).arguments["angle"] == (-20, 40)
    # Brightness changes nothing at 1, and its range lies on both sides.
    assert changed(vg.Brightness(factor=(0.6, 1.8)), half).arguments["factor"] == (0.8, 1.4)
    # Posterize does nothing at 8 bits: 2..6 goes half the way to 5..7.
    assert changed(vg.Posterize(bits=(2, 6)), half).arguments["bits"] == (5, 7)


def test_an_op_without_strength_leaves_or_stays() -> None:
    flip = vg.HorizontalFlip(p=0.5)
    assert changed(flip, Change(0.5)) == flip
    assert changed(flip, Change(ops={"HorizontalFlip": 0.0})) == Step("Identity")
    assert changed(flip, Change(ops={"HorizontalFlip": 0.9})) == Step("Identity")
    crop = vg.RandomCrop(size=(8, 8))
    assert changed(crop, Change(ops={"RandomCrop": 0.0})) == crop, "images keep one size"


def test_classes_without_a_change_have_the_bytes_of_the_global_policy() -> None:
    policy = per_class(GLOBAL, {1: Change(0.0, {"HorizontalFlip": 0}), 3: Change(0.5)})
    before, after = run(GLOBAL)["images"], run(policy)["images"]
    same = np.array([np.array_equal(a, b) for a, b in zip(before, after, strict=True)])
    assert same[LABELS % 2 == 0].all()
    assert not same[LABELS == 3].all()
    assert vg.Policy.from_dict(policy.to_dict()) == policy


def test_steps_that_no_class_changes_stay_outside() -> None:
    policy = per_class(GLOBAL, {2: Change(ops={"VerticalFlip": 0})})
    assert [isinstance(step, PerClass) for step in policy.steps] == [False, False, True, False]
    assert per_class(GLOBAL, {2: Change()}) == GLOBAL


def test_a_class_keeps_the_draws_of_its_unchanged_steps() -> None:
    policy = per_class(GLOBAL, {c: Change(ops={"VerticalFlip": 0}) for c in range(4)})
    plan, wanted = (
        vg.Pipeline(p.steps, seed=5).draw(
            sizes=[(12, 12)] * COUNT, index=np.arange(COUNT), epoch=3, labels=LABELS
        )
        for p in (policy, GLOBAL)
    )
    kept = [(r.op, r.rows.tolist(), r.values) for r in wanted.records if r.op != "VerticalFlip"]
    have = {}
    for record in plan.records:
        for place, row in enumerate(record.rows.tolist()):
            values = {name: value[place] for name, value in record.values.items()}
            have[record.op, row, record.position] = values
    positions = [r.position for r in wanted.records if r.op != "VerticalFlip"]
    for (op, rows, values), position in zip(kept, positions, strict=True):
        for place, row in enumerate(rows):
            for name, value in values.items():
                assert np.array_equal(have[op, row, position][name], value[place])


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
def test_any_change_of_any_class_is_a_policy_that_runs(
    scale: float, own: float, index: int
) -> None:
    ops = {"Rotate": own, "HorizontalFlip": own, "ShearX": own}
    policy = per_class(GLOBAL, {index: Change(scale, ops)})
    assert run(policy)["images"].shape == IMAGES.shape


def test_bad_changes_are_named() -> None:
    with pytest.raises(PolicyError, match=r"Change\.scale: expected a number 0\.\.1, got 2"):
        Change(2)
    with pytest.raises(PolicyError, match="did you mean 'Rotate'"):
        Change(ops={"Rotat": 0.5})
    with pytest.raises(PolicyError, match="start from a global one"):
        per_class(per_class(GLOBAL, {0: Change(0.5)}), {1: Change(0.5)})


def test_in_a_mix_every_partner_has_its_own_class_s_policy() -> None:
    # Class 0 turned black, class 1 white, before a mix of half and half: whatever is mixed with
    # whatever, a pixel is the share of white partners, and the soft label says the same share.
    black, white = vg.Brightness(factor=(0, 0)), vg.Solarize(threshold=(0, 0))
    images = np.zeros((16, 6, 6, 3), dtype=np.uint8)
    labels = np.arange(16) % 2
    steps = [PerClass({0: (black,), 1: (white,)}), vg.MixUp(alpha=1.0)]
    out = vg.Pipeline(steps, seed=2, classes=2)(images=images, labels=labels, index=range(16))
    share = out["images"].astype(float).mean(axis=(1, 2, 3)) / 255
    assert np.abs(share - out["labels"][:, 1]).max() < 1 / 255
    assert ((share > 0.1) & (share < 0.9)).any(), "some images are of both classes"


def test_a_mix_of_one_class_takes_partners_of_any() -> None:
    black, white = np.zeros((8, 6, 6, 3), np.uint8), np.full((8, 6, 6, 3), 255, np.uint8)
    images, labels = np.concatenate([black, white]), np.array([0] * 8 + [1] * 8)
    steps = [PerClass({0: (vg.CutMix(),)})]
    out = vg.Pipeline(steps, seed=2, classes=2)(images=images, labels=labels, index=range(16))
    assert np.array_equal(out["images"][8:], white), "class 1 does not mix"
    assert np.array_equal(out["labels"][8:], np.eye(2)[[1] * 8])
    share = out["images"][:8].astype(float).mean(axis=(1, 2, 3)) / 255
    assert np.abs(share - out["labels"][:8, 1]).max() < 1e-6
    assert (share > 0).any()


def test_soft_labels_go_by_their_largest_class() -> None:
    soft = np.eye(4)[LABELS] * 0.6 + 0.1
    policy = per_class(GLOBAL, {1: Change(0.0)})
    assert np.array_equal(run(policy, labels=soft)["images"], run(policy)["images"])


def test_samples_with_boxes_alone_are_refused() -> None:
    boxes = [np.array([[1, 1, 5, 5]], np.float32)] * COUNT
    aug = vg.Pipeline([PerClass({1: (vg.Rotate(),)})], seed=1)
    with pytest.raises(InputError, match=r"PerClass step: pass labels"):
        aug(images=IMAGES, boxes=boxes, box_labels=[[1]] * COUNT, index=np.arange(COUNT))


def test_a_curriculum_is_a_policy_for_each_level() -> None:
    curriculum = Curriculum(ops=("Rotate", "ShearX"), p=0.5)
    policy = curriculum.policy([0, 3, 1, 0])
    (node,) = policy.steps
    assert isinstance(node, PerClass)
    assert set(node.policies) == {1, 2}
    inner = node.policies[1][0]
    assert inner.p == 0.5
    assert inner.steps == (vg.RandAugment(num_ops=3, magnitude=0.1, ops=("Rotate", "ShearX")),)
    same = run(policy)["images"] == IMAGES
    assert same[LABELS == 0].all()
    assert not same[LABELS == 1].all()
    with pytest.raises(PolicyError, match=r"Curriculum\.levels: expected a whole number 1\.\.30"):
        Curriculum(levels=31)
