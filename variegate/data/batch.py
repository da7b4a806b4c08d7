"""One batch of a loader: files are opened, the plan is drawn, then each image is decoded and run.

The work is cut into parts for a pool of threads. No part waits for another: the last one to end
starts the next phase. Every image has its place in the batch, so the order of the work shows
nowhere in the result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.codes import BadFile
from variegate.data.content import Content, Reading, open_image, pixels_of, read_contents
from variegate.data.run import Run
from variegate.data.samples import Samples
from variegate.data.scratch import Scratch
from variegate.errors import DataError, InputError
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.pipeline import Pipeline

__all__ = ["Batch", "Shared"]

Image = npt.NDArray[Any]

PART = 8  # images that one thread takes at a time, fewer where threads would stand idle


@dataclass
class Shared:
    """What all batches of one iteration have in common.

    checked: for each sample, whether its file was decoded in full without a complaint. inside:
    threads for what is done on a whole batch. closed: set to let the rest of the work fall through.
    """

    samples: Samples
    pipeline: Pipeline
    reading: Reading
    skip: bool
    scaled: bool
    checked: bytearray
    pool: Executor
    threads: int
    inside: int
    buffers: Buffers
    scratch: Scratch = field(default_factory=Scratch)
    closed: bool = False


class Batch:
    """A batch in the making; `done` gives (result, files skipped) or the error."""

    def __init__(
        self, shared: Shared, epoch: int, places: Sequence[int], following: Iterator[int]
    ) -> None:
        self.done: Future[tuple[dict[str, Any], list[BadFile]]] = Future()
        self._shared = shared
        self._epoch = epoch
        self._index = list(places)  # a sample's place, plus its copy's number times all samples
        self._following = following  # samples without end, to take the places of bad ones
        self._bad: set[int] = set()
        self._skipped: list[BadFile] = []
        self._contents: list[Content | None] = [None] * len(self._index)
        self._failed: dict[int, BaseException] = {}
        self._lock = threading.Lock()
        self._left = 0

    def start(self) -> None:
        """Hand the first phase to the pool."""
        missing = [slot for slot, content in enumerate(self._contents) if content is None]
        self._spread(missing, self._open, self._opened)

    def _spread(
        self, slots: list[int], work: Callable[[list[int]], None], then: Callable[[], None]
    ) -> None:
        """Have the pool do `work` on parts of the slots, and `then` once all are done."""
        size = min(PART, -(-len(slots) // self._shared.threads))
        parts = [slots[at : at + size] for at in range(0, len(slots), size)]
        self._left = len(parts)
        for part in parts:
            self._shared.pool.submit(self._do, part, work, then)

    def _do(
        self, part: list[int], work: Callable[[list[int]], None], then: Callable[[], None]
    ) -> None:
        try:
            if not self._shared.closed:
                work(part)
        except BaseException as error:  # it belongs to the consumer, who waits for an answer
            self._failed.setdefault(part[0], error)
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if not last:
            return
        try:
            if self._shared.closed:
                self.done.cancel()
            elif self._settled():
                then()
        except BaseException as error:
            self.done.set_exception(error)

    def _each(self, slots: list[int], work: Callable[[int], None]) -> None:
        """Do `work` on each slot; an error is kept with its slot."""
        for slot in slots:
            try:
                work(slot)
            except Exception as error:
                self._failed[slot] = error

    def _settled(self) -> bool:
        """Whether the next phase may start; else bad files were replaced and are being opened.

        Raises the first slot's error where it is not to be skipped.
        """
        failed = dict(sorted(self._failed.items()))
        self._failed.clear()
        for slot, error in failed.items():
            if not (self._shared.skip and isinstance(error, DataError) and error.code):
                raise error
            self._bad.add(self._place(self._index[slot]))
            reason = error.reason or str(error)
            self._skipped.append(BadFile(error.path or "", error.code, reason))
        for slot in failed:
            self._index[slot] = self._replacement()
            self._contents[slot] = None
        if failed:
            self.start()
        return not failed

    def _replacement(self) -> int:
        """The next sample in order that is not known to be bad."""
        if len(self._bad) == len(self._shared.samples):
            first = self._skipped[0]
            raise DataError(
                f"none of the {len(self._bad)} images can be read; the first: {first.path!r}: "
                f"{first.code} {first.reason}"
            )
        return next(i for i in self._following if self._place(i) not in self._bad)

    def _place(self, index: int) -> int:
        """Which sample an index is of."""
        return index % len(self._shared.samples)

    def _open(self, slots: list[int]) -> None:
        shared = self._shared
        places = {slot: self._place(self._index[slot]) for slot in slots}
        known = dict(zip(slots, read_contents(shared.samples, list(places.values())), strict=True))

        def open_one(slot: int) -> None:
            self._contents[slot] = open_image(
                shared.samples, places[slot], shared.reading, known.pop(slot)
            )

        self._each(slots, open_one)

    def _opened(self) -> None:
        """Draw the plan and lower it; then decode and run."""
        shared = self._shared
        contents = [content for content in self._contents if content is not None]
        targets = shared.samples.pick([self._place(i) for i in self._index])
        index = np.array(self._index, dtype=np.int64)
        marks = {name: items for name, items in targets.items() if name != "labels"}
        plan = shared.pipeline.draw(
            sizes=[content.size for content in contents],
            index=index,
            epoch=self._epoch,
            labels=targets.get("labels"),
            **(marks if shared.pipeline.looks else {}),
        )
        form = _form(contents, shared.reading)
        run = Run(shared.pipeline, plan, targets, form, shared.scaled, shared.buffers)
        work = partial(self._decode_and_run, run, contents)
        self._spread(list(range(len(contents))), work, partial(self._ran, run))

    def _decode_and_run(self, run: Run, contents: list[Content], slots: list[int]) -> None:
        """Decode some neighbors and let the engine write their results."""
        images, factors = [], []
        for turn, slot in enumerate(slots):
            try:
                image, factor = self._decode(run, contents[slot], slot, turn)
            except Exception as error:  # kept with its slot; the others of the part come later
                self._failed[slot] = error
                return
            images.append(image)
            factors.append(factor)
        run.part(slots[0], images, factors)

    def _decode(self, run: Run, content: Content, slot: int, turn: int) -> tuple[Image, int]:
        shared, place = self._shared, self._place(self._index[slot])

        def take(size: int) -> npt.NDArray[np.uint8]:
            return shared.scratch.take(turn, size) if run.direct else np.empty(size, np.uint8)

        # The rows a crop leaves out are decoded the first time, so that a damaged file is found.
        rows = run.rows[slot] if shared.checked[place] else content.size[0]
        found = pixels_of(content, shared.reading, run.factors[slot], rows, take)
        shared.checked[place] = 1
        return found

    def _ran(self, run: Run) -> None:
        """Finish what needs the whole batch, and hand the result over."""
        result = run.finish(self._shared.inside)
        result["index"] = np.array(self._index, dtype=np.int64)
        self.done.set_result((result, self._skipped))


def _form(contents: Sequence[Content], reading: Reading) -> tuple[np.dtype[Any], int]:
    """The dtype and channel count of a batch. Raises InputError where arrays differ in them."""
    forms: Mapping[tuple[Any, int], str] = {
        (np.dtype(np.uint8), reading.channels)
        if content.pixels is None
        else (content.pixels.dtype, content.pixels.shape[2]): content.name
        for content in contents
    }
    if len(forms) > 1:
        text = " and ".join(f"{name} is {dtype} with {c}" for (dtype, c), name in forms.items())
        raise InputError(f"a batch holds one dtype and channel count: {text}")
    return next(iter(forms))
