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
    workflow.search("digits", trials=1, out=tmp_path, progress=seen.append, **SMALL)
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
    found = workflow.search(guarded_digits(), trials=1, out=tmp_path, **SMALL)
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
        workflow.search("digits", trials=4, out=tmp_path, progress=stop, **SMALL)
    record = json.loads((tmp_path / "search.json").read_text())
    assert record["stopped"] is True
    assert Policy.load(tmp_path / "best.json").to_dict() == record["best"]["policy"]
    assert len(workflow.search("digits", trials=4, out=tmp_path, **SMALL).history) == 4


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
