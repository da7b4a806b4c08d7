"""timm's configuration strings: rand-m9-mstd0.5-inc1, original, originalr, v0, v0r."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from variegate.adapters.report import Report
from variegate.errors import PolicyError
from variegate.ops.op import suggest
from variegate.policy.nodes import Node, OneOf, Sequence, SomeOf, Step, Strength
from variegate.policy.policy import Policy
from variegate.policy.presets import TABLES

GRAY = 128.0
RAND = (
    "AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color",
    "Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY",
)  # fmt: skip
PLAIN = ("AutoContrast", "Equalize", "Invert")
ENHANCE = ("Color", "Contrast", "Brightness", "Sharpness")
MOVES = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY")
# Where timm's strongest value is not this library's.
STRONG = {"TranslateX": {"fraction": 0.45}, "TranslateY": {"fraction": 0.45}}
# The policy of TensorFlow's EfficientNet, as timm has it: op, probability, level on 0..10.
V0 = """
    Equalize 0.8 1; ShearY 0.8 4
    Color 0.4 9; Equalize 0.6 3
    Color 0.4 1; Rotate 0.6 8
    Solarize 0.8 3; Equalize 0.4 7
    Solarize 0.4 2; Solarize 0.6 2
    Color 0.2 0; Equalize 0.8 8
    Equalize 0.4 8; SolarizeAdd 0.8 3
    ShearX 0.2 9; Rotate 0.6 8
    Color 0.6 1; Equalize 1.0 2
    Invert 0.4 9; Rotate 0.6 0
    Equalize 1.0 9; ShearY 0.6 3
    Color 0.4 7; Equalize 0.6 0
    Posterize 0.4 6; AutoContrast 0.4 7
    Solarize 0.6 8; Color 0.6 9
    Solarize 0.2 4; Rotate 0.8 9
    Rotate 1.0 7; TranslateY 0.8 9
    ShearX 0.0 0; Solarize 0.8 4
    ShearY 0.8 0; Color 0.6 4
    Color 1.0 0; Rotate 0.6 2
    Equalize 0.8 4; Equalize 0.0 8
    Equalize 1.0 4; AutoContrast 0.6 2
    ShearY 0.4 7; SolarizeAdd 0.6 7
    Posterize 0.8 2; Solarize 0.6 10
    Solarize 0.6 8; Equalize 0.6 1
    Color 0.8 6; Rotate 0.4 5
