"""The epoch, as all workers of a loader see it."""

from __future__ import annotations

import torch

from variegate.policy.nodes import whole


class Epoch:
    """A whole number in shared memory: forked, spawned and persistent workers read what the main
    process has set last.
    """

    def __init__(self) -> None:
        self._cell = torch.zeros(1, dtype=torch.int64)
        self._cell.share_memory_()  # type: ignore[no-untyped-call]

    def set(self, epoch: int) -> None:
        """Sets the number; raises PolicyError where it is no whole number of at least 0."""
        self._cell[0] = whole(epoch, 0, 2**63 - 1, "epoch")

    def get(self) -> int:
        """The number."""
        return int(self._cell[0])
