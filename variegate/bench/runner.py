"""Times every library on every case in turn: A B A B, so that a busy moment hits all alike."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from variegate.bench.accuracy import warp_errors
from variegate.bench.driver import Client, Peer
from variegate.bench.machine import machine
from variegate.bench.peers.cases import SUITES, Case, cases
from variegate.bench.schema import SCHEMA
from variegate.bench.spread import spread
from variegate.errors import InputError

OURS = "variegate"
KNOWN = (
    OURS,
    "albumentations",
    "torchvision",
    "kornia",
    "pillow",
    "opencv",
    "dali",
    "turboloader",
    "keras",
    "keras_cv",
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How long to look: rounds, the seconds of one, and what one library may take for one case."""

    rounds: int = 5
    seconds: float = 0.05
    budget: float = 1.0
    quick: bool = False


# An epoch of files takes so much longer than other calls that a few of them need this many budgets.
FILE_BUDGETS = 4

# Seconds between two measurements: before they sleep, the threads of torch and TensorFlow look for
# work for some milliseconds, which would be those of the library that follows.
REST = 0.02

QUICK = Settings(rounds=3, seconds=0.02, budget=0.5, quick=True)


def check_names(names: Iterable[str], known: Sequence[str], what: str) -> list[str]:
    """The names, once each; raises InputError that names the known ones."""
    clean = list(dict.fromkeys(names))
    for name in clean:
        if name not in known:
            raise InputError(f"unknown {what} {name!r}; known: {', '.join(known)}")
    return clean


def measure(
    peers: Sequence[Peer],
    suites: Sequence[str],
    settings: Settings,
    say: Say = lambda text: None,
    only: str = "",
) -> dict[str, Any]:
    """Time the suites; the result as JSON data.

    only: a text that a case's id must contain. A library that cannot be loaded, or fails a case,
    is in the result as "failed: ..." and stops nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        clients = {peer.name: Client(peer, Path(folder) / "files") for peer in peers}
        try:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(Client.start, clients.values()))
            for name, client in clients.items():
                say(f"{name}: {client.failed or _text(client.versions)}")
            rows = []
            for case in (c for suite in suites for c in cases(suite, settings.quick)):
                if only in case.id:
                    rows.append(row(case, clients, settings))
                    say(_line(rows[-1]))
            accuracy = warp_errors(clients, Path(folder)) if "limits" in suites else {}
        finally:
            for client in clients.values():
                client.close()
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "settings": asdict(settings),
        "peers": {
            name: {"failed": client.failed} if client.failed else {"versions": client.versions}
            for name, client in clients.items()
        },
        "cases": rows,
        "accuracy": accuracy,
    }


def row(case: Case, clients: Mapping[str, Client], settings: Settings) -> dict[str, Any]:
    """One case by every library that has it."""
    able = {name: client for name, client in clients.items() if client.has(case)}
    with ThreadPoolExecutor(2) as pool:
        ready = list(pool.map(lambda client: client.prepare(case), able.values()))
    results = {name: dict(answer) for name, answer in zip(able, ready, strict=True)}
    seen: dict[str, list[float]] = {name: [] for name in able}
    spent = dict.fromkeys(able, 0.0)
    budget = settings.budget * (FILE_BUDGETS if case.suite == "files" else 1)
    for place in range(settings.rounds):
        for name, client in able.items():
            over = place >= 1 and spent[name] > budget
            if "failed" in results[name] or over:
                continue
            time.sleep(REST)
            answer = client.time(settings.seconds)
            if "failed" in answer:
                results[name] = {"failed": answer["failed"]}
                continue
            seen[name].append(answer["seconds"])
            spent[name] += answer["taken"]
            results[name]["calls"] = answer["calls"]
    for name, values in seen.items():
        if "failed" not in results[name]:
            results[name] |= asdict(spread(values))
    keep = ("suite", "name", "height", "width", "batch", "threads", "does")
    return {"id": case.id, **{k: getattr(case, k) for k in keep}, "results": results}


def default_peers(pythons: Mapping[str, str], names: Iterable[str] = KNOWN) -> list[Peer]:
    """Libraries by name, each in the Python given for it, else in this one; variegate is first."""
    wanted = check_names([OURS, *names], KNOWN, "library")
    check_names(pythons, KNOWN, "library")
    return [Peer(name, pythons[name]) if name in pythons else Peer(name) for name in wanted]


def default_suites(names: Iterable[str] = ()) -> list[str]:
    """Suites by name; all of them for none."""
    return check_names(names, tuple(SUITES), "suite") or list(SUITES)


def _text(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _line(found: Mapping[str, Any]) -> str:
    parts = []
    for name, result in found["results"].items():
        value = f"{result['median'] * 1e6:.1f}" if "median" in result else "failed"
        parts.append(f"{name} {value}")
    return f"{found['id']} (us an image): {', '.join(parts)}"
