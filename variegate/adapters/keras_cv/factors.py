"""KerasCV's factors: a number, a pair, or a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from variegate.errors import PolicyError
from variegate.policy.nodes import Strength

# TensorFlow's names for what lies outside an image.
BORDERS = {"reflect": "reflect", "wrap": "wrap", "constant": "constant", "nearest": "edge"}
RESAMPLES = ("nearest", "bilinear", "bicubic")


@dataclass(frozen=True)
class UniformFactorSampler:
    """Evenly drawn from lower to upper."""

    lower: float
    upper: float
    seed: int | None = None


@dataclass(frozen=True)
class ConstantFactorSampler:
    """Always the same."""

    value: float


@dataclass(frozen=True)
class NormalFactorSampler:
    """Drawn from a normal distribution and cut off at both ends."""

    mean: float
    stddev: float
    min_value: float = -1.0
    max_value: float = 1.0
    seed: int | None = None

    def strength(self) -> Strength:
        """As a magnitude whose 0 is min_value and whose 1 is max_value."""
        span = self.max_value - self.min_value
        share = min(max((self.mean - self.min_value) / span, 0.0), 1.0)
        return Strength(share, share, min(self.stddev / span, 1.0))


def factor(
    value: Any, name: str, low: float | None = 0.0, high: float | None = 1.0
) -> tuple[float, float]:
    """The range of a factor: a number f is (low, f); raises PolicyError outside low..high, and for
    a sampler that is not even.
    """
    if isinstance(value, UniformFactorSampler):
        value = (value.lower, value.upper)
    elif isinstance(value, ConstantFactorSampler):
        value = (value.value, value.value)
    elif isinstance(value, NormalFactorSampler):
        raise PolicyError(f"{name}: a NormalFactorSampler cannot be carried over here; give a pair")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = (0.0 if low is None else low, value)
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not value[0] <= value[1]:
        raise PolicyError(f"{name}: expected a number or a pair (low, high), got {value!r}")
    first, second = float(value[0]), float(value[1])
    if (low is not None and first < low) or (high is not None and second > high):
        raise PolicyError(f"{name}: expected within {low}..{high}, got ({first:g}, {second:g})")
    return first, second


def both_sides(value: Any, name: str) -> tuple[float, float]:
    """The range of a factor of which a number reaches to both sides of 0."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return -float(value), float(value)
    return factor(value, name, None, None)


def sampling(
    fill_mode: str, level: float, interpolation: str, value_range: tuple[float, float] = (0, 255)
) -> dict[str, Any]:
    """Border, fill and resampling as settings."""
    if fill_mode not in BORDERS:
        raise PolicyError(f"fill_mode: expected one of {', '.join(BORDERS)}, got {fill_mode!r}")
    if interpolation not in RESAMPLES:
        legal = ", ".join(RESAMPLES)
        raise PolicyError(f"interpolation: expected one of {legal}, got {interpolation!r}")
    low, high = value_range
    fill = 255.0 * (level - low) / (high - low)
    return {"border": BORDERS[fill_mode], "fill": fill, "resample": interpolation}
