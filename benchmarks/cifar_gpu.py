"""AutoAugment's PPO search on 4,000 CIFAR-10 images with small children side by side on one GPU.

    python benchmarks/cifar_gpu.py --data FOLDER-OF-CIFAR --seconds 150 --workers 14 --out FILE

Two searches have the same seconds and workers: the controller taught by PPO, and random search in
its own space of fewer numbers. Then both policies and the controls are trained from seeds that no
search used, and predict the test images once. A worker is a process with its own children on the
same GPU. The result is one JSON object; `--device cpu` with few images tries the script where there
is no GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from variegate.data import Dataset, load, split
from variegate.policy import Policy
from variegate.search import Schedule, default_space, run_study
from variegate.search.executors import open_executor
from variegate.train import TrainSettings, predict, train_model
from variegate.workflow.guided import control_policies
from variegate.workflow.scored import Judged, judged

METHODS = ("autoaugment", "random")
# As many trials as the seconds allow: a search stops at this number at the latest.
MOST = 100_000


@dataclass(frozen=True, eq=False)
class Child:
    """Trains under a policy and scores on held-out images; goes to the workers as a whole."""

    train: Dataset
    held: Dataset
    settings: TrainSettings

    def __call__(self, policy: Policy, budget: int, seed: int) -> Judged:
        """Scores whose value is the accuracy, as published."""
        trained = train_model(self.train, policy, epochs=budget, seed=seed, settings=self.settings)
        share = trained.seconds["augment"]
        found = predict(trained, self.held.images)
        return judged(found, self.held.labels, guided=False, augment_seconds=share)


@dataclass(frozen=True, eq=False)
class Final:
    """Trains under a policy; which test images the model knows, as one bit each."""

    train: Dataset
    test: Dataset
    settings: TrainSettings

    def __call__(self, policy: Policy, epochs: int, seed: int) -> dict[str, Any]:
        """The accuracy and the bits in hexadecimal digits."""
        trained = train_model(self.train, policy, epochs=epochs, seed=seed, settings=self.settings)
        right = predict(trained, self.test.images).argmax(axis=1) == self.test.labels
        bits = np.packbits(right).tobytes().hex()
        return {"accuracy": float(right.mean()), "correct": bits}


@contextmanager
def watched(device: str) -> Iterator[list[float]]:
    """The share of time in which the GPU ran anything, in percent, read twice a second."""
    seen: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            told = subprocess.run(
                ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"],
                capture_output=True,
                text=True,
                check=False,
            )
            seen.extend(float(line) for line in told.stdout.split() if line.isdigit())

    task = threading.Thread(target=look, daemon=True)
    if device != "cpu":
        task.start()
    yield seen
    over.set()
    if device != "cpu":
        task.join()


def search(method: str, child: Child, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One search: its policy, how many children it trained, seconds and the GPU's use."""
    images = child.train.images
    space = default_space(method, channels=images.shape[-1], size=images.shape[1:3])
    start = time.monotonic()
    with watched(options.device) as used:
        result = run_study(
            child,
            method=method,
            space=space,
            schedule=Schedule.plain(MOST, options.epochs),
            seed=options.seed,
            store=folder / f"{method}.db",
            name="search",
            stop=lambda: time.monotonic() - start > options.seconds,
            executor="processes",
            workers=options.workers,
        )
    seconds = time.monotonic() - start
    values = [t.value for t in result.trials if t.value is not None]
    quarters = np.array_split(values, min(4, len(values)))
    return {
        "method": method,
        "children": len(values),
        "seconds": seconds,
        "gpu_percent": statistics.mean(used) if used else None,
        "best_validation": max(values),
        "validation_by_quarter": [float(np.mean(part)) for part in quarters],
        "policy": result.best.to_dict(),
    }


def judge(final: Final, policies: dict[str, Policy], options: argparse.Namespace) -> list[Any]:
    """Every arm from every seed."""
    seeds = range(10_000, 10_000 + options.seeds)
    keys = [(arm, seed) for seed in seeds for arm in policies]
    rows = []
    with open_executor("processes", final, workers=options.workers) as team:
        for arm, seed in keys:
            team.submit((arm, seed), policies[arm], options.final_epochs, seed)
        for _ in keys:
            done = team.wait()
            if done.error:
                raise RuntimeError(f"{done.key}: {done.error}")
            rows.append({"arm": done.key[0], "seed": done.key[1], **done.value})  # type: ignore[index]
    return sorted(rows, key=lambda row: (row["arm"], row["seed"]))


def main() -> None:
    """Searches, trains the arms, writes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/cifar10"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--final-epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--model", default="residual")
    parser.add_argument("--workers", type=int, default=14)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    each = options.images // 10
    data = load(str(options.data / "cifar10_train_jpeg.npz"), limit_per_class=each + each // 4)
    parts = split(data, seed=0, train_per_class=each, validation=0.2)
    settings = TrainSettings.for_data(
        parts.train,
        width=options.width,
        batch_size=options.batch,
        model=options.model,
        threads=1,
        device=options.device,
    )
    sizes = {n: len(getattr(parts, n)) for n in ("train", "validation", "test")}
    print(sizes, settings, flush=True)
    child = Child(parts.train, parts.validation, settings)
    found: dict[str, Any] = {"sizes": sizes, "settings": settings.to_dict(), "searches": []}
    found |= {"epochs": options.epochs, "final_epochs": options.final_epochs}
    found |= {"workers": options.workers, "device": device_name(options.device)}
    policies = dict(control_policies(parts.train.images.shape[1:3]))
    with tempfile.TemporaryDirectory() as folder:
        for method in METHODS:
            found["searches"].append(search(method, child, options, Path(folder)))
            told = {k: v for k, v in found["searches"][-1].items() if k != "policy"}
            print(json.dumps(told), flush=True)
            policies[method] = Policy.from_dict(found["searches"][-1]["policy"])
            options.out.write_text(json.dumps(found) + "\n")
    start = time.monotonic()
    final = Final(parts.train, parts.test, replace(settings, epochs=options.final_epochs))
    found["finals"] = judge(final, policies, options)
    found["final_seconds"] = time.monotonic() - start
    options.out.write_text(json.dumps(found) + "\n")
    for arm in policies:
        own = [row["accuracy"] for row in found["finals"] if row["arm"] == arm]
        print(f"{arm:12s} {100 * statistics.mean(own):.2f} +- {100 * statistics.stdev(own):.2f}")


def device_name(device: str) -> str:
    """The GPU's name, or cpu."""
    import torch

    return "cpu" if device == "cpu" else torch.cuda.get_device_name(device)


if __name__ == "__main__":
    main()
