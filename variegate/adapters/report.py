"""What could not be carried over from another library: collected by name, then told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from variegate.errors import PolicyError
from variegate.policy.nodes import BRANCHING, Node, OneOf, Sequence, SomeOf, Step


class Report:
    """Lines about what is left out or changed. lost: the step is missing; changed: it is there, but
    draws or computes otherwise by more than rounding.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def lost(self, what: str) -> None:
        """Note a step that is left out."""
        self._add(f"left out: {what}")

    def changed(self, what: str) -> None:
        """Note a step that is not the same."""
        self._add(f"changed: {what}")

    def _add(self, line: str) -> None:
        if line not in self.lines:
            self.lines.append(line)

    def close(self, into: list[str] | None, source: str) -> None:
        """Append the lines to the caller's list, or raise PolicyError that names all of them."""
        if into is not None:
            into.extend(self.lines)
        elif self.lines:
            text = "\n- ".join(self.lines)
            raise PolicyError(
                f"{source}: not everything can be carried over:\n- {text}\n"
                "pass report=[] to go on without, and read there what is different"
            )


def ops_of(nodes: tuple[Node, ...]) -> Iterator[str]:
    """The names of all ops below these nodes."""
    for node in nodes:
        if isinstance(node, Step):
            yield node.op
        elif isinstance(node, BRANCHING):
            for steps in node.branches:
                yield from ops_of(steps)
        elif isinstance(node, (Sequence, OneOf, SomeOf)):
            yield from ops_of(node.steps)
        else:
            yield from ops_of((node.expand(),))


def grouped(nodes: list[Node], p: float) -> Node | None:
    """One node that is applied with probability p; None where there is nothing."""
    if not nodes:
        return None
    if len(nodes) > 1:
        return Sequence(tuple(nodes), p)
    only = nodes[0]
    if p == 1:
        return only
    if isinstance(only, Step) and only.p == 1:
        return Step(only.op, _given(only), p, only.magnitude, only.strong)
    return Sequence((only,), p)


def _given(step: Step) -> Mapping[str, Any]:
    return step.arguments
