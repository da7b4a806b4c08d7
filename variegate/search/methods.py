"""Search methods: each gives an Optuna sampler and says what it will cost before it starts.

A killed search must go on as if nothing had happened, but Optuna's samplers keep their generator
in memory. So every draw comes from a sampler made anew, seeded by (study seed, trial number,
parameter): the draw is a pure function of these and of the trials finished so far.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError
from variegate.search.controller import Recipe
from variegate.search.guided import spread_class
from variegate.search.population import POPULATION, Breeder, ScheduleSpace
from variegate.search.schedule import Schedule
from variegate.search.space import ChoiceSpace, RandAugmentSpace, Space
from variegate.search.sub_policies import SubPolicySpace
from variegate.search.teach import Teacher, sampler_class

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    MakeSampler = Callable[[int], BaseSampler]

__all__ = ["METHODS", "Cost", "Method", "cost", "derive", "make_sampler"]

# Trials that TPE draws at random first. Fixed, so that raising the number of trials of a stored
# study changes nothing in the trials it already has.
TPE_STARTUP = 10
# Trials that the guided search spreads evenly first.
SPREAD = 8


@dataclass(frozen=True)
class Cost:
    """What a search will spend: its schedule of trials, trainings and epochs of each."""

    method: str
    schedule: Schedule
    note: str = ""

    @property
    def trials(self) -> int:
        """How many policies are drawn."""
        return self.schedule.trials

    @property
    def repeats(self) -> int:
        """Trainings of each policy on the first rung."""
        return self.schedule.rungs[0].repeats

    @property
    def epochs(self) -> int:
        """The highest budget of a training."""
        return self.schedule.budget

    @property
    def trainings(self) -> int:
        """How many models are trained in all."""
        return self.schedule.trainings

    @property
    def full_trainings(self) -> float:
        """The whole cost in trainings at the highest budget."""
        return self.schedule.epochs / self.schedule.budget

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        text = f"{self.method}: {self.schedule}{note}"
        if self.full_trainings < self.trainings:
            text += f"; in all as much as {self.full_trainings:.0f} trainings of {self.epochs}"
        return text


@dataclass(frozen=True)
class Method:
    """A method: `trials(space, asked) -> (number, note)` and `sampler(space, seed)`.

    join: of how many of the best trials the sub-policies make up the final policy. prior: whether
    the first trial is what is expected to do well. It takes part in the final round, beside those
    that a model of all trials says are best, and only what is significantly better replaces it.
    """

    trials: Callable[[Space, int | None], tuple[int, str]]
    sampler: Callable[[Space, int], MakeSampler]
    join: int = 1
    prior: bool = False


def derive(*parts: object) -> int:
    """A seed of 32 bits from any parts, the same in every process."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def cost(
    method: str,
    space: Space,
    *,
    trials: int | None = None,
    epochs: int = 1,
    repeats: int = 1,
    schedule: Schedule | None = None,
) -> Cost:
    """State what a search will spend. Raises InputError for an unknown method or wrong space."""
    chosen = _method(method)
    if schedule is not None:
        chosen.trials(space, schedule.trials)
        return Cost(method, schedule)
    number, note = chosen.trials(space, trials)
    return Cost(method, Schedule.plain(number, epochs, repeats), note)


def make_sampler(
    method: str, space: Space, seed: int, size: int = 1, window: int = 1
) -> BaseSampler:
    """The sampler of a method for one study, without any state of its own.

    A trial is drawn from those of the brackets (of `size` trials) at least `window` before its own.
    """
    return _pure_class()(seed, _method(method).sampler(space, seed), size, window)


def _method(name: str) -> Method:
    if name not in METHODS:
        raise InputError(f"method: expected one of {', '.join(METHODS)}, got {name!r}")
    return METHODS[name]


def _grid_trials(space: Space, asked: int | None) -> tuple[int, str]:
    if not isinstance(space, RandAugmentSpace):
        raise InputError("method grid: expected a RandAugmentSpace, got another")
    cells = math.prod(len(values) for values in space.grid().values())
    if asked is None or asked >= cells:
        return cells, "every cell once"
    return asked, f"{asked} of {cells} cells, in shuffled order"


def _grid_sampler(space: Space, seed: int) -> MakeSampler:
    from optuna.samplers import GridSampler

    if not isinstance(space, RandAugmentSpace | ChoiceSpace):
        raise InputError("method grid: expected a RandAugmentSpace, got another")
    axes = space.grid()
    # One seed for all trials: the number of a trial then names its cell in one shuffled order.
    order = derive(seed, "grid")
    return lambda _: GridSampler(axes, seed=order)


def _density_trials(space: Space, asked: int | None) -> tuple[int, str]:
    """What is left to train once the candidates are joined: each choice once."""
    if isinstance(space, ChoiceSpace):
        return len(space.choices), ""
    if not isinstance(space, SubPolicySpace):
        raise InputError("method density: expected a SubPolicySpace, got another")
    return 1, "the joined candidates"


