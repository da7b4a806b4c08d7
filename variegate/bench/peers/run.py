"""What a library's module gives for a case, and how one without threads gets two cores."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module, metadata
from itertools import pairwise
from typing import Any, NoReturn, TypeAlias

import numpy as np

from .cases import Case
from .inputs import of


@dataclass(frozen=True)
class Run:
    """A case made ready: `call` does it once for the whole batch.

    note: where the work differs from the case's, in words. close: frees what it holds.
    """

    call: Callable[[], Any]
    note: str = ""
    close: Callable[[], None] = field(default=lambda: None)


Maker: TypeAlias = Callable[[Case], Run]
Work: TypeAlias = Callable[[Any], Any]


def load(name: str) -> Any:
    """A module by name; typed loosely, because no stubs of it are needed."""
    return import_module(name)


def versions(*names: str) -> dict[str, str]:
    """The installed versions of distributions."""
    out = {}
    for name in names:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            out[name] = "not found"
    return out


def makers(suite: str, names: Iterable[str], maker: Maker) -> dict[str, Maker]:
    """One maker for several cases of a suite."""
    return {f"{suite}/{name}": maker for name in names}


def one_by_one(case: Case, work: Work, images: Sequence[Any], note: str = "") -> Run:
    """`work` on each image: in a loop, or in as many processes as the case has threads."""
    if case.threads > 1:
        halves = Halves(work, images, case.threads)
        return Run(halves.call, note or "in 2 processes", halves.close)
    if case.batch == 1:
        only = images[0]
        return Run(lambda: work(only), note)
    return Run(lambda: [work(image) for image in images], note)


def each_image(make: Callable[[Case], Work], note: str = "") -> Maker:
    """A maker for a library that works on one NumPy image at a time."""
    return lambda case: one_by_one(case, make(case), list(of(case)), note)


class Halves:
    """Processes that wait, each work through its part of the images and leave the results in
    memory that they share with their parent.

    The images are there before the clock starts and nothing is pickled: a little better than any
    data loader can do.
    """

    def __init__(self, work: Work, images: Sequence[Any], processes: int) -> None:
        first = np.asarray(_pixels(work(images[0])))
        shape = (len(images), *first.shape)
        self._memory = mmap.mmap(-1, max(1, len(images) * first.nbytes))
        self.out = np.frombuffer(self._memory, first.dtype, int(np.prod(shape))).reshape(shape)
        self._children: list[tuple[int, int, int]] = []
        self._processes = processes
        bounds = np.linspace(0, len(images), processes + 1).astype(int)
        for low, high in pairwise(bounds.tolist()):
            self._start(work, images, low, high)

    def _start(self, work: Work, images: Sequence[Any], low: int, high: int) -> None:
        to_read, to_write = os.pipe()
        back_read, back_write = os.pipe()
        child = os.fork()
        if child == 0:
            _stay_apart(len(self._children), self._processes)
            os.close(to_write)
            self._serve(work, images, low, high, to_read, back_write)
        os.close(to_read)
        os.close(back_write)
        self._children.append((child, to_write, back_read))

    def _serve(
        self, work: Work, images: Sequence[Any], low: int, high: int, source: int, answer: int
    ) -> NoReturn:
        try:
            for _, other, _ in self._children:
                os.close(other)  # else a brother would hold the pipe open that ends him
            while os.read(source, 1):
                for place in range(low, high):
                    self.out[place] = _pixels(work(images[place]))
                os.write(answer, b"d")
        finally:
            os._exit(0)

    def call(self) -> Any:
        """Let all processes work through their images once."""
        for _, to_write, _ in self._children:
            os.write(to_write, b"g")
        for child, _, back_read in self._children:
            if not os.read(back_read, 1):
                raise RuntimeError(f"process {child} ended: the work failed in it")
        return self.out

    def close(self) -> None:
        """End the processes."""
        for child, to_write, back_read in self._children:
            os.close(to_write)
            os.close(back_read)
            os.waitpid(child, 0)
        self._children = []


def _stay_apart(number: int, processes: int) -> None:
    """Give this process processors of its own: two woken after a pause may share one at first."""
    if hasattr(os, "sched_setaffinity"):
        own = sorted(os.sched_getaffinity(0))[number::processes]
        if own:
            os.sched_setaffinity(0, own)


def _pixels(result: Any) -> Any:
    """The image of a result that may be a dict with annotations."""
    return result["image"] if isinstance(result, dict) else result
