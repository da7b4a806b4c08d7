"""Random policies of a space: what a search that learns nothing would draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from variegate.search.records import to_policy
from variegate.search.space import Space, suggest

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["random_policies"]


def random_policies(space: Space, count: int, seed: int) -> list[Policy]:
    """Draw `count` policies, each number uniform in its range; a pure function of the arguments."""
    return [
        to_policy(suggest(_Uniform(np.random.default_rng([seed, place])), space))
        for place in range(count)
    ]


class _Uniform:
    """A stand-in for a trial that draws uniformly."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return float(self._generator.uniform(low, high))

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self._generator.integers(low, high + 1))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[int(self._generator.integers(len(choices)))]
