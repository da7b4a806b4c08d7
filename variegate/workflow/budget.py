"""What a search may spend, as a user writes it: 200trials, 30m, 2h, 90s."""

from __future__ import annotations

import re
from dataclasses import dataclass

from variegate.errors import InputError

__all__ = ["Budget", "read_budget"]

_FORM = re.compile(r"([0-9]+)\s*(trials|trial|s|m|h)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Budget:
    """Trials or seconds; neither where the user said nothing."""

    trials: int | None = None
    seconds: int | None = None

    def in_trials(self, each: float) -> int | None:
        """The number of trials, at so many seconds each; None for the method's default."""
        return self.trials if self.seconds is None else max(1, int(self.seconds / each))


def read_budget(text: str | None, trials: int | None) -> Budget:
    """A budget from its text, or from a number of trials; raises InputError for both."""
    if text is None:
        return Budget(trials=trials)
    if trials is not None:
        raise InputError("budget and trials: give one of them")
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or int(found[1]) < 1:
        raise InputError(f"budget: expected 200trials, 90s, 30m or 2h, got {text!r}")
    number, unit = int(found[1]), found[2]
    if unit in _SECONDS:
        return Budget(seconds=number * _SECONDS[unit])
    return Budget(trials=number)
