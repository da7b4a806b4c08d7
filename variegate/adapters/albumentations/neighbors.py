"""Albumentations' blurs, sharpeners and other transforms that look at neighbors, as steps."""

from __future__ import annotations

from collections.abc import Callable

from variegate.adapters.albumentations.geometry import Steps
from variegate.adapters.albumentations.given import RESAMPLES, Given, Skip
from variegate.policy.nodes import OneOf, Step


def _each_size(a: Given, make: Callable[[float], Step]) -> Steps:
    """A step for each odd size of the window within `blur_limit`, all equally likely; a number
    alone is the largest, from 3 on. make: from the radius.
    """
    value = a["blur_limit"]
    low, high = (3, int(value)) if isinstance(value, (int, float)) else a.whole("blur_limit")
    sizes = [size for size in range(low, high + 1) if size % 2]
    if not sizes:
        raise Skip(f"blur_limit={value!r}")
    steps = tuple(make((size - 1) / 2) for size in sizes)
    return [steps[0] if len(steps) == 1 else OneOf(steps)]


def blur(a: Given) -> Steps:
    """Blur: a box."""
    return _each_size(a, lambda radius: Step("Blur", {"radius": (radius, radius)}))


def median_blur(a: Given) -> Steps:
    """MedianBlur."""
    return _each_size(a, lambda radius: Step("MedianBlur", {"radius": (radius, radius)}))


def motion_blur(a: Given) -> Steps:
    """MotionBlur; theirs draws a line of whole pixels."""
    if a["allow_shifted"]:
        a.changed("allow_shifted: the line runs through the middle")
    angle, direction = a.pair("angle_range"), a.pair("direction_range")
    ranges = {"angle": angle, "direction": direction}
    return _each_size(
        a,
        lambda radius: Step("MotionBlur", {"length": (2 * radius + 1, 2 * radius + 1), **ranges}),
    )


def defocus(a: Given) -> Steps:
    """Defocus."""
    a.changed("a disc with an edge of one pixel; there one of whole pixels")
    ranges = {"radius": _from(a, "radius", 1), "alias_blur": _from(a, "alias_blur", 0)}
    return [Step("Defocus", ranges)]


def _from(a: Given, key: str, low: float) -> tuple[float, float]:
    """A range whose lower end is `low` where one number stands."""
    value = a[key]
    return (low, float(value)) if isinstance(value, (int, float)) else a.pair(key)


def zoom_blur(a: Given) -> Steps:
    """ZoomBlur."""
    a.changed("zooms about the exact center, there cut to whole pixels")
    factor = _from(a, "max_factor", 1)
    return [Step("ZoomBlur", {"max_factor": factor, "step_factor": _from(a, "step_factor", 0.01)})]


def glass_blur(a: Given) -> Steps:
    """GlassBlur: each pixel takes a neighbor's value."""
    a.changed("each pixel takes a neighbor's value; there pixels change places")
    sigma, delta = float(a["sigma"]), int(a["max_delta"])
    return [
        Step(
            "GlassBlur",
            {"sigma": (sigma, sigma), "max_delta": (delta, delta), "iterations": a["iterations"]},
        )
    ]


def sharpen(a: Given) -> Steps:
    """Sharpen by its kernel."""
    a.expect("method", "kernel")
    return [Step("Sharpen", {"alpha": a.pair("alpha"), "lightness": a.pair("lightness")})]


def unsharp_mask(a: Given) -> Steps:
    """UnsharpMask: the window follows from sigma here."""
    sigma = _from(a, "sigma_limit", 0)
    low, high = (
        a.whole("blur_limit") if not isinstance(a["blur_limit"], int) else (3, a["blur_limit"])
    )
    if sigma == (0.0, 0.0):
        # OpenCV's deviation for a window where none is given.
        sigma = (0.3 * ((low - 1) / 2 - 1) + 0.8, 0.3 * ((high - 1) / 2 - 1) + 0.8)
    a.changed("a window of 3 deviations, and a threshold that sets in smoothly")
    threshold = float(a["threshold"])
    return [
        Step(
            "UnsharpMask",
            {"sigma": sigma, "alpha": a.pair("alpha"), "threshold": (threshold, threshold)},
        )
    ]


def emboss(a: Given) -> Steps:
    """Emboss."""
    return [Step("Emboss", {"alpha": a.pair("alpha"), "strength": a.pair("strength")})]


def clahe(a: Given) -> Steps:
    """CLAHE."""
    a.changed("the luma of BT.601 here, the lightness of Lab there")
    limit, (rows, columns) = _from(a, "clip_limit", 1), a["tile_grid_size"]
    return [Step("CLAHE", {"clip_limit": limit, "tile_grid_size": (int(rows), int(columns))})]


def downscale(a: Given) -> Steps:
    """Downscale."""
    pair = a["interpolation_pair"]
    ways = {3: "box", **RESAMPLES}
    down, up = pair["downscale"], pair["upscale"]
    if down not in ways or up not in RESAMPLES:
        raise Skip(f"interpolation_pair={pair!r}")
    if 0 in (down, up):
        a.changed("nearest takes the pixel in the middle, there the one to its upper left")
    arguments = {"scale": a.pair("scale_range"), "down": ways[down], "up": RESAMPLES[up]}
    return [Step("Downscale", arguments)]


def ringing(a: Given) -> Steps:
    """RingingOvershoot."""
    return _each_size(
        a,
        lambda radius: Step(
            "RingingOvershoot", {"radius": (radius, radius), "cutoff": a.pair("cutoff")}
        ),
    )


TABLE: dict[str, Callable[[Given], Steps]] = {
    "Blur": blur,
    "CLAHE": clahe,
    "Defocus": defocus,
    "Downscale": downscale,
    "Emboss": emboss,
    "GlassBlur": glass_blur,
    "MedianBlur": median_blur,
    "MotionBlur": motion_blur,
    "RingingOvershoot": ringing,
    "Sharpen": sharpen,
    "UnsharpMask": unsharp_mask,
    "ZoomBlur": zoom_blur,
}
