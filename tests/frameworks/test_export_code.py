"""Exported code runs in Albumentations and torchvision, and does what the policy does."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import variegate as vg
from benchmarks.export_table import IMAGE, known, measure, run_code
from variegate.adapters.code import LIBRARIES, to_code

RESULTS = json.loads(
    (Path(__file__).parents[2] / "benchmarks/results/export.json").read_text(encoding="utf-8")
)
KNOWN = [(library, op) for library in LIBRARIES for op in known(library)]


@pytest.mark.parametrize(("library", "op"), KNOWN, ids=[f"{lib}-{op}" for lib, op in KNOWN])
def test_pixels_differ_as_the_docs_say(library: str, op: str) -> None:
    found, written = measure(op, library), RESULTS[library][op]
    assert (found is None) == (written is None)
    assert found is None or abs(found["mean"] - written["mean"]) < 0.05
    assert found is None or abs(found["above_one"] - written["above_one"]) < 0.01


CHOOSING = [library for library in LIBRARIES if library != "keras"]


@pytest.mark.parametrize("library", CHOOSING)
@pytest.mark.parametrize(
    "policy",
    [
        vg.TrivialAugment(),
        vg.RandAugment(num_ops=2, magnitude=0.4),
        vg.AutoAugment(table="cifar10"),
        vg.Sequence((vg.RandomResizedCrop(size=(64, 64)), vg.RandomErasing(p=0.5)), p=0.9),
    ],
    ids=lambda node: type(node).__name__,
)
def test_published_policies_run(library: str, policy: object) -> None:
    code = to_code(policy, library, report=[])
    seen = {run_code(code, library, IMAGE).tobytes() for _ in range(12)}
    assert len(seen) > 3


@pytest.mark.parametrize("library", CHOOSING)
def test_chances_and_weights_are_the_policys(library: str) -> None:
    """Which of three marks an image gets, counted: weights 1 to 3, each applied with p, or none."""
    marks = (vg.Invert(p=0.5), vg.VerticalFlip())
    choice = vg.OneOf(marks, weights=(1, 3), p=0.8)
    code = to_code(choice, library)
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    names = {image.tobytes(): "none", (255 - image).tobytes(): "invert",
             image[::-1].tobytes(): "flip"}  # fmt: skip
    count = Counter(names[run_code(code, library, image).tobytes()] for _ in range(1500))
    assert abs(count["flip"] / 1500 - 0.6) < 0.06
    assert abs(count["invert"] / 1500 - 0.1) < 0.04


def test_the_end_for_a_model_is_channels_first() -> None:
    steps = [vg.Resize(size=(32, 32)), vg.Normalize(mean=(0.5,) * 3, std=(0.5,) * 3, layout="NCHW")]
    ours = vg.Pipeline(steps, seed=0)(image=IMAGE, index=0)["image"]
    code = to_code(steps, "torchvision", report=[])
    theirs = np.moveaxis(run_code(code, "torchvision", IMAGE), -1, 0)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 0.02
    code = to_code(steps, "albumentations", report=[])
    assert run_code(code, "albumentations", IMAGE).shape == ours.shape


def test_keras_layers_flip_half_and_end_as_the_model_asks() -> None:
    last = vg.Normalize(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    code = to_code([vg.HorizontalFlip(p=0.5), vg.Invert(p=1.0), last], "keras")
    plain = vg.Pipeline([vg.Invert(), last], seed=0)(image=IMAGE, index=0)["image"]
    sides = {"as it was": plain, "mirrored": plain[:, ::-1]}
    count: Counter[str] = Counter()
    for _ in range(40):
        made = run_code(code, "keras", IMAGE)
        count[min(sides, key=lambda name: float(np.abs(made - sides[name]).max()))] += 1
        assert min(np.abs(made - own).max() for own in sides.values()) < 1e-3
    assert min(count["as it was"], count["mirrored"]) > 5
