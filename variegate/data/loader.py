"""A loader: image files to one contiguous batch after another, in threads."""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.balance import Balance
from variegate.data.batch import Batch, Shared
from variegate.data.codes import BadFile
from variegate.data.content import Reading
from variegate.data.header import MAX_PIXELS
from variegate.data.order import epoch_order
from variegate.data.samples import Samples, as_samples
from variegate.errors import InputError
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.pipeline import Pipeline
from variegate.pipeline.stream import default_threads
from variegate.targets.labels import class_indices

__all__ = ["Loader"]

FORMAT = "variegate-loader"
VERSION = 1
_MAX_SEED = 2**64 - 1


class Loader:
    """Gives batches {"images", "index", and "labels" or what else the data set has}.

    dataset: a folder of class folders; a Dataset; a sequence of paths or arrays; or a mapping with
    "images" (paths or arrays) and "labels", "masks", "boxes", "box_labels", "keypoints", one item
    for each image. pipeline: a Pipeline whose results have one size. batch_size: images; the last
    batch of an epoch is smaller, or left out with drop_last. shuffle, seed: the order of an epoch,
    by the pipeline's seed unless another is given. threads: as Pipeline's. prefetch: batches made
    ahead of the one in use. on_error: "stop" at a bad file, or "skip" it: the next sample in order
    takes its place, and `skipped` lists it. scaled_decode: decode a JPEG at half, quarter or
    eighth size where a crop shrinks it much more than that. channels: 1, 3 or 4, for files.
    background, max_pixels: as in `load`. balance: a Balance made of the data set's labels, which
    says how often each sample comes; a batch's "index" tells its copies apart (sample: index % n).

    Each `for` loop is one epoch, the next one every time. Raises InputError, and DataError with
    the path of a bad file.
    """

    def __init__(
        self,
        dataset: Any,
        pipeline: Pipeline,
        batch_size: int = 64,
        *,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
        threads: int | None = None,
        prefetch: int = 2,
        on_error: str = "stop",
        scaled_decode: bool = True,
        channels: int = 3,
        background: int = 255,
        max_pixels: int = MAX_PIXELS,
        balance: Balance | None = None,
    ) -> None:
        if not isinstance(pipeline, Pipeline):
            raise InputError(f"pipeline: expected a Pipeline, got {type(pipeline).__name__}")
        if on_error not in ("stop", "skip"):
            raise InputError(f'on_error: expected "stop" or "skip", got {on_error!r}')
        if channels not in (1, 3, 4):
            raise InputError(f"channels: expected 1, 3 or 4, got {channels!r}")
        flags = {"shuffle": shuffle, "drop_last": drop_last, "scaled_decode": scaled_decode}
        for name, flag in flags.items():
            if not isinstance(flag, bool):
                raise InputError(f"{name}: expected True or False, got {flag!r}")
        self._samples = as_samples(dataset)
        self.balance = balance
        _check_balance(balance, self._samples)
        self._count = len(self._samples) if balance is None else len(balance)
        self.pipeline = pipeline
        self.batch_size = _whole(batch_size, 1, 1 << 20, "batch_size")
        self.shuffle, self.drop_last = shuffle, drop_last
        self.seed = pipeline.seed if seed is None else _whole(seed, 0, _MAX_SEED, "seed")
        self.threads = None if threads is None else _whole(threads, 1, 256, "threads")
        self.prefetch = _whole(prefetch, 0, 1024, "prefetch")
        self._skip = on_error == "skip"
        self._scaled = scaled_decode
        pixels = _whole(max_pixels, 1, 1 << 40, "max_pixels")
        self._reading = Reading(channels, _whole(background, 0, 255, "background"), pixels)
        self._checked = bytearray(len(self._samples))
        self._epoch = self._taken = 0  # what comes next: epoch, and samples of it already given
        self._placed = True  # whether the next loop begins there, not at the next epoch's start
        self._skipped: dict[str, BadFile] = {}
        self._active: weakref.ref[Any] | None = None
        self._buffers = Buffers(self.prefetch + 3)  # results of one epoch serve the next
        self._numbered = _Numbered()

    @property
    def epoch(self) -> int:
        """The epoch of the last batch given, or that the next loop was set to."""
        return self._epoch

    @property
    def skipped(self) -> list[BadFile]:
        """The files left out so far: path, code and reason."""
        return list(self._skipped.values())

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the labels, where the data set has them."""
        return self._samples.classes

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        full, rest = divmod(self._count, self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._end_loop()
        if not self._placed:
            self._epoch, self._taken = self._epoch + 1, 0
        self._placed = False
        batches = self._batches(self._epoch, self._taken)
        self._active = weakref.ref(batches)
        return batches

    def _batches(self, epoch: int, taken: int) -> Iterator[dict[str, Any]]:
        """The batches of one epoch from its sample `taken` on; ends its threads when it ends."""
        process, order = os.getpid(), self._order(epoch)
        threads = default_threads() if self.threads is None else self.threads
        pool = ThreadPoolExecutor(threads, thread_name_prefix="variegate-loader")
        shared = self._shared(pool, threads)
        starts = iter(range(taken, self._end(taken), self.batch_size))
        ahead: deque[tuple[int, Batch]] = deque()
        try:
            while self._fill(ahead, starts, max(1, self.prefetch), shared, epoch, order):
                size, batch = ahead.popleft()
                result, skipped = batch.done.result()
                self._fill(ahead, starts, self.prefetch, shared, epoch, order)
                self._taken += size
                for file in skipped:
                    self._skipped.setdefault(file.path, file)
                del batch  # it holds the result too, which is the consumer's alone
                yield result
                del result
                if os.getpid() != process:
                    raise InputError(
                        "this loop over the loader was begun before the process forked; begin a "
                        "new one in each process"
                    )
        finally:
            shared.closed = True
            if os.getpid() == process:
                pool.shutdown(wait=True, cancel_futures=True)

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The indices of an epoch's samples in the order they come."""
        if self.balance is not None:
            return self.balance.epoch(self.seed, epoch, shuffle=self.shuffle)
        return (
            epoch_order(self._count, self.seed, epoch) if self.shuffle else np.arange(self._count)
        )

    def batch(self, number: int, epoch: int = 0) -> dict[str, Any]:
        """The batch that a loop over an epoch would give at a place, by itself and at once.

        Safe to call from several threads; loops, and the place they have reached, are not touched.
        With drop_last the number may not be that of a smaller last batch. Raises as a loop does.
        """
        place = _whole(number, 0, len(self) - 1, "number")
        epoch = _whole(epoch, 0, 1 << 62, "epoch")
        if self._numbered.process != os.getpid():  # its threads stayed behind
            self._numbered = _Numbered()
        shared, order = self._numbered.ready(self, epoch)
        start = place * self.batch_size
        places = order[start : start + self.batch_size].tolist()
        following = (int(order[at % len(order)]) for at in count(start + len(places)))
        batch = Batch(shared, epoch, places, following)
        batch.start()
        result, skipped = batch.done.result()
        for file in skipped:
            self._skipped.setdefault(file.path, file)
        return result

    def _shared(self, pool: ThreadPoolExecutor, threads: int) -> Shared:
        # while one thread finishes a batch the others are at work on the next, if there is one
        inside = 1 if self.prefetch > 1 else threads
        one_thread = Pipeline.from_dict({**self.pipeline.to_dict(), "threads": inside})
        return Shared(
            self._samples,
            one_thread,
            self._reading,
            self._skip,
            self._scaled,
            self._checked,
            pool,
            threads,
            inside,
            self._buffers,
        )

    def _end(self, taken: int) -> int:
        """The sample of an epoch's order before which its last batch ends."""
        rest = (self._count - taken) % self.batch_size if self.drop_last else 0
        return self._count - rest

    def _fill(
        self,
        ahead: deque[tuple[int, Batch]],
        starts: Iterator[int],
        wanted: int,
        shared: Shared,
        epoch: int,
        order: npt.NDArray[np.int64],
    ) -> bool:
        """Begin batches until `wanted` are on their way; False where none is left."""
        while len(ahead) < wanted:
            start = next(starts, None)
            if start is None:
                break
            places = order[start : start + self.batch_size].tolist()
            after = count(start + len(places))
            following = (int(order[place % len(order)]) for place in after)
            batch = Batch(shared, epoch, places, following)
            ahead.append((len(places), batch))
            batch.start()
        return bool(ahead)

    def set_epoch(self, epoch: int) -> None:
        """Let the next loop be this epoch, from its start."""
        self._end_loop()
        self._epoch, self._taken, self._placed = _whole(epoch, 0, 1 << 62, "epoch"), 0, True

    def state_dict(self) -> dict[str, Any]:
        """The place after the last batch given, as JSON data."""
        head = {"format": FORMAT, "version": VERSION, "epoch": self._epoch, "taken": self._taken}
        return head | self._identity()

    def _identity(self) -> dict[str, Any]:
        """What must be the same for the same batches to follow."""
        return {
            "samples": len(self._samples),
            "seed": self.seed,
            "shuffle": self.shuffle,
            "pipeline_seed": self.pipeline.seed,
            "balance": None if self.balance is None else self.balance.state(),
        }

    def load_state_dict(self, state: object) -> None:
        """Let the next loop go on where `state_dict` was called, at any batch size.

        Raises InputError where the state is of another set, seed or order.
        """
        if not isinstance(state, Mapping) or state.get("format") != FORMAT:
            raise InputError(f"state: expected what Loader.state_dict gave, format {FORMAT!r}")
        if state.get("version") != VERSION:
            raise InputError(f"state: version {state.get('version')!r} is not {VERSION}")
        for name, own in self._identity().items():
            if state.get(name) != own:
                raise InputError(f"state: {name} is {state.get(name)!r}, this loader has {own!r}")
        epoch = _whole(state.get("epoch"), 0, 1 << 62, "state: epoch")
        taken = _whole(state.get("taken"), 0, self._count, "state: taken")
        self._end_loop()
        if taken >= self._end(taken):
            epoch, taken = epoch + 1, 0
        self._epoch, self._taken, self._placed = epoch, taken, True

    def close(self) -> None:
        """End the loop in progress, if there is one, and all threads; let go of kept memory."""
        self._end_loop()
        self._numbered.close()
        self._buffers = Buffers(self.prefetch + 3)

    def _end_loop(self) -> None:
        active = self._active() if self._active is not None else None
        self._active = None
        if active is not None:
            active.close()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        own = ("_numbered", "_buffers")
        kept = {name: value for name, value in self.__dict__.items() if name not in own}
        return {**kept, "_active": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._buffers = Buffers(self.prefetch + 3)
        self._numbered = _Numbered()


class _Numbered:
    """Threads, memory and the order of the last epoch asked for, for batches by number."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.process = os.getpid()
        self._shared: Shared | None = None
        self._order: tuple[int, npt.NDArray[np.int64]] | None = None

    def ready(self, loader: Loader, epoch: int) -> tuple[Shared, npt.NDArray[np.int64]]:
        """What all batches have in common, made at the first call in a process."""
        with self._lock:
            if self._shared is None:
                threads = default_threads() if loader.threads is None else loader.threads
                pool = ThreadPoolExecutor(threads, thread_name_prefix="variegate-loader")
                self._shared = loader._shared(pool, threads)
            if self._order is None or self._order[0] != epoch:
                self._order = epoch, loader._order(epoch)
            return self._shared, self._order[1]

    def close(self) -> None:
        """End the threads; the next call begins new ones."""
        with self._lock:
            shared, self._shared = self._shared, None
        if shared is not None and self.process == os.getpid():
            shared.closed = True
            shared.pool.shutdown(wait=True, cancel_futures=True)


def _check_balance(balance: object, samples: Samples) -> None:
    """Raises InputError unless a balance is of these samples' labels."""
    if balance is None:
        return
    if not isinstance(balance, Balance):
        raise InputError(f"balance: expected a Balance, got {type(balance).__name__}")
    labels = samples.targets.get("labels")
    if labels is None:
        raise InputError("balance: the data set has no labels")
    if not np.array_equal(balance.labels, class_indices(np.asarray(labels))):
        raise InputError("balance: it was made of other labels than the data set has")


def _whole(value: object, low: int, high: int, where: str) -> int:
    """A whole number low..high. Raises InputError."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise InputError(f"{where}: expected a whole number, got {value!r}")
    if not low <= value <= high:
        raise InputError(f"{where}: expected {low} to {high}, got {value!r}")
    return int(value)
