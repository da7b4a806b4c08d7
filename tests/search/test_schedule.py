"""Rungs, brackets and the final round: who is evaluated at which budget, and what is chosen."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.search.test_study import run
from tests.search.toy import Score, text_of, toy_score
from variegate.errors import InputError, VariegateError
from variegate.policy import Policy, as_policy
from variegate.policy.nodes import TrivialAugment
from variegate.search import Rung, Schedule, cost, history
from variegate.search.space import RandAugmentSpace

HALVING = Schedule(2, (Rung(6, 2), Rung(3, 4), Rung(1, 8, 2)))
NONE, TRIVIAL = Policy(), as_policy(TrivialAugment())


class Recorder:
    """The toy objective, weaker with fewer epochs; notes its calls."""

    def __init__(self, boost: float = 0.0) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.boost = boost

    def __call__(self, policy: Policy, budget: int, seed: int) -> Score:
        self.calls.append((text_of(policy), budget, seed))
        control = self.boost if policy in (NONE, TRIVIAL) else 0.0
        return Score(toy_score(policy, seed).accuracy + 0.01 * budget + control)


def halving(folder: Path, objective: Any, **changes: Any) -> Any:
    return run(folder, objective, trials=None, schedule=HALVING, **changes)


def test_the_best_half_goes_on_to_the_next_budget(tmp_path: Path) -> None:
    noted = Recorder()
    result = halving(tmp_path, noted)
    assert Counter(budget for _, budget, _ in noted.calls) == {2: 12, 4: 6, 8: 4}
    assert len(noted.calls) == HALVING.trainings
    assert sum(budget for _, budget, _ in noted.calls) == HALVING.epochs
    for first in (0, 6):
        bracket = result.trials[first : first + 6]
        ranked = sorted(bracket, key=lambda t: (-t.at(2)[0].accuracy, t.number))
        assert {t.number for t in bracket if t.at(4)} == {t.number for t in ranked[:3]}
        again = sorted(ranked[:3], key=lambda t: (-t.at(4)[0].accuracy, t.number))
        assert [t.number for t in bracket if t.state == "done"] == [again[0].number]
        assert again[0].budget == 8
        assert len(again[0].accuracies) == 2
        assert {t.state for t in ranked[3:]} == {"dropped"}
        assert all(t.value == t.at(2)[0].accuracy for t in ranked[3:])
    done = [t for t in result.trials if t.state == "done"]
    assert result.best_number == max(done, key=lambda t: (t.value, -t.number)).number


def test_trials_of_a_rung_share_their_seeds(tmp_path: Path) -> None:
    noted = Recorder()
    halving(tmp_path, noted)
    seeds = {budget: {s for _, b, s in noted.calls if b == budget} for budget in (2, 4, 8)}
    assert len(seeds[2]) == len(seeds[4]) == 1
    assert len(seeds[8]) == 2
    assert seeds[2] == seeds[4] < seeds[8]


@pytest.mark.parametrize("after", [1, 9, 20])
def test_a_halving_that_is_broken_off_ends_like_one_that_is_not(tmp_path: Path, after: int) -> None:
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = halving(tmp_path / "whole", Recorder())
    first = Recorder()
    # Whether a bracket was whole by then or not, what there is was kept.
    with suppress(VariegateError):
        halving(tmp_path / "broken", first, stop=lambda: len(first.calls) >= after)
    second = Recorder()
    resumed = halving(tmp_path / "broken", second)
    assert strip(resumed.trials) == strip(whole.trials)
    assert len(first.calls) + len(second.calls) == HALVING.trainings


def strip(trials: Any) -> list[Any]:
    """Trials without their seconds."""

    def calls(trial: Any) -> list[Any]:
        return [(e.budget, e.seed, e.accuracy) for e in trial.evaluations]

    return [(t.number, t.state, t.params, t.value, calls(t)) for t in trials]


def test_a_trial_that_fails_higher_up_is_not_replaced(tmp_path: Path) -> None:
    calls = iter(range(100))

    def failing(policy: Policy, budget: int, seed: int) -> Score:
        if next(calls) == 6:  # the first call of the second rung
            raise ArithmeticError("too hot")
        return Score(toy_score(policy, seed).accuracy)

    result = run(tmp_path, failing, trials=None, schedule=Schedule(1, HALVING.rungs))
    assert Counter(t.state for t in result.trials) == {"failed": 1, "done": 1, "dropped": 4}
    assert sum(bool(t.at(4)) for t in result.trials) == 2


FINAL = Schedule(5, (Rung(1, 2),), Rung(2, 4, 3), controls=2)
CONTROLS = {"none": NONE, "trivial": TRIVIAL}


@pytest.mark.parametrize(("boost", "kept"), [(-1.0, False), (1.0, True)])
def test_the_final_round_chooses_between_trials_and_controls(
    tmp_path: Path, boost: float, kept: bool
) -> None:
    noted = Recorder(boost)
    result = run(tmp_path, noted, trials=None, schedule=FINAL, controls=CONTROLS)
    assert Counter(budget for _, budget, _ in noted.calls) == {2: 5, 4: 10}
    searched = {s for _, b, s in noted.calls if b == 2}
    finals = {s for _, b, s in noted.calls if b == 4}
    assert len(finals) == 3
    assert not searched & finals, "the final round needs seeds that chose nothing"
    assert (result.best_number is None) is kept
    assert (result.best in CONTROLS.values()) is kept
    assert ("it is significantly better and taken" in result.verdict) is kept
    assert sorted(len(f.evaluations) for f in result.finalists) == [1, 3, 3, 3]
    assert len(result.finalists[-1].evaluations) == 1, "the weaker control stops after one seed"
    again = Recorder(boost)
    assert run(tmp_path, again, trials=None, schedule=FINAL, controls=CONTROLS) == result
    assert not again.calls


def test_a_final_round_that_is_broken_off_goes_on(tmp_path: Path) -> None:
    first = Recorder()
    stop = {"stop": lambda: len(first.calls) >= 9}
    arguments: dict[str, Any] = {"trials": None, "schedule": FINAL, "controls": CONTROLS}
    part = run(tmp_path, first, **arguments, **stop)
    assert part.stopped
    assert part.best_number is not None
    second = Recorder()
    assert not run(tmp_path, second, **arguments).stopped
    assert len(first.calls) + len(second.calls) == FINAL.trainings


def test_other_controls_or_rungs_are_another_search(tmp_path: Path) -> None:
    run(tmp_path, Recorder(), trials=None, schedule=FINAL, controls=CONTROLS)
    other = Schedule(5, (Rung(1, 2),), Rung(2, 5, 3), controls=2)
    for schedule, controls in ((other, CONTROLS), (FINAL, {"a": NONE, "trivial": TRIVIAL})):
        with pytest.raises(Exception, match="of another search"):
            run(tmp_path, Recorder(), trials=None, schedule=schedule, controls=controls)


def test_the_cost_counts_epochs_and_says_so() -> None:
    plan = cost("random", RandAugmentSpace(), schedule=HALVING)
    assert (plan.trials, plan.trainings, plan.schedule.epochs) == (12, 22, 80)
    assert plan.full_trainings == 10
    assert str(plan) == (
        "random: 2 times 6 trials of 2 epochs -> 3 trials of 4 epochs -> 1 trials x 2 of 8 epochs; "
        "in all as much as 10 trainings of 8"
    )
    assert FINAL.trainings == 5 + 3 * 3 + 1
    assert FINAL.epochs == 5 * 2 + (3 * 3 + 1) * 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rung(0, 1),
        lambda: Rung(1, 1, True),
        lambda: Schedule(1, ()),
        lambda: Schedule(0, (Rung(1, 1),)),
        lambda: Schedule(1, (Rung(2, 2), Rung(3, 4))),
        lambda: Schedule(1, (Rung(3, 4), Rung(2, 2))),
    ],
)
def test_impossible_schedules_are_refused(make: Any) -> None:
    with pytest.raises(InputError):
        make()


def test_controls_must_be_those_that_the_schedule_counts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the schedule counts 2, got 1"):
        run(tmp_path, Recorder(), trials=None, schedule=FINAL, controls={"none": NONE})
    assert not list(tmp_path.iterdir())


def test_the_store_shows_every_budget(tmp_path: Path) -> None:
    result = halving(tmp_path, Recorder())
    stored = history(tmp_path / "study.db", "a")
    assert stored == result.trials
    assert {e.budget for t in stored for e in t.evaluations} == {2, 4, 8}
