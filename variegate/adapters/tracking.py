"""Experiment trackers: what a search or a comparison finds, in MLflow or TensorBoard too.

A tracker only ever copies: the study and the records stay what counts, and a tracker that is told
the same step again, after a resume, shows it once.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from variegate.errors import InputError, StoreError

__all__ = ["TRACKERS", "Tracker", "check_tracker", "open_tracker"]

TRACKERS = ("mlflow", "tensorboard")
# What MLflow allows in the name of a metric.
_NOT_IN_NAMES = re.compile(r"[^\w\-. :/]")


class Tracker(Protocol):
    """Takes params and artifacts once, metrics step by step."""

    def known(self, metric: str) -> set[int]:
        """The steps of this metric that a stopped run has left, and that need no telling again."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Set what a run was started with."""

    def metrics(self, values: Mapping[str, float | None], step: int) -> None:
        """Add numbers at a step; what is None or not finite is left out."""

    def artifact(self, path: Path) -> None:
        """Keep a file; a newer file of the same name takes its place."""


def check_tracker(kind: object) -> None:
    """Raise InputError for a tracker that is not known."""
    if kind is not None and kind not in TRACKERS:
        raise InputError(f"track: expected one of {', '.join(TRACKERS)}, got {kind!r}")


@contextmanager
def open_tracker(kind: str, out: Path, run: str) -> Iterator[Tracker]:
    """A tracker for the run called `run` (search, compare) of the folder `out`.

    mlflow writes where MLFLOW_TRACKING_URI says, else to out/mlflow.db and out/mlartifacts;
    tensorboard to out/tensorboard/`run`. Raises InputError, and StoreError where the tracker fails.
    """
    check_tracker(kind)
    try:
        made = _MLflow(out, run) if kind == "mlflow" else _TensorBoard(out, run)
    except OSError as error:
        raise StoreError(f"track {kind}: {error}. The search itself is not affected") from error
    ended = "FAILED"
    try:
        yield made
        ended = "FINISHED"
    except KeyboardInterrupt:
        ended = "KILLED"
        raise
    finally:
        made.close(ended)


def finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """The values that are numbers, under names that every tracker takes."""
    return {
        _NOT_IN_NAMES.sub("_", name)[:250]: float(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }


class _MLflow:
    """One MLflow run for each folder and kind of work, found again by its tags."""

    def __init__(self, out: Path, run: str) -> None:
        with _quiet():
            self._client: Any = import_module("mlflow").MlflowClient(
                tracking_uri=os.environ.get("MLFLOW_TRACKING_URI")
                or f"sqlite:///{out.absolute() / 'mlflow.db'}"
            )
            tags = {"variegate.out": str(out.absolute()), "variegate.run": run}
            experiment = self._experiment(out)
            where = " and ".join(f"tags.`{k}` = '{_quoted(v)}'" for k, v in tags.items())
            known = self._client.search_runs([experiment], filter_string=where, max_results=1)
            if known:
                self._run: str = known[0].info.run_id
                self._client.set_terminated(self._run, "RUNNING")
            else:
                made = self._client.create_run(experiment, tags=tags, run_name=f"{out.name} {run}")
                self._run = made.info.run_id

    def _experiment(self, out: Path) -> str:
        found = self._client.get_experiment_by_name("variegate")
        if found is not None:
            return str(found.experiment_id)
        own = None
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            own = (out.absolute() / "mlartifacts").as_uri()
        return str(self._client.create_experiment("variegate", artifact_location=own))

    def known(self, metric: str) -> set[int]:
        with _quiet():
            return {m.step for m in self._client.get_metric_history(self._run, metric)}

    def params(self, values: Mapping[str, Any]) -> None:
        with _quiet():
            there = self._client.get_run(self._run).data.params
            for name, value in values.items():
                if name not in there:  # MLflow refuses another value for a param
                    self._client.log_param(self._run, name, str(value)[:500])

    def metrics(self, values: Mapping[str, float | None], step: int) -> None:
        with _quiet():
            for name, value in finite(values).items():
                self._client.log_metric(self._run, name, value, step=step)

    def artifact(self, path: Path) -> None:
        with _quiet():
            self._client.log_artifact(self._run, str(path))

    def close(self, ended: str) -> None:
        with _quiet():
            self._client.set_terminated(self._run, ended)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


class _TensorBoard:
    """Event files in a folder; the newest takes the place of what a stopped run wrote."""

    def __init__(self, out: Path, run: str) -> None:
        with _quiet():
            module = import_module("torch.utils.tensorboard")
            folder = str(out / "tensorboard" / run)
            self._writer: Any = module.SummaryWriter(folder, purge_step=0)

    def known(self, metric: str) -> set[int]:
        return set()

    def params(self, values: Mapping[str, Any]) -> None:
        rows = "\n".join(f"| {name} | {str(v).replace('|', '/')} |" for name, v in values.items())
        self._text("params", f"| name | value |\n|---|---|\n{rows}")

    def metrics(self, values: Mapping[str, float | None], step: int) -> None:
        with _quiet():
            for name, value in finite(values).items():
                self._writer.add_scalar(name, value, step)
            self._writer.flush()

    def artifact(self, path: Path) -> None:
        """TensorBoard keeps no files: a policy is small enough to be a text."""
        if path.suffix == ".json" and path.stat().st_size < 100_000:
            content = json.loads(path.read_text(encoding="utf-8"))
            lines = json.dumps(content, indent=1).splitlines()
            self._text(path.name, "\n".join(f"    {line}" for line in lines))

    def _text(self, name: str, text: str) -> None:
        with _quiet():
            self._writer.add_text(name, text)

    def close(self, ended: str) -> None:
        with _quiet():
            self._writer.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the trackers' warnings and progress lines out of the caller's terminal."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
