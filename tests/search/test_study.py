"""What a search counts, reports, repeats, fails on and picks; and what its methods draw."""

from __future__ import annotations

import logging
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.search.toy import SPACE, Score, summary, toy_score
from variegate.errors import InputError, PolicyError, VariegateError
from variegate.policy import Policy
from variegate.search import (
    Family,
    FamilySpace,
    OpRange,
    Progress,
    RandAugmentSpace,
    cost,
    history,
    run_study,
)
from variegate.search.methods import make_sampler


def plain(policy: Policy, budget: int, seed: int) -> Score:
    """The toy value, without a log or a delay."""
    return toy_score(policy, seed)


def run(folder: Path, objective: Any = plain, **changes: Any) -> Any:
    """A short random search."""
    settings: dict[str, Any] = {
        "method": "random",
        "space": SPACE,
        "trials": 6,
        "epochs": 2,
        "seed": 4,
        "store": folder / "study.db",
        "name": "a",
    }
    return run_study(objective, **{**settings, **changes})


def test_grid_covers_every_cell_once(tmp_path: Path) -> None:
    space = RandAugmentSpace(num_ops=(1, 2, 3), magnitudes=(0.2, 0.8))
    plan = cost("grid", space, trials=None, epochs=2, repeats=3)
    assert (plan.trials, plan.trainings) == (6, 18)
    assert "6 trials x 3 repeats = 18 trainings of 2 epochs" in str(plan)
    first = run(tmp_path, method="grid", space=space, trials=4)
    assert first.cost.note == "4 of 6 cells, in shuffled order"
    result = run(tmp_path, method="grid", space=space, trials=99)
    cells = [(t.params["num_ops"], t.params["magnitude"]) for t in result.trials]
    assert sorted(cells) == sorted(product((1, 2, 3), (0.2, 0.8)))


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_same_seed_same_search_and_another_seed_another(tmp_path: Path, method: str) -> None:
    space = RandAugmentSpace() if method == "grid" else SPACE
    a, b, c = (
        run(tmp_path, method=method, space=space, name=name, seed=seed, trials=12)
        for name, seed in (("a", 4), ("b", 4), ("c", 5))
    )
    assert summary(a) == summary(b)
    assert [t.params for t in a.trials] != [t.params for t in c.trials]


def test_more_trials_go_on_where_fewer_ended(tmp_path: Path) -> None:
    whole = run(tmp_path, method="tpe", trials=13, store=tmp_path / "whole.db")
    run(tmp_path, method="tpe", trials=11)
    assert summary(run(tmp_path, method="tpe", trials=13)) == summary(whole)
    assert len(run(tmp_path, method="tpe", trials=5).trials) == 13


def planted(trial: Any) -> float:
    """Five numbers with one best place."""
    best = (0.15, 0.8, 0.35, 0.6, 0.9)
    return -sum((trial.suggest_float(f"x{i}", 0.0, 1.0) - b) ** 2 for i, b in enumerate(best))