"""
# name: (table, how Posterize counts bits)
POLICIES = {
    "original": (TABLES["imagenet"], "kept+4"),
    "originalr": (TABLES["imagenet"], "dropped"),
    "v0": (V0, "kept"),
    "v0r": (V0, "dropped"),
}
SLICES = 16


class Level:
    """A level on 0..10 as timm draws it: a number, noise about it, or evenly from 0 to it."""

    def __init__(self, mean: float, std: float) -> None:
        self.mean, self.std = mean, std

    def strength(self) -> Strength:
        """As a magnitude."""
        if math.isinf(self.std):
            return Strength(0.0, min(self.mean / 10, 1.0))
        share = min(max(self.mean / 10, 0.0), 1.0)
        return Strength(share, share, min(self.std / 10, 1.0))

    def below(self, level: float) -> float:
        """The chance of a level below this one, on 0..10."""
        if level <= 0:
            return 0.0
        if level > 10:
            return 1.0
        if math.isinf(self.std):
            return min(level / self.mean, 1.0) if self.mean > 0 else 1.0
        if self.std == 0:
            return float(level > self.mean)
        return 0.5 * (1 + math.erf((level - self.mean) / (self.std * math.sqrt(2))))

    def steps(self, make: Callable[[int], Step]) -> Node:
        """A step for each whole value of 4 level / 10, by its chance."""
        edges = [0.0, 2.5, 5.0, 7.5, 10.0]
        chances = [self.below(b) - self.below(a) for a, b in pairwise(edges)]
        chances.append(1 - self.below(10.0))
        found = [(make(k), chance) for k, chance in enumerate(chances) if chance > 1e-9]
        return _chosen([step for step, _ in found], [chance for _, chance in found])

    def spread(self, make: Callable[[float, float], Step]) -> Node:
        """A step for each of some slices of the levels, by its chance; evenly drawn inside one."""
        if self.std == 0:
            return make(self.mean, self.mean)
        if math.isinf(self.std):
            return make(0.0, self.mean)
        ends = [10 * k / SLICES for k in range(SLICES + 1)]
        low = 0.5 * (1 + math.erf(-self.mean / (self.std * math.sqrt(2))))
        steps, chances = [make(0.0, 0.0)], [low]
        for start, end in pairwise(ends):
            # The first slice holds what the cut at 0 has made of the rest; that stands apart.
            below = low if start == 0 else self.below(start)
            steps.append(make(start, end))
            chances.append(self.below(end) - below)
        steps.append(make(10.0, 10.0))
        chances.append(1 - self.below(10.0))
        kept = [(s, c) for s, c in zip(steps, chances, strict=True) if c > 1e-6]
        return _chosen([s for s, _ in kept], [c for _, c in kept])


def _chosen(steps: list[Step], chances: list[float]) -> Node:
    return steps[0] if len(steps) == 1 else OneOf(tuple(steps), tuple(chances))


def from_timm(config: str, *, report: list[str] | None = None) -> Policy:
    """The Policy of a configuration string of timm's auto_augment.

    RandAugment: rand-m9-n2-mstd0.5-inc1 (m: level on 0..10, 10 if not named; n: ops, 2; mstd: noise
    on the level, evenly from 0 above 100; inc1: ops that get stronger with the level). AutoAugment:
    original, originalr, v0 or v0r, with -mstd. report: a list that takes what is left out or
    changed; without it, PolicyError names all of that.
    """
    if not isinstance(config, str):
        raise PolicyError(f"timm: expected a string such as 'rand-m9-mstd0.5', got {config!r}")
    name, *sections = config.split("-")
    notes = Report()
    if name == "rand":
        policy = _rand(_sections(config, sections, ("m", "n", "w", "mstd", "mmax", "inc")), notes)
    elif name in POLICIES:
        policy = _table(name, _sections(config, sections, ("mstd",)), notes)
    elif name == "augmix":
        policy = _augmix(_sections(config, sections, ("m", "w", "d", "a", "b", "mstd")), notes)
    else:
        known = ["rand", "augmix", *POLICIES]
        raise PolicyError(f"timm: unknown policy {name!r}; {suggest(name, known)}")
    notes.close(report, f"timm {config!r}")
    return policy


def _sections(config: str, sections: list[str], known: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for section in sections:
        match = re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)", section)
        if match is None or match[1] not in known:
            raise PolicyError(
                f"timm: {config!r}: expected sections of {', '.join(known)} with a number, "
                f"got {section!r}"
            )
        found[match[1]] = float(match[2])
    return found


def _std(given: dict[str, float]) -> float:
    std = given.get("mstd", 0.0)
    return math.inf if std > 100 else std


def _rand(given: dict[str, float], notes: Report) -> Policy:
    if "w" in given:
        notes.lost("w: weights of a choice without repeats; all ops are equally likely here")
    if given.get("mmax", 10) != 10:
        notes.changed(f"mmax{given['mmax']:g}: levels are cut at 10")
    level = Level(min(given.get("m", 10.0), 10.0), _std(given))
    posterize = "dropped" if "inc" in given else "kept"
    steps = [step(name, level, 0.5, posterize, "inc" in given, notes) for name in RAND]
    return Policy((SomeOf(tuple(steps), int(given.get("n", 2))),))


def _table(name: str, given: dict[str, float], notes: Report) -> Policy:
    table, posterize = POLICIES[name]
    branches = []
    for line in table.strip().split("\n"):
        pair = [entry.split() for entry in line.split(";")]
        made = [
            step(op, Level(float(level), _std(given)), float(p), posterize, False, notes)
            for op, p, level in pair
        ]
        branches.append(Sequence(tuple(made)))
    return Policy((OneOf(tuple(branches)),))


def step(
    name: str, level: Level, p: float, posterize: str, increasing: bool, notes: Report
) -> Node:
    """One of timm's ops at a level. posterize: whether 4 level / 10 counts the bits that are kept
    (kept, kept+4) or dropped from 4.
    """
    if name in PLAIN:
        return Step(name, p=p)
    if name in MOVES:
        notes.changed("resampling: bilinear here, bilinear or bicubic by chance there")
        if name.startswith("Shear"):
            notes.changed("shears: about the center here, about the upper left corner there")
        arguments: dict[str, Any] = {"fill": GRAY}
        return Step(name, arguments, p, level.strength(), STRONG.get(name, {}))
    if name == "Posterize":
        node = level.steps(lambda whole: _posterize(whole, posterize, notes))
    elif name in ENHANCE and not increasing:
        node = level.spread(lambda a, b: Step(name, {"factor": (0.1 + 0.18 * a, 0.1 + 0.18 * b)}))
    elif name == "Solarize" and not increasing:
        node = level.spread(lambda a, b: Step(name, {"threshold": (25.6 * a, 25.6 * b)}))
    else:
        return Step(name, {}, p, level.strength())
    return Sequence((node,), p)


def _posterize(whole: int, posterize: str, notes: Report) -> Step:
    bits = {"kept": whole, "kept+4": whole + 4, "dropped": 4 - whole}[posterize]
    if bits < 1:
        notes.changed("Posterize to 0 bits (a black image there) keeps 1 bit")
        bits = 1
    return Step("Posterize", {"bits": (bits, bits)})


MIXED = (
    "AutoContrast", "Color", "Contrast", "Brightness", "Sharpness", "Equalize", "Rotate",
    "Posterize", "Solarize", "ShearX", "ShearY", "TranslateX", "TranslateY",
)  # fmt: skip


def _augmix(given: dict[str, float], notes: Report) -> Policy:
    notes.changed("AugMix: resampling, shears and shifts as this library's ops have them")
    if "d" in given:
        notes.changed(
            f"d{given['d']:g}: chains of 1 to {given['d']:g} ops, all of that length there"
        )
    if "b" in given:
        notes.changed("b: blended at once here")
    if not math.isinf(_std({"mstd": given.get("mstd", 101.0)})):
        notes.changed(f"mstd{given['mstd']:g}: levels are drawn evenly from 0 to m")
    severity = min(given.get("m", 3.0) / 10, 1.0)
    arguments = {
        "severity": (severity, severity),
        "width": int(given.get("w", 3)),
        "depth": int(given.get("d", 3)),
        "alpha": given.get("a", 1.0),
        "ops": MIXED,
    }
    return Policy((Step("AugMix", arguments),))
