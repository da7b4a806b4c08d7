"""preview, policies by name, ops and doctor."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from variegate import workflow
from variegate.engine import choose
from variegate.errors import EngineError, PolicyError
from variegate.policy import Policy
from variegate.policy.nodes import PerClass, RandAugment, Step, TrivialAugment
from variegate.workflow import common
from variegate.workflow.preview import CELL, GAP, HEAD


def pixels(path: Path) -> np.ndarray[Any, Any]:
    """A picture file as an array."""
    with Image.open(path) as sheet:
        return np.asarray(sheet)


def cell(path: Path, row: int, column: int) -> np.ndarray[Any, Any]:
    """The pixels of one picture of a sheet."""
    sheet = pixels(path)
    top, left = HEAD + (CELL + GAP + HEAD) * row, GAP + (CELL + GAP) * column
    return sheet[top : top + CELL, left : left + CELL]


def test_the_sheet_has_the_declared_size_and_the_draws_differ(tmp_path: Path) -> None:
    made = workflow.preview("digits", "Invert", images=3, draws=2, out=tmp_path / "a.png")
    assert pixels(made.path).shape == (*made.size, 3)
    assert made.size == (HEAD + 3 * (CELL + GAP + HEAD) + GAP, GAP + 3 * (CELL + GAP))
    assert made.columns == ("original", "draw 1", "draw 2")
    assert made.rows == ("0", "1", "2")
    for row in range(3):
        assert np.array_equal(cell(made.path, row, 1), 255 - cell(made.path, row, 0))
    assert made.changed == 1.0


def test_a_ladder_starts_at_the_original_and_gets_stronger(tmp_path: Path) -> None:
    made = workflow.preview(
        "digits", "Brightness", images=1, magnitudes=True, out=tmp_path / "a.png"
    )
    assert made.columns == ("original", "0", "0.25", "0.5", "0.75", "1")
    original = cell(made.path, 0, 0).astype(int)
    distances = [np.abs(cell(made.path, 0, k).astype(int) - original).mean() for k in range(1, 6)]
    assert distances[0] == 0
    assert distances[4] > distances[2] > 0


def test_one_image_file_and_arrays_can_be_previewed(tmp_path: Path) -> None:
    picture = np.arange(5 * 9 * 3, dtype=np.uint8).reshape(5, 9, 3)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    from_file = workflow.preview(
        tmp_path / "photo.png", "HorizontalFlip", draws=1, out=tmp_path / "a.png"
    )
    workflow.preview([picture], "HorizontalFlip", draws=1, out=tmp_path / "b.png")
    assert from_file.rows == ("photo",)
    for column in (0, 1):
        first, second = cell(tmp_path / "a.png", 0, column), cell(tmp_path / "b.png", 0, column)
        assert np.array_equal(first, second)


def test_every_op_can_be_previewed(tmp_path: Path) -> None:
    shown = []
    for op in workflow.ops():
        made = workflow.preview("digits", op.name, images=2, draws=1, out=tmp_path / "a.png")
        shown.append(made.path)
        assert pixels(made.path).shape == (*made.size, 3)
    assert len(shown) > 40


def test_a_policy_with_mixing_and_normalize_can_be_previewed(tmp_path: Path) -> None:
    steps = [{"step": "MixUp"}, {"step": "Normalize", "mean": [0.5], "std": [0.5]}]
    data = {"format": "variegate-policy", "version": 1, "steps": steps}
    made = workflow.preview(
        "digits", Policy.from_dict(data), images=4, draws=1, out=tmp_path / "a.png"
    )
    assert made.changed > 0


def test_a_policy_by_class_goes_by_the_label_of_each_picture(tmp_path: Path) -> None:
    policy = Policy((PerClass({0: (Step("Invert"),), 2: (Step("Invert"),)}),))
    made = workflow.preview("digits", policy, images=3, draws=1, out=tmp_path / "a.png")
    for row, inverted in enumerate((True, False, True)):
        original, drawn = cell(made.path, row, 0), cell(made.path, row, 1)
        assert np.array_equal(drawn, 255 - original if inverted else original)


def test_policies_by_name(tmp_path: Path) -> None:
    path = Policy((TrivialAugment(),)).save(tmp_path / "mine.json")
    assert workflow.read_policy("trivial") == workflow.read_policy(path)
    assert workflow.read_policy("randaugment:n=3,m=0.5") == Policy((RandAugment(3, 0.5),))
    assert workflow.read_policy("none") == Policy()
    with pytest.raises(PolicyError, match="did you mean 'Rotate'"):
        workflow.read_policy("Rotat")
    with pytest.raises(PolicyError, match="got 'n=x'"):
        workflow.read_policy("randaugment:n=x")
    with pytest.raises(PolicyError, match="cannot be read"):
        workflow.read_policy(str(tmp_path / "missing.json"))


def test_the_control_arms_are_the_declared_ones() -> None:
    made = workflow.arms((8, 24))
    assert tuple(made) == ("none", "flip+crop", "trivial", "randaugment")
    assert made["none"] is None
    policy = made["flip+crop"]
    assert policy is not None
    steps = policy.to_dict()["steps"]
    assert [step["step"] for step in steps] == ["HorizontalFlip", "Pad", "RandomCrop"]
    assert steps[1]["padding"] == [1, 3, 1, 3]
    assert steps[2]["size"] == [8, 24]


def test_doctor_says_what_is_missing_and_stays_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_native(name: str | None) -> None:
        raise EngineError("not built")

    monkeypatch.setattr(choose, "choose", no_native)
    monkeypatch.setattr(common.util, "find_spec", lambda name: None)
    found = workflow.doctor()
    states = {check.name: check for check in found.checks}
    assert found.usable
    optional = ("tta", "onnx", "keras", "ray", "mlflow", "tensorboard")
    assert found.missing == ("train", "search", "report", "data", *optional)
    assert "reference" in states["engine"].value
    assert "C++ compiler" in states["engine"].step
    assert states["search"].step == "pip install 'variegate[search]'"
    with pytest.raises(workflow.MissingExtra, match=r"pip install 'variegate\[train\]'"):
        workflow.search("digits")


def test_doctor_is_not_usable_without_a_core_package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("variegate.workflow.doctor")
    monkeypatch.setattr(module, "CORE", ("numpy", "no-such-package"))
    assert not workflow.doctor().usable


def test_ops_are_all_listed_with_their_parameters() -> None:
    rotate = workflow.ops("Rotate")[0]
    assert rotate.magnitude
    assert rotate.params[0]["name"] == "angle"
    assert "vg.Rotate(" in rotate.call
    with pytest.raises(PolicyError, match="did you mean 'Rotate'"):
        workflow.ops("Rotat")
