"""KerasCV's layers that mix images, by its own names and arguments.

Boxes and their classes, masks and keypoints of all images that a result shows come along, cut to
what is seen; a dense array of boxes grows where it must. Labels are floats, a column a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from variegate.adapters.keras_cv.factors import factor
from variegate.adapters.keras_cv.layer import Layer
from variegate.errors import PolicyError
from variegate.policy.nodes import Step


def _layer(name: str, step: Step, seed: int | None, form: str | None) -> Layer:
    return Layer(name, [step], seed=seed, bounding_box_format=form)


def MixUp(
    alpha: float = 0.2, seed: int | None = None, bounding_box_format: str | None = None
) -> Layer:
    """Blend with another image of the batch; labels are blended too, and boxes of both are kept.

    Segmentation masks must be shares of classes, floats (h, w, classes): whole numbers cannot be
    blended.
    """
    return _layer("MixUp", Step("MixUp", {"alpha": alpha}), seed, bounding_box_format)


def CutMix(
    alpha: float = 1.0, seed: int | None = None, bounding_box_format: str | None = None
) -> Layer:
    """Paste a rectangle of another image; labels count the pixels that are really there (there the
    area before it is cut off at the border).
    """
    return _layer("CutMix", Step("CutMix", {"alpha": alpha}), seed, bounding_box_format)


def FourierMix(
    alpha: float = 0.5,
    decay_power: float = 3,
    seed: int | None = None,
    bounding_box_format: str | None = None,
) -> Layer:
    """Cut along the outline of random blobs, from smooth noise (FMix); frequencies go up to 32
    cycles over the frame.
    """
    step = Step("FMix", {"alpha": alpha, "decay": float(decay_power)})
    return _layer("FourierMix", step, seed, bounding_box_format)


def Mosaic(
    offset: Sequence[float] = (0.25, 0.75),
    bounding_box_format: str | None = None,
    seed: int | None = None,
) -> Layer:
    """Four images around a random point, each at its own scale with a corner at the point, in a
    frame of the image's size. The image itself is upper left.
    """
    arguments = {"center": tuple(float(v) for v in offset), "fit": "corner"}
    return _layer("Mosaic", Step("Mosaic", arguments), seed, bounding_box_format)


def AugMix(
    value_range: Sequence[float],
    severity: Any = 0.3,
    num_chains: int = 3,
    chain_depth: Any = (1, 3),
    alpha: float = 1.0,
    seed: int | None = None,
) -> Layer:
    """Blend with the mean of `num_chains` copies that went through a few ops each; labels stay.

    severity: ops have magnitudes of up to so much. chain_depth: a pair (1, most), or 1: a chain has
    1 to `most` ops, all equally likely.
    """
    depth = chain_depth if isinstance(chain_depth, (tuple, list)) else (chain_depth, chain_depth)
    if len(depth) != 2 or depth[0] != 1:
        raise PolicyError(f"AugMix.chain_depth: expected 1 or (1, most), got {chain_depth!r}")
    low, high = factor(severity, "AugMix.severity")
    if low != 0:
        raise PolicyError(f"AugMix.severity: expected a number or (0, most), got {severity!r}")
    arguments = {
        "severity": (high, high),
        "width": int(num_chains),
        "depth": int(depth[1]),
        "alpha": float(alpha),
    }
    return Layer("AugMix", [Step("AugMix", arguments)], seed=seed, value_range=value_range)
