"""One library's process: reads requests from stdin and answers on stdout, a line of JSON each.

    python variegate/bench/peers/worker.py NAME

hello: versions and the kinds of cases. prepare (case): make a case ready. time (seconds): run it
for about so long; the seconds an image took. output (path): save what it gives. Started by its
path, it needs nothing but NumPy, Pillow and the library, so any environment's Python can run it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "variegate_bench_peers"
# A case is called at most so often in one measurement.
MOST_CALLS = 20_000
# Seconds from which one call is enough to be warm.
SLOW = 0.5


class Worker:
    """Answers requests for one library."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.run: Any = None
        self.batch = 1
        self.call_seconds = 0.0

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request; a failure is an answer too."""
        try:
            verb = str(request["do"])
            if verb not in ("hello", "prepare", "time", "output"):
                raise ValueError(f"unknown request {verb!r}")
            reply: dict[str, Any] = getattr(self, verb)(request)
        except Exception as error:  # whatever a library raises belongs into the report
            text = " ".join(str(error).split())
            return {"failed": f"{type(error).__name__}: {text}"[:300]}
        return reply

    def hello(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Who is there."""
        only = bool(getattr(self.module, "BATCHES_ONLY", False))
        kinds = sorted(self.module.MAKERS)
        return {"versions": self.module.versions(), "kinds": kinds, "batches_only": only}

    def prepare(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Make a case ready, without running it."""
        from .cases import Case

        if self.run is not None:
            self.run.close()
            self.run = None
        case = Case(**request["case"])
        self.run = self.module.MAKERS[case.kind](case)
        self.batch, self.call_seconds = case.batch, 0.0
        return {"note": self.run.note}

    def time(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run for about `seconds`, in whole calls. The first time two calls come before it, or one
        that is slow; later one that is quick, since caches and clocks were others' meanwhile.
        """
        call, wanted = self.run.call, float(request["seconds"])
        if not self.call_seconds:
            for _ in range(2):
                start = time.perf_counter()
                call()
                self.call_seconds = max(time.perf_counter() - start, 1e-7)
                if self.call_seconds > SLOW:
                    break
        elif self.call_seconds < wanted:
            call()
        calls = max(1, min(MOST_CALLS, round(wanted / self.call_seconds)))
        start = time.perf_counter()
        for _ in range(calls):
            call()
        taken = time.perf_counter() - start
        self.call_seconds = max(taken / calls, 1e-7)
        return {"seconds": taken / calls / self.batch, "calls": calls, "taken": taken}

    def output(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Save the result of one call as a .npy file."""
        import numpy as np

        result = np.asarray(self.run.call())
        np.save(request["path"], result)
        return {"shape": list(result.shape), "dtype": str(result.dtype)}


def serve(worker: Worker, source: Any, answers: Any) -> None:
    """Answer every line until the other side closes."""
    for line in source:
        answers.write(json.dumps(worker.answer(json.loads(line))) + "\n")
        answers.flush()
    if worker.run is not None:
        worker.run.close()


def main(name: str) -> None:
    """Serve one library; what it prints itself goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        module = import_module(f"{__package__}.{name}_peer")
    except Exception as error:
        text = " ".join(str(error).split())
        print(json.dumps({"failed": f"{type(error).__name__}: {text}"[:300]}), file=answers)
        return
    print(json.dumps({"ready": name}), file=answers, flush=True)
    serve(Worker(module), sys.stdin, answers)


def start() -> None:
    """Stand in for the package, so that no other part of it is needed."""
    folder = str(Path(__file__).resolve().parent)
    sys.path[:] = [path for path in sys.path if str(Path(path).resolve()) != folder]
    package = ModuleType(PACKAGE)
    package.__path__ = [folder]
    sys.modules[PACKAGE] = package
    import_module(f"{PACKAGE}.worker").main(sys.argv[1])


if __name__ == "__main__":
    start()
