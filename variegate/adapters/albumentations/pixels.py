"""Albumentations' transforms that change levels and colors or hide parts, as steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from variegate.adapters.albumentations.geometry import Steps, plain
from variegate.adapters.albumentations.given import Given, Skip
from variegate.policy.nodes import OneOf, Sequence, Step

FULL = 255.0


def around_one(a: Given, key: str) -> tuple[float, float]:
    """A factor's range: two numbers, or one by which it strays from 1, not below 0."""
    value = a[key]
    if isinstance(value, (tuple, list)):
        return a.pair(key)
    return max(0.0, 1.0 - float(value)), 1.0 + float(value)


def brightness_contrast(a: Given) -> Steps:
    """RandomBrightnessContrast about black."""
    a.expect("brightness_by_max", True)
    a.expect("ensure_safe_range", False)
    ranges = {"brightness": a.pair("brightness_limit"), "contrast": a.pair("contrast_limit")}
    return [Step("RandomBrightnessContrast", ranges)]


def color_jitter(a: Given) -> Steps:
    """ColorJitter: the four in each of their orders, all equally likely."""
    steps = [
        Step(op, {"factor": around_one(a, key)})
        for op, key in (("Brightness", "brightness"), ("Contrast", "contrast"),
                        ("Color", "saturation"))
    ]  # fmt: skip
    low, high = a.pair("hue", scale=360.0)
    if (low, high) != (0.0, 0.0):
        steps.append(_hsv((max(low, -180.0), min(high, 180.0))))
    still = [s for s in steps if s.arguments.get("factor") != (1.0, 1.0)]
    if len(still) < 2:
        return list(still) or [Step("Identity")]
    return [OneOf(tuple(Sequence(order) for order in permutations(still)))]


def _hsv(hue: tuple[float, float], **more: tuple[float, float]) -> Step:
    """A turn of the hue, with nothing multiplied."""
    one = {"saturation": (1.0, 1.0), "value": (1.0, 1.0)}
    return Step("HueSaturationValue", {"hue": hue, **one, **more})


def hue_saturation_value(a: Given) -> Steps:
    """HueSaturationValue; on bytes theirs keeps the hue in steps of 2 degrees."""
    a.changed("on bytes real numbers, rounded once; there hue in steps of 2 degrees")
    low, high = a.pair("hue_shift_limit", scale=2.0)
    plus = {"add_saturation": a.pair("sat_shift_limit"), "add_value": a.pair("val_shift_limit")}
    return [_hsv((max(low, -180.0), min(high, 180.0)), **plus)]


def rgb_shift(a: Given) -> Steps:
    """RGBShift: limits above 1 are levels, others shares of the full range."""
    ranges = {}
    for name, key in (("red", "r"), ("green", "g"), ("blue", "b")):
        low, high = a.pair(f"{key}_shift_limit")
        scale = 1.0 if max(abs(low), abs(high)) > 1 else FULL
        ranges[name] = (low * scale, high * scale)
    return [Step("RGBShift", ranges)]


def channel_dropout(a: Given) -> Steps:
    """ChannelDropout."""
    low, high = a.whole("channel_drop_range")
    return [Step("ChannelDropout", {"count": (low, high), "fill": a.fill()})]


def to_gray(a: Given) -> Steps:
    """ToGray by one of the weights."""
    a.expect("num_output_channels", 3)
    if a["method"] not in ("weighted_average", "average"):
        raise Skip(f"method={a['method']!r}")
    return [Step("ToGray", {"amount": (1.0, 1.0), "method": a["method"]})]


def posterize(a: Given) -> Steps:
    """Posterize all channels alike."""
    return [Step("Posterize", {"bits": a.whole("num_bits")})]


def solarize(a: Given) -> Steps:
    """Solarize."""
    value = a["threshold_range"]
    low, high = (value, value) if isinstance(value, (int, float)) else value
    return [Step("Solarize", {"threshold": (low * FULL, high * FULL)})]


def equalize(a: Given) -> Steps:
    """Equalize each channel; OpenCV's table or Pillow's."""
    a.expect("by_channels", True)
    a.expect("mask", None)
    rule = (
        "a level's own pixels are counted there" if a["mode"] == "pil" else "OpenCV's table there"
    )
    a.changed(f"Pillow's table here; {rule}: a few levels apart")
    return [Step("Equalize")]


def auto_contrast(a: Given) -> Steps:
    """AutoContrast by the extremes."""
    a.expect("cutoff", 0, 0.0)
    a.expect("ignore", None)
    if a["method"] != "pil":
        a.changed("method='cdf': there levels follow the cumulated histogram, here a straight line")
    return [Step("AutoContrast")]


