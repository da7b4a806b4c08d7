"""Albumentations' noise, as steps."""

from __future__ import annotations

from collections.abc import Callable

from variegate.adapters.albumentations.geometry import Steps
from variegate.adapters.albumentations.given import Given
from variegate.policy.nodes import Step


def iso_noise(a: Given) -> Steps:
    """ISONoise: brightness is normal here, a Poisson count there."""
    a.changed("the brightness of the noise is normal, there a Poisson count")
    return [Step("ISONoise", {k: a.pair(k) for k in ("color_shift", "intensity")})]


def shot_noise(a: Given) -> Steps:
    """ShotNoise."""
    return [Step("ShotNoise", {"scale": a.pair("scale_range")})]


def multiplicative(a: Given) -> Steps:
    """MultiplicativeNoise."""
    value = a["multiplier"]
    ends = (value, value) if isinstance(value, (int, float)) else a.pair("multiplier")
    flags = {key: a[key] for key in ("per_channel", "elementwise")}
    return [Step("MultiplicativeNoise", {"multiplier": ends, **flags})]


def salt_and_pepper(a: Given) -> Steps:
    """SaltAndPepper."""
    return [Step("SaltAndPepper", {k: a.pair(k) for k in ("amount", "salt_vs_pepper")})]


def pixel_dropout(a: Given) -> Steps:
    """PixelDropout of the image alone."""
    a.expect("mask_drop_value", None)
    share = float(a["dropout_prob"])
    return [
        Step(
            "PixelDropout",
            {
                "dropout_prob": (share, share),
                "per_channel": a["per_channel"],
                "drop_value": a["drop_value"],
            },
        )
    ]


TABLE: dict[str, Callable[[Given], Steps]] = {
    "ISONoise": iso_noise,
    "MultiplicativeNoise": multiplicative,
    "PixelDropout": pixel_dropout,
    "SaltAndPepper": salt_and_pepper,
    "ShotNoise": shot_noise,
}
