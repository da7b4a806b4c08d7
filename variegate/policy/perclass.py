"""Policies by class: a global policy, restricted or weakened for some classes.

Every step keeps its position, so that a class without a change is augmented exactly as under the
global policy, and a class with one keeps all draws of the steps that did not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from variegate.errors import PolicyError
from variegate.ops.op import Param
from variegate.ops.registry import get
from variegate.policy.nodes import (
    PRESETS,
    ByEpoch,
    Node,
    PerClass,
    Step,
    fraction,
)
from variegate.policy.policy import Policy

__all__ = ["Change", "changed", "per_class", "sets_size"]

# Stands where an op was: it keeps the position, and the share of images that nothing is done to.
NOTHING = Step("Identity")


@dataclass(frozen=True)
class Change:
    """What is different for one class.

    scale: every strength is multiplied by it, 0..1. ops: op name -> a factor of its own, 0..1; 0
    leaves the op out, and so does any factor below 1 where the op has no strength.
    """

    scale: float = 1.0
    ops: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", fraction(self.scale, "Change.scale"))
        ops = {get(n).name: fraction(v, f"Change.ops[{n}]") for n, v in self.ops.items()}
        object.__setattr__(self, "ops", ops)

    @property
    def nothing(self) -> bool:
        """Whether it changes nothing."""
        return self.scale == 1 and all(factor == 1 for factor in self.ops.values())


def per_class(policy: Policy, changes: Mapping[int, Change]) -> Policy:
    """Give the policy with other steps for some classes, by class index.

    Steps that no class changes stay as they are. Raises PolicyError for a policy that has a
    PerClass already.
    """
    steps: list[Node] = []
    for step in policy.steps:
        own = {index: changed(step, change) for index, change in changes.items()}
        differ = {index: (node,) for index, node in own.items() if node != step}
        steps.append(PerClass(differ, (step,)) if differ else step)
    return Policy(tuple(steps))


def changed(node: Node, change: Change) -> Node:
    """Give a step, or a container of steps, under a change."""
    if change.nothing:
        return node
    if isinstance(node, PRESETS):
        inside = node.expand()
        made = changed(inside, change)
        return node if made == inside else made
    if isinstance(node, PerClass):
        raise PolicyError("per_class: the policy has a PerClass already; start from a global one")
    if isinstance(node, Step):
        return _step(node, change)
    if isinstance(node, ByEpoch):
        stages = {
            epoch: tuple(changed(step, change) for step in steps)
            for epoch, steps in node.policies.items()
        }
        return replace(node, policies=stages)
    steps = tuple(changed(step, change) for step in node.steps)
    return replace(node, steps=steps)


def _step(step: Step, change: Change) -> Step:
    op, own = get(step.op), change.ops.get(step.op, 1.0)
    if own == 0 or (own < 1 and not op.has_magnitude):
        return step if sets_size(step) else NOTHING
    factor = change.scale * own
    if step.magnitude is not None:
        given = step.magnitude
        scaled = replace(
            given, low=given.low * factor, high=given.high * factor, std=given.std * factor
        )
        return replace(step, magnitude=scaled)
    arguments = dict(step.arguments)
    for param in op.params:
        given_range = arguments.get(param.name)
        if isinstance(given_range, tuple) and (weak := _start(param)) is not None:
            arguments[param.name] = _toward(given_range, weak, param, factor)
    return replace(step, arguments=arguments)


def sets_size(step: Step) -> bool:
    """Whether images would have another form without the step, so that it must stay."""
    return any(name in step.arguments for name in ("size", "output_channels", "padding"))


def _start(param: Param) -> float | None:
    """The value at which a param does least, where it follows the magnitude."""
    if param.strong is None:
        return None
    return param.identity if param.mirrored else param.weak


def _toward(
    given: tuple[Any, ...], weak: float, param: Param, factor: float
) -> tuple[float, float]:
    """A range drawn toward its weakest value."""
    ends = [weak + (end - weak) * factor for end in given]
    low, high = (float(round(end)) if param.whole else float(end) for end in ends)
    return min(low, high), max(low, high)
