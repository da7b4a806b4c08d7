"""Read a search history and find the best trial so far at every point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from variegate.errors import InputError
from variegate.evaluate.names import clean, clean_data


class Trial(TypedDict):
    """One trial; `value` is None if it failed or was stopped early."""

    number: int
    value: float | None
    seconds: float | None
    best: float | None
    params: dict[str, Any]


class History(TypedDict):
    """All trials by number, with the best one and the seconds of all."""

    trials: list[Trial]
    best: int | None
    seconds: float


def read_history(rows: Sequence[Mapping[str, Any]]) -> History:
    """Check the dicts number/value/seconds/params, sort them and add the best value so far."""
    trials: list[Trial] = []
    best: Trial | None = None
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InputError(f"search_history[{place}]: expected a dict, got {type(row).__name__}")
        params = row.get("params") or {}
        if not isinstance(params, Mapping):
            raise InputError(f"search_history[{place}]: params must be a dict")
        trials.append(
            {
                "number": _whole(row.get("number", place), place),
                "value": _number(row.get("value"), f"search_history[{place}]: value"),
                "seconds": _number(row.get("seconds"), f"search_history[{place}]: seconds"),
                "best": None,
                "params": clean_data(params),
            }
        )
    trials.sort(key=lambda trial: trial["number"])
    for trial in trials:
        value = trial["value"]
        if value is not None and (best is None or value > (best["value"] or 0.0)):
            best = trial
        trial["best"] = best["value"] if best else None
    return {
        "trials": trials,
        "best": best["number"] if best else None,
        "seconds": float(sum(trial["seconds"] or 0.0 for trial in trials)),
    }


def _whole(value: Any, place: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as problem:
        where = f"search_history[{place}]"
        raise InputError(f"{where}: number must be whole, got {value!r}") from problem


def _number(value: Any, where: str) -> float | None:
    """Give a finite float, or None; a trial that diverged to NaN counts as one without value."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as problem:
        raise InputError(f"{where} must be a number or None, got {value!r}") from problem
    return number if math.isfinite(number) else None


def params_text(params: Mapping[str, Any], limit: int = 160) -> str:
    """Give the parameters of a trial on one line."""
    parts = []
    for key, value in params.items():
        parts.append(f"{key} = {value:.3g}" if isinstance(value, float) else f"{key} = {value}")
    return clean(", ".join(parts), limit) if parts else ""
