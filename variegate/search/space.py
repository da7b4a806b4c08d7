"""What a search may draw, as data, and how a trial's draws become a policy.

A space holds numbers and op names only, so it can be saved beside a study and compared on resume.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from variegate.errors import InputError
from variegate.search.population import ScheduleSpace
from variegate.search.sub_policies import SubPolicySpace

__all__ = [
    "ChoiceSpace",
    "Family",
    "FamilySpace",
    "Number",
    "OpRange",
    "Option",
    "RandAugmentSpace",
    "Space",
    "Suggests",
    "policy_of",
    "suggest",
]

Step = dict[str, Any]

# One trial in five is without a family.
WEIGHT_LOW = -0.25


class Suggests(Protocol):
    """The part of an Optuna trial that a space draws from."""

    def suggest_float(self, name: str, low: float, high: float) -> float:
        """Draw a float of [low, high]."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """Draw a whole number of [low, high]."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Draw one of the choices."""


@dataclass(frozen=True)
class OpRange:
    """A candidate op with its magnitude range 0..1; `low=high=None` for an op without magnitude.

    limit: the highest magnitude ever, where a space's `reach` may go beyond `high`; None for
    `high` itself.
    """

    name: str
    low: float | None = 0.0
    high: float | None = 1.0
    limit: float | None = None

    def __post_init__(self) -> None:
        _name("op name", self.name)
        if (self.low is None) != (self.high is None):
            raise InputError(f"op {self.name}: give both low and high, or neither")
        if self.low is not None and self.high is not None:
            _range(f"op {self.name}: magnitude", (self.low, self.high))
        if self.limit is not None:
            _range(f"op {self.name}: high and limit", (self.high, self.limit))


@dataclass(frozen=True)
class Family:
    """Ops that share one weight and one magnitude in a search; a weight that is given is fixed.

    low: else the weight is drawn from here up to 1. At or below zero the family is left out, so
    that a search can switch it off for good; at -1 half of the trials are without it.
    """

    name: str
    ops: tuple[OpRange, ...]
    weight: float | None = None
    low: float = WEIGHT_LOW

    def __post_init__(self) -> None:
        _name("family name", self.name)
        if not self.ops:
            raise InputError(f"family {self.name}: no ops")
        if self.weight is not None:
            _range(f"family {self.name}: weight", (self.weight, self.weight))
        if not _finite(self.low) or not -10 <= self.low <= 1:
            raise InputError(f"family {self.name}: low: expected -10..1, got {self.low!r}")


@dataclass(frozen=True)
class Number:
    """A number that an option's steps hold as "$name", drawn from low..high."""

    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        _name("number name", self.name)
        if not _finite(self.low) or not _finite(self.high) or self.low > self.high:
            raise InputError(
                f"number {self.name}: expected low <= high, got {self.low!r} and {self.high!r}"
            )


@dataclass(frozen=True)
class Option:
    """Alternatives of which a search picks one; each is a tuple of policy steps (JSON form).

    numbers: what "$name" in the steps stands for. They are drawn whatever is picked, so that every
    trial has the same parameters.
    """

    name: str
    choices: tuple[tuple[Step, ...], ...]
    numbers: tuple[Number, ...] = ()

    def __post_init__(self) -> None:
        _name("option name", self.name)
        if not self.choices:
            raise InputError(f"option {self.name}: no choices")
        _unique(f"option {self.name}: numbers", [number.name for number in self.numbers])

    def suggest(self, trial: Suggests, place: str) -> dict[str, Any]:
        """Draw a choice and the numbers; the parameters are named after `place`, base or tail."""
        key = f"{place}.{self.name}"
        params: dict[str, Any] = {
            key: trial.suggest_categorical(key, list(range(len(self.choices))))
        }
        for number in self.numbers:
            name = f"{key}.{number.name}"
            params[name] = trial.suggest_float(name, number.low, number.high)
        return params

    def steps(self, params: Mapping[str, Any], place: str) -> list[Step]:
        """The steps (JSON form) that the parameters stand for."""
        key = f"{place}.{self.name}"
        values = {f"${n.name}": round(params[f"{key}.{n.name}"], 3) for n in self.numbers}
        return [_filled(step, values) for step in self.choices[params[key]]]


