"""Calls with images alone, as one array of bytes: most calls of a training, many with one image.

What depends on nothing but the policy and the form of the images is found once, so that such a call
is a few steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from variegate.pipeline.ahead import Ahead
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.stream import Stream, default_threads
from variegate.targets.images import BYTES, check_image

Found = tuple[dict[str, Any] | None, int | None]
NOTHING: Found = (None, None)


class Alone:
    """Runs blocks of a pipeline, whose samples are independent. threads: None for all."""

    def __init__(self, ahead: Ahead, stream: Stream, buffers: Buffers, threads: int | None) -> None:
        self._ahead = ahead
        self._stream = stream
        self._buffers = buffers
        self._threads = threads
        self._checked: tuple[int, ...] | None = None

    def run(self, targets: dict[str, Any], index: Any, epoch: Any) -> Found:
        """The result of a call, or None where it is not of this kind; and the id of its first
        sample, where it has been counted by then. Raises InputError.
        """
        images = targets.get("image")
        single = images is not None
        if not single:
            images = targets.get("images")
        if images.__class__ is not np.ndarray or images.dtype is not BYTES:
            return NOTHING
        shape = images.shape
        count = 1 if single else shape[0]
        if len(shape) != (3 if single else 4) or not count:
            return NOTHING
        if epoch.__class__ is not int or epoch < 0:
            return NOTHING
        if shape != self._checked:
            check_image(images, *(("image", shape) if single else ("images", shape[1:])))
            self._checked = shape
        if index is None:
            start = self._stream.take(count)
        elif single and index.__class__ is int and 0 <= index < 2**63:
            start = index
        else:
            return NOTHING
        form = (epoch, *shape, BYTES) if single else (epoch, *shape[1:], BYTES)
        block = self._ahead.block(start, count, form)
        ready = block.ready
        if ready is None:
            return None, start
        if single:
            out = self._buffers.take(ready.shape, ready.dtype)
            ready.run(start - block.start, images, out, 1)
            return {"image": out}, start
        threads = self._threads or (default_threads() if count > 1 else 1)
        out = self._buffers.take((count, *ready.shape), ready.dtype)
        beside = self._ahead.following(block, start, count) if threads > 1 else None
        ready.run(start - block.start, images, out, threads, beside)
        return {"images": out}, start
