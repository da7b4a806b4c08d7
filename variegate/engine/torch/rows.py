"""A stage as steps: which images run which verb together, and their rows on the device.

Samples run independently of each other, so the order between samples is free: the verb that most of
them wait for is next. Sizes follow from the plan, so all of this is known before a pixel is read,
and the rows of a whole stage go to a device in one transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.errors import EngineError
from variegate.plan.program import Stage, Tables, Verb

Array = npt.NDArray[Any]
Shape = tuple[int, int, int]

COLUMNS: dict[Verb, tuple[str, ...]] = {
    Verb.WARP: (
        *("warp_matrix", "warp_before", "warp_size", "warp_field_size"),
        *("warp_mode", "warp_fill"),
    ),
    Verb.LOOKUP: ("lookup",),
    Verb.CHANNELS: ("channels",),
    Verb.TOWARD: ("toward",),
    Verb.LUMA: (),
    Verb.MEASURE: ("measure",),
    Verb.BLUR: ("blur",),
    Verb.SMOOTH: ("smooth",),
    Verb.RECTANGLES: ("rectangles_fill", "rectangles_noise"),
    Verb.GRID: ("grid", "grid_fill"),
    Verb.NOISE: ("noise", "noise_fill", "noise_key"),
    Verb.KERNEL: ("kernel_bits",),
    Verb.MEDIAN: ("median",),
    Verb.TILES: ("tiles",),
    Verb.RESCALE: ("rescale",),
    Verb.ZOOM: ("zoom",),
    Verb.SCATTER: ("scatter", "scatter_key"),
    Verb.SHAPES: ("shapes_gain", "shapes_shift", "shapes_outside"),
    Verb.LIGHTNESS: ("lightness",),
    Verb.MATCH: ("match",),
    Verb.SPECTRUM: ("spectrum",),
    Verb.CELLS: (),
    Verb.HSV: ("hsv",),
    Verb.PICK: ("pick", "pick_fill"),
    Verb.CODEC: ("codec",),
}
LISTS = {
    Verb.RECTANGLES: "rectangles",
    Verb.KERNEL: "kernel",
    Verb.SHAPES: "shapes",
    Verb.MATCH: "match_counts",
    Verb.SPECTRUM: "amplitudes",
    Verb.CELLS: "cells",
}


@dataclass
class Rows:
    """The rows of some entries of one verb: host, columns as arrays; `rows[name]`, the same on the
    device. A list's rows are those of all entries in order, `NAME_start` says whose, and so does
    `NAME_owner` for each.
    """

    host: dict[str, Array]
    device: dict[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        return self.device[name]

    @property
    def count(self) -> int:
        """How many entries."""
        return len(self.host["slots"])


@dataclass
class Step:
    """One verb on images of one shape. samples: which (k,); entries: of the stage, one for each;
    before, after: shapes (height, width, channels). opens: how many samples it and the steps behind
    it work on, if it is the first of those that were divided; 0 for the others.
    """

    verb: Verb
    samples: list[int]
    entries: list[int]
    before: Shape
    after: Shape
    opens: int


def steps_of(stage: Stage, shapes: Sequence[Shape], kinds: Array, most: int) -> list[Step]:
    """The steps of a stage on images of these shapes. kinds (m,): entries of one number may run
    together; most: values that one step may work on, if more than one image.
    """
    start = np.asarray(stage.start).tolist()
    first, last = start[0], start[-1]
    # A stage's tables may be those of many batches: only this one's rows become lists.
    verbs = np.asarray(stage.verb)[first:last].tolist()
    sizes = _sizes(stage, first, last)
    now, place = list(shapes), start[:-1]
    waiting: dict[tuple[Shape, int], list[int]] = {}
    number = kinds.tolist()

    def wait(sample: int) -> None:
        entry = place[sample]
        if entry < start[sample + 1]:
            waiting.setdefault((now[sample], number[entry - first]), []).append(sample)

    for sample in range(len(shapes)):
        wait(sample)
    steps: list[Step] = []
    while waiting:
        key = max(waiting, key=lambda own: len(waiting[own]))
        samples = sorted(waiting.pop(key))
        before = key[0]
        entry = place[samples[0]] - first
        verb = Verb(verbs[entry])
        after = before
        if verb == Verb.WARP:
            height, width = sizes[entry]
            after = (height, width, before[2])
        elif verb == Verb.LUMA:
            after = (*before[:2], 1)
        at_once = max(1, most // max(_volume(before), _volume(after)))
        for i in range(0, len(samples), at_once):
            some, opens = samples[i : i + at_once], 0 if i else len(samples)
            steps.append(Step(verb, some, [place[s] for s in some], before, after, opens))
        for sample in samples:
            place[sample] += 1
            now[sample] = after
            wait(sample)
    return steps


def _sizes(stage: Stage, first: int, last: int) -> list[list[int]]:
    """Height and width after each of some entries; [0, 0] where it is no warp."""
    warps = np.asarray(stage.verb)[first:last] == Verb.WARP
    found = np.zeros((last - first, 2), dtype=np.int64)
    found[warps] = np.asarray(stage.tables.warp_size)[np.asarray(stage.row)[first:last][warps]]
    return found.tolist()


def _volume(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


def picked(tables: Tables, verb: Verb, row: Array) -> dict[str, Array]:
    """The columns of some rows of a verb's table."""
    host: dict[str, Array] = {}
    for name in COLUMNS[verb]:
        column = np.asarray(getattr(tables, name))
        if len(row) and not (row.min() >= 0 and row.max() < len(column)):
            raise EngineError(f"torch engine: stage.row: no such row of {name}")
        host[name] = column[row]
    if verb == Verb.WARP:
        field_of = host["warp_mode"][:, 3]
        if (field_of >= 0).all() and len(field_of):
            host["fields"] = np.asarray(tables.fields)[field_of]
    if verb in LISTS:
        host |= _listed(tables, LISTS[verb], row)
    return host


