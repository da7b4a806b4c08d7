"""Photometric ops of AutoAugment's space are byte for byte what Pillow makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

import variegate as vg
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import pictures

SIZES = ((1, 1), (1, 9), (8, 1), (2, 2), (3, 3), (7, 11), (32, 45), (96, 64))
FACTORS = (0.0, 0.1, 0.28, 0.5, 0.82, 0.999, 1.0, 1.0001, 1.36, 1.5, 1.9, 2.0, 4.7)
FACTORED = {
    "Color": ImageEnhance.Color,
    "Contrast": ImageEnhance.Contrast,
    "Brightness": ImageEnhance.Brightness,
    "Sharpness": ImageEnhance.Sharpness,
}
THRESHOLDS = (0.0, 1.0, 25.6, 26.0, 127.5, 128.0, 230.4, 255.0, 256.0)
pytestmark = pytest.mark.parametrize("channels", [1, 3])


def to_pillow(image: np.ndarray) -> Any:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def from_pillow(image: Any, channels: int) -> np.ndarray:
    return np.asarray(image).reshape(image.height, image.width, channels)


def run(op: str, images: np.ndarray, engine: str, **values: float) -> np.ndarray:
    ranges = {name: (value, value) for name, value in values.items()}
    pipeline = vg.Pipeline([Step(op, ranges)], seed=0, engine=engine)
    return pipeline(images=images, index=np.arange(len(images)))["images"]


def check_pillow(op: str, channels: int, work: Any, **values: float) -> None:
    for engine in engines():
        for size in SIZES:
            images = np.concatenate([pictures(size, channels, seed) for seed in range(3)])
            expected = np.stack([from_pillow(work(to_pillow(i)), channels) for i in images])
            got = run(op, images, engine, **values)
            assert np.array_equal(got, expected), (engine, op, size, values)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("op", sorted(FACTORED))
def test_enhancers(op: str, factor: float, channels: int) -> None:
    check_pillow(op, channels, lambda image: FACTORED[op](image).enhance(factor), factor=factor)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("op", sorted(FACTORED))
def test_enhancers_at_random_factors(op: str, seed: int, channels: int) -> None:
    for factor in np.random.default_rng(seed).uniform(0, 3, 4):
        check_pillow(op, channels, lambda i, f=factor: FACTORED[op](i).enhance(f), factor=factor)


@pytest.mark.parametrize("op", ["AutoContrast", "Equalize", "Invert"])
def test_ops_without_a_strength(op: str, channels: int) -> None:
    check_pillow(op, channels, getattr(ImageOps, op.lower()))


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize(bits: int, channels: int) -> None:
    check_pillow("Posterize", channels, lambda image: ImageOps.posterize(image, bits), bits=bits)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_solarize(threshold: float, channels: int) -> None:
    check_pillow(
        "Solarize", channels, lambda i: ImageOps.solarize(i, threshold), threshold=threshold
    )


def test_a_chain_is_clipped_after_each_op(channels: int) -> None:
    """Colors pushed over the edge come back clipped, as in Pillow, and not from a joint matrix."""
    images = np.concatenate([pictures((16, 9), channels, seed) for seed in range(4)])
    steps = [Step("Brightness", {"factor": (1.9, 1.9)}), Step("Contrast", {"factor": (0.3, 0.3)})]
    steps += [Step("Posterize", {"bits": (3, 3)}), Step("Color", {"factor": (1.7, 1.7)})]

    def by_pillow(image: Any) -> Any:
        bright = ImageEnhance.Brightness(image).enhance(1.9)
        flat = ImageOps.posterize(ImageEnhance.Contrast(bright).enhance(0.3), 3)
        return ImageEnhance.Color(flat).enhance(1.7)

    expected = [from_pillow(by_pillow(to_pillow(i)), channels) for i in images]
    for engine in engines():
        got = vg.Pipeline(steps, seed=0, engine=engine)(images=images, index=range(16))["images"]
        assert np.array_equal(got, np.stack(expected)), engine
