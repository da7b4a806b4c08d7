"""Corruptions: five severities that get worse, fixed draws, slices of a set never made whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from variegate.data.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    CorruptedImages,
    corrupt,
    disjoint,
)
from variegate.errors import InputError
from variegate.ops.registry import get, names


def smooth(count: int = 4, side: int = 48) -> np.ndarray:
    """Waves and a square on them, uint8 (n, side, side, 3)."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(2 * np.pi * (x * (k + 1) + y * k)) for k in range(count)]
    image = 128 + 70 * np.stack(waves)[..., None] * np.array([1.0, 0.8, -0.6])
    image[:, side // 4 : side // 2, side // 4 : side // 2] = (220, 30, 60)
    return image.astype(np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_is_further_from_the_image_than_the_last(name: str) -> None:
    images = smooth()
    away = [
        np.abs(corrupt(images, name, s).astype(int) - images).mean()
        for s in range(1, SEVERITIES + 1)
    ]
    assert away[0] > 0.2
    assert all(b > a for a, b in pairwise(away)), away


def test_brightness_and_contrast_are_pillow_s() -> None:
    from PIL import Image, ImageEnhance

    images = smooth()
    bright = ImageEnhance.Brightness(Image.fromarray(images[1])).enhance(1.65)
    assert np.array_equal(corrupt(images, "brightness", 3)[1], np.asarray(bright))
    flat = ImageEnhance.Contrast(Image.fromarray(images[2])).enhance(0.5)
    assert np.array_equal(corrupt(images, "contrast", 2)[2], np.asarray(flat))


def test_lengths_are_shares_of_the_shorter_side() -> None:
    for side in (20, 40):
        step = CORRUPTIONS["defocus"].step(5, side)
        assert step.arguments["radius"] == (0.1 * side, 0.1 * side)
    # A kernel shorter than a pixel is no kernel: the op's lowest legal length.
    assert CORRUPTIONS["motion blur"].step(1, 8).arguments["length"] == (1.0, 1.0)


def test_an_image_s_draws_depend_on_its_number_alone() -> None:
    images = smooth()
    whole = corrupt(images, "gaussian noise", 3)
    assert np.array_equal(whole[2:], corrupt(images[2:], "gaussian noise", 3, start=2))
    assert not np.array_equal(corrupt(images, "gaussian noise", 3, seed=1), whole)


def test_ops_that_are_alike_leave_a_corruption_out() -> None:
    assert disjoint([]) == list(CORRUPTIONS)
    noise = {"gaussian noise", "shot noise", "impulse noise"}
    assert set(CORRUPTIONS) - set(disjoint(["PixelDropout", "Rotate"])) == noise
    known = set(names())
    for name, each in CORRUPTIONS.items():
        assert each.op in each.like, f"{name}: who trains with the op itself has seen it"
        assert set(each.like) <= known
        assert get(each.op).params


def test_slices_are_the_set_and_then_its_corrupted_copies() -> None:
    images, picked = smooth(6, 12), np.array([1, 4, 5])
    made = CorruptedImages(images, picked, ["contrast", "impulse noise"])
    assert made.shape == (6 + 2 * 5 * 3, 12, 12, 3)
    parts = [
        corrupt(images[picked], name, severity)
        for name in ("contrast", "impulse noise")
        for severity in range(1, 6)
    ]
    wanted = np.concatenate([images, *parts])
    for size in (4, 7, 100):
        slices = [made[start : start + size] for start in range(0, len(made), size)]
        assert np.array_equal(np.concatenate(slices), wanted)
    # Right on every corrupted copy but those of severity 5 under noise.
    labels = np.arange(6)
    named = np.concatenate([labels, np.tile(picked, 9), np.zeros(3, int)])
    assert made.accuracies(named, labels) == {
        "contrast": (1.0,) * 5, "impulse noise": (1.0, 1.0, 1.0, 1.0, 0.0),
    }  # fmt: skip


def test_unknown_names_and_severities_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'fog'"):
        corrupt(smooth(), "fogg", 1)
    with pytest.raises(InputError, match=r"severity: expected 1\.\.5, got 6"):
        corrupt(smooth(), "fog", 6)
    with pytest.raises(InputError, match="without a step"):
        CorruptedImages(smooth(), np.array([0]), ["fog"])[::2]