def _filled(value: Any, values: Mapping[str, float]) -> Any:
    """JSON data with "$name" replaced by its number."""
    if isinstance(value, Mapping):
        return {key: _filled(part, values) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(part, values) for part in value]
    return values.get(value, value) if isinstance(value, str) else value


@dataclass(frozen=True)
class RandAugmentSpace:
    """The grid of RandAugment: number of ops N times one magnitude M (Cubuk et al. 2020)."""

    num_ops: tuple[int, ...] = (1, 2, 3)
    magnitudes: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    ops: tuple[str, ...] | None = None
    base: tuple[Option, ...] = ()

    def __post_init__(self) -> None:
        if not self.num_ops or any(not _whole(n) or n < 1 for n in self.num_ops):
            raise InputError(f"num_ops: expected whole numbers >= 1, got {self.num_ops!r}")
        if not self.magnitudes:
            raise InputError("magnitudes: expected at least one")
        for value in self.magnitudes:
            _range("magnitudes", (value, value))
        for what, values in (("num_ops", self.num_ops), ("magnitudes", self.magnitudes)):
            _unique(what, [str(v) for v in values])
        if self.ops is not None:
            if not self.ops:
                raise InputError("ops: expected at least one name, or None for the default set")
            _unique("ops", list(self.ops))
        _unique("base", [option.name for option in self.base])
        if any(option.numbers for option in self.base):
            raise InputError("base: a grid has no options with numbers")

    def grid(self) -> dict[str, list[Any]]:
        """Every parameter with its values; the grid is their product."""
        axes: dict[str, list[Any]] = {
            f"base.{o.name}": list(range(len(o.choices))) for o in self.base
        }
        return {**axes, "num_ops": list(self.num_ops), "magnitude": list(self.magnitudes)}


@dataclass(frozen=True)
class FamilySpace:
    """Op families with a weight and a magnitude each, number of ops per image and their rate.

    `num_ops` (low, high) slots per image each pick one op by weight with probability `rate`
    (low, high). Every op is present at `levels` strengths up to the family's drawn magnitude.
    `base` stands before the slots, `tail` after them. With `shared` all families have one
    magnitude, which suits magnitudes that were made comparable by caps. Magnitudes are drawn up to
    `reach` times the ops' `high`, as far as their `limit` lets them.
    """

    families: tuple[Family, ...]
    num_ops: tuple[int, int] = (1, 3)
    rate: tuple[float, float] = (0.3, 1.0)
    levels: int = 2
    base: tuple[Option, ...] = ()
    tail: tuple[Option, ...] = ()
    shared: bool = False
    reach: float = 1.0

    def __post_init__(self) -> None:
        if not self.families:
            raise InputError("families: expected at least one")
        _unique("families", [family.name for family in self.families])
        _unique("base", [option.name for option in self.base])
        _unique("tail", [option.name for option in self.tail])
        _counts("num_ops", self.num_ops)
        _range("rate", self.rate)
        if not _whole(self.levels) or self.levels < 1:
            raise InputError(f"levels: expected a whole number >= 1, got {self.levels!r}")
        if not _finite(self.reach) or not 1 <= self.reach <= 10:
            raise InputError(f"reach: expected a number 1..10, got {self.reach!r}")


