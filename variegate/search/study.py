"""Run a search so that it can be killed at any moment and go on where it was.

A trial's number, draws, evaluations and end are each on disk before the next thing happens. A trial
that a killed process left running keeps its number and draws; only its unfinished evaluation is run
again. What is due next is worked out from what is stored, by `rounds` and `final`.

Calls of the objective run on an executor's workers; this process alone writes. At most `window`
brackets are under way, and a bracket is drawn from exactly the trials of those that are `window` or
more before it, however soon the others end. So the end depends on the window, which is stored, and
on nothing that happens to the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError, StoreError, VariegateError
from variegate.search.checks import check_arguments, check_space
from variegate.search.executors import Done, Executor, check_executor, open_executor
from variegate.search.final_round import final_round, is_short
from variegate.search.interrupt import whole_write
from variegate.search.lock import locked
from variegate.search.methods import METHODS, Cost, cost, derive, make_sampler
from variegate.search.objective import Objective, Scored, measure
from variegate.search.records import (
    Finalist,
    StudyResult,
    TrialRecord,
    mean,
    read_trials,
    to_record,
)
from variegate.search.rounds import Call, best_of, due
from variegate.search.run import Progress, Run, Task, drive, order, report
from variegate.search.schedule import Schedule
from variegate.search.space import Space, suggest
from variegate.search.space_json import space_to_dict
from variegate.search.store import identity_of, open_study, store_errors
from variegate.search.sub_policies import joined

if TYPE_CHECKING:
    from optuna.trial import Trial

    from variegate.policy import Policy

__all__ = ["Objective", "Progress", "Scored", "run_study"]

# A search whose first trials all fail has a broken objective, not bad policies.
HOPELESS = 3


def run_study(
    objective: Objective,
    *,
    method: str,
    space: Space,
    trials: int | None = None,
    epochs: int = 1,
    seed: int,
    store: Path | str,
    name: str,
    data: str = "",
    repeats: int = 1,
    schedule: Schedule | None = None,
    controls: Mapping[str, Policy] | None = None,
    tie_break: str = "earlier",
    on_trial: Callable[[Progress], object] | None = None,
    stop: Callable[[], bool] | None = None,
    executor: str = "local",
    workers: int | None = None,
    cores: int = 1,
) -> StudyResult:
    """Search the space for the policy of the highest mean accuracy; resumes a stored study.

    `objective(policy, budget, seed)` is called at the budgets (epochs) of `schedule`, with the same
    seeds for every trial; without a schedule `repeats` times a trial at `epochs`. `controls` are
    policies by name that take part in the schedule's final round. `data` is the caller's
    fingerprint of the data: with space, method, seed, schedule and controls it is the identity that
    a resume must share; the number of trials may grow. `stop` is asked before each evaluation. A
    trial that raises or gives no finite number is recorded as failed. `executor` (local, processes,
    ray, ray:ADDRESS) runs the calls on `workers` workers of `cores` cores each; a resume may use
    another executor and number of workers, and ends the same.
    Raises InputError, PolicyError (space), StoreError, and VariegateError when every trial fails.
    """
    check_arguments(epochs, repeats, trials, seed, name, tie_break)
    check_executor(executor, workers)
    known = dict(controls or {})
    plan = cost(method, space, trials=trials, epochs=epochs, repeats=repeats, schedule=schedule)
    if plan.schedule.controls != len(known):
        raise InputError(
            f"controls: the schedule counts {plan.schedule.controls}, got {len(known)}"
        )
    check_space(space)
    identity = _identity(plan, data, seed, space, known)
    path, call = Path(store), partial(measure, objective)
    make = partial(
        Run,
        store=path,
        space=space,
        cost=plan,
        controls=known,
        tie_break=tie_break,
        on_trial=on_trial,
    )
    team = open_executor(executor, call, workers=workers, cores=cores)
    with _quiet(), locked(path), team as made, _run(make, made, name, identity, seed) as run:
        return _search(run, stop)


@contextmanager
def _run(
    make: partial[Run], team: Executor, name: str, identity: dict[str, Any], seed: int
) -> Iterator[Run]:
    """The run over an opened study, with the window that is stored or fits the workers."""
    store, plan, space = make.keywords["store"], make.keywords["cost"], make.keywords["space"]
    window = _window(store, name, plan.schedule, team.workers)
    if window > 1:
        identity["window"] = window
    with open_study(store, name, identity) as study:
        size = plan.schedule.rungs[0].trials
        study.sampler = make_sampler(plan.method, space, seed, size, window)
        first, last = _seeds(plan.schedule, seed)
        yield make(executor=team, window=window, study=study, seeds=first, final_seeds=last)


def _identity(
    plan: Cost, data: str, seed: int, space: Space, controls: Mapping[str, Policy]
) -> dict[str, Any]:
    """What a resume must share."""
    identity: dict[str, Any] = {
        "data": data,
        "method": plan.method,
        "seed": seed,
        **plan.schedule.identity(),
        "space": space_to_dict(space),
    }
    if controls:
        identity["controls"] = {key: policy.to_dict() for key, policy in controls.items()}
    return identity


def _seeds(schedule: Schedule, seed: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The seeds that all trials share, and those of the final round."""
    count = max(rung.repeats for rung in schedule.rungs)
    last = schedule.final.repeats if schedule.final else 0
    return (
        tuple(derive(seed, "repeat", index) >> 1 for index in range(count)),
        tuple(derive(seed, "final", index) >> 1 for index in range(last)),
    )


