"""The guided search: what it spends, and how it draws.

The space is narrowed first (`narrow`). Then two brackets of successive halving: the first spreads
its trials evenly over the few numbers that are left, the second draws them by TPE from what the
first has shown. The best are trained again beside the controls, from fresh seeds.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from variegate.search.schedule import Rung, Schedule, check_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

__all__ = ["BRACKETS", "guided_schedule", "spread", "spread_class"]

BRACKETS = 2
FINALISTS, SEEDS = 2, 2
LEAST = 8  # trials in all
# Short trainings favor weak policies; they are worth that only where many trials are to be sorted.
HALVING_FROM = 40


def guided_schedule(trainings: int, epochs: int, controls: int) -> Schedule:
    """Spend about as much as so many trainings of `epochs`: trials, then the final round.

    With few trials all have the whole length. With many, two brackets of successive halving: half
    of the epochs first, all of them for the best third. The fewest trainings that make sense are
    spent where fewer are asked for.
    """
    check_whole("trainings", trainings, 1)
    last = Rung(FINALISTS, epochs, SEEDS)
    final = Schedule(1, (last,), last, controls).final_trainings
    left = max(LEAST, trainings - final)
    if left < HALVING_FROM:
        return Schedule(left, (Rung(1, epochs),), last, controls)
    trials = round(left / BRACKETS / (1 / 2 + 1 / 3))
    rungs = (Rung(trials, max(1, round(epochs / 2))), Rung(max(2, round(trials / 3)), epochs))
    return Schedule(BRACKETS, rungs, last, controls)


def spread(number: int, count: int, seed: int) -> float:
    """One parameter's share on 0..1 for trial `number` of `count`: a Latin hypercube's column.

    Each of `count` equal parts of the range comes once, in an order of the column's own seed.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(count)
    return float((order[number] + generator.random()) / count)


@cache
def spread_class() -> Callable[..., BaseSampler]:
    """The sampler, made on first use, because Optuna is heavy to import."""
    from optuna.samplers import BaseSampler as Base

    class SpreadSampler(Base):
        """The middle of the space first, then trials spread evenly up to `count`, then `after`'s.

        seed_of: a parameter's own seed. The middle is every number's; of choices it is the first,
        which in our spaces does nothing.
        """

        def __init__(self, after: BaseSampler, count: int, seed_of: Callable[[str], int]) -> None:
            self._after, self._count, self._seed_of = after, count, seed_of

        def infer_relative_search_space(
            self, study: Any, trial: Any
        ) -> dict[str, BaseDistribution]:
            if trial.number < self._count:
                return {}
            return self._after.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            if trial.number < self._count:
                return {}
            return self._after.sample_relative(study, trial, search_space)

        def sample_independent(
            self, study: Any, trial: Any, param_name: str, param_distribution: BaseDistribution
        ) -> Any:
            if trial.number >= self._count:
                return self._after.sample_independent(study, trial, param_name, param_distribution)
            if trial.number == 0:
                return _middle(param_distribution)
            share = spread(trial.number - 1, self._count - 1, self._seed_of(param_name))
            return _at(param_distribution, share)

    return SpreadSampler


def _middle(distribution: BaseDistribution) -> Any:
    """The middle of a range, rounded down, or the first of some choices."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    return (low + high) // 2 if isinstance(distribution, IntDistribution) else (low + high) / 2


def _at(distribution: BaseDistribution, share: float) -> Any:
    """The value at a share on 0..1 of a distribution's range."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(share * len(distribution.choices))]
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    if isinstance(distribution, IntDistribution):
        return low + int(share * (high - low + 1))
    return low + share * (high - low)
