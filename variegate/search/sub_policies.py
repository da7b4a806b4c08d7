"""The space of AutoAugment and its followers: sub-policies of ops with a probability each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError
from variegate.ops.registry import get
from variegate.search.records import to_policy
from variegate.search.schedule import check_whole

if TYPE_CHECKING:
    from variegate.policy import Policy
    from variegate.search.space import Suggests

__all__ = ["AUTOAUGMENT_OPS", "SubPolicySpace", "joined"]

# The 16 ops of Cubuk et al. 2019. SamplePairing, the mean of two images under the first one's
# label, is replaced by MixUp with labels mixed alike: alpha 0.1 to 1 at magnitudes 0 to 9.
AUTOAUGMENT_OPS = (
    "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "AutoContrast", "Invert", "Equalize",
    "Solarize", "Posterize", "Contrast", "Color", "Brightness", "Sharpness", "Cutout", "MixUp",
)  # fmt: skip


@dataclass(frozen=True)
class SubPolicySpace:
    """`sub_policies` times `length` ops, each with a probability and a magnitude.

    probabilities, magnitudes: how many equal steps from 0 to 1 there are (11 and 10 as published);
    0 draws them from the whole interval, as Fast AutoAugment does.
    """

    ops: tuple[str, ...] = AUTOAUGMENT_OPS
    sub_policies: int = 5
    length: int = 2
    probabilities: int = 11
    magnitudes: int = 10

    def __post_init__(self) -> None:
        if len(self.ops) < 2 or len(set(self.ops)) < len(self.ops):
            raise InputError(f"ops: expected at least two names that differ, got {self.ops!r}")
        for name in ("sub_policies", "length"):
            check_whole(name, getattr(self, name), 1)
        for name in ("probabilities", "magnitudes"):
            check_whole(name, getattr(self, name), 0)
            if getattr(self, name) == 1:
                raise InputError(f"{name}: expected 0 or at least 2, got 1")

    def tokens(self) -> list[tuple[str, int]]:
        """Names and numbers of values of what is drawn, in order; 0 values for an interval."""
        kinds = (
            ("op", len(self.ops)),
            ("probability", self.probabilities),
            ("magnitude", self.magnitudes),
        )
        places = [(a, b) for a in range(self.sub_policies) for b in range(self.length)]
        return [(f"{a}.{b}.{kind}", count) for a, b in places for kind, count in kinds]

    def suggest(self, trial: Suggests) -> dict[str, Any]:
        """Draw one policy (JSON form)."""
        params: dict[str, Any] = {}
        for name, count in self.tokens():
            if count:
                params[name] = trial.suggest_categorical(name, list(range(count)))
            else:
                params[name] = trial.suggest_float(name, 0.0, 1.0)
        return self.policy_of(params)

    def policy_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The policy (JSON form) that a trial's parameters stand for."""
        choices = [
            {"step": "Sequence", "steps": [self._step(params, a, b) for b in range(self.length)]}
            for a in range(self.sub_policies)
        ]
        step = {"step": "OneOf", "steps": choices}
        return {"format": "variegate-policy", "version": 1, "steps": [step]}

    def _step(self, params: Mapping[str, Any], place: int, turn: int) -> dict[str, Any]:
        name = self.ops[params[f"{place}.{turn}.op"]]
        probability = _share(params[f"{place}.{turn}.probability"], self.probabilities)
        magnitude = _share(params[f"{place}.{turn}.magnitude"], self.magnitudes)
        step: dict[str, Any] = {"step": name, "p": probability}
        if name == "MixUp":
            step["alpha"] = round(0.1 + 0.9 * magnitude, 4)
        elif get(name).has_magnitude:
            step["magnitude"] = magnitude
        return step

    def to_dict(self) -> dict[str, Any]:
        """The space as JSON data, without its head."""
        return {
            "kind": "sub-policies",
            "ops": list(self.ops),
            "sub_policies": self.sub_policies,
            "length": self.length,
            "probabilities": self.probabilities,
            "magnitudes": self.magnitudes,
        }


def _share(value: float, steps: int) -> float:
    return round(value / (steps - 1) if steps else value, 4)


def joined(policies: Iterable[Policy]) -> Policy:
    """One policy with the sub-policies of all, each as likely as another; doubles are kept once."""
    choices: list[Any] = []
    for policy in policies:
        for choice in policy.to_dict()["steps"][0]["steps"]:
            if choice not in choices:
                choices.append(choice)
    step = {"step": "OneOf", "steps": choices}
    return to_policy({"format": "variegate-policy", "version": 1, "steps": [step]})
