"""What a tracker is told of a search and of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from variegate.adapters.tracking import Tracker, check_tracker, open_tracker
from variegate.workflow.common import need

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.evaluate import Run, Summary

__all__ = [
    "check_track",
    "tell_run",
    "tell_stored",
    "tell_summary",
    "tell_trial",
    "tracked",
]


def check_track(kind: str | None) -> None:
    """Raise InputError or MissingExtra before anything is written."""
    check_tracker(kind)
    if kind is not None:
        need(f"track {kind}", kind)


@contextmanager
def tracked(
    kind: str | None, out: Path, run: str, described: Mapping[str, Any]
) -> Iterator[Tracker | None]:
    """The tracker of that kind with the params set, or None where none is asked for."""
    if kind is None:
        yield None
        return
    with open_tracker(kind, out, run) as tracker:
        tracker.params(dict(_flat(described)))
        yield tracker


def _flat(values: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{head}{key}.")
        elif value is not None:
            yield f"{head}{key}", value


def tell_stored(tracker: Tracker | None, store: Path, name: str, classes: tuple[str, ...]) -> None:
    """The trials of a stopped search that the tracker has not heard of."""
    if tracker is None or not store.exists():
        return
    from variegate.search import best_of, history

    known = tracker.known("seconds")
    ended = [trial for trial in history(store, name) if trial.state != "running"]
    for place, trial in enumerate(ended):
        if trial.number not in known:
            top = best_of(ended[: place + 1])
            tell_trial(tracker, trial, classes, top[0] if top else None)


def tell_trial(
    tracker: Tracker | None,
    trial: rooms.TrialRecord,
    classes: tuple[str, ...],
    best: rooms.TrialRecord | None,
) -> None:
    """One finished trial: its value, loss, time, draws and classes, at the step of its number."""
    if tracker is None or trial.state == "running":
        return
    values: dict[str, float | None] = {
        "accuracy": trial.value,
        "loss": trial.loss,
        "seconds": trial.seconds,
        "budget": trial.budget,
        "best accuracy": None if best is None else best.value,
    }
    for name, drawn in trial.params.items():
        if isinstance(drawn, int | float):
            values[f"draw/{name}"] = drawn
    rows = [e.per_class for e in trial.at(trial.budget or 0) if len(e.per_class) == len(classes)]
    for place, name in enumerate(classes):
        known = [row[place] for row in rows if row[place] is not None]
        if known:
            values[f"class accuracy/{name}"] = float(np.mean([v for v in known if v is not None]))
    tracker.metrics(values, trial.number)


def tell_run(tracker: Tracker | None, run: Run, labels: Any) -> None:
    """One run of a comparison, at the step of its seed."""
    if tracker is not None:
        right = float((run.predictions == labels).mean())
        values: dict[str, float | None] = {
            f"accuracy/{run.arm}": right,
            f"seconds/{run.arm}": run.seconds,
        }
        tracker.metrics(values, run.seed)


def tell_summary(tracker: Tracker | None, said: Summary) -> None:
    """The arms' means, the differences with their intervals, and the classes, at step 0."""
    if tracker is None:
        return
    values: dict[str, float | None] = {}
    for row in said["arms"]:
        values[f"mean/{row['arm']}"] = row["mean"]
        for each in row["differences"]:
            where = f"difference/{row['arm']} - {each['against']}"
            values |= _difference(where, each["value"], each["interval"])
    for table in said["class_tables"]:
        for line in table["rows"]:
            found = line["difference"]
            if found is not None:
                where = f"class difference/{table['arm']} - {table['baseline']}/{line['name']}"
                values |= _difference(where, found["value"], found["interval"])
    tracker.metrics(values, 0)


def _difference(where: str, value: float, interval: list[float]) -> dict[str, float | None]:
    low, high = interval
    return {where: value, f"{where} low": low, f"{where} high": high}