def _asked_trials(space: Space, asked: int | None) -> tuple[int, str]:
    if asked is None:
        raise InputError("trials: this method needs a number of trials >= 1")
    return asked, ""


def _random_sampler(space: Space, seed: int) -> MakeSampler:
    from optuna.samplers import RandomSampler

    return lambda key: RandomSampler(seed=key)


def _tpe_sampler(space: Space, seed: int, startup: int = 0) -> MakeSampler:
    from optuna.samplers import TPESampler

    # Running trials are left out (no constant liar): on resume the trial under way has parameters
    # already, and they must not change what is drawn for it.
    def make(key: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return TPESampler(
                seed=key,
                n_startup_trials=startup or TPE_STARTUP,
                multivariate=True,
                constant_liar=False,
                warn_independent_sampling=False,
            )

    return make


def _guided_sampler(space: Space, seed: int) -> MakeSampler:
    tpe = _tpe_sampler(space, seed, SPREAD)
    return lambda key: spread_class()(tpe(key), SPREAD, lambda name: derive(seed, "spread", name))


def _taught_trials(space: Space, asked: int | None) -> tuple[int, str]:
    if not isinstance(space, SubPolicySpace) or 0 in (space.probabilities, space.magnitudes):
        raise InputError("method autoaugment: expected a SubPolicySpace with whole steps")
    number, _ = _asked_trials(space, asked)
    return number, "the published search took about 15,000"


def _taught_sampler(space: Space, seed: int) -> MakeSampler:
    if not isinstance(space, SubPolicySpace):
        raise InputError("method autoaugment: expected a SubPolicySpace")
    kinds = (len(space.ops), space.probabilities, space.magnitudes)
    recipe = Recipe(kinds=kinds, steps=space.sub_policies * space.length)
    teacher = Teacher(space, derive(seed, "controller"), recipe)
    return lambda _: sampler_class()(teacher)


def _bred_trials(space: Space, asked: int | None) -> tuple[int, str]:
    if not isinstance(space, ScheduleSpace):
        raise InputError("method pba: expected a ScheduleSpace, got another")
    number, _ = _asked_trials(space, asked)
    return number, f"schedules; {min(number, POPULATION)} random ones first"


def _bred_sampler(space: Space, seed: int) -> MakeSampler:
    if not isinstance(space, ScheduleSpace):
        raise InputError("method pba: expected a ScheduleSpace, got another")
    breeder = Breeder(space, derive(seed, "population"))
    return lambda _: sampler_class()(breeder)


METHODS: Mapping[str, Method] = {
    "guided": Method(_asked_trials, _guided_sampler, prior=True),
    "grid": Method(_grid_trials, _grid_sampler),
    "autoaugment": Method(_taught_trials, _taught_sampler, join=5),
    "pba": Method(_bred_trials, _bred_sampler),
    "density": Method(_density_trials, _grid_sampler),
    "random": Method(_asked_trials, _random_sampler),
    "tpe": Method(_asked_trials, _tpe_sampler),
}


@cache
def _pure_class() -> Callable[[int, MakeSampler, int, int], BaseSampler]:
    """The stateless sampler; made on first use, because Optuna is heavy to import."""
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    class PureSampler(BaseSampler):
        """Asks a freshly seeded sampler for every draw, so a draw depends on no other draw."""

        def __init__(self, seed: int, make: MakeSampler, size: int, window: int) -> None:
            self._seed, self._make = seed, make
            self._size, self._window = size, window

        def _seen(self, study: Study, trial: FrozenTrial) -> Study:
            """The study as it is for this draw, whatever else has ended by now."""
            bracket = trial.number // self._size
            return _before(study, max(0, bracket - self._window + 1) * self._size)

        def _fresh(self, trial: FrozenTrial, what: str) -> BaseSampler:
            return self._make(derive(self._seed, trial.number, what))

        def before_trial(self, study: Study, trial: FrozenTrial) -> None:
            self._fresh(trial, "before").before_trial(study, trial)

        def infer_relative_search_space(
            self, study: Study, trial: FrozenTrial
        ) -> dict[str, BaseDistribution]:
            return self._fresh(trial, "joint").infer_relative_search_space(
                self._seen(study, trial), trial
            )

        def sample_relative(
            self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            return self._fresh(trial, "joint").sample_relative(
                self._seen(study, trial), trial, search_space
            )

        def sample_independent(
            self,
            study: Study,
            trial: FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> Any:
            # after_trial is not passed on: the grid sampler stops a study there, and in ask/tell
            # the caller counts the trials.
            return self._fresh(trial, param_name).sample_independent(
                self._seen(study, trial), trial, param_name, param_distribution
            )

    return PureSampler


def _before(study: Study, number: int) -> Study:
    """The study with its trials below `number` alone."""
    view = copy(study)

    def get_trials(*args: Any, **kwargs: Any) -> list[FrozenTrial]:
        return [t for t in study._get_trials(*args, **kwargs) if t.number < number]

    # The samplers read trials through this one method of Optuna's.
    view._get_trials = get_trials  # type: ignore[method-assign]
    return view
