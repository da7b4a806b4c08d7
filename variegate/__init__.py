"""variegate finds, runs and explains image-augmentation policies."""

from __future__ import annotations

from typing import Any

from variegate.errors import VariegateError as VariegateError
from variegate.policy import steps as _steps
from variegate.policy.nodes import (
    AutoAugment as AutoAugment,
    OneOf as OneOf,
    PerClass as PerClass,
    RandAugment as RandAugment,
    Sequence as Sequence,
    SomeOf as SomeOf,
    TrivialAugment as TrivialAugment,
)
from variegate.pipeline import Pipeline as Pipeline
from variegate.policy.policy import Policy as Policy

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    return getattr(_steps, name)
