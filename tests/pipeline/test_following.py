"""The block after a batch's own is drawn while others work on the batch; no result may tell."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.pipeline.samples import IMAGES, digest, policy
from variegate.errors import PolicyError
from variegate.pipeline.ahead import MOST_BESIDE, MOST_FLOATS, Ahead
from variegate.plan.lower import in_steps, lower
from variegate.plan.program import Stage
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
FORM = (0, 13, 17, 3, np.dtype(np.uint8))
FLOAT_FORM = (*FORM[:4], np.dtype(np.float32))


class Making:
    """Draws plans, and keeps which samples each time; refuses the sample `bad`."""

    def __init__(self, bad: int | None = None, steps: Any = None) -> None:
        self.pipeline = vg.Pipeline([vg.Rotate()] if steps is None else steps, seed=11, threads=1)
        self.bad = bad
        self.made: list[tuple[int, int]] = []

    def __call__(self, epoch: int, ids: Any, sizes: Any) -> Any:
        if self.bad in ids:
            raise PolicyError("not this one")
        self.made.append((int(ids[0]), len(ids)))
        return self.pipeline.draw(sizes=sizes, index=ids, epoch=epoch)


def in_order(ahead: Ahead, count: int, batches: int, start: int = 0, form: Any = FORM) -> None:
    """Batches as a pipeline with several threads asks for them."""
    for first in range(start, start + count * batches, count):
        block = ahead.block(first, count, form)
        assert block.holds(first, count, form)
        follow = ahead.following(block, first, count)
        if follow is not None:
            follow()


SPANS = [vg.RandomResizedCrop(size=(9, 9)), vg.HorizontalFlip(p=0.5), vg.ColorJitter()]


@pytest.mark.parametrize(("steps", "parts"), [([vg.Rotate()], [1, 1]), (SPANS, [2, 2])])
def test_parts_of_the_block_are_done_in_each_of_the_last_three_batches(
    steps: Any, parts: list[int]
) -> None:
    making, lowered, read = Making(steps=steps), [], []

    def noted(plan: Any, dtype: Any, channels: int) -> Iterator[Any]:
        for step in in_steps(plan, dtype, channels):
            lowered.append(step)
            yield step

    ahead, third = Ahead(making, noted, 1, lambda *stage: read.append(stage)), 320 + MOST_BESIDE
    in_order(ahead, 64, 18)
    assert making.made == [(0, 64), (64, 256), (320, MOST_BESIDE)]
    lowered.clear()
    found = []
    for batch in (18, 19, 20):
        in_order(ahead, 64, 1, batch * 64)
        assert ahead._following is not None
        found.append((len(making.made), len(lowered), len(read), ahead._following.start))
    before, last = parts
    every = before + last
    assert found == [(4, 1, 3, 320), (4, 1 + before, 3, 320), (4, 1 + every, 4, third)]
    assert lowered[:every] == list(range(every, 0, -1))
    assert making.made[3] == (third, MOST_BESIDE)
    assert ahead.block(third, 64, FORM) is ahead._following
    assert len(making.made) == 4


def test_all_steps_are_done_at_once_where_the_batches_before_were_missed() -> None:
    making = Making()
    ahead = Ahead(making, in_steps, 1)
    in_order(ahead, 64, 2)
    in_order(ahead, 64, 1, 256)  # the last of its block
    assert ahead._following is not None
    assert ahead._following.start == 320
    assert making.made == [(0, 64), (64, 256), (320, MOST_BESIDE)]
    in_order(ahead, 64, 1, 256)
    assert len(making.made) == 3


def test_threads_that_follow_at_once_do_their_own_steps() -> None:
    making = Making()
    ahead = Ahead(making, in_steps, 1)
    in_order(ahead, 16, 2)
    block = ahead.block(32, 16, FORM)
    first, second = (ahead.following(block, 32, 16) for _ in range(2))
    assert first is not None
    assert second is not None
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(follow) for follow in (first, second) * 20]:
            done.result()
    assert ahead._following is not None
    assert ahead._following.start == 80
    assert 3 <= len(making.made) <= 4


@pytest.mark.parametrize(
    ("count", "form", "size"), [(500, FORM, 2000), (3, FLOAT_FORM, MOST_FLOATS - 2)]
)
def test_a_block_fits_several_batches_and_the_memory(count: int, form: Any, size: int) -> None:
    making = Making()
    in_order(Ahead(making, in_steps, 1), count, 60, 0, form)
    assert [own for _, own in making.made[2:]] == [size] * (len(making.made) - 2)
    assert len(making.made) > 3
    starts = [start for start, _ in making.made]
    assert starts == np.cumsum([0, *(own for _, own in making.made[:-1])]).tolist()


def test_nothing_follows_what_came_once_or_in_no_order() -> None:
    making = Making()
    ahead = Ahead(making, in_steps, 1)
    for start in (500, 7000, 100):
        assert ahead.following(ahead.block(start, 16, FORM), start, 16) is None
    in_order(ahead, 16, 1, 116)
    assert ahead.following(ahead.block(116, 16, FORM), 116, 16) is None  # it has enough
    assert making.made == [(500, 16), (7000, 16), (100, 16), (116, 64)]


def test_what_was_drawn_for_nothing_is_drawn_anew() -> None:
    """The next batch is another one, or of other images."""
    making = Making()
    ahead = Ahead(making, in_steps, 1)
    in_order(ahead, 16, 5)
    assert making.made[-1] == (80, MOST_BESIDE)
    small = (0, 9, 8, 3, np.dtype(np.uint8))
    for start, form in ((8000, FORM), (80, small), (80, (1, *FORM[1:])), (80, FORM)):
        assert ahead.block(start, 16, form).holds(start, 16, form)
    assert making.made[3:] == [(8000, 16), (80, 16), (80, 16)]


def test_a_plan_drawn_for_another_block_is_not_lowered() -> None:
    making = Making()
    ahead = Ahead(making, in_steps, 1)
    in_order(ahead, 16, 3)
    assert making.made[-1] == (80, MOST_BESIDE)  # drawn only: its turn never comes
    in_order(ahead, 16, 5, 8000)
    assert making.made[3:] == [(8000, 16), (8016, 64), (8080, MOST_BESIDE)]
    block = ahead.block(8080, 16, FORM)
    assert len(making.made) == 6
    ids = np.arange(8080, 8080 + MOST_BESIDE)
    sizes = np.tile([13, 17], (MOST_BESIDE, 1))
    fresh = lower(making.pipeline.draw(sizes=sizes, index=ids), np.uint8, 3)
    (stage,) = fresh.stages
    assert isinstance(stage, Stage)
    assert np.array_equal(block.stage.tables.warp_matrix, stage.tables.warp_matrix)


def test_no_block_goes_beyond_the_last_number() -> None:
    making, last = Making(), 2**64 - 1
    ahead = Ahead(making, in_steps, 1)
    in_order(ahead, 4, 8, last - 31)
    assert sum(size for _, size in making.made) == 32


def test_a_later_sample_s_error_waits_for_its_turn() -> None:
    making = Making(bad=200)
    ahead = Ahead(making, in_steps, 1)
    in_order(ahead, 16, 12)
    with pytest.raises(PolicyError, match="not this one"):
        ahead.block(192, 16, FORM)


@ENGINES
@pytest.mark.parametrize("targets", [{}, {"labels": np.arange(8)}, {"masks": IMAGES[:8, ..., 0]}])
@pytest.mark.parametrize("steps", [policy(), [*policy(), vg.CutMix(p=0.5)]])
def test_samples_are_what_they_are_alone(engine: str, targets: dict[str, Any], steps: Any) -> None:
    aug = vg.Pipeline(steps, seed=4, classes=8, engine=engine, threads=2)
    found = [digest(aug(images=IMAGES[:8], **targets)["images"]) for _ in range(14)]
    assert aug._ahead is not None
    assert aug._ahead._block is aug._ahead._following  # so it was drawn beside
    wanted = []
    for first in range(0, 14 * 8, 8):
        fresh = vg.Pipeline(steps, seed=4, classes=8, engine=engine, threads=1)
        ids = np.arange(first, first + 8)
        wanted.append(digest(fresh(images=IMAGES[:8], index=ids, **targets)["images"]))
    assert found == wanted
