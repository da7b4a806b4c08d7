"""Memory for results that is used again once nobody else holds it.

A fresh array of many megabytes costs the system a cleared page for every 4 KiB of it.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SMALLEST = 1 << 20  # bytes; less comes cheaply from the allocator
MOST = 8
LINE = 64  # bytes; results begin with a cache line, as the widest vectors like it
OWN = 2  # references to a buffer that nobody else holds: a local name and the call that counts


class Buffers:
    """A few buffers. Every result is a view of one, so whoever keeps a result, a part of it or a
    tensor of it keeps the buffer from being used again.
    """

    def __init__(self, most: int = MOST) -> None:
        self._kept: list[Array] = []
        self._most = most

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array to be filled."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size < SMALLEST:
            return np.empty(shape, dtype=dtype)
        buffer = self._free(size + LINE)
        start = -buffer.ctypes.data % LINE
        result: Array = buffer[start : start + size].view(dtype).reshape(shape)
        self._kept.append(buffer)
        return result

    def _free(self, size: int) -> Array:
        """A buffer that nobody holds, the last used first: it may still lie in a cache. It is off
        the list by now, so no other thread can take it.
        """
        for _ in range(len(self._kept)):
            try:
                buffer = self._kept.pop()
            except IndexError:  # another thread was quicker
                break
            if buffer.nbytes == size and sys.getrefcount(buffer) == OWN:
                return buffer
            self._kept.insert(0, buffer)
        while len(self._kept) >= self._most:
            self._drop()
        return np.empty(size, dtype=np.uint8)

    def _drop(self) -> None:
        try:
            self._kept.pop(0)
        except IndexError:
            return
