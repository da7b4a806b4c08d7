"""Memory for decoded images, one for each thread, used again for the next ones."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

__all__ = ["Scratch"]

Flat = npt.NDArray[np.uint8]


class Scratch(threading.local):
    """Flat arrays for one thread's next images, grown to the largest seen."""

    def __init__(self) -> None:
        self._arrays: list[Flat] = []

    def take(self, place: int, size: int) -> Flat:
        """At least `size` bytes, the same memory each time for one place."""
        while len(self._arrays) <= place:
            self._arrays.append(np.empty(0, dtype=np.uint8))
        if self._arrays[place].size < size:
            self._arrays[place] = np.empty(size, dtype=np.uint8)
        return self._arrays[place]
