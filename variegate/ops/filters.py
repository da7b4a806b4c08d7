"""Filters: each pixel from its neighbors."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Blur, Floats, Median, Smooth, Unsharp, Window
from variegate.ops.op import Kind, Param, declare
from variegate.ops.tone import PILLOW, factor


@declare(Kind.FILTER, source=PILLOW, params=(factor(),))
def sharpness(factor: Floats) -> Smooth:
    """0 is Pillow's SMOOTH, 1 unchanged, above 1 sharper; the outermost pixels stay."""
    return Smooth(factor)


SIGMA = Param("sigma", 0, 64, "pixels", identity=0, weak=0, strong=2, default=(0.1, 2.0))


@declare(
    Kind.FILTER, source="separable Gaussian, radius ceil(3 sigma), mirrored border", params=(SIGMA,)
)
def gaussian_blur(sigma: Floats) -> Blur:
    """Blur with a Gaussian of this standard deviation."""
    return Blur(sigma)


@declare(
    Kind.FILTER,
    source="Albumentations and OpenCV, sizes 3 to 7; parts of a pixel as in Pillow's BoxBlur",
    params=(Param("radius", 0, 64, "pixels", identity=0, weak=0, strong=5, default=(1.0, 3.0)),),
)
def blur(radius: Floats) -> Blur:
    """Take the mean of a square of 2 radius + 1 pixels a side; its rim counts in part where radius
    is no whole number.
    """
    return Blur(radius, Window.BOX)


@declare(
    Kind.FILTER,
    source="Albumentations and OpenCV's medianBlur, sizes 3 to 7; the border repeats",
    params=(
        Param(
            "radius", 0, 32, "pixels", identity=0, weak=0, strong=3, default=(1.0, 3.0), whole=True
        ),
    ),
)
def median_blur(radius: Floats) -> Median:
    """Take the median of a square of 2 radius + 1 pixels a side: specks vanish, edges stay."""
    return Median(radius.astype(np.int64))


ALPHA = Param(
    "alpha", 0, 1, "share of the effect", identity=0, weak=0, strong=1, default=(0.2, 0.5)
)


@declare(
    Kind.FILTER,
    source="Albumentations (alpha, sizes 3 to 7) with a threshold that sets in smoothly",
    params=(
        Param("sigma", 0, 16, "pixels", default=(0.8, 1.4)),
        ALPHA,
        Param("threshold", 0, 255, "levels", default=(3.0, 3.0)),
    ),
)
def unsharp_mask(sigma: Floats, alpha: Floats, threshold: Floats) -> Unsharp:
    """Sharpen: add alpha times the difference from a Gaussian blur.

    Differences of up to `threshold` levels stay as they are, from twice that on they count in full.
    """
    return Unsharp(sigma, alpha, threshold)
