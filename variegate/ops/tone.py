"""Tables: ops that send each level of each channel to another level.

Every function takes levels (L,) on 0..255 (whole for uint8, in between for floats) and params (k,
1), and returns (k, L). For uint8 the result is clipped and truncated, as Pillow does, or rounded
where the op says so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import Floats
from variegate.ops.op import Kind, Param, declare

PILLOW = "Cubuk et al. 2019, table 6; Pillow's arithmetic"
FULL = 255.0


def factor(name: str = "factor") -> Param:
    """A factor about 1, as Pillow's ImageEnhance takes it."""
    return Param(
        name,
        0,
        20,
        "times, 1 = unchanged",
        identity=1,
        weak=1,
        strong=1.9,
        mirrored=True,
        default=(0.6, 1.4),
    )


@declare(Kind.TABLE, source=PILLOW, params=(factor(),), scales="factor")
def brightness(levels: Floats, factor: Floats) -> npt.NDArray[np.float32]:
    """Scale every level: 0 is black, 1 unchanged."""
    # Pillow blends with black in single precision; the last bit decides where the product is
    # nearly whole.
    return factor.astype(np.float32) * levels.astype(np.float32)


@declare(
    Kind.TABLE,
    source=PILLOW,
    params=(
        Param(
            "bits", 1, 8, "bits kept", identity=8, weak=8, strong=4, whole=True, default=(4.0, 8.0)
        ),
    ),
)
def posterize(levels: Floats, bits: Floats) -> Floats:
    """Keep only the highest bits of each channel."""
    step = 2.0 ** (8 - bits)
    return np.floor(levels / step) * step


@declare(
    Kind.TABLE,
    source=PILLOW,
    params=(
        Param(
            "threshold", 0, 256, "level", identity=256, weak=256, strong=0, default=(128.0, 256.0)
        ),
    ),
)
def solarize(levels: Floats, threshold: Floats) -> Floats:
    """Invert the levels at or above the threshold."""
    return np.where(levels < threshold, levels, FULL - levels)


@declare(
    Kind.TABLE,
    source="TensorFlow's EfficientNet policy v0 and timm: threshold 128",
    params=(
        Param("add", 0, 255, "levels", identity=0, weak=0, strong=110, default=(0.0, 64.0)),
        Param("threshold", 0, 256, "level", default=(128.0, 128.0)),
    ),
)
def solarize_add(levels: Floats, add: Floats, threshold: Floats) -> Floats:
    """Add to the levels below the threshold."""
    return np.where(levels < threshold, np.minimum(levels + np.floor(add), FULL), levels)


@declare(Kind.TABLE, source=PILLOW)
def invert(levels: Floats) -> Floats:
    """The negative: 255 - level."""
    return (FULL - levels)[None]


@declare(
    Kind.TABLE,
    source="power law on 0..1, rounded to nearest",
    params=(
        Param(
            "gamma",
            0.05,
            20,
            "exponent, 1 = unchanged",
            identity=1,
            weak=1,
            strong=1.6,
            mirrored=True,
            default=(0.7, 1.4),
        ),
    ),
    rounds=True,
)
def gamma(levels: Floats, gamma: Floats) -> Floats:
    """Raise levels on 0..1 to a power: below 1 brightens, above 1 darkens."""
    return FULL * (levels / FULL) ** gamma


@declare(
    Kind.TABLE,
    source="gain * value ** gamma on 0..1, as Kornia's RandomGamma; rounded to nearest",
    params=(
        Param(
            "gamma",
            0.05,
            20,
            "exponent, 1 = unchanged",
            identity=1,
            weak=1,
            strong=1.6,
            mirrored=True,
            default=(0.8, 1.2),
        ),
        Param("gain", 0, 20, "times, 1 = unchanged", identity=1, default=(1.0, 1.0)),
    ),
    rounds=True,
)
def random_gamma(levels: Floats, gamma: Floats, gain: Floats) -> Floats:
    """Raise levels on 0..1 to a power, then scale them."""
    return gain * FULL * (levels / FULL) ** gamma


def _change(name: str, low: float, high: float, unit: str) -> Param:
    return Param(
        name,
        low,
        high,
        unit,
        identity=0,
        weak=0,
        strong=0.5,
        mirrored=True,
        default=(-0.2, 0.2),
    )


@declare(
    Kind.TABLE,
    source="Albumentations' RandomBrightnessContrast: both about black, fractions dropped",
    params=(
        _change("brightness", -1, 1, "share of the full range that is added"),
        _change("contrast", -1, 10, "levels are scaled by 1 + contrast"),
    ),
)
def random_brightness_contrast(levels: Floats, brightness: Floats, contrast: Floats) -> Floats:
    """Scale the levels, then add the same amount to all."""
    return levels * (1 + contrast) + FULL * brightness


THIRD = 1 / 3


def _point(name: str, rest: float, strong: float, default: tuple[float, float]) -> Param:
    return Param(
        name,
        0,
        1,
        "height of a control point on 0..1",
        identity=rest,
        weak=rest,
        strong=strong,
        mirrored=True,
        default=default,
    )


@declare(
    Kind.TABLE,
    source="Albumentations' RandomToneCurve: a cubic Bezier curve from black to white",
    params=(
        _point("low", THIRD, 0.0, (0.15, 0.35)),
        _point("high", 2 * THIRD, 1.0, (0.65, 0.85)),
    ),
    rounds=True,
)
def random_tone_curve(levels: Floats, low: Floats, high: Floats) -> Floats:
    """Bend the tones: `low` moves the shadows, `high` the lights; 1/3 and 2/3 are straight."""
    t = levels / FULL
    return FULL * (3 * (1 - t) ** 2 * t * low + 3 * (1 - t) * t**2 * high + t**3)
