"""What a policy does to an image on average: how often each op touches it, and how strongly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from variegate.ops.registry import get
from variegate.policy import Policy
from variegate.policy.nodes import (
    BRANCHING,
    PRESETS,
    ByEpoch,
    Node,
    OneOf,
    PerClass,
    Sequence,
    SomeOf,
    Step,
)

__all__ = ["Occurrence", "occurrences", "touched", "touched_by_both"]

# An op that is to change nothing is no op.
NOTHING = "Identity"


@dataclass(frozen=True)
class Occurrence:
    """One place of a policy where an op stands.

    rate: expected applications per image. p: the step's own probability. strength: on 0..1 from
    the op's weakest setting to its strongest; None where the op has no magnitude.
    """

    op: str
    rate: float
    p: float
    strength: float | None


def occurrences(policy: Policy) -> list[Occurrence]:
    """Every place where an op stands, in order; presets count as the containers they stand for."""
    return list(_walk(policy.steps, 1.0))


def _walk(nodes: Iterable[Node], rate: float) -> Iterator[Occurrence]:
    for given in nodes:
        node = _plain(given)
        if isinstance(node, Step):
            if node.op != NOTHING:
                yield Occurrence(node.op, rate * node.p, node.p, _strength(node))
        elif isinstance(node, Sequence):
            yield from _walk(node.steps, rate * node.p)
        elif isinstance(node, BRANCHING):
            # Classes, and stretches of epochs, count as equally frequent.
            for steps in node.branches:
                yield from _walk(steps, rate / len(node.branches))
        else:
            for child, share in _choices(node):
                yield from _walk((child,), rate * share)


def _plain(node: Node) -> Step | Sequence | OneOf | SomeOf | PerClass | ByEpoch:
    """The node, or the containers that a preset stands for."""
    expanded = node.expand() if isinstance(node, PRESETS) else node
    if isinstance(expanded, PRESETS):
        raise AssertionError("a preset stands for containers of steps")
    return expanded


def _choices(node: OneOf | SomeOf) -> list[tuple[Node, float]]:
    """Each alternative with its expected number of applications."""
    if isinstance(node, SomeOf):
        each = node.augmentations_per_image * node.rate / len(node.steps)
        return [(child, each) for child in node.steps]
    weights = node.weights or (1.0,) * len(node.steps)
    total = math.fsum(weights)
    return [(child, node.p * w / total) for child, w in zip(node.steps, weights, strict=True)]


def _strength(step: Step) -> float | None:
    if step.magnitude is not None:
        return (step.magnitude.low + step.magnitude.high) / 2
    found = []
    for param in get(step.op).params:
        given = step.arguments.get(param.name)
        if param.strong is None or not isinstance(given, tuple):
            continue
        start = param.identity if param.mirrored else param.weak
        if start is None or start == param.strong:
            continue
        far = max(abs(end - start) for end in given)
        found.append(min(1.0, far / abs(param.strong - start)))
    return max(found, default=None)


def touched(policy: Policy, op: str) -> float:
    """The share of images that the op is applied to at least once."""
    return 1.0 - _untouched(policy.steps, frozenset((op,)))


def touched_by_both(policy: Policy, first: str, second: str) -> float:
    """The share of images that both ops are applied to."""
    one, other = frozenset((first,)), frozenset((second,))
    neither = _untouched(policy.steps, one | other)
    return 1.0 - _untouched(policy.steps, one) - _untouched(policy.steps, other) + neither


def _untouched(nodes: Iterable[Node], ops: frozenset[str]) -> float:
    """The chance that none of the ops is applied by the nodes, which are independent of another."""
    return math.prod(_node_untouched(node, ops) for node in nodes)


def _node_untouched(given: Node, ops: frozenset[str]) -> float:
    node = _plain(given)
    if isinstance(node, Step):
        return 1.0 - node.p if node.op in ops else 1.0
    if isinstance(node, Sequence):
        return 1.0 - node.p + node.p * _untouched(node.steps, ops)
    if isinstance(node, BRANCHING):
        return math.fsum(_untouched(steps, ops) for steps in node.branches) / len(node.branches)
    if isinstance(node, SomeOf):
        mean = math.fsum(_node_untouched(s, ops) for s in node.steps) / len(node.steps)
        return (1.0 - node.rate + node.rate * mean) ** node.augmentations_per_image
    return (
        1.0
        - node.p
        + math.fsum(share * _node_untouched(child, ops) for child, share in _choices(node))
    )
