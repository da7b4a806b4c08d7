"""Spaces to and from JSON, and the default spaces of each method."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from variegate.errors import InputError
from variegate.search.population import PBA_OPS, ScheduleSpace
from variegate.search.space import (
    WEIGHT_LOW,
    ChoiceSpace,
    Family,
    FamilySpace,
    Number,
    OpRange,
    Option,
    RandAugmentSpace,
    Space,
)
from variegate.search.sub_policies import AUTOAUGMENT_OPS, SubPolicySpace

__all__ = ["default_space", "space_from_dict", "space_to_dict"]

FORMAT = "variegate-space"
VERSION = 1


def space_to_dict(space: Space) -> dict[str, Any]:
    """The space as JSON data; `space_from_dict` gives an equal space back."""
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    if isinstance(space, SubPolicySpace | ScheduleSpace):
        return head | space.to_dict()
    if isinstance(space, ChoiceSpace):
        choices = [[dict(step) for step in steps] for steps in space.choices]
        return head | {"kind": "choices", "choices": choices}
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
            "ops": [_op_to_dict(op) for op in f.ops],
            "weight": f.weight,
            **({} if f.low == WEIGHT_LOW else {"low": f.low}),
        }
        for f in space.families
    ]
    row = {
        "kind": "families",
        "families": families,
        "num_ops": list(space.num_ops),
        "rate": list(space.rate),
        "levels": space.levels,
        "base": base,
        "tail": [_option_to_dict(option) for option in space.tail],
        "shared": space.shared,
    }
    return head | row | ({} if space.reach == 1 else {"reach": space.reach})


def _op_to_dict(op: OpRange) -> dict[str, Any]:
    row: dict[str, Any] = {"name": op.name, "low": op.low, "high": op.high}
    return row if op.limit is None else {**row, "limit": op.limit}


def _option_to_dict(option: Option) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": option.name,
        "choices": [[dict(step) for step in steps] for steps in option.choices],
    }
    if option.numbers:
        row["numbers"] = [{"name": n.name, "low": n.low, "high": n.high} for n in option.numbers]
    return row


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
        own = {"families", "num_ops", "rate", "levels", "base", "tail", "shared"}
        _keys("space", body, own, {"reach"})
        num_ops, rate = _items("num_ops", body["num_ops"]), _items("rate", body["rate"])
        return FamilySpace(
            families=tuple(_family(f) for f in _items("families", body["families"])),
            num_ops=(num_ops[0], num_ops[1]) if len(num_ops) == 2 else tuple(num_ops),
            rate=(rate[0], rate[1]) if len(rate) == 2 else tuple(rate),
            levels=body["levels"],
            base=_options("base", body["base"]),
            tail=_options("tail", body["tail"]),
            shared=_flag("shared", body["shared"]),
            reach=body.get("reach", 1.0),
        )
    if kind == "sub-policies":
        numbers = ("sub_policies", "length", "probabilities", "magnitudes")
        _keys("space", body, {"ops", *numbers})
        ops = tuple(_items("ops", body["ops"]))
        return SubPolicySpace(ops, *(body[name] for name in numbers))
    if kind == "schedules":
        _keys("space", body, {"epochs", "ops", "stages"})
        return ScheduleSpace(body["epochs"], tuple(_items("ops", body["ops"])), body["stages"])
    if kind == "choices":
        _keys("space", body, {"choices"})
        return ChoiceSpace(tuple(_steps(c) for c in _items("choices", body["choices"])))
    raise InputError(
        'space: "kind" must be "randaugment", "families", "sub-policies", "schedules" or '
        f'"choices", got {kind!r}'
    )


def default_space(
    method: str, *, channels: int = 3, size: tuple[int, int] | None = None, epochs: int = 30
) -> Space:
    """The space that a method searches when none is given; grayscale data get no color op.

    size: height and width of the images; random resized crops are a choice where it is known.
    epochs: over which pba's schedules run.

    The families follow what small data can tell apart: a dozen numbers, not thirty free tokens.
    """
    if method == "grid":
        return RandAugmentSpace()
    if method == "pba":
        gray = tuple(name for name in PBA_OPS if name != "Color")
        return ScheduleSpace(epochs, PBA_OPS if channels >= 3 else gray)
    if method in ("autoaugment", "density"):
        gray = tuple(name for name in AUTOAUGMENT_OPS if name != "Color")
        ops = AUTOAUGMENT_OPS if channels >= 3 else gray
        if method == "autoaugment":
            return SubPolicySpace(ops)
        # The clean models of density matching know no labels of two classes.
        ops = tuple(name for name in ops if name != "MixUp")
        return SubPolicySpace(ops, probabilities=0, magnitudes=0)
    geometry = (
        "Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY", "Zoom", "Perspective", "Elastic"
    )  # fmt: skip
    tone = [OpRange(n) for n in ("Brightness", "Contrast", "Gamma", "Posterize", "Solarize")]
    if channels >= 3:
        tone.append(OpRange("Color"))
    tone += [OpRange(n, None, None) for n in ("AutoContrast", "Equalize", "Invert")]
    texture = ("GaussianNoise", "GaussianBlur", "Sharpness")
    return FamilySpace(
        families=(
            Family("geometry", tuple(OpRange(n) for n in geometry)),
            Family("tone", tuple(tone)),
            # Blur, noise and holes are of use on some data only: half of the trials are without.
            Family("texture", tuple(OpRange(n) for n in texture), low=-1.0),
            Family("hide", (OpRange("Cutout"),), low=-1.0),
        ),
        num_ops=(1, 4),
        base=(
            Option("flip", ((), _flips("HorizontalFlip"), _flips("VerticalFlip"))),
            *(() if size is None else (_crops(size),)),
        ),
        tail=(Option("mix", ((), _mix("MixUp"), _mix("CutMix")), (Number("alpha", 0.1, 1.0),)),),
    )


def _crops(size: tuple[int, int]) -> Option:
    """No crop, or half of the images cropped to an area between the drawn scale and all."""
    crop = {
        "step": "RandomResizedCrop", "size": list(size), "scale": ["$scale", 1.0], "p": 0.5
    }  # fmt: skip
    return Option("crop", ((), (crop,)), (Number("scale", 0.2, 0.95),))


def _flips(name: str) -> tuple[dict[str, Any], ...]:
    return ({"step": name, "p": 0.5},)


def _mix(name: str) -> tuple[dict[str, Any], ...]:
    return ({"step": name, "alpha": "$alpha", "p": 0.5},)


def _family(data: Any) -> Family:
    _keys("family", data, {"name", "ops", "weight"}, {"low"})
    ops = []
    for op in _items("ops", data["ops"]):
        _keys("op", op, {"name", "low", "high"}, {"limit"})
        ops.append(OpRange(op["name"], op["low"], op["high"], op.get("limit")))
    return Family(data["name"], tuple(ops), data["weight"], data.get("low", WEIGHT_LOW))


def _options(where: str, data: Any) -> tuple[Option, ...]:
    options = []
    for option in _items(where, data):
        _keys("option", option, {"name", "choices"}, {"numbers"})
        choices = tuple(_steps(c) for c in _items("choices", option["choices"]))
        numbers = tuple(_number(n) for n in _items("numbers", option.get("numbers", [])))
        options.append(Option(option["name"], choices, numbers))
    return tuple(options)


def _number(data: Any) -> Number:
    _keys("number", data, {"name", "low", "high"})
    return Number(data["name"], data["low"], data["high"])


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


def _keys(where: str, data: Any, needed: Set[str], also: Set[str] = frozenset()) -> None:
    if not isinstance(data, Mapping):
        raise InputError(f"space: {where}: expected an object, got {data!r}")
    legal = needed | also
    unknown, missing = sorted(set(data) - legal), sorted(needed - set(data))
    if unknown or missing:
        raise InputError(
            f"space: {where}: unknown keys {unknown}, missing keys {missing}; "
            f"legal are {sorted(legal)}"
        )