def best_found(method: str, seed: int) -> float:
    """The best planted value of 40 trials in memory."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=make_sampler(method, SPACE, seed))
    for _ in range(40):
        trial = study.ask()
        study.tell(trial, planted(trial))
    optuna.logging.set_verbosity(level)
    return study.best_value


def test_tpe_beats_random_on_a_planted_function() -> None:
    pairs = [(best_found("tpe", seed), best_found("random", seed)) for seed in range(10)]
    assert sum(tpe > luck for tpe, luck in pairs) >= 8, pairs
    assert sum(t for t, _ in pairs) > 0.6 * sum(r for _, r in pairs), pairs


def test_repeats_share_their_seeds_and_are_averaged(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def noted(policy: Policy, budget: int, seed: int) -> Score:
        seen.append((repr(policy), budget, seed))
        return Score((seed % 1000) / 1000, loss=seed % 7)

    result = run(tmp_path, noted, trials=3, repeats=3)
    seeds = [seed for _, _, seed in seen]
    assert len(set(seeds[:3])) == 3
    assert seeds == seeds[:3] * 3
    assert {budget for _, budget, _ in seen} == {2}
    record = result.trials[0]
    assert record.accuracies == tuple((s % 1000) / 1000 for s in seeds[:3])
    assert record.value == pytest.approx(sum(record.accuracies) / 3)
    assert record.loss == pytest.approx(sum(s % 7 for s in seeds[:3]) / 3)
    assert record.seconds is not None
    assert history(tmp_path / "study.db", "a") == result.trials


def test_equal_values_go_to_the_earlier_trial_or_the_lower_loss(tmp_path: Path) -> None:
    losses = iter([0.5, 0.1, 0.3, 0.1, 0.5, 0.1])

    def flat(policy: Policy, budget: int, seed: int) -> Score:
        return Score(0.5, loss=next(losses))

    assert run(tmp_path, flat).best_number == 0
    assert run(tmp_path, flat, tie_break="loss").best_number == 1


def failing(*bad: int) -> Any:
    """An objective that fails at these calls: odd ones raise, even ones give NaN."""
    calls = iter(range(100))

    def evaluate(policy: Policy, budget: int, seed: int) -> Score:
        call = next(calls)
        if call in bad and call % 2:
            raise ArithmeticError(f"call {call}\nsecond line")
        return Score(float("nan") if call in bad else 0.5)

    return evaluate


def test_a_failed_trial_is_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    result = run(tmp_path, failing(0, 3))
    assert [t.state for t in result.trials] == ["failed", "done", "done", "failed", "done", "done"]
    assert "gave accuracy nan" in result.trials[0].reason
    assert result.trials[3].reason == "trial 3, repeat 0: ArithmeticError: call 3"
    assert result.trials[3].value is None
    assert result.best_number == 1
    again = run(tmp_path, failing(0))
    assert again.trials == result.trials


def test_three_failures_at_the_start_end_the_search(tmp_path: Path) -> None:
    with pytest.raises(VariegateError, match=r"first 3 trials all failed: .*call 1") as caught:
        run(tmp_path, failing(0, 1, 2, 3))
    assert "study.db" in str(caught.value)
    assert [t.state for t in history(tmp_path / "study.db", "a")] == ["failed"] * 3
    assert run(tmp_path, plain).best_number >= 3, "with the cause corrected it goes on"


def test_no_success_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VariegateError, match="no trial succeeded"):
        run(tmp_path, failing(0, 1), trials=2)


def test_progress_counts_up_and_knows_the_best(tmp_path: Path) -> None:
    run(tmp_path, trials=2)
    events: list[Progress] = []
    result = run(tmp_path, trials=5, on_trial=events.append)
    assert [(e.done, e.total) for e in events] == [(2, 5), (3, 5), (4, 5), (5, 5)]
    assert [None if e.record is None else e.record.number for e in events] == [None, 2, 3, 4]
    last = events[-1]
    assert last.best is not None
    assert last.best.value == result.best_value
    assert last.seconds_left == 0
    assert events[1].seconds_each is not None
    assert events[1].seconds_left == pytest.approx(2 * events[1].seconds_each)


def test_stop_ends_between_trials_and_a_resume_goes_on(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    stopped = run(tmp_path, stop=lambda: next(asked))
    assert (stopped.stopped, len(stopped.trials)) == (True, 2)
    whole = run(tmp_path)
    assert (whole.stopped, len(whole.trials)) == (False, 6)
    assert whole.trials[:2] == stopped.trials


def test_optuna_is_silent_and_its_level_is_put_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import optuna

    level = optuna.logging.get_verbosity()
    run(tmp_path, failing(1))
    assert optuna.logging.get_verbosity() == level == logging.INFO
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"trials": 0},
        {"trials": None},
        {"epochs": 0},
        {"epochs": 1.5},
        {"repeats": True},
        {"seed": -1},
        {"name": ""},
        {"tie_break": "later"},
        {"method": "guess"},
        {"method": "grid"},
    ],
)
def test_illegal_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        run(tmp_path, **changes)
    assert not list(tmp_path.iterdir())


def test_an_unknown_op_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    space = FamilySpace((Family("a", (OpRange("Rotate"), OpRange("Rotates"))),))
    with pytest.raises(PolicyError, match="Rotates"):
        run(tmp_path, space=space)
    assert not list(tmp_path.iterdir())
