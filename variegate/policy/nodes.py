"""The nodes of a policy: steps and containers of steps, as plain data with no code in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from variegate.errors import PolicyError
from variegate.ops.op import REAL, Kind, Op
from variegate.ops.registry import get

RANDAUGMENT_OPS = (
    "Identity", "AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Posterize", "Contrast",
    "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY",
)  # fmt: skip


def fraction(value: object, where: str) -> float:
    """A number within 0..1 as a float; raises PolicyError otherwise."""
    if isinstance(value, bool) or not isinstance(value, REAL):
        raise PolicyError(f"{where}: expected a number 0..1, got {value!r}")
    if not 0 <= value <= 1:  # also false for NaN, and safe for whole numbers of any size
        raise PolicyError(f"{where}: expected a number 0..1, got {value!r:.80}")
    return float(value)


def whole(value: object, low: int, high: int, where: str) -> int:
    """A whole number within low..high; raises PolicyError otherwise."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, np.integer))
        or not low <= int(value) <= high
    ):
        raise PolicyError(f"{where}: expected a whole number {low}..{high}, got {value!r}")
    return int(value)


@dataclass(frozen=True)
class Strength:
    """A magnitude that is drawn: uniform in low..high (in `levels` equal steps if above 0), plus
    Gaussian noise.

    The result is cut to 0..1.
    """

    low: float
    high: float
    std: float = 0.0
    levels: int = 0

    def __post_init__(self) -> None:
        low, high = fraction(self.low, "magnitude"), fraction(self.high, "magnitude")
        if low > high:
            raise PolicyError(f"magnitude: expected low <= high, got {low:g} and {high:g}")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "std", fraction(self.std, "magnitude_std"))
        object.__setattr__(self, "levels", whole(self.levels, 0, 1000, "magnitude levels"))


@dataclass(frozen=True)
class Step:
    """One op with its ranges and settings, or at a magnitude; applied to each image with
    probability p.

    strong: replaces the value at magnitude 1 for params by name (wide search spaces).
    """

    op: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    p: float = 1.0
    magnitude: Strength | None = None
    strong: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        op = get(self.op)
        object.__setattr__(self, "p", fraction(self.p, f"{self.op}.p"))
        if self.magnitude is not None and not op.has_magnitude:
            raise PolicyError(f"{self.op} has no magnitude; leave it out")
        self._check_strong(op)
        clean = op.read_arguments(self.arguments, by_magnitude=self.magnitude is not None)
        object.__setattr__(self, "arguments", clean)
        if op.kind is Kind.OUTPUT and self.p != 1:
            raise PolicyError(f"{self.op} takes no p; it is always applied")
        if clean.get("output_channels") == 1 and self.p != 1:
            raise PolicyError(
                f"{self.op}: output_channels=1 needs p=1, or images of one batch would differ"
            )

    def _check_strong(self, op: Op) -> None:
        clean = {}
        for name, value in self.strong.items():
            param = next((p for p in op.params if p.name == name and p.strong is not None), None)
            if param is None or self.magnitude is None:
                raise PolicyError(f"{self.op}.strong: {name!r} does not follow the magnitude")
            clean[name] = param.check_range((value, value), f"{self.op}.strong")[0]
        object.__setattr__(self, "strong", clean)


@dataclass(frozen=True)
class Sequence:
    """Steps in order, all or none of them, with probability p."""

    steps: tuple[Node, ...]
    p: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", check_steps(self.steps, "Sequence"))
        object.__setattr__(self, "p", fraction(self.p, "Sequence.p"))


@dataclass(frozen=True)
class OneOf:
    """One of the steps for each image, by weight (equal if None), with probability p."""

    steps: tuple[Node, ...]
    weights: tuple[float, ...] | None = None
    p: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", check_steps(self.steps, "OneOf", empty=False))
        object.__setattr__(self, "p", fraction(self.p, "OneOf.p"))
        if self.weights is not None:
            object.__setattr__(self, "weights", check_weights(self.weights, len(self.steps)))


