"""The order of an epoch: a function of seed, epoch and the samples' indices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from variegate.plan.counter import hashes, slot_keys

__all__ = ["epoch_order", "shuffled"]

_ORDER_SLOT = np.array([0x6F72646572], dtype=np.uint64)  # "order": no step's slot has this number


def epoch_order(count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return the samples 0 to count - 1 in the order of one epoch: a function of its arguments."""
    return shuffled(np.arange(count), seed, epoch)


def shuffled(index: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return indices (n,) in the order of one epoch."""
    words = hashes(slot_keys(seed, epoch, _ORDER_SLOT), index.astype(np.uint64))
    return index[np.argsort(words[:, 0], kind="stable")].astype(np.int64)
