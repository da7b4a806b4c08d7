"""Boxes or points of all samples in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass
class Rows:
    """flat (m, ...): the rows of all samples. first (n + 1,): where each sample's begin."""

    flat: Floats
    first: npt.NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[npt.NDArray[Any]], width: int) -> Rows:
        """Each sample's rows (k, width) as one array of float64 of its own."""
        flat = np.concatenate(parts or [np.zeros((0, width))], dtype=np.float64)
        return cls(flat, starts([len(part) for part in parts]))

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many rows each sample has (n,)."""
        return self.first[1:] - self.first[:-1]


def starts(counts: list[int]) -> npt.NDArray[np.int64]:
    """Where each sample's rows begin, and the end of the last one's (n + 1,)."""
    return np.array([0, *accumulate(counts)], dtype=np.int64)


def split(flat: npt.NDArray[Any], first: npt.NDArray[np.int64]) -> list[Any]:
    """Each sample's rows, as views."""
    return [flat[start:end] for start, end in pairwise(first.tolist())]


def numbers_of(values: Sequence[Any], width: int) -> Rows | None:
    """Rows of plain arrays (k, width) of numbers; None where any is something else or empty."""
    for value in values:
        if (
            value.__class__ is not np.ndarray
            or value.ndim != 2
            or value.shape[1] != width
            or value.dtype.kind not in "fiu"
            or not len(value)
        ):
            return None
    return Rows.of(values, width) if values else None
