"""Albumentations' transforms that move pixels, as steps."""

from __future__ import annotations

import math
from collections.abc import Callable

from variegate.adapters.albumentations.given import Given, Skip
from variegate.policy.nodes import Node, OneOf, Sequence, Step

Steps = list[Node]
# The deviation of what Elastic moves, as a share of its amount; a side in pixels.
ELASTIC, ELASTIC_SIDE = 0.079, 256
POSITIONS = ("center", "top_left", "top_right", "bottom_left", "bottom_right")


def plain(op: str) -> Callable[[Given], Steps]:
    """A transform without arguments."""
    return lambda given: [Step(op)]


def rotate(a: Given) -> Steps:
    """Rotate."""
    a.expect("rotate_method", "largest_box")
    a.expect("crop_border", False)
    return [Step("Rotate", {"angle": a.pair("limit"), **a.sampling()})]


def safe_rotate(a: Given) -> Steps:
    """SafeRotate: theirs scales both sides apart from each other."""
    a.expect("rotate_method", "largest_box")
    a.changed("one scale for both sides, so that shapes stay")
    return [Step("SafeRotate", {"angle": a.pair("limit"), **a.sampling()})]


def _axes(a: Given, key: str, rest: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of x and y: one number or pair for both, or a dict."""
    value = a[key]
    if isinstance(value, dict):
        both = [value.get("x", rest), value.get("y", rest)]
    else:
        both = [value, value]
    x, y = ((v, v) if isinstance(v, (int, float)) else (float(v[0]), float(v[1])) for v in both)
    return (float(x[0]), float(x[1])), (float(y[0]), float(y[1]))


def slopes(degrees: tuple[float, float]) -> tuple[float, float]:
    """Angles as slopes; theirs count the other way."""
    return math.tan(-math.radians(degrees[1])), math.tan(-math.radians(degrees[0]))


def _moved(
    a: Given,
    scale: tuple[tuple[float, float], tuple[float, float]],
    angle: tuple[float, float],
    shear: tuple[tuple[float, float], tuple[float, float]],
    shift: tuple[tuple[float, float], tuple[float, float]],
) -> Steps:
    """Scale, turn, shear and move, in this order; one resampling in all."""
    way, still = a.sampling(), (0.0, 0.0)
    steps: Steps = []
    if scale != ((1.0, 1.0), (1.0, 1.0)):
        if a.values.get("keep_ratio"):
            steps.append(Step("Zoom", {"factor": scale[0], **way}))
        else:
            steps.append(Step("Stretch", {"x": scale[0], "y": scale[1], **way}))
    if angle != still:
        steps.append(Step("Rotate", {"angle": angle, **way}))
    if shear != (still, still):
        if any(low != high for low, high in shear):
            a.changed("shear: slopes are drawn evenly, not angles")
        x, y = slopes(shear[0]), slopes(shear[1])
        if still in shear:
            op, slope = ("ShearX", x) if shear[1] == still else ("ShearY", y)
            steps.append(Step(op, {"slope": slope, **way}))
        else:
            steps.append(Step("Shear", {"x": x, "y": y, **way}))
    if shift[0] != still:
        steps.append(Step("TranslateX", {"fraction": shift[0], **way}))
    if shift[1] != still:
        steps.append(Step("TranslateY", {"fraction": shift[1], **way}))
    return steps or [Step("Identity")]


def affine(a: Given) -> Steps:
    """Affine."""
    a.expect("fit_output", False)
    a.expect("rotate_method", "largest_box")
    a.expect("balanced_scale", False)
    pixels = a["translate_px"]
    if pixels is not None and _axes(a, "translate_px", 0.0) != ((0.0, 0.0), (0.0, 0.0)):
        raise Skip(f"translate_px={pixels!r} (here shares of the sides)")
    nowhere = ((0.0, 0.0), (0.0, 0.0))
    shift = nowhere if a["translate_percent"] is None else _axes(a, "translate_percent", 0.0)
    angle = a["rotate"]
    turn = (float(angle), float(angle)) if isinstance(angle, (int, float)) else a.pair("rotate")
    return _moved(a, _axes(a, "scale", 1.0), turn, _axes(a, "shear", 0.0), shift)


def shift_scale_rotate(a: Given) -> Steps:
    """ShiftScaleRotate."""
    a.expect("rotate_method", "largest_box")
    shifts = tuple(
        a.pair(key if a[key] is not None else "shift_limit")
        for key in ("shift_limit_x", "shift_limit_y")
    )
    low, high = a.pair("scale_limit")
    scale = (1 + low, 1 + high)
    still = ((0.0, 0.0), (0.0, 0.0))
    return _moved(a, (scale, scale), a.pair("rotate_limit"), still, (shifts[0], shifts[1]))


def perspective(a: Given) -> Steps:
    """Perspective: theirs draws corners from a normal distribution and fills the frame."""
    a.expect("keep_size", True)
    a.expect("fit_output", False)
    low, high = a["scale"] if isinstance(a["scale"], (tuple, list)) else (0.0, a["scale"])
    a.changed("corners are drawn evenly here, normally there; there the corners become the frame")
    return [Step("Perspective", {"distortion": (min(2 * low, 0.66), min(2 * high, 0.66)),
                                 **a.sampling()})]  # fmt: skip


def resize(a: Given) -> Steps:
    """Resize."""
    return [Step("Resize", {"size": a.size(), **a.resample()})]


def _max_size(op: str) -> Callable[[Given], Steps]:
    def make(a: Given) -> Steps:
        a.expect("max_size_hw", None)
        sides = a["max_size"] if isinstance(a["max_size"], (tuple, list)) else [a["max_size"]]
        steps: Steps = [Step(op, {"max_size": int(side), **a.resample()}) for side in sides]
        return steps if len(steps) == 1 else [OneOf(tuple(steps))]

    return make


def random_scale(a: Given) -> Steps:
    """RandomScale."""
    low, high = a.pair("scale_limit")
    return [Step("RandomScale", {"factor": (1 + low, 1 + high), **a.resample()})]


def _pad(a: Given, size: tuple[int, int], divisor: int, position: str) -> Step:
    if position not in POSITIONS:
        raise Skip(f"position={position!r}")
    return Step("PadIfNeeded", {"size": size, "divisor": divisor, "position": position,
                                **a.border()})  # fmt: skip


def pad_if_needed(a: Given) -> Steps:
    """PadIfNeeded."""
    divisors = a["pad_height_divisor"] or 1, a["pad_width_divisor"] or 1
    if divisors[0] != divisors[1]:
        raise Skip(f"divisors {divisors[0]} and {divisors[1]} (here one for both)")
    sides = tuple(0 if a[key] is None else int(a[key]) for key in ("min_height", "min_width"))
    size = max(sides[0], 1), max(sides[1], 1)
    if divisors[0] > 1 and sides != (0, 0):
        raise Skip("a size and divisors together")
    return [_pad(a, size, divisors[0], a["position"])]


def pad(a: Given) -> Steps:
    """Pad: one number, (x, y), or (left, top, right, bottom)."""
    value = a["padding"]
    if isinstance(value, (int, float)):
        left = top = right = bottom = int(value)
    elif len(value) == 2:
        left = right = int(value[0])
        top = bottom = int(value[1])
    else:
        left, top, right, bottom = (int(v) for v in value)
    return [Step("Pad", {"padding": (top, right, bottom, left), **a.border()})]


def _crop(op: str) -> Callable[[Given], Steps]:
    def make(a: Given) -> Steps:
        if not a["pad_if_needed"]:
            return [Step(op, {"size": a.size()})]
        before = _pad(a, a.size(), 1, a["pad_position"])
        return [before, Step(op, {"size": a.size(), **a.border()})]

    return make


def crop(a: Given) -> Steps:
    """Crop."""
    a.expect("pad_if_needed", False)
    return [Step("Crop", {"box": tuple(int(a[k]) for k in ("x_min", "y_min", "x_max", "y_max"))})]


def _safe(a: Given, key: str) -> dict[str, float]:
    return {"erosion_rate": float(a[key])}


def one_box_crop(a: Given) -> Steps:
    """AtLeastOneBBoxRandomCrop."""
    return [Step("AtLeastOneBBoxRandomCrop", {"size": a.size(), **_safe(a, "erosion_factor")})]


def safe_crop(a: Given) -> Steps:
    """BBoxSafeRandomCrop."""
    return [Step("BBoxSafeRandomCrop", _safe(a, "erosion_rate"))]


def sized_safe_crop(a: Given) -> Steps:
    """RandomSizedBBoxSafeCrop."""
    arguments = {"size": a.size(), **_safe(a, "erosion_rate"), **a.resample()}
    return [Step("RandomSizedBBoxSafeCrop", arguments)]


def non_empty_crop(a: Given) -> Steps:
    """CropNonEmptyMaskIfExists."""
    a.expect("ignore_channels", None)
    ignored = tuple(float(v) for v in a["ignore_values"] or ())
    return [Step("CropNonEmptyMaskIfExists", {"size": a.size(), "ignore_values": ignored})]


def random_resized_crop(a: Given) -> Steps:
    """RandomResizedCrop."""
    scale, ratio = a.pair("scale"), a.pair("ratio")
    return [Step("RandomResizedCrop", {"size": a.size(), "scale": scale, "ratio": ratio,
                                       **a.resample()})]  # fmt: skip


def random_sized_crop(a: Given) -> Steps:
    """RandomSizedCrop: one choice a height, as many as 256."""
    low, high = a.whole("min_max_height")
    if high - low > 255:
        raise Skip(f"{high - low + 1} heights to choose from (here at most 256)")
    ratio = float(a["w2h_ratio"])
    end = Step("Resize", {"size": a.size(), **a.resample()})
    crops = tuple(
        Sequence((Step("RandomCrop", {"size": (h, max(1, int(h * ratio)))}), end))
        for h in range(low, high + 1)
    )
    return [crops[0] if len(crops) == 1 else OneOf(crops)]


def crop_and_pad(a: Given) -> Steps:
    """CropAndPad by shares."""
    if a["px"] is not None or a["percent"] is None:
        raise Skip(f"px={a['px']!r} (here shares of the sides)")
    a.expect("sample_independently", True)
    value = a["percent"]
    if isinstance(value, (int, float)):
        sides = [(float(value), float(value))] * 4
    elif len(value) == 2:
        sides = [(float(min(value)), float(max(value)))] * 4
    else:
        sides = [(float(v), float(v)) if isinstance(v, (int, float)) else tuple(v) for v in value]
    names = ("top", "right", "bottom", "left")
    ranges = dict(zip(names, sides, strict=True))
    return [Step("CropAndPad", {**ranges, "keep_size": a["keep_size"], **a.sampling()})]


def crop_from_borders(a: Given) -> Steps:
    """RandomCropFromBorders."""
    sides = {side: (-float(a[f"crop_{side}"]), 0.0) for side in ("top", "right", "bottom", "left")}
    return [Step("CropAndPad", {**sides, "keep_size": False, "antialias": False})]


def elastic(a: Given) -> Steps:
    """ElasticTransform: another field of the same strength."""
    alpha, sigma = abs(float(a["alpha"])), float(a["sigma"])
    # White noise after a Gaussian window keeps 1 / (2 sqrt(pi) sigma) of its deviation.
    pixels = alpha / (2 * math.sqrt(math.pi) * max(sigma, 0.3))
    amount = min(pixels / (ELASTIC * ELASTIC_SIDE), 0.25)
    a.changed(
        f"a coarse random grid, as strong as theirs on {ELASTIC_SIDE} pixels a side; theirs is "
        f"a blurred field of every pixel, in pixels (alpha={alpha:g}, sigma={sigma:g})"
    )
    return [Step("Elastic", {"amount": (amount, amount), **a.sampling()})]


def grid_distortion(a: Given) -> Steps:
    """GridDistortion: another grid."""
    cells = int(a["num_steps"])
    near = min((2, 3, 4, 6, 9, 12, 18), key=lambda c: abs(c - cells))
    low, high = a.pair("distort_limit")
    # There the lines' errors add up from the rim on.
    reach = min(2.2 * max(abs(low), abs(high)), 0.66)
    a.changed(f"{near} cells a side whose lines move on their own; {cells} widths there")
    return [Step("GridDistortion", {"amount": (reach, reach), "cells": near, **a.sampling()})]


def optical_distortion(a: Given) -> Steps:
    """OpticalDistortion of mode camera."""
    a.expect("mode", "camera")
    a.changed("the center lies half a pixel off there, which moves pixels by up to one")
    return [Step("OpticalDistortion", {"distortion": a.pair("distort_limit"), **a.sampling()})]


def piecewise_affine(a: Given) -> Steps:
    """PiecewiseAffine: evenly drawn moves."""
    a.expect("absolute_scale", False)
    rows = a.whole("nb_rows")
    cells = min((2, 3, 4, 6, 9, 12, 18), key=lambda c: abs(c - (rows[0] - 1)))
    scale = a["scale"] if isinstance(a["scale"], (tuple, list)) else (a["scale"],) * 2
    reach = [min(12**0.5 * float(v) * cells, 0.33) for v in scale]
    a.changed("nodes move evenly up to `amount` of a cell, normally there; the rim stays")
    return [Step("PiecewiseAffine", {"amount": (reach[0], reach[1]), "cells": cells,
                                     **a.sampling()})]  # fmt: skip


def thin_plate_spline(a: Given) -> Steps:
    """ThinPlateSpline: evenly drawn moves."""
    low, high = a.pair("scale_range")
    a.changed("control points move evenly up to `amount` of the sides, normally there")
    amount = min(low * 3**0.5, 0.25), min(high * 3**0.5, 0.25)
    return [Step("ThinPlateSpline", {"amount": amount, **a.sampling()})]


TABLE: dict[str, Callable[[Given], Steps]] = {
    "Affine": affine,
    "AtLeastOneBBoxRandomCrop": one_box_crop,
    "BBoxSafeRandomCrop": safe_crop,
    "CenterCrop": _crop("CenterCrop"),
    "Crop": crop,
    "CropAndPad": crop_and_pad,
    "CropNonEmptyMaskIfExists": non_empty_crop,
    "D4": plain("D4"),
    "ElasticTransform": elastic,
    "GridDistortion": grid_distortion,
    "HorizontalFlip": plain("HorizontalFlip"),
    "LongestMaxSize": _max_size("LongestMaxSize"),
    "NoOp": plain("Identity"),
    "OpticalDistortion": optical_distortion,
    "Pad": pad,
    "PadIfNeeded": pad_if_needed,
    "Perspective": perspective,
    "PiecewiseAffine": piecewise_affine,
    "RandomCrop": _crop("RandomCrop"),
    "RandomCropFromBorders": crop_from_borders,
    "RandomResizedCrop": random_resized_crop,
    "RandomRotate90": plain("RandomRotate90"),
    "RandomScale": random_scale,
    "RandomSizedBBoxSafeCrop": sized_safe_crop,
    "RandomSizedCrop": random_sized_crop,
    "Resize": resize,
    "Rotate": rotate,
    "SafeRotate": safe_rotate,
    "ShiftScaleRotate": shift_scale_rotate,
    "SmallestMaxSize": _max_size("SmallestMaxSize"),
    "SquareSymmetry": plain("D4"),
    "ThinPlateSpline": thin_plate_spline,
    "Transpose": plain("Transpose"),
    "VerticalFlip": plain("VerticalFlip"),
}
