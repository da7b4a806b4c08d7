"""What stands out in an image, by two measures that need no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Images
from variegate.engine.neighbors import smoothed, window_weights
from variegate.engine.values import gray
from variegate.ops.entries import Window

Floats = npt.NDArray[np.float64]
SMALL = 64  # the side at which a spectrum is looked at
WIDE, NARROW = 2.5, 3  # of the blur behind it, and the mean before it
SURROUNDS = (6, 12, 24, 7, 14, 28)  # how far a surround reaches on each side, in pixels


def saliency_maps(images: Sequence[Any] | Images, measure: str) -> Floats:
    """How much each pixel of images (h, w, c) of one size stands out (n, h, w), at least 0.

    measure: spectral_residual (Hou and Zhang 2007) or fine_grained (Montabone and Soto 2010).
    """
    work = spectral_residual if measure == "spectral_residual" else fine_grained
    return np.stack([work(image) for image in images])


def _brightness(image: Any) -> Floats:
    """(h, w) gray on 0..1."""
    scale = 255.0 if image.dtype == np.uint8 else 1.0
    return np.asarray(gray(image)[..., 0], dtype=np.float64) / scale


def fine_grained(image: Any) -> Floats:
    """How far each pixel's gray is from the mean of its surround, brighter or darker, summed over
    several sizes of the surround.
    """
    value = _brightness(image)
    height, width = value.shape
    sums = np.zeros((height + 1, width + 1))
    np.cumsum(np.cumsum(value, axis=0), axis=1, out=sums[1:, 1:])
    rows, columns = np.arange(height), np.arange(width)
    found = np.zeros((height, width))
    for reach in SURROUNDS:
        top, bottom = np.maximum(rows - reach, 0), np.minimum(rows + reach + 1, height)
        left, right = np.maximum(columns - reach, 0), np.minimum(columns + reach + 1, width)
        total = sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)]
        total += sums[np.ix_(top, left)] - sums[np.ix_(bottom, left)]
        around = (bottom - top)[:, None] * (right - left)[None] - 1
        found += np.abs(value - (total - value) / np.maximum(around, 1))
    return found


def spectral_residual(image: Any) -> Floats:
    """What is left of the log spectrum of the image's gray when its local mean is taken off, back
    in the image, squared and blurred.
    """
    value = _brightness(image)
    height, width = value.shape
    small = _resized(value, min(SMALL, height), min(SMALL, width))
    spectrum = np.fft.fft2(small)
    size = np.abs(spectrum)
    log = np.log(size + 1e-9)
    ring = np.pad(log, NARROW // 2, mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(ring, (NARROW, NARROW))
    residual = np.exp(log - windows.mean(axis=(2, 3)))
    back = np.fft.ifft2(residual * spectrum / np.maximum(size, 1e-12))
    smooth = smoothed(np.abs(back)[..., None] ** 2, window_weights(Window.GAUSSIAN, WIDE))[..., 0]
    return np.maximum(_resized(smooth, height, width), 0)


def _resized(value: Floats, height: int, width: int) -> Floats:
    """Linear in both axes, a mean over the source where it becomes smaller."""
    return _along(_along(value, height).T, width).T


def _along(value: Floats, count: int) -> Floats:
    """The rows of value (m, k) as `count` rows, by weights of a triangle."""
    many = len(value)
    scale = many / count
    reach = max(scale, 1.0)
    center = (np.arange(count) + 0.5) * scale
    apart = (np.arange(many) + 0.5)[None] - center[:, None]
    weight = np.maximum(1 - np.abs(apart) / reach, 0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True) @ value)
