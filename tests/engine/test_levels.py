"""Floats before they are images: rounded to bytes, their least and highest; means on any range."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.build_mixes import lay, random_mix
from tests.engine.checks import native
from variegate.engine import compiled, reference
from variegate.engine.engine import Images
from variegate.errors import EngineError

LENGTHS = (1, 2, 15, 31, 32, 33, 1023, 1025, 70_001, 300_000)
OUTSIDE = (255.5, -0.50001, 1e9, -1e9, np.nan, np.inf, -np.inf)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("length", LENGTHS)
def test_floats_are_rounded_to_the_nearest_byte_halves_up(length: int, threads: int) -> None:
    seed = np.random.default_rng(length)
    values = seed.integers(0, 256, length) + seed.choice([-0.5, -0.3, 0.0, 0.25, 0.49], length)
    values = np.clip(values, -0.5, 255.49).astype(np.float32)
    out = np.zeros(length, np.uint8)
    assert compiled.round_levels(values, out, threads)
    assert np.array_equal(out, np.floor(values.astype(np.float64) + 0.5))


@pytest.mark.parametrize("value", OUTSIDE)
def test_a_value_outside_is_seen_wherever_it_is(value: float) -> None:
    for length in LENGTHS:
        values = np.full(length, 9, np.float32)
        for place in {0, length // 2, length - 1}:
            values[place] = value
            assert not compiled.round_levels(values, np.zeros(length, np.uint8), 2)
            low, high = compiled.extent(values, 2)
            expected = [values.min(), values.max()]
            assert np.array_equal([low, high], expected, equal_nan=True), (length, place)
            values[place] = 9


@pytest.mark.parametrize("length", LENGTHS)
def test_the_least_and_the_highest_are_found(length: int) -> None:
    values = np.random.default_rng(length).normal(0, 100, length).astype(np.float32)
    for threads in (1, 3):
        assert compiled.extent(values, threads) == (values.min(), values.max())


def test_arrays_that_do_not_fit_are_refused() -> None:
    values, out = np.zeros((4, 6), np.float32), np.zeros((4, 6), np.uint8)
    for given, result in ((values[:, ::2], out), (values, out[:3]), (out, out), (values, values)):
        with pytest.raises(ValueError, match=r"values|result"):
            compiled.round_levels(given, result, 1)
    with pytest.raises(ValueError, match="at least one"):
        compiled.extent(values[:0], 1)


def test_means_of_floats_are_right_on_any_range() -> None:
    """Also where so much is written that it goes past the caches."""
    seed = np.random.default_rng(3)
    for count, size in ((4, (9, 7)), (5, (40, 33)), (18, (224, 176))):
        unit = seed.random((count, *size, 3)).astype(np.float32)
        wide = unit * np.float32(900) - np.float32(300)
        mix = random_mix(seed, count, size)
        out = np.full_like(wide, np.nan)
        native.run_mixes([mix], Images.of(wide), 2, out)
        expected = reference.run_mixes([mix], Images.of(unit)).batch
        assert expected is not None
        np.testing.assert_allclose(out, expected * 900 - 300, atol=3e-4)


def test_a_mean_lies_between_its_parts() -> None:
    seed = np.random.default_rng(4)
    images = np.stack([np.full((30, 50, 3), value, np.float32) for value in (0.1, 0.7)])
    images[1, ::2] = 0.1
    frame = np.tile([0, 0, 30, 50], (2, 1))
    for weight in seed.random(200):
        mix = lay([1, 0], frame, np.full(2, weight), (30, 50))
        found = native.run_mixes([mix], Images.of(images)).batch
        assert found is not None
        assert found.min() >= images.min()
        assert found.max() <= images.max()
        assert np.array_equal(found[:, ::2], images[:, ::2])


def test_mixes_still_refuse_what_is_no_image() -> None:
    with pytest.raises(EngineError, match="images"):
        native.run_mixes([], Images.of(np.zeros((2, 3, 3, 1), np.float64)))
