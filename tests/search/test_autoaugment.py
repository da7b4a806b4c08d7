"""AutoAugment as a search: its space, its sampler in a killed study, its joined policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.search.test_study import run
from tests.search.toy import Score
from variegate.errors import InputError
from variegate.policy import Policy
from variegate.search import SubPolicySpace, default_space, joined, space_from_dict, space_to_dict
from variegate.search.controller import Controller, Recipe
from variegate.search.methods import derive

SMALL = SubPolicySpace(("Rotate", "Equalize", "Solarize"), 2, 2, 3, 4)


def count_of(policy: Policy) -> float:
    """The share of Rotate in a policy."""
    text = json.dumps(policy.to_dict())
    return text.count('"Rotate"') / text.count('"step": "Sequence"') / 2


def score(policy: Policy, budget: int, seed: int) -> Score:
    return Score(count_of(policy))


def test_the_published_space_has_thirty_tokens() -> None:
    space = default_space("autoaugment")
    assert isinstance(space, SubPolicySpace)
    counts = [count for _, count in space.tokens()]
    assert counts == [16, 11, 10] * 10
    assert np.prod([float(c) for c in counts]) == pytest.approx(1760.0**10)
    assert space_from_dict(json.loads(json.dumps(space_to_dict(space)))) == space
    gray = default_space("autoaugment", channels=1)
    assert isinstance(gray, SubPolicySpace)
    assert "Color" not in gray.ops


def test_tokens_become_a_policy_as_worked_out_by_hand() -> None:
    params = {"0.0.op": 0, "0.0.probability": 1, "0.0.magnitude": 3}
    params |= {"0.1.op": 1, "0.1.probability": 2, "0.1.magnitude": 0}
    params |= {"1.0.op": 2, "1.0.probability": 0, "1.0.magnitude": 1}
    params |= {"1.1.op": 0, "1.1.probability": 2, "1.1.magnitude": 0}
    [choice] = SMALL.policy_of(params)["steps"]
    assert choice["step"] == "OneOf"
    assert [s["steps"] for s in choice["steps"]] == [
        [{"step": "Rotate", "p": 0.5, "magnitude": 1.0}, {"step": "Equalize", "p": 1.0}],
        [
            {"step": "Solarize", "p": 0.0, "magnitude": 0.3333},
            {"step": "Rotate", "p": 1.0, "magnitude": 0.0},
        ],
    ]
    Policy.from_dict(SMALL.policy_of(params))


def test_the_study_draws_what_the_controller_alone_would(tmp_path: Path) -> None:
    """25 trials: two whole batches teach, the third is drawn by what they taught."""
    result = run(tmp_path, score, method="autoaugment", space=SMALL, trials=25)
    recipe = Recipe(kinds=(3, 3, 4), steps=4)
    seed = derive(4, "controller")
    controller = Controller(recipe, seed)
    names = [name for name, _ in SMALL.tokens()]
    rows = [[t.params[name] for name in names] for t in result.trials]
    for batch in range(3):
        tokens = controller.draw(10, (seed << 20) + batch)
        own = rows[10 * batch : 10 * batch + 10]
        assert tokens[: len(own)].tolist() == own
        values = [t.value or 0.0 for t in result.trials[10 * batch : 10 * batch + 10]]
        if len(own) == 10:
            controller.learn(tokens, np.array(values))


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"method": "autoaugment", "space": SMALL}
    whole = run(tmp_path, score, trials=22, store=tmp_path / "whole.db", **arguments)
    run(tmp_path, score, trials=13, **arguments)
    again = run(tmp_path, score, trials=22, **arguments)
    assert [t.params for t in again.trials] == [t.params for t in whole.trials]


def test_the_best_five_policies_are_joined(tmp_path: Path) -> None:
    result = run(tmp_path, score, method="autoaugment", space=SMALL, trials=12)
    ranked = sorted(result.trials, key=lambda t: (-(t.value or 0.0), t.number))[:5]
    assert result.best == joined(t.policy for t in ranked if t.policy is not None)
    choices = result.best.to_dict()["steps"][0]["steps"]
    assert 2 <= len(choices) <= 10
    assert "best 5 trials" in result.verdict


@pytest.mark.parametrize(
    "build",
    [
        lambda: SubPolicySpace(("Rotate",)),
        lambda: SubPolicySpace(("Rotate", "Rotate")),
        lambda: SubPolicySpace(sub_policies=0),
        lambda: SubPolicySpace(probabilities=1),
    ],
)
def test_a_space_that_cannot_be_drawn_from_is_refused(build: Any) -> None:
    with pytest.raises(InputError):
        build()


def test_a_continuous_space_is_not_for_the_controller(tmp_path: Path) -> None:
    space = SubPolicySpace(probabilities=0, magnitudes=0)
    with pytest.raises(InputError, match="whole steps"):
        run(tmp_path, score, method="autoaugment", space=space)
    drawn = run(tmp_path, score, method="random", space=space, trials=2)
    assert 0 < drawn.trials[0].params["0.0.probability"] < 1
