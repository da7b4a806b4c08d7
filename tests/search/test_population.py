"""Schedules over the epochs: their form, explore and exploit, and what they find on a toy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.policy.nodes import ByEpoch
from variegate.search import ScheduleSpace, run_study, space_from_dict, space_to_dict
from variegate.search.population import POPULATION, Breeder, explore

SPACE = ScheduleSpace(12, ("Rotate", "Invert"), stages=3)


def params(*rows: tuple[int, int, int, int]) -> dict[str, int]:
    """Rows of a stage: probability and magnitude of Rotate, then of Invert."""
    return dict(zip([name for name, _ in SPACE.tokens()], np.ravel(rows).tolist(), strict=True))


def test_a_schedule_as_worked_out_by_hand() -> None:
    given = params((5, 9, 0, 3), (5, 9, 0, 7), (10, 3, 10, 0))
    [step] = SPACE.policy_of(given)["steps"]
    assert list(step["policies"]) == ["0", "8"], "equal stages are one; Invert has no magnitude"
    [early] = step["policies"]["0"]
    rotate = {"step": "Rotate", "magnitude": 1.0, "p": 1.0}
    one = {"step": "OneOf", "steps": [rotate], "weights": [0.5], "p": 0.5}
    assert early == {
        "step": "OneOf",
        "steps": [
            {"step": "Sequence", "steps": []},
            one,
            {"step": "Sequence", "steps": [one, one]},
        ],
        "weights": [0.2, 0.3, 0.5],
    }
    [late] = step["policies"]["8"]
    assert late["steps"][1]["p"] == 1.0
    assert late["steps"][1]["steps"][0]["magnitude"] == 0.3333
    [node] = Policy.from_dict(SPACE.policy_of(given)).steps
    assert isinstance(node, ByEpoch)
    assert SPACE.policy_of(params(*[(0, 1, 0, 1)] * 3))["steps"][0]["policies"] == {"0": []}
    assert space_from_dict(json.loads(json.dumps(space_to_dict(SPACE)))) == SPACE


def test_explore_moves_by_up_to_three_and_draws_a_fifth_anew() -> None:
    counts = np.full(40_000, 1001)
    moved = explore(np.full(40_000, 500), counts, np.random.default_rng(1)) - 500
    near = np.abs(moved) <= 3
    # 4 of 5 are moved; of those drawn anew 7 in 1,001 land as near.
    assert np.mean(near) == pytest.approx(0.8 + 0.2 * 7 / 1001, abs=0.01)
    share = [float(np.mean(moved[near] == step)) for step in range(-3, 4)]
    assert share == pytest.approx([1 / 8] * 3 + [1 / 4] + [1 / 8] * 3, abs=0.01)
    ends = explore(np.array([0, 9] * 500), np.full(1000, 10), np.random.default_rng(2))
    assert ends.min() == 0
    assert ends.max() == 9


def test_children_keep_the_early_stages_of_a_parent_of_the_best_quarter() -> None:
    breeder = Breeder(SPACE, 3)
    first = [breeder.row(n, []) for n in range(POPULATION)]
    assert all(row == row[:4] * 3 for row in first), "one stage at the start"
    known = [(row, float(value)) for value, row in enumerate(first)]
    parents = [first[6], first[7]]
    for number in range(POPULATION, POPULATION + 12):
        row = breeder.row(number, known)
        kept = 4 * ((number - POPULATION) % 3)
        assert row[:kept] in [parent[:kept] for parent in parents]
        assert row[kept : kept + 4] * (3 - kept // 4) == row[kept:]
        assert row == Breeder(SPACE, 3).row(number, known), "a pure function"


def value(row: list[int]) -> float:
    """Best: weak rotation early, strong late, never Invert."""
    table = np.array(row).reshape(3, 2, 2)
    wanted = np.array([1.0, 5.0, 9.0])
    rotate = -np.abs(table[:, 0, 1] - wanted).mean() / 9
    return float(rotate + table[:, 0, 0].mean() / 10 - table[:, 1, 0].mean() / 10)


def test_it_beats_random_schedules_at_equal_trials() -> None:
    """Over 20 seeds of 60 trials; random schedules are drawn stage by stage."""
    gains = []
    counts = [count for _, count in SPACE.tokens()]
    for seed in range(20):
        breeder, known = Breeder(SPACE, seed), list[tuple[list[int], float]]()
        for number in range(60):
            row = breeder.row(number, known)
            known.append((row, value(row)))
        draws = np.random.default_rng(seed).integers(0, counts, (60, len(counts)))
        best = max(value(row.tolist()) for row in draws)
        gains.append(max(v for _, v in known) - best)
    assert np.mean(gains) > 0.2
    assert np.min(gains) > 0


def test_a_stopped_search_goes_on_to_the_same_end(tmp_path: Path) -> None:
    def objective(policy: Policy, budget: int, seed: int) -> float:
        return len(json.dumps(policy.to_dict())) % 97 / 97

    whole: dict[str, Any] = {"method": "pba", "space": SPACE, "seed": 5, "name": "s"}
    straight = run_study(objective, trials=12, store=tmp_path / "a.db", **whole)
    run_study(objective, trials=9, store=tmp_path / "b.db", **whole)
    resumed = run_study(objective, trials=12, store=tmp_path / "b.db", **whole)
    assert [dict(t.params) for t in resumed.trials] == [dict(t.params) for t in straight.trials]
    assert resumed.best == straight.best


@pytest.mark.parametrize(
    ("change", "words"),
    [({"ops": ()}, "ops"), ({"stages": 1}, "stages"), ({"epochs": 3, "stages": 4}, "epochs")],
)
def test_an_impossible_space_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ScheduleSpace(**{"epochs": 12, **change})
