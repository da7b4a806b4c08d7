"""Kill searches at random moments and compare their ends with an uninterrupted one.

    python benchmarks/kill_campaign.py [--kills 50] [--executor local] [--workers 1]
    python benchmarks/kill_campaign.py --executor ray --workers 4    (a local cluster of two nodes)

The objective is the toy of the tests, so that what is measured is the study. On Ray two workers are
killed in the middle too. Prints one JSON object; ends with 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.search.toy import REPEATS, TRIALS, log_of, main


def kill_workers(folder: Path, wanted: int, killed: list[int]) -> None:
    """Kill so many Ray workers that run a task, each after another third of the evaluations."""
    for part in range(1, wanted + 1):
        while len(log_of(folder)) < part * TRIALS * REPEATS // (wanted + 1):
            time.sleep(0.01)
        while len(killed) < part:
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    name = (entry / "cmdline").read_bytes().split(b"\0")[0]
                except OSError:
                    continue
                if name.startswith(b"ray::called") and len(killed) < part:
                    os.kill(int(entry.name), signal.SIGKILL)
                    killed.append(int(entry.name))
            time.sleep(0.005)


def campaign(kills: int, executor: str, workers: int) -> dict[str, Any]:
    """Run it; what came of it."""
    settings: dict[str, Any] = {} if executor == "local" else {"executor": executor}
    settings |= {} if executor == "local" else {"workers": workers}
    killed: list[int] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if executor.startswith("ray"):
            task = threading.Thread(
                target=kill_workers, args=(folder / "broken", 2, killed), daemon=True
            )
            task.start()
        report = main(folder, kills, **settings)
    times = Counter(map(tuple, report["log"]))
    done = [moment["done"] for moment in report["moments"]]
    return {
        "kills": sum(moment["killed"] for moment in report["moments"]),
        "ray workers killed": len(killed),
        "same end": report["actual"] == report["expected"],
        "finished trials": len(report["actual"]["trials"]),
        "finished trials lost": sum(
            not before.items() <= after.items() for before, after in pairwise(done)
        ),
        "evaluations": len(times),
        "evaluations run again": sum(times.values()) - len(times),
        "allowed again (workers a kill)": kills * workers + len(killed),
        "seconds": round(time.perf_counter() - started, 1),
    }


def cli() -> int:
    """Read the options, start a cluster where Ray is asked for, print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--executor", default="local")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    if given.executor == "ray":
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
        )
        cluster.add_node(num_cpus=2)
        found = campaign(given.kills, f"ray:{cluster.address}", given.workers)
        cluster.shutdown()
    else:
        found = campaign(given.kills, given.executor, given.workers)
    print(json.dumps(found, indent=1))
    whole = found["same end"] and not found["finished trials lost"]
    again = found["evaluations run again"] <= found["allowed again (workers a kill)"]
    return 0 if whole and again else 1


if __name__ == "__main__":
    sys.exit(cli())
