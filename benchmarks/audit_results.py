"""What audits find, and searches in the space that an audit calls safe against the default space.

    python benchmarks/audit_results.py [--data FOLDER] [--out FOLDER] [--minutes 9] [--only PART...]

Parts: audit:SET (a whole audit, pictures in OUT/SET), random:SET and tpe:SET (searches). All are
done in the order of PARTS until the minutes of the processor are over; the same command goes on.
Every finished audit and training is one JSON line in OUT/SET.jsonl; benchmarks/audit_page.py makes
the page of them. One core.

A search sees training and validation images only, and so does the audit that makes its space. Each
training also predicts the test images, which choose nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from search_results import Job, Lines, read

from variegate.data import Dataset, Splits, load
from variegate.errors import VariegateError
from variegate.policy import Policy
from variegate.search import Schedule, default_space, run_study
from variegate.search.space_json import space_from_dict
from variegate.train import TrainSettings, predict, train_model
from variegate.workflow import audit
from variegate.workflow.scored import judged

# The meanings of the 43 numbers, as the set's own documentation has them.
SIGNS = (
    "limit 20", "limit 30", "limit 50", "limit 60", "limit 70", "limit 80", "end of limit 80",
    "limit 100", "limit 120", "no passing", "no passing for trucks", "right of way",
    "priority road", "yield", "stop", "no vehicles", "no trucks", "no entry", "danger",
    "dangerous curve left", "dangerous curve right", "double curve", "bumpy road", "slippery road",
    "narrows on the right", "road work", "traffic signals", "pedestrians", "children", "bicycles",
    "ice or snow", "wild animals", "end of all limits", "turn right ahead", "turn left ahead",
    "ahead only", "straight or right", "straight or left", "keep right", "keep left", "roundabout",
    "end of no passing", "end of no passing for trucks",
)  # fmt: skip
FASHION = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """A set for a whole audit: how it is read, and the audit's arguments."""

    source: str
    reading: dict[str, Any]
    asked: dict[str, Any]
    names: tuple[str, ...] | None = None


# Rows beside those of the search's space; digits get every op that there is.
TURNS = ["Rotate 90", "Rotate 180", "Rotate 270", "Rotate to 180"]
COLORS = ["Hue", "Grayscale", "ChannelShuffle", "HueSaturationValue", "RGBShift"]
AUDITS = {
    "digits": Whole("digits", {}, {}),
    "gtsrb": Whole(
        "gtsrb/gtsrb.npz", {}, {"epochs": 8, "images": 1500, "ops": TURNS + COLORS}, SIGNS
    ),
    "sign_digits": Whole(
        "sign_digits", {"size": (32, 32)}, {"epochs": 6, "images": 500, "ops": TURNS}
    ),
    "fashion_mnist": Whole(
        "fashion_mnist",
        {"limit_per_class": 150},
        {"epochs": 5, "images": 500, "ops": TURNS},
        FASHION,
    ),
    "flowers17": Whole(
        "flowers17", {"size": (32, 32)}, {"epochs": 12, "images": 500, "ops": TURNS + COLORS}
    ),
}
# A net of less than half the usual width: about a sixth of the time.
SETTINGS = {"threads": 1, "width": 12}
SEARCHES: dict[str, Job] = {
    "digits20": Job("digits", 20, 30, 16, test=0.6),
    "sign_digits": Job("sign_digits", 10, 40, 12, (16, 16), 1, test=0.5, batch=50),
    "fashion1k": Job("fashion_mnist", 100, 10, 12, limit=200, validation=0.5),
    "gtsrb": Job("gtsrb/gtsrb.npz", 9, 16, 12),
    "flowers17": Job("flowers17", 20, 24, 12, (32, 32), batch=17),
}
# Trainings of one search.
TRIALS = {"digits20": 20, "sign_digits": 20, "fashion1k": 12, "gtsrb": 12, "flowers17": 12}
SPACES = ("default", "safe")
# Numbers of searches in each space.
PARTS = (
    ("audit", "digits", 1),
    ("audit", "gtsrb", 1),
    ("audit", "sign_digits", 1),
    ("random", "digits20", 1),
    ("audit", "fashion_mnist", 1),
    ("random", "sign_digits", 1),
    ("audit", "flowers17", 1),
    ("random", "gtsrb", 1),
    ("random", "fashion1k", 1),
    ("random", "digits20", 2),
    ("random", "sign_digits", 2),
    ("random", "gtsrb", 2),
    ("random", "fashion1k", 2),
    ("tpe", "digits20", 2),
    ("random", "flowers17", 2),
)


class OutOfTimeError(Exception):
    """The minutes are over; everything that is finished is on disk."""


def with_names(data: Dataset, names: tuple[str, ...] | None) -> Dataset:
    """The set with names of its classes in place of numbers."""
    return data if names is None else replace(data, classes=names)


def whole(name: str, folder: Path, out: Path) -> None:
    """One whole audit, unless its line is there."""
    lines = Lines(out / f"{name}.jsonl")
    if lines.find(kind="audit") is not None:
        return
    start = time.process_time()
    job = AUDITS[name]
    source = job.source if job.source == "digits" else str(folder / job.source)
    data = load(source, **job.reading)
    parts = {key: getattr(data, key) for key in ("test", "validation")}
    named = {key: part and with_names(part, job.names) for key, part in parts.items()}
    data = replace(with_names(replace(data, test=None, validation=None), job.names), **named)
    settings = {"threads": 1} if name == "digits" else SETTINGS
    made = audit(data, out=out / name, settings=settings, **job.asked)
    # Where the data lies is this machine's own business.
    text = json.dumps(made.to_dict()).replace(f"{folder.resolve()}/", "")
    document = json.loads(text)
    keep = ("seconds", "clean", "findings", "hints", "concerns", "safe")
    rows = [
        [row["name"], [[level["magnitude"], level["affinity"]] for level in row["magnitudes"]]]
        for row in document["rows"]
    ]
    lines.add(
        {
            "kind": "audit",
            "classes": document["classes"],
            "understood": document["data"]["understood"],
            "seconds": sum(document["seconds"].values()),
            "cpu_seconds": time.process_time() - start,
            "rows": rows,
            **{key: document[key] for key in keep if key != "seconds"},
        }
    )


