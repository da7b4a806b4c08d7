"""Steps in the words of Keras 3's own layers, for float images on 0..255, channels last.

Its layers are always applied, each image drawing for itself, and none chooses among others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from variegate.adapters.code.call import Call, Missing, number

FILLS = {"constant": "constant", "edge": "nearest", "reflect": "reflect", "wrap": "wrap"}


def _layer(name: str, **arguments: Any) -> str:
    return f"layers.{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _always(call: Call) -> None:
    if call.p != 1:
        raise Missing(f"{call.op}(p={call.p:g}): that layer is always applied")


def _plain(name: str, **arguments: Any) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        _always(call)
        return _layer(name, **arguments)

    return write


def _flip(mode: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        if call.p != 0.5:
            raise Missing(f"{call.op}(p={call.p:g}): that layer flips half of the images")
        return _layer("RandomFlip", mode=mode)

    return write


def _sampling(call: Call) -> dict[str, Any]:
    fill = call.settings["fill"]
    if isinstance(fill, tuple | list):
        raise Missing(f"{call.op}(fill={fill!r}): one number there")
    return {
        "interpolation": call.expect("resample", "nearest", "bilinear"),
        "fill_mode": FILLS[call.settings["border"]],
        "fill_value": number(fill),
    }


def _rotate(call: Call) -> str:
    _always(call)
    call.expect("expand", False)
    return _layer("RandomRotation", factor=call.pair("angle", 1 / 360), **_sampling(call))


def _translate(axis: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        _always(call)
        moved = {"height_factor": (0.0, 0.0), "width_factor": (0.0, 0.0)}
        return _layer(
            "RandomTranslation", **{**moved, axis: call.pair("fraction")}, **_sampling(call)
        )

    return write


def _zoom(call: Call) -> str:
    _always(call)
    low, high = call.pair("factor")
    if low != high:
        call.changed("the inverse of the factor is drawn evenly there")
    if low < 1:
        call.changed("not antialiased there")
    factor = number(1 / high - 1), number(1 / low - 1)
    return _layer("RandomZoom", height_factor=factor, **_sampling(call))


def _resize(call: Call) -> str:
    _always(call)
    height, width = call.settings["size"]
    way = {"interpolation": call.settings["resample"], "antialias": call.settings["antialias"]}
    return _layer("Resizing", height=height, width=width, **way)


def _crop(name: str) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        _always(call)
        call.changed("an image that is too small is enlarged there, padded here")
        height, width = call.settings["size"]
        return _layer(name, height=height, width=width)

    return write


def _gray(call: Call) -> str:
    call.expect("output_channels", 3)
    return _layer("RandomGrayscale", factor=call.p)


def _posterize(call: Call) -> str:
    _always(call)
    return _layer("RandomPosterization", factor=list(call.whole("bits")))


def _normalize(call: Call) -> str:
    given = call.settings
    if given["dtype"] != "float32" or given["layout"] != "NHWC":
        raise Missing(f"Normalize(layout={given['layout']!r}, dtype={given['dtype']!r})")
    scale = [number(1 / (255 * std)) for std in given["std"]]
    offset = [number(-m / std) for m, std in zip(given["mean"], given["std"], strict=True)]
    return _layer("Rescaling", scale=scale, offset=offset)


STEPS: dict[str, Callable[[Call], str]] = {
    "AutoContrast": _plain("AutoContrast"),
    "CenterCrop": _crop("CenterCrop"),
    "Equalize": _plain("Equalization"),
    "Grayscale": _gray,
    "HorizontalFlip": _flip("horizontal"),
    "Identity": _plain("Identity"),
    "Invert": lambda call: _layer("RandomInvert", factor=(call.p, call.p)),
    "Normalize": _normalize,
    "Posterize": _posterize,
    "RandomCrop": _crop("RandomCrop"),
    "Resize": _resize,
    "Rotate": _rotate,
    "TranslateX": _translate("width_factor"),
    "TranslateY": _translate("height_factor"),
    "VerticalFlip": _flip("vertical"),
    "Zoom": _zoom,
}


def sequence(steps: Sequence[str], chance: float) -> str:
    """All, always."""
    if chance != 1:
        raise Missing(f"Sequence(p={chance:g}): no layer applies others by chance")
    return f"layers.Pipeline([{', '.join(steps)}])"


def one_of(steps: Sequence[str], weights: Sequence[float], chance: float) -> str:
    """Raises Missing, unless there is no choice."""
    if len(steps) == 1 and chance == 1:
        return steps[0]
    raise Missing("OneOf: no layer chooses among others")


def file(steps: Sequence[str]) -> str:
    """The module."""
    lines = "".join(f"    {step},\n" for step in steps)
    return f"from keras import layers\n\ntransform = layers.Pipeline([\n{lines}])\n"
