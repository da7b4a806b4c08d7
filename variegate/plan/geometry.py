"""Geometry that waits: each sample's run of matrices and fields, composed until something else must
see the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.settings import BORDERS, MAX_SIDE, RESAMPLES
from variegate.plan.program import Border, Resample, Verb
from variegate.plan.tables import MAX_CHANNELS, Entries, fill_rows

Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
OPEN = -1  # no op of the run has said how to do this yet
MAX_PIXELS = 1 << 28


def inverse(matrix: Floats) -> Floats:
    """Inverses (k, 3, 3), by cofactors: exact where the entries are whole and the determinant is 1
    or -1.
    """
    a, b, c = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2]
    d, e, f = matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2]
    g, h, i = matrix[:, 2, 0], matrix[:, 2, 1], matrix[:, 2, 2]
    rows = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    cofactors = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    determinant = a * rows[0][0] + b * rows[1][0] + c * rows[2][0]
    result = cofactors / determinant[:, None, None]
    # Scaled, but never by a negative number: the third coordinate's sign tells front from behind.
    scale = np.abs(result[:, 2:, 2:])
    return result / np.where(scale > 0, scale, 1.0)


@dataclass(frozen=True)
class Move:
    """A MATRIX or FIELD op on some rows (k,) of the batch, lowered."""

    rows: Rows
    entry: Geometry
    settings: Mapping[str, Any]
    name: str


def _check(move: Move) -> None:
    """Raises PolicyError where the output's size is not allowed."""
    size = move.entry.size
    if np.any(size < 1) or np.any(size > MAX_SIDE) or np.any(size[:, 0] * size[:, 1] > MAX_PIXELS):
        height, width = size[np.argmax(np.prod(size, axis=1))]
        raise PolicyError(
            f"{move.name}: an output of {height}x{width} is not allowed (1..{MAX_SIDE} a side)"
        )


def _mode(settings: Mapping[str, Any]) -> list[int]:
    """Resample, border and antialias as numbers; OPEN where the op has no such setting."""
    return [
        RESAMPLES.index(settings["resample"]) if "resample" in settings else OPEN,
        BORDERS.index(settings["border"]) if "border" in settings else OPEN,
        int(settings["antialias"]) if "antialias" in settings else OPEN,
    ]


def _fill(move: Move, channels: int) -> npt.NDArray[Any]:
    """(k, 16) levels; zeros where the op has no fill."""
    return fill_rows(move.settings.get("fill", 0.0), len(move.rows), channels, move.name)


def _backward(moves: list[Move], matrix: Floats) -> Floats:
    """The inverses of all matrices, the ops' own where they know them exactly."""
    if all(move.entry.backward is None for move in moves):
        return inverse(matrix)
    parts = [
        inverse(move.entry.matrix) if move.entry.backward is None else move.entry.backward
        for move in moves
    ]
    return np.concatenate(parts)


