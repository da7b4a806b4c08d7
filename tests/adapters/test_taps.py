"""Geometry as a table of pixels and weights: exact where pixels only move, else within a level."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from variegate.adapters.taps import taps_of

SIZE = (13, 18)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], IMAGES),
        ([vg.HorizontalFlip()], IMAGES[:, :, ::-1]),
        ([vg.Transpose(), vg.VerticalFlip()], IMAGES.transpose(0, 2, 1, 3)[:, ::-1]),
        ([vg.Crop(box=(2, 1, 9, 11))], IMAGES[:, 1:11, 2:9]),
    ],
    ids=["nothing", "flip", "quarter turn", "crop"],
)
def test_moved_pixels_are_exact(steps: list, expected: np.ndarray) -> None:
    taps = taps_of(vg.Policy(steps), SIZE)
    assert taps.exact
    assert np.array_equal(np.rint(255 * taps(IMAGES / 255)), expected)


@pytest.mark.parametrize(
    "step",
    [
        vg.Rotate(angle=(20, 20), border="reflect"),
        vg.Rotate(angle=(20, 20), fill=90),
        vg.TranslateX(fraction=(0.07, 0.07), border="edge"),
        vg.Zoom(factor=(0.8, 0.8), border="wrap"),
        vg.Resize(size=(7, 9)),
        vg.Rotate(angle=(20, 20), resample="bicubic"),
    ],
    ids=lambda step: step.op,
)
def test_resampled_ones_are_within_a_level(step: object) -> None:
    policy = vg.Policy([step])
    own = vg.Pipeline(policy, seed=0)(images=IMAGES, index=range(3))["images"]
    taps = taps_of(policy, SIZE)
    assert not taps.exact
    made = np.clip(np.floor(255 * taps(IMAGES / 255) + 0.5), 0, 255)
    assert own.shape == made.shape
    assert np.abs(made - own).max() <= 1


def test_what_is_no_geometry_or_draws_is_refused() -> None:
    with pytest.raises(vg.PolicyError, match="Invert: only geometry"):
        taps_of(vg.Policy([vg.Invert()]), SIZE)
    with pytest.raises(vg.PolicyError, match="no weighted sum"):
        taps_of(vg.Policy([vg.Resize(size=(30, 41), resample="bicubic")]), SIZE)
    with pytest.raises(vg.PolicyError, match="draws at random"):
        taps_of(vg.Policy([vg.HorizontalFlip(p=0.5), vg.Rotate()]), SIZE)
