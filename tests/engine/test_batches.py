"""Batches: sizes, threads, memory layouts, and entries one after the other."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.build import Entry, Image, make_image, make_stage, random_tables
from tests.engine.checks import check_equal, check_single_entries, engines, native
from variegate.engine import reference
from variegate.engine.engine import Images
from variegate.engine.tolerance import CLOSE, EXACT, of_entry
from variegate.plan.program import Verb

DTYPES = (np.uint8, np.float32)
LAYOUTS = ("mirrored", "turned", "every second", "channels reversed", "channels first", "unaligned")


def laid_out(image: Image, layout: str) -> Image:
    """The same values in another memory layout."""
    height, width, channels = image.shape
    match layout:
        case "mirrored":
            return image[::-1, ::-1].copy()[::-1, ::-1]
        case "turned":
            return image.transpose(1, 0, 2).copy().transpose(1, 0, 2)
        case "every second":
            wide = np.zeros((2 * height, 2 * width, channels), dtype=image.dtype)
            wide[::2, ::2] = image
            return wide[::2, ::2]
        case "channels reversed":
            return image[..., ::-1].copy()[..., ::-1]
        case "channels first":
            return image.transpose(2, 0, 1).copy().transpose(1, 2, 0)
        case _:
            memory = np.zeros(image.nbytes + 1, dtype=np.uint8)
            view = memory[1:].view(image.dtype).reshape(image.shape)
            view[:] = image
            return view


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same(layout: str, dtype: Any) -> None:
    seed = np.random.default_rng(len(layout))
    tables = random_tables(seed, (17, 23), dtype, 3)
    image = make_image(seed, (17, 23), 3, dtype)
    view = laid_out(image, layout)
    np.testing.assert_array_equal(view, image)
    view.setflags(write=False)
    for verb in Verb:
        stage = make_stage([[(verb, row)] for row in range(3)], tables, [image] * 3)
        packed = native.run_stage(stage, [image] * 3)
        check_equal(native.run_stage(stage, [view] * 3), packed)
        check_single_entries(stage, [view] * 3)


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_is_its_samples(count: int, threads: int) -> None:
    seed = np.random.default_rng(count)
    for dtype in DTYPES:
        tables = random_tables(seed, (33, 47), dtype, 5)
        sizes = [(33, 47), (5, 3), (1, 1), (64, 64), (1, 7)][:count]
        for images in (
            [make_image(seed, size, 3, dtype) for size in sizes],
            list(np.stack([make_image(seed, (33, 47), 3, dtype)] * 5)[:count]),
        ):
            for verb in Verb:
                entries = [[(verb, row)] for row in range(count)]
                check_single_entries(make_stage(entries, tables, images), images, threads)


def test_one_size_is_one_array() -> None:
    seed = np.random.default_rng(1)
    tables = random_tables(seed, (9, 8), np.uint8, 1)
    batch = np.stack([make_image(seed, (9, 8), 3, np.uint8) for _ in range(4)])
    stage = make_stage([[(Verb.LOOKUP, 0)]] * 4, tables, list(batch))
    for engine in engines():
        found = engine.run_stage(stage, Images.of(batch))
        assert found.batch is not None
        assert all(np.shares_memory(one, found.batch) for one in found)
        check_equal(found, reference.run_stage(stage, list(batch)))
        assert not np.shares_memory(found.batch, batch)
        mixed = [batch[0], batch[1, :4]]
        assert engine.run_stage(make_stage([[], []], tables, mixed), mixed).batch is None
        assert len(engine.run_stage(make_stage([], tables, []), [])) == 0


def test_threads_do_not_change_a_byte() -> None:
    seed = np.random.default_rng(2)
    images = [make_image(seed, (60, 61), 3, np.uint8) for _ in range(24)]
    tables = random_tables(seed, (60, 61), np.uint8, 9)
    verbs = [verb for verb in Verb if verb not in (Verb.CODEC, Verb.LUMA)]
    entries = [[(verbs[int(v)], int(r)) for v, r in seed.integers(0, 9, (4, 2))] for _ in images]
    stage = make_stage(entries, tables, images)
    once = native.run_stage(stage, images, 1)
    for threads in (2, 3, 16):
        for _ in range(5):
            check_equal(native.run_stage(stage, images, threads), once)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_makes_its_own_threads() -> None:
    seed = np.random.default_rng(3)
    images = [make_image(seed, (90, 90), 3, np.uint8) for _ in range(8)]
    tables = random_tables(seed, (90, 90), np.uint8, 2)
    stage = make_stage([[(Verb.BLUR, 1), (Verb.LOOKUP, 0)]] * 8, tables, images)
    expected = native.run_stage(stage, images, 2)
    child = os.fork()
    if child == 0:
        found = native.run_stage(stage, images, 2)
        same = all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


ENTRIES = st.lists(
    st.lists(st.tuples(st.sampled_from(list(Verb)), st.integers(0, 2)), max_size=6), max_size=4
)


def channels_after(run: list[Entry], channels: int) -> int:
    """One after a LUMA."""
    return 1 if any(verb == Verb.LUMA for verb, _ in run) else channels


@settings(max_examples=150, deadline=None)
@given(
    entries=ENTRIES,
    channels=st.sampled_from([1, 3, 4]),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    whole=st.booleans(),
    place=st.integers(0, 2**32),
)
def test_a_run_of_entries_is_each_after_the_other(
    entries: list[list[Entry]], channels: int, size: tuple[int, int], whole: bool, place: int
) -> None:
    dtype = np.uint8 if whole else np.float32
    seed = np.random.default_rng(place)
    tables = random_tables(seed, size, dtype, 3)
    kept = [run for run in entries if channels_after(run, channels) == channels]
    images = [make_image(seed, size, channels, dtype) for _ in kept]
    stage = make_stage(kept, tables, images)
    found = native.run_stage(stage, images, 2)
    for run, image, result in zip(kept, images, found, strict=True):
        current = image
        for entry in run:
            single = make_stage([[entry]], tables, [current])
            check_single_entries(single, [current])
            current = native.run_stage(single, [current])[0]
        check_equal([result], [current])


@settings(max_examples=60, deadline=None)
@given(entries=ENTRIES, place=st.integers(0, 2**32))
def test_runs_of_exact_entries_are_the_reference_s(entries: list[list[Entry]], place: int) -> None:
    seed = np.random.default_rng(place)
    tables = random_tables(seed, (19, 26), np.uint8, 3)
    image = make_image(seed, (19, 26), 3, np.uint8)
    alone = {
        (verb, row): of_entry(make_stage([[(verb, row)]], tables, [image]), 0) in (EXACT, CLOSE)
        for verb in Verb
        for row in range(3)
    }
    kept = [[entry for entry in run if alone[entry]] for run in entries]
    kept = [[entry for entry in run if entry[0] != Verb.LUMA] for run in kept]
    stage = make_stage(kept, tables, [image] * len(kept))
    images = [image] * len(kept)
    check_equal(native.run_stage(stage, images), reference.run_stage(stage, images))
