"""AutoAugment's controller as an Optuna sampler, rebuilt from the finished trials.

Trials come in batches. The controller that draws batch k has learned from batches 0 to k - 1, so
that a draw is a function of the seed, the trial's number and stored trials, and a killed search
goes on as it would have. What was rebuilt once is remembered within the process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from variegate.search.controller import Controller, Recipe
from variegate.search.sub_policies import SubPolicySpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["Teacher", "sampler_class"]


@dataclass
class Teacher:
    """Rebuilds the controller for a batch. memory: (batches learned, controller) of the last."""

    space: SubPolicySpace
    seed: int
    recipe: Recipe
    memory: tuple[list[Any], Controller] | None = None
    drawn: dict[int, list[int]] = field(default_factory=dict)

    def tokens(self, number: int, trials: list[FrozenTrial]) -> list[int]:
        """The token row of a trial."""
        if number not in self.drawn:
            batch = number // self.recipe.batch
            controller = self._taught(self._batches(batch, trials))
            place = number % self.recipe.batch
            rows = controller.draw(self.recipe.batch, (self.seed << 20) + batch)
            self.drawn[number] = [int(token) for token in rows[place]]
        return self.drawn[number]

    def _batches(self, count: int, trials: list[FrozenTrial]) -> list[Any]:
        """Per batch before `count` its pairs of tokens and reward; a failed trial has none."""
        names = [name for name, _ in self.space.tokens()]
        found = []
        for batch in range(count):
            own = trials[batch * self.recipe.batch : (batch + 1) * self.recipe.batch]
            scored = [t for t in own if t.value is not None]
            found.append([(tuple(t.params[n] for n in names), float(t.value or 0)) for t in scored])
        return found

    def _taught(self, batches: list[Any]) -> Controller:
        if self.memory is not None and self.memory[0] == batches[: len(self.memory[0])]:
            known, controller = self.memory
        else:
            known, controller = [], Controller(self.recipe, self.seed)
        for batch in batches[len(known) :]:
            if batch:
                tokens = np.array([row for row, _ in batch], np.int64)
                controller.learn(tokens, np.array([reward for _, reward in batch]))
        self.memory = (batches, controller)
        return controller


class Rows(Protocol):
    """Whatever draws a trial's whole row of tokens at once."""

    @property
    def space(self) -> Tokens:
        """What is drawn."""

    def tokens(self, number: int, trials: list[FrozenTrial]) -> list[int]:
        """The row of a trial, from the trials before it."""


class Tokens(Protocol):
    """A space of whole numbers."""

    def tokens(self) -> list[tuple[str, int]]:
        """Names and numbers of values, in order."""


@cache
def sampler_class() -> Callable[[Rows], BaseSampler]:
    """The sampler, made on first use, because Optuna is heavy to import."""
    from optuna.samplers import BaseSampler as Base

    class RowSampler(Base):
        """Gives each parameter its token of the row that was drawn for the trial."""

        def __init__(self, rows: Rows) -> None:
            self._rows = rows
            self._places = {name: i for i, (name, _) in enumerate(rows.space.tokens())}

        def infer_relative_search_space(
            self, study: Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            return {}

        def sample_relative(
            self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            return {}

        def sample_independent(
            self,
            study: Study,
            trial: FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> Any:
            row = self._rows.tokens(trial.number, study.get_trials(deepcopy=False))
            return row[self._places[param_name]]

    return RowSampler
