"""What the search learned, made ready for the page: checked, cleaned and placed on one axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from variegate.errors import InputError
from variegate.evaluate.distance import Distance
from variegate.evaluate.learned import Effect, Learned
from variegate.evaluate.names import clean, clean_data

__all__ = ["Insight", "read_insight"]

# Rows of the table on the page and of the plot; report.json has all.
SHOWN = 12
KINDS = {"op": "images touched by", "strength": "strength of", "pair": "both on one image:"}


class Insight(TypedDict):
    """Effects with the most telling first, the distance of the found policy from random ones."""

    learned: Learned
    distance: list[Distance]


def read_insight(data: object) -> Insight | None:
    """Check and clean what search.json has under 'learned'; None where it has nothing."""
    if data is None:
        return None
    if not isinstance(data, Mapping) or not isinstance(data.get("learned"), Mapping):
        raise InputError("insight: expected a dict with 'learned' and 'distance'")
    learned = data["learned"]
    effects = [_effect(row, place) for place, row in enumerate(_rows(learned.get("effects")))]
    return {
        "learned": {
            "trials": int(learned["trials"]),
            "features": int(learned["features"]),
            "proven": int(learned["proven"]),
            "effects": effects,
            "text": clean(learned["text"], 600),
        },
        "distance": [cast(Distance, clean_data(row)) for row in _rows(data.get("distance"))],
    }


def _rows(data: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(data, list | tuple) or not all(isinstance(row, Mapping) for row in data):
        raise InputError("insight: expected lists of dicts for effects and distance")
    return data


def _effect(row: Mapping[str, Any], place: int) -> Effect:
    numbers = [row["value"], *row["interval"], row["explains"], row["corrected"]]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise InputError(f"insight: effects[{place}]: expected finite numbers, got {numbers}")
    if row["verdict"] not in ("better", "worse", "not proven"):
        raise InputError(f"insight: effects[{place}]: no such verdict as {row['verdict']!r}")
    return {
        "kind": KINDS.get(row["kind"], clean(row["kind"])),
        "name": clean(row["name"], 120),
        "value": float(row["value"]),
        "interval": [float(end) for end in row["interval"]],
        "explains": float(row["explains"]),
        "corrected": float(row["corrected"]),
        "verdict": row["verdict"],
    }
