"""Steps in the words of Albumentations 2.0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from variegate.adapters.code.call import Call, Missing, Range, number

RESAMPLES = {"nearest": 0, "bilinear": 1, "bicubic": 2}  # OpenCV's numbers
BORDERS = {"constant": 0, "edge": 1, "reflect": 2, "wrap": 3}
STILL = {"scale": (1.0, 1.0), "rotate": (0.0, 0.0)}


def _a(call: Call, name: str, **arguments: Any) -> str:
    given = [f"{key}={value!r}" for key, value in arguments.items()]
    return f"A.{name}({', '.join([*given, f'p={call.p!r}'])})"


def _plain(name: str, **arguments: Any) -> Callable[[Call], str]:
    return lambda call: _a(call, name, **arguments)


def _border(call: Call) -> dict[str, Any]:
    return {
        "border_mode": BORDERS[call.settings["border"]],
        "fill": _fill(call),
    }


def _fill(call: Call) -> Any:
    fill = call.settings["fill"]
    return tuple(fill) if isinstance(fill, tuple | list) else number(fill)


def _sampling(call: Call) -> dict[str, Any]:
    return {"interpolation": RESAMPLES[call.settings["resample"]], **_border(call)}


def _resample(call: Call) -> dict[str, Any]:
    if call.settings.get("antialias"):
        call.changed("not antialiased there")
    return {"interpolation": RESAMPLES[call.settings["resample"]]}


def _rotate(call: Call) -> str:
    if call.settings.get("expand"):
        raise Missing(f"{call.op}(expand=True)")
    return _a(call, call.op, limit=call.pair("angle"), **_sampling(call))


def _degrees(slope: Range) -> Range:
    return number(-math.degrees(math.atan(slope[1]))), number(-math.degrees(math.atan(slope[0])))


def _affine(call: Call, **moved: Any) -> str:
    """Affine with what is given moved and the rest still; all that moves by itself is named, as its
    defaults may draw.
    """
    none = (0.0, 0.0)
    given: dict[str, Any] = {"scale": (1.0, 1.0), "rotate": none, "shear": {"x": none, "y": none}}
    return _a(call, "Affine", **{**given, **moved}, **_sampling(call))


def _shear(axis: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        if call.ranges["slope"][0] != call.ranges["slope"][1]:
            call.changed("angles are drawn evenly there, slopes here")
        moved = {"x": (0.0, 0.0), "y": (0.0, 0.0), axis: _degrees(call.ranges["slope"])}
        return _affine(call, shear=moved)

    return write


def _translate(axis: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        call.changed("whole pixels there")
        moved = {"x": (0.0, 0.0), "y": (0.0, 0.0), axis: call.pair("fraction")}
        return _affine(call, translate_percent=moved)

    return write


def _zoom(call: Call) -> str:
    return _affine(call, scale=call.pair("factor"), keep_ratio=True)


def _stretch(call: Call) -> str:
    return _affine(call, scale={"x": call.pair("x"), "y": call.pair("y")})


def _jitter(name: str, param: str = "factor") -> Callable[[Call], str]:
    """ColorJitter with one of its factors."""

    def write(call: Call) -> str:
        one = (1.0, 1.0)
        factors: dict[str, Any] = {"brightness": one, "contrast": one, "saturation": one}
        return _a(call, "ColorJitter", **{**factors, name: call.pair(param), "hue": (0.0, 0.0)})

    return write


def _color_jitter(call: Call) -> str:
    call.changed("a random order there")
    factors = {name: call.pair(name) for name in ("brightness", "contrast", "saturation")}
    return _a(call, "ColorJitter", **factors, hue=call.pair("hue", 1 / 360))


def _sized(name: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        height, width = call.settings["size"]
        return _a(call, name, height=height, width=width, **_resample(call))

    return write


def _crop_to(call: Call) -> str:
    height, width = call.settings["size"]
    return _a(
        call, call.op, height=height, width=width, pad_if_needed=True, **_border(call)
    )  # fmt: skip


def _crop(call: Call) -> str:
    left, top, right, bottom = call.settings["box"]
    return _a(call, "Crop", x_min=left, y_min=top, x_max=right, y_max=bottom)


def _resized_crop(call: Call) -> str:
    given = {name: tuple(call.settings[name]) for name in ("size", "scale", "ratio")}
    return _a(call, "RandomResizedCrop", **given, **_resample(call))


def _pad(call: Call) -> str:
    top, right, bottom, left = call.settings["padding"]
    return _a(call, "Pad", padding=(left, top, right, bottom), **_border(call))


def _pad_if_needed(call: Call) -> str:
    call.expect("divisor", 1)
    height, width = call.settings["size"]
    return _a(
        call, "PadIfNeeded", min_height=height, min_width=width,
        position=call.settings["position"], **_border(call),
    )  # fmt: skip


def _max_size(call: Call) -> str:
    return _a(call, call.op, max_size=call.settings["max_size"], **_resample(call))


def _solarize(call: Call) -> str:
    low, high = call.pair("threshold", 1 / 255)
    return _a(call, "Solarize", threshold_range=(min(low, 1.0), min(high, 1.0)))


def _gray(call: Call) -> str:
    call.expect("output_channels", 3)
    return _a(call, "ToGray", num_output_channels=3)


def _brightness_contrast(call: Call) -> str:
    return _a(
        call, "RandomBrightnessContrast", brightness_limit=call.pair("brightness"),
        contrast_limit=call.pair("contrast"),
    )  # fmt: skip


def _blur(call: Call) -> str:
    return _a(call, "GaussianBlur", sigma_limit=call.pair("sigma"), blur_limit=0)


def _median(call: Call) -> str:
    low, high = call.whole("radius")
    if low < 1:
        raise Missing("MedianBlur of radius 0")
    return _a(call, "MedianBlur", blur_limit=(2 * low + 1, 2 * high + 1))


def _clahe(call: Call) -> str:
    grid = tuple(call.settings["tile_grid_size"])
    return _a(call, "CLAHE", clip_limit=call.pair("clip_limit"), tile_grid_size=grid)


def _shift(call: Call) -> str:
    names = {"r": "red", "g": "green", "b": "blue"}
    return _a(call, "RGBShift", **{f"{k}_shift_limit": call.pair(v) for k, v in names.items()})


def _dropout(call: Call) -> str:
    call.expect("mode", "level")
    shares = {f"hole_{side}_range": tuple(call.settings[side]) for side in ("height", "width")}
    return _a(
        call, "CoarseDropout", num_holes_range=call.whole("count"), **shares, fill=_fill(call)
    )


def _erasing(call: Call) -> str:
    call.expect("mode", "level")
    given = {name: tuple(call.settings[name]) for name in ("scale", "ratio")}
    return _a(call, "Erasing", **given, fill=_fill(call))


def _turns(call: Call) -> str:
    if call.whole("turns") != (0, 3):
        raise Missing(f"RandomRotate90(turns={call.whole('turns')})")
    return _a(call, "RandomRotate90")


def _normalize(call: Call) -> str:
    given = call.settings
    if given["dtype"] != "float32":
        raise Missing(f"Normalize(dtype={given['dtype']!r})")
    made = _a(call, "Normalize", mean=tuple(given["mean"]), std=tuple(given["std"]))
    return made + (",\n    ToTensorV2()" if given["layout"] == "NCHW" else "")


STEPS: dict[str, Callable[[Call], str]] = {
    "AutoContrast": _plain("AutoContrast", method="pil"),
    "Brightness": _jitter("brightness"),
    "CLAHE": _clahe,
    "CenterCrop": _crop_to,
    "ChannelShuffle": _plain("ChannelShuffle"),
    "CoarseDropout": _dropout,
    "Color": _jitter("saturation"),
    "ColorJitter": _color_jitter,
    "Contrast": _jitter("contrast"),
    "Crop": _crop,
    "D4": _plain("D4"),
    "Equalize": _plain("Equalize", mode="pil"),
    "Gamma": lambda c: _a(c, "RandomGamma", gamma_limit=c.pair("gamma", 100)),
    "GaussianBlur": _blur,
    "GaussianNoise": lambda c: _a(c, "GaussNoise", std_range=c.pair("sigma")),
    "Grayscale": _gray,
    "HorizontalFlip": _plain("HorizontalFlip"),
    "Identity": _plain("NoOp"),
    "Invert": _plain("InvertImg"),
    "JpegCompression": lambda c: _a(c, "ImageCompression", quality_range=c.whole("quality")),
    "LongestMaxSize": _max_size,
    "MedianBlur": _median,
    "Normalize": _normalize,
    "Pad": _pad,
    "PadIfNeeded": _pad_if_needed,
    "Posterize": lambda c: _a(c, "Posterize", num_bits=c.whole("bits")),
    "RGBShift": _shift,
    "RandomBrightnessContrast": _brightness_contrast,
    "RandomCrop": _crop_to,
    "RandomErasing": _erasing,
    "RandomResizedCrop": _resized_crop,
    "RandomRotate90": _turns,
    "Resize": _sized("Resize"),
    "Rotate": _rotate,
    "ShearX": _shear("x"),
    "ShearY": _shear("y"),
    "SmallestMaxSize": _max_size,
    "Solarize": _solarize,
    "Stretch": _stretch,
    "TranslateX": _translate("x"),
    "TranslateY": _translate("y"),
    "Transpose": _plain("Transpose"),
    "VerticalFlip": _plain("VerticalFlip"),
    "Zoom": _zoom,
}


def sequence(steps: Sequence[str], chance: float) -> str:
    """All or none."""
    return f"A.Sequential([{', '.join(steps)}], p={chance!r})"


def one_of(steps: Sequence[str], weights: Sequence[float], chance: float) -> str:
    """One by weight. The p of what stands in A.OneOf is its weight, so each gets a list around."""
    plain = all(w == 1 and s.endswith("p=1.0)") for s, w in zip(steps, weights, strict=True))
    listed = list(steps)
    if not plain:
        listed = [sequence([step], weight) for step, weight in zip(steps, weights, strict=True)]
    return f"A.OneOf([{', '.join(listed)}], p={chance!r})"


def file(steps: Sequence[str]) -> str:
    """The module."""
    tensor = "from albumentations.pytorch import ToTensorV2\n"
    head = "import albumentations as A\n" + (tensor if "ToTensorV2" in "".join(steps) else "")
    lines = "".join(f"    {step},\n" for step in steps)
    return f"{head}\ntransform = A.Compose([\n{lines}])\n"
