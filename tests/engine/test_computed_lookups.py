"""Tables whose values are computed: those of simple ops, and such as differ from them in one level.

What is expected is NumPy's indexing by the levels of an image that holds all of them many times.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import variegate as vg
from tests.engine.build import make_stage, make_tables
from tests.engine.checks import native
from variegate.plan.program import Verb

Table = npt.NDArray[np.uint8]
LEVELS = np.arange(256)
# More values than are looked up at once, not a whole number of vectors.
IMAGE = np.random.default_rng(0).permutation(np.arange(71 * 61 * 3) % 256)
IMAGE = IMAGE.astype(np.uint8).reshape(71, 61, 3)


def clipped(values: npt.NDArray[np.generic]) -> Table:
    return np.clip(values, 0, 255).astype(np.uint8)


def solarized(threshold: int) -> Table:
    return clipped(np.where(threshold > LEVELS, LEVELS, 255 - LEVELS))


def solarized_more(threshold: int, more: int) -> Table:
    return clipped(np.where(threshold > LEVELS, LEVELS + more, LEVELS))


TABLES = {
    "identity": LEVELS,
    "black": LEVELS * 0,
    "white": LEVELS * 0 + 255,
    "gray": LEVELS * 0 + 77,
    "invert": 255 - LEVELS,
    "posterize": LEVELS & 0xF0,
    "posterize to 1 bit": LEVELS & 0x80,
    "no low bits and no high ones": LEVELS & 0x3C,
    "solarize": solarized(128),
    "solarize all but one": solarized(1),
    "solarize one": solarized(255),
    "solarize-add": solarized_more(128, 40),
    "solarize-add, clipped": solarized_more(200, 110),
    "darker": clipped(LEVELS - 33),
    "brighter": clipped(LEVELS + 33),
    "brightness": clipped(LEVELS * 1.3),
    "a third": clipped(LEVELS / 3),
    "nearly black": clipped(LEVELS * 0.0039),
    "nearly all": clipped(LEVELS * 0.9999),
    "a hundred times": clipped(LEVELS * 100),
    "a thousand times": clipped(LEVELS * 1000),
    "gamma": clipped(255 * (LEVELS / 255) ** 1.4),
    "contrast": clipped(LEVELS * 1.4 - 51),
    "falls and rises": np.abs(LEVELS * 2 - 255),
}


def looked_up(table: Table) -> npt.NDArray[np.uint8]:
    stage = make_stage([[(Verb.LOOKUP, 0)]], make_tables(lookup=table[None]), [IMAGE])
    return np.asarray(native.run_stage(stage, [IMAGE])[0])


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_simple_ops(name: str) -> None:
    table = TABLES[name].astype(np.uint8)
    np.testing.assert_array_equal(looked_up(table), table[IMAGE])


@pytest.mark.parametrize("name", TABLES)
def test_one_level_that_differs_is_seen(name: str) -> None:
    for level in (0, 1, 2, 127, 128, 129, 200, 254, 255):
        table = TABLES[name].astype(np.uint8)
        table[level] ^= 1
        np.testing.assert_array_equal(looked_up(table), table[IMAGE])


@settings(max_examples=60, deadline=None)
@given(factor=st.floats(0, 130), threshold=st.integers(0, 256), shift=st.integers(-255, 255))
def test_drawn_scales_and_shifts(factor: float, threshold: int, shift: int) -> None:
    scaled = clipped(np.floor(LEVELS * factor))
    np.testing.assert_array_equal(looked_up(scaled), scaled[IMAGE])
    stepped = clipped(np.where(threshold > LEVELS, LEVELS + shift, 255 - LEVELS - shift))
    np.testing.assert_array_equal(looked_up(stepped), stepped[IMAGE])


def test_sums_beyond_the_whole_numbers_of_single_precision_are_equalized_exactly() -> None:
    """255 steps of 140,000 pixels lie below the brightest level; before level 1 one pixel lacks to
    the 200th: its share is 199, and 200 where 27,999,999 is rounded.
    """
    step, pixels = 140_000, 3571 * 9998
    dark = 200 * step - 1 - step // 2
    image = np.full(pixels, 2, dtype=np.uint8)
    image[:dark], image[dark : 255 * step] = 0, 1
    (found,) = vg.Pipeline([vg.Equalize()], engine="native")(
        images=image.reshape(1, 3571, 9998, 1)
    )["images"]
    assert np.unique(found).tolist() == [0, 199, 255]