def _listed(tables: Tables, name: str, row: Array) -> dict[str, Array]:
    start = np.asarray(getattr(tables, f"{name}_start"))
    if len(row) and not (row.min() >= 0 and row.max() < len(start) - 1):
        raise EngineError(f"torch engine: stage.row: no such row of {name}")
    counts = start[row + 1] - start[row]
    own = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    owner = np.repeat(np.arange(len(row)), counts)
    place = np.arange(own[-1]) - own[owner] + start[row][owner]
    return {
        name: np.asarray(getattr(tables, name))[place],
        f"{name}_start": own,
        f"{name}_owner": owner.astype(np.int64),
    }


def moved(many: Sequence[Rows], device: torch.device) -> None:
    """Puts all rows on a device; on another than the CPU in one transfer."""
    if device.type == "cpu":
        for rows in many:
            rows.device = {name: _tensor(column) for name, column in rows.host.items()}
        return
    in_one(many, device)


def in_one(many: Sequence[Rows], device: torch.device) -> None:
    """Puts all rows on a device in one transfer, each column at a multiple of eight bytes."""
    parts: list[Array] = []
    places: list[tuple[Rows, str, int, Array]] = []
    end = 0
    for rows in many:
        for name, column in rows.host.items():
            packed = np.ascontiguousarray(column)
            places.append((rows, name, end, packed))
            room = -(-packed.nbytes // 8) * 8
            part = np.zeros(room, dtype=np.uint8)
            part[: packed.nbytes] = packed.reshape(-1).view(np.uint8)
            parts.append(part)
            end += room
    whole = torch.from_numpy(np.concatenate([*parts, np.zeros(0, dtype=np.uint8)]))
    there = whole.to(device)
    for rows, name, first, packed in places:
        kind = _tensor(packed[:0].reshape(0)).dtype
        own = there[first : first + packed.nbytes].view(kind)
        rows.device[name] = own.view(packed.shape)


def _tensor(column: Array) -> Tensor:
    whole = np.ascontiguousarray(column)
    return torch.from_numpy(whole.view(np.int64) if whole.dtype == np.uint64 else whole)


Key = Callable[[dict[str, Array]], Array]


def kinds_of(stage: Stage, keys: dict[Verb, Key]) -> Array:
    """A number for each entry of the stage (m,): entries with the same one may run together. keys:
    what of a verb's rows must agree, (k, any).
    """
    first, last = int(stage.start[0]), int(stage.start[-1])
    verb, row = np.asarray(stage.verb)[first:last], np.asarray(stage.row)[first:last]
    kinds = np.zeros(len(verb), dtype=np.int64)
    taken = 0
    for own in np.unique(verb):
        mine = verb == own
        key = keys.get(Verb(own))
        number = np.zeros(int(mine.sum()), dtype=np.int64)
        if key is not None:
            values = key(picked(stage.tables, Verb(own), row[mine]))
            _, number = np.unique(values.reshape(len(values), -1), axis=0, return_inverse=True)
        kinds[mine] = taken + number.reshape(-1)
        taken += int(number.max(initial=0)) + 1
    return kinds