def _window(store: Path, name: str, schedule: Schedule, workers: int) -> int:
    """The brackets under way: as stored, or so many that each worker has a call to run."""
    stored = identity_of(store, name)
    if stored is not None:
        return int(stored.get("window", 1))
    return -(-workers // schedule.rungs[0].trainings)


def _search(run: Run, stop: Callable[[], bool] | None) -> StudyResult:
    with store_errors(run.store, "reading the trials"):
        stored = read_trials(run.study.get_trials(deepcopy=False))
    run.records = {trial.number: trial for trial in stored}
    run.before = len(run.finished)
    report(run, None)
    stopped = not drive(run, partial(_due, run), partial(_keep, run), stop)
    finalists, verdict = ([], "") if stopped else final_round(run, stop)
    return _result(run, finalists, verdict, stopped or is_short(run, finalists))


def _due(run: Run) -> list[Task]:
    """The calls that may run now, after everything that ends or starts without one."""
    calls: list[Call] = []
    place = run.first
    while place < min(run.first + run.window, run.cost.schedule.brackets):
        now = _bracket(run, place)
        calls += now or ()
        if now is None and place == run.first:
            run.first += 1
        place += 1
    return [_task(run, call) for call in calls]


def _task(run: Run, call: Call) -> Task:
    policy = run.records[call.number].policy
    if policy is None:
        raise StoreError(f"{run.store}: trial {call.number} has no policy. Use another store")
    return Task(call, policy, call.budget, call.seed)


def _bracket(run: Run, place: int) -> tuple[Call, ...] | None:
    """Draw what a bracket lacks and end what has ended; its due calls, or None when it is over."""
    rungs = run.cost.schedule.rungs
    numbers = range(place * rungs[0].trials, (place + 1) * rungs[0].trials)
    for number in numbers:
        # A trial whose draws a killed process left half done has no policy yet.
        if number not in run.records or run.records[number].policy is None:
            _draw(run, number if number in run.records else None)
    while True:
        now = due([run.records[n] for n in numbers], rungs, run.seeds, run.tie_break)
        if not now.dropped and not now.done:
            return now.calls or None
        for number in now.dropped + now.done:
            _end(run, number)


def _draw(run: Run, number: int | None) -> None:
    """Draw a trial, or what a killed process left undrawn of one, and keep its policy."""
    with store_errors(run.store, "drawing a trial"):
        trial = run.study.ask() if number is None else _open(run, number)
        trial.set_user_attr("policy", suggest(trial, run.space))
    _read(run, trial.number)


def _open(run: Run, number: int) -> Trial:
    from optuna.trial import Trial

    # What is stored of it is kept; a draw that is missing comes out as it would have, because no
    # draw depends on another (methods.py).
    return Trial(run.study, run.study.get_trials(deepcopy=False)[number]._trial_id)


def _read(run: Run, number: int) -> TrialRecord:
    record = to_record(run.study.get_trials(deepcopy=False)[number])
    run.records[number] = record
    return record


def _keep(run: Run, done: Done) -> None:
    """Keep what a call gave, on disk before anything else; one that failed ends its trial."""
    call = done.key
    if not isinstance(call, Call):
        raise TypeError(call)
    record = run.records[call.number]
    if record.state != "running":
        return  # another call of this trial failed meanwhile
    if done.error:
        place = len(record.evaluations)
        _end(run, call.number, f"trial {call.number}, repeat {place}: {done.error}")
        return
    rows = sorted((*record.evaluations, done.value), key=partial(order, run.seeds))
    with whole_write(run.store, "saving a trial"):
        _open(run, call.number).set_user_attr("evaluations", [asdict(e) for e in rows])
    _read(run, call.number)


def _end(run: Run, number: int, reason: str = "") -> None:
    """Finish a trial, tell about it, and give up where every trial of this call has failed."""
    with whole_write(run.store, "finishing a trial"):
        record = _finish(run, number, reason)
    report(run, record)
    news = run.finished[run.before :]
    if len(news) >= HOPELESS and all(t.state == "failed" for t in run.finished):
        raise VariegateError(
            f"{run.store}: the first {len(news)} trials all failed: "
            f"{'; '.join(t.reason for t in news)}. "
            "Correct the cause and start again with another store or name"
        )


def _finish(run: Run, number: int, reason: str) -> TrialRecord:
    from optuna.trial import TrialState

    trial, record = _open(run, number), run.records[number]
    top = record.at(record.budget or 0)
    if reason:
        trial.set_user_attr("reason", reason)
        run.study.tell(trial, state=TrialState.FAIL)
    elif record.budget == run.cost.schedule.rungs[-1].budget and _came_through(run, record):
        run.study.tell(trial, mean(e.value for e in top))
    else:
        trial.report(mean(e.value for e in top), step=record.budget or 0)
        run.study.tell(trial, state=TrialState.PRUNED)
    if not run.store.exists():
        raise StoreError(
            f"{run.store}: was moved or removed while the search ran. "
            "Put it back and run the same command again"
        )
    return _read(run, number)


def _came_through(run: Run, record: TrialRecord) -> bool:
    last = run.cost.schedule.rungs[-1]
    have = {e.seed for e in record.at(last.budget)}
    return set(run.seeds[: last.repeats]) <= have


def _result(run: Run, finalists: list[Finalist], verdict: str, stopped: bool) -> StudyResult:
    best = next(iter(best_of(run.finished, 1, run.tie_break)), None)
    if best is None or best.policy is None or best.value is None:
        reasons = "; ".join(dict.fromkeys(t.reason for t in run.finished if t.reason))
        raise VariegateError(f"{run.store}: no trial succeeded: {reasons or 'none was run'}")
    policy, value = best.policy, best.value
    number: int | None = best.number
    join = METHODS[run.cost.method].join
    if join > 1:
        top = best_of(run.finished, join, run.tie_break)
        policy = joined(t.policy for t in top if t.policy is not None)
        verdict = f"the sub-policies of the best {len(top)} trials; not trained together yet"
    elif verdict and finalists[0].evaluations:
        winner = finalists[0]
        policy, value, number = winner.policy, mean(winner.accuracies), winner.number
    return StudyResult(policy, value, number, run.finished, run.cost, stopped, finalists, verdict)


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
