"""Torch tensors among the targets: told apart without importing torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.errors import InputError


def is_tensor(value: Any) -> bool:
    """Whether a value is a torch tensor; where torch was never imported nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def dtype_of(image: Any) -> np.dtype[Any]:
    """NumPy's dtype of an array or tensor; raises InputError for one that NumPy has not."""
    dtype: Any = image.dtype
    if isinstance(dtype, np.dtype):
        return dtype
    name = str(dtype).removeprefix("torch.")
    try:
        return np.dtype(name)
    except TypeError as error:
        raise InputError(f"expected a tensor of a dtype that NumPy has, got {dtype}") from error


def extent(image: Any) -> tuple[float, float]:
    """The least and the highest value of an array or a tensor; not numbers where one is none."""
    low, high = image.aminmax() if is_tensor(image) else (image.min(), image.max())
    return float(low), float(high)


def as_host(value: Any) -> Any:
    """Tensors as arrays, in lists and mappings too; the rest as it is."""
    if is_tensor(value):
        return value.detach().cpu().numpy()
    if isinstance(value, (list, tuple)) and any(is_tensor(item) for item in value):
        return [as_host(item) for item in value]
    if isinstance(value, Mapping):
        return {name: as_host(item) for name, item in value.items()}
    return value


def holds_tensors(value: Any) -> bool:
    """Whether a target came as a tensor or as a list of tensors."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_tensor(item) for item in value)
    return is_tensor(value)


def as_tensors(value: Any, device: Any) -> Any:
    """Arrays of numbers, in lists too, as tensors on a device; the rest as it is."""
    import torch

    if isinstance(value, list):
        return [as_tensors(item, device) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(np.array(value)).to(device)
    return value.to(device) if is_tensor(value) else value


def stacked(tensors: Any) -> Any:
    """Tensors of one shape as one."""
    import torch

    return torch.stack(list(tensors))
