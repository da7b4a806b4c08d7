"""Run a search so that it can be killed at any moment and go on where it was.

A trial's number, draws, repeats and end are each on disk before the next thing happens. A trial
that a killed process left running keeps its number and draws; only its unfinished repeat is run
again.
"""

from __future__ import annotations

import math
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from variegate.errors import InputError, StoreError, VariegateError
from variegate.search.checks import check_arguments, check_space
from variegate.search.lock import locked
from variegate.search.methods import Cost, cost, derive, make_sampler
from variegate.search.records import (
    StudyResult,
    TrialRecord,
    best_of,
    read_trials,
    to_policy,
    to_record,
)
from variegate.search.space import Space, suggest
from variegate.search.space_json import space_to_dict
from variegate.search.store import open_study, store_errors

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

    from variegate.policy import Policy

__all__ = ["Objective", "Progress", "Scored", "run_study"]

# A search whose first trials all fail has a broken objective, not bad policies.
HOPELESS = 3


class Scored(Protocol):
    """What an objective returns; a `.loss` float is kept too where there is one."""

    @property
    def accuracy(self) -> float:
        """The score to make large."""


Objective = Callable[["Policy", int, int], Scored]


@dataclass(frozen=True)
class Progress:
    """What `on_trial` gets: once at the start (`record` is None) and after each finished trial.

    `done` counts finished trials, failed ones too; `seconds_each` is the median of a trial's
    objective time and `seconds_left` what that makes of the rest; both None until one has finished.
    """

    done: int
    total: int
    failed: int
    cost: Cost
    best: TrialRecord | None
    record: TrialRecord | None
    seconds_each: float | None
    seconds_left: float | None


@dataclass
class _Run:
    """The state of one call of `run_study`."""

    objective: Objective
    study: Study
    store: Path
    space: Space
    cost: Cost
    seeds: tuple[int, ...]
    tie_break: str
    on_trial: Callable[[Progress], object] | None
    finished: list[TrialRecord] = field(default_factory=list)
    open_numbers: list[int] = field(default_factory=list)


