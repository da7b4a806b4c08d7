"""variegate finds, runs and explains image-augmentation policies.

    import variegate as vg
    aug = vg.Pipeline([vg.HorizontalFlip(p=0.5), vg.RandAugment(num_ops=2, magnitude=0.3)], seed=7)
    out = aug(images=images, labels=labels, index=ids, epoch=0)

Importing it loads next to nothing; ops, policies, data, search and reports load at first use.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from variegate.errors import DataError as DataError
from variegate.errors import EngineError as EngineError
from variegate.errors import InputError as InputError
from variegate.errors import PolicyError as PolicyError
from variegate.errors import StoreError as StoreError
from variegate.errors import VariegateError as VariegateError

if TYPE_CHECKING:
    from variegate.pipeline import Pipeline as Pipeline
    from variegate.pipeline.invert import invert as invert
    from variegate.plan.plan import Plan as Plan
    from variegate.policy.nodes import AutoAugment as AutoAugment
    from variegate.policy.nodes import ByEpoch as ByEpoch
    from variegate.policy.nodes import OneOf as OneOf
    from variegate.policy.nodes import PerClass as PerClass
    from variegate.policy.nodes import RandAugment as RandAugment
    from variegate.policy.nodes import Sequence as Sequence
    from variegate.policy.nodes import SomeOf as SomeOf
    from variegate.policy.nodes import TrivialAugment as TrivialAugment
    from variegate.policy.policy import Policy as Policy
    from variegate.tta import TTA as TTA

__version__ = "0.1.0"

# Loaded on first use: name -> the module that has it.
_LATER = {
    "AutoAugment": "variegate.policy.nodes",
    "Balance": "variegate.data.balance",
    "ByEpoch": "variegate.policy.nodes",
    "Loader": "variegate.data.loader",
    "OneOf": "variegate.policy.nodes",
    "PerClass": "variegate.policy.nodes",
    "Pipeline": "variegate.pipeline",
    "Plan": "variegate.plan.plan",
    "Policy": "variegate.policy.policy",
    "RandAugment": "variegate.policy.nodes",
    "Sequence": "variegate.policy.nodes",
    "SomeOf": "variegate.policy.nodes",
    "TTA": "variegate.tta",
    "TrivialAugment": "variegate.policy.nodes",
    "audit": "variegate.workflow",
    "compare": "variegate.workflow",
    "export": "variegate.workflow",
    "from_albumentations": "variegate.adapters.albumentations",
    "from_timm": "variegate.adapters.timm",
    "from_torchvision": "variegate.adapters.torchvision",
    "invert": "variegate.pipeline.invert",
    "load": "variegate.data",
    "preview": "variegate.workflow",
    "report": "variegate.workflow",
    "search": "variegate.workflow",
    "split": "variegate.data",
}


class _FrontDoor(ModuleType):
    """Keeps `vg.search` the function when the room `variegate.search` is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _LATER and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor


def __getattr__(name: str) -> Any:
    """Ops by class name, and what is loaded on first use."""
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    if name.startswith("_"):  # asked for by tools that look around; no op is called so
        raise AttributeError(f"module 'variegate' has no attribute {name!r}")
    return getattr(_steps(), name)


def _steps() -> ModuleType:
    """The constructors of all ops."""
    return importlib.import_module("variegate.policy.steps")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER, *dir(_steps())])
