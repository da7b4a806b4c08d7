"""Bring images to one size and channel count."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
from PIL import Image

from variegate.errors import DataError, InputError

__all__ = ["check_memory", "check_size_argument", "fit_batch", "fit_image"]

Pixels = npt.NDArray[np.uint8]

_SIDE_LIMIT = 16_384


def check_size_argument(size: object) -> tuple[int, int] | None:
    """Return (height, width) as ints. Raises InputError for anything else."""
    if size is None:
        return None
    if isinstance(size, tuple | list) and len(size) == 2:
        sides = [
            int(side)
            for side in size
            if isinstance(side, int | np.integer) and not isinstance(side, bool)
        ]
        if len(sides) == 2 and all(1 <= side <= _SIDE_LIMIT for side in sides):
            return sides[0], sides[1]
    raise InputError(f"size: expected (height, width) in 1 to {_SIDE_LIMIT} pixels, got {size!r}")


def fit_image(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize (h, w, c) so that it just covers `size` and crop the center, antialiased bilinear.

    The crop is taken from the source first, so an image of 1 x 4000 needs no large array.
    """
    height, width = image.shape[:2]
    if (height, width) == size:
        return image
    scale = max(size[0] / height, size[1] / width)
    crop_h, crop_w = size[0] / scale, size[1] / scale
    top, left = max(0.0, (height - crop_h) / 2), max(0.0, (width - crop_w) / 2)
    box = (left, top, min(left + crop_w, float(width)), min(top + crop_h, float(height)))
    count = image.shape[2]
    blocks = [image] if count == 3 else [image[:, :, [k]] for k in range(count)]
    out = []
    for block in blocks:
        values = block[:, :, 0] if block.shape[2] == 1 else block
        picture = Image.fromarray(np.ascontiguousarray(values))
        fitted = np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))
        out.append(fitted[:, :, None] if fitted.ndim == 2 else fitted)
    return out[0] if len(out) == 1 else np.concatenate(out, axis=2)


def fit_batch(images: Pixels, size: tuple[int, int] | None, channels: int | None) -> Pixels:
    """Bring (n, h, w, c) to `size` and `channels` (1 or 3), each None for no change.

    Raises InputError where the channels cannot be turned into those asked for.
    """
    count = images.shape[3]
    if channels is not None and channels != count:
        if (count, channels) == (1, 3):
            images = np.repeat(images, 3, axis=3)
        elif (count, channels) == (3, 1):
            gray = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
            images = np.stack(gray)[..., None] if gray else images[..., :1]
        else:
            raise InputError(f"channels: images have {count}, cannot make {channels} of them")
    if size is None or images.shape[1:3] == size:
        return images
    out = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for at, image in enumerate(images):
        out[at] = fit_image(image, size)
    return out


def check_memory(name: str, needed: int, step: str) -> None:
    """Refuse to hold more bytes than 80 % of the machine's memory; `step` says what to do."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        memory = 1 << 36
    if needed > 0.8 * memory:
        raise DataError(
            f"{name}: needs {needed / 1e9:.1f} GB, the machine has {memory / 1e9:.1f} GB; {step}"
        )
