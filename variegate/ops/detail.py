"""Ops that lose detail by resampling or by moving pixels about; boxes, points and masks stay."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Blur, Floats, Ints, Rescale, Scatter, Zoomed
from variegate.ops.op import Kind, Param, Setting, declare
from variegate.ops.settings import RESAMPLES, choice, whole

MOST_ZOOMS = 101


def _share(sizes: Ints, share: Floats) -> Ints:
    """Sizes (k, 2) times a share (k,), to the nearest pixel, at least one."""
    return np.maximum(np.floor(sizes * share[:, None] + 0.5), 1).astype(np.int64)


@declare(
    Kind.FILTER,
    source="Albumentations: a quarter of the size, nearest both ways, unless told otherwise",
    params=(
        Param(
            "scale",
            0.01,
            1,
            "share of each side",
            identity=1,
            weak=1,
            strong=0.25,
            default=(0.25, 0.25),
        ),
    ),
    settings=(
        choice("down", (*RESAMPLES, "box"), "nearest"),
        choice("up", RESAMPLES, "nearest"),
    ),
)
def downscale(sizes: Ints, scale: Floats, down: str, up: str) -> Rescale:
    """Make the image smaller and large again, by one kind of resampling each; `box` takes means."""
    return Rescale(_share(sizes, scale), down, up)


@declare(
    Kind.FILTER,
    source="common: the mean of each block, as Pillow's BOX and NEAREST give it",
    params=(Param("block", 1, 512, "pixels", identity=1, weak=1, strong=12, default=(4.0, 16.0)),),
)
def pixelate(sizes: Ints, block: Floats) -> Rescale:
    """Show blocks of about `block` pixels a side in one color each."""
    return Rescale(_share(sizes, 1 / block), "box", "nearest")


@declare(
    Kind.FILTER,
    source="Hendrycks and Dietterich 2019 (ImageNet-C), defaults of Albumentations",
    params=(
        Param(
            "max_factor",
            1,
            2,
            "times the size",
            identity=1,
            weak=1,
            strong=1.3,
            default=(1.0, 1.31),
        ),
        Param("step_factor", 0.01, 1, "from one zoom to the next", default=(0.01, 0.03)),
    ),
    example={"step_factor": (0.06, 0.06)},
)
def zoom_blur(max_factor: Floats, step_factor: Floats) -> Zoomed:
    """Blur away from the center: the mean of the image and of enlarged ones, in steps of
    `step_factor` below `max_factor`.
    """
    count = np.ceil((max_factor - 1) / step_factor - 1e-9)
    return Zoomed(step_factor, np.clip(count, 1, MOST_ZOOMS).astype(np.int64))


@declare(
    Kind.FILTER,
    source="Hendrycks and Dietterich 2019 (ImageNet-C), defaults of Albumentations; there pixels "
    "change places, here each takes a neighbor's value",
    params=(
        Param("sigma", 0, 16, "pixels", identity=0, weak=0, strong=0.9, default=(0.7, 0.7)),
        Param(
            "max_delta",
            0,
            64,
            "pixels",
            identity=0,
            weak=0,
            strong=4,
            default=(4.0, 4.0),
            whole=True,
        ),
    ),
    settings=(Setting("iterations", lambda value: whole(value, 1, 16), "a whole number 1..16", 2),),
    scatters=True,
)
def glass_blur(sigma: Floats, max_delta: Floats, iterations: int) -> tuple[Blur, Scatter, Blur]:
    """Blur as frosted glass does: a Gaussian, then every pixel from a random place nearby,
    `iterations` times, then the Gaussian again.
    """
    return Blur(sigma), Scatter(max_delta.astype(np.int64), iterations), Blur(sigma)