class PendingGeometry:
    """Arrays over the samples: the size now, and the maps of the run so far."""

    def __init__(self, sizes: Ints) -> None:
        count = len(sizes)
        self.sizes = sizes.astype(np.int64).copy()
        self.start_sizes = self.sizes.copy()
        self.forward = np.tile(np.eye(3), (count, 1, 1))
        self.backward = self.forward.copy()
        self.forward_before = self.forward.copy()
        self.backward_before = self.forward.copy()
        self.field = np.full(count, OPEN)
        self.field_sizes = self.sizes.copy()
        self.pending = np.zeros(count, dtype=bool)
        self.mode = np.full((count, 3), OPEN)
        self.fill = np.zeros((count, MAX_CHANNELS), dtype=np.float32)
        self.fill_set = np.zeros(count, dtype=bool)

    def add(self, moves: list[Move], channels: int, entries: Entries) -> None:
        """Composes ops with the run of each of their rows, ending runs that do not agree with them.

        No row may stand in two of the moves.
        """
        for move in moves:
            _check(move)
        rows = np.concatenate([move.rows for move in moves])
        counts = [len(move.rows) for move in moves]
        mode = np.repeat([_mode(move.settings) for move in moves], counts, axis=0)
        fills = np.concatenate([_fill(move, channels) for move in moves])
        has_fill = np.repeat(["fill" in move.settings for move in moves], counts)
        has_field = np.repeat([move.entry.field is not None for move in moves], counts)
        self.flush(rows[self._disagree(rows, mode, fills, has_fill, has_field)], entries)
        self.mode[rows] = np.where(mode != OPEN, mode, self.mode[rows])
        self.fill[rows[has_fill]] = fills[has_fill]
        self.fill_set[rows[has_fill]] = True
        for move in moves:
            if move.entry.field is not None:
                self._add_field(move.rows, move.entry.field, entries)
        matrix = np.concatenate([move.entry.matrix for move in moves])
        self.forward[rows] = matrix @ self.forward[rows]
        self.backward[rows] = self.backward[rows] @ _backward(moves, matrix)
        self.sizes[rows] = np.concatenate([move.entry.size for move in moves])
        self.pending[rows] = True

    def _disagree(
        self, rows: Rows, mode: Ints, fills: Any, has_fill: Bools, has_field: Bools
    ) -> Bools:
        """Which rows cannot go on with their run."""
        own = self.mode[rows]
        clash = np.any((own != OPEN) & (mode != OPEN) & (own != mode), axis=1)
        clash |= has_fill & self.fill_set[rows] & np.any(self.fill[rows] != fills, axis=1)
        clash |= has_field & (self.field[rows] != OPEN)
        return np.asarray(clash)

    def _add_field(self, rows: Rows, grids: Floats, entries: Entries) -> None:
        """What was composed so far lies before the field; the field lives in the frame as it is
        now.
        """
        self.field[rows] = entries.add_field(grids)
        self.field_sizes[rows] = self.sizes[rows]
        self.forward_before[rows] = self.forward[rows]
        self.backward_before[rows] = self.backward[rows]
        self.forward[rows] = np.eye(3)
        self.backward[rows] = np.eye(3)

    def flush(self, rows: Rows, entries: Entries) -> None:
        """Ends the run of each of `rows`; a run that moves nothing leaves no entry."""
        rows = rows[self.pending[rows]]
        if len(rows) == 0:
            return
        still = (self.field[rows] == OPEN) & np.all(self.forward[rows] == np.eye(3), axis=(1, 2))
        still &= np.all(self.sizes[rows] == self.start_sizes[rows], axis=1)
        self._emit(rows[~still], entries)
        self.start_sizes[rows] = self.sizes[rows]
        for matrices in (self.forward, self.backward, self.forward_before, self.backward_before):
            matrices[rows] = np.eye(3)
        self.field[rows] = OPEN
        self.pending[rows] = False
        self.mode[rows] = OPEN
        self.fill[rows] = 0
        self.fill_set[rows] = False

    def _emit(self, rows: Rows, entries: Entries) -> None:
        bent = (self.field[rows] != OPEN)[:, None]
        plain = np.tile(np.eye(3).reshape(9), (len(rows), 1))
        forward, forward_before = (
            self.forward[rows].reshape(-1, 9),
            self.forward_before[rows].reshape(-1, 9),
        )
        default = np.array([Resample.BILINEAR, Border.CONSTANT, 1])
        mode = np.where(self.mode[rows] == OPEN, default, self.mode[rows])
        entries.add(
            Verb.WARP,
            rows,
            warp_matrix=self.backward[rows].reshape(-1, 9),
            warp_forward=np.where(bent, forward_before, forward),
            warp_before=self.backward_before[rows].reshape(-1, 9),
            warp_after=np.where(bent, forward, plain),
            warp_size=self.sizes[rows],
            warp_field_size=np.where(bent, self.field_sizes[rows], self.sizes[rows]),
            warp_mode=np.concatenate([mode, self.field[rows][:, None]], axis=1),
            warp_fill=self.fill[rows],
        )
