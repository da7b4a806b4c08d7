"""What follows the mixes of a policy's end, drawn for several batches at once where batches come in
order.

Partners lie within a batch, so its size is part of what is drawn; how many batches were drawn
together shows in no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.pipeline.ahead import FASTER, MOST
from variegate.pipeline.shelves import Form
from variegate.pipeline.stream import ids_from
from variegate.plan.counter import Keys
from variegate.plan.parts import batch_part, by_batch, can_be_parted, stage_part
from variegate.plan.program import Mixed, MixStage, Program, Stage

Sizes = npt.NDArray[Any]


@dataclass(frozen=True)
class _Run:
    """Batches of `count` samples each, from sample `start` on, of images of one size. parted:
    whether there can be more than one.
    """

    start: int
    stop: int
    count: int
    form: Form
    size: tuple[int, int] | None
    rest: Program
    parted: bool

    def holds(self, start: int, count: int, form: Form, sizes: Sizes) -> bool:
        """Whether one of the batches is this one."""
        inside = self.start <= start < self.stop and (start - self.start) % self.count == 0
        return inside and (count, form) == (self.count, self.form) and self.size == _common(sizes)

    def part(self, start: int) -> Program:
        """The batch that begins at a sample."""
        if self.stop - self.start == self.count:
            return self.rest
        first, rest = start - self.start, self.rest
        stages = [_part(stage, first, self.count) for stage in rest.stages]
        return Program(rest.dtype, stages, rest.output)


class Tails:
    """Programs of the mixes and of what comes after them. make(epoch, ids, sizes, dtype, channels,
    batch): of samples with these ids in batches of so many.
    """

    def __init__(self, make: Callable[[int, Keys, Sizes, Any, int, int], Program]) -> None:
        self._make = make
        self._run: _Run | None = None

    def program(self, start: int, form: Form, head: Stage) -> Program:
        """What the batch that begins at sample `start` goes through after the stage `head`."""
        count, run = len(head.sizes_out), self._run
        if run is None or not run.holds(start, count, form, head.sizes_out):
            run = self._run = self._next(run, start, form, head)
        return run.part(start)

    def _next(self, before: _Run | None, start: int, form: Form, head: Stage) -> _Run:
        count = len(head.sizes_out)
        size = _common(head.sizes_out)
        batches = 1
        if before is not None and before.parted and before.stop == start and size is not None:
            many = FASTER * (before.stop - before.start) // before.count
            batches = min(many, MOST // max(1, count), (2**64 - start) // max(1, count))
        same = before is not None and (before.count, before.form) == (count, form)
        if same and batches > 1:
            sizes = np.broadcast_to(np.array(size, dtype=np.int64), (batches * count, 2))
            try:
                return self._run_of(start, count, form, sizes, head)
            except PolicyError:  # perhaps of a later sample, whose turn may never come
                pass
        return self._run_of(start, count, form, head.sizes_out, head)

    def _run_of(self, start: int, count: int, form: Form, sizes: Sizes, head: Stage) -> _Run:
        epoch, dtype, total = form[0], form[-1], len(sizes)
        made = self._make(
            epoch, ids_from(start, total), sizes, dtype, head.channels_out, max(1, count)
        )
        stages = made.stages[1:]
        parted = all(_can_be_parted(stage) for stage in stages)
        if total > count:
            stages = [by_batch(s, count) if isinstance(s, MixStage) else s for s in stages]
        rest = Program(made.dtype, stages, made.output)
        return _Run(start, start + total, count, form, _common(sizes), rest, parted)


def _common(sizes: Sizes) -> tuple[int, int] | None:
    """The one size of all images; None where there are several or none."""
    if not len(sizes) or not (sizes == sizes[0]).all():
        return None
    height, width = sizes[0].tolist()
    return height, width


def _can_be_parted(stage: Stage | Mixed) -> bool:
    return isinstance(stage, Stage) or (isinstance(stage, MixStage) and can_be_parted(stage))


def _part(stage: Stage | Mixed, first: int, count: int) -> Stage | Mixed:
    if isinstance(stage, Stage):
        return stage_part(stage, first, count)
    if isinstance(stage, MixStage):
        return batch_part(stage, first, count)
    raise TypeError(type(stage).__name__)
