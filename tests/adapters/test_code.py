"""Policies written as code: what is written, and what is named as missing."""

from __future__ import annotations

import ast

import pytest

import variegate as vg
from variegate.adapters.code import LIBRARIES, to_code


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_code_is_python_that_makes_a_transform(library: str) -> None:
    tree = ast.parse(to_code([vg.HorizontalFlip(p=0.5), vg.TrivialAugment()], library, report=[]))
    named = [node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)]
    assert named == ["transform"]


def test_what_has_no_equivalent_is_named_and_left_out() -> None:
    policy = [vg.Elastic(), vg.Invert(), vg.PerClass({0: [vg.Invert()]})]
    with pytest.raises(vg.PolicyError, match=r"left out: Elastic\n- left out: PerClass"):
        to_code(policy, "torchvision")
    report: list[str] = []
    code = to_code(policy, "torchvision", report=report)
    assert "RandomInvert(p=1.0)" in code
    assert report == ["left out: Elastic", "left out: PerClass"]
    assert "Compose([\n])" in to_code([], "torchvision", report=[]), (
        "an empty policy is one there too"
    )
    with pytest.raises(vg.PolicyError, match=r"torchvision: nothing .* left there \(left out: Ela"):
        to_code(vg.Elastic(), "torchvision", report=[])


def test_a_magnitude_on_both_sides_becomes_a_choice_of_two() -> None:
    rotate = vg.Rotate(magnitude=0.5, p=0.7)
    code = to_code(rotate, "albumentations")
    assert "limit=(-15.0, -15.0)" in code
    assert "limit=(15.0, 15.0)" in code
    assert "p=0.7" in code


def test_a_random_magnitude_becomes_a_range() -> None:
    code = to_code(vg.TrivialAugment(ops=("Rotate",)), "albumentations", report=[])
    assert "limit=(-135.0, 135.0)" in code


def test_what_torchvision_takes_one_value_of_becomes_a_choice() -> None:
    report: list[str] = []
    code = to_code(vg.Posterize(bits=(4, 6)), "torchvision", report=report)
    assert [f"bits={n}" in code for n in (3, 4, 5, 6, 7)] == [False, True, True, True, False]
    assert report == []
    to_code(vg.Solarize(threshold=(0, 255)), "torchvision", report=report)
    assert report == ["changed: Solarize: threshold: one of 9 values there, evenly drawn here"]


def test_keras_names_chances_and_choices_that_no_layer_has() -> None:
    report: list[str] = []
    steps = [vg.HorizontalFlip(p=0.5), vg.Rotate(p=0.3), vg.TrivialAugment(), vg.Rotate()]
    code = to_code(steps, "keras", report=report)
    assert "RandomFlip(mode='horizontal')" in code
    assert code.count("RandomRotation(factor=(-0.0833333, 0.0833333)") == 1
    assert "left out: Rotate(p=0.3): that layer is always applied" in report
    assert "left out: OneOf: no layer chooses among others" in report


def test_an_unknown_library_is_named() -> None:
    with pytest.raises(vg.InputError, match="did you mean 'torchvision'"):
        to_code(vg.Invert(), "torchvison")


def test_a_name_that_is_part_of_an_op_s_is_understood() -> None:
    with pytest.raises(vg.PolicyError, match="did you mean 'HueSaturationValue'"):
        vg.Policy.from_dict(
            {"format": "variegate-policy", "version": 1, "steps": [{"step": "Hue"}]}
        )
