"""KerasCV's layers that move pixels, by its own names and arguments."""

from __future__ import annotations

from typing import Any

from variegate.adapters.keras_cv.factors import both_sides, factor, sampling
from variegate.adapters.keras_cv.layer import Layer
from variegate.errors import PolicyError
from variegate.policy.nodes import Step

FLIPS = {
    "horizontal": ("HorizontalFlip",),
    "vertical": ("VerticalFlip",),
    "horizontal_and_vertical": ("HorizontalFlip", "VerticalFlip"),
}


def RandomFlip(
    mode: str = "horizontal",
    rate: float = 0.5,
    seed: int | None = None,
    bounding_box_format: str | None = None,
) -> Layer:
    """Mirror left and right, top and bottom, or both, each with chance `rate`."""
    if mode not in FLIPS:
        raise PolicyError(f"RandomFlip.mode: expected one of {', '.join(FLIPS)}, got {mode!r}")
    steps = [Step(op, p=rate) for op in FLIPS[mode]]
    return Layer("RandomFlip", steps, seed=seed, bounding_box_format=bounding_box_format)


def RandomRotation(
    factor: Any,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    seed: int | None = None,
    fill_value: float = 0.0,
    bounding_box_format: str | None = None,
    segmentation_classes: int | None = None,
) -> Layer:
    """Turn by shares of a full turn, counter-clockwise; a number reaches to both sides.
    segmentation_classes is not needed: masks are nearest.
    """
    low, high = both_sides(factor, "RandomRotation.factor")
    way = sampling(fill_mode, fill_value, interpolation)
    steps = [Step("Rotate", {"angle": (360 * low, 360 * high), **way})]
    return Layer("RandomRotation", steps, seed=seed, bounding_box_format=bounding_box_format)


def RandomShear(
    x_factor: Any = None,
    y_factor: Any = None,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    bounding_box_format: str | None = None,
    seed: int | None = None,
) -> Layer:
    """Slide rows and then columns, to either side, about the center (there about a corner)."""
    way = sampling(fill_mode, fill_value, interpolation)
    steps = []
    for op, value in (("ShearX", x_factor), ("ShearY", y_factor)):
        if value is not None:
            low, high = factor(value, f"RandomShear.{op[-1].lower()}_factor", high=2.0)
            if low != 0:
                raise PolicyError(f"RandomShear: expected factors from 0 on, got {value!r}")
            steps.append(Step(op, {"slope": (-high, high), **way}))
    return Layer("RandomShear", steps, seed=seed, bounding_box_format=bounding_box_format)


def RandomTranslation(
    height_factor: Any,
    width_factor: Any,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    seed: int | None = None,
    fill_value: float = 0.0,
    bounding_box_format: str | None = None,
) -> Layer:
    """Move down and right by shares of the sides; one resampling in all."""
    way = sampling(fill_mode, fill_value, interpolation)
    down = both_sides(height_factor, "RandomTranslation.height_factor")
    right = both_sides(width_factor, "RandomTranslation.width_factor")
    steps = [
        Step("TranslateX", {"fraction": right, **way}),
        Step("TranslateY", {"fraction": down, **way}),
    ]
    return Layer("RandomTranslation", steps, seed=seed, bounding_box_format=bounding_box_format)


def RandomZoom(
    height_factor: Any,
    width_factor: Any = None,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    seed: int | None = None,
    fill_value: float = 0.0,
) -> Layer:
    """Show 1 + factor times as much: above 0 zooms out, below 0 in. The factor of the size is drawn
    evenly (there its inverse is).
    """
    way = sampling(fill_mode, fill_value, interpolation)
    tall = _inverse(height_factor, "RandomZoom.height_factor")
    if width_factor is None:
        return Layer("RandomZoom", [Step("Zoom", {"factor": tall, **way})], seed=seed)
    wide = _inverse(width_factor, "RandomZoom.width_factor")
    return Layer("RandomZoom", [Step("Stretch", {"x": wide, "y": tall, **way})], seed=seed)


