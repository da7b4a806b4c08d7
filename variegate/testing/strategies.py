"""Hypothesis strategies made from the declarations: steps, containers and whole policies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from variegate.ops.op import Kind, Op, Param
from variegate.ops.registry import get, names
from variegate.ops.settings import BORDERS, RESAMPLES
from variegate.policy.nodes import (
    AutoAugment,
    ByEpoch,
    Node,
    OneOf,
    PerClass,
    RandAugment,
    Sequence,
    SomeOf,
    Step,
    Strength,
    TrivialAugment,
)
from variegate.policy.policy import Policy
from variegate.policy.presets import TABLES

# CELLS ops refuse boxes, which most tests pass.
LEAVES = tuple(n for n in names() if get(n).kind not in (Kind.MIX, Kind.OUTPUT, Kind.CELLS))
# Ops that keep an image's size, so that a batch stays one array.
FIXED_SIZE = tuple(n for n in LEAVES if not get(n).changes_size)

# What may be given for settings that many ops share; other settings keep their default.
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "resample": st.sampled_from(RESAMPLES),
    "border": st.sampled_from(BORDERS),
    "antialias": st.booleans(),
    "guard": st.booleans(),
    "fill": st.one_of(st.integers(0, 255), st.floats(0, 255)),
}


# Params whose wide ranges are cut down, since a draw would take long. So are factors of ops that
# enlarge the canvas.
COSTLY = {"sigma": 8.0, "radius": 8.0}


def probabilities() -> st.SearchStrategy[float]:
    """0..1, with both ends often."""
    return st.one_of(st.sampled_from((0.0, 0.5, 1.0)), st.floats(0, 1))


@st.composite
def ranges(draw: st.DrawFn, param: Param, most: float = float("inf")) -> tuple[float, float]:
    """A legal (low, high) of a param, with no number above `most`."""
    low, high = param.low, min(param.high, most)
    numbers = st.integers(int(low), int(high)) if param.whole else st.floats(low, high)
    first, second = draw(numbers), draw(numbers)
    return float(min(first, second)), float(max(first, second))


@st.composite
def steps(draw: st.DrawFn, ops: tuple[str, ...] = LEAVES) -> Step:
    """One op with random ranges and settings, or at a random magnitude."""
    op: Op = get(draw(st.sampled_from(ops)))
    arguments: dict[str, Any] = dict(op.example)
    strength = None
    if op.has_magnitude and draw(st.booleans()):
        low, high = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
        std = draw(st.sampled_from((0.0, 0.1)))
        strength = Strength(low, high, std, draw(st.integers(0, 31)))
    else:
        for param in op.params:
            if draw(st.booleans()):
                costly = op.changes_size and param.name == "factor"
                most = 1.5 if costly else COSTLY.get(param.name, float("inf"))
                arguments[param.name] = draw(ranges(param, most))
    for setting in op.settings:
        if setting.name in SETTINGS and draw(st.booleans()):
            arguments[setting.name] = draw(SETTINGS[setting.name])
    return Step(op.name, arguments, draw(probabilities()), strength)


def presets() -> st.SearchStrategy[Node]:
    """RandAugment, TrivialAugment and AutoAugment."""
    strengths = st.floats(0, 1)
    return st.one_of(
        st.builds(RandAugment, st.integers(0, 4), strengths, strengths, probabilities()),
        st.just(TrivialAugment()),
        st.builds(AutoAugment, st.sampled_from(sorted(TABLES))),
    )


def nodes(ops: tuple[str, ...] = LEAVES, *, per_class: bool = True) -> st.SearchStrategy[Node]:
    """Steps, presets, and containers of them."""

    def containers(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        some = st.lists(inner, min_size=1, max_size=3).map(tuple)
        kinds: list[st.SearchStrategy[Any]] = [
            st.builds(Sequence, some, probabilities()),
            st.builds(SomeOf, some, st.integers(0, 3), probabilities()),
            some.flatmap(weighted),
            st.builds(ByEpoch, st.dictionaries(st.integers(0, 3), some, min_size=1, max_size=2)),
        ]
        if per_class:
            classes = st.dictionaries(st.integers(0, 9), some, max_size=2)
            kinds.append(st.builds(PerClass, classes, some))
        return st.one_of(kinds)

    def weighted(items: tuple[Node, ...]) -> st.SearchStrategy[Node]:
        weight = st.floats(0.1, 10)
        weights = st.lists(weight, min_size=len(items), max_size=len(items)).map(tuple)
        return st.builds(OneOf, st.just(items), st.one_of(st.none(), weights), probabilities())

    return st.recursive(st.one_of(steps(ops), presets()), containers, max_leaves=5)


def policies(
    ops: tuple[str, ...] = LEAVES, *, per_class: bool = True, most: int = 4
) -> st.SearchStrategy[Policy]:
    """Whole policies of up to `most` outermost steps."""
    return st.lists(nodes(ops, per_class=per_class), max_size=most).map(lambda s: Policy(tuple(s)))
