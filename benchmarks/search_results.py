"""Search methods against each other and the controls on small sets, for docs/results/search.md.

    python benchmarks/search_results.py SET [--data FOLDER] [--out FOLDER] [--searches 3]
    python benchmarks/search_results.py SET --plateau 10,20,40,80

The second trains without augmentation and under TrivialAugment for so many epochs and prints
accuracies on training and validation images: where they no longer rise, trainings are long enough.

Every finished search and every finished training of the final comparison is one JSON line in
OUT/SET.jsonl; the same command goes on where it was stopped. All searches have the same budget in
trainings. The test images are predicted once by each finally trained model and choose nothing; a
training's line has one bit an image, in hexadecimal digits: was it right? The finished files lie in
benchmarks/results/search.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from variegate.data import Dataset, Splits, load, split
from variegate.policy import Policy
from variegate.policy.nodes import TrivialAugment
from variegate.search import ChoiceSpace, Objective, Schedule, default_space, run_study
from variegate.search.guided import guided_schedule
from variegate.train import TrainSettings, predict, train_model
from variegate.workflow.density import candidates
from variegate.workflow.guided import CLEAN, control_policies, matching, narrowed
from variegate.workflow.scored import judged

TRAININGS = 21
DENSITY_FOLDS, CANDIDATES = 3, 60


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
    classes: int | None = None
    validation: float = 0.2
    test: float = 0.2
    batch: int = 32
    model: str = "lenet"
    own_parts: bool = True  # else only the set's training images are used, for all three parts


JOBS = {
    "digits20": Job("digits", 20, 40, 16, test=0.6, batch=64),
    "sign_digits": Job("sign_digits", 10, 60, 8, (20, 20), 1, test=0.5, batch=50),
    "gtsrb12": Job("gtsrb/gtsrb.npz", 9, 80, 8, classes=12, batch=36),
    "pneumonia": Job("pneumoniamnist/pneumoniamnist.npz", 40, 60, 8, batch=40),
    # The set's own validation and test images differ from each other; these do not.
    "pneumonia_same": Job(
        "pneumoniamnist/pneumoniamnist.npz", 40, 60, 8, batch=40, own_parts=False
    ),
    "fashion1k": Job("fashion_mnist", 100, 15, 8, limit=200, validation=0.5, batch=50),
    "fashion4k": Job("fashion_mnist", 400, 8, 8, limit=600, validation=1 / 3, batch=50),
}
SEARCHED = ("guided", "random")


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
    data = data if job.own_parts else replace(data, validation=None, test=None)
    parts = split(
        data, seed=0, train_per_class=job.per_class, validation=job.validation, test=job.test
    )
    if job.classes is None:
        return parts
    sets = (parts.train, parts.validation, parts.test)
    return Splits(*(first_classes(own, job.classes) for own in sets))


def first_classes(data: Dataset, count: int) -> Dataset:
    """The images of the first `count` classes."""
    few = data.take(np.flatnonzero(data.labels < count))
    return replace(few, classes=data.classes[:count])


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
            "chosen": chosen(result.best_number),
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
        correct = found == self.parts.test.labels
        row = {
            **keys,
            "accuracy": float(correct.mean()),
            "seconds": time.perf_counter() - start,
            "correct": np.packbits(correct).tobytes().hex(),
        }
        self.lines.add(row)


def chosen(number: int | None) -> str:
    """What a search ended with, in words."""
    if number is None:
        return "a control"
    return "the first trial" if number == 0 else "another trial"


def plain(bench: Bench, folder: Path, number: int, trainings: int, method: str) -> Any:
    """A search of single trainings at the full budget: all methods but guided and density."""
    channels = bench.parts.train.images.shape[-1]
    size = bench.parts.train.images.shape[1:3]
    space = default_space(method, channels=channels, size=size, epochs=bench.job.epochs)
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
    images = train.images
    space = default_space("guided", channels=images.shape[-1], size=images.shape[1:3])
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


def by_density(bench: Bench, folder: Path, number: int, trainings: int) -> Any:
    """Density matching: its clean models are trainings, its candidates forward passes."""
    images = bench.parts.train.images
    space = default_space("density", channels=images.shape[-1])
    match = matching(
        bench.parts.train,
        bench.parts.validation,
        bench.settings,
        bench.job.epochs,
        count=DENSITY_FOLDS,
    )
    policy = candidates(
        run_study,
        space,
        match,
        count=CANDIDATES,
        reward="accuracy",
        seed=number,
        store=folder / "study.db",
        mark=bench.name,
        progress=None,
    )
    if policy is None:
        raise RuntimeError("the search was stopped")
    result = run_study(
        bench.objective(),
        method="density",
        space=ChoiceSpace((tuple(policy.to_dict()["steps"]),)),
        epochs=bench.job.epochs,
        seed=number,
        store=folder / "study.db",
        name="search",
    )
    return result, {"candidates": CANDIDATES * len(match.folds), "clean": len(match.folds)}


def _plain(method: str) -> Callable[..., Any]:
    return lambda bench, folder, number, trainings: plain(bench, folder, number, trainings, method)


FINDERS: dict[str, Callable[..., Any]] = {
    "guided": guided,
    "random": _plain("random"),
    "tpe": _plain("tpe"),
    "grid": _plain("grid"),
    "autoaugment": _plain("autoaugment"),
    "pba": _plain("pba"),
    "density": by_density,
}


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
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--plateau", help="Epochs to try, with commas; nothing else is done.")
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    job = JOBS[arguments.set]
    parts = read(job, arguments.data)
    settings = TrainSettings.for_data(
        parts.train, width=job.width, batch_size=job.batch, threads=1, model=job.model
    )
    if arguments.plateau:
        plateau(parts, settings, [int(part) for part in arguments.plateau.split(",")])
        return
    lines = Lines(arguments.out / f"{arguments.set}.jsonl")
    bench = Bench(arguments.set, job, parts, settings, arguments.out, lines)
    if lines.find(kind="data") is None:
        lines.add(describe(parts, job, settings))
    methods = arguments.methods.split(",")
    for number in range(arguments.searches):
        for work in round_of(bench, methods, number, arguments.trainings, arguments.seeds):
            if time.monotonic() > until:
                print("out of time; the same command goes on")
                return
            work()


def plateau(parts: Splits, settings: TrainSettings, lengths: list[int]) -> None:
    """Print training and validation accuracy for trainings of several lengths."""
    for epochs in lengths:
        for name, policy in (("none", None), ("trivial", Policy((TrivialAugment(),)))):
            start = time.thread_time()
            trained = train_model(parts.train, policy, epochs=epochs, seed=7, settings=settings)
            seconds = time.thread_time() - start
            found = [
                float((predict(trained, own.images).argmax(axis=1) == own.labels).mean())
                for own in (parts.train, parts.validation)
            ]
            print(
                f"{epochs:4d} epochs, {name:7s}: training {100 * found[0]:.1f} %, validation "
                f"{100 * found[1]:.1f} %, loss {trained.history[-1].loss:.3f}, {seconds:.1f} s",
                flush=True,
            )


def round_of(
    bench: Bench, methods: list[str], number: int, trainings: int, seeds: int
) -> Iterator[Callable[[], object]]:
    """The searches of one round and the trainings that judge them, one after the other.

    The seeds of round k are 1000 + k * seeds and on, so that every round has its own.
    """
    for method in methods:
        yield partial(bench.search, method, number, trainings)
    images = bench.parts.train.images
    controls = control_policies((images.shape[1], images.shape[2]))
    for seed in range(1000 + number * seeds, 1000 + (number + 1) * seeds):
        for name, policy in controls.items():
            yield partial(bench.train, name, policy, seed)
        for method in methods:
            row = bench.lines.find(kind="search", arm=method, search=number)
            if row is not None:
                policy = Policy.from_dict(row["policy"])
                yield partial(bench.train, method, policy, seed, number)


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
    }


if __name__ == "__main__":
    main()
