"""What an op is: one declaration from which validation, magnitudes, docs and constructors are
derived.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FRAMES = ("size", "box", "padding")  # required settings of ops that change an image's size
REAL = (int, float, np.integer, np.floating)


class Kind(Enum):
    """How an op is carried out; the value is the one line that the docs print."""

    MATRIX = "geometry: one 3x3 matrix per image"
    FIELD = "geometry: a displacement per pixel"
    TABLE = "each level of each channel through a table"
    COLOR = "each pixel's channels through a 3x4 matrix, or toward its gray"
    MEASURED = "a table or a step made from the image's own statistics"
    FILTER = "each pixel from its neighbors"
    REGION = "parts of the image are hidden"
    NOISE = "a random number added to each value"
    SHAPES = "shapes of light, shade or weather lie over the image"
    SPECTRUM = "waves of the image become as strong as a reference's"
    CELLS = "parts of the image change places"
    CODEC = "the image is compressed and decoded"
    MIX = "several images, or versions of one, are put together"
    CHAIN = "several ops in a fixed order"
    OUTPUT = "the last step: scale, convert and lay out"


# Channel counts of kinds that have no meaning for others.
COLORS = {Kind.COLOR: (1, 3, 4), Kind.CODEC: (1, 3, 4), Kind.CHAIN: (1, 3, 4)}


@dataclass(frozen=True)
class Param:
    """One number that is drawn for each image.

    low, high: what is legal. identity: the value that changes nothing. weak, strong: the values at
    magnitude 0 and 1. mirrored: at a magnitude, the value lies on a random side of `identity`, as
    far as `strong` does. default: the range that is drawn from when the user names none. whole:
    drawn as an integer.
    """

    name: str
    low: float
    high: float
    unit: str
    identity: float | None = None
    weak: float | None = None
    strong: float | None = None
    mirrored: bool = False
    default: tuple[float, float] | None = None
    whole: bool = False

    def at(self, magnitude: Floats, sign: Floats, strong: float | None = None) -> Floats:
        """The value at a magnitude on 0..1; `sign` is -1 or 1 and counts only where the param is
        mirrored.
        """
        if self.weak is None or self.strong is None:
            raise PolicyError(f"{self.name} has no magnitude; give its range (low, high)")
        end = self.strong if strong is None else strong
        value = self.weak + magnitude * (end - self.weak)
        if self.mirrored:
            value = self.weak + sign * (value - self.weak)
        return np.rint(value) if self.whole else value

    def check_range(self, value: object, where: str) -> tuple[float, float]:
        """Returns (low, high) as floats, or raises PolicyError that names what came and what is
        legal.
        """
        legal = f"a pair (low, high) within {self.low:g}..{self.high:g} ({self.unit})"
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise PolicyError(f"{where}.{self.name}: expected {legal}, got {value!r}")
        if any(isinstance(v, bool) or not isinstance(v, REAL) for v in value):
            raise PolicyError(f"{where}.{self.name}: expected {legal}, got {value!r}")
        if not self.low <= value[0] <= value[1] <= self.high:  # also false for NaN
            raise PolicyError(f"{where}.{self.name}: expected {legal}, got {value!r:.80}")
        low, high = float(value[0]), float(value[1])
        if self.whole and (low != int(low) or high != int(high)):
            raise PolicyError(f"{where}.{self.name}: expected whole numbers, got {value!r}")
        return low, high


@dataclass(frozen=True)
class Setting:
    """One fixed choice of a step (size, fill, border). `check` returns the clean value or raises
    ValueError.
    """

    name: str
    check: Callable[[object], Any]
    legal: str
    default: Any = None
    required: bool = False

    def read(self, value: object, where: str) -> Any:
        """Returns the checked value, or raises PolicyError that says what is legal."""
        try:
            return self.check(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise PolicyError(
                f"{where}.{self.name}: expected {self.legal}, got {value!r}"
            ) from error


@dataclass(frozen=True)
class Draw:
    """Uniform numbers in [0, 1) that an op needs besides its params, for instance a position.

    width: how many per image, a number or a function of the step's settings and ranges.
    """

    name: str
    width: int | Callable[[Mapping[str, Any]], int] = 1

    def count(self, arguments: Mapping[str, Any]) -> int:
        """How many numbers per image."""
        return self.width(arguments) if callable(self.width) else self.width


@dataclass(frozen=True)
class Mixing:
    """What a MIX op needs beside its numbers.

    partners: how many other samples of the batch it shows. blends: whether a pixel may hold two
    images at once, or a function of the step's arguments that tells. needs: what must be known of
    the images: "saliency", "instances" (their masks) or "objects" (these, or a mask). keyed:
    whether it draws a 64-bit word for each image. any_size: whether images of one batch may differ
    in size. refuses: why a target of this name cannot follow a step of these arguments, or "".
    """

    partners: int = 1
    blends: bool | Callable[[Mapping[str, Any]], bool] = False
    needs: str = ""
    keyed: bool = False
    any_size: bool = False
    refuses: Callable[[Mapping[str, Any], str], str] | None = None

    def does_blend(self, arguments: Mapping[str, Any]) -> bool:
        """Whether a pixel may hold two images at once."""
        return self.blends(arguments) if callable(self.blends) else self.blends


@dataclass(frozen=True)
class Op:
    """A declared transformation. `lower` turns arrays of drawn values into entries (see
    entries.py).
    """

    name: str
    kind: Kind
    lower: Callable[..., Any]
    doc: str
    source: str
    params: tuple[Param, ...] = ()
    settings: tuple[Setting, ...] = ()
    draws: tuple[Draw, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    rounds: bool = False
    reframes: bool = False
    channels: tuple[int, ...] = ()
    scatters: bool = False
    looks: str = ""
    window: Callable[..., Any] | None = None
    mixing: Mixing | None = None
    scales: str = ""

    @property
    def keyed(self) -> bool:
        """Whether each image also gets a 64-bit word, of which more random numbers are made."""
        mixes = self.mixing is not None and self.mixing.keyed
        return self.kind is Kind.NOISE or self.scatters or mixes

    @property
    def changes_size(self) -> bool:
        """Whether later ops may see another size than this one did."""
        sized = any(s.required and s.name in FRAMES for s in self.settings)
        return self.reframes or sized

    @property
    def has_magnitude(self) -> bool:
        """Whether a magnitude on 0..1 sets this op's strength."""
        return any(p.strong is not None for p in self.params)

    @property
    def takes_magnitude(self) -> bool:
        """Whether `magnitude=` alone says all: every param without a default follows the
        magnitude.
        """
        return all(p.strong is not None or p.default is not None for p in self.params)

    def read_arguments(self, given: Mapping[str, Any], *, by_magnitude: bool) -> dict[str, Any]:
        """Checks a step's arguments: ranges by param name and settings by name; unknown names are
        errors.

        Returns ranges and settings in declared order, defaults filled in. With `by_magnitude`,
        params that follow the magnitude and were not named are left out.
        """
        known = [p.name for p in self.params] + [s.name for s in self.settings]
        for name in given:
            if name not in known:
                near = suggest(name, [*known, "p", "magnitude"])
                raise PolicyError(f"{self.name}: unknown argument {name!r}; {near}")
        clean: dict[str, Any] = {}
        for param in self.params:
            if param.name in given:
                clean[param.name] = param.check_range(given[param.name], self.name)
            elif by_magnitude and param.strong is not None:
                continue
            elif param.default is not None:
                clean[param.name] = param.default
            else:
                raise PolicyError(
                    f"{self.name}: {param.name}=(low, high) is missing ({param.unit})"
                )
        for setting in self.settings:
            if setting.name in given:
                clean[setting.name] = setting.read(given[setting.name], self.name)
            elif setting.required:
                raise PolicyError(
                    f"{self.name}: {setting.name}= is missing; expected {setting.legal}"
                )
            else:
                clean[setting.name] = setting.default
        return clean


