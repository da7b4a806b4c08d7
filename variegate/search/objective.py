"""The objective of a search: what it is called with, what it gives, and one measured call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from variegate.errors import InputError
from variegate.search.records import Evaluation

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["Objective", "Scored", "measure", "said"]


class Scored(Protocol):
    """What an objective returns; `.loss` and `.value` floats are kept too where there are any.

    `value` is what trials are ranked by, in place of the accuracy.
    """

    @property
    def accuracy(self) -> float:
        """The score to make large."""


# objective(policy, budget, seed): the budget is a fidelity, the epochs of one training. The same
# arguments give the same scores, or a search that is resumed is not the same search.
Objective = Callable[["Policy", int, int], Scored]


def measure(objective: Objective, policy: Policy, budget: int, seed: int) -> Evaluation:
    """Call the objective once; raises InputError where it gives no finite accuracy."""
    started = time.perf_counter()
    scores = objective(policy, budget, seed)
    seconds = time.perf_counter() - started
    accuracy = float(scores.accuracy)
    if not math.isfinite(accuracy):
        raise InputError(f"the objective gave accuracy {accuracy}")
    loss = getattr(scores, "loss", None)
    loss = float(loss) if loss is not None and math.isfinite(float(loss)) else None
    value = getattr(scores, "value", None)
    return Evaluation(
        budget, seed, accuracy, loss, seconds, accuracy if value is None else float(value)
    )


def said(error: Exception) -> str:
    """An error as one line."""
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
