"""Search as one call: data, training and search joined; kept in a folder; the same call resumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import VariegateError
from variegate.policy import Policy
from variegate.workflow.common import (
    DataInfo,
    Event,
    Interrupted,
    Options,
    Progress,
    fingerprint,
    prepare,
    tell,
    versions,
    write_json,
)
from variegate.workflow.guided import Judged, judged
from variegate.workflow.setup import Asked, set_up

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.data import Dataset
    from variegate.train import Scores, TrainSettings

SCHEMA = "variegate.search/1"
STORE, BEST, RECORD, STUDY = "study.db", "best.json", "search.json", "search"


@dataclass(frozen=True)
class SearchResult:
    """A finished search, or its plan after a dry run. `best_value` is the validation accuracy of
    the best, so it flatters the policy; `compare` measures it. `best_number` is its trial, or None
    where a control was kept (`verdict` says why). `history` has one dict a trial.
    """

    best: Policy
    best_value: float
    best_number: int | None
    history: tuple[Mapping[str, Any], ...]
    data: DataInfo
    seconds: float
    out: Path
    record: Mapping[str, Any]

    @property
    def best_path(self) -> Path:
        """The policy file."""
        return self.out / BEST

    @property
    def verdict(self) -> str:
        """What the final round says, in words; empty where there was none."""
        return str(self.record["best"].get("verdict", ""))

    def to_dict(self) -> dict[str, Any]:
        """The content of search.json."""
        return dict(self.record)


@dataclass(frozen=True)
class _Job:
    """What one search is made of."""

    info: DataInfo
    settings: TrainSettings
    plan: rooms.Cost
    out: Path
    mark: str
    described: Mapping[str, Any]


def search(
    data: str | Path | Dataset,
    *,
    out: str | Path = "runs/search",
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    command: str = "",
    **asked: Unpack[Asked],
) -> SearchResult:
    """Find the policy with the best validation accuracy; the test split is never used.

    Writes study.db, best.json and search.json into `out`; the same call goes on where a stopped one
    was. method: guided (by default), tpe, random or grid. trials: what is spent, in trainings of
    the whole length for guided (40 by default), else in trials (20; all cells for grid). budget:
    the same as "200trials", or as time, "30m". epochs: by default what suits the data. repeats:
    trainings of each policy, except for guided. space: what may be drawn. settings: training
    settings by name. The rest says how the data is read and divided, see `Reading`. Ctrl-C raises
    Interrupted, a KeyboardInterrupt, after saving.
    Raises DataError, InputError, StoreError, MissingExtra.
    """
    ready = set_up(data, asked, progress)
    from variegate.search import run_study

    folder = prepare(out)
    work, mark = ready.plan, fingerprint((ready.train, ready.validation), ready.settings)
    described = _describe(data, ready.options, ready.settings, command)
    job = _Job(ready.info, ready.settings, work.cost, folder, mark, described)
    tell(
        progress,
        Event(
            "plan", f"{ready}; kept in {folder}", 0, work.cost.trials, ready.each * work.trainings
        ),
    )
    objective = _Objective(ready.train, ready.validation, ready.settings, progress, work.guided)
    try:
        result = run_study(
            objective,
            method=work.cost.method,
            space=work.narrowed(
                ready.train, ready.validation, ready.settings, mark, folder, progress
            ),
            schedule=work.cost.schedule,
            controls=work.controls,
            seed=ready.options.seed,
            store=folder / STORE,
            name=STUDY,
            data=mark,
            on_trial=_Watch(objective, folder, progress),
            stop=stop,
        )
    except KeyboardInterrupt:
        raise Interrupted(_save_stopped(job)) from None
    return _save(job, result)


class _Objective:
    """Trains under a policy and scores on the validation images; tells about each epoch."""

    def __init__(
        self,
        train: Dataset,
        validation: Dataset,
        settings: TrainSettings,
        progress: Progress | None,
        guided: bool,
    ) -> None:
        from variegate.train import ClassificationObjective

        # checks that the two sets fit together
        self.inner = ClassificationObjective(train, validation, settings)
        self.progress, self.guided = progress, guided
        self.text = "trial 1"
        self.done, self.total = 0, 1
        self.left: float | None = None

    def __call__(self, policy: Policy, budget: int, seed: int) -> Scores | Judged:
        from variegate.train import Epoch, train_child

        def on_epoch(epoch: Epoch) -> None:
            share = (epoch.epoch + 1) / epoch.epochs
            text = f"{self.text}, epoch {epoch.epoch + 1}/{epoch.epochs}"
            done = min(self.total, self.done + share)
            tell(self.progress, Event("progress", text, done, self.total, self.left))

        inner = self.inner
        if not self.guided:
            return inner.run(policy, budget, seed, on_epoch)
        child = train_child(
            inner.train,
            policy,
            inner.validation.images,
            epochs=budget,
            seed=seed,
            settings=inner.settings,
            on_epoch=on_epoch,
        )
        return judged(child.probabilities, inner.validation.labels)


class _Watch:
    """Turns the study's progress into events, and keeps best.json up to date."""

    def __init__(self, objective: _Objective, out: Path, progress: Progress | None) -> None:
        self.objective, self.out, self.progress = objective, out, progress
        self.best = -1

    def __call__(self, state: rooms.Progress) -> None:
        watched = self.objective
        watched.done, watched.total = state.done, state.total
        watched.left = state.seconds_left
        best = ""
        if state.best is not None and state.best.value is not None:
            best = f"best {100 * state.best.value:.1f} % (#{state.best.number})"
            if state.best.number != self.best and state.best.policy is not None:
                write_json(self.out / BEST, state.best.policy.to_dict())
                self.best = state.best.number
        watched.text = f"trial {state.done + 1}/{state.total}" + (f", {best}" if best else "")
        if state.finalist is not None:
            mean = sum(state.finalist.accuracies) / max(1, len(state.finalist.accuracies))
            text = f"final round: {state.finalist.name} {100 * mean:.1f} %"
            tell(
                self.progress,
                Event("progress", text, state.done, state.total, state.seconds_left),
            )
            return
        if state.record is None:
            if state.done:
                text = f"resuming: {state.done} of {state.total} trials are done, {best}"
                tell(self.progress, Event("remark", text))
            return
        record = state.record
        value = "failed" if record.value is None else f"{100 * record.value:.1f} %"
        value += " (dropped)" if record.state == "dropped" else ""
        if record.reason:
            tell(self.progress, Event("remark", record.reason))
        text = f"trial {state.done}/{state.total} {value}" + (f", {best}" if best else "")
        event = Event("progress", text, state.done, state.total, state.seconds_left)
        tell(self.progress, event)


