"""NOISE: random numbers at values or pixels, each a pure function of the key and its place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from variegate.engine.values import (
    Floats,
    Image,
    levels,
    own_fill,
    random_levels,
    random_parts,
    rounded,
)
from variegate.ops.entries import NoiseFlag, NoiseMode
from variegate.plan.counter import GOLDEN
from variegate.plan.normal import normal_table
from variegate.plan.program import Tables

GAMMA = 2.2
LEAST_SCALE = 1e-5  # what shows less than half a level on white
FEW_COUNTS = 64  # up to this mean, counts come from Poisson's own table
# Luma and the two axes of chroma, as HueSaturationValue turns it.
TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
)
FROM_YIQ = np.linalg.inv(TO_YIQ)
QUARTER = FROM_YIQ @ np.array([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ TO_YIQ


def noise(image: Image, tables: Tables, row: int) -> Image:
    """The noise of a row's mode; see ops.entries.Noise."""
    return MODES[NoiseMode(int(tables.noise[row, 0]))](image, tables, row)


def gauss(image: Image, tables: Tables, row: int) -> Image:
    """Add sigma times a standard normal number. Four values of a word: the number is a table's
    entry at the top 12 of a value's 16 bits.

    uint8 adds the nearest whole level, halves up, and clips; float32 is rounded as elsewhere.
    """
    entries = random_parts(tables.noise_key[row], image, 16) >> 4
    step = normal_table()[entries].astype(np.float64) * (float(tables.noise[row, 1]) * 255.0)
    return rounded(
        levels(image) + (np.floor(step + 0.5) if image.dtype == np.uint8 else step), image
    )


def shot(image: Image, tables: Tables, row: int) -> Image:
    """Count photons in linear light (level / 255) ** GAMMA, 1 / scale of them on white.

    A count is the Poisson quantile of a value's 16 bits, at their middle. Above a mean of
    FEW_COUNTS it is Cornish and Fisher's expansion, mean + root z + (z * z - 1) / 6 to the nearest,
    with z as `gauss` has it. A float takes the count of its nearest level and keeps what it was
    apart from that. Scales below LEAST_SCALE change nothing.
    """
    scale = float(tables.noise[row, 1])
    if scale < LEAST_SCALE:
        return image
    parts = random_parts(tables.noise_key[row], image, 16)
    nearest = np.floor(np.clip(levels(image), 0, 255) + 0.5).astype(np.int64)
    shown = levels_of_counts(scale)
    count = np.empty(image.shape, dtype=np.int64)
    for level in np.unique(nearest):
        mean = (level / 255.0) ** GAMMA / scale
        mine = nearest == level
        count[mine] = (
            few_counts(mean, parts[mine]) if mean < FEW_COUNTS else many(mean, parts[mine])
        )
    value = shown[np.clip(count, 0, len(shown) - 1)]
    return rounded(value if image.dtype == np.uint8 else levels(image) + (value - nearest), image)


def levels_of_counts(scale: float) -> Floats:
    """The level that 0, 1, 2, ... photons show, up to white."""
    most = int(np.ceil(1 / scale))
    light = np.minimum(np.arange(most + 1) * scale, 1.0)
    return np.asarray(255.0 * light ** (1 / GAMMA))


def thresholds(mean: float) -> npt.NDArray[np.int64]:
    """For each count k, how many of the 2**16 numbers stand for k or less."""
    factors = np.concatenate([[np.exp(-mean)], mean / np.arange(1.0, 192.0)])
    below = np.cumsum(np.multiply.accumulate(factors))
    return np.minimum(np.ceil(below * 65536 - 0.5), 65536).astype(np.int64)


def few_counts(mean: float, parts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Poisson counts of 16-bit numbers."""
    return np.searchsorted(thresholds(mean), parts, side="right")


def many(mean: float, parts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same for large means, nearly."""
    z = normal_table()[parts >> 4].astype(np.float64)
    count = mean + np.sqrt(mean) * z + (z * z - 1.0) / 6.0
    return np.asarray(np.floor(count + 0.5), dtype=np.int64)


def drawn(image: Image, tables: Tables, row: int, flags: NoiseFlag, bits: int) -> Image:
    """Random numbers that spread over the image: one for each pixel or for all, and for each
    channel or for all.
    """
    height, width, depth = image.shape
    shape = (
        *((height, width) if NoiseFlag.PIXELS in flags else (1, 1)),
        depth if NoiseFlag.CHANNELS in flags else 1,
    )
    return random_parts(tables.noise_key[row], np.empty(shape, dtype=bool), bits)


def multiply(image: Image, tables: Tables, row: int) -> Image:
    """Multiply by low + share * (high - low), the share the middle of 16 bits; rounded."""
    low, high, flags = (float(v) for v in tables.noise[row, 1:])
    share = (drawn(image, tables, row, NoiseFlag(int(flags)), 16) + 0.5) / 65536
    return rounded(levels(image) * (low + share * (high - low)), image)


def impulse(image: Image, tables: Tables, row: int) -> Image:
    """Replace a share of the pixels or values by the fill, or by random levels, and another share
    by white. Which is told by 32 bits of their own.
    """
    first, second, flags = (float(v) for v in tables.noise[row, 1:])
    marks = NoiseFlag(int(flags))
    part = drawn(image, tables, row, marks | NoiseFlag.PIXELS, 32)
    end, last = (int(np.floor(share * 2.0**32 + 0.5)) for share in (first, first + second))
    fill = np.broadcast_to(own_fill(tables.noise_fill[row], image), image.shape)
    if NoiseFlag.LEVELS in marks:
        fill = random_levels(tables.noise_key[row] ^ GOLDEN, image)
    white = np.ones(1, dtype=image.dtype) * (255 if image.dtype == np.uint8 else 1)
    return np.where(part < end, fill, np.where(part < last, white, image)).astype(image.dtype)


def iso(image: Image, tables: Tables, row: int) -> Image:
    """Turn a pixel's color about its gray, then add the same number to all of its channels.

    Both are normal as in `gauss`, from two values of 16 bits: first the sum's, then the tangent of
    half the angle. Rounded. Of 4 channels the last stays; of others than 3 or 4 none is turned.
    """
    bright, turn = float(tables.noise[row, 1]), float(tables.noise[row, 2])
    pairs = random_parts(tables.noise_key[row], np.empty((*image.shape[:2], 2), dtype=bool), 16)
    z = normal_table()[pairs >> 4].astype(np.float64)
    step = z[..., :1] * (bright * 255.0)
    value = levels(image)
    if image.shape[2] not in (3, 4):
        return rounded(value + step, image)
    color = value[..., :3]
    half = z[..., 1:] * (turn / 2)
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    gray = (color @ TO_YIQ[0])[..., None]
    turned = gray + cosine * (color - gray) + sine * (color @ QUARTER.T)
    return np.concatenate([rounded(turned + step, image), image[..., 3:]], axis=2)


MODES = {
    NoiseMode.GAUSS: gauss,
    NoiseMode.SHOT: shot,
    NoiseMode.MULTIPLY: multiply,
    NoiseMode.IMPULSE: impulse,
    NoiseMode.ISO: iso,
}
