"""Lossy file formats there and back: reference.codec's parts, and for engines that need the files
the same by faster ways where they are at hand.

Pillow writes. simplejpeg reads JPEG for the torch engine where it is installed: it gives the pixels
that Pillow's own reader gives, in half the time. Both let go of the interpreter lock. The native
engine writes files for WebP alone: what JPEG loses is one of its verbs.
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
from variegate.ops.entries import FileFormat

Image = npt.NDArray[Any]
Reader = Callable[[bytes, bool], Image]
OPTIONS: dict[FileFormat, dict[str, Any]] = {
    FileFormat.JPEG: {"subsampling": 2},
    FileFormat.WEBP: {"method": 4},
}


def there_and_back(
    images: Sequence[Image], rows: Sequence[tuple[int, int]], threads: int
) -> list[Image]:
    """Each image (h, w, c) through a file of its quality and format; returns new arrays."""
    if threads < 2 or len(images) < 2:
        return [_fast(image, row) for image, row in zip(images, rows, strict=True)]
    with ThreadPoolExecutor(min(threads, len(images))) as pool:
        return list(pool.map(_fast, images, rows))


def _fast(image: Image, row: tuple[int, int]) -> Image:
    return through_file(image, row, fast_reader)


def through_file(
    image: Image, row: tuple[int, int], reader: Callable[[FileFormat], Reader]
) -> Image:
    """The colors of an image of 1, 3 or 4 channels, written and read again; a fourth channel stays.

    Floats go through the nearest level. row: quality and FileFormat.
    """
    from PIL import Image as Pillow

    quality, kind = row[0], FileFormat(row[1])
    whole = image if image.dtype == np.uint8 else rounded(levels(image), np.empty(0, np.uint8))
    color = whole[..., 0] if whole.shape[2] == 1 else whole[..., :3]
    buffer = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(color)).save(
        buffer, kind.name, quality=quality, **OPTIONS[kind]
    )
    back = reader(kind)(buffer.getvalue(), color.ndim == 2)
    if image.dtype != np.uint8:
        back = (back / 255.0).astype(np.float32)
    extra = image[..., back.shape[2] :]
    return np.concatenate([back, extra], axis=2) if extra.shape[2] else back


def plain_reader(kind: FileFormat) -> Reader:
    """Pillow, whatever the format."""
    return _read_with_pillow


def fast_reader(kind: FileFormat) -> Reader:
    """From a file's bytes, and whether it is gray, to (h, w, 1 or 3) uint8."""
    return _jpeg_reader() if kind is FileFormat.JPEG else _read_with_pillow


@lru_cache(maxsize=1)
def _jpeg_reader() -> Reader:
    try:
        from simplejpeg import decode_jpeg
    except ImportError:
        return _read_with_pillow

    def read(data: bytes, gray: bool) -> Image:
        return np.asarray(decode_jpeg(data, colorspace="GRAY" if gray else "RGB"))

    return read


def _read_with_pillow(data: bytes, gray: bool) -> Image:
    from PIL import Image as Pillow

    image = Pillow.open(io.BytesIO(data))
    back = np.array(image.convert("L") if gray else image)  # WebP knows no gray
    return back[..., None] if gray else back
