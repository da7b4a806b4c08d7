"""The transformations that an audit tries: every op that fits the images, each at a ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from variegate.errors import InputError, VariegateError
from variegate.ops.op import Kind, Op, suggest
from variegate.ops.registry import get, names
from variegate.policy import Policy
from variegate.search.narrow import LADDER, candidates
from variegate.search.space import FamilySpace
from variegate.workflow.policies import op_step

if TYPE_CHECKING:
    from variegate.data import Dataset

__all__ = ["Probe", "probes", "space_names"]

STEPS = LADDER[::-1]
# Mixed images have two meanings by design, and a normalized image is none.
LEFT_OUT = (Kind.MIX, Kind.OUTPUT)
# These draw without a magnitude; the fixed turns below say more of each.
UNSET = ("Identity", "D4", "RandomRotate90")


@dataclass(frozen=True)
class Probe:
    """One row of an audit: a name, the op, its kind, and policies at rising magnitudes."""

    name: str
    op: str
    kind: str
    steps: tuple[tuple[float, Policy], ...]

    @property
    def ladder(self) -> bool:
        """Whether the magnitude changes anything."""
        return len(self.steps) > 1


def probes(data: Dataset, space: FamilySpace, wanted: Sequence[str] | None = None) -> list[Probe]:
    """The rows for images of this size: the space's candidates, large turns, then all other ops.

    wanted: only these names, beside the space's. Raises InputError for a name that is none.
    """
    found = {probe.name: probe for probe in _of_space(space)}
    others = [*_extra(), *(_of_op(get(name)) for name in names() if _usable(get(name)))]
    fitting = {p.name: p for p in others if p.name not in found and _fits(p, data)}
    if wanted is None:
        return [*found.values(), *fitting.values()]
    for name in wanted:
        if name not in found and name not in fitting:
            near = suggest(name, [*found, *fitting])
            raise InputError(f"ops: {name!r} cannot be tried on these images; {near}")
    return [*found.values(), *(fitting[name] for name in wanted if name in fitting)]


def space_names(space: FamilySpace) -> dict[tuple[str, str], str]:
    """For each (group, name) of the space's candidates the name of its row."""
    return {(group, name): _title(name, ladder) for group, name, ladder in candidates(space)}


def _title(name: str, ladder: Sequence[tuple[float, Sequence[Mapping[str, Any]]]]) -> str:
    """An option's candidate has a number for a name; its ops say what it is."""
    return " + ".join(step["step"] for step in ladder[0][1]) if name.isdecimal() else name


def _of_space(space: FamilySpace) -> list[Probe]:
    found = []
    for _, name, ladder in candidates(space):
        title = _title(name, ladder)
        steps = tuple((m, _policy(steps)) for m, steps in reversed(ladder))
        op = ladder[0][1][0]["step"]
        found.append(Probe(title, op, get(op).kind.name.lower(), steps))
    return found


def _policy(steps: Sequence[Mapping[str, Any]]) -> Policy:
    return Policy.from_dict({"format": "variegate-policy", "version": 1, "steps": list(steps)})


def _extra() -> list[Probe]:
    """Turns by whole quarters, turns as far as upside down, and hues around the circle."""
    found = []
    for turns in (1, 2, 3):
        step = {"step": "RandomRotate90", "turns": [turns, turns], "p": 1.0}
        policy = _policy([step])
        found.append(Probe(f"Rotate {90 * turns}", "RandomRotate90", "matrix", ((1.0, policy),)))
    for name, op, argument, rest in (
        ("Rotate to 180", "Rotate", "angle", {}),
        ("Hue", "HueSaturationValue", "hue", {"saturation": [1, 1], "value": [1, 1]}),
    ):
        ladder = tuple((m, _both(op, argument, 180 * m, rest)) for m in STEPS)
        found.append(Probe(name, op, get(op).kind.name.lower(), ladder))
    return found


def _both(op: str, argument: str, amount: float, rest: Mapping[str, Any]) -> Policy:
    """The op by an amount, on either side."""
    sides = [{"step": op, argument: [side, side], **rest, "p": 1.0} for side in (amount, -amount)]
    return _policy([{"step": "OneOf", "steps": sides}])


def _usable(op: Op) -> bool:
    """Whether an op can be tried without more than an image, and keeps its size."""
    if op.kind in LEFT_OUT or op.name in UNSET or op.looks or op.changes_size:
        return False
    return not any(setting.required for setting in op.settings)


def _of_op(op: Op) -> Probe:
    ladder = STEPS if op.has_magnitude and op.takes_magnitude else (None,)
    steps = tuple((1.0 if m is None else m, Policy((op_step(op.name, m),))) for m in ladder)
    return Probe(op.name, op.name, op.kind.name.lower(), steps)


def _fits(probe: Probe, data: Dataset) -> bool:
    """Whether images of this data set go through and keep their size."""
    from variegate.pipeline import Pipeline

    try:
        for _, policy in (probe.steps[0], probe.steps[-1]):
            pipeline = Pipeline(policy.steps, classes=len(data.classes))
            out = pipeline(
                images=data.images[:2], labels=data.labels[:2], index=np.arange(2), epoch=0
            )["images"]
            if not isinstance(out, np.ndarray) or out.shape[1:] != data.images.shape[1:]:
                return False
    except VariegateError:
        return False
    return True
