"""Search as one call: data, training and search joined; kept in a folder; the same call resumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import InputError, VariegateError
from variegate.policy import Policy
from variegate.workflow.common import (
    DataInfo,
    Event,
    Interrupted,
    Options,
    Progress,
    Reading,
    about,
    fingerprint,
    need,
    open_data,
    prepare,
    settings_for,
    tell,
    understand,
    versions,
    write_json,
)

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.data import Dataset
    from variegate.train import Scores, TrainSettings

SCHEMA = "variegate.search/1"
STORE, BEST, RECORD, STUDY = "study.db", "best.json", "search.json", "search"
TRIALS = 20


@dataclass(frozen=True)
class SearchResult:
    """A finished search. `best_value` is the validation accuracy of the best of all trials, so it
    flatters the policy; `compare` measures it. `history` has one dict a trial.
    """

    best: Policy
    best_value: float
    best_number: int
    history: tuple[Mapping[str, Any], ...]
    data: DataInfo
    seconds: float
    out: Path
    record: Mapping[str, Any]

    @property
    def best_path(self) -> Path:
        """The policy file."""
        return self.out / BEST

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
    method: str = "tpe",
    trials: int | None = None,
    epochs: int | None = None,
    repeats: int = 1,
    space: rooms.Space | Mapping[str, Any] | str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path = "runs/search",
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    command: str = "",
    **reading: Unpack[Reading],
) -> SearchResult:
    """Find the policy with the best validation accuracy; the test split is never used.

    Writes study.db, best.json and search.json into `out`; the same call goes on where a stopped one
    was. method: tpe, random or grid. trials: 20 by default, the whole grid for grid. epochs: by
    default what suits the data. reading: how the data is read and divided, see `Reading`. settings:
    training settings by name. Ctrl-C raises Interrupted, a KeyboardInterrupt, after saving.
    Raises DataError, InputError, StoreError, MissingExtra.
    """
    need("search", "train", "search")
    from variegate.search import cost, run_study

    options = Options.read(reading)
    dataset, parts = open_data(data, options, progress)
    chosen = settings_for(parts.train, settings)
    info = understand(dataset, parts, chosen, options.seed)
    tell(progress, Event("understood", str(info)))
    searched = _space(space, method, info.channels)
    if trials is None and method != "grid":
        trials = TRIALS
    budget = chosen.epochs if epochs is None else epochs
    plan = cost(method, searched, trials=trials, epochs=budget, repeats=repeats)
    objective = _Objective(parts.train, parts.validation, chosen, progress)
    folder = prepare(out)
    mark = fingerprint((parts.train, parts.validation), chosen)
    described = _describe(data, options, chosen, command)
    job = _Job(info, chosen, plan, folder, mark, described)
    _plan(parts.train, job, progress)
    try:
        result = run_study(
            objective,
            method=method,
            space=searched,
            trials=trials,
            epochs=budget,
            seed=options.seed,
            store=folder / STORE,
            name=STUDY,
            data=mark,
            repeats=repeats,
            on_trial=_Watch(objective, folder, progress),
            stop=stop,
        )
    except KeyboardInterrupt:
        raise Interrupted(_save_stopped(job)) from None
    return _save(job, result.trials, result.stopped)


class _Objective:
    """Trains under a policy and scores on the validation images; tells about each epoch."""

    def __init__(
        self,
        train: Dataset,
        validation: Dataset,
        settings: TrainSettings,
        progress: Progress | None,
    ) -> None:
        from variegate.train import ClassificationObjective

        # checks that the two sets fit together
        self.inner = ClassificationObjective(train, validation, settings)
        self.progress = progress
        self.text = "trial 1"
        self.done, self.total = 0, 1
        self.left: float | None = None

    def __call__(self, policy: Policy, budget: int, seed: int) -> Scores:
        from variegate.train import Epoch

        def on_epoch(epoch: Epoch) -> None:
            share = (epoch.epoch + 1) / epoch.epochs
            text = f"{self.text}, epoch {epoch.epoch + 1}/{epoch.epochs}"
            done = min(self.total, self.done + share)
            tell(self.progress, Event("progress", text, done, self.total, self.left))

        return self.inner.run(policy, budget, seed, on_epoch)


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
        if state.record is None:
            if state.done:
                text = f"resuming: {state.done} of {state.total} trials are done, {best}"
                tell(self.progress, Event("remark", text))
            return
        record = state.record
        value = "failed" if record.value is None else f"{100 * record.value:.1f} %"
        if record.reason:
            tell(self.progress, Event("remark", record.reason))
        text = f"trial {state.done}/{state.total} {value}" + (f", {best}" if best else "")
        event = Event("progress", text, state.done, state.total, state.seconds_left)
        tell(self.progress, event)


def _space(given: Any, method: str, channels: int) -> rooms.Space:
    from variegate.search import default_space, space_from_dict

    if given is None:
        return default_space(method, channels=channels)
    if isinstance(given, str | Path):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"space: {given}: cannot be read as JSON: {error}") from error
    if isinstance(given, Mapping):
        return space_from_dict(given)
    made: rooms.Space = given
    return made


def _plan(train: Dataset, job: _Job, progress: Progress | None) -> None:
    """Say what the search will cost, from a few timed steps."""
    from variegate.policy.nodes import TrivialAugment
    from variegate.train import time_epoch

    each = time_epoch(train, Policy((TrivialAugment(),)), job.settings) * job.plan.epochs
    seconds = each * job.plan.trainings
    text = f"{job.plan}; about {about(seconds)}; kept in {job.out}"
    tell(progress, Event("plan", text, 0, job.plan.trials, seconds))


def _describe(data: Any, options: Options, settings: TrainSettings, command: str) -> dict[str, Any]:
    source = str(data) if isinstance(data, str | Path) else None
    return {
        "source": source,
        "options": options.to_dict(),
        "settings": settings.to_dict(),
        "command": command,
        "versions": versions(),
    }


def _save(job: _Job, trials: list[rooms.TrialRecord], stopped: bool) -> SearchResult:
    """Write best.json and search.json. Raises VariegateError where no trial has succeeded."""
    done = [t for t in trials if t.value is not None]
    best = max(done, key=lambda t: (t.value or 0.0, -t.number), default=None)
    if best is None or best.policy is None or best.value is None:
        raise VariegateError(f"{job.out / STORE}: no trial is finished")
    policy, value = best.policy, best.value
    history = tuple(_row(trial) for trial in trials)
    seconds = sum(t.seconds or 0.0 for t in trials)
    record = {
        "schema": SCHEMA,
        "data": {**job.described, "fingerprint": job.mark, "understood": _plain(job.info)},
        "method": job.plan.method,
        "epochs": job.plan.epochs,
        "repeats": job.plan.repeats,
        "trials": len(trials),
        "trials_planned": job.plan.trials,
        "stopped": stopped,
        "seconds": seconds,
        "best": {"number": best.number, "value": value, "policy": policy.to_dict()},
        "history": list(history),
        "files": {"best": BEST, "store": STORE},
    }
    write_json(job.out / BEST, policy.to_dict())
    write_json(job.out / RECORD, record)
    return SearchResult(policy, value, best.number, history, job.info, seconds, job.out, record)


def _save_stopped(job: _Job) -> str:
    """After Ctrl-C: write what the store has; gives one sentence about it."""
    from variegate.search import history

    store = job.out / STORE
    try:
        trials = [t for t in history(store, STUDY) if t.state != "running"]
        if not trials:
            return "no trial was finished yet"
        result = _save(job, trials, True)
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
        "seconds": trial.seconds,
        "params": dict(trial.params),
        "reason": trial.reason,
    }


def _plain(info: DataInfo) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(info).items()}
