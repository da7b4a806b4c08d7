"""Means of small squares of bytes: whole numbers, to the last one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tests.engine.build import make_stage, make_tables
from tests.engine.checks import native
from variegate.ops.entries import Window
from variegate.plan.program import Verb

Bytes = npt.NDArray[np.uint8]


def blurred(image: Bytes, radius: int) -> Bytes:
    tables = make_tables(blur=[[float(Window.BOX), float(radius), -1.0, 0.0]])
    stage = make_stage([[(Verb.BLUR, 0)]], tables, [image])
    return np.asarray(native.run_stage(stage, [image])[0])


def means(image: Bytes, radius: int) -> Bytes:
    """Sums of whole numbers, divided and rounded; the border reflects about its pixels' centers."""
    around = [(radius, radius), (radius, radius), (0, 0)]
    wide = np.pad(image.astype(np.int64), around, mode="reflect")
    height, width = image.shape[:2]
    side = 2 * radius + 1
    sums = sum(wide[y : y + height, x : x + width] for y in range(side) for x in range(side))
    return ((sums + side**2 // 2) // side**2).astype(np.uint8)


@pytest.mark.parametrize("radius", range(1, 8))
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_mean_is_exact(radius: int, channels: int) -> None:
    seed = np.random.default_rng(radius)
    for height, width in ((1, 1), (1, 9), (2, 3), (7, 1), (16, 21), (23, 130)):
        image = seed.integers(0, 256, (height, width, channels)).astype(np.uint8)
        for own in (image, image | 0xF0, image & 0x0F, np.full_like(image, 255)):
            np.testing.assert_array_equal(blurred(own, radius), means(own, radius))


@pytest.mark.parametrize("radius", range(1, 8))
def test_every_sum_is_divided_right(radius: int) -> None:
    """Stripes that move by a level: all sums from nothing to the largest come up."""
    side = 2 * radius + 1
    most = 255 * side**2
    found = set()
    for first in range(0, most + 1, 4096):
        totals = np.arange(first, min(first + 4096, most + 1))
        # A column of squares side by side, each with a total of its own.
        whole, rest = np.divmod(totals, side**2)
        squares = np.repeat(whole[:, None], side**2, axis=1)
        squares += np.arange(side**2) < rest[:, None]
        image = squares.reshape(-1, side, side).transpose(1, 0, 2).reshape(side, -1, 1)
        middle = blurred(image.astype(np.uint8), radius)[radius, radius::side, 0]
        np.testing.assert_array_equal(middle, (totals + side**2 // 2) // side**2)
        found |= set(totals.tolist())
    assert len(found) == most + 1
