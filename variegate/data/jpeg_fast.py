"""JPEG decoding through simplejpeg, where it is installed: only the rows and the scale asked for.

It decodes to the same pixels as Pillow and complains of a scan that ends early, so an ordinary file
needs no second look. What it refuses goes to `decode_bytes`, which says what is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.jpeg_frame import Frame

__all__ = ["FACTORS", "can_decode", "decode_part", "rows_to_decode"]

Pixels = npt.NDArray[np.uint8]

FACTORS = (8, 4, 2)  # what the decoder shrinks by for less work; 4/3 and the like cost more
_COLORS = {1: "GRAY", 3: "RGB"}


@lru_cache(maxsize=1)
def _library() -> Any:
    """The decoding function of simplejpeg, None where that is not installed."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg.decode_jpeg


def can_decode(frame: Frame, channels: int) -> bool:
    """Whether a file with this frame gives the same `channels` values here as from Pillow."""
    same = channels == 3 or channels == frame.components == 1
    return same and _library() is not None


def decode_part(
    data: bytes, frame: Frame, channels: int, factor: int, rows: int, buffer: Pixels
) -> Pixels | None:
    """Decode the first `rows` rows, shrunk by `factor` (1, 2, 4, 8), not turned: (h, w, channels).

    The result lies in `buffer`, a flat array that is large enough. The pixels do not depend on
    `rows`; where fewer are asked for than the frame has, the rest is not looked at. Returns None
    where the decoder complains.
    """
    part = min(rows, frame.height)
    height, width = -(-part // factor), -(-frame.width // factor)
    try:
        image: Pixels = _library()(
            data if part == frame.height else _cut(data, frame, part),
            _COLORS[channels],
            min_factor=factor,
            min_height=height,
            min_width=width,
            buffer=buffer[: height * width * channels],
            strict=part == frame.height,
        )
    except ValueError:
        return None
    return image if image.shape == (height, width, channels) else None


def rows_to_decode(frame: Frame, rows: int) -> int:
    """How many rows to decode so that the first `rows` are exact, all where nothing is saved.

    Color samples are spread over rows of the next block too, so one block more is needed.
    """
    blocks = -(-rows // frame.block_rows) + 1
    part = blocks * frame.block_rows
    return part if frame.in_order and part < frame.height else frame.height


def _cut(data: bytes, frame: Frame, rows: int) -> bytearray:
    """The file with another height in its header."""
    patched = bytearray(data)
    patched[frame.height_at : frame.height_at + 2] = rows.to_bytes(2, "big")
    return patched