@dataclass
class Bench:
    """What the searches of one set share."""

    name: str
    job: Job
    parts: Splits
    settings: TrainSettings
    out: Path
    lines: Lines
    until: float

    @property
    def job_set(self) -> str:
        """The set's name among AUDITS, which has the names of its classes."""
        source = self.job.source.split("/")[0]
        return source if source in AUDITS else "digits"

    def spaces(self) -> dict[str, Any]:
        """The default space, and what an audit of training and validation images leaves of it."""
        channels = self.parts.train.images.shape[-1]
        row = self.lines.find(kind="space")
        if row is None:
            named = {
                key: with_names(getattr(self.parts, key), AUDITS[self.job_set].names)
                for key in ("train", "validation", "test")
            }
            start = time.process_time()
            made = audit(
                replace(named["train"], validation=named["validation"], test=named["test"]),
                ops=[],
                epochs=self.job.epochs,
                settings=self.settings.to_dict(),
                out=self.out / f"{self.name}-space",
            )
            seconds = time.process_time() - start
            row = {"kind": "space", "space": made.document["space"], "cpu_seconds": seconds}
            row["clean"] = made.document["clean"]["accuracy"]
            self.lines.add(row)
        safe = space_from_dict(row["space"])
        return {"default": default_space("random", channels=channels), "safe": safe}

    def search(self, method: str, space: str, number: int) -> None:
        """One search; each training is a line."""
        keys = {"kind": "trial", "method": method, "space": space, "search": number}
        done = [r for r in self.lines.rows if all(r.get(k) == v for k, v in keys.items())]
        if len(done) >= TRIALS[self.name]:
            return
        known = {(row["policy_seed"], str(row["policy"])): row for row in done}

        def evaluate(policy: Policy, budget: int, seed: int) -> Any:
            plain = policy.to_dict()
            row = known.get((seed, str(plain)))
            if row is None:
                row = self.lines.add({**keys, **self.train(policy, budget, seed)})
            return _Value(row["accuracy"], row["value"])

        drawn = self.spaces()[space]
        if time.process_time() > self.until:
            raise OutOfTimeError
        folder = self.out / "studies" / f"{self.name}-{method}-{space}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = run_study(
                evaluate,
                method=method,
                space=drawn,
                schedule=Schedule.plain(TRIALS[self.name], self.job.epochs),
                seed=100 + number,
                store=folder / "study.db",
                name="search",
                stop=lambda: time.process_time() > self.until,
            )
        except VariegateError:
            # A study that was stopped before its first trial has nothing to give.
            if time.process_time() > self.until:
                raise OutOfTimeError from None
            raise
        if result.stopped:
            raise OutOfTimeError

    def train(self, policy: Policy, budget: int, seed: int) -> dict[str, Any]:
        """One training: validation scores, and the test accuracy beside them."""
        start = time.process_time()
        model = train_model(
            self.parts.train, policy, epochs=budget, seed=seed, settings=self.settings
        )
        held, test = self.parts.validation, self.parts.test
        scores = judged(predict(model, held.images), held.labels)
        found = predict(model, test.images).argmax(axis=1)
        return {
            "policy": policy.to_dict(),
            "policy_seed": seed,
            "accuracy": scores.accuracy,
            "value": scores.value,
            "test": float((found == test.labels).mean()),
            "seconds": time.process_time() - start,
        }


@dataclass(frozen=True)
class _Value:
    """What a study ranks by."""

    accuracy: float
    value: float


def searches(name: str, method: str, count: int, folder: Path, out: Path, until: float) -> None:
    """Searches in both spaces, in turns, so that a stop leaves as many of each."""
    job = SEARCHES[name]
    parts = read(job, folder)
    settings = TrainSettings.for_data(parts.train, width=job.width, batch_size=job.batch, threads=1)
    lines = Lines(out / f"{name}-search.jsonl")
    bench = Bench(name, job, parts, settings, out, lines, until)
    if lines.find(kind="data") is None:
        sizes = [len(parts.train), len(parts.validation), len(parts.test)]
        image = list(parts.train.images.shape[1:])
        row = {"kind": "data", "sizes": sizes, "image": image, "epochs": job.epochs}
        lines.add({**row, "classes": len(np.unique(parts.test.labels))})
    for number in range(count):
        for space in SPACES:
            bench.search(method, space, number)


def main() -> None:
    """Goes through the parts until the minutes are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/audit-results"))
    parser.add_argument("--minutes", type=float, default=9.0, help="of the processor")
    parser.add_argument("--only", nargs="*", default=None)
    arguments = parser.parse_args()
    until = time.process_time() + 60 * arguments.minutes
    for kind, name, count in PARTS:
        if arguments.only is not None and f"{kind}:{name}" not in arguments.only:
            continue
        if time.process_time() > until:
            print("the minutes are over; run it again to go on")
            return
        try:
            if kind == "audit":
                whole(name, arguments.data, arguments.out)
            else:
                searches(name, kind, count, arguments.data, arguments.out, until)
        except OutOfTimeError:
            print("the minutes are over; run it again to go on")
            return
    print("all parts are done")


if __name__ == "__main__":
    main()
