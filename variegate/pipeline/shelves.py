"""Blocks of samples drawn together and kept, for samples that are asked for in any order.

Drawing one sample costs about as much as drawing 64 at once. Where one is asked for, its neighbors
will be soon, so the whole block is drawn and kept; the sizes of blocks never show in a result.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from variegate.errors import PolicyError
from variegate.plan.parts import stage_part
from variegate.plan.program import Program, Stage

# What the images of a block have in common: epoch, height, width, channels, dtype.
Form: TypeAlias = tuple[int, int, int, int, Any]

SMALL = 64  # samples of the first blocks of a size and dtype
SMALL_BLOCKS = 8  # that many small ones, then large ones
MEMORY = 32 << 20  # bytes of all blocks
FORMS = 64  # sizes and dtypes that are remembered
SMALL_PRICE, LARGE_PRICE = 2, 8  # of a block, in samples drawn alone
DEBT = 64  # what the blocks of a size and dtype may cost more than they have saved


@dataclass(frozen=True)
class Block:
    """Samples start to stop - 1 and their program, which has one stage. ready: what runs that on
    images alone, or None.
    """

    start: int
    stop: int
    form: Form
    stage: Stage
    program: Program
    ready: Any = None

    def holds(self, start: int, count: int, form: Form) -> bool:
        """Whether samples `start` to `start + count - 1` are among its own."""
        return self.start <= start and start + count <= self.stop and form == self.form

    def part(self, start: int, count: int) -> Program:
        """The program of samples `start` to `start + count - 1`; nothing is copied."""
        if count == self.stop - self.start:
            return self.program
        part = stage_part(self.stage, start - self.start, count)
        return Program(self.program.dtype, [part], self.program.output)

    @property
    def memory(self) -> int:
        """Bytes of its arrays."""
        stage, tables = self.stage, self.stage.tables
        arrays = [getattr(tables, item.name) for item in fields(tables)]
        arrays += [stage.start, stage.verb, stage.row, stage.sizes_in, stage.sizes_out]
        return sum(array.nbytes for array in arrays)


@dataclass
class _Account:
    """Of one size and dtype. size: of its blocks, 0 where none can be drawn; memory: of a block;
    made: blocks so far; saved: samples found in blocks, less the blocks' price; seen: whether it
    is known at all.
    """

    size: int
    memory: int = 0
    made: int = 0
    saved: int = 0
    seen: bool = False


class Shelves:
    """Kept blocks. draw(start, count, form) makes one; most(form): samples of a large one."""

    def __init__(
        self, draw: Callable[[int, int, Form], Block], most: Callable[[Form], int]
    ) -> None:
        self._draw = draw
        self._most = most
        self._blocks: OrderedDict[tuple[Form, int], Block] = OrderedDict()
        self._accounts: OrderedDict[tuple[Any, ...], _Account] = OrderedDict()
        self._memory = 0
        self._renew()

    def _renew(self) -> None:
        """A lock of this process's own: a copied one may be held by a thread that is not here."""
        self._lock, self._process = threading.Lock(), os.getpid()

    def find(self, index: int, form: Form) -> Block | None:
        """A block that holds the sample; None where the sample is better drawn alone."""
        if self._process != os.getpid():
            self._renew()
        with self._lock:
            account = self._account(form)
            if not account.seen or not account.size:
                account.seen = True
                return None
            key = form, index - index % account.size
            block = self._blocks.get(key)
            if block is not None and index < block.stop:
                account.saved += 1
                self._blocks.move_to_end(key)
                return block
            price = SMALL_PRICE if account.made < SMALL_BLOCKS else LARGE_PRICE
            if account.saved - price < -DEBT or not self._has_room(account.memory, form):
                return None
            account.saved -= price
            size = account.size
        try:  # without the lock: other threads may find theirs meanwhile
            block = self._draw(key[1], min(size, 2**64 - key[1]), form)
        except PolicyError:  # perhaps of another sample, whose turn may never come
            account.size = 0
            return None
        with self._lock:
            self._keep(key, block, account)
        return block

    def _account(self, form: Form) -> _Account:
        account = self._accounts.get(form[1:])
        if account is None:
            account = self._accounts[form[1:]] = _Account(min(SMALL, self._most(form)))
            if len(self._accounts) > FORMS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(form[1:])
        return account

    def _has_room(self, memory: int, form: Form) -> bool:
        """Makes room for a block at the cost of other sizes and epochs, the longest unused first.

        Those of its own stay: where a set is too large for all of them, some are better than a
        turnover of all.
        """
        while self._memory + memory > MEMORY:
            other = next((key for key in self._blocks if key[0] != form), None)
            if other is None:
                return False
            self._memory -= self._blocks.pop(other).memory
        return True

    def _keep(self, key: tuple[Form, int], block: Block, account: _Account) -> None:
        account.memory = block.memory
        if self._has_room(account.memory, key[0]):
            before = self._blocks.pop(key, None)
            self._blocks[key] = block
            self._memory += block.memory - (0 if before is None else before.memory)
        account.made += 1
        if account.made == SMALL_BLOCKS:
            account.size = self._most(key[0])
            account.memory *= account.size // SMALL
