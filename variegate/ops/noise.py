"""Noise: a random number for each value, a pure function of the seed, the epoch, the sample and the
pixel.
"""

from __future__ import annotations

from variegate.ops.entries import Floats, Noise
from variegate.ops.op import Kind, Param, declare

SIGMA = Param(
    "sigma", 0, 1, "share of the full range", identity=0, weak=0, strong=0.2, default=(0.0, 0.1)
)


@declare(Kind.NOISE, source="additive Gaussian noise, clipped", params=(SIGMA,))
def gaussian_noise(sigma: Floats) -> Noise:
    """Add Gaussian noise, independent for each pixel and channel."""
    return Noise(sigma)
