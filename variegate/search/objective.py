"""The objective of a search: what it is called with, what it gives, and one measured call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from variegate.errors import InputError
from variegate.search.records import Evaluation, class_accuracies

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["Objective", "Scored", "measure"]


class Scored(Protocol):
    """What an objective returns, unless a bare number; more is kept where there is any.

    loss: a float. value: what trials are ranked by, in place of the accuracy. per_class: the
    accuracy of each class, NaN or None where there is none. augment_seconds: of its time.
    """

    @property
    def accuracy(self) -> float:
        """The score to make large."""


# objective(policy, budget, seed): the budget is a fidelity, the epochs of one training. The same
# arguments give the same scores, or a search that is resumed is not the same search.
Objective = Callable[["Policy", int, int], Scored | float]


def measure(objective: Objective, policy: Policy, budget: int, seed: int) -> Evaluation:
    """Call the objective once; raises InputError where it gives no finite accuracy."""
    started = time.perf_counter()
    given = objective(policy, budget, seed)
    seconds = time.perf_counter() - started
    scores = _Number(float(given)) if isinstance(given, (float, int, np.number)) else given
    accuracy = float(scores.accuracy)
    if not math.isfinite(accuracy):
        raise InputError(f"the objective gave accuracy {accuracy}")
    loss = getattr(scores, "loss", None)
    loss = float(loss) if loss is not None and math.isfinite(float(loss)) else None
    value = getattr(scores, "value", None)
    augment = getattr(scores, "augment_seconds", None)
    return Evaluation(
        budget,
        seed,
        accuracy,
        loss,
        seconds,
        accuracy if value is None else float(value),
        None if augment is None else float(augment),
        class_accuracies(getattr(scores, "per_class", ())),
    )


@dataclass(frozen=True)
class _Number:
    """The score of an objective that gives a bare number."""

    accuracy: float
