"""Random parts of an image: the first of several tries that fits, as torchvision draws them."""

from __future__ import annotations

import math

import numpy as np

import variegate as vg
from variegate.ops.frames import random_areas

SCALE, RATIO = (0.3, 1.0), (0.3, 3.3)


def part_of(height: int, width: int, area: list[float], aspect: list[float]) -> tuple[float, float]:
    """Height and width by hand, try by try; NaN where none fits."""
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    for own_area, own_aspect in zip(area, aspect, strict=True):
        target = height * width * (SCALE[0] + own_area * (SCALE[1] - SCALE[0]))
        shape = math.exp(low + own_aspect * (high - low))
        across, down = round(math.sqrt(target * shape)), round(math.sqrt(target / shape))
        if 1 <= across <= width and 1 <= down <= height:
            return down, across
    return math.nan, math.nan


def test_the_first_try_that_fits_is_taken() -> None:
    generator = np.random.default_rng(7)
    sizes = generator.integers(3, 60, (400, 2))
    area, aspect = generator.random((2, 400, 4))
    found = np.stack(random_areas(sizes, SCALE, RATIO, area, aspect), axis=1)
    expected = [
        part_of(height, width, *numbers)
        for (height, width), *numbers in zip(
            sizes.tolist(), area.tolist(), aspect.tolist(), strict=True
        )
    ]
    assert np.array_equal(found, expected, equal_nan=True)
    first = [
        part_of(*size, a[:1], b[:1])
        for size, a, b in zip(sizes.tolist(), area.tolist(), aspect.tolist(), strict=True)
    ]
    later = np.isnan(np.array(first)[:, 0]) & ~np.isnan(found[:, 0])
    assert later.sum() > 20
    assert 0 < np.isnan(found[:, 0]).sum() < 200


def test_samples_that_are_visited_class_by_class_keep_their_own_numbers() -> None:
    """All of them come to one step, but not in their order."""
    crop = vg.RandomResizedCrop(size=(5, 6))
    labels, images = np.arange(12) % 3, np.random.default_rng(0).random((12, 9, 8, 3))
    images = (255 * images).astype(np.uint8)
    by_class = vg.Pipeline([vg.PerClass({7: [vg.Invert()]}, [crop])], seed=3, threads=1)
    ids = np.arange(40, 52)
    together = by_class(images=images, labels=labels, index=ids)["images"]
    for place, index in enumerate(ids.tolist()):
        alone = by_class(image=images[place], label=int(labels[place]), index=index)["image"]
        assert np.array_equal(together[place], alone)
