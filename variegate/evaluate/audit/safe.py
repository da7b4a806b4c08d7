"""The safe magnitude range of each op, overall and for each class, from an affinity table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from variegate.search.narrow import KEEP, LEAST, OpScore, candidates, cap_of
from variegate.search.space import FamilySpace

__all__ = ["falling", "safe_ranges", "scores"]

TURNS, LOST = "turns", "lost"
# Done twice, these undo themselves. So where one makes a class into another, it makes the other
# into the first; a class that is only taken for another one has merely never been seen so.
UNDONE = ("HorizontalFlip", "VerticalFlip", "Rotate 180", "Invert")


def falling(values: Sequence[float]) -> list[float]:
    """The nearest sequence that never rises (least squares, by pooling adjacent violators).

    A stronger op cannot keep more of the meaning; where it seems to, that is noise.
    """
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [((a * m + b * n) / (m + n), m + n)]
    return [value for value, count in blocks for _ in range(count)]


def safe_ranges(
    rows: Sequence[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    classes: int,
    keep: float = KEEP,
    hints: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """For each row of the table: the highest safe magnitude, overall and of each class.

    A class is safe as far as its affinity stays at `keep`, and below the magnitude from where it is
    proven to turn into another class. Overall it is `kept` that has to stay there, and the range
    also ends where the first class turns; under an op
    of `UNDONE` only where two classes change places. A class that turns or is lost under an op that
    its name warns of (`hints`) always counts. None for a class of which the clean models recognize
    nothing.
    """
    warned = {
        (name, number) for hint in hints for name in hint["ops"] for number in hint["classes"]
    }
    limits: dict[tuple[str, int], float] = {}
    ends: dict[str, float] = {}
    for finding in findings:
        name, number, magnitude = finding["name"], finding["class"], finding["magnitude"]
        told = (name, number) in warned
        if finding["kind"] == TURNS or (finding["kind"] == LOST and told):
            limits[name, number] = min(magnitude, limits.get((name, number), 1.0))
            if told or name not in UNDONE or finding["mutual"]:
                ends[name] = min(magnitude, ends.get(name, 1.0))
    found = []
    for row in rows:
        steps = [level["magnitude"] for level in row["magnitudes"]]
        each: list[float | None] = []
        for number in range(classes):
            values = [level["classes"]["affinity"][number] for level in row["magnitudes"]]
            cap = None if None in values else _cap(steps, values, row["ladder"], keep)
            turn = limits.get((row["name"], number))
            each.append(cap if cap is None or turn is None else min(cap, _below(steps, turn)))
        overall = [level["kept"] for level in row["magnitudes"]]
        whole = 0.0 if None in overall else _cap(steps, overall, row["ladder"], keep)
        if row["name"] in ends:
            whole = min(whole, _below(steps, ends[row["name"]]))
        found.append({"name": row["name"], "high": whole, "classes": each})
    return found


def _below(steps: Sequence[float], turn: float) -> float:
    """The strongest magnitude of the ladder below the one where a class turned; 0 for none."""
    return max((step for step in steps if step < turn), default=0.0)


def _cap(steps: Sequence[float], values: Sequence[float], ladder: bool, keep: float) -> float:
    """Where the falling line through the values crosses `keep`; 0 below what is worth having."""
    if not ladder:
        return float(values[-1] >= keep)
    fitted = falling([float(np.clip(value, 0.0, 1.0)) for value in values])
    tried: list[tuple[float, float]] = []
    for step, value in zip(reversed(steps), reversed(fitted), strict=True):
        tried.append((step, value))
        if value >= keep:
            break
    cap = cap_of(tried, keep)
    return cap if cap >= LEAST else 0.0


def scores(
    space: FamilySpace,
    rows: Sequence[Mapping[str, Any]],
    safe: Sequence[Mapping[str, Any]],
    names: Mapping[tuple[str, str], str],
) -> list[OpScore]:
    """The safe ranges as the scores that `variegate.search.narrow.restrict` takes.

    names: for each (group, name) of the space's candidates the name of its row.
    """
    highs = {each["name"]: each["high"] for each in safe}
    values = {row["name"]: row for row in rows}
    found = []
    for group, name, _ in candidates(space):
        row = values[names[group, name]]
        tried = tuple(
            (level["magnitude"], level["kept"] or 0.0) for level in reversed(row["magnitudes"])
        )
        found.append(OpScore(name, group, tried, highs[row["name"]]))
    return found
