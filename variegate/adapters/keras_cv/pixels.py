"""KerasCV's layers that change levels and colors or hide parts, by its own names and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from variegate.adapters.keras_cv.factors import both_sides, factor
from variegate.adapters.keras_cv.layer import Layer
from variegate.adapters.keras_cv.levels import LEVELS
from variegate.errors import PolicyError
from variegate.policy.nodes import Node, Step

Range = Sequence[float]
FULL = 255.0
MOST = 1000.0  # times the saturation, which is then full wherever there is any


def AutoContrast(value_range: Range, seed: int | None = None) -> Layer:
    """Stretch each channel over the full range."""
    return Layer("AutoContrast", [Step("AutoContrast")], seed=seed, value_range=value_range)


def Equalization(value_range: Range, bins: int = 256, seed: int | None = None) -> Layer:
    """Give each channel an even histogram."""
    if bins != 256:
        raise PolicyError(f"Equalization: expected bins=256, got {bins!r}")
    return Layer("Equalization", [Step("Equalize")], seed=seed, value_range=value_range)


def Posterization(value_range: Range, bits: int, seed: int | None = None) -> Layer:
    """Keep the highest bits."""
    steps = [Step("Posterize", {"bits": (bits, bits)})]
    return Layer("Posterization", steps, seed=seed, value_range=value_range)


def Solarization(
    value_range: Range,
    addition_factor: Any = 0.0,
    threshold_factor: Any = 0.0,
    seed: int | None = None,
) -> Layer:
    """Add to every level, then invert what reaches the threshold."""
    add = factor(addition_factor, "Solarization.addition_factor", high=FULL)
    threshold = factor(threshold_factor, "Solarization.threshold_factor", high=FULL)
    steps: list[Node] = []
    if add != (0.0, 0.0):
        steps.append(Step("SolarizeAdd", {"add": add, "threshold": (256.0, 256.0)}))
    steps.append(Step("Solarize", {"threshold": threshold}))
    return Layer("Solarization", steps, seed=seed, value_range=value_range)


def Grayscale(output_channels: int = 1) -> Layer:
    """The gray, in one channel or three equal ones; the same for every image."""
    steps = [Step("Grayscale", {"output_channels": output_channels})]
    return Layer("Grayscale", steps, inference=steps)


def ChannelShuffle(groups: int = 3, seed: int | None = None) -> Layer:
    """Put the channels into a random order."""
    if groups != 3:
        raise PolicyError(f"ChannelShuffle: expected groups=3, got {groups!r}")
    return Layer("ChannelShuffle", [Step("ChannelShuffle")], seed=seed)


def RandomChannelShift(
    value_range: Range, factor: Any, channels: int = 3, seed: int | None = None
) -> Layer:
    """Add to each channel up to half of `factor` of the full range, to either side."""
    if channels != 3:
        raise PolicyError(f"RandomChannelShift: expected channels=3, got {channels!r}")
    low, high = _factor(factor, "RandomChannelShift.factor")
    if low != 0:
        raise PolicyError(f"RandomChannelShift: expected a factor from 0 on, got {factor!r}")
    shift = (-high * FULL / 2, high * FULL / 2)
    steps = [Step("RGBShift", {"red": shift, "green": shift, "blue": shift})]
    return Layer("RandomChannelShift", steps, seed=seed, value_range=value_range)


_factor = factor


def RandomColorDegeneration(factor: Any, seed: int | None = None) -> Layer:
    """Go toward the gray: 0 leaves the image, 1 is gray."""
    amount = _factor(factor, "RandomColorDegeneration.factor")
    return Layer("RandomColorDegeneration", [Step("ToGray", {"amount": amount})], seed=seed)


def RandomBrightness(factor: Any, value_range: Range = LEVELS, seed: int | None = None) -> Layer:
    """Add a share of the full range; a number reaches to both sides."""
    steps = [_brighter(factor, "RandomBrightness.factor")]
    return Layer("RandomBrightness", steps, seed=seed, value_range=value_range)


def RandomContrast(value_range: Range, factor: Any, seed: int | None = None) -> Layer:
    """Scale by 1 - f to 1 + f about the mean of the gray (there of each channel)."""
    steps = [_contrast(factor, "RandomContrast.factor")]
    return Layer("RandomContrast", steps, seed=seed, value_range=value_range)


def RandomHue(factor: Any, value_range: Range, seed: int | None = None) -> Layer:
    """Turn the hue by up to half a turn times `factor`, to either side."""
    steps = [_hue(factor, "RandomHue.factor")]
    return Layer("RandomHue", steps, seed=seed, value_range=value_range)


def RandomSaturation(factor: Any, seed: int | None = None) -> Layer:
    """Scale the saturation of HSV by x / (1 - x): 0 is gray, 0.5 unchanged. Drawn evenly after
    that.
    """
    return Layer("RandomSaturation", [_saturation(factor, "RandomSaturation.factor")], seed=seed)


def RandomSharpness(factor: Any, value_range: Range, seed: int | None = None) -> Layer:
    """Go toward the smoothed image: 0 leaves the image, 1 is smooth."""
    low, high = _factor(factor, "RandomSharpness.factor")
    steps = [Step("Sharpness", {"factor": (1 - high, 1 - low)})]
    return Layer("RandomSharpness", steps, seed=seed, value_range=value_range)


def RandomColorJitter(
    value_range: Range,
    brightness_factor: Any,
    contrast_factor: Any,
    saturation_factor: Any,
    hue_factor: Any,
    seed: int | None = None,
) -> Layer:
    """RandomBrightness, RandomContrast, RandomSaturation and RandomHue, in this order."""
    steps = [
        _brighter(brightness_factor, "RandomColorJitter.brightness_factor"),
        _contrast(contrast_factor, "RandomColorJitter.contrast_factor"),
        _saturation(saturation_factor, "RandomColorJitter.saturation_factor"),
        _hue(hue_factor, "RandomColorJitter.hue_factor"),
    ]
    return Layer("RandomColorJitter", steps, seed=seed, value_range=value_range)


def _brighter(value: Any, name: str) -> Step:
    ranges = {"brightness": both_sides(value, name), "contrast": (0.0, 0.0)}
    return Step("RandomBrightnessContrast", ranges)


def _contrast(value: Any, name: str) -> Step:
    low, high = value if isinstance(value, (tuple, list)) else (value, value)
    return Step("Contrast", {"factor": factor((1 - low, 1 + high), name, high=2.0)})


def _saturation(value: Any, name: str) -> Step:
    low, high = factor(value, name)
    ranges = tuple(min(x / (1 - x), MOST) if x < 1 else MOST for x in (low, high))
    return Step(
        "HueSaturationValue", {"hue": (0.0, 0.0), "saturation": ranges, "value": (1.0, 1.0)}
    )


def _hue(value: Any, name: str) -> Step:
    low, high = factor(value, name)
    if low != 0:
        raise PolicyError(f"{name}: expected a factor from 0 on, got {value!r}")
    one = (1.0, 1.0)
    turn = (-180 * high, 180 * high)
    return Step("HueSaturationValue", {"hue": turn, "saturation": one, "value": one})


def RandomGaussianBlur(kernel_size: Any, factor: Any, seed: int | None = None) -> Layer:
    """Blur by a random deviation; the window follows from it, `kernel_size` must reach as far."""
    low, high = _factor(factor, "RandomGaussianBlur.factor", high=None)
    sides = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
    if min(sides) < 2 * high:
        raise PolicyError(
            f"RandomGaussianBlur: kernel_size={kernel_size!r} cuts off a Gaussian of deviation "
            f"{high:g}; here windows are never smaller than 2 deviations"
        )
    steps = [Step("GaussianBlur", {"sigma": (low, high)})]
    return Layer("RandomGaussianBlur", steps, seed=seed)


def RandomJpegQuality(factor: Any, seed: int | None = None) -> Layer:
    """Compress as JPEG with a random quality."""
    if isinstance(factor, (int, float)):
        raise PolicyError(f"RandomJpegQuality.factor: expected a pair, got {factor!r}")
    low, high = _factor(factor, "RandomJpegQuality.factor", high=100.0)
    quality = (max(round(low), 1), max(round(high), 1))
    return Layer("RandomJpegQuality", [Step("JpegCompression", {"quality": quality})], seed=seed)


def GridMask(
    ratio_factor: Any = (0, 0.5),
    rotation_factor: float = 0.15,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    seed: int | None = None,
) -> Layer:
    """Hide the squares of a turned grid; its period is 0.3 to 0.5 of the shorter side."""
    if fill_mode != "constant":
        raise PolicyError(f"GridMask.fill_mode: expected 'constant', got {fill_mode!r}")
    turn = 360 * abs(float(rotation_factor))
    arguments = {
        "ratio": factor(ratio_factor, "GridMask.ratio_factor"),
        "angle": (-turn, turn),
        "period": (0.3, 0.5),
        "fill": fill_value,
        "guard": False,
    }
    return Layer("GridMask", [Step("GridMask", arguments)], seed=seed)


def RandomCutout(
    height_factor: Any,
    width_factor: Any,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    seed: int | None = None,
) -> Layer:
    """Hide one rectangle, wholly inside the image (there its center is anywhere)."""
    if fill_mode not in ("constant", "gaussian_noise"):
        raise PolicyError("RandomCutout.fill_mode: expected 'constant' or 'gaussian_noise'")
    arguments: dict[str, Any] = {
        "count": (1, 1),
        "height": factor(height_factor, "RandomCutout.height_factor"),
        "width": factor(width_factor, "RandomCutout.width_factor"),
        "guard": False,
    }
    noise = {"mode": "noise"} if fill_mode == "gaussian_noise" else {"fill": fill_value}
    return Layer("RandomCutout", [Step("CoarseDropout", {**arguments, **noise})], seed=seed)
