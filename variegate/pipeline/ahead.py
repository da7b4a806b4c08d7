"""Programs drawn ahead: where samples come in order, many are drawn and lowered at once.

Every number is a pure function of seed, epoch and index, so nothing in a result can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from variegate.errors import EngineError, PolicyError
from variegate.pipeline.stream import ids_from
from variegate.plan.counter import Keys
from variegate.plan.program import Program, Stage

# What the images of a block have in common: epoch, height, width, channels, dtype.
Form: TypeAlias = tuple[int, int, int, int, Any]
MOST = 1024
MOST_FLOATS = 128  # the tables of floats are 64 times as large
MOST_NUMBERS = 1 << 16
FASTER = 4


@dataclass(frozen=True)
class _Block:
    start: int
    stop: int
    form: Form
    stage: Stage
    program: Program


class Ahead:
    """Programs by index. Each block that is used up to its end is followed by a larger one, so what
    comes out of order is drawn alone.

    make: the program of these ids and sizes, for images of a dtype and channel count; it must have
    one stage, whose samples are independent. numbers: drawn for each sample.
    """

    def __init__(self, make: Callable[[int, Keys, Any, Any, int], Program], numbers: int) -> None:
        self._make = make
        self._limit = max(1, min(MOST, MOST_NUMBERS // max(1, numbers)))
        self._block: _Block | None = None

    def program(self, start: int, count: int, form: Form) -> Program:
        """The program of samples `start` to `start + count - 1`."""
        block = self._block  # another thread may put a new one there: this one stays whole
        if block is None or start < block.start or start + count > block.stop or form != block.form:
            block = self._block = self._next(block, start, count, form)
        return _part(block, start - block.start, count)

    def _next(self, before: _Block | None, start: int, count: int, form: Form) -> _Block:
        limit = self._limit if form[-1].itemsize == 1 else min(self._limit, MOST_FLOATS)
        size = count
        goes_on = before is not None and before.start <= start <= before.stop
        if goes_on and before is not None and before.form == form:
            size = max(count, min(limit, FASTER * (before.stop - before.start)))
        size = max(count, min(size, 2**64 - start))
        try:
            return self._block_of(start, size, form)
        except PolicyError:  # perhaps of a later sample, whose turn may never come
            return self._block_of(start, count, form)

    def _block_of(self, start: int, size: int, form: Form) -> _Block:
        epoch, height, width, channels, dtype = form
        sizes = np.broadcast_to(np.array([height, width], dtype=np.int64), (size, 2))
        program = self._make(epoch, ids_from(start, size), sizes, dtype, channels)
        stage = program.stages[0]
        if not isinstance(stage, Stage) or len(program.stages) > 1:
            raise EngineError("program: samples that depend on each other cannot be drawn ahead")
        return _Block(start, start + size, form, stage, program)


def _part(block: _Block, first: int, count: int) -> Program:
    """The program of a block's samples `first` to `first + count - 1`; nothing is copied."""
    stage = block.stage
    if count == block.stop - block.start:
        return block.program
    last = first + count
    part = Stage(
        stage.start[first : last + 1],
        stage.verb,
        stage.row,
        stage.tables,
        stage.sizes_in[first:last],
        stage.sizes_out[first:last],
        stage.channels_in,
        stage.channels_out,
    )
    return Program(block.program.dtype, [part], block.program.output)
