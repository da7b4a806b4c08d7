"""Where results are written: the caller's array, or memory that nobody holds any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import variegate as vg
from tests.pipeline.samples import digest
from variegate.errors import InputError
from variegate.pipeline.buffers import MOST, Buffers
from variegate.testing import engines
from variegate.testing.pictures import picture

ENGINES = pytest.mark.parametrize("engine", engines())
BATCH = np.stack([picture("random", (20, 24), 3, i) for i in range(5)])
MODEL = vg.Normalize(mean=(0.5,), std=(0.25,), layout="NCHW")
STEPS = [vg.Rotate(), vg.RandAugment()]
LARGE = np.zeros((4, 300, 300, 3), dtype=np.uint8)
ENDS: dict[str, list[Any]] = {
    "bytes": STEPS,
    "floats": [*STEPS, MODEL],
    "mixed": [*STEPS, vg.MixUp(), MODEL],
    "codec": [*STEPS, vg.JpegCompression(), MODEL],
    "empty": [MODEL],
}


@ENGINES
@pytest.mark.parametrize("end", sorted(ENDS))
def test_out_takes_what_a_call_gives(engine: str, end: str) -> None:
    aug = vg.Pipeline(ENDS[end], seed=1, engine=engine, classes=3)
    wanted = aug(images=BATCH, index=range(5))["images"]
    out = np.full_like(wanted, 7)
    found = aug(images=BATCH, index=range(5), out=out)["images"]
    assert found is out or found.base is out
    assert digest(out) == digest(wanted)
    out[:] = 7
    plan = aug.draw(images=BATCH, index=range(5))
    assert np.shares_memory(aug.apply(plan, images=list(BATCH), out=out)["images"], out)
    assert digest(out) == digest(wanted)


@ENGINES
def test_out_of_one_image(engine: str) -> None:
    aug = vg.Pipeline([*STEPS, MODEL], seed=1, engine=engine)
    wanted = aug(image=BATCH[0], index=3)["image"]
    out = np.empty_like(wanted)
    assert np.shares_memory(aug(image=BATCH[0], index=3, out=out)["image"], out)
    assert digest(out) == digest(wanted)


def other(change: str) -> Any:
    """An array that cannot take the result of BATCH."""
    right = np.empty((5, 20, 24, 3), dtype=np.uint8)
    frozen = right.copy()
    frozen.setflags(write=False)
    return {
        "a list": list(right),
        "shape": right[:4],
        "dtype": right.astype(np.float32),
        "order": np.empty((5, 24, 20, 3), dtype=np.uint8).transpose(0, 2, 1, 3),
        "read-only": frozen,
    }[change]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("a list", "got list"),
        ("shape", r"expected an array uint8 \(5, 20, 24, 3\), got uint8 \(4,"),
        ("dtype", "got float32"),
        ("order", "C order"),
        ("read-only", "writable"),
    ],
)
def test_an_out_that_does_not_fit_is_refused(change: str, text: str) -> None:
    with pytest.raises(InputError, match=f"out: .*{text}"):
        vg.Pipeline(STEPS, seed=1)(images=BATCH, out=other(change))


def test_an_out_that_overlaps_the_input_is_refused() -> None:
    images = BATCH.copy()
    for given in (images, list(images)):
        with pytest.raises(InputError, match="out: overlaps"):
            vg.Pipeline(STEPS, seed=1)(images=given, out=images)
    assert digest(images) == digest(BATCH)


def test_an_out_for_images_of_several_sizes_is_refused() -> None:
    mixed = [BATCH[0], BATCH[1, :9]]
    with pytest.raises(InputError, match=r"out: .*different sizes"):
        vg.Pipeline(STEPS, seed=1)(images=mixed, out=np.empty((2, 20, 24, 3), dtype=np.uint8))


KEPT: dict[str, Callable[[np.ndarray], Any]] = {
    "array": lambda result: result,
    "view": lambda result: result[1:, 3],
    "one image": lambda result: result[2],
    "bytes": lambda result: result.view(np.uint8),
    "memoryview": memoryview,
    "tensor": torch.from_numpy,
    "tensor's view": lambda result: torch.from_numpy(result)[1:],
}


@ENGINES
@pytest.mark.parametrize("how", sorted(KEPT))
def test_what_is_kept_is_never_written_again(engine: str, how: str) -> None:
    aug = vg.Pipeline([vg.GaussianNoise(sigma=(0.1, 0.1))], seed=1, engine=engine)
    kept, prints = [], []
    for _ in range(6):
        one = KEPT[how](aug(images=LARGE)["images"])
        kept.append(one)
        prints.append(digest(np.asarray(one)))
    for _ in range(6):
        aug(images=LARGE)
    assert [digest(np.asarray(one)) for one in kept] == prints
    assert len(set(prints)) == 6


def test_what_is_dropped_is_used_again() -> None:
    aug = vg.Pipeline(STEPS, seed=1)
    places = {aug(images=LARGE)["images"].ctypes.data for _ in range(6)}
    assert len(places) == 1
    held = aug(images=LARGE)["images"]
    assert aug(images=LARGE)["images"].ctypes.data != held.ctypes.data


def test_there_are_few_buffers_and_none_for_small_results() -> None:
    buffers = Buffers()
    assert buffers.take((1000, 1000), np.uint8).shape == (1000, 1000)
    assert buffers._kept == []
    held = [buffers.take((1024 + i, 1024), np.float32) for i in range(9)]
    assert len(buffers._kept) == MOST
    assert all(one is not None and one.dtype == np.float32 for one in held)
    del held
    last = buffers.take((1024, 1025), np.float32)
    assert last is not None
    assert last.shape == (1024, 1025)
    assert len(buffers._kept) == MOST


def test_the_last_freed_buffer_is_used_first() -> None:
    """It may still lie in a cache; taking turns would go over all of them."""
    buffers = Buffers()
    held = [buffers.take((1 << 20,), np.uint8) for _ in range(4)]
    newest = held[-1].ctypes.data
    del held
    again = {buffers.take((1 << 20,), np.uint8).ctypes.data for _ in range(6)}
    assert again == {newest}


def test_threads_never_get_one_buffer_twice() -> None:
    buffers = Buffers()
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(400):
            mine = buffers.take((1 << 20,), np.uint8)
            assert mine is not None
            mine[::4096] = number
            wrong.extend(mine[::4096][mine[::4096] != number].tolist())

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
