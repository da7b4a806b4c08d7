"""Filters: each pixel from its neighbors."""

from __future__ import annotations

from variegate.ops.entries import Blur, Floats, Smooth
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
