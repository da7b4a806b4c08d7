"""Steps in the words of torchvision.transforms.v2, for uint8 tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from variegate.adapters.code.call import Call, Missing, number

RESAMPLES = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC"}
PADS = {"constant": "constant", "edge": "edge"}  # its reflections leave out or repeat the edge


class _Code(str):
    """Text that is written as it is."""

    def __repr__(self) -> str:
        return str(self)


def _v2(name: str, **arguments: Any) -> str:
    return f"v2.{name}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"


def _perhaps(call: Call, made: str) -> str:
    return made if call.p == 1 else f"v2.RandomApply([{made}], p={call.p!r})"


def _chance(name: str) -> Callable[[Call], str]:
    """A transform that has a p of its own."""
    return lambda call: _v2(name, p=call.p)


def _fill(call: Call) -> Any:
    fill = call.settings["fill"]
    return [number(v) for v in fill] if isinstance(fill, tuple | list) else number(fill)


def _way(call: Call) -> dict[str, Any]:
    call.expect("border", "constant")
    return {**_resample(call), "fill": _fill(call)}


def _resample(call: Call) -> dict[str, Any]:
    name = RESAMPLES[call.settings["resample"]]
    return {"interpolation": _Code(f"v2.InterpolationMode.{name}")}


def _rotate(call: Call) -> str:
    expand = bool(call.settings["expand"])
    return _perhaps(
        call, _v2("RandomRotation", degrees=call.pair("angle"), expand=expand, **_way(call))
    )


def _shear(axis: int) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        low, high = call.ranges["slope"]
        if low != high:
            call.changed("angles are drawn evenly there, slopes here")
        turned = [number(-math.degrees(math.atan(v))) for v in (high, low)]
        shear = [*turned, 0.0, 0.0] if axis == 0 else [0.0, 0.0, *turned]
        return _perhaps(call, _v2("RandomAffine", degrees=0, shear=shear, **_way(call)))

    return write


def _translate(axis: int) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        low, high = call.pair("fraction")
        if low != -high:
            raise Missing(f"{call.op}(fraction=({low:g}, {high:g})): evenly about 0 only")
        call.changed("whole pixels there")
        most = (high, 0.0) if axis == 0 else (0.0, high)
        return _perhaps(call, _v2("RandomAffine", degrees=0, translate=most, **_way(call)))

    return write


def _zoom(call: Call) -> str:
    made = _v2("RandomAffine", degrees=0, scale=call.pair("factor"), **_way(call))
    return _perhaps(call, made)


def _jitter(name: str) -> Callable[[Call], str]:
    return lambda call: _perhaps(call, _v2("ColorJitter", **{name: call.pair("factor")}))


def _color_jitter(call: Call) -> str:
    low, high = call.pair("hue", 1 / 360)
    call.changed("a random order there")
    factors = {name: call.pair(name) for name in ("brightness", "contrast", "saturation")}
    return _perhaps(call, _v2("ColorJitter", **factors, hue=(low, high)))


def _of_values(name: str, argument: str, values: Sequence[float], call: Call) -> str:
    made = [_v2(name, **{argument: value, "p": 1.0}) for value in values]
    return one_of(made, [1.0] * len(made), call.p)


def _posterize(call: Call) -> str:
    return _of_values(
        "RandomPosterize", "bits", [int(v) for v in call.values("bits", whole=True)], call
    )


def _solarize(call: Call) -> str:
    made = [
        _v2("RandomSolarize", threshold=value, p=1.0) if value < 256 else "v2.Identity()"
        for value in call.values("threshold")
    ]
    return one_of(made, [1.0] * len(made), call.p)


def _sharpness(call: Call) -> str:
    values = call.values("factor")
    return _of_values("RandomAdjustSharpness", "sharpness_factor", values, call)


def _blur(call: Call) -> str:
    low, high = call.pair("sigma")
    if high <= 0:
        return _v2("Identity")
    window = 2 * math.ceil(4 * high) + 1
    sigma = (max(low, 1e-3), max(high, 1e-3))
    return _perhaps(call, _v2("GaussianBlur", kernel_size=window, sigma=sigma))


def _gray(call: Call) -> str:
    call.expect("output_channels", 3)
    return _v2("RandomGrayscale", p=call.p)


def _erasing(call: Call) -> str:
    call.expect("mode", "level")
    given = {name: tuple(call.settings[name]) for name in ("scale", "ratio")}
    return _v2("RandomErasing", p=call.p, **given, value=_fill(call))


def _resize(call: Call) -> str:
    made = _v2(
        "Resize", size=list(call.settings["size"]), **_resample(call),
        antialias=bool(call.settings["antialias"]),
    )  # fmt: skip
    return _perhaps(call, made)


def _resized_crop(call: Call) -> str:
    given = {name: tuple(call.settings[name]) for name in ("size", "scale", "ratio")}
    way = {**_resample(call), "antialias": bool(call.settings["antialias"])}
    return _perhaps(call, _v2("RandomResizedCrop", **given, **way))


def _center_crop(call: Call) -> str:
    if call.settings["border"] != "constant" or _fill(call) != 0:
        call.changed("what is too small is padded with 0 there")
    return _perhaps(call, _v2("CenterCrop", size=list(call.settings["size"])))


def _random_crop(call: Call) -> str:
    mode = _padding_mode(call)
    size = list(call.settings["size"])
    way = {"pad_if_needed": True, "fill": _fill(call), "padding_mode": mode}
    return _perhaps(call, _v2("RandomCrop", size=size, **way))


def _pad(call: Call) -> str:
    top, right, bottom, left = call.settings["padding"]
    way = {"fill": _fill(call), "padding_mode": _padding_mode(call)}
    return _perhaps(call, _v2("Pad", padding=[left, top, right, bottom], **way))


def _padding_mode(call: Call) -> str:
    return PADS[call.expect("border", *PADS)]


def _normalize(call: Call) -> str:
    given = call.settings
    if given["dtype"] != "float32" or given["layout"] != "NCHW":
        raise Missing(f"Normalize(layout={given['layout']!r}, dtype={given['dtype']!r})")
    made = _v2("Normalize", mean=list(given["mean"]), std=list(given["std"]))
    return f"v2.ToDtype(torch.float32, scale=True),\n    {made}"


STEPS: dict[str, Callable[[Call], str]] = {
    "AutoContrast": _chance("RandomAutocontrast"),
    "Brightness": _jitter("brightness"),
    "CenterCrop": _center_crop,
    "Color": _jitter("saturation"),
    "ColorJitter": _color_jitter,
    "Contrast": _jitter("contrast"),
    "Equalize": _chance("RandomEqualize"),
    "GaussianBlur": _blur,
    "Grayscale": _gray,
    "HorizontalFlip": _chance("RandomHorizontalFlip"),
    "Identity": lambda call: "v2.Identity()",
    "Invert": _chance("RandomInvert"),
    "JpegCompression": lambda c: _perhaps(c, _v2("JPEG", quality=c.whole("quality"))),
    "Normalize": _normalize,
    "Pad": _pad,
    "Posterize": _posterize,
    "RandomCrop": _random_crop,
    "RandomErasing": _erasing,
    "RandomResizedCrop": _resized_crop,
    "Resize": _resize,
    "Rotate": _rotate,
    "Sharpness": _sharpness,
    "ShearX": _shear(0),
    "ShearY": _shear(1),
    "Solarize": _solarize,
    "TranslateX": _translate(0),
    "TranslateY": _translate(1),
    "VerticalFlip": _chance("RandomVerticalFlip"),
    "Zoom": _zoom,
}


def sequence(steps: Sequence[str], chance: float) -> str:
    """All or none."""
    inner = ", ".join(steps)
    return f"v2.Compose([{inner}])" if chance == 1 else f"v2.RandomApply([{inner}], p={chance!r})"


def one_of(steps: Sequence[str], weights: Sequence[float], chance: float) -> str:
    """One by weight."""
    if len(steps) == 1:
        made = steps[0]
    else:
        shares = "" if len(set(weights)) == 1 else f", p={list(weights)!r}"
        made = f"v2.RandomChoice([{', '.join(steps)}]{shares})"
    return made if chance == 1 else f"v2.RandomApply([{made}], p={chance!r})"


def file(steps: Sequence[str]) -> str:
    """The module."""
    head = "import torch\n" if "torch.float32" in "".join(steps) else ""
    lines = "".join(f"    {step},\n" for step in steps)
    return f"{head}from torchvision.transforms import v2\n\ntransform = v2.Compose([\n{lines}])\n"
