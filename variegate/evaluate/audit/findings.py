"""What an affinity table proves, one sentence each.

turns: of the images of a class that were recognized, more than a quarter are now called one other
class. collects: the same, but three or more classes turn into that one: the op hides what tells
classes apart, and the models call everything this. lost: the class keeps less than `keep` of what
was recognized, while all classes together keep that much.

Tested by exact binomial tests, corrected for all classes, ops and magnitudes by Benjamini and
Hochberg's procedure. A finding stands at the weakest magnitude where it is proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from variegate.evaluate.audit.affinity import Seen, wilson
from variegate.evaluate.statistics import ALPHA, adjust
from variegate.search.narrow import KEEP

__all__ = ["TURNED", "find", "sentence"]

TURNED = 0.25
# Classes that turn into the same one at once, from which on it is not their meaning that changed.
SEVERAL = 3


def find(seen: Seen, rows: Sequence[Mapping[str, Any]], keep: float = KEEP) -> list[dict[str, Any]]:
    """The findings of a table: pairs of classes that change places first, then the largest."""
    known = np.bincount(seen.labels[seen.clean == seen.labels], minlength=seen.classes)
    turned = _proven(rows, known, _turn_p)
    lost = _proven(rows, known, lambda level, number, n: _lost_p(level, number, n, keep))
    found: dict[tuple[str, int, str], dict[str, Any]] = {}
    for row in rows:
        for place, level in enumerate(row["magnitudes"]):
            cells = level["classes"]
            hit = [c for c in range(seen.classes) if (row["name"], place, c) in turned]
            targets = Counter(cells["into"][c] for c in hit)
            for number in hit:
                into = cells["into"][number]
                kind = "collects" if targets[into] >= SEVERAL else "turns"
                _first(found, row, level, number, kind, turned[row["name"], place, number])
            if level["affinity"] is None or level["affinity"] < keep:
                continue
            for number in range(seen.classes):
                key = (row["name"], place, number)
                if key in lost and number not in hit:
                    _first(found, row, level, number, "lost", lost[key])
    for finding in found.values():
        images, moved = int(known[finding["class"]]), finding.pop("moved")
        low, high = wilson(moved, images)
        finding |= {"images": images, "share": round(moved / images, 4)}
        finding["share_interval"] = [round(float(low), 4), round(float(high), 4)]
    turns = {(f["name"], f["class"], f["into"]) for f in found.values() if f["kind"] == "turns"}
    for finding in found.values():
        swapped = finding["name"], finding["into"], finding["class"]
        finding["mutual"] = finding["kind"] == "turns" and swapped in turns
    order = {"turns": 0, "lost": 1, "collects": 2}
    return sorted(
        found.values(),
        key=lambda f: (order[f["kind"]], not f["mutual"], -f["share"], f["name"], f["class"]),
    )


def _first(
    found: dict[tuple[str, int, str], dict[str, Any]],
    row: Mapping[str, Any],
    level: Mapping[str, Any],
    number: int,
    kind: str,
    p: float,
) -> None:
    """Keep a finding unless the same one stands at a weaker magnitude."""
    cells = level["classes"]
    found.setdefault(
        (row["name"], number, kind),
        {
            "kind": kind,
            "name": row["name"],
            "op": row["op"],
            "magnitude": level["magnitude"],
            "ladder": row["ladder"],
            "class": number,
            "into": cells["into"][number],
            "moved": cells["moved"][number],
            "affinity": cells["affinity"][number],
            "interval": [cells["low"][number], cells["high"][number]],
            "p": p,
        },
    )


def _proven(rows: Any, known: Any, p_of: Any) -> dict[tuple[str, int, int], float]:
    """The cells whose corrected p is at most 5 %, with it."""
    keys = [
        (row["name"], place, number)
        for row in rows
        for place in range(len(row["magnitudes"]))
        for number in np.flatnonzero(known).tolist()
    ]
    levels = {(row["name"], i): level for row in rows for i, level in enumerate(row["magnitudes"])}
    p = [p_of(levels[name, place], number, int(known[number])) for name, place, number in keys]
    corrected = adjust(p, "fdr_bh")
    return {k: q for k, q in zip(keys, corrected, strict=True) if q is not None and q <= ALPHA}


def _turn_p(level: Mapping[str, Any], number: int, n: int) -> float:
    from scipy import stats

    moved = level["classes"]["moved"][number]
    # The class was picked among all others. At most four can hold a quarter each, so the p of the
    # picked one is at most four times as large.
    tail = float(stats.binom.sf(moved - 1, n, TURNED))
    return min(1.0, tail / TURNED)


def _lost_p(level: Mapping[str, Any], number: int, n: int, keep: float) -> float:
    from scipy import stats

    return float(stats.binom.cdf(level["classes"]["still"][number], n, keep))


def sentence(finding: Mapping[str, Any], names: Sequence[str]) -> str:
    """A finding in words."""
    where = f" at magnitude {finding['magnitude']:g}" if finding["ladder"] else ""
    name = names[finding["class"]]
    low, high = (100 * end for end in finding["share_interval"])
    of = (
        f"{100 * finding['share']:.0f} % [{low:.0f}, {high:.0f}] of {finding['images']} recognized "
        "images"
    )
    if finding["kind"] == "lost":
        low, high = finding["interval"]
        kept = f"affinity {finding['affinity']:.2f} [{low:.2f}, {high:.2f}]"
        return f"{finding['name']}{where}: \u201c{name}\u201d is no longer recognized ({kept})"
    into = names[finding["into"]]
    if finding["kind"] == "turns":
        return f"{finding['name']}{where}: \u201c{name}\u201d is read as \u201c{into}\u201d ({of})"
    return (
        f"{finding['name']}{where}: \u201c{name}\u201d, like other classes, is called "
        f"\u201c{into}\u201d ({of})"
    )
