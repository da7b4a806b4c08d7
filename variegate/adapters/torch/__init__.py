"""PyTorch: data sets and collate functions that pass each sample's index and epoch, a transform for
torchvision's data sets, and Lightning's callback and data module.

Importing it imports torch; torchvision and Lightning only where they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from variegate.adapters.torch.dataset import Collate as Collate
from variegate.adapters.torch.dataset import Dataset as Dataset
from variegate.adapters.torch.dataset import Indexed as Indexed
from variegate.adapters.torch.dataset import Item as Item
from variegate.adapters.torch.transform import Transform as Transform

if TYPE_CHECKING:
    from variegate.adapters.torch.lightning import DataModule as DataModule
    from variegate.adapters.torch.lightning import SetEpoch as SetEpoch

_OF_LIGHTNING = ("DataModule", "SetEpoch")


def __getattr__(name: str) -> Any:
    """What needs Lightning, loaded on first use."""
    if name in _OF_LIGHTNING:
        return getattr(import_module("variegate.adapters.torch.lightning"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
