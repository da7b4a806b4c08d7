"""One op on some samples: the lines that a plan is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Record:
    """One op on some samples of the batch.

    position: its place in the policy; a sample's records run by position. rows (k,): which samples.
    values: what was drawn, name -> (k,) or (k, width) array. settings: the step's fixed choices.
    """

    position: int
    path: str
    op: str
    rows: npt.NDArray[np.int64]
    values: Mapping[str, npt.NDArray[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
