"""Geometry that waits: each sample's run of matrices and fields, composed until something else must
see the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.entries import Floats, Geometry, Ints
from variegate.ops.settings import MAX_SIDE
from variegate.plan.drawn import Group
from variegate.plan.kernels import Kernels
from variegate.plan.manners import CLASH, Manners
from variegate.plan.program import Verb
from variegate.plan.tables import Entries

Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
OPEN = -1
MAX_PIXELS = 1 << 28
SAFE_SIDE = 1 << 14  # no product of two such sides is too large
EYE = np.eye(3)
FEW = 256
NO_ROWS = np.zeros(0, dtype=np.int64)
NO_MOVES = (*(NO_ROWS,) * 4, *(np.zeros((0, 3, 3)),) * 2, np.zeros((0, 2), dtype=np.int64))


def inverse(matrix: Floats) -> Floats:
    """Inverses (k, 3, 3), by cofactors: exact where the entries are whole and the determinant is 1
    or -1.
    """
    if len(matrix) == 1:
        alone = _inverse_of_one(matrix[0].tolist())
        if alone is not None:
            return alone
    a, b, c = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2]
    d, e, f = matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2]
    g, h, i = matrix[:, 2, 0], matrix[:, 2, 1], matrix[:, 2, 2]
    rows = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    determinant = a * rows[0][0] + b * rows[1][0] + c * rows[2][0]
    result = np.empty((len(matrix), 3, 3))
    for place, row in enumerate(rows):
        for column, cofactor in enumerate(row):
            np.divide(cofactor, determinant, out=result[:, place, column])
    # Scaled, but never by a negative number: the third coordinate's sign tells front from behind.
    scale = np.abs(result[:, 2:, 2:])
    return result / np.where(scale > 0, scale, 1.0)


def _inverse_of_one(matrix: list[list[float]]) -> Floats | None:
    """The same for one matrix, (1, 3, 3), to the last bit, without the cost of many small arrays;
    None where a division by zero would need their rules.
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix
    first, second, third = e * i - f * h, f * g - d * i, d * h - e * g
    determinant = a * first + b * second + c * third
    if determinant == 0:
        return None
    scale = abs((a * e - b * d) / determinant)
    cofactors = (
        (first, c * h - b * i, b * f - c * e),
        (second, a * i - c * g, c * d - a * f),
        (third, b * g - a * h, a * e - b * d),
    )
    divisor = scale if scale > 0 else 1.0
    return np.array([[[value / determinant / divisor for value in row] for row in cofactors]])


def product(first: Floats, second: Floats) -> Floats:
    """first @ second of matrices (k, 3, 3), with sums in one order on every machine."""
    result = np.empty((len(first), 3, 3))
    for row in range(3):
        a, b, c = first[:, row].T
        for column in range(3):
            u, v, w = second[:, :, column].T
            result[:, row, column] = a * u + b * v + c * w
    return result


@dataclass
class Moves:
    """What MATRIX and FIELD ops do to some rows (k,) of the batch; a row may stand there again at a
    later position.

    position, manner (k,); pick (k,): which row of the other arrays is whose. forward, backward (t,
    3, 3), size (t, 2), field (t,) a row of the fields or OPEN, or None where no op has one.
    """

    rows: Rows
    position: Rows
    manner: Ints
    pick: Rows
    forward: Floats
    backward: Floats
    size: Ints
    field: Ints | None

    def at(self, chosen: Any) -> Moves:
        """The `chosen` ones (a slice, or places) alone, each with rows of its own."""
        pick = self.pick[chosen]
        return Moves(
            self.rows[chosen],
            self.position[chosen],
            self.manner[chosen],
            np.arange(len(pick)),
            self.forward[pick],
            self.backward[pick],
            self.size[pick],
            None if self.field is None else self.field[pick],
        )


# What an op was lowered to, and which row of it is whose: each its own where that is None.
Lowered = tuple[Geometry, Rows | None]


def _check_size(size: Ints, name: str) -> None:
    """Raises PolicyError where the output's size is not allowed."""
    if size.min() >= 1 and size.max() <= SAFE_SIDE:
        return
    if np.any(size < 1) or np.any(size > MAX_SIDE) or np.any(size[:, 0] * size[:, 1] > MAX_PIXELS):
        height, width = size[np.argmax(np.prod(size, axis=1))]
        raise PolicyError(
            f"{name}: an output of {height}x{width} is not allowed (1..{MAX_SIDE} a side)"
        )


