"""uint16 images: moved exactly, otherwise worked on in single precision and rounded back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.errors import InputError
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
LEVELS = np.arange(65536, dtype=np.uint16).reshape(1, 256, 256, 1)


def run(steps: list[Any], images: np.ndarray, engine: str, **more: Any) -> np.ndarray:
    return vg.Pipeline(steps, seed=3, engine=engine)(
        images=images, index=range(len(images)), **more
    )["images"]


@ENGINES
def test_every_level_survives_what_only_moves_pixels(engine: str) -> None:
    assert np.array_equal(run([], LEVELS, engine), LEVELS)
    moved = run(
        [vg.HorizontalFlip(), vg.Transpose(), vg.Crop(box=(3, 5, 200, 190))], LEVELS, engine
    )
    assert np.array_equal(moved[0, ..., 0], LEVELS[0, :, ::-1, 0].T[5:190, 3:200])
    assert moved.dtype == np.uint16
    nearest = run([vg.Rotate(angle=(30.0, 30.0), resample="nearest")], LEVELS, engine)
    mask = vg.Pipeline([vg.Rotate(angle=(30.0, 30.0))], seed=3, engine=engine)(
        image=LEVELS[0], mask=LEVELS[0, ..., 0], index=0
    )["mask"]
    assert np.array_equal(nearest[0, ..., 0], mask)


@ENGINES
def test_levels_are_those_of_float64_within_one(engine: str) -> None:
    """Inverted, the sum is 65535 at every level; brightness 0.5 halves, to the nearest level."""
    assert np.array_equal(run([vg.Invert()], LEVELS, engine), 65535 - LEVELS)
    half = run([vg.Brightness(factor=(0.5, 0.5))], LEVELS, engine).astype(np.int64)
    assert np.abs(half - LEVELS / 2).max() <= 1


@ENGINES
def test_interpolated_levels_are_the_mean_of_their_neighbors(engine: str) -> None:
    ramp = np.array([0, 65535, 1000, 3001], dtype=np.uint16).reshape(1, 1, 4, 1)
    half = vg.TranslateX(fraction=(0.125, 0.125), border="edge")
    found = run([half], ramp, engine)[0, 0, :, 0].astype(float)
    assert np.abs(found - [0, 32767.5, 33267.5, 2000.5]).max() <= 0.51


@ENGINES
def test_results_of_every_form(engine: str) -> None:
    two = np.concatenate([LEVELS, LEVELS[:, ::-1]])
    floats = run([vg.Normalize(mean=(0.5,), std=(0.25,))], two, engine)
    assert floats.dtype == np.float32
    assert np.abs(floats - (two / 65535 - 0.5) / 0.25).max() < 1e-5
    out = np.empty_like(two)
    assert run([vg.VerticalFlip()], two, engine, out=out) is out
    assert np.array_equal(out, two[:, ::-1])
    one = vg.Pipeline([vg.VerticalFlip()], seed=1, engine=engine)(image=LEVELS[0, ..., 0], index=0)
    assert np.array_equal(one["image"], LEVELS[0, ::-1, :, 0])
    listed = run([vg.VerticalFlip()], [two[0], two[1, :9]], engine)
    assert np.array_equal(listed[1], two[1, 8::-1])
    assert run([vg.Crop(box=(0, 0, 4, 5))], two[:0], engine).shape == (0, 5, 4, 1)
    assert run([], two[:0], engine).dtype == np.uint16
    with pytest.raises(InputError, match="out: expected a writable array uint16"):
        run([], two, engine, out=np.empty(two.shape, np.float32))
