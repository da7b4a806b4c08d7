"""The torch engine: the reference's verbs in torch operations, on any device that has float64.

Tensors run where they lie and come back as tensors. Arrays run on the CPU, or on the device that
the environment variable VARIEGATE_DEVICE names, and come back as arrays. How many threads the CPU
takes is torch's own setting (torch.set_num_threads).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from variegate.engine.engine import Floats, Images, numbers_of
from variegate.engine.torch.mixes import mixed
from variegate.engine.torch.run import most_values, run, warps_only
from variegate.errors import EngineError
from variegate.ops.entries import Output
from variegate.plan.program import MixStage, Stage

name = "torch"
DEVICE = "VARIEGATE_DEVICE"


def run_stage(
    stage: Stage,
    images: Sequence[Any] | Images,
    threads: int = 1,
    output: Output | None = None,
    out: Any = None,
    beside: Callable[[], None] | None = None,
) -> Images:
    """Runs each sample's entries in order, then the output. images: n arrays or tensors (h, w, c)
    of one dtype; returns new ones of the same sort, or `out`.
    """
    if beside is not None:
        beside()
    given, arrays = _given(images)
    found = run(stage, given)
    if output is not None:
        found = _converted(found, output)
    return _results(found, arrays, out)


def run_masks(stage: Stage, masks: list[Any], threads: int = 1) -> list[Any]:
    """Runs the WARP and CELLS entries alone on masks (h, w, c): any dtype, nearest, outside 0."""
    if not masks:
        return []
    arrays = not isinstance(masks[0], Tensor)
    tensors = [_bytes(mask) for mask in masks]
    found = run(warps_only(stage, max(mask.shape[2] for mask in tensors)), tensors)
    if arrays:
        kinds = [mask.dtype for mask in masks]
        return [own.cpu().numpy().view(kind) for own, kind in zip(found, kinds, strict=True)]
    return [own.view(mask.dtype) for own, mask in zip(found, masks, strict=True)]


def run_mixes(
    mixes: Sequence[MixStage],
    images: Sequence[Any] | Images,
    threads: int = 1,
    out: Any = None,
) -> Images:
    """Mixes images (h, w, c), one mix after the other. Returns new ones, or `out`."""
    current, arrays = _given(images)
    for mix in mixes:
        if len(mix.base) != len(current):
            raise EngineError(f"mix: made for {len(mix.base)} images, got {len(current)}")
        current = _gathered(mixed(mix, current, lambda stage, some: list(run(stage, some))))
    if not mixes:
        current = current.clone() if isinstance(current, Tensor) else [i.clone() for i in current]
    return _results(current, arrays, out)


def run_output(
    images: Any, mean: Floats, std: Floats, nchw: bool, dtype: str, threads: int = 1
) -> Any:
    """(value on 0..1 - mean) / std in float32 arithmetic. images (n, h, w, c); mean, std (c,)."""
    given = images if isinstance(images, Tensor) else _tensor(images)
    found = _normalized(given, mean, std, nchw, dtype)
    return found if isinstance(images, Tensor) else _array(found)


def _device() -> torch.device:
    return torch.device(os.environ.get(DEVICE, "cpu"))


def _given(images: Sequence[Any] | Images) -> tuple[list[Tensor] | Tensor, bool]:
    """Images as tensors, one (n, h, w, c) where they came so; and whether they came as arrays."""
    batch = getattr(images, "batch", None)
    if batch is None and isinstance(images, (np.ndarray, Tensor)):
        batch = images
    parts = [batch] if batch is not None else list(images)
    arrays = not any(isinstance(part, Tensor) for part in parts)
    tensors = [_tensor(part) if arrays else part for part in parts]
    for tensor in tensors:
        if tensor.dtype not in (torch.uint8, torch.float32):
            raise EngineError(f"torch engine: expected uint8 or float32 images, got {tensor.dtype}")
        if tensor.device.type == "mps":
            raise EngineError("torch engine: expected a device that has float64, got mps")
    return (tensors[0] if batch is not None else _gathered(tensors)), arrays


def _gathered(images: list[Tensor] | Tensor) -> list[Tensor] | Tensor:
    """One tensor where all sizes agree."""
    if isinstance(images, Tensor) or len({image.shape for image in images}) != 1:
        return images
    return torch.stack(images)


def _tensor(array: Any) -> Tensor:
    """An array on the device in use; shares memory where torch can take it as it is."""
    flags = array.flags
    if not (flags.c_contiguous and flags.aligned and flags.writeable):
        array = np.array(array, order="C")
    return torch.from_numpy(array).to(_device())


def _array(tensor: Tensor) -> Any:
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return tensor.cpu().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.cpu().numpy()


def _bytes(mask: Any) -> Tensor:
    """A mask's pixels as bytes (h, w, c * bytes of a value)."""
    if isinstance(mask, Tensor):
        return mask.contiguous().view(torch.uint8)
    return _tensor(np.ascontiguousarray(mask).view(np.uint8))


def _converted(images: list[Tensor] | Tensor, output: Output) -> list[Tensor] | Tensor:
    nchw = output.layout == "NCHW"
    if isinstance(images, Tensor):
        return _normalized(images, *numbers_of(output, images.shape[3]), nchw, output.dtype)
    return [
        _normalized(one[None], *numbers_of(output, one.shape[2]), nchw, output.dtype)[0]
        for one in images
    ]


def _normalized(images: Tensor, mean: Floats, std: Floats, nchw: bool, dtype: str) -> Tensor:
    full = 255.0 if images.dtype == torch.uint8 else 1.0
    scale, offset = (
        torch.from_numpy(own.astype(np.float32)).to(images.device)
        for own in (1.0 / (full * np.asarray(std)), -np.asarray(mean) / std)
    )
    if dtype not in ("float32", "float16", "bfloat16"):
        raise EngineError(f"output: expected float32, float16 or bfloat16, got {dtype}")
    count, height, width, channels = images.shape
    shape = (channels, height, width) if nchw else (height, width, channels)
    out = torch.empty((count, *shape), dtype=getattr(torch, dtype), device=images.device)
    view = out.permute(0, 2, 3, 1) if nchw else out
    at_once = max(1, most_values(images.device) // max(1, height * width * channels))
    # Along whole rows of values torch is quicker than over three of them at a time.
    scale, offset = scale.repeat(width), offset.repeat(width)
    for start in range(0, count, at_once):
        some = images[start : start + at_once]
        lines = some.reshape(len(some), height, width * channels).to(torch.float32)
        view[start : start + at_once] = (lines * scale).add_(offset).view(some.shape)
    return out


def _results(images: list[Tensor] | Tensor, arrays: bool, out: Any) -> Images:
    if isinstance(images, list):
        images = _gathered(images) if images else images
    if not isinstance(images, Tensor):
        found = Images(_array(one) if arrays else cast(Any, one) for one in images)
        if out is None:
            return found
        for place, one in enumerate(found):
            out[place] = one
        return Images.of(out)
    if out is None:
        return Images.of(_array(images) if arrays else cast(Any, images))
    out[...] = _array(images) if arrays else images
    return Images.of(out)
