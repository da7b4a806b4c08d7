"""Search methods against each other and the controls on small sets, for docs/results/search.md.

    python benchmarks/search_results.py SET [--data FOLDER] [--out FOLDER] [--searches 3]

Every finished search and every finished training of the final comparison is one JSON line in
OUT/SET.jsonl; the same command goes on where it was stopped. All searches have the same budget in
trainings. The test images are predicted once by each finally trained model and choose nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from variegate.data import Dataset, Splits, load, split
from variegate.policy import Policy
from variegate.search import Objective, RandAugmentSpace, Schedule, default_space, run_study
from variegate.search.guided import guided_schedule
from variegate.train import TrainSettings, predict, train_model
from variegate.workflow.guided import CLEAN, control_policies, judged, matching, narrowed

TRAININGS = 22


@dataclass(frozen=True)
class Job:
    """A data set, how it is divided, and the training that all arms get."""

    source: str
    per_class: int
    epochs: int
    width: int
    size: tuple[int, int] | None = None
    channels: int | None = None
    limit: int | None = None
    validation: float = 0.2
    test: float = 0.2
    batch: int = 32


JOBS = {
    "digits5": Job("digits", 5, 50, 16, test=0.6),
    "digits20": Job("digits", 20, 30, 16, test=0.6),
    "sign_digits": Job("sign_digits", 10, 40, 12, (16, 16), 1, test=0.5, batch=50),
    "sign_digits_long": Job("sign_digits", 10, 160, 12, (16, 16), 1, test=0.5, batch=50),
    "gtsrb": Job("gtsrb/gtsrb.npz", 9, 16, 12),
    "pneumonia": Job("pneumoniamnist/pneumoniamnist.npz", 40, 40, 12),
    "fashion1k": Job("fashion_mnist", 100, 10, 12, limit=200, validation=0.5),
    "fashion4k": Job("fashion_mnist", 400, 8, 12, limit=600, validation=1 / 3),
}
SEARCHED = ("guided", "random", "tpe", "grid")


class Lines:
    """The file of results: one JSON object a line, each written once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
        self.rows = [json.loads(line) for line in whole]

    def find(self, **keys: Any) -> dict[str, Any] | None:
        """The row with these values."""
        return next((r for r in self.rows if all(r.get(k) == v for k, v in keys.items())), None)

    def add(self, row: dict[str, Any]) -> dict[str, Any]:
        """Write a row, on disk before this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
        self.rows.append(row)
        print(f"{time.strftime('%H:%M:%S')} {self.path.stem} {short(row)}", flush=True)
        return row


def short(row: dict[str, Any]) -> str:
    """A row for the terminal."""
    keys = ("kind", "arm", "search", "seed", "accuracy", "value", "seconds", "verdict")
    return " ".join(f"{k}={row[k]}" for k in keys if k in row)


def read(job: Job, folder: Path) -> Splits:
    """The set, divided."""
    source = job.source if job.source == "digits" else str(folder / job.source)
    data = load(source, size=job.size, channels=job.channels, limit_per_class=job.limit)
    return split(
        data, seed=0, train_per_class=job.per_class, validation=job.validation, test=job.test
    )


@dataclass
class Bench:
    """What every search and training of one set shares."""

    name: str
    job: Job
    parts: Splits
    settings: TrainSettings
    out: Path
    lines: Lines

    def objective(self) -> Objective:
        """Train under a policy and score on the validation images."""
        train, held = self.parts.train, self.parts.validation

        def evaluate(policy: Policy, budget: int, seed: int) -> Any:
            trained = train_model(train, policy, epochs=budget, seed=seed, settings=self.settings)
            return judged(predict(trained, held.images), held.labels)

        return evaluate

    def search(self, method: str, number: int, trainings: int) -> dict[str, Any]:
        """One search of a method, from its own seed; its row has the policy and the cost."""
        arm = {"arm": method, "search": number}
        row = self.lines.find(kind="search", **arm)
        if row is not None:
            return row
        folder = self.out / self.name / f"{method}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        cpu = time.process_time()
        result, more = FINDERS[method](self, folder, number, trainings)
        row = {
            "kind": "search",
            **arm,
            "policy": result.best.to_dict(),
            "value": result.best_value,
            "seconds": result.seconds,
            "cpu_seconds": time.process_time() - cpu,
            "trainings": result.cost.full_trainings,
            "calls": result.cost.trainings,
            "verdict": result.verdict,
            "plan": str(result.cost),
            **more,
        }
        return self.lines.add(row)

    def train(self, arm: str, policy: Policy, seed: int, search: int | None = None) -> None:
        """Train once and predict the test images."""
        keys = {"kind": "test", "arm": arm, "search": search, "seed": seed}
        if self.lines.find(**keys) is not None:
            return
        start = time.perf_counter()
        trained = train_model(
            self.parts.train,
            policy,
            epochs=self.job.epochs,
            seed=seed,
            settings=self.settings,
        )
        found = predict(trained, self.parts.test.images).argmax(axis=1)
        accuracy = float((found == self.parts.test.labels).mean())
        seconds = time.perf_counter() - start
        row = {**keys, "accuracy": accuracy, "seconds": seconds, "predictions": found.tolist()}
        self.lines.add(row)


def plain(bench: Bench, folder: Path, number: int, trainings: int, method: str) -> Any:
    """A search of single trainings at the full budget: random, TPE or RandAugment's grid."""
    channels = bench.parts.train.images.shape[-1]
    space = RandAugmentSpace() if method == "grid" else default_space(method, channels=channels)
    count = 15 if method == "grid" else trainings
    result = run_study(
        bench.objective(),
        method=method,
        space=space,
        schedule=Schedule.plain(count, bench.job.epochs),
        seed=number,
        store=folder / "study.db",
        name="search",
    )
    return result, {}


