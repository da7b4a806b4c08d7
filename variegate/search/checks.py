"""What is checked before a search writes anything."""

from __future__ import annotations

from typing import Any

from variegate.errors import InputError
from variegate.search.records import to_policy
from variegate.search.schedule import check_whole
from variegate.search.space import Space, policy_of, suggest

__all__ = ["check_arguments", "check_space"]


def check_arguments(
    epochs: object,
    repeats: object,
    trials: object,
    seed: object,
    name: object,
    tie_break: object,
) -> None:
    """Raise InputError for the first argument of `run_study` that is not legal."""
    for what, number in (("epochs", epochs), ("repeats", repeats)):
        check_whole(what, number, 1)
    if trials is not None:
        check_whole("trials", trials, 1)
    check_whole("seed", seed, 0)
    if not (isinstance(name, str) and name):
        raise InputError(f"name: expected a non-empty string, got {name!r}")
    if tie_break not in ("earlier", "loss"):
        raise InputError(f"tie_break: expected 'earlier' or 'loss', got {tie_break!r}")


def check_space(space: Space) -> None:
    """Build the space's weakest and strongest policies, so that a bad op name stops the start."""
    for pick in (0, -1):
        drawn = _Corner(pick)
        to_policy(suggest(drawn, space))
    options = [("base", option) for option in getattr(space, "base", ())]
    options += [("tail", option) for option in getattr(space, "tail", ())]
    for place, option in options:
        for index in range(len(option.choices)):
            to_policy(policy_of({**drawn.params, f"{place}.{option.name}": index}, space))


class _Corner:
    """A stand-in for a trial that always draws the first or the last legal value."""

    def __init__(self, pick: int) -> None:
        self.pick = pick
        self.params: dict[str, Any] = {}

    def _take(self, name: str, values: Any) -> Any:
        self.params[name] = values[self.pick]
        return self.params[name]

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return float(self._take(name, (low, high)))

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self._take(name, (low, high)))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._take(name, choices)
