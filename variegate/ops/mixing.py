"""Mixing: two images of a batch become one. Labels become the shares of the pixels that are really
there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from variegate.ops.entries import Floats, Ints, Mix
from variegate.ops.op import Draw, Kind, Setting, declare
from variegate.ops.regions import clip_rects
from variegate.ops.settings import number

ALPHA = Setting("alpha", lambda value: number(value, 0.01, 100), "a number 0.01..100", 1.0)


@declare(Kind.MIX, source="Zhang et al. 2018, mixup", settings=(ALPHA,), draws=(Draw("weight"),))
def mixup(sizes: Ints, alpha: float, weight: Floats) -> Mix:
    """Blend with a partner: weight * own + (1 - weight) * partner, weight from Beta(alpha,
    alpha).
    """
    return Mix(beta_quantile(weight, alpha))


@declare(
    Kind.MIX,
    source="Yun et al. 2019, CutMix; the weight is counted after cutting off at the border",
    settings=(ALPHA,),
    draws=(Draw("weight"), Draw("x"), Draw("y")),
)
def cutmix(sizes: Ints, alpha: float, weight: Floats, x: Floats, y: Floats) -> Mix:
    """Paste a rectangle of a partner; its area share before cutting off is 1 - Beta(alpha,
    alpha).
    """
    side = np.sqrt(1 - beta_quantile(weight, alpha))
    height, width = np.floor(side * sizes[:, 0]), np.floor(side * sizes[:, 1])
    top = np.floor(y * sizes[:, 0]) - np.floor(height / 2)
    left = np.floor(x * sizes[:, 1]) - np.floor(width / 2)
    rects = np.stack([top, left, top + height, left + width], axis=1)[:, None]
    inside = clip_rects(rects, sizes)[:, 0]
    area = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1])
    return Mix(1 - area / (sizes[:, 0] * sizes[:, 1]), inside)


def beta_quantile(uniform: Floats, alpha: float) -> Floats:
    """The symmetric Beta(alpha, alpha) at these quantiles in [0, 1); within 1e-4 of the exact
    value.
    """
    if alpha == 1.0:
        return uniform
    share, value = _lower_half(alpha)
    below = np.minimum(uniform, 1 - uniform)
    half = np.interp(below, share, value)
    return np.where(uniform < 0.5, half, 1 - half)


@lru_cache(maxsize=32)
def _lower_half(alpha: float) -> tuple[Floats, Floats]:
    """Quantiles 0..1/2 and their values. Below 1 by integrating in v = x**alpha, where the density
    has no pole; above 1 in x itself, since equal steps of v would be wide ones of x near 0.
    """
    if alpha < 1:
        v = np.linspace(0, 0.5**alpha, 20001)
        x = v ** (1 / alpha)
        density = (1 - x) ** (alpha - 1)
    else:
        x = np.linspace(0, 0.5, 20001)
        density = (4 * x * (1 - x)) ** (alpha - 1)
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return area / (2 * area[-1]), x
