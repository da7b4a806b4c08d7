"""Results made by hand."""

from __future__ import annotations

from typing import Any

from variegate.bench.peers.cases import SUITES, cases

MACHINE = {
    "processor": "Abacus (VBMI)",
    "cores": 2,
    "memory_gib": 4,
    "system": "Linux x86_64",
    "python": "3.11.7",
}


def timing(median: float, **more: Any) -> dict[str, Any]:
    """A result of five rounds without spread."""
    same = dict.fromkeys(("median", "least", "low", "high"), median)
    return {"note": "", **same, "n": 5, "calls": 2, **more}


def document(times: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A document with cases by id; times: case id -> {library: seconds or a result}."""
    known = {case.id: case for suite in SUITES for case in cases(suite)}
    rows, peers = [], {}
    for case_id, results in times.items():
        case = known[case_id]
        fields = ("suite", "name", "height", "width", "batch", "threads", "does")
        done = {k: timing(v) if isinstance(v, float) else v for k, v in results.items()}
        rows.append({"id": case_id, **{f: getattr(case, f) for f in fields}, "results": done})
        peers |= {name: {"versions": {name: "1.0"}} for name in results}
    return {
        "schema": "variegate.bench/1",
        "machine": dict(MACHINE),
        "settings": {"rounds": 5, "seconds": 0.03, "budget": 2.0, "quick": False},
        "peers": peers,
        "cases": rows,
        "accuracy": {},
        **more,
    }
