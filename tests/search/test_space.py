"""Spaces are data, and everything drawn from them is a legal policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.search import (
    Family,
    FamilySpace,
    OpRange,
    Option,
    RandAugmentSpace,
    Space,
    default_space,
    policy_of,
    space_from_dict,
    space_to_dict,
    suggest,
)

WITH_MAGNITUDE = ("Rotate", "ShearX", "TranslateY", "Brightness", "Posterize", "Solarize", "Cutout")
WITHOUT = ("AutoContrast", "Equalize", "Invert", "HorizontalFlip")

shares = st.floats(0, 1, allow_nan=False)
pairs = st.tuples(shares, shares).map(lambda p: (min(p), max(p)))
ranges = st.one_of(
    st.builds(lambda n, p: OpRange(n, *p), st.sampled_from(WITH_MAGNITUDE), pairs),
    st.builds(lambda n: OpRange(n, None, None), st.sampled_from(WITHOUT)),
)
names = st.text(min_size=1, max_size=8)
steps = st.builds(lambda n, p: {"step": n, "p": p}, st.sampled_from(WITHOUT), shares)
options = st.builds(
    Option,
    names,
    st.lists(st.lists(steps, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple),
)
bases = st.lists(options, max_size=2, unique_by=lambda o: o.name).map(tuple)
families = st.lists(
    st.builds(
        Family, names, st.lists(ranges, min_size=1, max_size=4).map(tuple), st.none() | shares
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda f: f.name,
).map(tuple)
counts = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda p: (min(p), max(p)))
spaces: st.SearchStrategy[Space] = st.one_of(
    st.builds(FamilySpace, families, counts, pairs, st.integers(1, 3), bases, bases),
    st.builds(
        RandAugmentSpace,
        st.lists(st.integers(1, 5), min_size=1, unique=True).map(tuple),
        st.lists(shares, min_size=1, max_size=5, unique=True).map(tuple),
        st.none() | st.lists(st.sampled_from(WITH_MAGNITUDE), min_size=1, unique=True).map(tuple),
        bases,
    ),
)


class Draws:
    """A trial whose draws come from the property test."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return self.data.draw(st.floats(low, high), name)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high), name)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self.data.draw(st.sampled_from(choices), name)


@given(spaces)
def test_json_gives_the_same_space_back(space: Space) -> None:
    text = json.dumps(space_to_dict(space), allow_nan=False)
    assert space_from_dict(json.loads(text)) == space


@settings(max_examples=60)
@given(spaces, st.data())
def test_every_draw_is_a_legal_policy_below_its_caps(space: Space, data: st.DataObject) -> None:
    drawn = suggest(Draws(data), space)
    policy = Policy.from_dict(drawn)
    assert Policy.from_dict(policy.to_dict()) == policy
    slots = [s for s in drawn["steps"] if s["step"] == "OneOf"]
    caps = [
        (op.name, op.low, op.high)
        for family in getattr(space, "families", ())
        for op in family.ops
        if op.low is not None
    ]
    used = [(s["step"], s["magnitude"]) for o in slots for s in o["steps"] if "magnitude" in s]
    # Files keep three decimals, so a magnitude may lie that little below its low end.
    assert all(
        any(name == n and low - 5e-4 <= m <= high for n, low, high in caps) for name, m in used
    )
    assert all(len(o["weights"]) == len(o["steps"]) and sum(o["weights"]) > 0 for o in slots)


def test_draws_become_steps_as_worked_out_by_hand() -> None:
    ops = (OpRange("Rotate", 0.2, 0.6), OpRange("Equalize", None, None))
    space = FamilySpace(
        (Family("a", ops), Family("off", (OpRange("Cutout"),))),
        base=(Option("flip", ((), ({"step": "HorizontalFlip", "p": 0.5},))),),
        tail=(Option("mix", (({"step": "MixUp", "p": 0.5},), ())),),
    )
    params = {"base.flip": 1, "num_ops": 2, "rate": 0.7, "tail.mix": 0}
    params |= {"weight.a": 0.8, "magnitude.a": 0.5, "weight.off": -0.1, "magnitude.off": 1.0}
    slot = {
        "step": "OneOf",
        "steps": [
            {"step": "Rotate", "magnitude": 0.3, "p": 1.0},
            {"step": "Rotate", "magnitude": 0.4, "p": 1.0},
            {"step": "Equalize", "p": 1.0},
        ],
        "weights": [0.2, 0.2, 0.4],
        "p": 0.7,
    }
    flip = {"step": "HorizontalFlip", "p": 0.5}
    mix = {"step": "MixUp", "p": 0.5}
    assert policy_of(params, space)["steps"] == [flip, slot, slot, mix]
    fixed = FamilySpace((Family("a", ops, 0.4), space.families[1]), base=space.base)
    assert policy_of(params, fixed)["steps"][1]["weights"] == [0.1, 0.1, 0.2]
    nothing = {**params, "weight.a": 0.0, "base.flip": 0, "tail.mix": 1}
    assert policy_of(nothing, space)["steps"] == []


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_anything_else_as_a_space_is_refused_by_name(data: Any) -> None:
    with pytest.raises(InputError, match="space"):
        space_from_dict(data)


@pytest.mark.parametrize("kind", ["grid", "tpe"])
def test_a_changed_key_in_a_space_file_is_refused(kind: str) -> None:
    data = space_to_dict(default_space(kind))
    for key in data:
        without = {k: v for k, v in data.items() if k != key}
        with pytest.raises(InputError):
            space_from_dict(without)
    with pytest.raises(InputError, match="unknown keys"):
        space_from_dict({**data, "magnitude_cap": 1})
    with pytest.raises(InputError, match="version 2"):
        space_from_dict({**data, "version": 2})


@pytest.mark.parametrize(
    "build",
    [
        lambda: OpRange("Rotate", 0.5, 0.2),
        lambda: OpRange("Rotate", 0.0, 1.5),
        lambda: OpRange("Rotate", float("nan"), 1.0),
        lambda: OpRange("Rotate", None, 1.0),
        lambda: OpRange(""),
        lambda: Family("a", ()),
        lambda: Option("flip", ()),
        lambda: FamilySpace(()),
        lambda: FamilySpace((Family("a", (OpRange("Rotate"),)),) * 2),
        lambda: FamilySpace((Family("a", (OpRange("Rotate"),)),), num_ops=(2, 1)),
        lambda: FamilySpace((Family("a", (OpRange("Rotate"),)),), num_ops=(0, 1)),
        lambda: FamilySpace((Family("a", (OpRange("Rotate"),)),), rate=(0.5, 2.0)),
        lambda: FamilySpace((Family("a", (OpRange("Rotate"),)),), levels=0),
        lambda: RandAugmentSpace(num_ops=()),
        lambda: RandAugmentSpace(num_ops=(1, 1)),
        lambda: RandAugmentSpace(magnitudes=(0.1, 2.0)),
        lambda: RandAugmentSpace(ops=()),
    ],
)
def test_a_space_that_cannot_be_drawn_from_is_refused(build: Any) -> None:
    with pytest.raises(InputError):
        build()


def test_the_default_space_is_small_and_without_color_on_grayscale() -> None:
    space = default_space("tpe", channels=1)
    assert isinstance(space, FamilySpace)
    assert 2 + 2 * len(space.families) + len(space.base) + len(space.tail) <= 12
    assert "Color" not in {op.name for family in space.families for op in family.ops}
    assert "Color" in json.dumps(space_to_dict(default_space("tpe", channels=3)))
