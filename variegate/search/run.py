"""The state of a running search, what is told about it, and the loop that keeps workers busy."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from variegate.search.executors import Done, Executor
from variegate.search.methods import Cost
from variegate.search.records import FINAL, Evaluation, Finalist, TrialRecord, to_evaluations
from variegate.search.rounds import best_of
from variegate.search.space import Space

if TYPE_CHECKING:
    from optuna.study import Study

    from variegate.policy import Policy

__all__ = ["Progress", "Run", "Task", "drive", "order", "report"]


@dataclass(frozen=True)
class Progress:
    """What `on_trial` gets: once at the start (`record` is None), after each finished trial, and
    after each entry of the final round (`finalist`).

    `done` counts finished trials, failed ones too; `seconds_each` is the median of a trial's
    objective time and `seconds_left` what the rest of the search will take; both None until one has
    finished.
    """

    done: int
    total: int
    failed: int
    cost: Cost
    best: TrialRecord | None
    record: TrialRecord | None
    seconds_each: float | None
    seconds_left: float | None
    finalist: Finalist | None = None


@dataclass(frozen=True)
class Task:
    """One call of the objective: for a trial (`key` is a Call) or a finalist (place and seed)."""

    key: Hashable
    policy: Policy
    budget: int
    seed: int


@dataclass
class Run:
    """The state of one call of `run_study`.

    window: brackets that may be under way. records: every trial by number, as it is stored. first:
    the first bracket that has not ended. before: how many trials had ended at the start.
    """

    executor: Executor
    window: int
    study: Study
    store: Path
    space: Space
    cost: Cost
    seeds: tuple[int, ...]
    final_seeds: tuple[int, ...]
    controls: Mapping[str, Policy]
    tie_break: str
    on_trial: Callable[[Progress], object] | None
    records: dict[int, TrialRecord] = field(default_factory=dict)
    first: int = 0
    before: int = 0

    @property
    def finished(self) -> list[TrialRecord]:
        """Trials that have ended, in order."""
        return [t for _, t in sorted(self.records.items()) if t.state != "running"]


def drive(
    run: Run,
    due_now: Callable[[], Iterable[Task]],
    keep: Callable[[Done], None],
    stop: Callable[[], bool] | None,
) -> bool:
    """Keep every worker at what is due until nothing is; False when it was stopped."""
    flying: set[Hashable] = set()
    stopped = False
    while True:
        for task in due_now():
            if task.key in flying:
                continue
            stopped = stopped or (stop is not None and stop())
            if stopped:
                break
            run.executor.submit(task.key, task.policy, task.budget, task.seed)
            flying.add(task.key)
            if len(flying) >= run.executor.workers:
                break
        if not flying:
            return not stopped
        done = run.executor.wait()
        flying.discard(done.key)
        keep(done)


def order(seeds: tuple[int, ...], call: Evaluation) -> tuple[int, int]:
    """Where a call would stand had all run one after the other."""
    return call.budget, seeds.index(call.seed)


def report(run: Run, record: TrialRecord | None, finalist: Finalist | None = None) -> None:
    if run.on_trial is None:
        return
    finished = run.finished
    ended = [t for t in finished if t.state in ("done", "dropped")]
    times = [t.seconds for t in ended if t.seconds is not None]
    each = statistics.median(times) if times else None
    failed = sum(t.state == "failed" for t in finished)
    best = next(iter(best_of(finished, 1, run.tie_break)), None)
    left = None if each is None else _seconds_left(run, each)
    total = run.cost.trials
    run.on_trial(
        Progress(len(finished), total, failed, run.cost, best, record, each, left, finalist)
    )


def _seconds_left(run: Run, each: float) -> float:
    """What is left: trials where all are alike, else epochs at the seconds that epochs took."""
    plan = run.cost.schedule
    if plan.final is None and len(plan.rungs) == 1:
        return each * max(0, plan.trials - len(run.finished))
    calls = [e for t in run.records.values() for e in t.evaluations]
    for key, data in run.study.user_attrs.items():
        if key.startswith(FINAL):
            calls += to_evaluations(data["evaluations"])
    spent = sum(e.budget for e in calls)
    return sum(e.seconds for e in calls) / spent * max(0, plan.epochs - spent)
