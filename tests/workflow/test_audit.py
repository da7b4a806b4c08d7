"""An audit of made-up arrows: what it finds, keeps, writes, and how a search goes on from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from variegate import workflow
from variegate.data import Dataset
from variegate.errors import InputError
from variegate.evaluate.audit import check_audit
from variegate.train.matching import DensityMatching
from variegate.workflow.passes import Passes

TOY = {"width": 4, "threads": 1, "precision": "float32", "batch_size": 16}
NAMES = ("dot", "turn left", "turn right")
ASKED: dict[str, Any] = {
    "settings": TOY,
    "epochs": 8,
    "folds": 2,
    "images": 80,
    "ops": ["HorizontalFlip"],
}
TOLD: list[workflow.Event] = []


def arrows(count: int = 180) -> Dataset:
    """Gray 12x12: a bright bar at the left, at the right, or a dot in the middle, over noise."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 60, (count, 12, 12, 1)).astype(np.uint8)
    labels = np.arange(count) % 3
    images[labels == 0, 4:8, 4:8] = 220
    images[labels == 1, 2:10, 1:4] = 220
    images[labels == 2, 2:10, 8:11] = 220
    return Dataset("arrows", images, labels.astype(np.int64), NAMES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> workflow.AuditResult:
    pytest.importorskip("torch")
    pytest.importorskip("optuna")
    out = tmp_path_factory.mktemp("audit")
    return workflow.audit(arrows(), out=out, progress=TOLD.append, **ASKED)


def test_the_plan_says_what_is_trained(made: workflow.AuditResult) -> None:
    assert made.to_dict()["clean"]["accuracy"] > 0.95
    [plan] = [event.text for event in TOLD if event.kind == "plan"]
    # Eight epochs of all 108 images in training are twelve of a fold's 72.
    assert plan.startswith("2 clean trainings of 12 epochs, about ")


def test_sides_that_swap_are_found_with_a_picture_and_the_hint_confirmed(
    made: workflow.AuditResult,
) -> None:
    document = made.to_dict()
    check_audit(document)
    assert document["clean"]["accuracy"] > 0.95
    flips = [f for f in document["findings"] if f["name"] == "HorizontalFlip"]
    assert [(f["kind"], f["class"], f["into"]) for f in flips] == [
        ("turns", 1, 2),
        ("turns", 2, 1),
    ]
    with Image.open(made.out / flips[0]["picture"]) as picture:
        assert picture.size[0] > picture.size[1] > 72
    [hint] = document["hints"]
    assert hint["classes"] == [1, 2]
    assert hint["seen"] is True
    assert not [f for f in document["findings"] if f["name"] == "VerticalFlip"]


def test_the_safe_ranges_leave_the_flip_out_for_the_sides_only(
    made: workflow.AuditResult,
) -> None:
    safe = {each["name"]: each for each in made.document["safe"]}
    assert safe["HorizontalFlip"] == {"name": "HorizontalFlip", "high": 0.0, "classes": [1, 0, 0]}
    assert safe["VerticalFlip"]["high"] == 1.0
    assert made.space is not None
    space = json.loads(made.space.read_text())
    assert space["base"][0]["choices"] == [[], [{"step": "VerticalFlip", "p": 0.5}]]


def test_a_search_draws_from_the_safe_space(made: workflow.AuditResult, tmp_path: Path) -> None:
    found = workflow.search(
        arrows(),
        method="random",
        trials=6,
        epochs=1,
        space=made.space,
        settings=TOY,
        out=tmp_path,
    )
    text = (tmp_path / "search.json").read_text()
    assert len(found.history) == 6
    assert "HorizontalFlip" not in text
    assert {t["params"]["base.flip"] for t in found.history} <= {0, 1}


def test_a_second_call_asks_no_model_and_ends_the_same(
    made: workflow.AuditResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a model was asked for")

    before = {path.name: path.read_bytes() for path in (made.out / "findings").iterdir()}
    monkeypatch.setattr(DensityMatching, "model", refuse)
    again = workflow.audit(arrows(), out=made.out, **ASKED).to_dict()
    for key in ("rows", "findings", "safe", "space", "clean"):
        assert again[key] == made.document[key]
    assert {p.name: p.read_bytes() for p in (made.out / "findings").iterdir()} == before
    with pytest.raises(AssertionError, match="was asked for"):
        workflow.audit(arrows(), out=made.out, **{**ASKED, "seed": 1})


def test_a_torn_line_is_left_out_and_another_mark_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "passes.jsonl"
    first = Passes(path, "mark")
    kept = first.get("Rotate", 0.5, lambda: np.array([3, 1]))
    with path.open("a") as file:
        file.write('{"name": "Rotate", "magnitude": 1.0, "predic')
    second = Passes(path, "mark")
    assert second.known == {("Rotate", 0.5): [3, 1]}
    again = second.get("Rotate", 1.0, lambda: np.array([2, 2]))
    assert (kept.tolist(), again.tolist()) == ([3, 1], [2, 2])
    assert len(Passes(path, "mark").known) == 2
    assert Passes(path, "other").known == {}


def test_without_a_model_only_the_data_is_judged(tmp_path: Path) -> None:
    data = arrows(120)
    doubled = Dataset(
        data.name,
        data.images[:60],
        data.labels[:60],
        NAMES,
        test=Dataset("own test", data.images[57:120], data.labels[57:120], NAMES),
    )
    made = workflow.audit(doubled, model=False, out=tmp_path)
    assert made.severity == "error"
    [leak] = [c for c in made.document["concerns"] if c["kind"] == "leak"]
    assert leak["count"] == 3
    assert made.document["clean"] is None
    assert made.space is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audit.html", "audit.json"]
    assert made.document["hints"][0]["seen"] is None


def test_a_folder_of_files_is_judged_with_its_bad_ones(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    for name in ("red ball", "blue ball"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(12):
            side = (30, 40) if number else (40, 30)
            picture = generator.integers(0, 255, (*side, 3)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / "data" / name / f"{number}.png")
    (tmp_path / "data" / "red ball" / "3.png").write_bytes(b"nothing at all")
    notes: list[str] = []
    made = workflow.audit(
        tmp_path / "data",
        model=False,
        out=tmp_path / "out",
        progress=lambda event: notes.append(event.text),
    )
    assert made.document["data"]["options"]["size"] == [64, 64]
    assert any("differ in size and are brought to 64 x 64" in note for note in notes)
    kinds = {c["kind"]: c for c in made.document["concerns"]}
    assert kinds["corrupt"]["examples"][0].endswith("not an image: no known signature") or (
        "3.png: E102" in kinds["corrupt"]["examples"][0]
    )
    assert kinds["aspect"]["count"] == 2
    assert [h["kind"] for h in made.document["hints"]] == ["colors"]


def test_wrong_arguments_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for bad, message in (
        ({"ops": ["Rotat"]}, "'Rotat' cannot be tried on these images; did you mean 'Rotate'"),
        ({"ops": ["MixUp"]}, "'MixUp' cannot be tried"),
        ({"images": 3}, "images: expected a whole number >= 10"),
        ({"folds": 1}, "folds: expected a whole number >= 2"),
        ({"keep": 1.0}, "keep: expected a share"),
        ({"trials": 3}, "unknown argument 'trials'"),
    ):
        with pytest.raises(InputError, match=message):
            workflow.audit(arrows(), out=out, **bad)
    assert not out.exists()


def test_diversity_is_the_loss_under_an_op(tmp_path: Path) -> None:
    few = {**ASKED, "epochs": 2, "images": 30, "ops": []}
    made = workflow.audit(arrows(90), out=tmp_path, diversity=True, **few)
    rows = {row["name"]: row for row in made.document["diversity"]}
    highs = {each["name"]: each["high"] for each in made.document["safe"]}
    assert all(0 < row["magnitude"] <= max(highs[name], 0.25) for name, row in rows.items())
    assert all(row["ratio"] > 0 for row in rows.values())
    assert set(rows) <= set(highs)