def check_weights(weights: object, count: int) -> tuple[float, ...]:
    """`count` finite weights of at least 0 with a sum above 0; raises PolicyError otherwise."""
    legal = f"{count} numbers of at least 0, not all 0"
    try:
        clean = tuple(float(w) for w in weights)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError) as error:
        raise PolicyError(f"OneOf.weights: expected {legal}, got {weights!r}") from error
    if (
        len(clean) != count
        or not all(math.isfinite(w) and w >= 0 for w in clean)
        or sum(clean) <= 0
    ):
        raise PolicyError(f"OneOf.weights: expected {legal}, got {weights!r}")
    return clean


@dataclass(frozen=True)
class SomeOf:
    """`augmentations_per_image` times: one of the steps for each image (repeats allowed), applied
    at `rate`.

    KerasCV's RandomAugmentationPipeline.
    """

    steps: tuple[Node, ...]
    augmentations_per_image: int = 1
    rate: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", check_steps(self.steps, "SomeOf", empty=False))
        times = whole(self.augmentations_per_image, 0, 64, "SomeOf.augmentations_per_image")
        object.__setattr__(self, "augmentations_per_image", times)
        object.__setattr__(self, "rate", fraction(self.rate, "SomeOf.rate"))


@dataclass(frozen=True)
class RandAugment:
    """`num_ops` random ops for each image at one magnitude (Cubuk et al. 2020), by default of the
    paper's 14.

    magnitude_std: Gaussian noise on each op's magnitude. rate: the chance that each op is applied.
    """

    num_ops: int = 2
    magnitude: float = 0.3
    magnitude_std: float = 0.0
    rate: float = 1.0
    ops: tuple[str, ...] = RANDAUGMENT_OPS

    def __post_init__(self) -> None:
        num_ops = whole(self.num_ops, 0, 64, "RandAugment.num_ops")
        object.__setattr__(self, "num_ops", num_ops)
        for name in ("magnitude", "magnitude_std", "rate"):
            value = fraction(getattr(self, name), f"RandAugment.{name}")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "ops", check_ops(self.ops, "RandAugment.ops"))

    def expand(self) -> Node:
        """The containers that it stands for."""
        strength = Strength(self.magnitude, self.magnitude, self.magnitude_std)
        return SomeOf(
            tuple(at_strength(name, strength) for name in self.ops), self.num_ops, self.rate
        )


def at_strength(name: str, strength: Strength, strong: Mapping[str, float] | None = None) -> Step:
    """The op at this strength; ops without a magnitude are simply applied."""
    if not get(name).has_magnitude:
        return Step(name)
    return Step(name, magnitude=strength, strong=strong or {})


WIDE = {
    "ShearX": {"slope": 0.99},
    "ShearY": {"slope": 0.99},
    "TranslateX": {"fraction": 32 / 224},
    "TranslateY": {"fraction": 32 / 224},
    "Rotate": {"angle": 135.0},
    "Posterize": {"bits": 2.0},
    "Color": {"factor": 1.99},
    "Contrast": {"factor": 1.99},
    "Brightness": {"factor": 1.99},
    "Sharpness": {"factor": 1.99},
}


@dataclass(frozen=True)
class TrivialAugment:
    """One random op at one of 31 random strengths for each image (Mueller and Hutter 2021), wide
    ranges.

    The published shift of 32 pixels is a share here: 32/224, its share at the size of the ImageNet
    recipe.
    """

    ops: tuple[str, ...] = RANDAUGMENT_OPS

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", check_ops(self.ops, "TrivialAugment.ops"))

    def expand(self) -> Node:
        """The containers that it stands for."""
        strength = Strength(0.0, 1.0, levels=31)
        return OneOf(tuple(at_strength(name, strength, WIDE.get(name)) for name in self.ops))


