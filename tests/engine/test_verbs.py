"""Every verb, alone: native against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.build import Entry, make_image, make_stage, make_tables, random_tables
from tests.engine.checks import check_equal, check_single_entries, native
from variegate.engine import reference
from variegate.engine.tolerance import TOLERANCES
from variegate.plan.program import KNOTS, Verb

SIZES = ((1, 1), (1, 7), (5, 3), (33, 47), (64, 64))
DTYPES = (np.uint8, np.float32)
ROWS = 6


def legal_channels(verb: Verb) -> tuple[int, ...]:
    """Two channels are no color to a channel matrix or to JPEG."""
    return (1, 3, 4, 5) if verb in (Verb.CHANNELS, Verb.HSV, Verb.CODEC) else (1, 2, 3, 4, 5, 16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("verb", list(Verb))
def test_a_verb_is_the_reference_s(verb: Verb, size: tuple[int, int], dtype: Any) -> None:
    seed = np.random.default_rng([int(verb), *size])
    for channels in legal_channels(verb):
        tables = random_tables(seed, size, dtype, ROWS)
        images = [make_image(seed, size, channels, dtype) for _ in range(ROWS)]
        stage = make_stage([[(verb, row)] for row in range(ROWS)], tables, images)
        check_single_entries(stage, images, threads=2)


@pytest.mark.parametrize("level", [0, 7, 255])
@pytest.mark.parametrize("dtype", DTYPES)
def test_flat_images_have_no_statistics(level: int, dtype: Any) -> None:
    seed = np.random.default_rng(level)
    tables = random_tables(seed, (9, 9), dtype, 3)
    image = np.full((9, 9, 3), level, dtype=np.uint8)
    image = image if dtype == np.uint8 else (image / 255).astype(np.float32)
    stage = make_stage([[(Verb.MEASURE, row)] for row in range(3)], tables, [image] * 3)
    check_single_entries(stage, [image] * 3)


def test_two_levels_and_dark_images_are_measured_alike() -> None:
    tables = random_tables(np.random.default_rng(0), (20, 30), np.uint8, 3)
    two = np.where(np.arange(600).reshape(20, 30, 1) % 7 == 0, 3, 250).astype(np.uint8)
    dark = (np.arange(600).reshape(20, 30, 1) // 200).astype(np.uint8)
    for image in (two, dark):
        stage = make_stage([[(Verb.MEASURE, row)] for row in range(3)], tables, [image] * 3)
        check_single_entries(stage, [image] * 3)


def test_every_level_goes_through_every_blend() -> None:
    ramp = np.arange(256, dtype=np.uint8)
    image = np.stack([ramp.reshape(16, 16), ramp[::-1].reshape(16, 16), ramp.reshape(16, 16).T], 2)
    factors = np.linspace(0, 2, 41).astype(np.float32)
    modes = np.zeros((41, 4))
    modes[:, 0], modes[:, 1] = 2, factors
    tables = make_tables(toward=factors, smooth=factors, measure=modes)
    for verb in (Verb.TOWARD, Verb.SMOOTH, Verb.MEASURE):
        stage = make_stage([[(verb, row)] for row in range(41)], tables, [image] * 41)
        check_equal(native.run_stage(stage, [image] * 41), reference.run_stage(stage, [image] * 41))


def test_pointwise_entries_run_together_as_one_after_the_other() -> None:
    seed = np.random.default_rng(3)
    verbs = (Verb.LOOKUP, Verb.CHANNELS, Verb.TOWARD, Verb.HSV, Verb.PICK, Verb.LUMA)
    for dtype in DTYPES:
        tables = random_tables(seed, (70, 90), dtype, 4)
        for channels in (1, 3, 4):
            image = make_image(seed, (70, 90), channels, dtype)
            run = [
                (verbs[v], int(r)) for v, r in zip(*seed.integers(0, (6, 4), (7, 2)).T, strict=True)
            ]
            whole = native.run_stage(make_stage([run], tables, [image]), [image])
            for entry in run:
                image = native.run_stage(make_stage([[entry]], tables, [image]), [image])[0]
            check_equal(whole, [image])


def test_tables_of_tables_are_exact() -> None:
    seed = np.random.default_rng(4)
    tables = random_tables(seed, (8, 8), np.uint8, 6)
    image = make_image(seed, (8, 8), 3, np.uint8)
    run: list[Entry] = [(Verb.LOOKUP, row) for row in range(6)]
    stage = make_stage([run, run[:1], []], tables, [image] * 3)
    check_equal(native.run_stage(stage, [image] * 3), reference.run_stage(stage, [image] * 3))


def test_every_verb_has_a_tolerance_and_floats_their_knots() -> None:
    assert set(TOLERANCES) == set(Verb)
    assert KNOTS == 4081
