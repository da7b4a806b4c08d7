"""An epoch that the workers of a data loader see change, also those that stay alive."""

from __future__ import annotations

from variegate.policy.nodes import whole

__all__ = ["SharedEpoch"]


class SharedEpoch:
    """A whole number in memory that forked and spawned worker processes share (needs torch).

    A worker that lives through several epochs would otherwise go on with the one it started in.
    """

    def __init__(self, value: int = 0) -> None:
        import torch

        self._cell = torch.zeros(1, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self.set(value)

    @property
    def value(self) -> int:
        """The epoch."""
        return int(self._cell[0])

    def set(self, epoch: int) -> None:
        """Sets the epoch for all processes; raises PolicyError unless it is at least 0."""
        self._cell[0] = whole(epoch, 0, 2**63 - 1, "epoch")
