"""JPEG there and back for the native engine: reference.codec by faster ways where they are at hand.

Pillow writes, as the reference does. simplejpeg reads where it is installed: it gives the pixels
that Pillow's own reader gives, in half the time. Both let go of the interpreter lock.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.values import levels, rounded

Image = npt.NDArray[Any]


def there_and_back(images: Sequence[Image], qualities: Sequence[int], threads: int) -> list[Image]:
    """Each image (h, w, c) through a JPEG of its quality; returns new arrays."""
    if threads < 2 or len(images) < 2:
        return [_one(image, quality) for image, quality in zip(images, qualities, strict=True)]
    with ThreadPoolExecutor(min(threads, len(images))) as pool:
        return list(pool.map(_one, images, qualities))


def _one(image: Image, quality: int) -> Image:
    from PIL import Image as Pillow

    whole = image if image.dtype == np.uint8 else rounded(levels(image), np.empty(0, np.uint8))
    color = whole[..., 0] if whole.shape[2] == 1 else whole[..., :3]
    buffer = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(color)).save(
        buffer, "JPEG", quality=quality, subsampling=2
    )
    back = _reader()(buffer.getvalue(), color.ndim == 2)
    if image.dtype != np.uint8:
        back = (back / 255.0).astype(np.float32)
    extra = image[..., back.shape[2] :]
    return np.concatenate([back, extra], axis=2) if extra.shape[2] else back


@lru_cache(maxsize=1)
def _reader() -> Callable[[bytes, bool], Image]:
    """From a JPEG's bytes, and whether it is gray, to (h, w, 1 or 3) uint8."""
    try:
        from simplejpeg import decode_jpeg
    except ImportError:
        return _read_with_pillow

    def read(data: bytes, gray: bool) -> Image:
        return np.asarray(decode_jpeg(data, colorspace="GRAY" if gray else "RGB"))

    return read


def _read_with_pillow(data: bytes, gray: bool) -> Image:
    from PIL import Image as Pillow

    back = np.array(Pillow.open(io.BytesIO(data)))
    return back[..., None] if gray else back
