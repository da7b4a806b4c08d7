"""Every verb of the torch engine alone, mixes, masks and outputs: against the reference."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import ml_dtypes  # noqa: F401  (makes the dtype known to NumPy)
import numpy as np
import pytest
import torch

from tests.engine.build import (
    WARPS,
    Entry,
    Image,
    make_image,
    make_stage,
    make_tables,
    random_tables,
    warp_rows,
)
from tests.engine.build_mixes import deep_mix, random_mix
from variegate.engine import reference
from variegate.engine import sampling as reference_sampling
from variegate.engine import torch as engine
from variegate.engine.engine import Images
from variegate.engine.tolerance import EXACT, INTERPOLATED, MIX, OUTPUT, Tolerance, of_entry
from variegate.engine.torch.points import covered, painted
from variegate.engine.torch.rows import Rows, in_one, moved, picked
from variegate.engine.torch.verbs import KEYS, ON_HOST, VERBS
from variegate.engine.torch.warp_keys import reductions, stretching
from variegate.errors import EngineError
from variegate.plan.program import WARP_WAYS, Border, Stage, Verb

SIZES = ((1, 1), (1, 7), (33, 47))
DTYPES = (np.uint8, np.float32)
ROWS = 6


def check_within(found: Any, expected: Any, tolerance: Tolerance, what: str = "") -> None:
    """Fails unless all of `found` is within the tolerance of `expected`."""
    assert len(found) == len(expected)
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        message = tolerance.broken(one, other)
        assert not message, f"{what}[{place}]: {message}"


def check_entries(stage: Stage, images: list[Image]) -> None:
    """Fails unless each sample, which has one entry, is near the reference and nothing given has
    changed.
    """
    kept = [image.copy() for image in images]
    found, expected = engine.run_stage(stage, images), reference.run_stage(stage, images)
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        entry = int(stage.start[place])
        what = f"sample {place}, row {stage.row[entry]}"
        check_within([one], [other], of_entry(stage, entry), what)
        assert not np.may_share_memory(one, images[place])
    check_within(images, kept, EXACT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("verb", list(Verb))
def test_a_verb_is_the_reference_s(verb: Verb, dtype: Any) -> None:
    seed = np.random.default_rng([int(verb), 5])
    three = verb in (Verb.CHANNELS, Verb.HSV, Verb.CODEC)
    for size, channels in zip(SIZES, ((1, 4, 3) if three else (2, 16, 3)), strict=True):
        tables = random_tables(seed, size, dtype, ROWS)
        images = [make_image(seed, size, channels, dtype) for _ in range(ROWS)]
        check_entries(make_stage([[(verb, row)] for row in range(ROWS)], tables, images), images)


def test_nothing_but_files_is_left_to_the_host() -> None:
    assert set(VERBS) == set(Verb)
    assert ON_HOST == (Verb.CODEC,)
    assert set(KEYS) <= set(Verb)


@pytest.mark.parametrize("resample", WARP_WAYS)
@pytest.mark.parametrize("kind", WARPS)
def test_a_warp_is_the_reference_s(kind: str, resample: int) -> None:
    seed = np.random.default_rng([len(kind), int(resample)])
    size = (21, 34)
    for border in Border:
        for antialias, dtype, channels in ((0, np.uint8, 1), (1, np.uint8, 3), (1, np.float32, 4)):
            more = {"resample": int(resample), "border": int(border), "antialias": antialias}
            tables = make_tables(**warp_rows(seed, size, [kind] * 3, **more))
            images = [make_image(seed, size, channels, dtype) for _ in range(3)]
            check_entries(
                make_stage([[(Verb.WARP, row)] for row in range(3)], tables, images), images
            )


@pytest.mark.parametrize("dtype", DTYPES)
def test_samples_run_as_each_would_alone(dtype: Any) -> None:
    """Long runs of many verbs on images of several sizes: to the byte, in any batch."""
    seed = np.random.default_rng(3)
    sizes = [(23, 30), (5, 3), (23, 30), (1, 1), (20, 20), (23, 30)]
    tables = random_tables(seed, (23, 30), dtype, 4)
    images = [make_image(seed, size, 3, dtype) for size in sizes]
    verbs = [verb for verb in Verb if verb not in (Verb.LUMA, Verb.CODEC)]
    drawn = seed.integers(0, (len(verbs), 4), (len(sizes), 6, 2)).tolist()
    runs: list[list[Entry]] = [[(verbs[verb], row) for verb, row in run] for run in drawn]
    runs[2] = []
    whole = engine.run_stage(make_stage(runs, tables, images), images)
    for place, (run, image) in enumerate(zip(runs, images, strict=True)):
        alone = engine.run_stage(make_stage([run], tables, [image]), [image])
        check_within([whole[place]], list(alone), EXACT, f"sample {place}")
        current = image
        for entry in run:
            single = make_stage([[entry]], tables, [current])
            current = engine.run_stage(single, [current])[0]
        check_within([whole[place]], [current], EXACT, f"sample {place}, entry by entry")
    assert not np.may_share_memory(whole[2], images[2])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_in_one_array_is_not_written_to(dtype: Any) -> None:
    """Samples of one array that run different verbs: each step writes some of the results."""
    seed = np.random.default_rng(7)
    batch = np.stack([make_image(seed, (9, 11), 3, dtype) for _ in range(5)])
    kept, tables = batch.copy(), random_tables(seed, (9, 11), dtype, 3)
    runs: list[list[Entry]] = [[(Verb.TOWARD, 2)], [], [(Verb.GRID, 0)], [(Verb.TOWARD, 2)], []]
    stage = make_stage(runs, tables, list(batch))
    found = engine.run_stage(stage, Images.of(batch))
    np.testing.assert_array_equal(batch, kept)
    assert not np.may_share_memory(found[1], batch)
    check_within(found, reference.run_stage(stage, list(batch)), EXACT)
    still = make_stage([[]] * 5, tables, list(batch))
    assert not np.may_share_memory(engine.run_stage(still, Images.of(batch))[0], batch)


def test_rows_are_the_same_in_one_transfer() -> None:
    tables = random_tables(np.random.default_rng(6), (20, 30), np.uint8, 5)
    cpu, many = torch.device("cpu"), []
    for verb in Verb:
        many.append(Rows(picked(tables, verb, np.array([3, 1, 1]))))
        many[-1].host["inside"] = np.arange(7) % 2 == 0
    moved(many, cpu)
    apart = [rows.device for rows in many]
    in_one(many, cpu)
    for rows, before in zip(many, apart, strict=True):
        assert rows.device.keys() == before.keys() == rows.host.keys()
        for name, column in rows.device.items():
            assert column.dtype == before[name].dtype
            assert torch.equal(column, before[name])


@pytest.mark.parametrize("dtype", ["u1", "f4", "?", "u2", "i8", "f8"])
def test_masks_move_alike_whatever_their_dtype(dtype: str) -> None:
    seed = np.random.default_rng(1)
    for size, channels in zip(SIZES, (1, 2, 3), strict=True):
        tables = random_tables(seed, size, np.uint8, 3)
        masks = [(seed.random((*size, channels)) * 99).astype(dtype) for _ in range(4)]
        run = [(Verb.NOISE, 0), (Verb.WARP, 0), (Verb.CELLS, 1), (Verb.WARP, 1)]
        stage = make_stage([run, run[:1], [], run[1:2]], tables, masks)
        check_within(engine.run_masks(stage, masks), reference.run_masks(stage, masks), EXACT)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mixes_are_the_reference_s(dtype: Any) -> None:
    seed = np.random.default_rng(4)
    for size, channels in zip(SIZES, (1, 5, 3), strict=True):
        batch = np.stack([make_image(seed, size, channels, dtype) for _ in range(5)])
        mixes = [random_mix(seed, 5, size) for _ in range(4)]
        mixes += [deep_mix(seed, 5, size, layers) for layers in (1, 4)]
        for mix in mixes:
            found = engine.run_mixes([mix], Images.of(batch))
            check_within(found, reference.run_mixes([mix], Images.of(batch)), MIX)
        assert not np.may_share_memory(engine.run_mixes([], batch)[0], batch)


@pytest.mark.parametrize("wanted", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_are_the_reference_s(dtype: Any, wanted: str) -> None:
    seed = np.random.default_rng(3)
    batch = np.stack([make_image(seed, (15, 13), 3, dtype) for _ in range(5)])
    mean, std = seed.uniform(0.2, 0.7, 3), seed.uniform(0.05, 0.5, 3)
    for nchw in (False, True):
        found = engine.run_output(batch[::-1], mean, std, nchw, wanted)
        check_within([found], [reference.run_output(batch[::-1], mean, std, nchw, wanted)], OUTPUT)


def test_what_does_not_fit_is_refused() -> None:
    image = np.zeros((4, 5, 3), dtype=np.uint8)
    tables = random_tables(np.random.default_rng(0), (4, 5), np.uint8, 3)
    stage = make_stage([[(Verb.TOWARD, 0)]], tables, [image])
    for row in (-1, 3):
        with pytest.raises(EngineError, match="no such row"):
            engine.run_stage(make_stage([[(Verb.TOWARD, row)]], tables, [image]), [image])
    with pytest.raises(EngineError, match="made for 1 images, got 2"):
        engine.run_stage(stage, [image, image])
    with pytest.raises(EngineError, match="expected uint8 or float32"):
        engine.run_stage(stage, [image.astype(np.float64)])
    with pytest.raises(EngineError, match="bfloat16"):
        engine.run_output(image[None], np.ones(1), np.ones(1), False, "float64")
    assert len(engine.run_stage(make_stage([], tables, []), [])) == 0


def test_rectangles_one_by_one_cover_what_their_corners_sum_to() -> None:
    """A CPU takes the first way, other devices the second."""
    seed = np.random.default_rng(6)
    for size in ((1, 1), (9, 14), (40, 33)):
        tables = random_tables(seed, size, np.uint8, 3)
        count = len(tables.rectangles_noise)
        host = picked(tables, Verb.RECTANGLES, np.arange(count))
        host["rectangles"] = host["rectangles"] - np.int32(2)  # some begin outside
        rows = Rows({**host, "slots": np.arange(count)})
        moved([rows], torch.device("cpu"))
        images = torch.zeros(count, *size, 3, dtype=torch.uint8)
        ones = torch.ones(count, 1, 1, 3, dtype=torch.uint8)
        found = painted(images, rows, ones)
        assert torch.equal(found == 1, covered(images, rows).expand(images.shape))
        assert size == (1, 1) or 0 < found.sum() < found.numel()


def test_steps_that_were_divided_write_what_one_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of several verbs and sizes, in slots that follow each other and others."""
    seed = np.random.default_rng(7)
    tables = random_tables(seed, (20, 30), np.uint8, 3)
    images = [make_image(seed, (20, 30), 3, np.uint8) for _ in range(9)]
    entries = [
        [(Verb.LOOKUP, 0)] * (i % 3) + [(Verb.RECTANGLES, 0), (Verb.WARP, i % 2)] for i in range(9)
    ]
    stage = make_stage(entries, tables, images)
    expected = reference.run_stage(stage, images)
    for most in (1, 2 * 20 * 30 * 3, 1 << 20):
        monkeypatch.setattr(import_module("variegate.engine.torch.run"), "MOST_CPU", most)
        kept = np.stack(images)
        given = torch.from_numpy(kept.copy())
        for found in (engine.run_stage(stage, images), engine.run_stage(stage, Images.of(given))):
            for own, wanted in zip(found, expected, strict=True):
                check = INTERPOLATED.broken(np.asarray(own), np.asarray(wanted))
                assert check == "", (most, check)
        assert np.array_equal(given.numpy(), kept)


def test_how_warps_shrink_is_read_of_all_at_once() -> None:
    rng = np.random.default_rng(3)
    matrices = rng.normal(size=(4000, 3, 3)) * rng.choice([1, 3, 20], size=(4000, 1, 1))
    matrices[:2500, 2] = (0, 0, 1)
    matrices[2500:, 2, :2] *= 0.001
    for row, column in ((0, 1), (1, 0)):
        matrices[:800, row, column] = 0
    for row in (0, 1):
        matrices[800:1600, row, row] = 0
        matrices[:200, row, row] = rng.choice([-1, 1], 200)
    sizes = rng.integers(1, 300, (4000, 2))
    wanted = [
        reference_sampling.reduction(m, (h, w))
        for m, (h, w) in zip(matrices, sizes.tolist(), strict=True)
    ]
    assert 0.1 < np.mean(np.array(wanted) > 1) < 0.9
    np.testing.assert_array_equal(reductions(matrices, sizes), wanted)
    kept = [reference_sampling.stretches(m) for m in matrices]
    assert 0.1 < np.mean(kept) < 0.9
    np.testing.assert_array_equal(stretching(matrices), kept)
