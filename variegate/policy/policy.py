"""A policy: a checked list of steps that can be saved, read and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from variegate.errors import PolicyError
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.policy.io import node_from_dict, node_to_dict, read_file, unwrap, wrap, write_file
from variegate.policy.nodes import (
    BRANCHING,
    PRESETS,
    Node,
    OneOf,
    Sequence,
    SomeOf,
    Step,
    check_steps,
)

MAX_STEPS = 20_000


@dataclass(frozen=True)
class Policy:
    """Steps in order. Equal policies compare equal; JSON in, JSON out."""

    steps: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        steps = check_steps(self.steps, "policy")
        object.__setattr__(self, "steps", steps)
        for count, (step, top) in enumerate(walk(steps)):
            if count >= MAX_STEPS:
                raise PolicyError(f"policy: more than {MAX_STEPS} steps")
            if step.arguments.get("output_channels") == 1 and not top:
                raise PolicyError(
                    f"policy: {step.op}(output_channels=1) must stand in the outermost list, "
                    "or images of one batch would differ"
                )
            if get(step.op).kind is Kind.OUTPUT and not (top and step is steps[-1]):
                raise PolicyError(f"policy: {step.op} must be the last step of the policy")

    def to_dict(self) -> dict[str, Any]:
        """The policy file's content."""
        return wrap([node_to_dict(step) for step in self.steps])

    @staticmethod
    def from_dict(data: object) -> Policy:
        """Reads a policy file's content; raises PolicyError that names the place of what is
        wrong.
        """
        return Policy(
            tuple(node_from_dict(item, f"steps[{i}]") for i, item in enumerate(unwrap(data)))
        )

    def save(self, path: str | Path) -> Path:
        """Writes the policy as JSON: a whole file or none."""
        return write_file(Path(path), self.to_dict())

    @staticmethod
    def load(path: str | Path) -> Policy:
        """Reads a JSON policy file; it is data only."""
        return Policy.from_dict(read_file(Path(path)))


def as_policy(steps: Policy | Node | Iterable[Node]) -> Policy:
    """A Policy from one, from a step, or from a list of steps."""
    if isinstance(steps, Policy):
        return steps
    if isinstance(steps, (str, bytes, dict)):
        raise PolicyError(f"policy: expected a list of steps, got {steps!r}")
    return Policy(check_steps(steps if isinstance(steps, (tuple, list)) else (steps,), "policy"))


def walk(steps: Iterable[Node], top: bool = True) -> Iterator[tuple[Step, bool]]:
    """Every op step below these nodes, presets expanded, and whether it stands in the outermost
    list.
    """
    for node in steps:
        if isinstance(node, PRESETS):
            yield from walk((node.expand(),), False)
        elif isinstance(node, Step):
            yield node, top
        elif isinstance(node, BRANCHING):
            for branch in node.branches:
                yield from walk(branch, False)
        elif isinstance(node, (Sequence, OneOf, SomeOf)):
            yield from walk(node.steps, False)
