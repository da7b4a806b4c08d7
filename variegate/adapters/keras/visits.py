"""How often each sample of a data set came by, so that each pass over it draws anew."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError

HIGHEST = 1 << 28  # of the numbers that are counted: four bytes each
PASS = 40  # a draw's number is the sample's, and from this bit on its pass


class Visits:
    """Counts passes by sample; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)

    def numbered(self, index: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The numbers to draw for samples `index` (n,): another one each time a sample comes.

        Raises InputError for numbers that are negative or too high to be counted.
        """
        ids = np.atleast_1d(np.asarray(index)).astype(np.int64)
        if ids.size and not (ids.min() >= 0 and ids.max() < HIGHEST):
            raise InputError(
                f"index: expected numbers of samples from 0 to {HIGHEST - 1}, got "
                f"{int(ids.min())} to {int(ids.max())}"
            )
        with self._lock:
            passes = self._passes(ids)
        return ids + (passes << PASS)

    def _passes(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        top = int(ids.max(initial=-1)) + 1
        if top > len(self._seen):
            grown = np.zeros(max(top, 2 * len(self._seen)), np.uint32)
            grown[: len(self._seen)] = self._seen
            self._seen = grown
        passes = self._seen[ids].astype(np.int64)
        if len(set(ids.tolist())) < len(ids):  # twice in one batch: the second is a pass later
            before: dict[int, int] = {}
            for place, own in enumerate(ids.tolist()):
                passes[place] += before.setdefault(own, 0)
                before[own] += 1
        np.add.at(self._seen, ids, 1)
        return passes