def random_gamma(a: Given) -> Steps:
    """RandomGamma; limits are percent."""
    return [Step("Gamma", {"gamma": a.pair("gamma_limit", about=100.0, scale=0.01)})]


def tone_curve(a: Given) -> Steps:
    """RandomToneCurve: control points drawn evenly over three standard deviations."""
    a.expect("per_channel", False)
    scale = float(a["scale"])
    if scale:
        a.changed("control points are drawn evenly over sqrt(3) deviations, normally there")
    reach = 3**0.5 * scale
    low, high = ((max(0.0, at - reach), min(1.0, at + reach)) for at in (0.25, 0.75))
    return [Step("RandomToneCurve", {"low": low, "high": high})]


def planckian(a: Given) -> Steps:
    """PlanckianJitter."""
    a.expect("sampling_method", "uniform")
    default = (3000.0, 15000.0) if a["mode"] == "blackbody" else (4000.0, 15000.0)
    low, high = default if a["temperature_limit"] is None else a.pair("temperature_limit")
    if low != high:
        a.changed("temperatures are drawn evenly, there 40 % of them below 6000 K")
    return [Step("PlanckianJitter", {"temperature": (low, high), "mode": a["mode"]})]


def gaussian_blur(a: Given) -> Steps:
    """GaussianBlur whose window follows from sigma."""
    a.expect("blur_limit", 0, (0, 0), [0, 0])
    value = a["sigma_limit"]
    sigma = (value, value) if isinstance(value, (int, float)) else a.pair("sigma_limit")
    if isinstance(value, (int, float)) and value > 0:
        sigma = (0.0, float(value))
    return [Step("GaussianBlur", {"sigma": sigma})]


def gauss_noise(a: Given) -> Steps:
    """GaussNoise with a number of its own for each value."""
    a.expect("mean_range", (0.0, 0.0), [0.0, 0.0], (0, 0), [0, 0])
    a.expect("per_channel", True)
    a.expect("noise_scale_factor", 1, 1.0)
    return [Step("GaussianNoise", {"sigma": a.pair("std_range")})]


def compression(a: Given) -> Steps:
    """ImageCompression as JPEG or WebP."""
    a.changed("red and blue are not swapped while the image is compressed, as they are there")
    kind = a["compression_type"]
    return [
        Step("ImageCompression", {"quality": a.whole("quality_range"), "compression_type": kind})
    ]


def coarse_dropout(a: Given) -> Steps:
    """CoarseDropout by shares of the sides."""
    shares = {}
    for side in ("height", "width"):
        low, high = a.pair(f"hole_{side}_range")
        if high >= 1:
            raise Skip(f"hole_{side}_range={a[f'hole_{side}_range']!r} in pixels (here shares)")
        shares[side] = (low, high)
    return [Step("CoarseDropout", {"count": a.whole("num_holes_range"), **shares, **a.hiding()})]


def erasing(a: Given) -> Steps:
    """Erasing."""
    a.changed("area and aspect are drawn until they fit, there within what fits")
    scale, ratio = a.pair("scale"), a.pair("ratio")
    return [Step("RandomErasing", {"scale": scale, "ratio": ratio, **a.hiding()})]


def grid_dropout(a: Given) -> Steps:
    """GridDropout of as many cells down as across."""
    a.expect("unit_size_range", None)
    cells = a["holes_number_xy"]
    if cells is not None and cells[0] != cells[1]:
        raise Skip(f"holes_number_xy={cells!r} (here as many down as across)")
    if not a["random_offset"]:
        a.expect("shift_xy", (0, 0), [0, 0])
    count = 10 if cells is None else int(cells[0])
    ratio = float(a["ratio"])
    return [Step("GridDropout", {"ratio": (ratio, ratio), "cells": (count, count),
                                 "random_offset": a["random_offset"], **a.hiding()})]  # fmt: skip


TABLE: dict[str, Callable[[Given], Steps]] = {
    "AutoContrast": auto_contrast,
    "ChannelDropout": channel_dropout,
    "ChannelShuffle": plain("ChannelShuffle"),
    "CoarseDropout": coarse_dropout,
    "ColorJitter": color_jitter,
    "Equalize": equalize,
    "Erasing": erasing,
    "GaussNoise": gauss_noise,
    "GaussianBlur": gaussian_blur,
    "GridDropout": grid_dropout,
    "HueSaturationValue": hue_saturation_value,
    "ImageCompression": compression,
    "InvertImg": plain("Invert"),
    "PlanckianJitter": planckian,
    "Posterize": posterize,
    "RGBShift": rgb_shift,
    "RandomBrightnessContrast": brightness_contrast,
    "RandomGamma": random_gamma,
    "RandomToneCurve": tone_curve,
    "Solarize": solarize,
    "ToGray": to_gray,
    "ToSepia": plain("ToSepia"),
}
