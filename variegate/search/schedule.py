"""What a search spends: rungs of rising budgets, brackets of them, and a final round.

The usual search is as many brackets as trials, each of one rung with one trial. Successive halving
(Jamieson and Talwalkar 2016) is a bracket of several rungs: fewer trials each time, for more
epochs. The final round trains the best trials and the controls anew, at the full budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from variegate.errors import InputError

__all__ = ["Rung", "Schedule", "check_whole"]


@dataclass(frozen=True)
class Rung:
    """So many trials, each evaluated at `budget` (epochs) from `repeats` seeds."""

    trials: int
    budget: int
    repeats: int = 1

    def __post_init__(self) -> None:
        for name in ("trials", "budget", "repeats"):
            check_whole(f"rung: {name}", getattr(self, name), 1)

    @property
    def trainings(self) -> int:
        """Calls of the objective."""
        return self.trials * self.repeats

    @property
    def epochs(self) -> int:
        """Budget of all its calls together."""
        return self.trainings * self.budget


@dataclass(frozen=True)
class Schedule:
    """`brackets` times the rungs, then one `final` round over the best of all and the controls.

    Within a bracket the trials of a rung are the best of the rung before. Raises InputError where
    a later rung has more trials or a lower budget than the one before.
    """

    brackets: int
    rungs: tuple[Rung, ...]
    final: Rung | None = None
    controls: int = 0

    def __post_init__(self) -> None:
        check_whole("brackets", self.brackets, 1)
        check_whole("controls", self.controls, 0)
        if not self.rungs:
            raise InputError("schedule: expected at least one rung")
        for before, after in pairwise(self.rungs):
            if after.trials > before.trials or after.budget < before.budget:
                raise InputError(
                    "schedule: each rung has at most the trials and at least the budget of the "
                    f"one before, got {before} and then {after}"
                )

    @staticmethod
    def plain(trials: int, epochs: int, repeats: int = 1) -> Schedule:
        """Every trial alone, at one budget."""
        return Schedule(trials, (Rung(1, epochs, repeats),))

    @property
    def trials(self) -> int:
        """Policies that are drawn."""
        return self.brackets * self.rungs[0].trials

    @property
    def budget(self) -> int:
        """The highest budget."""
        return max(rung.budget for rung in self._all())

    @property
    def trainings(self) -> int:
        """Calls of the objective in all, at most (a failed trial spends less)."""
        return self.brackets * sum(rung.trainings for rung in self.rungs) + self.final_trainings

    @property
    def final_trainings(self) -> int:
        """Of these the final round's: the controls but the best of them have one seed only."""
        if self.final is None:
            return 0
        entries = self.final.trials + min(1, self.controls)
        return entries * self.final.repeats + max(0, self.controls - 1)

    @property
    def epochs(self) -> int:
        """Budget of all calls together: what the search costs."""
        last = self.final_trainings * self.final.budget if self.final is not None else 0
        return self.brackets * sum(rung.epochs for rung in self.rungs) + last

    def _all(self) -> Sequence[Rung]:
        return self.rungs if self.final is None else (*self.rungs, self.final)

    def identity(self) -> dict[str, Any]:
        """What a resume must share, as JSON data; the number of brackets may grow."""
        first = self.rungs[0]
        if self.final is None and len(self.rungs) == first.trials == 1:
            return {"epochs": first.budget, "repeats": first.repeats}
        rows = [[r.trials, r.budget, r.repeats] for r in self._all()]
        return {"rungs": rows[: len(self.rungs)], "final": rows[len(self.rungs) :]}

    def __str__(self) -> str:
        last = self.rungs[0]
        if len(self.rungs) == 1 and last.trials == 1:
            each = f" x {last.repeats} repeats" if last.repeats > 1 else ""
            count = self.brackets * last.repeats
            text = f"{self.trials} trials{each} = {count} trainings of {last.budget} epochs"
        else:
            steps = " -> ".join(_rung_text(rung) for rung in self.rungs)
            times = f"{self.brackets} times " if self.brackets > 1 else ""
            text = f"{times}{steps}"
        if self.final is not None:
            also = f" and {self.controls} controls" if self.controls else ""
            text += (
                f", then the best {self.final.trials}{also}, {self.final_trainings} trainings of "
                f"{self.final.budget} epochs from up to {self.final.repeats} seeds"
            )
        return text


def _rung_text(rung: Rung) -> str:
    repeats = f" x {rung.repeats}" if rung.repeats > 1 else ""
    return f"{rung.trials} trials{repeats} of {rung.budget} epochs"


def check_whole(what: str, value: object, low: int) -> None:
    """Raise InputError unless `value` is a whole number of at least `low`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise InputError(f"{what}: expected a whole number >= {low}, got {value!r}")