@dataclass(frozen=True)
class ChoiceSpace:
    """A few whole policies (tuples of steps, JSON form) that a search tries each of."""

    choices: tuple[tuple[Step, ...], ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise InputError("choices: expected at least one policy")

    def grid(self) -> dict[str, list[Any]]:
        """The one parameter with its values."""
        return {"choice": list(range(len(self.choices)))}


Space = RandAugmentSpace | FamilySpace | SubPolicySpace | ScheduleSpace | ChoiceSpace


def suggest(trial: Suggests, space: Space) -> dict[str, Any]:
    """Draw one policy (JSON form) of the space, by the trial's suggest functions only."""
    if isinstance(space, SubPolicySpace | ScheduleSpace):
        return space.suggest(trial)
    if isinstance(space, ChoiceSpace):
        return policy_of(
            {"choice": trial.suggest_categorical("choice", *space.grid().values())}, space
        )
    params: dict[str, Any] = {}
    for option in space.base:
        params |= option.suggest(trial, "base")
    if isinstance(space, RandAugmentSpace):
        params["num_ops"] = trial.suggest_categorical("num_ops", list(space.num_ops))
        params["magnitude"] = trial.suggest_categorical("magnitude", list(space.magnitudes))
        return policy_of(params, space)
    params["num_ops"] = trial.suggest_int("num_ops", *space.num_ops)
    params["rate"] = trial.suggest_float("rate", *space.rate)
    if space.shared:
        params["magnitude"] = trial.suggest_float("magnitude", 0.0, space.reach)
    for family in space.families:
        weight, magnitude = f"weight.{family.name}", f"magnitude.{family.name}"
        if family.weight is None:
            params[weight] = trial.suggest_float(weight, family.low, 1.0)
        if not space.shared:
            params[magnitude] = trial.suggest_float(magnitude, 0.0, space.reach)
    for option in space.tail:
        params |= option.suggest(trial, "tail")
    return policy_of(params, space)


def policy_of(params: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """The policy (JSON form) that a trial's parameters stand for."""
    if isinstance(space, SubPolicySpace | ScheduleSpace):
        return space.policy_of(params)
    if isinstance(space, ChoiceSpace):
        return _as_policy([dict(step) for step in space.choices[params["choice"]]])
    steps: list[Step] = []
    for option in space.base:
        steps += option.steps(params, "base")
    if isinstance(space, RandAugmentSpace):
        step: Step = {
            "step": "RandAugment",
            "num_ops": params["num_ops"],
            "magnitude": params["magnitude"],
            "magnitude_std": 0.0,
            "rate": 1.0,
        }
        steps.append(step if space.ops is None else {**step, "ops": list(space.ops)})
    else:
        steps += _slots(params, space)
        for option in space.tail:
            steps += option.steps(params, "tail")
    return _as_policy(steps)


def _as_policy(steps: list[Step]) -> dict[str, Any]:
    return {"format": "variegate-policy", "version": 1, "steps": steps}


def _slots(params: Mapping[str, Any], space: FamilySpace) -> list[Step]:
    """One weighted choice per op slot, all alike; none at all when every family is off."""
    steps: list[Step] = []
    weights: list[float] = []
    for family in space.families:
        weight = params[f"weight.{family.name}"] if family.weight is None else family.weight
        if weight <= 0:
            continue
        for op in family.ops:
            magnitude = params["magnitude" if space.shared else f"magnitude.{family.name}"]
            strengths = _strengths(op, magnitude, space.levels)
            steps += strengths
            weights += [round(weight / len(family.ops) / len(strengths), 5)] * len(strengths)
    rate = round(params["rate"], 3)
    # Weights are rounded for short files, so a tiny one may vanish: such a policy does nothing.
    if not steps or sum(weights) <= 0 or rate <= 0:
        return []
    slot = {"step": "OneOf", "steps": steps, "weights": weights, "p": rate}
    return [slot] * params["num_ops"]


def _strengths(op: OpRange, magnitude: float, levels: int) -> list[Step]:
    if op.low is None or op.high is None:
        return [{"step": op.name, "p": 1.0}]
    span = (op.high - op.low) * magnitude
    values = [round(op.low + span * level / levels, 3) for level in range(1, levels + 1)]
    # Neither rounding nor the reach may carry a value over what is allowed.
    most = op.high if op.limit is None else op.limit
    return [{"step": op.name, "magnitude": min(v, most), "p": 1.0} for v in values]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)  # type: ignore[arg-type]


def _counts(what: str, value: Sequence[Any]) -> None:
    if len(value) != 2 or not all(_whole(n) for n in value) or not 1 <= value[0] <= value[1]:
        raise InputError(f"{what}: expected whole numbers 1 <= low <= high, got {value!r}")


def _name(what: str, value: object) -> None:
    if not (isinstance(value, str) and value):
        raise InputError(f"{what}: expected a non-empty string, got {value!r}")


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{what}: {', '.join(twice)} given twice")


def _range(what: str, value: Sequence[Any]) -> None:
    pair = len(value) == 2 and all(
        isinstance(v, (int, float)) and not isinstance(v, bool) for v in value
    )
    if not pair or not 0 <= value[0] <= value[1] <= 1:
        raise InputError(f"{what}: expected 0 <= low <= high <= 1, got {tuple(value)!r}")
