"""A stage on tensors: images of one shape share one tensor, and each step works on some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from variegate.engine.torch.rows import Rows, Shape, Step, kinds_of, moved, picked, steps_of
from variegate.engine.torch.verbs import KEYS, PREPARE, VERBS
from variegate.errors import EngineError
from variegate.plan.program import Stage, Verb

# Values that a step works on at once: what the caches of a core hold, or what fills an accelerator.
MOST_CPU, MOST_ELSEWHERE = 1 << 19, 1 << 27


@dataclass
class Shelf:
    """All images that ever have a shape: slots, sample -> place in the tensor (n, h, w, c). own:
    whether the tensor is this run's to write to. read: the tensor that steps which were one read.
    """

    slots: dict[int, int]
    tensor: Tensor | None = None
    own: bool = True
    read: Tensor | None = None


def run(stage: Stage, images: Sequence[Tensor] | Tensor) -> list[Tensor] | Tensor:
    """Runs each image's entries; images (h, w, c) of one dtype on one device. Returns new tensors,
    one (n, h, w, c) where all sizes agree.
    """
    count = len(images)
    if count != len(stage.start) - 1:
        raise EngineError(
            f"torch engine: stage: made for {len(stage.start) - 1} images, got {count}"
        )
    if not count:
        return []
    first = images[0]
    alike = isinstance(images, Tensor)
    shapes = [_shape(first)] * count if alike else [_shape(image) for image in images]
    steps = steps_of(stage, shapes, kinds_of(stage, KEYS), most_values(first.device))
    shelves = _shelves(shapes, steps)
    _fill(shelves, images, shapes)
    rows = [_rows(stage, step, shelves, first.dtype == torch.uint8) for step in steps]
    moved(rows, first.device)
    for step, own in zip(steps, rows, strict=True):
        _do(step, own, shelves, first.dtype)
    return _collected(shapes, steps, shelves)


def most_values(device: torch.device) -> int:
    """How many values are worked on at once."""
    return MOST_CPU if device.type == "cpu" else MOST_ELSEWHERE


def _shape(image: Tensor) -> Shape:
    height, width, channels = image.shape
    return height, width, channels


def _shelves(shapes: list[Shape], steps: list[Step]) -> dict[Shape, Shelf]:
    ever: dict[Shape, set[int]] = {}
    for sample, shape in enumerate(shapes):
        ever.setdefault(shape, set()).add(sample)
    for step in steps:
        ever.setdefault(step.after, set()).update(step.samples)
    return {
        shape: Shelf({sample: slot for slot, sample in enumerate(sorted(samples))})
        for shape, samples in ever.items()
    }


def _fill(
    shelves: dict[Shape, Shelf], images: Sequence[Tensor] | Tensor, shapes: list[Shape]
) -> None:
    for shape, shelf in shelves.items():
        mine = [sample for sample in shelf.slots if shapes[sample] == shape]
        if not mine:
            continue
        if isinstance(images, Tensor) and len(mine) == len(images):
            shelf.tensor, shelf.own = images, False
            continue
        like = images[mine[0]]
        shelf.tensor = torch.empty((len(shelf.slots), *shape), dtype=like.dtype, device=like.device)
        for sample in mine:
            shelf.tensor[shelf.slots[sample]] = images[sample]


def _rows(stage: Stage, step: Step, shelves: dict[Shape, Shelf], whole: bool) -> Rows:
    host = picked(stage.tables, step.verb, np.asarray(stage.row)[step.entries])
    for name, shape in (("slots", step.before), ("slots_after", step.after)):
        slots = shelves[shape].slots
        host[name] = np.array([slots[sample] for sample in step.samples], dtype=np.int64)
    if step.verb in PREPARE:
        PREPARE[step.verb](host, step.before, whole)
    return Rows(host)


def _do(step: Step, rows: Rows, shelves: dict[Shape, Shelf], dtype: torch.dtype) -> None:
    before, after = shelves[step.before], shelves[step.after]
    together = step.opens == len(step.samples)
    if step.opens:
        before.read = before.tensor
    if before.read is None:
        raise EngineError("torch engine: a step before its images")
    given = _taken(before.read, rows, "slots")
    out = VERBS[step.verb](given, rows)
    if together and len(step.samples) == len(after.slots):
        after.own = after.own if out is after.tensor else out is not before.read
        after.tensor = out
        return
    if step.opens:
        _open(after, step, out.device, dtype)
    _put(after, rows, out)


def _open(shelf: Shelf, step: Step, device: torch.device, dtype: torch.dtype) -> None:
    """Makes a shelf's tensor one that the steps which begin here may write to."""
    kept = shelf.tensor if step.opens < len(shelf.slots) else None
    if shelf.tensor is not None and shelf.own:
        return
    if kept is not None:
        shelf.tensor = kept.clone()
    else:
        shelf.tensor = torch.empty((len(shelf.slots), *step.after), dtype=dtype, device=device)
    shelf.own = True


