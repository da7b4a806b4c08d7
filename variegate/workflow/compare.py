"""Compare policies as one call: every arm trained for several seeds, paired, saved run by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from variegate.errors import InputError, StoreError
from variegate.policy import Policy
from variegate.search.executors import Executor
from variegate.workflow.common import (
    DataInfo,
    Event,
    Interrupted,
    Options,
    Progress,
    Reading,
    about,
    check_where,
    need,
    open_data,
    prepare,
    settings_for,
    tell,
    understand,
)
from variegate.workflow.confirm import confirming, fresh_seeds, with_fresh
from variegate.workflow.kept import before, begin, check_division, described, done, resume
from variegate.workflow.policies import Arm, corruptions, pick_arms, read_policy
from variegate.workflow.policies import arms as control_arms
from variegate.workflow.runs import Outcome, RunData, Task, opened, run_all
from variegate.workflow.search import BEST
from variegate.workflow.tracking import check_track, tell_run, tell_summary, tracked

if TYPE_CHECKING:
    from variegate.adapters.tracking import Tracker
    from variegate.data import Dataset, Splits
    from variegate.evaluate import Comparison, Summary

SCHEMA = "variegate.compare/1"
RECORD = "comparison.json"
__all__ = ["RECORD", "CompareResult", "compare", "control_arms"]


@dataclass(frozen=True)
class CompareResult:
    """A finished comparison: its record, what it says as data, and as lines for a terminal."""

    comparison: Comparison
    summary: Summary
    data: DataInfo
    out: Path
    trained: int

    @property
    def path(self) -> Path:
        """The record's file."""
        return self.out / RECORD

    @property
    def gain_proven(self) -> bool:
        """Whether the found arm is better than the reference, after correction."""
        found, reference = self.summary["found"], self.summary["reference"]
        rows = [row for row in self.summary["arms"] if row["arm"] == found]
        return any(
            d["against"] == reference and d["verdict"] == "better"
            for row in rows
            for d in row["differences"]
        )

    def lines(self) -> list[str]:
        """The summary as plain lines; no number without its interval."""
        from variegate.evaluate import text_lines

        return text_lines(self.summary)

    def to_dict(self) -> dict[str, Any]:
        """The summary with where it is kept."""
        return {
            "schema": SCHEMA,
            "summary": self.summary,
            "gain_proven": self.gain_proven,
            "trained": self.trained,
            "files": {"record": str(self.path)},
        }


def compare(
    data: str | Path | Dataset,
    *,
    arms: Sequence[str] | Mapping[str, Arm] | None = None,
    policy: str | Path | Policy | None = None,
    seeds: int | Sequence[int] = 5,
    confirm: int | None = None,
    robustness: str | None = None,
    epochs: int | None = None,
    join_validation: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    executor: str = "local",
    workers: int | None = None,
    track: str | None = None,
    out: str | Path = "runs/search",
    progress: Progress | None = None,
    command: str = "",
    **reading: Unpack[Reading],
) -> CompareResult:
    """Train every arm for several seeds and test each trained model once, on the test split.

    arms: names (none, flip+crop, trivial, randaugment, found, NAME=FILE) or {name: policy}; all by
    default. policy: the found one, by default out/best.json where it is. seeds: how many, or which;
    the arms share them, and with them first weights and order of the batches. confirm: fresh seeds
    on which classes that are called harmed or helped are tested again; None: as many as seeds.
    robustness: "all" tests on corrupted images too, "unseen" on those unlike every op of every arm.
    reading: see `Reading`. join_validation: train on the validation images too; by default so,
    except with train_per_class. executor: local, processes, ray or ray:ADDRESS, with so many
    `workers`; by default one a core where a training takes one thread. track: mlflow or
    tensorboard. Each finished run is saved at once; the same call goes on. Ctrl-C raises
    Interrupted. Raises VariegateErrors.
    """
    need("compare", "train", "report")
    check_where(executor, workers)
    check_track(track)
    options, folder = Options.read(reading), Path(out)
    found = _found(policy, folder, progress)
    numbers = _seeds(seeds, options.seed)
    fresh = fresh_seeds(len(numbers) if confirm is None else confirm, options.seed, numbers)
    dataset, parts = open_data(data, options, progress)
    joined = options.train_per_class is None if join_validation is None else join_validation
    train = _training_set(parts, joined)
    chosen = settings_for(train, settings)
    info = understand(dataset, parts, chosen, options.seed)
    tell(progress, Event("understood", str(info)))
    policies = pick_arms(arms, train.images.shape[1:3], found, before(folder))
    budget, tested = chosen.epochs if epochs is None else epochs, corruptions(robustness, policies)
    work = RunData(train, parts.test, policies, chosen, budget, tested)
    record = begin(dataset, work, described(data, options, joined), command)
    if policies.get("found") is not None:
        check_division(folder, options)
    record = resume(prepare(folder) / RECORD, record, progress)
    tasks = [Task(arm, n) for n in numbers for arm in policies if not done(record, work, arm, n)]
    with (
        opened(work, executor, workers, info.device) as team,
        tracked(track, folder, "compare", record.settings) as tracker,
    ):
        at_once = _plan(work, len(tasks), team, joined, folder, progress)
        state = _State(record, folder / RECORD, len(tasks), at_once, progress, tracker)
        return _compared(work, tasks, fresh, team, state, info)


