"""What vectors and tiles could get wrong: lengths next to theirs, and every level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageFilter

from tests.engine.build import Generator, Image, make_stage, make_tables, random_tables
from tests.engine.build_mixes import lay
from tests.engine.checks import check_equal, check_single_entries, check_within, native
from variegate.engine import reference
from variegate.engine.tolerance import EXACT, MIX
from variegate.ops.entries import NoiseMode
from variegate.plan.normal import normal_table
from variegate.plan.program import Verb

VERBS = (
    Verb.LOOKUP,
    Verb.CHANNELS,
    Verb.TOWARD,
    Verb.HSV,
    Verb.PICK,
    Verb.LUMA,
    Verb.MEASURE,
    Verb.BLUR,
    Verb.SMOOTH,
    Verb.RECTANGLES,
    Verb.GRID,
    Verb.NOISE,
    Verb.KERNEL,
    Verb.MEDIAN,
    Verb.TILES,
    Verb.RESCALE,
    Verb.ZOOM,
    Verb.SCATTER,
)
# Around the widths of vectors, and around the pixels of a tile.
WIDTHS = (2, 5, 15, 16, 17, 21, 31, 32, 33, 43, 63, 64, 65, 127, 129, 340, 342)
LONG = (683, 2047, 2048, 2049, 4097)


def any_image(seed: Generator, size: tuple[int, int], channels: int, dtype: Any) -> Image:
    """Values with nothing in common."""
    whole = seed.integers(0, 256, (*size, channels)).astype(np.uint8)
    return whole if dtype == np.uint8 else (whole / 255).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("verb", VERBS)
def test_every_length_is_the_reference_s(verb: Verb, dtype: Any) -> None:
    seed = np.random.default_rng(int(verb))
    for width in (*WIDTHS, *LONG):
        for channels in (1, 3, 4):
            size = (1 if width in LONG else 4, width)
            tables = random_tables(seed, size, dtype, 3)
            images = [any_image(seed, size, channels, dtype) for _ in range(3)]
            stage = make_stage([[(verb, row)] for row in range(3)], tables, images)
            check_single_entries(stage, images)


@pytest.mark.parametrize("wanted", ["float32", "float16"])
@pytest.mark.parametrize("nchw", [False, True])
def test_outputs_of_every_length(nchw: bool, wanted: str) -> None:
    seed = np.random.default_rng(1)
    for width in (*WIDTHS, *LONG):
        for channels in (1, 2, 3, 16):
            mean, std = seed.uniform(0.2, 0.7, channels), seed.uniform(0.05, 0.5, channels)
            batch = seed.integers(0, 256, (2, 1, width, channels)).astype(np.uint8)
            for images in (batch, (batch / 255).astype(np.float32)):
                found = native.run_output(images, mean, std, nchw, wanted)
                expected = reference.run_output(images, mean, std, nchw, wanted)
                np.testing.assert_array_equal(found, expected)


def test_half_precision_rounds_as_numpy_does() -> None:
    bits = np.arange(0, 2**32, 104_729, dtype=np.uint64).astype(np.uint32)
    near = (np.arange(0x3300, 0x7C01, dtype=np.uint32)[:, None] << 13) + np.array(
        [0x37FFFFFF, 0x38000000, 0x38000001, 0x38000FFF, 0x38001000, 0x38001001], dtype=np.uint32
    )
    values = np.concatenate([bits, near.ravel(), near.ravel() | 0x80000000]).view(np.float32)
    values = values[np.isfinite(values)]
    image = values.reshape(1, 1, -1, 1)
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16)
    found = native.run_output(image, np.zeros(1), np.ones(1), True, "float16").ravel()
    np.testing.assert_array_equal(found.view(np.uint16), expected.view(np.uint16))


def test_grays_are_pillow_s_for_every_color() -> None:
    steps = np.arange(256, dtype=np.uint8)
    some = np.array([0, 1, 2, 76, 77, 127, 128, 149, 150, 200, 253, 254, 255], dtype=np.uint8)
    for axes in ((steps, some, steps), (some, steps, steps), (steps, steps, some)):
        color = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 256, 3)
        stage = make_stage([[(Verb.LUMA, 0)]], make_tables(), [color])
        expected = np.asarray(Pillow.fromarray(color).convert("L"))[..., None]
        check_equal(native.run_stage(stage, [color]), [expected])


def test_every_sum_is_smoothed_as_pillow_does() -> None:
    seed = np.random.default_rng(2)
    # Dark, bright and all between: every sum of nine levels comes up.
    level = np.clip(
        seed.integers(-40, 296, (120, 1, 1)) + seed.integers(-9, 10, (120, 400, 3)), 0, 255
    )
    rows = np.repeat(level.astype(np.uint8), 3, axis=0)
    rows[seed.random(rows.shape) < 0.3] = 255
    image = np.where(np.arange(400)[None, :, None] < 200, rows, level.astype(np.uint8)[:1])
    tables = make_tables(smooth=np.array([0.0], dtype=np.float32))
    stage = make_stage([[(Verb.SMOOTH, 0)]], tables, [image])
    expected = np.asarray(Pillow.fromarray(image).filter(ImageFilter.SMOOTH))
    check_equal(native.run_stage(stage, [image]), [expected])


def test_a_word_of_noise_serves_four_values() -> None:
    key = 0x1234_5678_9ABC_DEF1
    image = np.full((3, 7, 3), 120, dtype=np.uint8)
    numbers = [[NoiseMode.GAUSS, 0.1, 0, 0]]
    tables = make_tables(
        noise=numbers, noise_fill=np.zeros((1, 16)), noise_key=np.array([key], dtype=np.uint64)
    )
    stage = make_stage([[(Verb.NOISE, 0)]], tables, [image])
    table = normal_table()
    expected = [
        int(
            np.floor(
                120
                + 0.1 * 255.0 * float(table[word_at(key, i // 4) >> (16 * (i % 4)) + 4 & 4095])
                + 0.5
            )
        )
        for i in range(image.size)
    ]
    assert native.run_stage(stage, [image])[0].ravel().tolist() == expected
    assert reference.run_stage(stage, [image])[0].ravel().tolist() == expected


def test_a_random_fill_takes_eight_values_of_a_word() -> None:
    key = 0xFEDC_BA98_7654_3211
    image = np.zeros((5, 9, 3), dtype=np.uint8)
    tables = make_tables(
        rectangles_start=[0, 1],
        rectangles=[[1, 2, 4, 9]],
        rectangles_fill=np.zeros((1, 16)),
        rectangles_noise=np.array([key], dtype=np.uint64),
    )
    stage = make_stage([[(Verb.RECTANGLES, 0)]], tables, [image])
    expected = np.array([word_at(key, i // 8) >> (8 * (i % 8)) & 255 for i in range(image.size)])
    expected = expected.reshape(image.shape)
    expected[:1], expected[4:], expected[:, :2] = 0, 0, 0
    for engine in (native, reference):
        np.testing.assert_array_equal(engine.run_stage(stage, [image])[0], expected)


def word_at(key: int, place: int) -> int:
    """The counter-based generator, written again in whole numbers of any size."""
    full = 2**64 - 1

    def mixed(value: int) -> int:
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & full
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & full
        return value ^ (value >> 31)

    golden = 0x9E3779B97F4A7C15
    return mixed(mixed((place * golden + golden) & full) ^ key)


def test_blurs_of_dark_and_sparse_images_stay_within_their_tolerance() -> None:
    seed = np.random.default_rng(4)
    sigmas = np.array([0.3, 0.5, 0.8, 1.3, 2.0, 2.6, 2.7, 5.0])
    gaussians = np.stack(np.broadcast_arrays(0.0, sigmas, -1.0, 0.0), axis=1)
    dark = seed.integers(0, 4, (90, 70, 3)).astype(np.uint8)
    sparse = np.where(seed.random((90, 70, 3)) < 0.1, 255, 0).astype(np.uint8)
    for image in (dark, 255 - dark, sparse, 255 - sparse, sparse // 85):
        images = [image] * len(sigmas)
        entries = [[(Verb.BLUR, row)] for row in range(len(sigmas))]
        check_single_entries(make_stage(entries, make_tables(blur=gaussians), images), images)


@pytest.mark.parametrize("weight", [0.0, 1.0, 0.5, 0.25])
def test_mixes_by_a_binary_weight_are_exact(weight: float) -> None:
    steps = np.arange(256, dtype=np.uint8)
    batch = np.stack(np.broadcast_arrays(steps[:, None, None], steps[None, :, None])).copy()
    mix = lay([1, 0], np.tile([0, 0, 256, 256], (2, 1)), np.full(2, 1 - weight), (256, 256))
    found, wanted = (engine.run_mixes([mix], batch).batch for engine in (native, reference))
    check_within(found, wanted, EXACT)


def test_mixes_of_all_levels_stay_within_their_tolerance() -> None:
    steps = np.arange(256, dtype=np.uint8)
    batch = np.stack(np.broadcast_arrays(steps[:, None, None], steps[None, :, None])).copy()
    for weight in np.random.default_rng(5).random(20):
        mix = lay([1, 0], np.tile([0, 0, 256, 256], (2, 1)), np.full(2, 1 - weight), (256, 256))
        found, wanted = (engine.run_mixes([mix], batch).batch for engine in (native, reference))
        check_within(found, wanted, MIX, str(weight))
