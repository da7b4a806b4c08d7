"""A fast, deterministic objective, and a program that runs, kills and resumes a search with it.

Run as `python -m tests.search.toy FOLDER KILLS [EXECUTOR WORKERS]`: prints one JSON object.
With `--search FOLDER SETTINGS` (JSON) it only searches.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from variegate.policy import Policy
from variegate.search import Family, FamilySpace, OpRange, Option, history, run_study

SPACE = FamilySpace(
    families=(Family("turn", (OpRange("Rotate"),)), Family("tone", (OpRange("Brightness"),))),
    num_ops=(1, 2),
    base=(Option("flip", ((), ({"step": "HorizontalFlip", "p": 0.5},))),),
)
TRIALS = 26  # more than TPE draws at random, so that resumed draws depend on stored trials
REPEATS = 2


@dataclass(frozen=True)
class Score:
    """What the toy objective returns."""

    accuracy: float
    loss: float | None = None


def toy_score(policy: Policy, seed: int) -> Score:
    """A value from the policy's strongest step; coarse, so that ties happen."""
    text = json.dumps(policy.to_dict(), sort_keys=True)
    strengths = [float(part.split(",")[0].rstrip("}]")) for part in text.split('"magnitude": ')[1:]]
    top = max(strengths, default=0.0)
    return Score(round(1 - abs(top - 0.6), 2) - (seed % 3) * 0.01, loss=top)


def text_of(policy: Policy) -> str:
    """The policy as one line, for telling evaluations apart."""
    return json.dumps(policy.to_dict(), sort_keys=True)


def objective(log: Path, seconds: float = 0.015) -> Callable[[Policy, int, int], Score]:
    """An objective that notes each completed evaluation in a file, on disk before it returns.

    It pickles, so that it runs in another process as it does here.
    """
    return partial(_evaluate, log, seconds)


def _evaluate(log: Path, seconds: float, policy: Policy, budget: int, seed: int) -> Score:
    time.sleep(seconds)
    line = json.dumps([text_of(policy), seed]) + "\n"
    # One write: several workers append to this file.
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(handle, line.encode())
    os.fsync(handle)
    os.close(handle)
    return toy_score(policy, seed)


def search(folder: Path, **changes: Any) -> Any:
    """One call of `run_study` on the toy."""
    settings: dict[str, Any] = {
        "method": "tpe",
        "space": SPACE,
        "trials": TRIALS,
        "epochs": 3,
        "seed": 11,
        "store": folder / "study.db",
        "name": "toy",
        "data": "toy-1",
        "repeats": REPEATS,
    }
    return run_study(objective(folder / "log.jsonl"), **{**settings, **changes})


def log_of(folder: Path) -> list[list[Any]]:
    """The evaluations noted so far."""
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def summary(result: Any) -> dict[str, Any]:
    """What must be equal between an interrupted and an uninterrupted search."""
    return {
        "trials": [[t.number, t.state, dict(t.params), t.value] for t in result.trials],
        "best": [result.best_number, result.best_value, text_of(result.best)],
    }


def finished(folder: Path) -> dict[str, list[Any]]:
    """The finished trials in the store: number -> parameters, value, policy."""
    store = folder / "study.db"
    if not store.exists():
        return {}
    done = [t for t in history(store, "toy") if t.state == "done" and t.policy is not None]
    return {str(t.number): [dict(t.params), t.value, text_of(t.policy)] for t in done if t.policy}


def killed(folder: Path, evaluations: int, delay: float, **changes: Any) -> bool:
    """Run the search in a child process; kill it `delay` seconds after so many evaluations.

    False when it had ended by itself.
    """
    child = _searching(folder, changes)
    end = time.monotonic() + 60
    while len(log_of(folder)) < evaluations and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _searching(folder: Path, changes: dict[str, Any]) -> int:
    """Start the search in a child process; its number."""
    if str(changes.get("executor", "")).startswith("ray"):
        # Ray's threads do not survive a fork.
        command = [sys.executable, "-m", "tests.search.toy", "--search", str(folder)]
        return os.spawnv(os.P_NOWAIT, sys.executable, [*command, json.dumps(changes)])
    child = os.fork()
    if child == 0:
        try:
            search(folder, **changes)
        finally:
            os._exit(0)
    return child


def main(folder: Path, kills: int, **changes: Any) -> dict[str, Any]:
    """An uninterrupted search, then one killed at random moments; what is needed to compare."""
    whole, broken = folder / "whole", folder / "broken"
    whole.mkdir()
    broken.mkdir()
    started = time.perf_counter()
    expected = summary(search(whole, **changes))
    each = (time.perf_counter() - started) / (TRIALS * REPEATS)
    # Moments are spread over the evaluations, not the clock, so that a busy machine changes
    # nothing; several on one place hit the opening of the store.
    seed = random.Random(5)
    places = sorted(seed.randrange(int(0.9 * TRIALS * REPEATS)) for _ in range(kills))
    moments = []
    for place in places:
        ended_by_kill = killed(broken, place, seed.uniform(0.0, 2.0 * each), **changes)
        log = log_of(broken)
        moments.append({"killed": ended_by_kill, "done": finished(broken), "log": len(log)})
    actual = summary(search(broken, **changes))
    return {"expected": expected, "actual": actual, "moments": moments, "log": log_of(broken)}


if __name__ == "__main__":
    if sys.argv[1] == "--search":
        search(Path(sys.argv[2]), **json.loads(sys.argv[3]))
    else:
        given = {"executor": sys.argv[3], "workers": int(sys.argv[4])} if sys.argv[3:] else {}
        json.dump(main(Path(sys.argv[1]), int(sys.argv[2]), **given), sys.stdout)