@dataclass(frozen=True)
class AutoAugment:
    """A published table of 25 sub-policies of two ops; one sub-policy for each image (Cubuk et al.
    2019).
    """

    table: str = "imagenet"

    def __post_init__(self) -> None:
        from variegate.policy.presets import TABLES

        if self.table not in TABLES:
            raise PolicyError(
                f"AutoAugment.table: expected one of {', '.join(TABLES)}, got {self.table!r}"
            )

    def expand(self) -> Node:
        """The containers that it stands for."""
        from variegate.policy.presets import sub_policies

        return OneOf(tuple(Sequence(pair) for pair in sub_policies(self.table)))


@dataclass(frozen=True)
class PerClass:
    """Steps by class index; classes that are not named take `default`. Needs labels when it is
    used.
    """

    policies: Mapping[int, tuple[Node, ...]]
    default: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.policies, Mapping):
            raise PolicyError(
                f"PerClass.policies: expected {{class index: steps}}, got {self.policies!r}"
            )
        clean = {
            whole(index, 0, 1 << 31, "PerClass class index"): check_steps(
                steps, f"PerClass[{index}]"
            )
            for index, steps in self.policies.items()
        }
        object.__setattr__(self, "policies", clean)
        object.__setattr__(self, "default", check_steps(self.default, "PerClass.default"))

    @property
    def branches(self) -> tuple[tuple[Node, ...], ...]:
        """The steps of each class that is named, then of all others."""
        return (*self.policies.values(), self.default)


@dataclass(frozen=True)
class ByEpoch:
    """Steps by the epoch that is passed to the pipeline: from each number on, those that stand
    there, as in the schedules of PBA (Ho et al. 2019); before the first, none.
    """

    policies: Mapping[int, tuple[Node, ...]]

    def __post_init__(self) -> None:
        if not (self.policies and isinstance(self.policies, Mapping)):
            raise PolicyError(f"ByEpoch.policies: expected {{epoch: steps}}, got {self.policies!r}")
        clean = {
            whole(epoch, 0, 1 << 31, "ByEpoch epoch"): check_steps(steps, f"ByEpoch[{epoch}]")
            for epoch, steps in self.policies.items()
        }
        object.__setattr__(self, "policies", dict(sorted(clean.items())))

    @property
    def branches(self) -> tuple[tuple[Node, ...], ...]:
        """The steps of each stretch of epochs, in order."""
        return tuple(self.policies.values())


Branching: TypeAlias = PerClass | ByEpoch
Node: TypeAlias = (
    Step | Sequence | OneOf | SomeOf | RandAugment | TrivialAugment | AutoAugment | Branching
)
BRANCHING = (PerClass, ByEpoch)
NODES = (Step, Sequence, OneOf, SomeOf, RandAugment, TrivialAugment, AutoAugment, *BRANCHING)
PRESETS = (RandAugment, TrivialAugment, AutoAugment)


def check_steps(steps: object, where: str, *, empty: bool = True) -> tuple[Node, ...]:
    """A tuple of nodes; raises PolicyError that names the place of what is not one."""
    if isinstance(steps, NODES):
        return (steps,)
    if not isinstance(steps, (tuple, list)):
        raise PolicyError(f"{where}: expected a list of steps, got {steps!r}")
    for place, step in enumerate(steps):
        if not isinstance(step, NODES):
            raise PolicyError(
                f"{where}[{place}]: expected a step such as vg.Rotate(), got {step!r}"
            )
    if not steps and not empty:
        raise PolicyError(f"{where}: expected at least one step")
    return tuple(steps)


def check_ops(ops: object, where: str) -> tuple[str, ...]:
    """Names of ops that can be applied at a magnitude alone or have none."""
    if isinstance(ops, str) or not isinstance(ops, (tuple, list)) or not ops:
        raise PolicyError(f"{where}: expected a list of op names, got {ops!r}")
    for name in ops:
        op = get(name)
        if (
            op.kind in (Kind.MIX, Kind.OUTPUT)
            or any(s.required for s in op.settings)
            or not op.takes_magnitude
        ):
            raise PolicyError(f"{where}: {name} cannot be used here; write it as a step of its own")
    return tuple(ops)