def _run_of(rows: Rows, name: str) -> slice | None:
    """Slots that follow each other, as a slice."""
    slots = rows.host[name]
    first, last = int(slots[0]), int(slots[-1])
    return slice(first, last + 1) if last - first == len(slots) - 1 else None


def _taken(tensor: Tensor, rows: Rows, name: str) -> Tensor:
    """The images in some slots; a view where they follow each other."""
    run = _run_of(rows, name)
    if run is not None:
        return tensor if run == slice(0, len(tensor)) else tensor[run]
    return tensor.index_select(0, rows[name])


def _put(shelf: Shelf, rows: Rows, images: Tensor) -> None:
    """Writes images to their slots; on a CPU torch copies one after the other far faster than by an
    index.
    """
    tensor, run = shelf.tensor, _run_of(rows, "slots_after")
    if tensor is None:
        raise EngineError("torch engine: an image was lost")
    if run is not None:
        tensor[run] = images
    elif tensor.device.type == "cpu":
        for slot, image in zip(rows.host["slots_after"].tolist(), images, strict=True):
            tensor[slot] = image
    else:
        tensor.index_copy_(0, rows["slots_after"], images)


def _collected(
    shapes: list[Shape], steps: list[Step], shelves: dict[Shape, Shelf]
) -> list[Tensor] | Tensor:
    last = list(shapes)
    for step in steps:
        for sample in step.samples:
            last[sample] = step.after
    for shape in set(last):
        shelf = shelves[shape]
        if shelf.tensor is not None and not shelf.own:
            shelf.tensor, shelf.own = shelf.tensor.clone(), True
    found = []
    for sample, shape in enumerate(last):
        shelf = shelves[shape]
        if shelf.tensor is None:
            raise EngineError("torch engine: an image was lost")
        if len(shelf.slots) == len(last) and len(set(last)) == 1:
            return shelf.tensor.contiguous()
        found.append(shelf.tensor[shelf.slots[sample]])
    return found


def warps_only(stage: Stage, channels: int) -> Stage:
    """The entries that move masks, nearest and with 0 outside. channels: most of a mask."""
    first, last = int(stage.start[0]), int(stage.start[-1])
    verb = np.asarray(stage.verb)[first:last]
    keep = (verb == Verb.WARP) | (verb == Verb.CELLS)
    ends = np.concatenate([[0], np.cumsum(keep)])
    tables = stage.tables
    mode = np.asarray(tables.warp_mode).copy()
    mode[:, 0] = 0
    columns = dict(vars(tables))
    columns |= {"warp_mode": mode, "warp_fill": np.zeros((len(mode), channels), np.float32)}
    return Stage(
        ends[np.asarray(stage.start) - first],
        verb[keep],
        np.asarray(stage.row)[first:last][keep],
        type(tables)(**columns),
        stage.sizes_in,
        stage.sizes_out,
        stage.channels_in,
        stage.channels_out,
    )
