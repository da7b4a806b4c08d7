"""Ops that bring an image near a reference: its distribution of levels, or its low frequencies.

A step is data. Reference images that a user gives are counted and measured when the step is made,
and only these numbers stay in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import REACH, Floats, Match, Spectrum
from variegate.ops.op import Draw, Kind, Param, Setting, declare

Image = npt.NDArray[Any]
DIGITS = 6  # of the amplitudes that a step keeps
UNKNOWN = -1.0


def _levels(image: Image) -> Floats:
    """An image (h, w) or (h, w, c), uint8 or float32 in [0, 1], as levels (h, w, c)."""
    if image.ndim not in (2, 3) or image.size == 0 or image.dtype not in (np.uint8, np.float32):
        raise ValueError
    value = image.reshape(*image.shape[:2], -1).astype(np.float64)
    value = value if image.dtype == np.uint8 else value * 255.0
    if value.shape[2] > 16 or not (np.all(value >= 0) and np.all(value <= 255)):
        raise ValueError
    return value


def count_levels(image: Image) -> tuple[tuple[int, ...], ...]:
    """How often each of 256 levels stands in each channel; floats count at their nearest level."""
    whole = np.floor(_levels(image) + 0.5).astype(np.int64)
    counts = (np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(whole, 2, 0))
    return tuple(tuple(own.tolist()) for own in counts)


def amplitudes(image: Image) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Each channel's amplitudes in levels, at 0..REACH waves down and -REACH..REACH along the
    image; UNKNOWN where the image is too small for so many waves. Six digits of each.
    """
    value = _levels(image)
    height, width, depth = value.shape
    down, along = min(REACH, (height - 1) // 2), min(REACH, (width - 1) // 2)
    rows, columns = np.arange(down + 1)[:, None], np.arange(-along, along + 1)[None, :]
    out = np.full((depth, REACH + 1, 2 * REACH + 1), UNKNOWN)
    for k in range(depth):
        waves = np.abs(np.fft.fft2(value[..., k])) / (height * width)
        out[k, rows, columns + REACH] = waves[rows, columns]
    text = np.vectorize(lambda v: float(f"{v:.{DIGITS}g}"), otypes=[np.float64])(out)
    return tuple(tuple(tuple(row) for row in channel) for channel in text.tolist())


def _counts(value: object) -> tuple[tuple[int, ...], ...]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != 256:
        raise ValueError
    legal = 1 <= len(array) <= 16 and array.min() >= 0 and array.max() < 2**31
    if not (legal and array.sum(axis=1).min() > 0):
        raise ValueError
    return tuple(tuple(row) for row in array.tolist())


def _spectrum(value: object) -> tuple[tuple[tuple[float, ...], ...], ...]:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != (REACH + 1, 2 * REACH + 1) or len(array) > 16:
        raise ValueError
    if len(array) == 0 or not np.all((array >= 0) & (array < 1e6) | (array == UNKNOWN)):
        raise ValueError
    return tuple(tuple(tuple(row) for row in channel) for channel in array.tolist())


def _references(measure: Any, check: Any) -> Any:
    """A check for images, as arrays, or for what was measured of them, as lists of numbers."""

    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, (tuple, list)) or not value:
            raise ValueError
        return tuple(measure(v) if isinstance(v, np.ndarray) else check(v) for v in value)

    return read


IMAGES = "a list of images, uint8 or float32 in [0, 1]"
EXAMPLE = (np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8),)
WHICH = Draw("which")


def _chosen(references: tuple[Any, ...], which: Floats, name: str) -> Floats:
    """Each image's reference, (k, c, ...)."""
    counts = {len(own) for own in references}
    if len(counts) > 1:
        raise ValueError(f"{name}: references of {min(counts)} and of {max(counts)} channels")
    place = np.minimum(np.floor(which * len(references)), len(references) - 1).astype(np.int64)
    return np.asarray([np.asarray(own, dtype=np.float64) for own in references])[place]


@declare(
    Kind.MEASURED,
    source="the usual matching of cumulative histograms, as scikit-image's match_histograms",
    params=(
        Param(
            "blend_ratio",
            0,
            1,
            "share of the way",
            identity=0,
            weak=0,
            strong=1,
            default=(0.5, 1.0),
        ),
    ),
    settings=(
        Setting(
            "reference_images",
            _references(count_levels, _counts),
            f"{IMAGES}, or their counts of 256 levels a channel",
            required=True,
        ),
    ),
    draws=(WHICH,),
    example={"reference_images": EXAMPLE},
)
def histogram_matching(
    blend_ratio: Floats, reference_images: tuple[Any, ...], which: Floats
) -> Match:
    """Give each channel the distribution of levels that a random reference image has, or go
    `blend_ratio` of the way. A reference of one channel serves every channel.
    """
    return Match(blend_ratio, _chosen(reference_images, which, "HistogramMatching"))


@declare(
    Kind.SPECTRUM,
    source="Yang and Soatto 2020, Fourier domain adaptation",
    params=(
        Param(
            "beta",
            0,
            0.3,
            "share of the shorter side",
            identity=0,
            weak=0,
            strong=0.15,
            default=(0.0, 0.1),
        ),
    ),
    settings=(
        Setting(
            "reference_images",
            _references(amplitudes, _spectrum),
            f"{IMAGES}, or the amplitudes that a step made of them",
            required=True,
        ),
    ),
    draws=(WHICH,),
    example={"reference_images": EXAMPLE},
)
def fda(beta: Floats, reference_images: tuple[Any, ...], which: Floats) -> Spectrum:
    """Give the lowest frequencies, up to `beta` times the shorter side and 32 waves, the amplitudes
    that a random reference image has; the phases stay. At 0 nothing changes.
    """
    return Spectrum(np.where(beta > 0, beta, -1.0), _chosen(reference_images, which, "FDA"))
