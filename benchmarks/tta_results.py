"""Test-time augmentation on trained models, as docs/results/tta.md shows it.

    python benchmarks/tta_results.py digits|fashion|gtsrb|flowers [--data FOLDER] [--out FOLDER]

Trains the built-in net for several seeds (checkpoints are kept and not trained again), chooses
views on the validation images for each seed and opens the test images once, after that.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import variegate as vg
from variegate.evaluate.statistics import adjust, paired_difference, verdict
from variegate.train import TrainSettings, train_model
from variegate.train.loop import Trained, predict
from variegate.train.model import build_model
from variegate.tta.arms import choose_arm, make_arms
from variegate.tta.report import calibration_error

POLICIES = {"trivial": vg.Policy((vg.TrivialAugment(),)), "none": None}
JOBS: dict[str, dict[str, Any]] = {
    "digits": {
        "source": "digits",
        "load": {},
        "split": {"train_per_class": 20, "test": 0.6},
        "epochs": 50,
        "seeds": 5,
        "settings": {"threads": 1},
    },
    "fashion": {
        "source": "fashion_mnist",
        "load": {"limit_per_class": 600},
        "split": {"train_per_class": 400, "validation": 1 / 3},
        "epochs": 20,
        "seeds": 2,
        "test_images": 2000,
        "settings": {"threads": 1, "width": 16},
    },
    "gtsrb": {
        "source": "gtsrb/gtsrb.npz",
        "load": {},
        "split": {"validation": 1 / 3},
        "epochs": 16,
        "seeds": 3,
        "settings": {"threads": 1, "width": 16},
    },
    "flowers": {
        "source": "flowers17",
        "load": {"size": (96, 96)},
        "split": {},
        "epochs": 30,
        "seeds": 2,
        "settings": {"threads": 1, "width": 16},
    },
}


def say(text: str) -> None:
    """One line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def trained_for(train: Any, job: dict[str, Any], policy: str, seed: int, path: Path) -> Trained:
    """A trained net, from its checkpoint where there is one."""
    settings = TrainSettings.for_data(train, **job["settings"])
    if not path.is_file():
        made = train_model(
            train, POLICIES[policy], epochs=job["epochs"], seed=seed, settings=settings
        )
        state = {name: value.numpy() for name, value in made.model.state_dict().items()}
        extra = {"/mean": made.mean, "/deviation": made.deviation}
        extra["/settings"] = np.array(json.dumps(asdict(made.settings)))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **state, **extra)
        say(f"trained {path.stem} in {made.seconds['total']:.0f} s")
    with np.load(path) as saved:
        content = {name: saved[name] for name in saved.files}
    settings = TrainSettings(**json.loads(str(content.pop("/settings"))))
    mean, deviation = content.pop("/mean"), content.pop("/deviation")
    _, height, width, channels = train.images.shape
    model = build_model(
        (height, width),
        channels,
        len(train.classes),
        width=settings.width,
        generator=torch.Generator().manual_seed(0),
    )
    model.load_state_dict({name: torch.from_numpy(value) for name, value in content.items()})
    model.eval()
    return Trained(
        model, mean, deviation, train.classes, settings, job["epochs"], seed, {"total": 0.0}
    )


def arms_of(trained: Trained, parts: Any) -> dict[str, dict[str, Any]]:
    """What each arm says of the test images, arms made on the validation images."""
    pool = vg.TTA(lambda batch: predict(trained, batch), views="pool", batch_size=512)
    arms = make_arms(pool, pool.predictions(parts.validation.images), parts.validation.labels)
    predictions = pool.predictions(parts.test.images)
    chosen = choose_arm(arms).name
    found = {}
    for arm in arms:
        merged = arm.merged(predictions)
        truth = parts.test.labels
        found[arm.name] = {
            "right": merged.argmax(axis=1) == truth,
            "calibration_error": calibration_error(merged, truth),
            "passes": arm.tta.passes,
            "kind": arm.tta.learned.kind if arm.tta.learned else "fixed",
        }
    found["chosen"] = {**found[chosen], "kind": chosen}
    return found


def summary(runs: list[dict[str, dict[str, Any]]], labels: Any, classes: int) -> dict[str, Any]:
    """Each arm over the seeds, and against one view, paired by seed and image."""
    rights = {name: np.stack([run[name]["right"] for run in runs]) for name in runs[0]}
    rows = {}
    for name, right in rights.items():
        difference = paired_difference(right, rights["none"])
        turned, lost = right & ~rights["none"], ~right & rights["none"]
        rows[name] = {
            "accuracy": float(right.mean()),
            "difference": [difference.value, difference.low, difference.high],
            "p": difference.p,
            "passes": float(np.mean([run[name]["passes"] for run in runs])),
            "calibration_error": float(np.mean([run[name]["calibration_error"] for run in runs])),
            "kinds": [run[name]["kind"] for run in runs],
            "corrected": [int(turned[:, labels == c].sum()) for c in range(classes)],
            "corrupted": [int(lost[:, labels == c].sum()) for c in range(classes)],
        }
    names = [name for name in rows if name not in ("none", "chosen")]
    corrected = adjust([rows[name]["p"] for name in names], "holm")
    for name, p in zip(names, corrected, strict=True):
        rows[name]["verdict"] = verdict(paired_difference(rights[name], rights["none"]), p)
    return rows


def main() -> None:
    """Runs one job; the same command resumes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--policy", choices=POLICIES, default="trivial")
    parser.add_argument("--seeds", type=int, help="Fewer or more models than the set's own number.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/tta-results"))
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/tta.json"))
    arguments = parser.parse_args()
    job, policy = JOBS[arguments.job], arguments.policy
    seeds = arguments.seeds or job["seeds"]
    source = job["source"] if job["source"] == "digits" else str(arguments.data / job["source"])
    data = vg.load(source, **job["load"])
    parts = vg.split(data, seed=0, **job["split"])
    if job.get("test_images"):
        step = len(parts.test) // job["test_images"]
        parts = replace(parts, test=parts.test.take(np.arange(0, len(parts.test), step)))
    nets = []
    for seed in range(seeds):
        path = arguments.out / "checkpoints" / f"{arguments.job}-{policy}-{seed}.npz"
        nets.append(trained_for(parts.train, job, policy, seed, path))
    runs = [arms_of(net, parts) for net in nets]
    rows = summary(runs, parts.test.labels, len(data.classes))
    results = {}
    if arguments.results.is_file():
        results = json.loads(arguments.results.read_text())
    results[f"{arguments.job}/{policy}"] = {
        "images": [len(parts.train), len(parts.validation), len(parts.test)],
        "size": list(parts.train.images.shape[1:]),
        "classes": list(data.classes),
        "epochs": job["epochs"],
        "seeds": seeds,
        "arms": rows,
    }
    arguments.results.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    for name, row in rows.items():
        say(f"{name}: {100 * row['accuracy']:.2f} {row['difference']} {row['kinds']}")


if __name__ == "__main__":
    main()
