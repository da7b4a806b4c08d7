"""What `import variegate` loads, opens and costs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TypedDict

from tests.house.source import ROOT

HEAVY = ("torch", "optuna", "plotly", "matplotlib", "sklearn", "scipy", "PIL", "pandas", "typer")
SECONDS = 0.2
RUNS = 7
HEAVY_RULE = "`import variegate` imports NumPy only; heavy libraries load where they are used"
SOCKET_RULE = "no network at import"
TIME_RULE = f"`import variegate` takes under {SECONDS} s, or twice bare NumPy if that is more"

# Runs in a fresh interpreter; prints what one statement loads, opens and takes.
PROBE = """
import json, sys, time
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
start = time.perf_counter()
exec(sys.argv[1])
seconds = time.perf_counter() - start
loaded = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps({"seconds": seconds, "loaded": loaded, "opened": opened}))
"""


class Cost(TypedDict):
    """What one statement cost: seconds, top-level modules loaded, socket events."""

    seconds: float
    loaded: list[str]
    opened: list[str]


def cost_of(statement: str) -> Cost:
    """Run one statement in a fresh interpreter, from the project's folder."""
    command = [sys.executable, "-c", PROBE, statement]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    cost: Cost = json.loads(done.stdout)
    return cost


def heavy_modules(cost: Cost) -> list[str]:
    """Return the heavy libraries that were loaded."""
    return sorted(set(HEAVY) & set(cost["loaded"]))


def best_seconds(statement: str, runs: int = RUNS) -> float:
    """Return the shortest of several runs: what the work takes when nothing disturbs it."""
    return min(cost_of(statement)["seconds"] for _ in range(runs))


def allowed_seconds(numpy_seconds: float) -> float:
    """Return the limit; a machine on which bare NumPy is slow gets a limit in proportion."""
    return max(SECONDS, 2 * numpy_seconds)


def test_import_loads_no_heavy_library() -> None:
    found = heavy_modules(cost_of("import variegate"))
    assert not found, f"Rule: {HEAVY_RULE}\nloaded: {', '.join(found)}"


def test_import_opens_no_socket() -> None:
    opened = cost_of("import variegate")["opened"]
    assert not opened, f"Rule: {SOCKET_RULE}\nevents: {', '.join(opened)}"


def test_import_is_fast() -> None:
    numpy_seconds = best_seconds("import numpy")
    seconds = best_seconds("import variegate")
    message = f"Rule: {TIME_RULE}\ntook {seconds:.3f} s; bare NumPy {numpy_seconds:.3f} s"
    assert seconds < allowed_seconds(numpy_seconds), message


def test_a_heavy_library_is_found() -> None:
    statement = "import sys, types; sys.modules['torch'] = types.ModuleType('torch')"
    assert heavy_modules(cost_of(statement)) == ["torch"]


def test_a_socket_is_found() -> None:
    opened = cost_of("import socket; socket.socket().close()")["opened"]
    assert "socket.__new__" in opened


def test_a_slow_import_is_found() -> None:
    seconds = best_seconds("import time; time.sleep(0.25)", runs=1)
    assert seconds > allowed_seconds(numpy_seconds=0.1)
