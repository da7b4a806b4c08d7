"""Filling a stage: rows are appended per verb, then sorted into a list of entries for each
sample.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.entries import MAX_CHANNELS, REACH
from variegate.plan.kernels import Kernels, Part
from variegate.plan.program import KNOTS, Tables, Verb

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]

NO_COUNTS = dict.fromkeys(Verb, 0)
SHAPES: dict[str, tuple[tuple[int, ...], type]] = {
    "warp_matrix": ((9,), np.float64),
    "warp_forward": ((9,), np.float64),
    "warp_before": ((9,), np.float64),
    "warp_after": ((9,), np.float64),
    "warp_size": ((2,), np.int32),
    "warp_field_size": ((2,), np.int32),
    "warp_mode": ((4,), np.int32),
    "warp_fill": ((MAX_CHANNELS,), np.float32),
    "channels": ((12,), np.float64),
    "toward": ((), np.float32),
    "measure": ((4,), np.float64),
    "blur": ((4,), np.float64),
    "smooth": ((), np.float32),
    "rectangles_fill": ((MAX_CHANNELS,), np.float32),
    "rectangles_noise": ((), np.uint64),
    "grid": ((6,), np.float64),
    "grid_fill": ((MAX_CHANNELS,), np.float32),
    "noise": ((4,), np.float64),
    "noise_fill": ((MAX_CHANNELS,), np.float32),
    "noise_key": ((), np.uint64),
    "kernel_bits": ((), np.int32),
    "median": ((), np.int32),
    "tiles": ((3,), np.float64),
    "rescale": ((4,), np.int32),
    "zoom": ((2,), np.float64),
    "scatter": ((2,), np.int32),
    "scatter_key": ((), np.uint64),
    "shapes_gain": ((MAX_CHANNELS,), np.float32),
    "shapes_shift": ((MAX_CHANNELS,), np.float32),
    "shapes_outside": ((), np.int32),
    "lightness": ((2,), np.float64),
    "match": ((), np.float64),
    "spectrum": ((), np.float64),
    "cells_size": ((2,), np.int32),
    "hsv": ((5,), np.float64),
    "pick": ((MAX_CHANNELS,), np.int32),
    "pick_fill": ((MAX_CHANNELS,), np.float32),
    "codec": ((2,), np.int32),
}

KEPT_IDENTITIES = 1 << 13

# Tables of variable length: numbers in a row, and their dtype. NAME_start has one more than the
# verb's rows.
LISTS: dict[str, tuple[int, type]] = {
    "rectangles": (4, np.int32),
    "kernel": (3, np.int32),
    "shapes": (8, np.float64),
    "match_counts": (256, np.int32),
    "amplitudes": (2 * REACH + 1, np.float32),
    "cells": (6, np.int32),
}


def identities(count: int) -> Array:
    """(count, 9) identity matrices, read-only; as many as most blocks need are kept."""
    return _identities()[:count] if count <= KEPT_IDENTITIES else _make_identities(count)


@lru_cache(maxsize=1)
def _identities() -> Array:
    return _make_identities(KEPT_IDENTITIES)


def _make_identities(count: int) -> Array:
    rows = np.tile(np.eye(3).reshape(9), (count, 1))
    rows.setflags(write=False)
    return rows


def fill_row(fill: float | tuple[float, ...], channels: int, name: str) -> Array:
    """(16,) float32 levels; one number serves every channel. Raises PolicyError on a wrong
    count.
    """
    row = np.zeros(MAX_CHANNELS, dtype=np.float32)
    if isinstance(fill, tuple):
        if len(fill) not in (1, channels):
            raise PolicyError(f"{name}.fill: expected 1 or {channels} levels, got {len(fill)}")
        row[: len(fill) if len(fill) > 1 else MAX_CHANNELS] = fill
    else:
        row[:] = fill
    return row


def fill_rows(fill: float | tuple[float, ...], count: int, channels: int, name: str) -> Array:
    """`fill_row` for each of `count` rows (count, 16)."""
    return np.broadcast_to(fill_row(fill, channels, name), (count, MAX_CHANNELS))


class Entries:
    """Entries in the order they run, and the rows they point to."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.lookup_shape = ((256,), np.uint8) if dtype == np.uint8 else ((KNOTS,), np.float32)
        self.parts: dict[str, list[Array]] = {}
        self.counts = dict(NO_COUNTS)
        self.order: list[Part] = []
        self.lists: dict[str, tuple[list[Array], list[Array]]] = {}
        self.fields: list[Array] = []

    def add(
        self, verb: Verb, samples: Rows, turn: Rows, pick: Rows | None = None, /, **columns: Array
    ) -> None:
        """One entry for each of `samples` (k,), with its row of every column.

        turn (k,): a sample's entries run in order of it, equal ones as they were added. pick (k,):
        which row of the columns is whose; by default each its own.
        """
        if len(samples) == 0:
            return
        first = self.counts[verb]
        own = len(samples) if pick is None else len(next(iter(columns.values())))
        self.counts[verb] += own
        self.order.append((int(verb), samples, turn, pick, first))
        for name, value in columns.items():
            self.parts.setdefault(name, []).append(value)

    def add_list(self, name: str, rows: Array, used: Array) -> None:
        """The rows (k, m, ...) of a table of variable length that belong to the entries added last;
        those not used (k, m) are left out.
        """
        counts, parts = self.lists.setdefault(name, ([], []))
        counts.append(used.sum(axis=1))
        parts.append(rows[used])

    def add_field(self, grids: Array) -> Rows:
        """Row numbers of displacement grids (k, gh, gw, 2)."""
        first = sum(len(part) for part in self.fields)
        self.fields.append(grids)
        return np.arange(first, first + len(grids))

    def per_sample(self, count: int, kernels: Kernels | None = None) -> tuple[Array, Array, Array]:
        """start (count + 1,), verb (m,) and row (m,): each sample's entries side by side, in
        order.
        """
        if not self.order:
            return (
                np.zeros(count + 1, dtype=np.int64),
                np.zeros(0, dtype=np.int32),
                np.zeros(0, dtype=np.int64),
            )
        if kernels is not None:
            return kernels.order(self.order, count)
        verbs, rows = [], []
        for verb, own, _, pick, first in self.order:
            verbs.append(np.full(len(own), verb, dtype=np.int32))
            rows.append(first + (np.arange(len(own)) if pick is None else pick))
        samples = np.concatenate([part[1] for part in self.order])
        turns = np.concatenate([part[2] for part in self.order])
        order = np.argsort(samples * (int(turns.max()) + 1) + turns, kind="stable")
        start = np.zeros(count + 1, dtype=np.int64)
        np.cumsum(np.bincount(samples, minlength=count), out=start[1:])
        return start, np.concatenate(verbs)[order], np.concatenate(rows)[order]

    def tables(self) -> Tables:
        """The rows as C-ordered arrays; empty where a verb was not used."""
        if not self.parts and not self.fields:
            return _no_rows(*self.lookup_shape)
        return self._tables()

    def _tables(self) -> Tables:
        arrays = dict(_no_arrays(*self.lookup_shape))
        arrays |= {name: self._column(name, *SHAPES[name]) for name in self.parts if name in SHAPES}
        if "lookup" in self.parts:
            arrays["lookup"] = self._column("lookup", *self.lookup_shape)
        for name in self.lists:
            arrays[f"{name}_start"], arrays[name] = self._list(name)
        if self.fields:
            fields, times = _one_grid(self.fields)
            bent = arrays["warp_mode"][:, 3] >= 0
            arrays["warp_field_size"][bent] *= times[arrays["warp_mode"][bent, 3]]
            arrays["fields"] = np.ascontiguousarray(fields, dtype=np.float64)
        return Tables(**arrays)

    def _list(self, name: str) -> tuple[Array, Array]:
        """A table of variable length: where each entry's rows start in it, and the rows."""
        dtype = LISTS[name][1]
        counts, parts = self.lists[name]
        each = np.concatenate(counts)
        start = np.zeros(len(each) + 1, dtype=np.int64)
        np.cumsum(each, out=start[1:])
        return start, np.ascontiguousarray(np.concatenate(parts), dtype=dtype)

    def _column(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        parts = self.parts[name]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return np.ascontiguousarray(whole, dtype=dtype)


def _one_grid(parts: list[Array]) -> tuple[Array, Array]:
    """Grids (k, gh, gw, 2) of several sizes as parts of the largest, and how many times as high and
    as wide the frames of each are then (f, 2).

    A grid of fewer cells fills the upper left; its last row and column are repeated. The cells keep
    their place and size exactly, so the other samples of a batch change nothing.
    """
    cells = [np.array(part.shape[1:3]) - 1 for part in parts]
    most = np.max(cells, axis=0)
    if any(np.any(most % own) for own in cells):
        found = " and ".join(sorted({f"{h}x{w}" for h, w in cells}))
        raise PolicyError(f"fields of {found} cells in one policy; the most must be a multiple")
    wide = [
        np.pad(part, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="edge")
        for part, (rows, columns) in zip(parts, [most - own for own in cells], strict=True)
    ]
    times = [np.tile(most // own, (len(part), 1)) for part, own in zip(parts, cells, strict=True)]
    return np.concatenate(wide), np.concatenate(times).astype(np.int32)


def _none(shape: tuple[int, ...], dtype: Any) -> Array:
    empty = np.zeros((0, *shape), dtype=dtype)
    empty.setflags(write=False)
    return empty


@lru_cache(maxsize=2)
def _no_arrays(shape: tuple[int, ...], dtype: Any) -> dict[str, Array]:
    """Every table without rows; those of levels have this shape and dtype."""
    arrays = {name: _none(*known) for name, known in SHAPES.items()}
    for name, (width, kind) in LISTS.items():
        start = np.zeros(1, dtype=np.int64)
        start.setflags(write=False)
        arrays[f"{name}_start"], arrays[name] = start, _none((width,), kind)
    return {**arrays, "lookup": _none(shape, dtype), "fields": _none((2, 2, 2), np.float64)}


@lru_cache(maxsize=2)
def _no_rows(shape: tuple[int, ...], dtype: Any) -> Tables:
    """The tables of a stage without entries, of which there are many around mixes."""
    return Entries(np.dtype(dtype))._tables()
