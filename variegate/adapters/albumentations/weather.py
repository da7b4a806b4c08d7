"""Albumentations' weather, light, references and mixes, as steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from variegate.adapters.albumentations.geometry import Steps
from variegate.adapters.albumentations.given import Given, Skip
from variegate.policy.nodes import Step

RAIN = {"drizzle": 1 / 4, "default": 1.0, "heavy": 1.0, "torrential": 2.0}
FEW_DROPS, MANY_DROPS = 60, 120


def fancy_pca(a: Given) -> Steps:
    """FancyPCA."""
    a.changed("all pixels move by one amount along the axes; there they stray from their mean")
    alpha = float(a["alpha"])
    return [Step("FancyPCA", {"alpha": (alpha, alpha)})]


def illumination(a: Given) -> Steps:
    """Illumination."""
    if a["mode"] == "linear":
        a.changed(
            "mode='linear': from 1 to 1 + intensity; there from 1 - intensity to 1 + intensity"
        )
    elif a["mode"] == "corner":
        a.changed("mode='corner': brighter or darker near the corner; there away from it")
    arguments = {
        "intensity": a.pair("intensity_range"),
        "angle": a.pair("angle_range"),
        "sigma": a.pair("sigma_range"),
        "center": a.pair("center_range"),
        "mode": a["mode"],
        "effect_type": a["effect_type"],
    }
    return [Step("Illumination", arguments)]


def fog(a: Given) -> Steps:
    """RandomFog: other puffs."""
    a.changed("60 soft puffs; there circles about a path, and the image is blurred")
    alpha = float(a["alpha_coef"])
    return [Step("RandomFog", {"fog_coef": a.pair("fog_coef_range"), "alpha_coef": alpha})]


def rain(a: Given) -> Steps:
    """RandomRain: as many drops whatever the size."""
    share = RAIN.get(a["rain_type"])
    if share is None:
        raise Skip(f"rain_type={a['rain_type']!r}")
    few, many = round(FEW_DROPS * share), round(MANY_DROPS * share)
    a.changed(f"{few} to {many} drops; there their number follows from the image's size")
    arguments: dict[str, Any] = {
        "count": (few, many),
        "slant": a.pair("slant_range"),
        "drop_color": tuple(float(v) for v in a["drop_color"]),
    }
    for key in ("drop_length", "drop_width", "blur_value", "brightness_coefficient"):
        arguments[key] = a[key]
    return [Step("RandomRain", arguments)]


def snow(a: Given) -> Steps:
    """RandomSnow."""
    if a["method"] == "texture":
        a.changed("method='texture': another texture and other flakes")
    bright = float(a["brightness_coeff"])
    arguments = {
        "brightness_coeff": (bright, bright),
        "snow_point": a.pair("snow_point_range"),
        "method": a["method"],
    }
    return [Step("RandomSnow", arguments)]


def shadow(a: Given) -> Steps:
    """RandomShadow: corners in order around the middle."""
    a.changed("corners go once around; there in any order")
    arguments = {
        "shadow_intensity": a.pair("shadow_intensity_range"),
        "num_shadows": a.whole("num_shadows_limit"),
        "shadow_roi": tuple(float(v) for v in a["shadow_roi"]),
        "shadow_dimension": int(a["shadow_dimension"]),
    }
    return [Step("RandomShadow", arguments)]


def sun_flare(a: Given) -> Steps:
    """RandomSunFlare by its overlay."""
    a.expect("method", "overlay")
    a.changed("a smooth glow and other circles")
    arguments = {
        "angle": a.pair("angle_range"),
        "num_flare_circles": a.whole("num_flare_circles_range"),
        "flare_roi": tuple(float(v) for v in a["flare_roi"]),
        "src_radius": int(a["src_radius"]),
        "src_color": tuple(float(v) for v in a["src_color"]),
    }
    return [Step("RandomSunFlare", arguments)]


def grid_shuffle(a: Given) -> Steps:
    """RandomGridShuffle."""
    rows, columns = a["grid"]
    return [Step("RandomGridShuffle", {"grid": (int(rows), int(columns))})]


def _references(a: Given) -> tuple[Any, ...]:
    """Reference images as arrays, through `read_fn` where one is given."""
    given, read = a["reference_images"], a["read_fn"]
    if given is None:
        raise Skip(f"{a['metadata_key']}: references must be known when the step is made")
    images = [read(item) if callable(read) else item for item in given]
    if not images or not all(isinstance(image, np.ndarray) for image in images):
        raise Skip("reference_images: pass arrays, or a read_fn that gives some")
    return tuple(images)


def histogram_matching(a: Given) -> Steps:
    """HistogramMatching."""
    a.changed("levels are counted on the whole reference; there it is resized to the image first")
    ratio = a.pair("blend_ratio")
    return [Step("HistogramMatching", {"reference_images": _references(a), "blend_ratio": ratio})]


def fda(a: Given) -> Steps:
    """FDA: at most 32 waves to each side."""
    a.changed(
        "the reference's own waves, up to 32 to each side; there it is resized to the image first, "
        "and the square of waves lacks its last row and column"
    )
    return [Step("FDA", {"reference_images": _references(a), "beta": a.pair("beta_limit")})]


def _up_to(a: Given, key: str) -> tuple[int, int]:
    """How many stripes, or how thick in pixels: a range, or the largest number from 0 on."""
    value = a[key]
    return (0, int(value)) if isinstance(value, (int, float)) else a.whole(key)


def xy_masking(a: Given) -> Steps:
    """XYMasking: stripes of a thickness in pixels."""
    arguments = {
        "count_x": _up_to(a, "num_masks_x"),
        "count_y": _up_to(a, "num_masks_y"),
        "length_x": _up_to(a, "mask_x_length"),
        "length_y": _up_to(a, "mask_y_length"),
    }
    return [Step("XYMasking", {**arguments, **a.hiding()})]


def mask_dropout(a: Given) -> Steps:
    """MaskDropout: what leaves does so with all that belongs to it."""
    a.expect("fill_mask", 0, 0.0)
    a.changed("boxes are cut to what is seen of them; there by the share of hidden pixels")
    low, high = a.whole("max_objects")
    low = low if isinstance(a["max_objects"], (tuple, list)) else 1
    return [Step("MaskDropout", {"count": (low, high), "fill": a.fill(), "guard": False})]


def mosaic(a: Given) -> Steps:
    """Mosaic of 2x2 images of the batch."""
    a.expect("grid_yx", (2, 2), [2, 2])
    a.expect("mask_interpolation", 0)
    a.expect("fill_mask", 0, 0.0)
    height, width = (int(v) for v in a["target_size"])
    if tuple(a["cell_shape"]) != (height, width):
        raise Skip(f"cell_shape={a['cell_shape']!r}, target_size={a['target_size']!r}: alike here")
    a.changed(
        f"the other images are of the batch, not of {a['metadata_key']!r}; the image itself is "
        "upper left"
    )
    low, high = a.pair("center_range")
    arguments = {"size": (height, width), "center": (1 - high, 1 - low), "fit": a["fit_mode"]}
    return [Step("Mosaic", {**arguments, **a.resample(), "fill": a.fill()})]


TABLE: dict[str, Callable[[Given], Steps]] = {
    "FDA": fda,
    "FancyPCA": fancy_pca,
    "HistogramMatching": histogram_matching,
    "Illumination": illumination,
    "MaskDropout": mask_dropout,
    "Mosaic": mosaic,
    "RandomFog": fog,
    "RandomGridShuffle": grid_shuffle,
    "RandomRain": rain,
    "RandomShadow": shadow,
    "RandomSnow": snow,
    "RandomSunFlare": sun_flare,
    "XYMasking": xy_masking,
}