def _inverse(value: Any, name: str) -> tuple[float, float]:
    low, high = both_sides(value, name)
    if low <= -1:
        raise PolicyError(f"{name}: expected above -1, got {value!r}")
    return 1 / (1 + high), 1 / (1 + low)


def RandomCrop(
    height: int, width: int, seed: int | None = None, bounding_box_format: str | None = None
) -> Layer:
    """Cut a window out; a smaller image is padded (there it is enlarged)."""
    size = {"size": (height, width)}
    return Layer(
        "RandomCrop",
        [Step("RandomCrop", size)],
        seed=seed,
        bounding_box_format=bounding_box_format,
        inference=[Step("CenterCrop", size)],
    )


def RandomCropAndResize(
    target_size: tuple[int, int],
    crop_area_factor: Any,
    aspect_ratio_factor: Any,
    interpolation: str = "bilinear",
    bounding_box_format: str | None = None,
    seed: int | None = None,
) -> Layer:
    """Cut a part out and resize it; aspects are drawn evenly in their logarithm."""
    arguments = {
        "size": tuple(target_size),
        "scale": factor(crop_area_factor, "RandomCropAndResize.crop_area_factor"),
        "ratio": factor(aspect_ratio_factor, "RandomCropAndResize.aspect_ratio_factor", high=None),
        "resample": sampling("constant", 0.0, interpolation)["resample"],
    }
    still = {"size": arguments["size"], "resample": arguments["resample"]}
    return Layer(
        "RandomCropAndResize",
        [Step("RandomResizedCrop", arguments)],
        seed=seed,
        bounding_box_format=bounding_box_format,
        inference=[Step("Resize", still)],
    )


def JitteredResize(
    target_size: tuple[int, int],
    scale_factor: Any,
    crop_size: tuple[int, int] | None = None,
    bounding_box_format: str | None = None,
    interpolation: str = "bilinear",
    seed: int | None = None,
) -> Layer:
    """Scale to a random multiple of what fits into the target, then cut out or pad to it."""
    way = {"resample": sampling("constant", 0.0, interpolation)["resample"]}
    scale = factor(scale_factor, "JitteredResize.scale_factor", high=None)
    size = tuple(target_size if crop_size is None else crop_size)
    steps = [
        Step("ScaleJitter", {"factor": scale, "size": tuple(target_size), **way}),
        Step("RandomCrop", {"size": size}),
    ]
    still = [Step("Letterbox", {"size": size, "position": "top_left", **way})]
    return Layer(
        "JitteredResize",
        steps,
        seed=seed,
        bounding_box_format=bounding_box_format,
        inference=still,
    )


def RandomAspectRatio(factor: Any, **ignored: Any) -> Layer:
    """Not there: images of a batch would have as many sizes as there are draws."""
    raise PolicyError("RandomAspectRatio: no counterpart; see RandomZoom with two factors")


def Resizing(
    height: int,
    width: int,
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    bounding_box_format: str | None = None,
) -> Layer:
    """Resize, cut off or padded where the aspect is to stay; antialiased, unlike there."""
    size, way = (height, width), sampling("constant", 0.0, interpolation)
    sampled = {"size": size, "resample": way["resample"]}
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise PolicyError("Resizing: expected crop_to_aspect_ratio or pad_to_aspect_ratio")
    step = Step("Resize", sampled)
    if crop_to_aspect_ratio:
        ratio = (width / height, width / height)
        step = Step("RandomResizedCrop", {**sampled, "scale": (1.0, 1.0), "ratio": ratio})
    if pad_to_aspect_ratio:
        step = Step("Letterbox", {**sampled, "position": "top_left"})
    form = bounding_box_format
    return Layer("Resizing", [step], bounding_box_format=form, inference=[step])
