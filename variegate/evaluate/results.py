"""The record of a comparison as data: who predicted what, with which seed, in how many seconds."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError, StoreError
from variegate.evaluate.files import write_atomic

SCHEMA = "variegate.comparison"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Run:
    """One finished training: arm, seed, predictions (n,), probabilities (n, classes) or None.

    `seconds` is training time, `epochs` the passes over the training set, `corrupted` the accuracy
    at each severity of a corruption, by its name.
    """

    arm: str
    seed: int
    predictions: NDArray[np.int64]
    seconds: float
    epochs: int
    probabilities: NDArray[np.float32] | None = None
    corrupted: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"run {self.arm!r}, seed {self.seed}"
        object.__setattr__(self, "predictions", _whole(self.predictions, f"{where}: predictions"))
        if not np.isfinite(self.seconds) or self.seconds < 0:
            raise InputError(f"{where}: seconds must be 0 or more, got {self.seconds!r}")
        rows = {str(name): tuple(map(float, own)) for name, own in self.corrupted.items()}
        object.__setattr__(self, "corrupted", rows)
        if any(not own or not 0 <= value <= 1 for own in rows.values() for value in own or (0,)):
            raise InputError(f"{where}: corrupted: expected accuracies on 0..1, got {rows}")
        if self.probabilities is not None:
            values = np.asarray(self.probabilities, dtype=np.float32)
            if values.ndim != 2 or len(values) != len(self.predictions):
                raise InputError(
                    f"{where}: probabilities must have shape ({len(self.predictions)}, classes), "
                    f"got {values.shape}"
                )
            object.__setattr__(self, "probabilities", values)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All runs of all arms on one test set.

    `labels` (n,) are the true class indices, `arms` the order of the arms (an arm may still be
    without runs), `settings` and `versions` plain data, `commands` what made this record. `fresh`
    are seeds that only confirm what the other seeds say of single classes.
    """

    dataset: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    arms: tuple[str, ...]
    runs: tuple[Run, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(str(name) for name in self.classes))
        object.__setattr__(self, "arms", tuple(str(name) for name in self.arms))
        object.__setattr__(self, "runs", tuple(self.runs))
        object.__setattr__(self, "fresh", tuple(int(seed) for seed in self.fresh))
        object.__setattr__(self, "commands", tuple(str(line) for line in self.commands))
        object.__setattr__(self, "labels", _whole(self.labels, "labels"))
        _check(self)

    def with_run(self, run: Run) -> Comparison:
        """Give a new record with one more run, which replaces one of the same arm and seed."""
        kept = tuple(r for r in self.runs if (r.arm, r.seed) != (run.arm, run.seed))
        return replace(self, runs=(*kept, run))

    def seeds(self, arm: str) -> tuple[int, ...]:
        """Give the seeds for which the arm has a run, in rising order; fresh ones are left out."""
        return tuple(seed for seed in self._seeds(arm) if seed not in self.fresh)

    def fresh_seeds(self, arm: str) -> tuple[int, ...]:
        """Give the fresh seeds for which the arm has a run, in rising order."""
        return tuple(seed for seed in self._seeds(arm) if seed in self.fresh)

    def _seeds(self, arm: str) -> list[int]:
        return sorted(run.seed for run in self.runs if run.arm == arm)

    def correct(self, arm: str, seeds: Sequence[int]) -> NDArray[np.bool_]:
        """Give which images the arm got right, bool (seeds, images)."""
        return np.equal(self.predictions(arm, seeds), self.labels)

    def predictions(self, arm: str, seeds: Sequence[int]) -> NDArray[np.int64]:
        """Give what the arm took each image for, (seeds, images)."""
        found = {run.seed: run.predictions for run in self.runs if run.arm == arm}
        missing = [seed for seed in seeds if seed not in found]
        if missing:
            raise InputError(f"arm {arm!r} has no run with seed {missing[0]}")
        rows = [found[seed] for seed in seeds]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(self.labels))

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "dataset": self.dataset,
            "classes": list(self.classes),
            "labels": self.labels.tolist(),
            "arms": list(self.arms),
            "runs": [_run_to_dict(run) for run in self.runs],
            "settings": dict(self.settings),
            "commands": list(self.commands),
            "versions": dict(self.versions),
            "fresh": list(self.fresh),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Comparison:
        """Build the record from plain data; raises StoreError for another schema or a newer one."""
        _check_schema(data)
        try:
            return cls(
                dataset=str(data["dataset"]),
                classes=tuple(data["classes"]),
                labels=np.asarray(data["labels"]),
                arms=tuple(data["arms"]),
                runs=tuple(_run_from_dict(run) for run in data["runs"]),
                settings=dict(data.get("settings", {})),
                commands=tuple(data.get("commands", ())),
                versions=dict(data.get("versions", {})),
                fresh=tuple(data.get("fresh", ())),
            )
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, binascii.Error) as problem:
            name = type(problem).__name__
            raise StoreError(f"not a whole comparison: {name} {problem}") from problem

    def save(self, path: str | Path) -> Path:
        """Write the record as JSON, whole or not at all; give the path."""
        try:
            text = json.dumps(self.to_dict(), separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as problem:
            message = f"settings and versions must be plain JSON data: {problem}"
            raise InputError(message) from problem
        return write_atomic(path, text + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Read a record; raises StoreError with the path if it is no whole comparison."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as problem:
            raise StoreError(f"{path}: cannot be read as JSON: {problem}") from problem
        try:
            return cls.from_dict(data)
        except (StoreError, InputError) as problem:
            raise StoreError(f"{path}: {problem}") from problem


def _whole(values: object, where: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(
            f"{where}: expected whole numbers in one dimension, got {array.dtype} {array.shape}"
        )
    return array.astype(np.int64)


def _check(record: Comparison) -> None:
    if not record.classes:
        raise InputError("classes: at least one class is needed")
    if not len(record.labels):
        raise InputError("labels: at least one test image is needed")
    if not record.arms or len(set(record.arms)) != len(record.arms):
        raise InputError(f"arms: expected names that differ, got {list(record.arms)}")
    _check_range(record.labels, len(record.classes), "labels")
    seen: set[tuple[str, int]] = set()
    for run in record.runs:
        where = f"run {run.arm!r}, seed {run.seed}"
        if run.arm not in record.arms:
            raise InputError(f"{where}: the arm is not one of {list(record.arms)}")
        if (run.arm, run.seed) in seen:
            raise InputError(f"{where}: given twice")
        seen.add((run.arm, run.seed))
        if len(run.predictions) != len(record.labels):
            raise InputError(
                f"{where}: {len(run.predictions)} predictions for {len(record.labels)} test images"
            )
        _check_range(run.predictions, len(record.classes), f"{where}: predictions")
        if run.probabilities is not None and run.probabilities.shape[1] != len(record.classes):
            raise InputError(f"{where}: probabilities need {len(record.classes)} columns")


def _check_range(values: NDArray[np.int64], classes: int, where: str) -> None:
    bad = np.flatnonzero((values < 0) | (values >= classes))
    if len(bad):
        raise InputError(f"{where}[{bad[0]}]: expected 0..{classes - 1}, got {values[bad[0]]}")


def _check_schema(data: object) -> None:
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
        raise StoreError(f"expected a file of schema {SCHEMA!r}, got {found!r}")
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise StoreError(f"{SCHEMA}: version must be a whole number from 1, got {version!r}")
    if version > VERSION:
        raise StoreError(
            f"{SCHEMA}: version {version} is newer than this program, which reads up to "
            f"{VERSION}; install a newer variegate"
        )


def _run_to_dict(run: Run) -> dict[str, Any]:
    data: dict[str, Any] = {
        "arm": run.arm,
        "seed": int(run.seed),
        "seconds": float(run.seconds),
        "epochs": int(run.epochs),
        "predictions": run.predictions.tolist(),
    }
    if run.corrupted:
        data["corrupted"] = {name: list(own) for name, own in run.corrupted.items()}
    if run.probabilities is not None:
        little = run.probabilities.astype("<f4")
        data["probabilities"] = {
            "shape": list(little.shape),
            "float32_base64": base64.b64encode(little.tobytes()).decode("ascii"),
        }
    return data


def _run_from_dict(data: Mapping[str, Any]) -> Run:
    probabilities = None
    packed = data.get("probabilities")
    if packed is not None:
        raw = base64.b64decode(packed["float32_base64"], validate=True)
        rows, columns = (int(size) for size in packed["shape"])
        probabilities = np.frombuffer(raw, dtype="<f4").reshape(rows, columns).astype(np.float32)
    return Run(
        arm=str(data["arm"]),
        seed=int(data["seed"]),
        predictions=np.asarray(data["predictions"]),
        seconds=float(data["seconds"]),
        epochs=int(data["epochs"]),
        probabilities=probabilities,
        corrupted=dict(data.get("corrupted", {})),
    )