def run_study(
    objective: Objective,
    *,
    method: str,
    space: Space,
    trials: int | None = None,
    epochs: int,
    seed: int,
    store: Path | str,
    name: str,
    data: str = "",
    repeats: int = 1,
    tie_break: str = "earlier",
    on_trial: Callable[[Progress], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> StudyResult:
    """Search the space for the policy of the highest mean accuracy; resumes a stored study.

    `objective(policy, epochs, seed)` is called `repeats` times a trial, with the same seeds for
    every trial. `data` is the caller's fingerprint of the data: with space, method, seed, epochs
    and repeats it is the identity that a resume must share; `trials` may grow. `stop` is asked
    between trials. A trial that raises or gives no finite number is recorded as failed.
    Raises InputError, PolicyError (space), StoreError, and VariegateError when every trial fails.
    """
    check_arguments(epochs, repeats, trials, seed, name, tie_break)
    plan = cost(method, space, trials=trials, epochs=epochs, repeats=repeats)
    check_space(space)
    identity = {
        "data": data,
        "method": method,
        "seed": seed,
        "epochs": epochs,
        "repeats": repeats,
        "space": space_to_dict(space),
    }
    path = Path(store)
    with _quiet(), locked(path), open_study(path, name, identity) as study:
        study.sampler = make_sampler(method, space, seed)
        seeds = tuple(derive(seed, "repeat", index) >> 1 for index in range(repeats))
        run = _Run(objective, study, path, space, plan, seeds, tie_break, on_trial)
        return _search(run, stop)


def _search(run: _Run, stop: Callable[[], bool] | None) -> StudyResult:
    with store_errors(run.store, "reading the trials"):
        stored = read_trials(run.study.get_trials(deepcopy=False))
    run.finished = [t for t in stored if t.state in ("done", "failed")]
    run.open_numbers = [t.number for t in stored if t.state == "running"]
    _report(run, None)
    stopped, before = False, len(run.finished)
    while len(run.finished) < run.cost.trials:
        if stop is not None and stop():
            stopped = True
            break
        record = _one_trial(run)
        run.finished.append(record)
        _report(run, record)
        news = run.finished[before:]
        if len(news) >= HOPELESS and all(t.state == "failed" for t in run.finished):
            raise VariegateError(
                f"{run.store}: the first {len(news)} trials all failed: "
                f"{'; '.join(t.reason for t in news)}. "
                "Correct the cause and start again with another store or name"
            )
    run.finished.sort(key=lambda record: record.number)
    best = best_of(run.finished, run.tie_break)
    if best is None or best.policy is None or best.value is None:
        reasons = "; ".join(dict.fromkeys(t.reason for t in run.finished)) or "none was run"
        raise VariegateError(f"{run.store}: no trial succeeded: {reasons}")
    return StudyResult(best.policy, best.value, best.number, run.finished, run.cost, stopped)


def _one_trial(run: _Run) -> TrialRecord:
    """Draw, evaluate and finish one trial; one left running by a killed process goes first."""
    with store_errors(run.store, "drawing a trial"):
        trial = _next_trial(run)
        policy = suggest(trial, run.space)
        if trial.user_attrs.get("policy") != policy:
            trial.set_user_attr("policy", policy)
    saved = list(trial.user_attrs.get("repeats", []))
    reason = ""
    for index, seed in enumerate(run.seeds[len(saved) :], start=len(saved)):
        try:
            saved.append(_score(run.objective, to_policy(policy), run.cost.epochs, seed))
        except Exception as error:
            first_line = next(iter(str(error).splitlines()), "")
            reason = f"trial {trial.number}, repeat {index}: {type(error).__name__}: {first_line}"
            break
        with _whole_write(run, "saving a trial"):
            trial.set_user_attr("repeats", saved)
    with _whole_write(run, "finishing a trial"):
        return _finish(run, trial, saved, reason)


def _finish(run: _Run, trial: Trial, saved: list[dict[str, Any]], reason: str) -> TrialRecord:
    from optuna.trial import TrialState

    if reason:
        trial.set_user_attr("reason", reason)
        run.study.tell(trial, state=TrialState.FAIL)
    else:
        run.study.tell(trial, math.fsum(r["accuracy"] for r in saved) / len(saved))
    if not run.store.exists():
        raise StoreError(
            f"{run.store}: was moved or removed while the search ran. "
            "Put it back and run the same command again"
        )
    stored = run.study.get_trials(deepcopy=False)[trial.number]
    return to_record(stored)


def _next_trial(run: _Run) -> Trial:
    from optuna.trial import Trial

    if not run.open_numbers:
        return run.study.ask()
    number = run.open_numbers.pop(0)
    # What is stored of it is kept; a draw that is missing comes out as it would have, because no
    # draw depends on another (methods.py).
    frozen = run.study.get_trials(deepcopy=False)[number]
    return Trial(run.study, frozen._trial_id)


def _score(objective: Objective, policy: Policy, epochs: int, seed: int) -> dict[str, Any]:
    started = time.perf_counter()
    scores = objective(policy, epochs, seed)
    seconds = time.perf_counter() - started
    accuracy = float(scores.accuracy)
    if not math.isfinite(accuracy):
        raise InputError(f"the objective gave accuracy {accuracy}")
    loss = getattr(scores, "loss", None)
    loss = float(loss) if loss is not None and math.isfinite(float(loss)) else None
    return {"accuracy": accuracy, "loss": loss, "seconds": seconds}


def _report(run: _Run, record: TrialRecord | None) -> None:
    if run.on_trial is None:
        return
    times = [t.seconds for t in run.finished if t.state == "done" and t.seconds is not None]
    each = statistics.median(times) if times else None
    done = len(run.finished)
    left = None if each is None else each * max(0, run.cost.trials - done)
    failed = sum(t.state == "failed" for t in run.finished)
    best = best_of(run.finished, run.tie_break)
    run.on_trial(Progress(done, run.cost.trials, failed, run.cost, best, record, each, left))


@contextmanager
def _whole_write(run: _Run, doing: str) -> Iterator[None]:
    """A write that Ctrl-C does not cut short: the interrupt comes when the write is done."""
    came: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread() and callable(handler)
    if main:
        signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        with store_errors(run.store, doing):
            yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
    if came and callable(handler):
        handler(*came[-1])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's log lines out of the caller's terminal, and put its level back after."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
