"""The short trainings of a guided search: run, and kept in the search's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.workflow.common import Event, Progress, read_json, tell, write_json

if TYPE_CHECKING:
    from variegate.policy import Policy
    from variegate.search import FamilySpace
    from variegate.search.gains import OpGain

__all__ = ["FROM", "GAINS", "SHORT", "gained"]

GAINS, SCHEMA = "gains.json", "variegate.gains/1"
# A search of so many trainings or more can spend a part of them on these, of so many epochs each.
FROM, SHORT = 60, 0.25


def gained(
    small: FamilySpace,
    space: FamilySpace,
    value: Callable[[Policy], float],
    mark: str,
    out: Path,
    progress: Progress | None,
) -> FamilySpace:
    """The narrowed space after `apply_gains`; gains are kept in out/gains.json."""
    from variegate.search.gains import OpGain, apply_gains, score_gains

    path = out / GAINS
    rows: list[Mapping[str, Any]] = []
    if path.exists():
        stored = read_json(path, SCHEMA)
        rows = list(stored["gains"]) if stored.get("fingerprint") == mark else []
    known = [OpGain.from_dict(row) for row in rows]

    def on_gain(gain: OpGain) -> None:
        rows.append(gain.to_dict())
        write_json(path, {"schema": SCHEMA, "fingerprint": mark, "gains": [dict(r) for r in rows]})
        text = f"short trainings: {gain.group} {gain.name}: {100 * gain.gain:+.1f} points"
        tell(progress, Event("progress", text))

    gains = score_gains(small, space, value, known=known, on_gain=on_gain)
    return apply_gains(small, space, gains)
