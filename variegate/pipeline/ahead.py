"""Programs drawn ahead: where samples come in order, many are drawn and lowered at once, and those
asked for in any order come from kept blocks.

Every number is a pure function of seed, epoch and index, so nothing in a result can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from variegate.errors import EngineError, PolicyError
from variegate.pipeline.shelves import Block, Form, Shelves
from variegate.pipeline.stream import ids_from
from variegate.plan.counter import Keys
from variegate.plan.plan import Plan
from variegate.plan.program import Program, Stage

MOST = 8192
MOST_KEPT = 1024  # of a block for samples in any order
MOST_FLOATS = 128  # the tables of floats are 64 times as large
MOST_NUMBERS = 1 << 17
MOST_BESIDE = 1024  # of a block drawn beside a batch, which should not last longer than that one
FASTER = 4


class Ahead:
    """Programs by index. Each block that is used up to its end is followed by a larger one; single
    samples out of order come from kept blocks, and batches out of order are drawn alone.

    draw: the plan of an epoch, ids and sizes. lower: the steps to its program for images of a dtype
    and channel count; it must have one stage, whose samples are independent. numbers: drawn for
    each sample. ready: what an engine makes of a stage, a dtype and an output for calls with images
    alone.
    """

    def __init__(
        self,
        draw: Callable[[int, Keys, Any], Plan],
        lower: Callable[[Plan, Any, int], Iterator[int | Program]],
        numbers: int,
        ready: Callable[[Stage, Any, Any], Any] | None = None,
    ) -> None:
        self._draw = draw
        self._lower = lower
        self._ready = ready
        self._limit = max(1, min(MOST, MOST_NUMBERS // max(1, numbers)))
        self._block: Block | None = None
        self._following: Block | None = None
        self._begun: list[tuple[tuple[int, int, Form], Iterator[int | Block]]] = []
        self._shelves = Shelves(self._block_of, lambda form: min(MOST_KEPT, self._most(form)))

    def block(self, start: int, count: int, form: Form) -> Block:
        """A block that holds these samples."""
        block = self._block  # another thread may put a new one there: this one stays whole
        if block is None or not block.holds(start, count, form):
            kept = self._following
            if kept is not None and kept.holds(start, count, form):
                self._block = kept
                return kept
            kept = None
            if count == 1 and not _goes_on(block, start, form):
                kept = self._shelves.find(start, form)
            if kept is None:
                kept = self._block = self._next(block, start, count, form)
            block = kept
        return block

    def following(self, block: Block, start: int, count: int) -> Callable[[], None] | None:
        """Work on the block after this one, for the thread that waits for samples `start` to
        `start + count - 1`: a part of it during each of the last three batches of this size. None
        before that, and where it is not known that samples come in order.
        """
        most = min(MOST_BESIDE, self._most(block.form))
        size = max(FASTER * count, most - most % count)  # whole batches
        grown, left = block.stop - block.start > count, block.stop - start - count
        if not grown or left >= 3 * count or block.stop + size > 2**64:
            return None
        return partial(self._follow, (block.stop, size, block.form), left // count)

    def _follow(self, which: tuple[int, int, Form], batches: int) -> None:
        """Draws while two more batches are left, does half of the rest before the last one, and all
        of it in that.
        """
        steps = self._taken(which)
        try:
            made = next(steps)
            if isinstance(made, int):
                left = (0, (made + 2) // 2, made)[batches]
                while isinstance(made, int) and made > left:
                    made = next(steps)
        except PolicyError:  # told when it is the sample's turn, which may never come
            return
        if isinstance(made, int):
            self._begun.append((which, steps))
        else:
            self._following = made

    def _taken(self, which: tuple[int, int, Form]) -> Iterator[int | Block]:
        """The steps that were begun for a block, or new ones. They are off the list meanwhile, so
        that no other thread takes them.
        """
        following = self._following
        if following is not None and following.holds(*which):
            return iter([following])
        try:
            begun, steps = self._begun.pop()
        except IndexError:
            return self._steps(*which)
        return steps if begun == which else self._steps(*which)

    def _most(self, form: Form) -> int:
        return self._limit if form[-1].itemsize == 1 else min(self._limit, MOST_FLOATS)

    def _next(self, before: Block | None, start: int, count: int, form: Form) -> Block:
        size = count
        if before is not None and _goes_on(before, start, form):
            size = max(count, min(self._most(form), FASTER * (before.stop - before.start)))
        size = max(count, min(size, 2**64 - start))
        try:
            return self._block_of(start, size, form)
        except PolicyError:  # perhaps of a later sample, whose turn may never come
            return self._block_of(start, count, form)

    def _block_of(self, start: int, size: int, form: Form) -> Block:
        *_, block = self._steps(start, size, form)
        if isinstance(block, int):
            raise EngineError("a block comes last")
        return block

    def _steps(self, start: int, size: int, form: Form) -> Iterator[int | Block]:
        """Draws, lowers and reads the program of a block, which is the last thing it gives; before
        that how many steps are left.
        """
        channels, dtype = form[3:]
        sizes = np.broadcast_to(np.array(form[1:3], dtype=np.int64), (size, 2))
        plan = self._draw(form[0], ids_from(start, size), sizes)
        program = Program(dtype)
        for step in self._lower(plan, dtype, channels):
            if isinstance(step, int):
                yield step
            else:
                program = step
        stage = program.stages[0]
        if not isinstance(stage, Stage) or len(program.stages) > 1:
            raise EngineError("program: samples that depend on each other cannot be drawn ahead")
        ready = None if self._ready is None else self._ready(stage, dtype, program.output)
        yield Block(start, start + size, form, stage, program, ready)


def _goes_on(before: Block | None, start: int, form: Form) -> bool:
    """Whether the sample follows the block, or lies in it."""
    return before is not None and before.start <= start <= before.stop and before.form == form