def _describe(data: Any, options: Options, settings: TrainSettings, command: str) -> dict[str, Any]:
    source = str(data) if isinstance(data, str | Path) else None
    return {
        "source": source,
        "options": options.to_dict(),
        "settings": settings.to_dict(),
        "command": command,
        "versions": versions(),
    }


def _save(job: _Job, result: rooms.StudyResult) -> SearchResult:
    """Write best.json and search.json."""
    best = {
        "number": result.best_number,
        "value": result.best_value,
        "policy": result.best.to_dict(),
        "verdict": result.verdict,
    }
    finalists = [_finalist(entry) for entry in result.finalists]
    return _write(job, result.trials, best, finalists, result.stopped, result.seconds)


def _write(
    job: _Job,
    trials: list[rooms.TrialRecord],
    best: dict[str, Any],
    finalists: list[dict[str, Any]],
    stopped: bool,
    seconds: float,
) -> SearchResult:
    history = tuple(_row(trial) for trial in trials)
    record = {
        "schema": SCHEMA,
        "data": {**job.described, "fingerprint": job.mark, "understood": _plain(job.info)},
        "method": job.plan.method,
        "plan": str(job.plan),
        "epochs": job.plan.epochs,
        "repeats": job.plan.repeats,
        "trials": len(trials),
        "trials_planned": job.plan.trials,
        "stopped": stopped,
        "seconds": seconds,
        "best": best,
        "finalists": finalists,
        "history": list(history),
        "files": {"best": BEST, "store": STORE},
    }
    write_json(job.out / BEST, best["policy"])
    write_json(job.out / RECORD, record)
    policy = Policy.from_dict(best["policy"])
    value, number = best["value"], best["number"]
    return SearchResult(policy, value, number, history, job.info, seconds, job.out, record)


def _save_stopped(job: _Job) -> str:
    """After Ctrl-C: write what the store has; gives one sentence about it."""
    from variegate.search import best_of, history

    store = job.out / STORE
    try:
        trials = [t for t in history(store, STUDY) if t.state != "running"]
        top = best_of(trials)
        if not top or top[0].policy is None:
            return "no trial was finished yet"
        best: dict[str, Any] = {"number": top[0].number, "value": top[0].value}
        best |= {"policy": top[0].policy.to_dict(), "verdict": ""}
        seconds = sum(t.seconds or 0.0 for t in trials)
        result = _write(job, trials, best, [], True, seconds)
    except VariegateError:
        return "no trial was finished yet"
    return (
        f"{len(trials)} of {job.plan.trials} trials are saved in {store}, "
        f"the best so far (trial {result.best_number}) in {result.best_path}"
    )


def _row(trial: rooms.TrialRecord) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "loss": trial.loss,
        "budget": trial.budget,
        "evaluations": [vars(e) for e in trial.evaluations],
        "seconds": trial.seconds,
        "params": dict(trial.params),
        "reason": trial.reason,
    }


def _finalist(entry: rooms.Finalist) -> dict[str, Any]:
    return {
        "name": entry.name,
        "number": entry.number,
        "policy": entry.policy.to_dict(),
        "evaluations": [vars(e) for e in entry.evaluations],
        "reason": entry.reason,
    }


def _plain(info: DataInfo) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(info).items()}
