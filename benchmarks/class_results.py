"""Policies by class against the global policy they come from; results as JSON lines.

python benchmarks/class_results.py digits runs/classes
python benchmarks/class_results.py gtsrb runs/classes ../shared/data
python benchmarks/class_results.py fashion runs/classes ../shared/data

Each call goes on where an earlier one was stopped, also by Ctrl-C, and ends by writing
RUNS/SET.jsonl of all that is stored; with --stored it does that alone. `class_page.py` makes the
page of it. The global policies of digits and gtsrb have flips and turns to any side on purpose:
that is what harms classes. They are given, not searched.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import variegate as vg
from variegate import workflow
from variegate.data import Dataset, load
from variegate.evaluate import Comparison
from variegate.evaluate.calibration import calibration_error
from variegate.policy.curriculum import Curriculum
from variegate.policy.perclass import Change, changed
from variegate.workflow.compare import RECORD

SENSITIVE = vg.Policy(
    (
        vg.HorizontalFlip(p=0.5),
        vg.VerticalFlip(p=0.5),
        vg.Rotate(angle=(-180, 180), p=0.5),
        vg.TrivialAugment(),
    )
)
TRIVIAL = vg.Policy((vg.TrivialAugment(),))


@dataclass(frozen=True)
class Job:
    """One set: the global policy, how many seeds, and what is asked of the workflow."""

    policy: vg.Policy
    seeds: int
    confirm: int
    choose: int
    reading: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    imbalanced: bool = False


JOBS = {
    "digits": Job(SENSITIVE, 10, 5, 2, {"train_per_class": 20, "test": 0.6}, {}, 30),
    "gtsrb": Job(
        SENSITIVE, 5, 3, 2, {"train_per_class": 15, "validation": 0.3},
        {"model": "lenet", "width": 12}, 60,
    ),
    "fashion": Job(TRIVIAL, 5, 3, 2, {}, {"model": "lenet", "width": 12}, 40, imbalanced=True),
}  # fmt: skip


def long_tailed(root: Path) -> Dataset:
    """Fashion-MNIST with 400 down to 20 training images of a class, 40 to choose, 200 to test."""
    whole = load(root / "fashion_mnist")
    draw = np.random.default_rng(0)
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for label in range(10):
        own = draw.permutation(np.flatnonzero(whole.labels == label))
        count = round(400 * 20 ** (-label / 9))
        parts["train"] += own[:count].tolist()
        parts["validation"] += own[count : count + 40].tolist()
        parts["test"] += own[count + 40 : count + 240].tolist()
    made = {name: whole.take(np.array(ids)) for name, ids in parts.items()}
    train = replace(made["train"], test=made["test"], validation=made["validation"])
    return replace(train, name="fashion_mnist, long-tailed")


def data_of(name: str, root: Path | None) -> Any:
    """What the workflow reads."""
    if name == "digits":
        return "digits"
    if root is None:
        raise SystemExit(f"{name}: give the folder of the data sets too")
    return long_tailed(root) if name == "fashion" else root / "gtsrb" / "gtsrb.npz"


def say(event: Any) -> None:
    """Print what a person would want to see."""
    if event.kind != "progress" or event.text.startswith("run"):
        print(event.text, flush=True)


def weaker(policy: vg.Policy) -> vg.Policy:
    """The control: every strength halved for every class."""
    return vg.Policy(tuple(changed(step, Change(0.5)) for step in policy.steps))


def run(job: Job, data: Any, out: Path) -> None:
    """Choose a policy by class, then compare."""
    common: dict[str, Any] = {"epochs": job.epochs, "progress": say, **job.reading}
    made = workflow.by_class(
        data, policy=job.policy, seeds=job.choose, settings=job.settings, out=out, **common
    )
    print("\n".join(made.lines()), flush=True)
    arms: dict[str, Any] = {"none": None, "trivial": TRIVIAL, "global": job.policy}
    arms |= {"weaker": weaker(job.policy), "found": made.best}
    if job.imbalanced:
        del arms["global"]  # it is TrivialAugment
        arms = {**arms, "cuda": Curriculum()}
        arms["found"] = arms.pop("found")
    call: dict[str, Any] = {"seeds": job.seeds, "join_validation": False, **common}
    workflow.compare(
        data, arms=arms, confirm=job.confirm, robustness="unseen", settings=job.settings, out=out,
        **call,
    )  # fmt: skip
    if not job.imbalanced:
        return
    settings = {**job.settings, "balance": 1.0}
    few = {"none": None, "trivial": TRIVIAL}
    workflow.compare(data, arms=few, confirm=0, settings=settings, out=out / "balance", **call)


def lines(name: str, records: list[Comparison], chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everything as rows: the data, the choice, and one row a training."""
    first = records[0]
    rows: list[dict[str, Any]] = [
        {
            "kind": "data", "set": name, "name": first.dataset, "classes": list(first.classes),
            "labels": first.labels.tolist(), "fresh": list(first.fresh),
            "counts": first.settings["class counts"], "versions": dict(first.versions),
            "images": first.settings["training images"], "epochs": first.settings["epochs"],
        },
        {"kind": "choice", **{k: chosen[k] for k in ("caps", "growing", "chosen", "candidates")}},
    ]  # fmt: skip
    for suffix, record in zip(("", "+balance"), records, strict=False):
        for one in record.runs:
            sure = one.probabilities
            if sure is None:
                raise SystemExit(f"{one.arm}, seed {one.seed}: no probabilities are stored")
            rows.append(
                {
                    "kind": "run", "arm": one.arm + suffix, "seed": one.seed,
                    "seconds": round(one.seconds, 2), "epochs": one.epochs,
                    "predictions": one.predictions.tolist(),
                    "corrupted": {k: list(v) for k, v in one.corrupted.items()},
                    "calibration": calibration_error(sure, record.labels),
                }
            )  # fmt: skip
    return rows


def main() -> None:
    """Run one set and write its lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=sorted(JOBS))
    parser.add_argument("runs", type=Path)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--stored", action="store_true", help="train nothing")
    given = parser.parse_args()
    job, out = JOBS[given.set], given.runs / given.set
    try:
        if not given.stored:
            run(job, data_of(given.set, given.data), out)
    except workflow.Interrupted as stop:
        print(stop.saved)
    paths = [path for path in (out, out / "balance") if (path / RECORD).exists()]
    records = [Comparison.load(path / RECORD) for path in paths]
    chosen = json.loads((out / "per_class.json").read_text(encoding="utf-8"))
    text = "".join(json.dumps(row) + "\n" for row in lines(given.set, records, chosen))
    (given.runs / f"{given.set}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
