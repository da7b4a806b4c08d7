"""One step as another library has to write it: ranges, settings, and notes on what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from variegate.adapters.report import Report
from variegate.ops.registry import get
from variegate.policy.nodes import Step

Range = tuple[float, float]
LEVELS = 9  # where a library takes one value, a range becomes a choice of so many


class Missing(Exception):
    """A step has no equivalent; the message says what. Caught where steps are written."""


@dataclass(frozen=True)
class Call:
    """A step with one range for each param. p: 1 where something around it takes care of that."""

    op: str
    ranges: Mapping[str, Range]
    settings: Mapping[str, Any]
    p: float
    notes: Report

    def changed(self, text: str) -> None:
        """Notes that the library does it otherwise."""
        self.notes.changed(f"{self.op}: {text}")

    def pair(self, name: str, scale: float = 1.0) -> Range:
        """The range of a param, scaled."""
        low, high = self.ranges[name]
        return number(low * scale), number(high * scale)

    def whole(self, name: str) -> tuple[int, int]:
        """The range of a param that is a whole number."""
        low, high = self.ranges[name]
        return round(low), round(high)

    def still(self, name: str) -> bool:
        """Whether a param changes nothing."""
        identity = next(p.identity for p in get(self.op).params if p.name == name)
        return self.ranges[name] == (identity, identity)

    def expect(self, name: str, *legal: Any) -> Any:
        """A setting that the library has in this form only; raises Missing."""
        value = self.settings[name]
        if value not in legal:
            raise Missing(f"{self.op}({name}={value!r})")
        return value

    def values(self, name: str, whole: bool = False) -> list[float]:
        """Values in the place of a range, for a library that takes one: all whole ones, or a few
        evenly spaced.
        """
        low, high = self.ranges[name]
        if whole:
            return [float(v) for v in range(round(low), round(high) + 1)]
        if low == high:
            return [number(low)]
        self.changed(f"{name}: one of {LEVELS} values there, evenly drawn here")
        return [number(v) for v in np.linspace(low, high, LEVELS)]


def number(value: float) -> float:
    """A number as short as six digits allow."""
    return float(f"{value:.6g}")


def calls_of(step: Step, p: float, notes: Report) -> list[Call]:
    """The calls that a step stands for, equally likely: several where a magnitude lies on a random
    side of the identity.
    """
    op, strength = get(step.op), step.magnitude
    names = {param.name for param in op.params}
    settings = {k: v for k, v in step.arguments.items() if k not in names}
    given: dict[str, list[Range]] = {
        k: [(v[0], v[1])] for k, v in step.arguments.items() if k in names
    }
    if strength is not None:
        if strength.std:
            notes.changed(f"{step.op}: magnitude_std={strength.std:g} is left out")
        for param in op.params:
            if param.name in given:
                continue
            strong = step.strong.get(param.name)
            ends = np.array([strength.low, strength.high])
            up, down = (param.at(ends, np.full(2, sign), strong) for sign in (1.0, -1.0))
            if not param.mirrored:
                given[param.name] = [(float(up.min()), float(up.max()))]
            elif strength.low == 0:
                given[param.name] = [(float(min(*up, *down)), float(max(*up, *down)))]
            else:
                sides = [(float(v.min()), float(v.max())) for v in (down, up)]
                given[param.name] = sides if sides[0] != sides[1] else sides[:1]
    keys = list(given)
    return [
        Call(step.op, dict(zip(keys, chosen, strict=True)), settings, p, notes)
        for chosen in product(*(given[key] for key in keys))
    ]
