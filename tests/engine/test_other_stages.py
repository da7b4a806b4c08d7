"""Masks, mixes and outputs: native against the reference."""

from __future__ import annotations

from typing import Any

import ml_dtypes  # noqa: F401  (makes the dtype known to NumPy)
import numpy as np
import pytest

from tests.engine.build import WARPS, make_image, make_stage, make_tables, random_tables, warp_rows
from tests.engine.build_mixes import deep_mix, lay, random_mix, random_rects
from tests.engine.checks import check_equal, check_within, native
from variegate.engine import reference
from variegate.engine.engine import Images
from variegate.engine.tolerance import MIX, OUTPUT
from variegate.errors import EngineError
from variegate.plan.program import Verb

SIZES = ((1, 1), (1, 7), (5, 3), (33, 47), (64, 64))
DTYPES = (np.uint8, np.float32)


@pytest.mark.parametrize("dtype", ["u1", "f4", "?", "i2", "i4", "i8", "f8"])
def test_masks_move_alike_whatever_their_dtype(dtype: str) -> None:
    seed = np.random.default_rng(1)
    for size in SIZES:
        tables = make_tables(**warp_rows(seed, size, list(WARPS)))
        for channels in (1, 2, 3):
            masks = [(seed.random((*size, channels)) * 99).astype(dtype) for _ in range(len(WARPS))]
            entries = [[(Verb.WARP, row)] for row in range(len(WARPS))]
            stage = make_stage(entries, tables, masks)
            for threads in (1, 2):
                check_equal(
                    native.run_masks(stage, masks, threads), reference.run_masks(stage, masks)
                )


def test_only_warps_move_masks() -> None:
    seed = np.random.default_rng(2)
    tables = random_tables(seed, (20, 30), np.uint8, 3)
    masks = [make_image(seed, (20, 30), 1, np.uint8) for _ in range(4)]
    run = [(Verb.NOISE, 0), (Verb.WARP, 0), (Verb.CODEC, 0), (Verb.LUMA, 0), (Verb.WARP, 1)]
    stage = make_stage([run, run[:1], [], run[1:2]], tables, masks)
    found = native.run_masks(stage, masks)
    check_equal(found, reference.run_masks(stage, masks))
    assert not any(np.may_share_memory(a, b) for a, b in zip(found, masks, strict=True))
    assert native.run_masks(make_stage([], tables, []), []) == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_mixes_are_the_reference_s(count: int, dtype: Any) -> None:
    seed = np.random.default_rng(count)
    for size in SIZES:
        for channels in (1, 3, 4):
            batch = np.zeros((count, *size, channels), dtype=dtype)
            for image in batch:
                image[:] = make_image(seed, size, channels, dtype)
            for view in (batch, batch[:, ::-1].copy()[:, ::-1]):
                for threads in (1, 2):
                    mix = random_mix(seed, count, size)
                    found = mixed(native, [mix], view, threads)
                    check_within(found, mixed(reference, [mix], view), MIX)
                    assert not np.may_share_memory(found, view)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [0, 2, 3, 5])
def test_mixes_in_a_row_are_one_after_the_other(length: int, dtype: Any) -> None:
    seed = np.random.default_rng(length)
    for size in ((1, 1), (5, 7), (90, 61)):
        batch = np.stack([make_image(seed, size, 3, dtype) for _ in range(6)])
        mixes = [random_mix(seed, 6, size) for _ in range(length)]
        expected = batch
        for mix in mixes:
            expected = mixed(native, [mix], expected)
        kept, out = batch.copy(), np.empty_like(batch)
        assert native.run_mixes(mixes, Images.of(batch), 2, out).batch is out
        check_equal([out, batch], [expected, kept])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_blends_of_pictures_with_rectangles_of_others(channels: int, dtype: Any) -> None:
    """CutMix, then MixUp: neither picture is put together before they are blended."""
    seed = np.random.default_rng(channels)
    for size in ((1, 1), (5, 7), (90, 61), (12, 200)):
        batch = np.stack([make_image(seed, size, channels, dtype) for _ in range(7)])
        for _ in range(4):
            some = np.where(seed.random(7) < 0.8, seed.permutation(7), np.arange(7))
            cut = lay(some, random_rects(seed, 7, size), np.ones(7), size)
            frame = np.tile([0, 0, *size], (7, 1))
            blend = lay(seed.permutation(7), frame, seed.uniform(0.05, 0.95, 7), size)
            first = mixed(native, [cut], batch)
            check_equal([mixed(native, [cut, blend], batch, 2)], [mixed(native, [blend], first)])
            check_within(mixed(native, [cut, blend], batch), mixed(reference, [blend], first), MIX)


@pytest.mark.parametrize("dtype", DTYPES)
def test_layers_over_each_other_are_the_reference_s(dtype: Any) -> None:
    """Many layers, masks, and pictures taken from other places, on one thread and more."""
    seed = np.random.default_rng(8)
    for size in ((1, 1), (6, 9), (70, 90)):
        for channels in (1, 3, 5):
            batch = np.stack([make_image(seed, size, channels, dtype) for _ in range(4)])
            for layers in (1, 2, 7):
                mix = deep_mix(seed, 4, size, layers)
                wanted = mixed(reference, [mix], batch)
                for threads in (1, 3):
                    check_within(mixed(native, [mix], batch, threads), wanted, MIX)
                assert size == (1, 1) or not np.array_equal(wanted, batch)


def mixed(engine: Any, mixes: list[Any], batch: Any, threads: int = 1) -> Any:
    """The mixes of a batch as one array."""
    found = engine.run_mixes(mixes, Images.of(batch), threads)
    return batch.copy() if found.batch is None else found.batch


@pytest.mark.parametrize("wanted", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("nchw", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_are_the_reference_s(dtype: Any, nchw: bool, wanted: str) -> None:
    seed = np.random.default_rng(3)
    for size in (*SIZES, (150, 131)):
        for channels in (1, 2, 3, 4):
            mean, std = seed.uniform(0.2, 0.7, channels), seed.uniform(0.05, 0.5, channels)
            for count in (0, 1, 5):
                batch = np.zeros((count, *size, channels), dtype=dtype)
                for image in batch:
                    image[:] = make_image(seed, size, channels, dtype)
                for threads in (1, 2):
                    found = native.run_output(batch[::-1], mean, std, nchw, wanted, threads)
                    expected = reference.run_output(batch[::-1], mean, std, nchw, wanted)
                    check_within(found, expected, OUTPUT)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_halves_round_to_even_at_every_size() -> None:
    values = np.concatenate([np.logspace(-9, 6, 5000), [0, 65504, 65519.9, 65520, 6e-8, 2.98e-8]])
    batch = np.concatenate([values, -values]).astype(np.float32).reshape(1, 1, -1, 1)
    one, none = np.ones(1), np.zeros(1)
    found = native.run_output(batch, none, one, False, "float16")
    np.testing.assert_array_equal(found.view(np.uint16), batch.astype(np.float16).view(np.uint16))


def test_other_outputs_are_refused() -> None:
    batch, one = np.zeros((1, 2, 2, 1), dtype=np.uint8), np.ones(1)
    for wanted in ("float64", "int32"):
        with pytest.raises(EngineError, match="float32, float16 or bfloat16"):
            native.run_output(batch, one, one, False, wanted)
