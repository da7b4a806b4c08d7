"""The main job on real sets: search, compare and report, as docs/results/main-job.md shows it.

    python benchmarks/main_job.py digits|fashion|flowers [--data FOLDER] [--out FOLDER]

The two picture sets use a net of half the default width, so that dozens of trainings fit on two
cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from variegate.workflow import compare, report, search

JOBS: dict[str, dict[str, Any]] = {
    "digits": {
        "source": "digits",
        "reading": {"train_per_class": 20},
        "trials": 20,
        "epochs": None,
        "seeds": 10,
        "settings": {"threads": 1},
    },
    "fashion": {
        "source": "fashion_mnist",
        "reading": {"train_per_class": 400, "limit_per_class": 600, "validation": 1 / 3},
        "trials": 12,
        "epochs": 20,
        "seeds": 5,
        "settings": {"threads": 1, "width": 16},
    },
    "flowers": {
        "source": "flowers17",
        "reading": {"size": (96, 96)},
        "trials": 10,
        "epochs": 40,
        "seeds": 3,
        "settings": {"threads": 1, "width": 16},
    },
}


def say(event: Any) -> None:
    """One line for each finished trial or run."""
    if event.kind != "progress" or event.text.startswith(("trial", "run")):
        print(f"{time.strftime('%H:%M:%S')} {event.text}", file=sys.stderr, flush=True)


def main() -> None:
    """Runs one job; the same command resumes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    job = JOBS[arguments.job]
    source = job["source"] if job["source"] == "digits" else arguments.data / job["source"]
    out = arguments.out / arguments.job
    command = f"python benchmarks/main_job.py {arguments.job}"
    common = {"epochs": job["epochs"], "settings": job["settings"], "out": out, "progress": say}
    found = search(source, trials=job["trials"], command=command, **common, **job["reading"])
    seeds = job["seeds"]
    result = compare(source, seeds=seeds, command=command, **common, **job["reading"])
    print("\n".join(result.lines()))
    print(f"search {found.to_dict()}")
    report(out)


if __name__ == "__main__":
    main()