class PendingGeometry:
    """Arrays over the samples: the size now, and the maps of the run so far, if one is pending.

    one_size: all samples' size now, None where they differ or nobody has looked.
    """

    def __init__(self, sizes: Ints, kernels: Kernels | None = None) -> None:
        count = len(sizes)
        self.kernels = kernels
        self.sizes = sizes.astype(np.int64, order="C")
        self.one_size = _common(self.sizes)
        self.start_sizes = self.sizes.copy()
        self.pending = np.zeros(count, dtype=bool)
        self.waiting = False  # whether anything is pending
        self.forward, self.backward = np.empty((2, count, 3, 3))
        self.manners = Manners()
        self.manner = np.zeros(count, dtype=np.int64)
        self.bent = False  # whether the arrays below are in use
        self.field = np.full(count, OPEN)

    def begin_anew(self, sizes: Ints) -> None:
        """The samples have these sizes (n, 2) now, with nothing pending."""
        self.sizes[...] = self.start_sizes[...] = sizes
        self.one_size = _common(self.sizes)

    def moves(
        self, groups: list[Group], lowered: list[Lowered], channels: int, entries: Entries
    ) -> Moves:
        """What these groups do, group by group, from what their ops were lowered to."""
        pick, first = [], 0
        for group, (entry, own) in zip(groups, lowered, strict=True):
            _check_size(entry.size, group.op.name)
            count = len(entry.matrix)
            pick.append(np.arange(first, first + count) if own is None else own + first)
            first += count
        found = [entry for entry, _ in lowered]
        manner = [
            np.full(len(group.rows), self.manners.number(group, channels)) for group in groups
        ]
        forward = _joined([entry.matrix for entry in found])
        return Moves(
            _joined([group.rows for group in groups]),
            _joined([group.position for group in groups]),
            _joined(manner),
            _joined(pick),
            forward,
            self._backward(found, forward),
            _joined([entry.size for entry in found]),
            _fields(found, entries),
        )

    def compose(self, moves: Moves | None, rows: Rows, ends: Rows, entries: Entries) -> None:
        """Moves join the runs of their rows, and the runs of `rows` (k,) end at positions `ends`
        (k,), position by position: first what joins, then what ends.
        """
        if moves is not None:
            self._note_size(moves)
        bent = self.bent or (moves is not None and moves.field is not None)
        if self.kernels is not None and not bent:
            return self._compose_at_once(self.kernels, moves, rows, ends, entries)
        order = np.argsort(ends, kind="stable")
        ends, rows, starts = ends[order], rows[order], NO_ROWS
        if moves is not None:
            moves = moves.at(np.argsort(moves.position, kind="stable"))
            starts = moves.position
        for position in distinct(np.concatenate([starts, ends])):
            if moves is not None:
                first, last = np.searchsorted(starts, (position, position + 1))
                if first < last:
                    self.add(moves.at(slice(first, last)), position, entries)
            first, last = np.searchsorted(ends, (position, position + 1))
            self.flush(rows[first:last], position, entries)
        return None

    def _compose_at_once(
        self, kernels: Kernels, moves: Moves | None, rows: Rows, ends: Rows, entries: Entries
    ) -> None:
        moving: tuple[Any, ...] = NO_MOVES
        if moves is not None:
            moving = (moves.rows, moves.position, moves.manner, moves.pick)
            moving += (moves.forward, moves.backward, moves.size)
        matrices, sizes = (self.forward, self.backward), (self.sizes, self.start_sizes)
        state = (self.pending, self.manner, *matrices, *sizes)
        manners = (self.manners.together, self.manners.modes, self.manners.fills)
        columns = kernels.compose(moving, (rows, ends), state, manners)
        self.waiting = bool(self.pending.any())
        entries.add(Verb.WARP, columns.pop("rows"), columns.pop("turn"), **columns)

    def resize(self, sizes: Ints) -> None:
        """The images have these sizes (n, 2) now; no run is pending."""
        self.sizes[...] = self.start_sizes[...] = sizes
        self.one_size = _common(self.sizes)

    def _note_size(self, moves: Moves) -> None:
        """Keeps `one_size` true."""
        size = _common(moves.size)
        if size is None or (size != self.one_size and len(moves.rows) < len(self.sizes)):
            self.one_size = None
        elif size != self.one_size:
            every = np.bincount(moves.rows, minlength=len(self.sizes)).all()
            self.one_size = size if every else None

    def _backward(self, lowered: list[Geometry], matrix: Floats) -> Floats:
        """The inverses of all matrices, the ops' own where they know them exactly."""
        invert = inverse if self.kernels is None else self.kernels.inverse
        if all(entry.backward is None for entry in lowered):
            return invert(matrix)
        parts = [
            invert(entry.matrix) if entry.backward is None else entry.backward for entry in lowered
        ]
        return np.concatenate(parts)

    def add(self, moves: Moves, turn: int, entries: Entries) -> None:
        """Composes moves of one position with the run of each of their rows, ending runs that do
        not agree with them.
        """
        rows, manner = moves.rows, moves.manner
        if moves.field is not None:
            self._unfold()
        if self.waiting:
            together = self.manners.together[self.manner[rows], manner]
            clash = self.pending[rows] & (together == CLASH)
            if moves.field is not None:
                clash |= self.pending[rows] & (self.field[rows] != OPEN) & (moves.field != OPEN)
            self.flush(rows[clash], turn, entries)
            manner = np.where(self.pending[rows], together, manner)
        self.manner[rows] = manner
        self._compose(rows, moves)
        self.sizes[rows] = moves.size
        self.pending[rows] = self.waiting = True

    def _compose(self, rows: Rows, moves: Moves) -> None:
        begun = self.pending[rows] if self.waiting else None
        if moves.field is not None:
            self._add_fields(rows, moves.field)
            begun = self.pending[rows]
        if begun is None or not begun.any():
            self.forward[rows], self.backward[rows] = moves.forward, moves.backward
            return
        fresh, rest = rows[~begun], rows[begun]
        self.forward[fresh], self.backward[fresh] = moves.forward[~begun], moves.backward[~begun]
        self.forward[rest] = product(moves.forward[begun], self.forward[rest])
        self.backward[rest] = product(self.backward[rest], moves.backward[begun])

    def _unfold(self) -> None:
        """Makes the arrays that only fields need."""
        if not self.bent:
            self.forward_before, self.backward_before = np.tile(EYE, (2, len(self.sizes), 1, 1))
            self.field_sizes = self.sizes.copy()
            self.bent = True

    def _add_fields(self, rows: Rows, fields: Ints) -> None:
        """What was composed so far lies before the field; the field lives in the frame as it is
        now.
        """
        rows, fields = rows[fields != OPEN], fields[fields != OPEN]
        self.field[rows] = fields
        self.field_sizes[rows] = self.sizes[rows]
        begun = rows[self.pending[rows]]
        self.forward_before[begun] = self.forward[begun]
        self.backward_before[begun] = self.backward[begun]
        self.pending[rows] = self.waiting = True
        self.forward[rows] = self.backward[rows] = EYE

    def flush(self, rows: Rows | None, turn: int, entries: Entries) -> None:
        """Ends the run of each of `rows` (None: all); a run that moves nothing leaves no entry."""
        if not self.waiting or (rows is not None and len(rows) == 0):
            return
        rows = np.flatnonzero(self.pending) if rows is None else rows[self.pending[rows]]
        if len(rows) == 0:
            return
        forward = self.forward[rows]
        still = self._still(rows, forward)
        if len(still):
            moved = np.ones(len(rows), dtype=bool)
            moved[still] = False
            self._emit(rows[moved], forward[moved], turn, entries)
        else:
            self._emit(rows, forward, turn, entries)
        self.start_sizes[rows] = self.sizes[rows]
        self.pending[rows] = False
        self.waiting = bool(self.pending.any())
        if self.bent:
            self.forward_before[rows] = self.backward_before[rows] = EYE
            self.field[rows] = OPEN

    def _still(self, rows: Rows, forward: Floats) -> Rows:
        """Places among `rows` whose run moves nothing."""
        near = (forward[:, 0, 0] == 1) & (forward[:, 0, 2] == 0) & (forward[:, 1, 2] == 0)
        places = np.flatnonzero(near)
        if len(places) == 0:
            return places
        own = rows[places]
        same = np.all(forward[places] == EYE, axis=(1, 2)) & (self.field[own] == OPEN)
        same &= np.all(self.sizes[own] == self.start_sizes[own], axis=1)
        return np.asarray(places[same])

    def _emit(self, rows: Rows, forward: Floats, turn: int, entries: Entries) -> None:
        if len(rows) == 0:
            return
        forward, size = forward.reshape(-1, 9), self.sizes[rows]
        before = after = np.broadcast_to(EYE.reshape(9), (len(rows), 9))
        field_size = size
        mode, fill = self.manners.modes[self.manner[rows]], self.manners.fills[self.manner[rows]]
        if self.bent:
            mode[:, 3] = self.field[rows]
            bent = mode[:, 3:] != OPEN
            after = np.where(bent, forward, after)
            forward = np.where(bent, self.forward_before[rows].reshape(-1, 9), forward)
            before = self.backward_before[rows].reshape(-1, 9)
            field_size = np.where(bent, self.field_sizes[rows], size)
        entries.add(
            Verb.WARP,
            rows,
            np.full(len(rows), turn),
            warp_matrix=self.backward[rows].reshape(-1, 9),
            warp_forward=forward,
            warp_before=before,
            warp_after=after,
            warp_size=size,
            warp_field_size=field_size,
            warp_mode=mode,
            warp_fill=fill,
        )


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _fields(lowered: list[Geometry], entries: Entries) -> Ints | None:
    """Each row's field among the entries' fields, OPEN where there is none; None if nowhere."""
    if all(entry.field is None for entry in lowered):
        return None
    return np.concatenate(
        [
            np.full(len(entry.matrix), OPEN)
            if entry.field is None
            else entries.add_field(entry.field)
            for entry in lowered
        ]
    )


def _common(sizes: Ints) -> tuple[int, int] | None:
    """The size that all of (k, 2) are; None where they differ."""
    if len(sizes) == 0 or (len(sizes) > 1 and not (sizes == sizes[0]).all()):
        return None
    height, width = sizes[0].tolist()
    return height, width


def distinct(positions: Rows) -> list[int]:
    """Each once, in order; NumPy's way only pays for many."""
    if len(positions) < FEW:
        return sorted(set(positions.tolist()))
    found: list[int] = np.unique(positions).tolist()
    return found
