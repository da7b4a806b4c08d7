"""Images a second of the mixers beside other libraries, in turns: every library stays loaded in a
process of its own, and each case goes round all of them several times; the median counts.

    python benchmarks/mixing_peers.py --main PYTHON --keras PYTHON [--size 224] [--count 64]

PYTHON: of the environments that benchmarks/README.md sets up. Prints a Markdown table and keeps the
numbers in benchmarks/results/mixing.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("mixing_worker.py")
RESULTS = ROOT / "benchmarks" / "results" / "mixing.json"
THREADS = 2


class Worker:
    """A library in a process of its own."""

    def __init__(self, library: str, python: str, size: int, count: int) -> None:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            [python, str(WORKER), library, str(size), str(count), str(THREADS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.cases = self._answer().get("cases", [])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
        return {}

    def ask(self, case: str) -> dict[str, Any]:
        """One answer to a case."""
        assert self.process.stdin is not None
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(timeout=60)


def measured(workers: dict[str, Worker], rounds: int) -> dict[str, dict[str, Any]]:
    """The median rate of each case and library, or the error."""
    found: dict[str, dict[str, Any]] = {}
    for case in workers["variegate"].cases:
        answers: dict[str, list[Any]] = {}
        for _ in range(rounds):
            for library, worker in workers.items():
                if case in worker.cases:
                    answers.setdefault(library, []).append(worker.ask(case))
        found[case] = {
            library: next((a for a in own if "error" in a), None)
            or {"rate": round(statistics.median(a["rate"] for a in own), 1)}
            for library, own in answers.items()
        }
    return found


def table(found: dict[str, dict[str, Any]], libraries: list[str]) -> str:
    """Markdown: images a second, and how many times as fast as the fastest other one."""
    lines = [f"| mixer | {' | '.join(libraries)} | times the fastest other |"]
    lines.append("|---|" + "---|" * (len(libraries) + 1))
    for case, own in found.items():
        rates = {name: own[name]["rate"] for name in own if "rate" in own[name]}
        others = [rate for name, rate in rates.items() if name != "variegate"]
        ratio = f"{rates['variegate'] / max(others):.2g}" if others else ""
        cells = [
            f"{rates[name]:,.0f}" if name in rates else ("fails" if name in own else "")
            for name in libraries
        ]
        lines.append(f"| {case} | {' | '.join(cells)} | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--main", help="a Python with torchvision and Kornia")
    parser.add_argument("--keras", help="a Python with KerasCV and TensorFlow")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    pythons = {"variegate": sys.executable, "torchvision": given.main, "kornia": given.main}
    pythons["keras_cv"] = given.keras
    workers = {
        library: Worker(library, python, given.size, given.count)
        for library, python in pythons.items()
        if python
    }
    found = measured(workers, given.rounds)
    for worker in workers.values():
        worker.close()
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    machine = {"processor": platform.processor() or platform.machine(), "threads": THREADS}
    known[f"{given.size}"] = {
        "count": given.count,
        "rounds": given.rounds,
        **machine,
        "rows": found,
    }
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    print(table(found, list(workers)))


if __name__ == "__main__":
    main()
