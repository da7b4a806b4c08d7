"""search: what it writes, that it resumes, and that it never touches the test split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workflow.conftest import SMALL
from variegate import workflow
from variegate.data import Dataset, load
from variegate.errors import DataError, InputError, StoreError
from variegate.policy import Policy
from variegate.workflow import Event
from variegate.workflow import guided as guided_search
from variegate.workflow.budget import read_budget


def test_search_writes_store_policy_and_record(run: Path) -> None:
    record = json.loads((run / "search.json").read_text())
    assert record["schema"] == "variegate.search/1"
    assert [row["number"] for row in record["history"]] == [0, 1, 2]
    assert Policy.load(run / "best.json") == Policy.from_dict(record["best"]["policy"])
    assert record["best"]["value"] == max(row["value"] for row in record["history"])
    assert record["data"]["options"]["train_per_class"] == 4
    assert (run / "study.db").exists()


def test_search_resumes_and_ends_like_one_that_was_not_stopped(run: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"method": "random", "out": tmp_path, **SMALL}
    first = workflow.search("digits", trials=1, **arguments)
    before = first.history[0]
    seen: list[Event] = []
    again = workflow.search("digits", trials=3, progress=seen.append, **arguments)
    assert again.history[0] == before
    assert any("resuming: 1 of 3 trials" in event.text for event in seen)
    whole = json.loads((run / "search.json").read_text())
    assert [row["value"] for row in again.history] == [row["value"] for row in whole["history"]]
    assert again.best == Policy.load(run / "best.json")


def test_search_says_what_it_understood_first(tmp_path: Path) -> None:
    seen: list[Event] = []
    workflow.search(
        "digits", method="random", trials=1, out=tmp_path, progress=seen.append, **SMALL
    )
    understood = [event.text for event in seen if event.kind == "understood"]
    expected = (
        "digits: 1,797 images, 8 x 8 pixels, 1 channel, 10 classes; train 40, validation 359, "
        "test 359; device cpu; seed 0"
    )
    assert understood == [expected]
    order = [event.kind for event in seen if event.kind in ("understood", "plan")]
    assert order == ["understood", "plan"]


class Guarded(np.ndarray[Any, Any]):
    """An array that refuses every use of its values."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the test split was used")

    def __getitem__(self, key: Any) -> Any:
        raise AssertionError("the test split was used")

    def tobytes(self, *args: Any) -> bytes:
        raise AssertionError("the test split was used")


def guarded_digits() -> Dataset:
    """Digits with a test part whose images cannot be looked at."""
    digits = load("digits")
    own = digits.take(range(1500, 1797))
    object.__setattr__(own, "images", own.images.view(Guarded))
    rest = digits.take(range(1500))
    object.__setattr__(rest, "test", own)
    return rest


def test_search_never_looks_at_the_test_split(tmp_path: Path) -> None:
    found = workflow.search(guarded_digits(), method="random", trials=1, out=tmp_path, **SMALL)
    assert found.data.test == 297
    with pytest.raises(AssertionError, match="test split was used"):
        workflow.compare(
            guarded_digits(), arms=["none"], seeds=1, out=tmp_path / "compare", **SMALL
        )


def test_search_refuses_the_store_of_another_search(run: Path) -> None:
    with pytest.raises(StoreError, match="another search"):
        workflow.search("digits", trials=3, method="random", seed=1, out=run, **SMALL)


def test_an_interrupted_search_keeps_what_is_finished(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.text.startswith("trial 2/4") and "epoch" not in event.text:
            raise KeyboardInterrupt

    with pytest.raises(workflow.Interrupted, match="2 of 4 trials are saved"):
        workflow.search("digits", method="random", trials=4, out=tmp_path, progress=stop, **SMALL)
    record = json.loads((tmp_path / "search.json").read_text())
    assert record["stopped"] is True
    assert Policy.load(tmp_path / "best.json").to_dict() == record["best"]["policy"]
    again = workflow.search("digits", method="random", trials=4, out=tmp_path, **SMALL)
    assert len(again.history) == 4


def test_bad_arguments_stop_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(DataError, match="no such file or folder"):
        workflow.search(tmp_path / "nowhere", out=out)
    with pytest.raises(InputError, match="method"):
        workflow.search("digits", method="luck", trials=1, out=out, **SMALL)
    with pytest.raises(InputError, match="space"):
        workflow.search("digits", space={"format": "x"}, trials=1, out=out, **SMALL)
    assert not out.exists()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        workflow.search("digits", trials=1, out=tmp_path / "file" / "run", **SMALL)


def test_the_guided_search_scores_ops_narrows_and_weighs_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guided_search, "FROM", 1)  # with short trainings of each op
    seen: list[Event] = []
    guided = dict(SMALL, epochs=3)
    found = workflow.search("digits", trials=1, out=tmp_path, progress=seen.append, **guided)
    ops = json.loads((tmp_path / "ops.json").read_text())["ops"]
    caps = {(row["group"], row["name"]): row["cap"] for row in ops}
    assert caps["tone", "Invert"] == 0, "a negative of a digit is no digit"
    assert caps["geometry", "ShearX"] > 0
    record = json.loads((tmp_path / "search.json").read_text())
    names = [entry["name"] for entry in record["finalists"]]
    assert {"none", "flip+crop", "trivial", "randaugment"} < set(names)
    winner = record["finalists"][0]
    assert found.best == Policy.from_dict(winner["policy"])
    assert (found.best_number is None) is (winner["number"] is None)
    assert "points of validation accuracy" in found.verdict
    assert {row["state"] for row in record["history"]} == {"done"}
    epochs = [event for event in seen if "final round" in event.text and "epoch" in event.text]
    assert len(epochs) >= 3 * 5, "each entry tells of its epochs"
    assert {event.total for event in epochs} == {0}, "how much is left is not known"
    plan = next(event.text for event in seen if event.kind == "plan")
    assert "2 clean trainings" in plan
    assert "short trainings of 1 epochs" in plan
    gains = json.loads((tmp_path / "gains.json").read_text())["gains"]
    trained = {row["name"] for row in gains if row["group"] != "flip"}
    assert {name for (group, name), cap in caps.items() if cap and group != "flip"} <= trained
    assert "Invert" not in trained
    assert {row["name"] for row in gains if row["group"] == "flip"} == {"1", "2"}
    assert workflow.search("digits", trials=1, out=tmp_path, **guided).best == found.best


def test_a_plan_costs_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = workflow.plan("digits", budget="7trials", method="random", **SMALL)
    assert text.startswith("random: 7 trials = 7 trainings of 1 epochs; about ")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="budget: expected 200trials"):
        workflow.plan("digits", budget="soon", **SMALL)
    with pytest.raises(InputError, match="budget and trials"):
        workflow.plan("digits", budget="7trials", trials=7, **SMALL)


@pytest.mark.parametrize(
    ("text", "each", "trials"),
    [
        ("200trials", 2.0, 200),
        ("1 trial", 2.0, 1),
        ("90s", 2.0, 45),
        ("30m", 60, 30),
        ("2h", 9, 800),
    ],
)
def test_a_budget_becomes_trials(text: str, each: float, trials: int) -> None:
    assert read_budget(text, None).in_trials(each) == trials
    assert read_budget(None, 5).in_trials(each) == 5
    assert read_budget(None, None).in_trials(each) is None
