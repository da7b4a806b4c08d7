"""Policies by class from data to a comparison, on shapes of which a flip harms two of four."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import variegate as vg
from tests.workflow.conftest import SMALL, TOY
from variegate import workflow
from variegate.data import Dataset
from variegate.errors import InputError, PolicyError
from variegate.policy.nodes import PerClass
from variegate.workflow.per_class import _changes

FLIPS = vg.Policy((vg.VerticalFlip(p=0.5), vg.RandAugment(ops=("Brightness", "Contrast"))))
LEARN = {"settings": {**TOY, "batch_size": 8}, "epochs": 6}


def shapes() -> Dataset:
    """Bright above, bright below (a vertical flip swaps them), stripes, a cross; noise on all."""
    generator = np.random.default_rng(0)
    forms = np.zeros((4, 8, 8))
    forms[0, :4], forms[1, 4:], forms[2, :, ::2] = 1, 1, 1
    forms[3, 2:6], forms[3, :, 3:5] = 1, 1
    labels = np.arange(160) % 4
    images = 60 + 110 * forms[labels] + generator.normal(0, 25, (160, 8, 8))
    pixels = np.clip(images, 0, 255).astype(np.uint8)[..., None]
    return Dataset("shapes", pixels, labels, ("above", "below", "stripes", "cross"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("by_class")
    workflow.by_class(shapes(), policy=FLIPS, seeds=2, out=folder, **LEARN)
    return folder


def test_the_flip_is_taken_from_the_two_classes_it_swaps(out: Path) -> None:
    record = json.loads((out / "per_class.json").read_text())
    flips = {c for c, own in record["caps"].items() if own.get("VerticalFlip") == 0}
    assert flips == {"0", "1"}
    scores = record["candidates"]
    assert record["chosen"] in ("affinity", "both")
    assert scores["affinity"]["worst"] > scores["global"]["worst"] + 0.1
    best = vg.Policy.load(out / "best.json")
    first = best.steps[0]
    assert isinstance(first, PerClass)
    assert set(first.policies) == {0, 1}
    assert first.default == (vg.VerticalFlip(p=0.5),)
    assert vg.Policy.load(out / "global.json") == FLIPS


def test_the_same_call_trains_nothing_again(out: Path) -> None:
    plans: list[str] = []
    again = workflow.by_class(
        shapes(), seeds=2, out=out, progress=lambda e: plans.append(e.kind), **LEARN
    )
    assert "plan" not in plans
    assert again.before == FLIPS
    assert again.best == vg.Policy.load(out / "best.json")
    assert "is chosen" in again.lines()[-1]


def test_compare_holds_the_policy_by_class_against_the_global_one(out: Path) -> None:
    call = {**LEARN, "seeds": 1, "out": out, "join_validation": False}
    made = workflow.compare(shapes(), arms=["none", "global", "found"], **call)
    assert made.comparison.arms == ("none", "global", "found")
    assert [table["baseline"] for table in made.summary["class_tables"]] == ["none", "global"]
    assert made.comparison.settings["arms"]["global"] == FLIPS.to_dict()


def test_candidates_are_what_the_evidence_says() -> None:
    made = _changes({1: {"Rotate": 0.0}, 2: {"ShearX": 0.5}}, [2, 3])
    assert {name: sorted(own) for name, own in made.items()} == {
        "affinity": [1, 2], "false positives": [2, 3], "both": [1, 2, 3],
    }  # fmt: skip
    assert made["both"][2].scale == 0.5
    assert made["both"][2].ops == {"ShearX": 0.5}
    assert _changes({}, []) == {}


def test_a_curriculum_is_an_arm_where_it_is_asked_for(tmp_path: Path) -> None:
    made = workflow.compare("digits", arms=["none", "cuda"], seeds=1, out=tmp_path, **SMALL)
    assert made.trained == 2
    assert made.comparison.settings["arms"]["cuda"]["format"] == "variegate-curriculum"


def test_what_cannot_be_changed_is_refused_before_a_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="search first, or give a policy"):
        workflow.by_class(shapes(), out=tmp_path, **LEARN)
    with pytest.raises(InputError, match="seeds: expected at least 2, got 1"):
        workflow.by_class(shapes(), policy=FLIPS, seeds=1, out=tmp_path, **LEARN)
    by = vg.Policy((vg.PerClass({0: (vg.Invert(),)}),))
    with pytest.raises(PolicyError, match="start from a global one"):
        workflow.by_class(shapes(), policy=by, out=tmp_path, **LEARN)