OPS: dict[str, Op] = {}
# Names that the field writes in its own way.
SPECIAL = {
    "at_least_one_bbox_random_crop": "AtLeastOneBBoxRandomCrop",
    "augmix": "AugMix",
    "autocontrast": "AutoContrast",
    "bbox_safe_random_crop": "BBoxSafeRandomCrop",
    "clahe": "CLAHE",
    "cutmix": "CutMix",
    "fancy_pca": "FancyPCA",
    "fda": "FDA",
    "fmix": "FMix",
    "iso_noise": "ISONoise",
    "mixup": "MixUp",
    "random_iou_crop": "RandomIoUCrop",
    "random_sized_bbox_safe_crop": "RandomSizedBBoxSafeCrop",
    "rgb_shift": "RGBShift",
    "xy_masking": "XYMasking",
}


def declare(
    kind: Kind,
    *,
    source: str,
    params: tuple[Param, ...] = (),
    settings: tuple[Setting, ...] = (),
    draws: tuple[Draw, ...] = (),
    example: Mapping[str, Any] | None = None,
    rounds: bool = False,
    reframes: bool = False,
    channels: tuple[int, ...] | None = None,
    scatters: bool = False,
    looks: str = "",
    window: Callable[..., Any] | None = None,
    mixing: Mixing | None = None,
    scales: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a lowering function as an op; its name in CamelCase is the class name that users
    write.

    example: arguments that the contract tests, the docs and the pictures use where the defaults do
    not do. rounds: a TABLE op's uint8 levels are rounded to nearest; otherwise truncated, as Pillow
    does. reframes: the output's size differs from the input's, though no required setting tells it.
    scatters: it moves each pixel by a random number of its own, so that it needs a key as noise
    does.
    looks: "boxes" or "mask" where the drawing depends on them; `window` then turns what is seen
    (Looked), the settings and the draws into windows x1 y1 x2 y2 (k, 4), which `lower` takes.
    mixing: what a MIX op needs, by default one partner. scales: the param that a TABLE op's levels
    are multiplied by in float32, where that is all it does.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name = camel_case(function.__name__)
        if name in OPS:
            raise PolicyError(f"op {name} is declared twice")
        text = (function.__doc__ or "").strip()
        OPS[name] = Op(
            name,
            kind,
            function,
            text,
            source,
            params,
            settings,
            draws,
            dict(example or {}),
            rounds,
            reframes,
            COLORS.get(kind, ()) if channels is None else channels,
            scatters,
            looks,
            window,
            Mixing() if mixing is None and kind is Kind.MIX else mixing,
            scales,
        )
        return function

    return register


def camel_case(name: str) -> str:
    """'random_resized_crop' -> 'RandomResizedCrop'."""
    return SPECIAL.get(name) or "".join(part.capitalize() for part in name.split("_"))


def suggest(name: str, known: list[str]) -> str:
    """'did you mean ...?' with the nearest known name or one that holds it, or the list of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not near and len(name) > 2:
        near = [own for own in known if name.lower() in own.lower()]
    return f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(known)
