"""Noise: random numbers for values or pixels, a pure function of the seed, the epoch, the sample
and the place.
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Noise, NoiseFlag, NoiseMode
from variegate.ops.op import Kind, Param, Setting, declare
from variegate.ops.settings import FILL, flag, pair

SIGMA = Param(
    "sigma", 0, 1, "share of the full range", identity=0, weak=0, strong=0.2, default=(0.0, 0.1)
)
BRIGHTNESS = 0.1  # share of the range that an intensity of 1 adds


def _numbers(*columns: Floats | float) -> Floats:
    """Columns as (k, 3)."""
    rows = np.broadcast_arrays(*columns, *[0.0] * (3 - len(columns)))
    return np.stack(rows, axis=1)


@declare(Kind.NOISE, source="additive Gaussian noise, clipped", params=(SIGMA,))
def gaussian_noise(sigma: Floats) -> Noise:
    """Add Gaussian noise, independent for each pixel and channel."""
    return Noise(NoiseMode.GAUSS, _numbers(sigma))


@declare(
    Kind.NOISE,
    source="noise of a camera's sensor, as Albumentations' ISONoise; brightness and hue are normal",
    params=(
        Param(
            "color_shift",
            0,
            1,
            "share of the hue circle at intensity 1",
            identity=0,
            weak=0,
            strong=0.1,
            default=(0.01, 0.05),
        ),
        Param(
            "intensity",
            0,
            2,
            "times a tenth of the full range",
            identity=0,
            weak=0,
            strong=1,
            default=(0.1, 0.5),
        ),
    ),
    channels=(1, 3, 4),
)
def iso_noise(color_shift: Floats, intensity: Floats) -> Noise:
    """Add noise to each pixel's brightness, `intensity` times a tenth of the range, and turn its
    hue by noise of `color_shift` times `intensity` of the circle.
    """
    turn = 2 * np.pi * color_shift * intensity
    return Noise(NoiseMode.ISO, _numbers(BRIGHTNESS * intensity, turn))


@declare(
    Kind.NOISE,
    source="Poisson counts in linear light of gamma 2.2, as Albumentations' ShotNoise",
    params=(
        Param(
            "scale",
            0,
            1,
            "white over the photons that make it",
            identity=0,
            weak=0,
            strong=0.3,
            default=(0.1, 0.3),
        ),
    ),
)
def shot_noise(scale: Floats) -> Noise:
    """Count the photons of each value; white is 1 / `scale` of them, and few make much noise."""
    return Noise(NoiseMode.SHOT, _numbers(scale))


@declare(
    Kind.NOISE,
    source="speckle, as Albumentations' MultiplicativeNoise; amount 1 is theirs",
    params=(
        Param(
            "amount", 0, 1, "share of the effect", identity=0, weak=0, strong=1, default=(1.0, 1.0)
        ),
    ),
    settings=(
        Setting("multiplier", pair(0, 10), "a pair (low, high) of factors in 0..10", (0.9, 1.1)),
        flag("per_channel", False),
        flag("elementwise", False),
    ),
)
def multiplicative_noise(
    amount: Floats, multiplier: tuple[float, float], per_channel: bool, elementwise: bool
) -> Noise:
    """Multiply by a factor drawn from `multiplier`: one for the image, or for each pixel
    (`elementwise`), the same for all channels or one for each (`per_channel`).
    """
    low, high = (1 + amount * (end - 1) for end in multiplier)
    flags = NoiseFlag.CHANNELS * per_channel | NoiseFlag.PIXELS * elementwise
    return Noise(NoiseMode.MULTIPLY, _numbers(low, high, float(flags)))


@declare(
    Kind.NOISE,
    source="impulse noise, as Albumentations' SaltAndPepper",
    params=(
        Param(
            "amount",
            0,
            1,
            "share of the pixels",
            identity=0,
            weak=0,
            strong=0.2,
            default=(0.01, 0.06),
        ),
        Param("salt_vs_pepper", 0, 1, "share of the changed pixels", default=(0.4, 0.6)),
    ),
)
def salt_and_pepper(amount: Floats, salt_vs_pepper: Floats) -> Noise:
    """Make random pixels white (salt) or black (pepper), in all channels."""
    salt = amount * salt_vs_pepper
    return Noise(NoiseMode.IMPULSE, _numbers(amount - salt, salt))


def _drop_value(value: object) -> float | tuple[float, ...] | None:
    return None if value is None else FILL.check(value)


@declare(
    Kind.NOISE,
    source="common to augmentation libraries, as Albumentations' PixelDropout",
    params=(
        Param(
            "dropout_prob",
            0,
            1,
            "share of the pixels",
            identity=0,
            weak=0,
            strong=0.3,
            default=(0.01, 0.01),
        ),
    ),
    settings=(
        flag("per_channel", False),
        Setting("drop_value", _drop_value, f"{FILL.legal}, or None for random levels", 0.0),
    ),
)
def pixel_dropout(
    dropout_prob: Floats, per_channel: bool, drop_value: float | tuple[float, ...] | None
) -> Noise:
    """Give random pixels, or random values (`per_channel`), the level `drop_value`. Masks stay."""
    flags = NoiseFlag.CHANNELS * per_channel | NoiseFlag.LEVELS * (drop_value is None)
    fill = 0.0 if drop_value is None else drop_value
    return Noise(NoiseMode.IMPULSE, _numbers(dropout_prob, 0.0, float(flags)), fill)