def guided(bench: Bench, folder: Path, number: int, trainings: int) -> Any:
    """The guided search: its clean models count as trainings too."""
    train, held = bench.parts.train, bench.parts.validation
    controls = control_policies((train.images.shape[1], train.images.shape[2]))
    match = matching(train, held, bench.settings, bench.job.epochs)
    space = default_space("guided", channels=train.images.shape[-1])
    small, scores = narrowed(space, match, f"{bench.name}", folder, None)
    result = run_study(
        bench.objective(),
        method="guided",
        space=small,
        schedule=guided_schedule(trainings - CLEAN, bench.job.epochs, len(controls)),
        controls=controls,
        seed=number,
        store=folder / "study.db",
        name="search",
    )
    return result, {"ops": [score.to_dict() for score in scores]}


def _plain(method: str) -> Callable[..., Any]:
    return lambda bench, folder, number, trainings: plain(bench, folder, number, trainings, method)


FINDERS: dict[str, Callable[..., Any]] = {
    "guided": guided,
    "random": _plain("random"),
    "tpe": _plain("tpe"),
    "grid": _plain("grid"),
}


def arms_of(
    bench: Bench, methods: list[str], searches: int
) -> Iterator[tuple[str, int | None, Any]]:
    """Every arm of the final comparison: name, number of its search, policy."""
    for number in range(searches):
        for method in methods:
            row = bench.lines.find(kind="search", arm=method, search=number)
            if row is not None:
                yield method, number, Policy.from_dict(row["policy"])


def main() -> None:
    """Runs one set; the same command resumes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=JOBS)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/search-results"))
    parser.add_argument("--searches", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trainings", type=int, default=TRAININGS)
    parser.add_argument("--methods", default=",".join(SEARCHED))
    arguments = parser.parse_args()
    job = JOBS[arguments.set]
    parts = read(job, arguments.data)
    settings = TrainSettings.for_data(parts.train, width=job.width, batch_size=job.batch, threads=1)
    lines = Lines(arguments.out / f"{arguments.set}.jsonl")
    bench = Bench(arguments.set, job, parts, settings, arguments.out, lines)
    if lines.find(kind="data") is None:
        lines.add(describe(parts, job, settings))
    methods = arguments.methods.split(",")
    for number in range(arguments.searches):
        for method in methods:
            bench.search(method, number, arguments.trainings)
        run_tests(bench, methods, number, arguments.seeds)


def describe(parts: Splits, job: Job, settings: TrainSettings) -> dict[str, Any]:
    """The first row: the data and the training."""
    sets: dict[str, Dataset] = {
        "train": parts.train,
        "validation": parts.validation,
        "test": parts.test,
    }
    return {
        "kind": "data",
        "sizes": {name: len(own) for name, own in sets.items()},
        "image": list(parts.train.images.shape[1:]),
        "classes": len(parts.train.classes),
        "epochs": job.epochs,
        "settings": settings.to_dict(),
        "labels": np.asarray(parts.test.labels).tolist(),
    }


def run_tests(bench: Bench, methods: list[str], number: int, seeds: int) -> None:
    """Train the controls and the policies of this round of searches, from the round's seeds.

    The seeds of round k are 1000 + k * seeds and on, so that every round has its own.
    """
    images = bench.parts.train.images
    controls = control_policies((images.shape[1], images.shape[2]))
    for seed in range(1000 + number * seeds, 1000 + (number + 1) * seeds):
        for name, policy in controls.items():
            bench.train(name, policy, seed)
        for method, own, policy in arms_of(bench, methods, number + 1):
            if own == number:
                bench.train(method, policy, seed, own)


if __name__ == "__main__":
    main()
