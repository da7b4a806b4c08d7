"""The second stage of a guided search with a large budget: what short trainings under an op gain.

How well clean models still know an image says nothing about what a model would learn from it: an
op may be hard and useful, or easy and useless. A short training under one op alone is noisy, so
only what stands far out from all the others counts, by the median and the median deviation.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from variegate.search.records import to_policy
from variegate.search.space import FamilySpace, OpRange, Option, Step

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["OpGain", "apply_gains", "gain_count", "score_gains"]

# How far out, in standard deviations as the median absolute deviation estimates them.
FAR, SCALE = 2.5, 1.4826
# Each image is left alone this often, as it would be in most policies.
SHARE = 0.5


@dataclass(frozen=True)
class OpGain:
    """One op, or one choice of an option: its short training's value above that without any."""

    name: str
    group: str
    gain: float

    def to_dict(self) -> dict[str, Any]:
        """The gain as JSON data."""
        return {"name": self.name, "group": self.group, "gain": self.gain}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> OpGain:
        """Read what `to_dict` gave."""
        return OpGain(data["name"], data["group"], float(data["gain"]))


def gain_count(space: FamilySpace) -> int:
    """How many short trainings `score_gains` takes at most, the one without an op included."""
    choices = sum(sum(bool(choice) for choice in option.choices) for option in space.base)
    return 1 + choices + sum(len(family.ops) for family in space.families)


def score_gains(
    small: FamilySpace,
    space: FamilySpace,
    value: Callable[[Policy], float],
    *,
    known: Iterable[OpGain] = (),
    on_gain: Callable[[OpGain], object] | None = None,
) -> list[OpGain]:
    """The gain of each op of the narrowed space, at its cap, and of each choice of the whole one.

    `value(policy)` is a short training's value; `known` are gains that a stopped call left behind.
    """
    have = {(gain.group, gain.name): gain for gain in known}
    plain: list[float] = []
    found = []
    for group, name, steps in _candidates(small, space):
        gain = have.get((group, name))
        if gain is None:
            if not plain:
                plain.append(value(_policy([])))
            gain = OpGain(name, group, round(value(_policy(steps)) - plain[0], 6))
            if on_gain is not None:
                on_gain(gain)
        found.append(gain)
    return found


def _candidates(small: FamilySpace, space: FamilySpace) -> list[tuple[str, str, list[Step]]]:
    found = [(f.name, op.name, [_at_cap(op)]) for f in small.families for op in f.ops]
    for option in space.base:
        key = f"base.{option.name}"
        middle = {f"{key}.{n.name}": (n.low + n.high) / 2 for n in option.numbers}
        for place, choice in enumerate(option.choices):
            if choice:
                steps = option.steps({key: place, **middle}, "base")
                found.append((option.name, str(place), steps))
    return found


def _at_cap(op: OpRange) -> Step:
    strength = {} if op.high is None else {"magnitude": op.high}
    return {"step": op.name, **strength, "p": SHARE}


def _policy(steps: Sequence[Step]) -> Policy:
    return to_policy({"format": "variegate-policy", "version": 1, "steps": list(steps)})


def apply_gains(small: FamilySpace, space: FamilySpace, gains: Sequence[OpGain]) -> FamilySpace:
    """The narrowed space without what clearly hurts, and with the choices that clearly help.

    A choice that changes the meaning for clean models comes back where its gain stands out. The
    last family is never emptied.
    """
    far = _far(gains)
    families = []
    for family in small.families:
        ops = tuple(op for op in family.ops if far.get((family.name, op.name), 0) >= 0)
        if ops:
            families.append(replace(family, ops=ops))
    base = tuple(
        _chosen(own, whole, far) for own, whole in zip(small.base, space.base, strict=True)
    )
    return replace(small, families=tuple(families) or small.families, base=base)


def _far(gains: Sequence[OpGain]) -> dict[tuple[str, str], int]:
    """-1 for what is clearly worse than the others and than nothing, 1 for clearly better."""
    values = [gain.gain for gain in gains]
    center = statistics.median(values)
    spread = SCALE * statistics.median(abs(value - center) for value in values)
    found = {}
    for gain in gains:
        off = gain.gain - center
        side = 1 if off > FAR * spread and gain.gain > 0 else 0
        found[gain.group, gain.name] = -1 if off < -FAR * spread and gain.gain < 0 else side
    return found


def _chosen(own: Option, whole: Option, far: Mapping[tuple[str, str], int]) -> Option:
    choices = []
    for place, choice in enumerate(whole.choices):
        side = far.get((whole.name, str(place)), 0)
        if side > 0 or (side == 0 and choice in own.choices):
            choices.append(choice)
    return replace(own, choices=tuple(choices) or own.choices)
