"""Search as one call: data, training and search joined; kept in a folder; the same call resumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.workflow.budget import read_budget
from variegate.workflow.common import (
    DataInfo,
    Event,
    Interrupted,
    Options,
    Progress,
    Reading,
    about,
    cores,
    fingerprint,
    need,
    open_data,
    prepare,
    settings_for,
    tell,
    understand,
    versions,
)
from variegate.workflow.found import (
    BEST,
    RECORD,
    SCHEMA,
    STORE,
    STUDY,
    Job,
    SearchResult,
    save,
    save_stopped,
)
from variegate.workflow.guided import SearchPlan, plan_search
from variegate.workflow.tracking import check_track, tell_stored, tracked
from variegate.workflow.watch import ChildObjective, Told, Watch

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.data import Dataset
    from variegate.train import TrainSettings

__all__ = ["BEST", "RECORD", "SCHEMA", "STORE", "STUDY", "Asked", "SearchResult", "plan", "search"]


@dataclass(frozen=True)
class _Setup:
    """The data, the settings and the plan of a search, before anything is written.

    each: seconds of one training, 0 where nobody knows. train, validation: None for an objective
    that has data of its own.
    """

    train: Dataset | None
    validation: Dataset | None
    info: DataInfo
    options: Options
    settings: TrainSettings
    plan: SearchPlan
    each: float

    def __str__(self) -> str:
        if not self.each:
            return f"{self.plan}"
        return f"{self.plan}; about {about(self.each * self.plan.trainings)}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, where they are known."""
        return () if self.train is None else self.train.classes


class Asked(Reading, total=False):
    """What `search` and `plan` take besides the data; see `search`."""

    method: str
    trials: int | None
    budget: str | None
    epochs: int | None
    repeats: int
    space: rooms.Space | Mapping[str, Any] | str | Path | None
    settings: Mapping[str, Any] | None


def plan(
    data: str | Path | Dataset, *, progress: Progress | None = None, **asked: Unpack[Asked]
) -> str:
    """What `search` with these arguments would do and cost, from three timed steps.

    Nothing is searched or written. Raises what `search` raises.
    """
    ready = _set_up(data, asked, progress)
    tell(progress, Event("plan", f"{ready}; nothing is run", 0, ready.plan.cost.trials))
    return str(ready)


def _set_up(
    data: str | Path | Dataset | None,
    asked: Asked,
    progress: Progress | None,
    own: Callable[..., Any] | None = None,
) -> _Setup:
    need("search", "train", "search")
    given: dict[str, Any] = {**asked}
    method = given.pop("method", "guided" if own is None else "tpe")
    budget = read_budget(given.pop("budget", None), given.pop("trials", None))
    epochs, repeats = given.pop("epochs", None), given.pop("repeats", 1)
    space, changes = given.pop("space", None), given.pop("settings", None)
    options = Options.read(given)
    _check_own(data, own, method, budget.seconds, epochs)
    train, validation, settings, info = _read(data, options, changes, progress)
    length = settings.epochs if epochs is None else epochs
    wanted = _space(space, method, info.channels)
    plan_search(method, wanted, budget.trials or 1, length, repeats, info)  # refused before timing
    each = 0.0 if own is not None or train is None else _seconds_each(train, settings, length)
    trials = budget.trials if not each else budget.in_trials(each * repeats)
    work = plan_search(method, wanted, trials, length, repeats, info)
    return _Setup(train, validation, info, options, settings, work, each)


def _check_own(
    data: object, own: object, method: str, seconds: int | None, epochs: int | None
) -> None:
    """Raise InputError for what an objective of the user's cannot go with."""
    if own is None:
        if data is None:
            raise InputError("data: expected a data set, or an objective that has its own")
        return
    if not callable(own):
        raise InputError(f"objective: expected a function (policy, budget, seed), got {own!r}")
    if method == "guided":
        raise InputError(
            "method guided: it scores ops with the built-in net, which an objective of your own "
            "does not train; take tpe, random, grid or autoaugment"
        )
    if seconds is not None:
        raise InputError("budget: how long an objective of your own takes is not known; say trials")
    if data is None and epochs is None:
        raise InputError("epochs: without data, say what budget the objective is called with")


def _read(
    data: str | Path | Dataset | None,
    options: Options,
    changes: Mapping[str, Any] | None,
    progress: Progress | None,
) -> tuple[Dataset | None, Dataset | None, TrainSettings, DataInfo]:
    if data is None:
        from variegate.train import TrainSettings as Settings

        info = DataInfo("your own", (0, 0), 3, 0, 0, 0, 0, 0, "yours", options.seed)
        tell(progress, Event("understood", f"an objective with data of its own; seed {info.seed}"))
        return None, None, Settings(**dict(changes or {})), info
    dataset, parts = open_data(data, options, progress)
    settings = settings_for(parts.train, changes)
    info = understand(dataset, parts, settings, options.seed)
    tell(progress, Event("understood", str(info)))
    return parts.train, parts.validation, settings, info


