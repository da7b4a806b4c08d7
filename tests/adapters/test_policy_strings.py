"""timm's strings and torchvision's arguments."""

from __future__ import annotations

from math import erf, sqrt
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.adapters.timm import Level
from variegate.policy.nodes import OneOf, Sequence, SomeOf, Step, Strength


def by_op(policy: vg.Policy) -> dict[str, Any]:
    """The nodes of a RandAugment by the op inside."""
    some = policy.steps[0]
    assert isinstance(some, SomeOf)
    found = {}
    for node in some.steps:
        inner = node.steps[0] if isinstance(node, Sequence) else node
        step = inner.steps[0] if isinstance(inner, OneOf) else inner
        found[step.op] = node
    return found


def test_rand_m9_n3_inc1() -> None:
    report: list[str] = []
    policy = vg.from_timm("rand-m9-n3-inc1", report=report)
    some = policy.steps[0]
    assert isinstance(some, SomeOf)
    assert (some.augmentations_per_image, some.rate, len(some.steps)) == (3, 1.0, 15)
    ops = by_op(policy)
    strong = Strength(0.9, 0.9)
    assert ops["Equalize"] == Step("Equalize", p=0.5)
    assert ops["Color"] == Step("Color", {}, 0.5, strong)
    assert ops["Rotate"] == Step("Rotate", {"fill": 128.0}, 0.5, strong)
    shift = {"fraction": 0.45}
    assert ops["TranslateX"] == Step("TranslateX", {"fill": 128.0}, 0.5, strong, shift)
    # int(0.9 * 4) = 3 of 4 bits are dropped.
    assert ops["Posterize"] == Sequence((Step("Posterize", {"bits": (1, 1)}),), 0.5)
    assert {line.partition(":")[0] for line in report} == {"changed"}
    assert len(report) == 2


def test_without_inc_levels_count_the_other_way() -> None:
    ops = by_op(vg.from_timm("rand-m3", report=[]))
    assert ops["Contrast"] == Sequence((Step("Contrast", {"factor": (0.64, 0.64)}),), 0.5)
    assert ops["Solarize"].steps[0].arguments["threshold"] == pytest.approx((76.8, 76.8))
    assert ops["Posterize"].steps[0].arguments["bits"] == (1, 1)


def test_noise_on_the_level() -> None:
    ops = by_op(vg.from_timm("rand-m9-mstd0.5-inc1", report=[]))
    assert ops["Brightness"].magnitude == Strength(0.9, 0.9, 0.05)
    choice = ops["Posterize"].steps[0]
    assert isinstance(choice, OneOf)
    weights = {s.arguments["bits"][0]: w for s, w in zip(choice.steps, choice.weights, strict=True)}
    # Below level 7.5 two bits are dropped, below 10 three; above, all four, of which one is kept.
    below = 0.5 * (1 + erf((7.5 - 9) / (0.5 * sqrt(2))))
    full = 0.5 * (1 + erf((10 - 9) / (0.5 * sqrt(2))))
    assert weights[2] == pytest.approx(below, abs=1e-6)
    assert sum(choice.weights) == pytest.approx(1, abs=1e-6)
    assert choice.weights[-2] == pytest.approx(full - below, abs=1e-6)
    even = by_op(vg.from_timm("rand-m6-mstd101-inc1", report=[]))
    assert even["Color"].magnitude == Strength(0.0, 0.6)


def test_slices_of_a_level_have_the_moments_of_the_noise() -> None:
    made = Level(5.0, 1.0).spread(lambda a, b: Step("Gamma", {"gamma": (1 + a / 10, 1 + b / 10)}))
    assert isinstance(made, OneOf)
    assert made.weights is not None
    middles = np.array([np.mean(step.arguments["gamma"]) for step in made.steps])
    weights = np.array(made.weights)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    assert weights @ middles == pytest.approx(1.5, abs=1e-6)
    assert sqrt(weights @ (middles - 1.5) ** 2) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("name", ["original", "originalr", "v0", "v0r", "v0-mstd0.5"])
def test_tables_have_25_pairs_and_run(name: str) -> None:
    policy = vg.from_timm(name, report=[])
    choice = policy.steps[0]
    assert isinstance(choice, OneOf)
    assert [len(pair.steps) for pair in choice.steps] == [2] * 25
    images = np.random.default_rng(1).integers(0, 256, (60, 12, 14, 3), dtype=np.uint8)
    out = vg.Pipeline(policy, seed=3)(images=images)["images"]
    assert (out != images).any(axis=(1, 2, 3)).mean() > 0.5


