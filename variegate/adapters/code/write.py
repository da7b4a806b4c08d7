"""Walks a policy and writes it in the words of a library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from variegate.adapters.code import albumentations, keras, torchvision
from variegate.adapters.code.call import Call, Missing, calls_of, number
from variegate.adapters.report import Report
from variegate.errors import InputError, PolicyError
from variegate.ops.op import suggest
from variegate.policy import nodes
from variegate.policy.policy import as_policy

__all__ = ["LIBRARIES", "to_code"]


@dataclass(frozen=True)
class Library:
    """How a library writes steps and containers of them.

    steps: op -> a function from a Call to an expression. sequence, one_of: expressions around
    others, with a chance. file: the module around the outermost list.
    """

    steps: Mapping[str, Callable[[Call], str]]
    sequence: Callable[[Sequence[str], float], str]
    one_of: Callable[[Sequence[str], Sequence[float], float], str]
    file: Callable[[Sequence[str]], str]


LIBRARIES: dict[str, Library] = {
    name: Library(room.STEPS, room.sequence, room.one_of, room.file)
    for name, room in (
        ("albumentations", albumentations),
        ("keras", keras),
        ("torchvision", torchvision),
    )
}


def to_code(policy: Any, library: str, *, report: list[str] | None = None) -> str:
    """A Python module that builds the policy with another library, as `transform`.

    library: albumentations (2.0), torchvision (v2, on uint8 tensors) or keras (3, on floats on
    0..255; it has no layer that chooses, so few policies can be written). report: a list that takes
    what is left out and what is done otherwise there; without it, PolicyError names all of that.
    Raises PolicyError where nothing of a policy is left.
    """
    if library not in LIBRARIES:
        raise InputError(f"library: unknown {library!r}; {suggest(str(library), list(LIBRARIES))}")
    notes = Report()
    made = LIBRARIES[library]
    asked = as_policy(policy).steps
    steps = [text for step in asked for text in _written(step, made, 1.0, notes)]
    notes.close(report, library)
    if asked and not steps:
        raise PolicyError(
            f"{library}: nothing of this policy is left there ({', '.join(notes.lines)})"
        )
    return made.file(steps)


def _written(node: nodes.Node, library: Library, chance: float, notes: Report) -> list[str]:
    """Expressions in order, applied with a chance beside their own; none where there is no
    equivalent.
    """
    if isinstance(node, nodes.PRESETS):
        if isinstance(node, nodes.TrivialAugment):
            notes.changed("TrivialAugment: 31 strengths here, evenly drawn there")
        return _written(node.expand(), library, chance, notes)
    if isinstance(node, nodes.Step):
        return _step(node, library, chance * node.p, notes)
    if isinstance(node, nodes.Sequence):
        inner = [text for step in node.steps for text in _written(step, library, 1.0, notes)]
        return _around(lambda: library.sequence(inner, number(chance * node.p)), inner, notes)
    if isinstance(node, nodes.OneOf):
        return _choice(node.steps, node.weights, library, chance * node.p, notes)
    if isinstance(node, nodes.SomeOf):
        once = _choice(node.steps, None, library, chance * node.rate, notes)
        return once * node.augmentations_per_image
    notes.lost(type(node).__name__)
    return []


def _step(step: nodes.Step, library: Library, chance: float, notes: Report) -> list[str]:
    write = library.steps.get(step.op)
    if write is None:
        notes.lost(step.op)
        return []
    inner = calls_of(step, number(chance), notes)
    try:
        if len(inner) == 1:
            return [write(inner[0])]
        alone = [write(Call(c.op, c.ranges, c.settings, 1.0, notes)) for c in inner]
    except Missing as reason:
        notes.lost(str(reason))
        return []
    return _around(lambda: library.one_of(alone, [1.0] * len(alone), number(chance)), alone, notes)


def _choice(
    steps: Sequence[nodes.Node],
    weights: Sequence[float] | None,
    library: Library,
    chance: float,
    notes: Report,
) -> list[str]:
    """One of the steps. What has no equivalent leaves the choice, and the others get its share."""
    found, kept = [], []
    for step, weight in zip(steps, weights or [1.0] * len(steps), strict=True):
        inner = _written(step, library, 1.0, notes)
        if inner:
            found.append(inner[0] if len(inner) == 1 else library.sequence(inner, 1.0))
            kept.append(number(weight))
    return _around(lambda: library.one_of(found, kept, number(chance)), found, notes)


def _around(write: Callable[[], str], inner: Sequence[str], notes: Report) -> list[str]:
    """What is written around others; none where nothing is left of them, or it cannot be."""
    if not inner:
        return []
    try:
        return [write()]
    except Missing as reason:
        notes.lost(str(reason))
        return []
