"""Views: the policies through which a model looks at an image, and the usual sets of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from variegate.errors import InputError
from variegate.ops.op import suggest
from variegate.policy.nodes import Node, Step
from variegate.policy.policy import Policy, as_policy

SHIFT = 0.06  # share of a side; about two pixels of 32, as is usual for small images
TURNS = (-10.0, 10.0)


def _step(op: str, **values: float) -> Step:
    return Step(op, {name: (value, value) for name, value in values.items()})


def _d4() -> tuple[Policy, ...]:
    across, down = Step("HorizontalFlip"), Step("VerticalFlip")
    upright: tuple[tuple[Node, ...], ...] = ((), (across,), (down,), (across, down))
    turned = tuple((Step("Transpose"), *steps) for steps in upright)
    return tuple(Policy(steps) for steps in (*upright, *turned))


def _shifts() -> tuple[Policy, ...]:
    moves = [_step(op, fraction=sign * SHIFT) for op in ("TranslateX", "TranslateY")
             for sign in (-1.0, 1.0)]  # fmt: skip
    edged = [Step(s.op, {**s.arguments, "border": "edge"}) for s in moves]
    return (Policy(), *(Policy((step,)) for step in edged))


def _sizes() -> tuple[Policy, ...]:
    zooms = [_step("Zoom", factor=factor) for factor in (0.9, 1.1)]
    turns = [_step("Rotate", angle=angle) for angle in TURNS]
    edged = [Step(s.op, {**s.arguments, "border": "edge"}) for s in (*zooms, *turns)]
    return (Policy(), *(Policy((step,)) for step in edged))


def _with_flips(views: Sequence[Policy]) -> tuple[Policy, ...]:
    return (*views, *(Policy((Step("HorizontalFlip"), *view.steps)) for view in views))


# The first view of every set is the image as it is.
VIEWS: dict[str, tuple[Policy, ...]] = {
    "none": (Policy(),),
    "flip": (Policy(), Policy((Step("HorizontalFlip"),))),
    "d4": _d4(),
    "shifts": _shifts(),
    "shifts+flip": _with_flips(_shifts()),
    "pool": _with_flips((*_shifts(), *_sizes()[1:])),
}


def as_views(views: str | Iterable[Any]) -> tuple[Policy, ...]:
    """Policies from the name of a set, or from a list of policies, steps or lists of steps.

    Raises InputError for an unknown name or an empty list.
    """
    if isinstance(views, str):
        if views not in VIEWS:
            raise InputError(f"views: unknown set {views!r}; {suggest(views, list(VIEWS))}")
        return VIEWS[views]
    listed: list[Any] = list(views)
    found = tuple(as_policy(view) for view in listed)
    if not found:
        raise InputError("views: expected at least one")
    return found
