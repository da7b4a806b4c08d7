"""torchvision's automatic policies by their own arguments: RandAugment, TrivialAugmentWide,
AutoAugment.
"""

from __future__ import annotations

from typing import Any

from variegate.adapters.report import Report
from variegate.errors import PolicyError
from variegate.ops.op import suggest
from variegate.ops.registry import get
from variegate.policy.nodes import (
    RANDAUGMENT_OPS,
    WIDE,
    Node,
    OneOf,
    Sequence,
    SomeOf,
    Step,
    Strength,
    whole,
)
from variegate.policy.policy import Policy
from variegate.policy.presets import TABLES

DEFAULTS: dict[str, dict[str, Any]] = {
    "RandAugment": {"num_ops": 2, "magnitude": 9, "num_magnitude_bins": 31},
    "TrivialAugmentWide": {"num_magnitude_bins": 31},
    "AutoAugment": {"policy": "imagenet"},
}
SHARED = {"interpolation": "nearest", "fill": None}
# The side in pixels at which TrivialAugmentWide's shift of 32 pixels is a share.
SIDE = 224


def from_torchvision(name: str, *, report: list[str] | None = None, **arguments: Any) -> Policy:
    """The Policy of torchvision's RandAugment, TrivialAugmentWide or AutoAugment.

    arguments: torchvision's, with its defaults: num_ops, magnitude, num_magnitude_bins; policy
    (imagenet, cifar10, svhn, or the enum); interpolation (nearest, bilinear, bicubic, or the enum);
    fill. report: a list that takes what is changed; without it, PolicyError names all of that.
    """
    if name not in DEFAULTS:
        raise PolicyError(f"torchvision: no policy {name!r}; {suggest(str(name), list(DEFAULTS))}")
    given = {**DEFAULTS[name], **SHARED}
    for argument in arguments:
        if argument not in given:
            near = suggest(argument, list(given))
            raise PolicyError(f"{name}: unknown argument {argument!r}; {near}")
    given |= arguments
    way: dict[str, Any] = {
        "resample": _word(given["interpolation"], ("nearest", "bilinear", "bicubic"))
    }
    way["fill"] = 0.0 if given["fill"] is None else given["fill"]
    notes = Report()
    notes.changed("shears: about the center here, about the upper left corner there")
    if name == "RandAugment":
        node = _rand_augment(given, way)
    elif name == "TrivialAugmentWide":
        notes.changed(f"shifts of up to 32 pixels: shares of the sides, 32/{SIDE}")
        node = _trivial(given, way)
    else:
        node = _auto_augment(_word(given["policy"], tuple(TABLES)), way)
    notes.close(report, f"torchvision {name}")
    return Policy((node,))


def _word(value: Any, legal: tuple[str, ...]) -> str:
    """A name, or an enum member that has one as its value."""
    word = str(getattr(value, "value", value)).lower()
    if word not in legal:
        raise PolicyError(f"torchvision: expected one of {', '.join(legal)}, got {value!r}")
    return word


def _step(op: str, strength: Strength, way: dict[str, Any], wide: bool, p: float = 1.0) -> Step:
    declared = get(op)
    if not declared.has_magnitude:
        return Step(op, p=p)
    own = {s.name for s in declared.settings}
    arguments = {key: value for key, value in way.items() if key in own}
    return Step(op, arguments, p, strength, WIDE.get(op, {}) if wide else {})


def _rand_augment(given: dict[str, Any], way: dict[str, Any]) -> Node:
    bins = whole(given["num_magnitude_bins"], 2, 1000, "RandAugment.num_magnitude_bins")
    place = whole(given["magnitude"], 0, bins - 1, "RandAugment.magnitude")
    share = place / (bins - 1)
    steps = tuple(_step(op, Strength(share, share), way, False) for op in RANDAUGMENT_OPS)
    return SomeOf(steps, whole(given["num_ops"], 0, 64, "RandAugment.num_ops"))


def _trivial(given: dict[str, Any], way: dict[str, Any]) -> Node:
    bins = whole(given["num_magnitude_bins"], 2, 1000, "TrivialAugmentWide.num_magnitude_bins")
    strength = Strength(0.0, 1.0, levels=bins)
    return OneOf(tuple(_step(op, strength, way, True) for op in RANDAUGMENT_OPS))


def _auto_augment(table: str, way: dict[str, Any]) -> Node:
    branches = []
    for line in TABLES[table].strip().split("\n"):
        made = []
        for entry in line.split(";"):
            op, p, level = entry.split()
            share = int(level) / 9
            made.append(_step(op, Strength(share, share), way, False, float(p)))
        branches.append(Sequence(tuple(made)))
    return OneOf(tuple(branches))
