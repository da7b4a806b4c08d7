"""Objectives that other processes can import."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import variegate as vg
from variegate.evaluate.usage import touched


def turned(policy: vg.Policy, budget: int, seed: int) -> float:
    """The share of images that are rotated: what a search must find."""
    return touched(policy, "Rotate")


def scored(policy: vg.Policy, budget: int, seed: int) -> Any:
    """A score with everything that is kept where there is any."""
    return SimpleNamespace(
        accuracy=0.25, loss=2.0, value=turned(policy, budget, seed), per_class=[0.5, float("nan")]
    )
