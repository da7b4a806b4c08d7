"""Objectives of the user's own: numbers and scores, with data and without, in other processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import SMALL
from tests.workflow.objectives import scored, turned
from variegate import workflow
from variegate.errors import InputError, StoreError
from variegate.evaluate.usage import touched
from variegate.search import Family, FamilySpace, OpRange

SPACE = FamilySpace(
    families=(
        Family("turn", (OpRange("Rotate"),)),
        Family("tone", (OpRange("Invert", None, None),)),
    ),
    num_ops=(1, 1),
    levels=1,
)


def own(out: Path, objective: Any, data: Any = None, **changes: Any) -> workflow.SearchResult:
    settings: dict[str, Any] = {"trials": 14, "epochs": 3, "space": SPACE, "method": "random"}
    return workflow.search(data, objective=objective, out=out, **{**settings, **changes})


def test_a_number_is_enough_and_no_data_is_needed(tmp_path: Path) -> None:
    found = own(tmp_path, turned)
    assert found.best_value == max(row["value"] for row in found.history)
    assert found.best_value == pytest.approx(touched(found.best, "Rotate"))
    record = json.loads((tmp_path / "search.json").read_text())
    assert record["cost"]["trainings"] == 14
    assert record["cost"]["epochs"] == 42
    assert record["cost"]["augment_share"] is None
    learned = record["learned"]["learned"]
    assert learned["trials"] == 14
    top = learned["effects"][0]
    assert (top["kind"], top["name"], top["verdict"]) == ("op", "Rotate", "better")
    assert {row["what"] for row in record["learned"]["distance"]} >= {"op use"}


def test_scores_are_ranked_by_their_value_and_kept_whole(tmp_path: Path) -> None:
    found = own(tmp_path, scored)
    assert found.best_value == 0.25
    calls = [row["evaluations"][0] for row in found.history]
    assert calls[found.best_number or 0]["value"] == max(call["value"] for call in calls)
    assert calls[0]["per_class"] == (0.5, None)
    assert {row["loss"] for row in found.history} == {2.0}


def test_two_processes_find_what_a_resume_in_this_one_finds(tmp_path: Path) -> None:
    many = own(tmp_path / "a", turned, executor="processes", workers=2, method="tpe")
    own(tmp_path / "b", turned, executor="processes", workers=2, method="tpe", trials=3)
    again = own(tmp_path / "b", turned, method="tpe")
    values = [[row["value"] for row in found.history] for found in (many, again)]
    assert values[0] == values[1]


def test_children_trained_in_processes_are_those_of_this_one(run: Path, tmp_path: Path) -> None:
    found = workflow.search(
        "digits", trials=3, method="random", executor="processes", workers=2, out=tmp_path, **SMALL
    )
    whole = json.loads((run / "search.json").read_text())
    assert [row["value"] for row in found.history] == [row["value"] for row in whole["history"]]
    assert 0 < found.record["cost"]["augment_share"] < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "guided"}, "asks the built-in net"),
        ({"trials": None, "budget": "30m"}, "not known; say trials"),
        ({"epochs": None}, "say what budget"),
        ({"objective": "turned"}, "expected a function"),
        ({"track": "wandb"}, "track: expected one of mlflow, tensorboard"),
        ({"executor": "threads"}, "executor: expected local"),
    ],
)
def test_what_an_objective_cannot_go_with_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    given = {"objective": turned, **changes}
    with pytest.raises(InputError, match=message):
        own(tmp_path, given.pop("objective"), **given)
    with pytest.raises(InputError, match="expected a data set, or an objective"):
        workflow.search(None, trials=1, out=tmp_path)
    assert not (tmp_path / "study.db").exists()


def test_another_function_is_another_search(tmp_path: Path) -> None:
    own(tmp_path, turned, trials=1)
    with pytest.raises(StoreError, match="another search"):
        own(tmp_path, scored, trials=1)
