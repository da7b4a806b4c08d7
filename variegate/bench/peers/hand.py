"""What a person writes by hand where a library has the ops but no pipeline: draws, places,
RandAugment's choice and the mixing of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


class Draws:
    """Random numbers with a small cost for each (a generator's own takes microseconds)."""

    def __init__(self, seed: int = 0) -> None:
        self._generator = np.random.default_rng(seed)
        self._pool: list[float] = []

    def one(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number low..high."""
        if not self._pool:
            self._pool = self._generator.random(4096).tolist()
        return low + (high - low) * self._pool.pop()

    def below(self, limit: int) -> int:
        """A whole number 0..limit."""
        return int(self.one() * (limit + 1))

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> Any:
        """An array of numbers."""
        return self._generator.uniform(low, high, shape)

    def beta(self, alpha: float) -> float:
        """A weight of a mix."""
        return float(self._generator.beta(alpha, alpha))


def crop_place(
    draws: Draws, height: int, width: int, scale: Sequence[float], ratio: Sequence[float]
) -> tuple[int, int, int, int]:
    """Top, left, height, width of a random resized crop; the whole image after ten misses."""
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for _ in range(10):
        area = height * width * draws.one(scale[0], scale[1])
        aspect = math.exp(draws.one(low, high))
        wide, tall = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < tall <= height:
            return draws.below(height - tall), draws.below(width - wide), tall, wide
    return 0, 0, height, width


def geometry_draw(draws: Draws, numbers: Mapping[str, Any], size: int) -> tuple[Any, Any, bool]:
    """A linear map about the center, a shift in pixels, and whether to mirror first."""
    angle = math.radians(draws.one(-numbers["angle"], numbers["angle"]))
    scale, shear = draws.one(*numbers["scale"]), draws.one(-numbers["shear"], numbers["shear"])
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[c, c * shear + s], [-s, c - s * shear]])
    far = numbers["translate"] * size
    return linear, (draws.one(-far, far), draws.one(-far, far)), draws.one() < 0.5


def levels_of(numbers: Mapping[str, Any]) -> dict[str, float]:
    """The strengths of RandAugment's ops at a magnitude of 30, as in the published code."""
    m = numbers["magnitude"] / 30
    return {
        "Rotate": 30 * m,
        "ShearX": 0.3 * m,
        "ShearY": 0.3 * m,
        "TranslateX": 0.45 * m,
        "TranslateY": 0.45 * m,
        "Brightness": 0.9 * m,
        "Contrast": 0.9 * m,
        "Color": 0.9 * m,
        "Sharpness": 0.9 * m,
        "Posterize": 8 - round(4 * m),
        "Solarize": 255 - 255 * m,
        "AutoContrast": 0,
        "Equalize": 0,
        "Identity": 0,
    }


SIGNED: tuple[str, ...] = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY")
SIGNED += ("Brightness", "Contrast", "Color", "Sharpness")


def rand_augment(
    ops: Mapping[str, Callable[[Any, float], Any]],
    numbers: Mapping[str, Any],
    among: Sequence[str] = (),
) -> Callable[[Any], Any]:
    """num_ops drawn ops for each image, those that have a direction in a drawn one.

    ops: the 14 by name, each of the image and the strength. among: only these of them.
    """
    draws, levels = Draws(), levels_of(numbers)
    names = list(among or levels)

    def work(image: Any) -> Any:
        for _ in range(numbers["num_ops"]):
            name = names[draws.below(len(names) - 1)]
            level = levels[name]
            if name in SIGNED and draws.one() < 0.5:
                level = -level
            image = ops[name](image, level)
        return image

    return work


def mix_batch(
    images: Any, draws: Draws, alpha: float, blend: Callable[[Any, Any, float, Any], Any]
) -> Any:
    """CutMix, then MixUp, each with the next image of the batch and one weight an image.

    blend(a, b, weight, out) writes a * weight + b * (1 - weight).
    """
    count, height, width = images.shape[:3]
    cut = images.copy()
    for place in range(count):
        share = math.sqrt(1 - draws.beta(alpha))
        high, wide = round(height * share), round(width * share)
        top, left = draws.below(height - high), draws.below(width - wide)
        part = np.s_[top : top + high, left : left + wide]
        cut[place][part] = images[(place + 1) % count][part]
    out = np.empty_like(cut)
    for place in range(count):
        blend(cut[place], cut[(place + 1) % count], draws.beta(alpha), out[place])
    return out
