"""The arguments of one Albumentations transform, checked against its signature, and the ways in
which Albumentations writes numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from variegate.adapters.report import Report
from variegate.errors import PolicyError
from variegate.ops.op import suggest

VERSION = "2.0.8"
# OpenCV's numbers.
RESAMPLES = {0: "nearest", 1: "bilinear", 2: "bicubic"}
BORDERS = {0: "constant", 1: "edge", 2: "reflect", 3: "wrap"}
REFLECT_101 = 4
CONTAINERS = ("Compose", "OneOf", "OneOrOther", "RandomOrder", "ReplayCompose", "Sequential",
              "SelectiveChannelTransform", "SomeOf")  # fmt: skip


class Skip(Exception):
    """A step cannot be carried over; the message says why. Caught where steps are read."""


@lru_cache(maxsize=1)
def signatures() -> dict[str, dict[str, Any]]:
    """Every class of Albumentations 2.0.8: its required arguments, and its others with their
    defaults, in order.
    """
    text = Path(__file__).with_name("signatures.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def complete(name: str, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """All arguments of a class, Albumentations' own defaults filled in; raises PolicyError for an
    unknown class or argument, and for a missing one.
    """
    known = signatures()
    if name not in known:
        raise PolicyError(f"{where}: Albumentations has no {name!r}; {suggest(name, list(known))}")
    required, defaults = known[name]["required"], known[name]["defaults"]
    for argument in given:
        if argument not in required and argument not in defaults:
            near = suggest(argument, [*required, *defaults])
            raise PolicyError(f"{where}: {name} has no argument {argument!r}; {near}")
    for argument in required:
        if argument not in given:
            raise PolicyError(f"{where}: {name}: {argument}= is missing")
    return {**dict.fromkeys(required), **defaults, **given}


class Given:
    """The complete arguments of one transform, and where remarks on them go."""

    def __init__(self, name: str, values: Mapping[str, Any], report: Report) -> None:
        self.name, self.values, self.report = name, values, report

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def changed(self, what: str) -> None:
        """Note that the step is not the same."""
        self.report.changed(f"{self.name}: {what}")

    def expect(self, key: str, *legal: Any) -> None:
        """Give the step up unless the argument has one of these values."""
        if not any(self.values[key] == value for value in legal):
            raise Skip(f"{key}={self.values[key]!r}")

    def pair(self, key: str, about: float = 0.0, scale: float = 1.0) -> tuple[float, float]:
        """A range: two numbers, or one that reaches as far to both sides of `about`."""
        value = self.values[key]
        if isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = float(value[0]), float(value[1])
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = about - value, about + value
        else:
            raise Skip(f"{key}={value!r}")
        return low * scale, high * scale

    def whole(self, key: str) -> tuple[int, int]:
        """A range of whole numbers: two, or one alone, which is both ends."""
        value = self.values[key]
        both = value if isinstance(value, (tuple, list)) else (value, value)
        if len(both) != 2 or any(isinstance(v, bool) or int(v) != v for v in both):
            raise Skip(f"{key}={value!r}")
        return int(both[0]), int(both[1])

    def size(self) -> tuple[int, int]:
        """(height, width), from `size` or from both."""
        if "size" in self.values:
            height, width = self.values["size"]
            return int(height), int(width)
        return int(self.values["height"]), int(self.values["width"])

    def resample(self) -> dict[str, Any]:
        """Interpolation, not antialiased, as theirs; masks are nearest."""
        number = self.values.get("interpolation", 1)
        if number not in RESAMPLES:
            raise Skip(f"interpolation={number}")
        if self.values.get("mask_interpolation", 0) != 0:
            raise Skip(f"mask_interpolation={self.values['mask_interpolation']}")
        if self.values.get("area_for_downscale") is not None:
            raise Skip(f"area_for_downscale={self.values['area_for_downscale']!r}")
        if number == 2:
            self.changed("bicubic with a = -0.5 here, -0.75 there")
        return {"resample": RESAMPLES[number], "antialias": False}

    def border(self) -> dict[str, Any]:
        """What lies outside the image."""
        number = self.values.get("border_mode", 0)
        if number == REFLECT_101:
            self.changed(
                "border_mode=4: mirrored about the edge, so that the outermost row repeats"
            )
            number = 2
        if number not in BORDERS:
            raise Skip(f"border_mode={number}")
        if self.values.get("fill_mask", 0) not in (0, 0.0, None):
            raise Skip(f"fill_mask={self.values['fill_mask']!r}")
        return {"border": BORDERS[number], "fill": self.fill()}

    def sampling(self) -> dict[str, Any]:
        """Interpolation and border."""
        return {**self.resample(), **self.border()}

    def fill(self) -> float | tuple[float, ...]:
        """A level, or one a channel."""
        value = self.values.get("fill", 0)
        if isinstance(value, (tuple, list)):
            return tuple(float(v) for v in value)
        if isinstance(value, (int, float)):
            return float(value)
        raise Skip(f"fill={value!r}")

    def hiding(self) -> dict[str, Any]:
        """How a hidden part is filled, with no guard on how much is hidden, as theirs."""
        if self.values.get("fill_mask") is not None:
            raise Skip(f"fill_mask={self.values['fill_mask']!r}")
        if self.values.get("fill") in ("random", "random_uniform"):
            if self.values["fill"] == "random_uniform":
                self.changed("fill='random_uniform': a random level a pixel, not a hole")
            return {"mode": "noise", "guard": False}
        return {"mode": "level", "fill": self.fill(), "guard": False}
