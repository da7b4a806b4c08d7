"""Density matching as a search: what it costs, what it joins, and that it goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import SMALL
from variegate import workflow
from variegate.errors import InputError
from variegate.policy.nodes import OneOf, Sequence
from variegate.search import SubPolicySpace, history, studies
from variegate.workflow import density

SPACE = SubPolicySpace(("Rotate", "Invert", "VerticalFlip"), 2, 2, probabilities=0, magnitudes=0)
ASKED: dict[str, Any] = {"method": "density", "space": SPACE, "trials": 4, **SMALL}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "FOLDS", 2)
    monkeypatch.setattr(density, "TOP", 2)
    monkeypatch.setattr(density, "PASSES", 1)


def test_the_best_candidates_of_each_fold_are_joined_and_trained_once(tmp_path: Path) -> None:
    asked = iter([False] * 5 + [True])
    with pytest.raises(workflow.Interrupted, match="candidates so far are saved"):
        workflow.search("digits", out=tmp_path, stop=lambda: next(asked), **ASKED)
    parts = [history(tmp_path / "study.db", f"fold {fold}") for fold in range(2)]
    assert [[t.state for t in part] for part in parts] == [["done"] * 4, ["done", "running"]]
    before = history(tmp_path / "study.db", "fold 0")
    found = workflow.search("digits", out=tmp_path, **ASKED)
    assert sorted(studies(tmp_path / "study.db")) == ["fold 0", "fold 1", "search"]
    assert history(tmp_path / "study.db", "fold 0") == before
    wanted: list[Any] = []
    for fold in range(2):
        trials = history(tmp_path / "study.db", f"fold {fold}")
        assert len(trials) == 4
        for trial in sorted(trials, key=lambda t: (-(t.score or 0), t.number))[:2]:
            assert trial.policy is not None
            [choice] = trial.policy.steps
            assert isinstance(choice, OneOf)
            wanted += [step for step in choice.steps if step not in wanted]
    [joined] = found.best.steps
    assert isinstance(joined, OneOf)
    assert list(joined.steps) == wanted
    assert all(isinstance(step, Sequence) for step in joined.steps)
    assert len(found.history) == 1
    assert found.history[0]["evaluations"][0]["budget"] == SMALL["epochs"]


def test_the_plan_says_what_it_costs_in_trainings_before_it_starts() -> None:
    text = workflow.plan("digits", **ASKED)
    # 40 + 359 images make 199 a fold; the joined policy is trained once.
    assert "2 clean trainings; on each of 2 folds 4 candidates by 1 forward passes over 199" in text
    assert "1 trials = 1 trainings of" in text
    assert text.split("; ")[-1].startswith("about "), "and the seconds"
    more = workflow.plan("digits", **{**ASKED, "trials": None, "budget": "10m", "reward": "loss"})
    assert "rewarded for loss" in more


def test_another_reward_or_space_is_refused_by_name() -> None:
    for change, words in (
        ({"reward": "speed"}, "expected accuracy or loss, got 'speed'"),
        ({"reward": "loss", "method": "tpe", "space": None}, "only method density has one"),
        ({"space": {"format": "variegate-space"}}, "version None"),
    ):
        with pytest.raises(InputError, match=words):
            workflow.plan("digits", **{**ASKED, **change})
    with pytest.raises(InputError, match="method density: it asks the built-in net"):
        workflow.search(None, objective=lambda p, b, s: 0.5, method="density", epochs=1)