def test_original_counts_bits_from_four_on_and_originalr_drops_them() -> None:
    bits = {}
    for name in ("original", "originalr"):
        first = vg.from_timm(name, report=[]).steps[0].steps[0].steps[0]
        bits[name] = first.steps[0].arguments["bits"]
        assert first.p == 0.4
    # Level 8: int(0.8 * 4) = 3.
    assert bits == {"original": (7, 7), "originalr": (1, 1)}


def test_changes_are_errors_until_they_are_accepted() -> None:
    with pytest.raises(vg.PolicyError, match="shears: about the center here"):
        vg.from_timm("rand-m9")
    with pytest.raises(vg.PolicyError, match="shears: about the center here"):
        vg.from_torchvision("RandAugment")


@pytest.mark.parametrize("text", ["rand-m9-q3", "rand-mx", "ran-m9", "rand-", "v0-m3"])
def test_bad_strings_are_refused(text: str) -> None:
    with pytest.raises(vg.PolicyError, match="timm"):
        vg.from_timm(text, report=[])


def test_torchvision_s_arguments() -> None:
    policy = vg.from_torchvision("RandAugment", report=[])
    some = policy.steps[0]
    assert isinstance(some, SomeOf)
    assert (some.augmentations_per_image, len(some.steps)) == (2, 14)
    rotate = next(step for step in some.steps if step.op == "Rotate")
    assert rotate.magnitude == Strength(0.3, 0.3)  # place 9 of 0..30
    assert rotate.arguments["resample"] == "nearest"
    wide = vg.from_torchvision("TrivialAugmentWide", fill=(1, 2, 3), report=[]).steps[0]
    shear = next(step for step in wide.steps if step.op == "ShearX")
    assert shear.magnitude == Strength(0.0, 1.0, 0.0, 31)
    assert shear.strong == {"slope": 0.99}
    assert shear.arguments["fill"] == (1.0, 2.0, 3.0)


def test_torchvision_s_autoaugment_has_this_library_s_tables() -> None:
    made = vg.from_torchvision("AutoAugment", policy="svhn", interpolation="bilinear", report=[])
    assert made.steps[0] == vg.AutoAugment("svhn").expand()


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("RandAugmnt", {}, "did you mean 'RandAugment'"),
        ("RandAugment", {"num_op": 2}, "did you mean 'num_ops'"),
        ("RandAugment", {"magnitude": 31}, r"0\.\.30"),
        ("AutoAugment", {"policy": "coco"}, "imagenet"),
        ("AutoAugment", {"interpolation": "lanczos"}, "bicubic"),
    ],
)
def test_bad_arguments_are_refused(name: str, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(vg.PolicyError, match=text):
        vg.from_torchvision(name, report=[], **arguments)


# string: severity, width, depth, alpha, what is said to be otherwise.
AUGMIX = {
    "augmix-m5-w4-d2": (0.5, 4, 2, 1.0, "d2"),
    "augmix": (0.3, 3, 3, 1.0, None),
    "augmix-m3-w3": (0.3, 3, 3, 1.0, None),
    "augmix-m10-w1-d1-a0.5": (1.0, 1, 1, 0.5, "d1"),
    "augmix-m7-b1": (0.7, 3, 3, 1.0, "b:"),
    "augmix-m4-mstd0.5": (0.4, 3, 3, 1.0, "mstd0.5"),
}


@pytest.mark.parametrize("text", AUGMIX)
def test_augmix_strings(text: str) -> None:
    severity, width, depth, alpha, said = AUGMIX[text]
    report: list[str] = []
    policy = vg.from_timm(text, report=report)
    step = policy.steps[0]
    assert step.op == "AugMix"
    assert step.arguments["severity"] == (severity, severity)
    assert (step.arguments["width"], step.arguments["depth"]) == (width, depth)
    assert step.arguments["alpha"] == alpha
    assert set(step.arguments["ops"]) >= {"Brightness", "ShearX", "Posterize", "Sharpness"}
    assert len(report) == (1 if said is None else 2)
    assert said is None or any(f"changed: {said}" in line for line in report)
    images = np.random.default_rng(0).integers(0, 256, (4, 20, 24, 3), dtype=np.uint8)
    out = vg.Pipeline(policy, seed=1)(images=images, labels=np.arange(4), index=range(4))
    assert out["labels"].tolist() == [0, 1, 2, 3]
    assert (out["images"] != images).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("text", ["augmix-q3", "augmix-m", "augmix-w2x", "augmix-n2"])
def test_augmix_strings_that_say_nothing_legal(text: str) -> None:
    with pytest.raises(vg.PolicyError, match="expected sections of m, w, d, a, b, mstd"):
        vg.from_timm(text)
