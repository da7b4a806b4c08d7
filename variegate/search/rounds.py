"""What is due in a bracket of a search, from its trials alone: a pure function, so that a search
that was killed goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from variegate.search.records import Evaluation, TrialRecord, mean
from variegate.search.schedule import Rung

__all__ = ["Call", "Due", "best_of", "due", "rank"]


@dataclass(frozen=True)
class Call:
    """One call of the objective that is due: a trial's number, budget and seed."""

    number: int
    budget: int
    seed: int


@dataclass(frozen=True)
class Due:
    """Calls that may run now, in any order; trials that are dropped; trials that are done."""

    calls: tuple[Call, ...]
    dropped: tuple[int, ...] = ()
    done: tuple[int, ...] = ()


def due(
    members: Sequence[TrialRecord],
    rungs: Sequence[Rung],
    seeds: Sequence[int],
    tie_break: str = "earlier",
) -> Due:
    """What is due in a bracket with these trials; seeds are shared by all trials of a rung.

    A rung starts when every trial of the one before has been evaluated or has failed.
    """
    alive, dropped = list(members), list[int]()
    for place, rung in enumerate(rungs):
        wanted = seeds[: rung.repeats]
        calls = tuple(
            Call(trial.number, rung.budget, seed)
            for trial in alive
            if trial.state == "running"
            for seed in _missing(trial, rung.budget, wanted)
        )
        if calls or (place == 0 and len(members) < rung.trials):
            return Due(calls, tuple(dropped))
        whole = [trial for trial in alive if not _missing(trial, rung.budget, wanted)]
        if place + 1 == len(rungs):
            return Due((), tuple(dropped), _running(whole))
        ranked = sorted(whole, key=lambda t: rank(t.at(rung.budget), t.number, tie_break))
        kept = rungs[place + 1].trials
        alive = ranked[:kept]
        dropped += _running(ranked[kept:])
    return Due((), tuple(dropped))


def _missing(trial: TrialRecord, budget: int, seeds: Sequence[int]) -> list[int]:
    have = {e.seed for e in trial.at(budget)}
    return [seed for seed in seeds if seed not in have]


def _running(trials: Iterable[TrialRecord]) -> tuple[int, ...]:
    return tuple(trial.number for trial in trials if trial.state == "running")


def rank(
    evaluations: Sequence[Evaluation], number: int, tie_break: str = "earlier"
) -> tuple[float, float, int]:
    """A key that sorts the best first: the mean value, the loss if asked, then the number."""
    losses = [e.loss for e in evaluations if e.loss is not None]
    use_loss = tie_break == "loss" and losses and len(losses) == len(evaluations)
    loss = mean(losses) if use_loss else float("inf")
    return -mean(e.value for e in evaluations), loss, number


def best_of(
    trials: Iterable[TrialRecord], count: int = 1, tie_break: str = "earlier"
) -> list[TrialRecord]:
    """The `count` best of the trials that came through all rungs, best first."""
    done = [t for t in trials if t.state == "done" and t.budget is not None]
    ranked = sorted(done, key=lambda t: rank(t.at(t.budget or 0), t.number, tie_break))
    return ranked[:count]
