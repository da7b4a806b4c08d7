"""Samples asked for in any order come from blocks that are drawn together; no result may tell."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.pipeline.samples import IMAGES, digest, policy
from variegate.errors import PolicyError
from variegate.pipeline import shelves
from variegate.pipeline.ahead import MOST_KEPT, MOST_NUMBERS, Ahead
from variegate.pipeline.shelves import DEBT, SMALL, SMALL_BLOCKS, SMALL_PRICE
from variegate.plan.lower import in_steps

FORM = (0, 13, 17, 3, np.dtype(np.uint8))


def make() -> vg.Pipeline:
    return vg.Pipeline(policy(), seed=11, engine="reference", threads=1)


def alone(image: np.ndarray, index: int, epoch: int = 0) -> str:
    """What a sample gives in a pipeline that has seen nothing else."""
    return digest(make()(image=image, index=index, epoch=epoch)["image"])


class Making:
    """Draws plans, and keeps which samples each time."""

    def __init__(self, steps: list[Any] | None = None) -> None:
        self.pipeline = vg.Pipeline(policy() if steps is None else steps, seed=2)
        self.made: list[tuple[int, int]] = []

    def __call__(self, epoch: int, ids: Any, sizes: Any) -> Any:
        self.made.append((int(ids[0]), len(ids)))
        return self.pipeline.draw(sizes=sizes, index=ids, epoch=epoch)


def test_any_order_of_samples_epochs_and_sizes() -> None:
    aug, generator = make(), np.random.default_rng(4)
    small = IMAGES[1, :9, :8]
    found, wanted = [], []
    for _ in range(150):
        index, epoch = int(generator.integers(0, 200)), int(generator.integers(0, 2))
        image = (IMAGES[0], small)[int(generator.integers(0, 2))]
        found.append(digest(aug(image=image, index=index, epoch=epoch)["image"]))
        wanted.append(alone(image, index, epoch))
    assert found == wanted
    assert aug._ahead is not None
    assert len(aug._ahead._shelves._blocks) > 4


def test_blocks_are_aligned_drawn_once_and_become_large() -> None:
    making = Making([])
    ahead = Ahead(making, in_steps, 1)
    ahead.block(7000, 1, FORM)
    assert making.made == [(7000, 1)]
    for index in (130, 191, 128, 150, 5, 140):
        ahead.block(index, 1, FORM)
    assert making.made[1:] == [(128, SMALL), (0, SMALL)]
    for block in range(2, SMALL_BLOCKS):
        ahead.block(SMALL * (9 - block) + 640, 1, FORM)
    assert len(making.made) == 1 + SMALL_BLOCKS
    ahead.block(3000, 1, FORM)
    assert making.made[-1] == (3000 // MOST_KEPT * MOST_KEPT, MOST_KEPT)
    ahead.block(2100, 1, FORM)
    assert len(making.made) == 2 + SMALL_BLOCKS


def test_blocks_that_save_nothing_are_given_up() -> None:
    """Never the same block twice: soon samples are drawn alone."""
    making = Making([])
    ahead = Ahead(making, in_steps, MOST_KEPT * 16)  # so many numbers that all blocks stay small
    for turn in range(200):
        ahead.block(10_000 * turn, 1, FORM)
    sizes = [size for _, size in making.made]
    limit = max(1, MOST_NUMBERS // (MOST_KEPT * 16))
    assert sizes.count(limit) == SMALL_BLOCKS + (DEBT - SMALL_BLOCKS * SMALL_PRICE) // 8
    assert sizes.count(1) == 200 - sizes.count(limit)


def test_memory_is_bounded_and_other_epochs_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    making = Making([vg.Rotate()])
    ahead = Ahead(making, in_steps, 1)
    kept = ahead._shelves
    ahead.block(9000, 1, FORM)
    ahead.block(0, 1, FORM)
    monkeypatch.setattr(shelves, "MEMORY", 3 * kept._memory + 100)
    for epoch in range(2):
        for index in (5, 70, 5, 133, 200, 70):
            ahead.block(index, 1, (epoch, *FORM[1:]))
            assert 0 < kept._memory <= shelves.MEMORY
    assert kept._memory == sum(block.memory for block in kept._blocks.values())
    assert [(form[0], start) for form, start in kept._blocks] == [(1, 0), (1, 128), (1, 64)]


def test_another_sample_s_error_is_not_this_one_s() -> None:
    def fails(epoch: int, ids: Any, sizes: Any) -> Any:
        if 77 in ids:
            raise PolicyError("not this one")
        return Making([])(epoch, ids, sizes)

    ahead = Ahead(fails, in_steps, 1)
    for index in (500, 70, 78, 65):
        assert len(ahead.block(index, 1, FORM).program.stages) == 1
    with pytest.raises(PolicyError, match="not this one"):
        ahead.block(77, 1, FORM)


def test_threads_that_ask_in_any_order() -> None:
    aug = make()
    found: dict[int, str] = {}

    def work(place: int) -> None:
        for index in np.random.default_rng(place).permutation(400)[:80].tolist():
            found[index] = digest(aug(image=IMAGES[0], index=index)["image"])

    workers = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    chosen = sorted(found)[::9]
    assert [found[index] for index in chosen] == [alone(IMAGES[0], index) for index in chosen]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_while_the_lock_is_held_goes_on() -> None:
    aug = make()
    for index in (90, 3, 70):
        aug(image=IMAGES[0], index=index)
    assert aug._ahead is not None
    read, write = os.pipe()
    with aug._ahead._shelves._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # ends the child where it would wait for ever
            os.write(write, digest(aug(image=IMAGES[0], index=10)["image"]).encode())
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.read(read, 64).decode() == alone(IMAGES[0], 10)
