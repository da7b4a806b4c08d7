"""Steps by epoch: which stand when, in files, in plans, and through the pipeline."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.adapters.code.write import to_code
from variegate.errors import PolicyError
from variegate.evaluate.report.policytext import policy_data, policy_lines
from variegate.plan.draw import draw
from variegate.policy.perclass import Change, changed
from variegate.policy.policy import walk

SCHEDULE = vg.ByEpoch({2: (vg.Invert(),), 5: (vg.HorizontalFlip(p=1.0), vg.Invert())})
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), np.uint8)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize(("epoch", "inverted", "flipped"), [(0, 0, 0), (1, 0, 0), (2, 1, 0), (4, 1, 0), (5, 1, 1), (90, 1, 1)])  # fmt: skip  # noqa: E501
def test_the_steps_of_the_last_start_that_has_come_are_applied(
    engine: str, epoch: int, inverted: int, flipped: int
) -> None:
    pipeline = vg.Pipeline([SCHEDULE], seed=3, engine=engine)
    out = pipeline(images=IMAGES, index=np.arange(6), epoch=epoch)["images"]
    expected = IMAGES[:, :, ::-1] if flipped else IMAGES
    assert np.array_equal(out, 255 - expected if inverted else expected)


def test_a_later_step_draws_the_same_whatever_stage_stands_before_it() -> None:
    """Stages share their places, so a step behind them keeps its draws."""
    turn = vg.Rotate(angle=(-40, 40))
    short = vg.ByEpoch({0: (vg.Invert(),), 1: (vg.Invert(), vg.Invert())})
    both = vg.Sequence((vg.Invert(), vg.Invert()))
    sizes = np.full((5, 2), 8)
    after, again = (
        draw(vg.Policy((first, turn)), 1, 0, np.arange(5, dtype=np.uint64), sizes)
        for first in (short, both)
    )
    angles = [
        r.values["angle"] for plan in (after, again) for r in plan.records if r.op == "Rotate"
    ]
    assert np.array_equal(angles[0], angles[1])


def test_files_keep_it_and_order_it() -> None:
    policy = vg.Policy((vg.ByEpoch({7: (), 0: (vg.Rotate(magnitude=0.3),)}),))
    data = json.loads(json.dumps(policy.to_dict()))
    assert list(data["steps"][0]["policies"]) == ["0", "7"]
    assert vg.Policy.from_dict(data) == policy
    assert [step.op for step, _ in walk(policy.steps)] == ["Rotate"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "expected an object {epoch: steps}"),
        ({"policies": {}}, "expected {epoch: steps}"),
        ({"policies": {"-1": []}}, "expected an epoch, got '-1'"),
        ({"policies": {"1": [], "01": []}}, "epoch 1 stands twice"),
        ({"policies": {"1": []}, "default": []}, "unknown argument 'default'"),
        ({"policies": {"1": [{"step": "Rotat"}]}}, "policies.1"),
    ],
)
def test_a_broken_one_is_refused_by_name(given: dict[str, Any], words: str) -> None:
    data = {"format": "variegate-policy", "version": 1, "steps": [{"step": "ByEpoch", **given}]}
    with pytest.raises(PolicyError, match=words):
        vg.Policy.from_dict(data)


def test_reports_and_exports_name_it() -> None:
    policy = vg.Policy((vg.ByEpoch({0: (vg.Invert(),), 5: ()}),))
    lines = [text for _, text in policy_lines(policy_data(policy))]
    assert lines == ["ByEpoch", "from epoch 0 on", "Invert", "from epoch 5 on"]
    with pytest.raises(PolicyError, match="left out: ByEpoch"):
        to_code(policy, "torchvision")
    weaker = changed(policy.steps[0], Change(ops={"Invert": 0.0}))
    assert weaker == vg.ByEpoch({0: (vg.Identity(),), 5: ()})
