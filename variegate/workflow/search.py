"""Search as one call: data, training and search joined; kept in a folder; the same call resumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import InputError
from variegate.workflow.common import (
    Event,
    Interrupted,
    Options,
    Progress,
    check_where,
    cores,
    fingerprint,
    prepare,
    tell,
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
from variegate.workflow.setup import Asked, Setup, set_up
from variegate.workflow.tracking import check_track, tell_stored, tracked
from variegate.workflow.watch import ChildObjective, Told, Watch

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.adapters.tracking import Tracker
    from variegate.data import Dataset
    from variegate.train import TrainSettings

__all__ = ["BEST", "RECORD", "SCHEMA", "STORE", "STUDY", "SearchResult", "search"]


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
    was. method: guided (by default), tpe, random, grid, autoaugment, pba or density. trials: what
    is spent, in trainings of the whole length for guided (40 by default), in candidates of each
    fold for density (100), else in trials (20; all cells for grid). reward: of density, accuracy or
    loss. budget: the same as "200trials", or as time, "30m". epochs: by default what suits the
    data. repeats: trainings of each policy, except for guided. space: what may be drawn. settings:
    training settings by name. objective: any `fn(policy, budget, seed)` that gives Scores or a
    number to make large, in place of the built-in training; trials are then tpe's by default.
    executor: local, processes, ray or ray:ADDRESS, with so many `workers`. track: mlflow or
    tensorboard, told everything too. The rest says how the data is read and divided, see
    `Reading`. Ctrl-C raises Interrupted, a KeyboardInterrupt, after saving.
    Raises DataError, InputError, StoreError, MissingExtra.
    """
    check_track(track)
    check_where(executor, workers)
    ready = set_up(data, asked, progress, objective)
    from variegate.search import run_study

    folder, work = prepare(out), ready.plan
    mark = _mark(ready, objective)
    described = _describe(data, ready.options, ready.settings, command)
    text = f"{ready}; kept in {folder}"
    seconds = ready.each * work.trainings or None
    tell(progress, Event("plan", text, 0, work.cost.trials, seconds))
    told, busy = _workers(ready, objective, progress, executor, workers)
    run = partial(run_study, stop=stop, executor=executor, workers=workers, cores=busy)
    space: rooms.Space | None = work.space
    if ready.train is not None and ready.validation is not None:
        seed = ready.options.seed
        sets = (ready.train, ready.validation, ready.settings)
        space = work.prepared(*sets, mark, folder, progress, run, seed)
    if space is None:
        raise Interrupted("the candidates so far are saved, the same command goes on")
    job = Job(ready.info, work.cost, space, folder, mark, described)
    with tracked(track, folder, "search", {"plan": str(work), **described}) as tracker:
        return _run(run, job, ready, told, executor == "local", progress, tracker)


def _run(
    run: Callable[..., rooms.StudyResult],
    job: Job,
    ready: Setup,
    told: Told,
    here: bool,
    progress: Progress | None,
    tracker: Tracker | None,
) -> SearchResult:
    """Run the study, tell the tracker, and write what is left in the folder."""
    tell_stored(tracker, job.out / STORE, STUDY, ready.classes)
    try:
        result = run(
            told if here else told.objective,
            method=job.plan.method,
            space=job.space,
            schedule=job.plan.schedule,
            controls=ready.plan.controls,
            seed=ready.options.seed,
            store=job.out / STORE,
            name=STUDY,
            data=job.mark,
            on_trial=Watch(told, job.out / BEST, progress, tracker, ready.classes),
        )
    except KeyboardInterrupt:
        raise Interrupted(save_stopped(job)) from None
    saved = save(job, result)
    if tracker is not None:
        tracker.artifact(job.out / BEST)
        tracker.artifact(job.out / RECORD)
    return saved


def _workers(
    ready: Setup,
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


def _mark(ready: Setup, own: Callable[..., Any] | None) -> str:
    """The fingerprint of what is searched on; an objective of the user's counts by its name."""
    sets = [part for part in (ready.train, ready.validation) if part is not None]
    mark = fingerprint(sets, ready.settings)
    if own is None:
        return mark
    return f"{mark} {getattr(own, '__qualname__', type(own).__qualname__)}"


def _describe(data: Any, options: Options, settings: TrainSettings, command: str) -> dict[str, Any]:
    source = str(data) if isinstance(data, str | Path) else None
    return {
        "source": source,
        "options": options.to_dict(),
        "settings": settings.to_dict(),
        "command": command,
        "versions": versions(),
    }
