"""How often a report names a class where nothing differs, and what effects it sees.

python benchmarks/null_simulation.py null --cases 1000 >> runs/classes/null.jsonl
python benchmarks/null_simulation.py power --cases 100 >> runs/classes/power.jsonl

Made-up classifiers (`variegate.testing.classifiers`) stand for trained ones: images differ in
difficulty, each arm finds other images hard, and each training of an arm favors some classes. A
null case has three arms, none, trivial and found, without any difference in expectation; the report
made of it is the one that `variegate compare` makes. One line a case or, for power, a setting.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from variegate.evaluate import Comparison, Run, summary
from variegate.evaluate.compare import class_table
from variegate.testing.classifiers import MadeUp, predictions

CLASSES = (2, 5, 10, 17, 43)
SEEDS = (3, 5, 10)
ARMS = ("none", "trivial", "found")
# What the sets at hand have: digits, fashion_mnist and the like; test images of each class.
POWER_IMAGES = (20, 50, 100, 400, 1000)
EFFECTS = (0.02, 0.05, 0.10)
POWER_CLASSES = 10


def null_case(number: int, seed: int) -> MadeUp:
    """The shape of a null case: every third is out of balance."""
    draw = np.random.default_rng([seed, number])
    classes = CLASSES[number % len(CLASSES)]
    seeds = SEEDS[number // len(CLASSES) % len(SEEDS)]
    images = np.round(np.exp(draw.uniform(np.log(10), np.log(200), classes))).astype(int)
    if number % 3:
        images[:] = images[0]
    return MadeUp(
        tuple(images.tolist()),
        seeds,
        ease=float(draw.uniform(2, 7)),
        by_class=float(draw.uniform(0, 1.5)),
        by_image=float(draw.uniform(0, 1.5)),
        by_seed=float(draw.uniform(0, 1.0)),
    )


def comparison(case: MadeUp, generator: np.random.Generator, arms: tuple[str, ...]) -> Comparison:
    """The record of made-up runs."""
    labels, made = predictions(case, generator, len(arms))
    runs = [
        Run(arm, seed, own[seed], 1.0, 1)
        for arm, own in zip(arms, made, strict=True)
        for seed in range(case.seeds)
    ]
    names = tuple(f"class {index}" for index in range(len(case.images)))
    return Comparison("made up", names, labels, arms, tuple(runs))


def null_row(number: int, seed: int) -> dict[str, Any]:
    """Make a null case and its report; say what the report names."""
    case = null_case(number, seed)
    record = comparison(case, np.random.default_rng([seed, number, 1]), ARMS)
    said = summary(record)
    tables = said["class_tables"]
    best = said["arms"][-1]["differences"]
    return {
        "kind": "null",
        "number": number,
        "seed": seed,
        "classes": len(case.images),
        "seeds": case.seeds,
        "images": [min(case.images), max(case.images)],
        "accuracy": said["arms"][0]["mean"],
        "harmed": sum(len(table["harmed"]) for table in tables),
        "helped": sum(len(table["improved"]) for table in tables),
        "grown": sum(len(table["grown"]) for table in tables),
        "fewer": sum(
            1
            for table in tables
            for row in table["rows"]
            if (wrong := row["false_positives"]) and wrong["verdict"] == "fewer"
        ),
        "arms": sum(each["verdict"] != "not proven" for each in best),
    }


def logit_for(effect: float) -> float:
    """The logit that a class loses so that its accuracy falls by the effect."""

    def right(logit: float) -> float:
        images = (20_000,) + (1,) * (POWER_CLASSES - 1)
        case = MadeUp(images, 1, by_class=0.0, lost={0: logit})
        labels, (_, last) = predictions(case, np.random.default_rng(7))
        return float((last[:, labels == 0] == 0).mean())

    low, high, start = 0.0, 8.0, right(0.0)
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if start - right(middle) < effect else (low, middle)
    return (low + high) / 2


def power_row(images: int, seeds: int, effect: float, cases: int, seed: int) -> dict[str, Any]:
    """How often the class that loses is named, alone of ten classes, and what its value says."""
    logit = logit_for(effect)
    named, others, raw, drawn = 0, 0, [], []
    for number in range(cases):
        case = MadeUp((images,) * POWER_CLASSES, seeds, by_class=0.0, lost={0: logit})
        generator = np.random.default_rng([seed, images, seeds, round(1000 * effect), number])
        record = comparison(case, generator, ("none", "found"))
        table = class_table(record, "found", "none", {"found": "found", "none": "none"})
        row = next(row for row in table["rows"] if row["index"] == 0)
        if row["name"] in table["harmed"]:
            named += 1
            raw.append(row["difference"]["value"] if row["difference"] else 0.0)
            drawn.append(row["shrunk"]["value"] if row["shrunk"] else 0.0)
        others += len(table["harmed"]) - (row["name"] in table["harmed"])
    return {
        "kind": "power",
        "images": images,
        "seeds": seeds,
        "effect": effect,
        "cases": cases,
        "seed": seed,
        "named": named / cases,
        "others": others / cases,
        "value_where_named": float(np.mean(raw)) if raw else None,
        "shrunk_where_named": float(np.mean(drawn)) if drawn else None,
    }


def main() -> None:
    """Print one JSON line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("null", "power"))
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0, help="number of the first null case")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what == "null":
        for number in range(given.start, given.start + given.cases):
            print(json.dumps(null_row(number, given.seed)), flush=True)
        return
    for images in POWER_IMAGES:
        for seeds in SEEDS:
            for effect in EFFECTS:
                row = power_row(images, seeds, effect, given.cases, given.seed)
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
