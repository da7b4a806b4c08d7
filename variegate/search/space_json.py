"""Spaces to and from JSON, and the default spaces of each method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from variegate.errors import InputError
from variegate.search.space import Family, FamilySpace, OpRange, Option, RandAugmentSpace, Space
from variegate.search.sub_policies import AUTOAUGMENT_OPS, SubPolicySpace

__all__ = ["default_space", "space_from_dict", "space_to_dict"]

FORMAT = "variegate-space"
VERSION = 1


def space_to_dict(space: Space) -> dict[str, Any]:
    """The space as JSON data; `space_from_dict` gives an equal space back."""
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    if isinstance(space, SubPolicySpace):
        return head | space.to_dict()
    base = [_option_to_dict(option) for option in space.base]
    if isinstance(space, RandAugmentSpace):
        return head | {
            "kind": "randaugment",
            "num_ops": list(space.num_ops),
            "magnitudes": list(space.magnitudes),
            "ops": None if space.ops is None else list(space.ops),
            "base": base,
        }
    families = [
        {
            "name": f.name,
            "ops": [{"name": op.name, "low": op.low, "high": op.high} for op in f.ops],
            "weight": f.weight,
        }
        for f in space.families
    ]
    return head | {
        "kind": "families",
        "families": families,
        "num_ops": list(space.num_ops),
        "rate": list(space.rate),
        "levels": space.levels,
        "base": base,
        "tail": [_option_to_dict(option) for option in space.tail],
        "shared": space.shared,
    }


def _option_to_dict(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "choices": [[dict(step) for step in steps] for steps in option.choices],
    }


def space_from_dict(data: Any) -> Space:
    """Read a space from JSON data. Raises InputError with the place and the legal form."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise InputError(f'space: expected an object with "format": "{FORMAT}"')
    version = data.get("version")
    if version != VERSION:
        raise InputError(
            f"space: version {version!r} cannot be read; this release reads {VERSION}. "
            "Use a newer release, or write the space again with this one"
        )
    kind = data.get("kind")
    body = {k: v for k, v in data.items() if k not in ("format", "version", "kind")}
    if kind == "randaugment":
        _keys("space", body, {"num_ops", "magnitudes", "ops", "base"})
        ops = body["ops"]
        return RandAugmentSpace(
            num_ops=tuple(_items("num_ops", body["num_ops"])),
            magnitudes=tuple(_items("magnitudes", body["magnitudes"])),
            ops=None if ops is None else tuple(_items("ops", ops)),
            base=_options("base", body["base"]),
        )
    if kind == "families":
        _keys("space", body, {"families", "num_ops", "rate", "levels", "base", "tail", "shared"})
        num_ops, rate = _items("num_ops", body["num_ops"]), _items("rate", body["rate"])
        return FamilySpace(
            families=tuple(_family(f) for f in _items("families", body["families"])),
            num_ops=(num_ops[0], num_ops[1]) if len(num_ops) == 2 else tuple(num_ops),
            rate=(rate[0], rate[1]) if len(rate) == 2 else tuple(rate),
            levels=body["levels"],
            base=_options("base", body["base"]),
            tail=_options("tail", body["tail"]),
            shared=_flag("shared", body["shared"]),
        )
    if kind == "sub-policies":
        numbers = ("sub_policies", "length", "probabilities", "magnitudes")
        _keys("space", body, {"ops", *numbers})
        ops = tuple(_items("ops", body["ops"]))
        return SubPolicySpace(ops, *(body[name] for name in numbers))
    raise InputError(
        f'space: "kind" must be "randaugment", "families" or "sub-policies", got {kind!r}'
    )


def default_space(method: str, *, channels: int = 3) -> Space:
    """The space that a method searches when none is given; grayscale data get no color op.

    The families follow what small data can tell apart: a dozen numbers, not thirty free tokens.
    """
    if method == "grid":
        return RandAugmentSpace()
    if method == "autoaugment":
        gray = tuple(name for name in AUTOAUGMENT_OPS if name != "Color")
        return SubPolicySpace(AUTOAUGMENT_OPS if channels >= 3 else gray)
    geometry = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY", "Zoom", "Perspective")
    tone = [OpRange(n) for n in ("Brightness", "Contrast", "Gamma", "Posterize", "Solarize")]
    if channels >= 3:
        tone.append(OpRange("Color"))
    tone += [OpRange(n, None, None) for n in ("AutoContrast", "Equalize", "Invert")]
    texture = ("GaussianNoise", "GaussianBlur", "Sharpness")
    return FamilySpace(
        families=(
            Family("geometry", tuple(OpRange(n) for n in geometry)),
            Family("tone", tuple(tone)),
            Family("texture", tuple(OpRange(n) for n in texture)),
            Family("hide", (OpRange("Cutout"),)),
        ),
        num_ops=(1, 4),
        base=(Option("flip", ((), _flips("HorizontalFlip"), _flips("VerticalFlip"))),),
        tail=(Option("mix", ((), _mix("MixUp", 0.4), _mix("CutMix", 1.0))),),
    )


def _flips(name: str) -> tuple[dict[str, Any], ...]:
    return ({"step": name, "p": 0.5},)


def _mix(name: str, alpha: float) -> tuple[dict[str, Any], ...]:
    return ({"step": name, "alpha": alpha, "p": 0.5},)


def _family(data: Any) -> Family:
    _keys("family", data, {"name", "ops", "weight"})
    ops = []
    for op in _items("ops", data["ops"]):
        _keys("op", op, {"name", "low", "high"})
        ops.append(OpRange(op["name"], op["low"], op["high"]))
    return Family(data["name"], tuple(ops), data["weight"])


def _options(where: str, data: Any) -> tuple[Option, ...]:
    options = []
    for option in _items(where, data):
        _keys("option", option, {"name", "choices"})
        choices = _items("choices", option["choices"])
        options.append(Option(option["name"], tuple(_steps(c) for c in choices)))
    return tuple(options)


def _steps(data: Any) -> tuple[dict[str, Any], ...]:
    steps = _items("choices", data)
    for step in steps:
        if not isinstance(step, dict):
            raise InputError(f"choices: expected policy steps (objects), got {step!r}")
    return tuple(dict(step) for step in steps)


def _flag(where: str, data: Any) -> bool:
    if not isinstance(data, bool):
        raise InputError(f"space: {where}: expected true or false, got {data!r}")
    return data


def _items(where: str, data: Any) -> list[Any]:
    if not isinstance(data, (list, tuple)):
        raise InputError(f"space: {where}: expected a list, got {data!r}")
    return list(data)


def _keys(where: str, data: Any, legal: set[str]) -> None:
    if not isinstance(data, Mapping):
        raise InputError(f"space: {where}: expected an object, got {data!r}")
    unknown, missing = sorted(set(data) - legal), sorted(legal - set(data))
    if unknown or missing:
        raise InputError(
            f"space: {where}: unknown keys {unknown}, missing keys {missing}; "
            f"legal are {sorted(legal)}"
        )
