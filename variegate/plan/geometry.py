"""Geometry that waits: each sample's run of matrices and fields, composed until something else must
see the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.settings import BORDERS, MAX_SIDE, RESAMPLES
from variegate.plan.program import Border, Resample, Verb
from variegate.plan.tables import MAX_CHANNELS, Entries, fill_rows

Rows = npt.NDArray[np.int64]
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

    def add(
        self,
        rows: Rows,
        entry: Geometry,
        settings: Mapping[str, Any],
        channels: int,
        name: str,
        entries: Entries,
    ) -> None:
        """Composes a MATRIX or FIELD op with the run of each of `rows`, ending a run that does not
        agree with it.
        """
        self._check(entry, name)
        mode = np.array(
            [
                RESAMPLES.index(settings["resample"]) if "resample" in settings else OPEN,
                BORDERS.index(settings["border"]) if "border" in settings else OPEN,
                int(settings["antialias"]) if "antialias" in settings else OPEN,
            ]
        )
        fill = fill_rows(settings["fill"], 1, channels, name)[0] if "fill" in settings else None
        self.flush(rows[self._disagree(rows, mode, fill, entry.field is not None)], entries)
        self.mode[rows] = np.where(mode != OPEN, mode, self.mode[rows])
        if fill is not None:
            self.fill[rows] = fill
            self.fill_set[rows] = True
        if entry.field is not None:
            self._add_field(rows, entry.field, entries)
        self.forward[rows] = entry.matrix @ self.forward[rows]
        undo = inverse(entry.matrix) if entry.backward is None else entry.backward
        self.backward[rows] = self.backward[rows] @ undo
        self.sizes[rows] = entry.size
        self.pending[rows] = True

    def _check(self, entry: Geometry, name: str) -> None:
        if (
            np.any(entry.size < 1)
            or np.any(entry.size > MAX_SIDE)
            or np.any(np.prod(entry.size, axis=1) > MAX_PIXELS)
        ):
            height, width = entry.size[np.argmax(np.prod(entry.size, axis=1))]
            raise PolicyError(
                f"{name}: an output of {height}x{width} is not allowed (1..{MAX_SIDE} a side)"
            )

    def _disagree(
        self, rows: Rows, mode: npt.NDArray[np.int64], fill: Any, has_field: bool
    ) -> npt.NDArray[np.bool_]:
        own = self.mode[rows]
        clash = np.any((own != OPEN) & (mode != OPEN) & (own != mode), axis=1)
        if fill is not None:
            clash |= self.fill_set[rows] & np.any(self.fill[rows] != fill, axis=1)
        if has_field:
            clash |= self.field[rows] != OPEN
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
