"""Hints from the names of the classes and the colors of the images, without any model.

A hint says where to look. Whether the op changes what the images mean, the affinity table shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hint", "color_share", "confirmed", "hints"]

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int64]

HORIZONTAL = ("HorizontalFlip",)
VERTICAL = ("VerticalFlip",)
TURNS = ("Rotate 180", "Rotate to 180")
HUE = ("Hue", "HueSaturationValue", "Invert", "ChannelShuffle", "RGBShift", "Grayscale", "ToGray")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLORS = (
    "red", "orange", "yellow", "green", "blue", "purple", "violet", "pink", "brown", "black",
    "white", "gray", "golden", "ripe", "unripe", "rotten", "fresh", "rust", "blight",
)  # fmt: skip
SIDES = (("left", "right"), ("l", "r"), ("west", "east"), ("clockwise", "counterclockwise"))
HEIGHTS = (("up", "down"), ("top", "bottom"), ("upper", "lower"), ("ascending", "descending"))
TEXT = ("text", "letter", "word", "plate", "license", "digit", "number", "logo", "qr", "barcode")
# Letters that are another letter in the mirror or upside down, in most typefaces.
MIRRORED = ("bd", "pq")
UPSIDE = ("bp", "dq", "MW", "un", "69")
FEWEST = 8
IMAGES = 4000  # more do not change the answer
# How much better than the largest class colors alone must tell classes apart.
TELLING = 1.5


@dataclass(frozen=True)
class Hint:
    """What to look at: kind, the ops it is about, the classes, one sentence."""

    kind: str
    ops: tuple[str, ...]
    classes: tuple[int, ...]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """The hint as JSON values."""
        return {
            "kind": self.kind,
            "ops": list(self.ops),
            "classes": list(self.classes),
            "text": self.text,
        }


def hints(names: Sequence[str], images: Pixels, labels: Ints) -> list[Hint]:
    """Hints for classes of these names and for images uint8 (n, h, w, c) with labels (n,)."""
    found = [
        *_pairs(names, SIDES, "left and right", HORIZONTAL + TURNS, "mirroring left and right"),
        *_pairs(names, HEIGHTS, "up and down", VERTICAL + TURNS, "mirroring top and bottom"),
        *_signs(names),
    ]
    if images.shape[-1] >= 3:
        found += _colors(names, images, labels)
    return found


def confirmed(hint: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the clean models lose one of a hint's classes under one of its ops (JSON values)."""
    return any(
        finding["name"] in hint["ops"]
        and (not hint["classes"] or finding["class"] in hint["classes"])
        for finding in findings
        if finding["kind"] != "collects"
    )


def tokens(name: str) -> list[str]:
    """'TurnLeft_ahead2' -> turn, left, ahead, 2."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", name)
    return [part for part in re.split(r"[\W_]+", spaced.lower()) if part]


def _pairs(
    names: Sequence[str],
    sides: Sequence[tuple[str, str]],
    kind: str,
    ops: tuple[str, ...],
    what: str,
) -> list[Hint]:
    """A hint for each two classes whose names differ by a side only."""
    place = {tuple(tokens(name)): number for number, name in enumerate(names)}
    swap = {a: b for one, other in sides for a, b in ((one, other), (other, one))}
    found = []
    alone = []
    for words, number in place.items():
        other = place.get(tuple(swap.get(word, word) for word in words))
        if other is None and any(word in sides[0] for word in words):
            alone.append(number)
        if other is not None and other > number:
            text = f"{what} turns “{names[number]}” into “{names[other]}”, as their names say"
            found.append(Hint(kind, ops, (number, other), text))
    for number in alone:
        text = f"{what} may make “{names[number]}” mean something else, as its name says"
        found.append(Hint(kind, ops, (number,), text))
    return found


def _signs(names: Sequence[str]) -> list[Hint]:
    """Hints for classes that are digits, letters or writing."""
    plain = [name.strip() for name in names]
    digits = {str(n) for n in range(10)}
    found: list[Hint] = []
    if {p.lower() for p in plain} <= digits | set(WORDS) and len(plain) > 1:
        place = {_digit(name): number for number, name in enumerate(plain)}
        pair = tuple(place[d] for d in (6, 9) if d in place)
        text = "digits: a 6 turned by 180 degrees is a 9, and mirrored digits are no digits"
        found.append(Hint("digits", HORIZONTAL + VERTICAL + TURNS, pair, text))
    elif len(plain) > 2 and all(len(name) == 1 and name.isalnum() for name in plain):
        have = {name: number for number, name in enumerate(plain)}
        for pairs, ops, how in (
            (MIRRORED, HORIZONTAL, "mirrored"),
            (UPSIDE, VERTICAL + TURNS, "turned or mirrored upside down"),
        ):
            for one, other in map(tuple, pairs):
                if one in have and other in have:
                    text = f"letters: “{one}” {how} looks like “{other}”"
                    found.append(Hint("letters", ops, (have[one], have[other]), text))
    for number, name in enumerate(names):
        word = next((w for w in tokens(name) if w in TEXT), None)
        if word is not None:
            text = f"“{name}” looks like writing, which does not survive mirroring"
            found.append(Hint("text", HORIZONTAL + VERTICAL + TURNS, (number,), text))
    return found


def _digit(name: str) -> int:
    return WORDS.index(name.lower()) if name.lower() in WORDS else int(name)


def _colors(names: Sequence[str], images: Pixels, labels: Ints) -> list[Hint]:
    found = []
    called = tuple(n for n, name in enumerate(names) if set(tokens(name)) & set(COLORS))
    if called:
        shown = ", ".join(f"“{names[n]}”" for n in called[:4])
        text = f"names of colors: {shown}; an op that changes colors may change what they mean"
        found.append(Hint("colors", HUE, called, text))
    share, usual = color_share(images, labels, len(names))
    if share is not None and share >= TELLING * usual and share >= usual + 0.1:
        text = (
            f"the mean color alone names the class of {100 * share:.0f} % of the images "
            f"(the largest class has {100 * usual:.0f} %): colors carry the class"
        )
        found.append(Hint("colors", HUE, (), text))
    return found


def color_share(images: Pixels, labels: Ints, classes: int) -> tuple[float | None, float]:
    """How many images the nearest class mean of their mean chromaticity names, and what the largest
    class alone would; None where a class has under 8 images or there are no colors.

    Brightness is left out, so gray images tell nothing. An image is left out of its own class's
    mean.
    """
    if len(images) > IMAGES:
        some = np.linspace(0, len(images) - 1, IMAGES).astype(np.int64)
        images, labels = images[some], labels[some]
    counts = np.bincount(labels, minlength=classes)
    usual = float(counts.max() / counts.sum())
    if counts.min() < FEWEST:
        return None, usual
    color = images[..., :3].reshape(len(images), -1, 3).mean(axis=1, dtype=np.float64)
    total = color.sum(axis=1, keepdims=True)
    color = color / np.where(total > 0, total, 1.0)
    spread = color.std(axis=0)
    if spread.max() < 1e-3:
        return None, usual
    color = color / np.where(spread > 0, spread, 1.0)
    sums = np.zeros((classes, 3))
    np.add.at(sums, labels, color)
    means = np.repeat((sums / counts[:, None])[None], len(images), axis=0)
    rows = np.arange(len(images))
    own = counts[labels][:, None]
    means[rows, labels] = (sums[labels] - color) / (own - 1)
    nearest = ((means - color[:, None]) ** 2).sum(axis=2).argmin(axis=1)
    return float((nearest == labels).mean()), usual
