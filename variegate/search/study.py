"""Run a search so that it can be killed at any moment and go on where it was.

A trial's number, draws, evaluations and end are each on disk before the next thing happens. A trial
that a killed process left running keeps its number and draws; only its unfinished evaluation is run
again. What is due next is worked out from what is stored, by `rounds` and `final`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError, StoreError, VariegateError
from variegate.search import final
from variegate.search.checks import check_arguments, check_space
from variegate.search.interrupt import whole_write
from variegate.search.lock import locked
from variegate.search.methods import METHODS, Cost, cost, derive, make_sampler
from variegate.search.objective import Objective, Scored, measure, said
from variegate.search.records import (
    FINAL,
    Evaluation,
    Finalist,
    StudyResult,
    TrialRecord,
    mean,
    read_trials,
    to_record,
)
from variegate.search.rounds import Call, best_of, due
from variegate.search.schedule import Schedule
from variegate.search.space import Space, suggest
from variegate.search.space_json import space_to_dict
from variegate.search.store import open_study, store_errors
from variegate.search.sub_policies import joined

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

    from variegate.policy import Policy

__all__ = ["Objective", "Progress", "Scored", "run_study"]

# A search whose first trials all fail has a broken objective, not bad policies.
HOPELESS = 3


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


@dataclass
class _Run:
    """The state of one call of `run_study`. records: every trial by number, as it is stored."""

    objective: Objective
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

    @property
    def finished(self) -> list[TrialRecord]:
        """Trials that have ended, in order."""
        return [t for _, t in sorted(self.records.items()) if t.state != "running"]


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
) -> StudyResult:
    """Search the space for the policy of the highest mean accuracy; resumes a stored study.

    `objective(policy, budget, seed)` is called at the budgets (epochs) of `schedule`, with the same
    seeds for every trial; without a schedule `repeats` times a trial at `epochs`. `controls` are
    policies by name that take part in the schedule's final round. `data` is the caller's
    fingerprint of the data: with space, method, seed, schedule and controls it is the identity that
    a resume must share; the number of trials may grow. `stop` is asked before each evaluation. A
    trial that raises or gives no finite number is recorded as failed.
    Raises InputError, PolicyError (space), StoreError, and VariegateError when every trial fails.
    """
    check_arguments(epochs, repeats, trials, seed, name, tie_break)
    known = dict(controls or {})
    plan = cost(method, space, trials=trials, epochs=epochs, repeats=repeats, schedule=schedule)
    if plan.schedule.controls != len(known):
        raise InputError(
            f"controls: the schedule counts {plan.schedule.controls}, got {len(known)}"
        )
    check_space(space)
    identity = _identity(data, method, seed, plan, space, known)
    path = Path(store)
    with _quiet(), locked(path), open_study(path, name, identity) as study:
        study.sampler = make_sampler(method, space, seed)
        count = max(rung.repeats for rung in plan.schedule.rungs)
        last = plan.schedule.final
        run = _Run(
            objective=objective,
            study=study,
            store=path,
            space=space,
            cost=plan,
            seeds=tuple(derive(seed, "repeat", index) >> 1 for index in range(count)),
            final_seeds=tuple(
                derive(seed, "final", index) >> 1 for index in range(last.repeats if last else 0)
            ),
            controls=known,
            tie_break=tie_break,
            on_trial=on_trial,
        )
        return _search(run, stop)


def _identity(
    data: str, method: str, seed: int, plan: Cost, space: Space, known: Mapping[str, Policy]
) -> dict[str, Any]:
    """What makes a search the same search."""
    identity: dict[str, Any] = {
        "data": data,
        "method": method,
        "seed": seed,
        **plan.schedule.identity(),
        "space": space_to_dict(space),
    }
    if known:
        identity["controls"] = {key: policy.to_dict() for key, policy in known.items()}
    return identity


def _search(run: _Run, stop: Callable[[], bool] | None) -> StudyResult:
    with store_errors(run.store, "reading the trials"):
        stored = read_trials(run.study.get_trials(deepcopy=False))
    run.records = {trial.number: trial for trial in stored}
    before = len(run.finished)
    _report(run, None)
    stopped = not all(
        _bracket(run, place, before, stop) for place in range(run.cost.schedule.brackets)
    )
    finalists, verdict = ([], "") if stopped else _final(run, stop)
    return _result(run, finalists, verdict, stopped or _is_short(run, finalists))


def _bracket(run: _Run, place: int, before: int, stop: Callable[[], bool] | None) -> bool:
    """Run one bracket to its end; False when it was stopped."""
    rungs = run.cost.schedule.rungs
    numbers = range(place * rungs[0].trials, (place + 1) * rungs[0].trials)
    while True:
        members = [run.records[n] for n in numbers if n in run.records]
        now = due(members, rungs, run.seeds, run.tie_break)
        for number in now.dropped + now.done:
            _end(run, number, before)
        if not now.calls and len(members) == len(numbers):
            return True
        # A trial whose draws a killed process left half done has no policy yet.
        half = [n for n in numbers if n in run.records and run.records[n].policy is None]
        if half or not now.calls:
            _draw(run, half[0] if half else None)
        elif stop is not None and stop():
            return False
        else:
            _evaluate(run, now.calls[0], before)


def _draw(run: _Run, number: int | None) -> None:
    """Draw a trial, or what a killed process left undrawn of one, and keep its policy."""
    with store_errors(run.store, "drawing a trial"):
        trial = run.study.ask() if number is None else _open(run, number)
        trial.set_user_attr("policy", suggest(trial, run.space))
    _read(run, trial.number)


def _open(run: _Run, number: int) -> Trial:
    from optuna.trial import Trial

    # What is stored of it is kept; a draw that is missing comes out as it would have, because no
    # draw depends on another (methods.py).
    return Trial(run.study, run.study.get_trials(deepcopy=False)[number]._trial_id)


def _read(run: _Run, number: int) -> TrialRecord:
    record = to_record(run.study.get_trials(deepcopy=False)[number])
    run.records[number] = record
    return record


def _evaluate(run: _Run, call: Call, before: int) -> None:
    """Carry out one call and keep what it gave; a call that fails ends its trial."""
    record = run.records[call.number]
    if record.policy is None:
        raise StoreError(f"{run.store}: trial {call.number} has no policy. Use another store")
    try:
        found = measure(run.objective, record.policy, call.budget, call.seed)
    except Exception as error:
        place = len(record.evaluations)
        _end(run, call.number, before, f"trial {call.number}, repeat {place}: {said(error)}")
        return
    with whole_write(run.store, "saving a trial"):
        rows = [asdict(e) for e in (*record.evaluations, found)]
        _open(run, call.number).set_user_attr("evaluations", rows)
    _read(run, call.number)


def _end(run: _Run, number: int, before: int, reason: str = "") -> None:
    """Finish a trial, tell about it, and give up where every trial of this call has failed."""
    with whole_write(run.store, "finishing a trial"):
        record = _finish(run, number, reason)
    _report(run, record)
    news = run.finished[before:]
    if len(news) >= HOPELESS and all(t.state == "failed" for t in run.finished):
        raise VariegateError(
            f"{run.store}: the first {len(news)} trials all failed: "
            f"{'; '.join(t.reason for t in news)}. "
            "Correct the cause and start again with another store or name"
        )


def _finish(run: _Run, number: int, reason: str) -> TrialRecord:
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


def _came_through(run: _Run, record: TrialRecord) -> bool:
    last = run.cost.schedule.rungs[-1]
    have = {e.seed for e in record.at(last.budget)}
    return set(run.seeds[: last.repeats]) <= have


def _final(run: _Run, stop: Callable[[], bool] | None) -> tuple[list[Finalist], str]:
    """The final round, where the schedule has one: every entry from every seed, and the choice."""
    last = run.cost.schedule.final
    if last is None:
        return [], ""
    group = final.entries(run.finished, run.controls, last, run.study.user_attrs, run.tie_break)
    # Every entry once, and only then is it known which control goes on.
    for once in (True, False):
        for place in range(len(group)):
            for seed in _open_seeds(run, group, place, once):
                if stop is not None and stop():
                    return group, ""
                group[place] = _evaluate_finalist(run, group[place], last.budget, seed)
                if group[place].reason:
                    break
            if not once and len(group[place].evaluations) == last.repeats:
                _report(run, None, group[place])
    return final.choose(group)


def _open_seeds(run: _Run, group: list[Finalist], place: int, once: bool = False) -> list[int]:
    """The seeds that an entry is still to be trained from: all for trials and the best control."""
    entry = group[place]
    have = {e.seed for e in entry.evaluations}
    wanted = run.final_seeds if not once and final.goes_on(group, entry) else run.final_seeds[:1]
    return [] if entry.reason else [seed for seed in wanted if seed not in have]


def _evaluate_finalist(run: _Run, entry: Finalist, budget: int, seed: int) -> Finalist:
    try:
        found = measure(run.objective, entry.policy, budget, seed)
        entry = replace(entry, evaluations=(*entry.evaluations, found))
    except Exception as error:
        entry = replace(entry, reason=f"{entry.name}: {said(error)}")
    with whole_write(run.store, "saving a finalist"):
        data = {
            "policy": entry.policy.to_dict(),
            "evaluations": [asdict(e) for e in entry.evaluations],
            "reason": entry.reason,
        }
        run.study.set_user_attr(FINAL + entry.name, data)
    return entry


def _is_short(run: _Run, finalists: list[Finalist]) -> bool:
    """Whether the final round was stopped before its end."""
    return any(_open_seeds(run, finalists, place) for place in range(len(finalists)))


def _result(run: _Run, finalists: list[Finalist], verdict: str, stopped: bool) -> StudyResult:
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


def _report(run: _Run, record: TrialRecord | None, finalist: Finalist | None = None) -> None:
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


def _seconds_left(run: _Run, each: float) -> float:
    """What is left: trials where all are alike, else epochs at the seconds that epochs took."""
    plan = run.cost.schedule
    if plan.final is None and len(plan.rungs) == 1:
        return each * max(0, plan.trials - len(run.finished))
    calls = [e for t in run.records.values() for e in t.evaluations]
    for key, data in run.study.user_attrs.items():
        if key.startswith(FINAL):
            calls += [Evaluation(**row) for row in data["evaluations"]]
    spent = sum(e.budget for e in calls)
    return sum(e.seconds for e in calls) / spent * max(0, plan.epochs - spent)


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
