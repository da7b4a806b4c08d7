"""What lowering makes of an entry: a verb and the rows of its tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.plan.program import Verb

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Columns:
    """A verb and its columns, one row for each sample of the group.

    lists: name of a table of variable length -> its rows (k, m, ...) and which are used (k, m).
    """

    verb: Verb
    columns: dict[str, Array]
    lists: dict[str, tuple[Array, Array]] = field(default_factory=dict)


def side_by_side(*parts: Any) -> Array:
    """Numbers and arrays (k,) as columns (k, parts), float64."""
    return np.stack(np.broadcast_arrays(*parts), axis=-1).astype(np.float64)
