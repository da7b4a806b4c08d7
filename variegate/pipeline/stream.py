"""Sample ids where the caller gives none, and how many threads a process should use."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import numpy as np

from variegate.errors import InputError
from variegate.plan.counter import GOLDEN, Keys, mix
from variegate.targets.images import as_array


def fresh_seed() -> int:
    """A seed from the operating system's entropy."""
    return int.from_bytes(os.urandom(8), "little") >> 1


class Stream:
    """Counts samples. A forked, spawned or copied stream starts at a place of its own, so that no
    two processes repeat.

    In a PyTorch DataLoader's worker that place follows the worker's seed, which differs from epoch
    to epoch and is repeatable under torch.manual_seed; elsewhere it is random.
    """

    def __init__(self, copied: bool = False) -> None:
        self._process = -1 if copied else os.getpid()
        self._next = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> int:
        """The first of the next `count` ids, which go on at 0 after 2**64 - 1."""
        if self._process != os.getpid():
            self._lock = (
                threading.Lock()
            )  # the copied one may be held by a thread that does not exist here
            self._process = os.getpid()
            self._next = _start_of_worker()
        with self._lock:
            start = self._next
            self._next = (start + count) % 2**64
        return start


def ids_from(start: int, count: int) -> Keys:
    """`count` ids from `start` on, uint64."""
    with np.errstate(over="ignore"):
        return np.uint64(start) + np.arange(count, dtype=np.uint64)


def read_ids(index: Any, count: int, single: bool) -> tuple[int | None, Keys | None]:
    """The first of the ids that a caller gave where they follow each other, else all (n,)."""
    if single and index.__class__ is int and 0 <= index < 2**63:
        return index, None
    ids = as_array(index, "index")
    if single and ids.ndim == 0:
        ids = ids[None]
    if ids.shape != (count,) or (count and ids.dtype.kind not in "iu"):
        raise InputError(
            f"index: expected {count} whole numbers, got {ids.dtype} of shape {ids.shape}"
        )
    if np.any(ids < 0):
        raise InputError(f"index: expected whole numbers of at least 0, got {int(ids.min())}")
    ids = ids.astype(np.uint64)
    if count and int(ids[-1]) - int(ids[0]) == count - 1 and np.all(ids[1:] - ids[:-1] == 1):
        return int(ids[0]), ids
    return None, ids


def worker_seed() -> int | None:
    """The seed of the PyTorch DataLoader worker that this process is, or None. Never imports
    torch.
    """
    data = sys.modules.get("torch.utils.data")
    info = data.get_worker_info() if data is not None else None
    return None if info is None else int(info.seed)


def _start_of_worker() -> int:
    seed = worker_seed()
    if seed is None:
        return int.from_bytes(os.urandom(8), "little")
    with np.errstate(over="ignore"):
        return int(mix(np.array([seed % 2**64], dtype=np.uint64) + GOLDEN)[0])


def default_threads() -> int:
    """All cores that this process may use; one inside a data loader's worker, which shares them
    with its siblings.
    """
    if worker_seed() is not None:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
