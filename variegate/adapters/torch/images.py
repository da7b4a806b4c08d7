"""Images between PyTorch's forms and arrays (height, width, channels)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from variegate.errors import InputError

MODES = ("L", "RGB", "RGBA")
LEGAL = f"a Pillow image ({', '.join(MODES)}), a tensor (c, h, w) or an array (h, w, c)"


@dataclass(frozen=True)
class Kind:
    """How an image came. name: pillow, tensor, tv or array; flat: an array without channels; like:
    the tv_tensor itself.
    """

    name: str
    flat: bool = False
    like: Any = None


def is_pillow(value: Any) -> bool:
    """Whether a value is a Pillow image; never imports Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def is_tv(value: Any, *names: str) -> bool:
    """Whether a value is one of these tv_tensors; never imports torchvision."""
    module = sys.modules.get("torchvision.tv_tensors")
    kinds = tuple(getattr(module, name) for name in names if hasattr(module, name))
    return module is not None and isinstance(value, kinds)


def read_image(image: Any, where: str = "image") -> tuple[Any, Kind]:
    """An image as an array (h, w, c), without a copy where that can be, and how it came."""
    if is_pillow(image):
        if image.mode not in MODES:
            raise InputError(
                f"{where}: expected a Pillow image of {', '.join(MODES)}, got {image.mode}; "
                'use .convert("RGB")'
            )
        array = np.asarray(image)
        return (array[..., None] if array.ndim == 2 else array), Kind("pillow")
    if isinstance(image, torch.Tensor):
        if image.ndim != 3:
            raise InputError(
                f"{where}: expected a tensor (channels, height, width), got {tuple(image.shape)}"
            )
        kind = Kind("tv", like=image) if is_tv(image, "Image") else Kind("tensor")
        return as_array(image).transpose(1, 2, 0), kind
    if isinstance(image, np.ndarray) and image.ndim in (2, 3):
        flat = image.ndim == 2
        return (image[..., None] if flat else image), Kind("array", flat=flat)
    raise InputError(f"{where}: expected {LEGAL}, got {type(image).__name__}")


def as_array(tensor: torch.Tensor) -> Any:
    """A tensor's values, sharing its memory where it lies on the CPU."""
    return tensor.detach().as_subclass(torch.Tensor).cpu().numpy()


def to_tensor(image: Any, channels_first: bool) -> torch.Tensor:
    """An array (h, w, c), or (c, h, w) where it has the channels first, as a tensor (c, h, w); a
    view of it.
    """
    tensor = as_tensor(image)
    return tensor if channels_first else tensor.movedim(-1, -3)


def as_tensor(array: Any) -> torch.Tensor:
    """A tensor of an array's memory; bfloat16 too."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def write_image(image: Any, kind: Kind, channels_first: bool) -> Any:
    """A result in the form in which its image came; what was normalized is no Pillow image any
    more but a tensor (c, h, w).
    """
    if kind.name == "array":
        return image[..., 0] if kind.flat and image.shape[-1] == 1 else image
    if kind.name == "pillow" and image.dtype == np.uint8:
        from PIL import Image

        return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    tensor = to_tensor(image, channels_first)
    if kind.name == "tv":
        return type(kind.like)(tensor, device=kind.like.device)
    return tensor