def _compared(
    work: RunData,
    tasks: Sequence[Task],
    fresh: Sequence[int],
    team: Executor | None,
    state: _State,
    info: DataInfo,
) -> CompareResult:
    """Train what is missing, then on fresh seeds; the result, which the tracker hears of too."""
    _run(work, tasks, team, state)
    _confirm(work, fresh, team, state)
    result = _result(state.record, info, state.path.parent, state.done)
    _track(state.tracker, result, result.out)
    return result


def _run(work: RunData, tasks: Sequence[Task], team: Executor | None, state: _State) -> None:
    """Train every task; after Ctrl-C, say what is saved."""
    try:
        run_all(work, tasks, team, state.add, state.during)
    except KeyboardInterrupt:
        saved = f"{state.done} of {state.total} runs of this call are saved in {state.path}"
        raise Interrupted(saved) from None


def _confirm(work: RunData, fresh: Sequence[int], team: Executor | None, state: _State) -> None:
    """Train fresh seeds of the arms whose classes are called harmed or helped."""
    tasks = confirming(state.record, fresh, work.policies)
    state.record = with_fresh(state.record, fresh if tasks else ())
    if not tasks:
        return
    text = f"{len(tasks)} more trainings: classes that are called are tested on fresh seeds"
    tell(state.progress, Event("remark", text))
    state.total += len(tasks)
    _run(work, tasks, team, state)


def _track(tracker: Tracker | None, result: CompareResult, folder: Path) -> None:
    """Tell the tracker what the comparison says, and hand it the files."""
    if tracker is None:
        return
    tell_summary(tracker, result.summary)
    for name in (RECORD, BEST):
        if (folder / name).exists():
            tracker.artifact(folder / name)


def _result(record: Comparison, info: DataInfo, out: Path, trained: int) -> CompareResult:
    from variegate.evaluate import summary

    return CompareResult(record, summary(record), info, out, trained)


def _found(
    policy: str | Path | Policy | None, out: Path, progress: Progress | None
) -> Policy | None:
    if policy is not None:
        return read_policy(policy)
    if (out / BEST).exists():
        tell(progress, Event("remark", f"found policy: {out / BEST}"))
        return read_policy(out / BEST)
    return None


def _seeds(given: int | Sequence[int], start: int) -> list[int]:
    chosen = list(range(start, start + given)) if isinstance(given, int) else list(given)
    if not chosen or len(set(chosen)) < len(chosen) or min(chosen) < 0:
        raise InputError(f"seeds: expected a number from 1 up, or different seeds, got {given!r}")
    return chosen


def _training_set(parts: Splits, joined: bool) -> Dataset:
    if not joined:
        return parts.train
    from variegate.data import Dataset

    first, second = parts.train, parts.validation
    return Dataset(
        name=f"{first.name} + validation",
        images=np.concatenate([first.images, second.images]),
        labels=np.concatenate([first.labels, second.labels]),
        classes=first.classes,
    )


def _plan(
    work: RunData,
    count: int,
    team: Executor | None,
    joined: bool,
    out: Path,
    progress: Progress | None,
) -> int:
    """Say what is to be trained, on what, and how long that takes; how many run at a time."""
    at_once = 1 if team is None else max(1, min(team.workers, count))
    if not count:
        tell(progress, Event("plan", f"every run is finished in {out / RECORD}"))
        return at_once
    from variegate.train import time_epoch

    policies = [policy for policy in work.policies.values() if policy is not None]
    policy = policies[-1] if policies else None
    seconds = time_epoch(work.train, policy, work.settings) * work.epochs * count / at_once
    on = "train and validation together" if joined else "the train split alone"
    text = (
        f"{len(work.policies)} arms, {count} trainings of {work.epochs} epochs on "
        f"{len(work.train):,} images ({on}), {at_once} at a time; about {about(seconds)}; "
        f"kept in {out}"
    )
    tell(progress, Event("plan", text, 0, count, seconds))
    return at_once


class _State:
    """The record as it grows: saved after every run, told to the user."""

    def __init__(
        self,
        record: Comparison,
        path: Path,
        total: int,
        jobs: int,
        progress: Progress | None,
        tracker: Tracker | None = None,
    ) -> None:
        self.record, self.path, self.total = record, path, total
        self.jobs, self.progress, self.tracker = jobs, progress, tracker
        for run in record.runs if tracker is not None else ():
            tell_run(tracker, run, record.labels)
        self.done = 0
        self.times: list[float] = []

    def add(self, task: Task, outcome: Outcome) -> None:
        from variegate.evaluate import Run

        run, seconds = Run(task.arm, task.seed, **vars(outcome)), outcome.seconds
        self.record = self.record.with_run(run)
        try:
            self.record.save(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot be written ({error.strerror}); free space and run the same "
                "command again"
            ) from error
        self.done += 1
        self.times.append(seconds)
        tell_run(self.tracker, run, self.record.labels)
        text = f"run {self.done}/{self.total}: {task.arm}, seed {task.seed}, {seconds:.1f} s"
        tell(self.progress, Event("progress", text, self.done, self.total, self._left()))

    def during(self, task: Task, share: float) -> None:
        """Called after each epoch of a run in this process."""
        text = f"run {self.done + 1}/{self.total}: {task.arm}, seed {task.seed}"
        event = Event("progress", text, self.done + share, self.total, self._left())
        tell(self.progress, event)

    def _left(self) -> float | None:
        if not self.times:
            return None
        return median(self.times) * (self.total - self.done) / self.jobs
