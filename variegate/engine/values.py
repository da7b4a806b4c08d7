"""What the reference engine's verbs share: how values become pixels, and random numbers for them.

Values are float64 between rounding points. Where a verb says `rounded`, uint8 takes floor(value +
0.5) after clipping to 0..255 and float32 is clipped to 0..1; where it says `truncated`, uint8 drops
the fraction, as Pillow does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.plan.counter import hashes

Image = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def levels(image: Image) -> Floats:
    """The image as float64 levels on 0..255."""
    return image.astype(np.float64) * (1.0 if image.dtype == np.uint8 else 255.0)


def rounded(value: Floats, like: Image) -> Image:
    """Levels on 0..255 back to the dtype of `like`: clipped, uint8 to the nearest level."""
    value = np.clip(value, 0, 255)
    if like.dtype == np.uint8:
        return np.floor(value + 0.5).astype(np.uint8)
    return (value / 255.0).astype(np.float32)


def blend(degenerate: Image, image: Image, factor: np.float32) -> Image:
    """Pillow's Image.blend in single precision: degenerate + factor * (image - degenerate),
    clipped, truncated.

    degenerate: float32, in the image's own range. Factors 0 and 1 copy.
    """
    if factor == 1:
        return image
    start = degenerate.astype(np.float32)
    value = start + factor * (image.astype(np.float32) - start)
    if image.dtype == np.uint8:
        return np.clip(value, 0, 255).astype(np.uint8)
    return np.clip(value, 0, 1)


def gray(image: Image) -> npt.NDArray[np.float32]:
    """(h, w, 1) luma in the image's own range: Pillow's integer formula for uint8, the same weights
    for floats.

    One channel is its own gray; of four the first three count; other counts take the rounded mean.
    """
    channels = image.shape[2]
    if channels == 1:
        return image.astype(np.float32)
    if channels in (3, 4):
        weights = np.array([19595, 38470, 7471], dtype=np.int64)
        if image.dtype == np.uint8:
            whole = (image[..., :3].astype(np.int64) @ weights + 32768) >> 16
            return np.asarray(whole, dtype=np.float32)[..., None]
        luma = image[..., :3].astype(np.float64) @ (weights / 65536.0)
        return np.asarray(luma, dtype=np.float32)[..., None]
    mean = image.astype(np.float64).mean(axis=2, keepdims=True)
    mean = np.floor(mean + 0.5) if image.dtype == np.uint8 else mean
    return np.asarray(mean, dtype=np.float32)


def through(image: Image, table: npt.NDArray[Any]) -> Image:
    """One table on every channel."""
    if image.dtype == np.uint8:
        return np.asarray(table[image], dtype=np.uint8)
    place = image.astype(np.float64) * (len(table) - 1)
    low = np.minimum(np.floor(place), len(table) - 2).astype(np.int64)
    start, end = table[low].astype(np.float64), table[low + 1].astype(np.float64)
    return (start + (place - low) * (end - start)).astype(np.float32)


def mirrored(index: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """Indices outside 0..length-1 reflected about the outer pixels' centers (c b a b c)."""
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    index = np.abs(index) % period
    return np.minimum(index, period - index)


def own_fill(fill: npt.NDArray[Any], image: Image) -> Image:
    """(channels,) levels 0..255 in the image's dtype."""
    value = fill[: image.shape[2]].astype(np.float64)
    return rounded(value, image)


def random_parts(key: Any, image: Image, bits: int) -> npt.NDArray[np.int64]:
    """One random number of `bits` bits per value of the image, in its shape; places in row, column,
    channel order.

    Each 64-bit word, mix(mix(place) ^ key), serves 64 // bits values in a row, the lowest bits
    first: place i takes part i % (64 // bits) of word i // (64 // bits).
    """
    each = 64 // bits
    places = np.arange(-(-image.size // each), dtype=np.uint64)
    words = hashes(np.array([key], dtype=np.uint64), places)
    shifts = np.arange(each, dtype=np.uint64) * np.uint64(bits)
    parts = (words >> shifts) & np.uint64((1 << bits) - 1)
    return parts.ravel()[: image.size].reshape(image.shape).astype(np.int64)


def random_levels(key: Any, image: Image) -> Image:
    """Uniform random levels: eight values of a word, 8 bits each."""
    parts = random_parts(key, image, 8)
    return parts.astype(np.uint8) if image.dtype == np.uint8 else (parts / 255.0).astype(np.float32)