def search(
    data: str | Path | Dataset | None,
    *,
    objective: Callable[..., Any] | None = None,
    out: str | Path = "runs/search",
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    executor: str = "local",
    workers: int | None = None,
    track: str | None = None,
    command: str = "",
    **asked: Unpack[Asked],
) -> SearchResult:
    """Find the policy with the best validation accuracy; the test split is never used.

    Writes study.db, best.json and search.json into `out`; the same call goes on where a stopped one
    was. method: guided (by default), tpe, random or grid. trials: what is spent, in trainings of
    the whole length for guided (40 by default), else in trials (20; all cells for grid). budget:
    the same as "200trials", or as time, "30m". epochs: by default what suits the data. repeats:
    trainings of each policy, except for guided. space: what may be drawn. settings: training
    settings by name. objective: any `fn(policy, budget, seed)` that gives Scores or a number to
    make large, in place of the built-in training; trials are then tpe's by default. executor:
    local, processes, ray or ray:ADDRESS, with so many `workers`. track: mlflow or tensorboard, told
    everything too. The rest says how the data is read and divided, see `Reading`. Ctrl-C raises
    Interrupted, a KeyboardInterrupt, after saving.
    Raises DataError, InputError, StoreError, MissingExtra.
    """
    check_track(track)
    ready = _set_up(data, asked, progress, objective)
    from variegate.search import run_study

    folder = prepare(out)
    work = ready.plan
    mark = _mark(ready, objective)
    described = _describe(data, ready.options, ready.settings, command)
    text = f"{ready}; kept in {folder}"
    seconds = ready.each * work.trainings or None
    tell(progress, Event("plan", text, 0, work.cost.trials, seconds))
    space = work.space
    if ready.train is not None and ready.validation is not None:
        space = work.narrowed(ready.train, ready.validation, ready.settings, mark, folder, progress)
    job = Job(ready.info, work.cost, space, folder, mark, described)
    told, busy = _workers(ready, objective, progress, executor, workers)
    with tracked(track, folder, "search", {"plan": str(work), **described}) as tracker:
        tell_stored(tracker, folder / STORE, STUDY, ready.classes)
        try:
            result = run_study(
                told if executor == "local" else told.objective,
                method=work.cost.method,
                space=space,
                schedule=work.cost.schedule,
                controls=work.controls,
                seed=ready.options.seed,
                store=folder / STORE,
                name=STUDY,
                data=mark,
                on_trial=Watch(told, folder / BEST, progress, tracker, ready.classes),
                stop=stop,
                executor=executor,
                workers=workers,
                cores=busy,
            )
        except KeyboardInterrupt:
            raise Interrupted(save_stopped(job)) from None
        saved = save(job, result)
        if tracker is not None:
            tracker.artifact(folder / BEST)
            tracker.artifact(folder / RECORD)
    return saved


def _workers(
    ready: _Setup,
    own: Callable[..., Any] | None,
    progress: Progress | None,
    executor: str,
    workers: int | None,
) -> tuple[Told, int]:
    """The objective, and the cores of one call: one where several share them out."""
    settings = ready.settings
    if executor != "local" and settings.threads is None:
        each = max(1, cores() // workers) if workers else 1
        settings = replace(settings, threads=each)
    if own is None and ready.train is not None and ready.validation is not None:
        own = ChildObjective(ready.train, ready.validation, settings, ready.plan.guided)
    if own is None:
        raise InputError("objective: there is none, and no data to train on")
    return Told(own, progress), settings.threads or 1


def _mark(ready: _Setup, own: Callable[..., Any] | None) -> str:
    """The fingerprint of what is searched on; an objective of the user's counts by its name."""
    sets = [part for part in (ready.train, ready.validation) if part is not None]
    mark = fingerprint(sets, ready.settings)
    if own is None:
        return mark
    return f"{mark} {getattr(own, '__qualname__', type(own).__qualname__)}"


def _seconds_each(train: Dataset, settings: TrainSettings, epochs: int) -> float:
    """Seconds of one training of so many epochs, from three timed steps."""
    from variegate.policy.nodes import TrivialAugment
    from variegate.train import time_epoch

    return time_epoch(train, Policy((TrivialAugment(),)), settings, steps=3) * epochs


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


def _describe(data: Any, options: Options, settings: TrainSettings, command: str) -> dict[str, Any]:
    source = str(data) if isinstance(data, str | Path) else None
    return {
        "source": source,
        "options": options.to_dict(),
        "settings": settings.to_dict(),
        "command": command,
        "versions": versions(),
    }
