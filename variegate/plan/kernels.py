"""What lowering may have computed by compiled code: the same numbers to the last bit, only sooner.

NumPy, in this room, is the meaning of each; it serves where nothing else is given.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
# A verb, its samples (k,), their turns (k,), rows (k,) or None for neighbors, and the first row.
Part = tuple[int, Rows, Rows, Rows | None, int]


class Kernels(Protocol):
    """A module with these names; variegate.engine.compiled is one."""

    def inverse(self, matrix: Array) -> Array:
        """See variegate.plan.geometry.inverse."""

    def compose(
        self, moves: tuple[Any, ...], ends: tuple[Rows, Rows], state: Any, manners: Any
    ) -> dict[str, Array]:
        """The columns of a warp for each run that ends, with `rows` and `turn`; changes the state.

        moves: rows, position, manner and pick (k,), then forward and backward (t, 3, 3) and size
        (t, 2), which pick tells the row of. ends: rows and positions. See PendingGeometry.
        """

    def order(self, parts: list[Part], count: int) -> tuple[Array, Array, Array]:
        """See Entries.per_sample."""

    def settled(self, levels: Array, rounds: bool, out: Array) -> None:
        """Writes levels (k, 256) as bytes into `out`; see variegate.plan.lower.level_table."""

    def scaled(self, factor: Array, rounds: bool, out: Array) -> None:
        """The same of all levels times each factor (k,) float32; see an op's `scales`."""
