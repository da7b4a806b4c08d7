"""Trackers get params, metrics, per-class figures and the policy, once each, over a resume too."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from variegate import workflow
from variegate.data import load

pytestmark = pytest.mark.filterwarnings("ignore")  # the trackers' own
SMALL: dict[str, Any] = {
    "train_per_class": 4,
    "epochs": 1,
    "settings": {"width": 4, "threads": 1, "precision": "float32"},
}


def searched(out: Path, track: str) -> workflow.SearchResult:
    """Two trials, then a resume to three."""
    for trials in (2, 3):
        found = workflow.search(
            "digits", method="random", trials=trials, out=out, track=track, **SMALL
        )
    return found


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_mlflow_has_one_run_for_the_search_and_one_for_the_comparison(tmp_path: Path) -> None:
    found = searched(tmp_path, "mlflow")
    workflow.compare(
        "digits", arms=["none", "found"], seeds=2, out=tmp_path, track="mlflow", **SMALL
    )
    client = import_module("mlflow").MlflowClient(
        tracking_uri=f"sqlite:///{tmp_path.absolute() / 'mlflow.db'}"
    )
    experiment = client.get_experiment_by_name("variegate")
    runs = {r.data.tags["variegate.run"]: r for r in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"search", "compare"}
    search, compare = runs["search"], runs["compare"]
    assert (search.info.status, compare.info.status) == ("FINISHED", "FINISHED")
    assert search.data.params["settings.width"] == "4"
    accuracies = client.get_metric_history(search.info.run_id, "accuracy")
    assert [(m.step, m.value) for m in accuracies] == [
        (row["number"], row["value"]) for row in found.history
    ]
    per_class = client.get_metric_history(search.info.run_id, "class accuracy/3")
    stored = [row["evaluations"][0]["per_class"][3] for row in found.history]
    assert [m.value for m in per_class] == stored
    files = {f.path for f in client.list_artifacts(search.info.run_id)}
    assert files == {"best.json", "search.json"}
    copy = client.download_artifacts(search.info.run_id, "best.json", str(tmp_path / "."))
    assert json.loads(Path(copy).read_text()) == found.best.to_dict()
    metrics = compare.data.metrics
    assert {"mean/none", "mean/found", "difference/found - none low"} <= set(metrics)
    assert sum(name.startswith("class difference/found - none/") for name in metrics) == 30
    steps = client.get_metric_history(compare.info.run_id, "accuracy/none")
    assert sorted(m.step for m in steps) == [0, 1]


def test_tensorboard_shows_every_trial_once(tmp_path: Path) -> None:
    found = searched(tmp_path, "tensorboard")
    module = import_module("tensorboard.backend.event_processing.event_accumulator")
    events = module.EventAccumulator(str(tmp_path / "tensorboard" / "search"))
    events.Reload()
    values = [(e.step, round(e.value, 5)) for e in events.Scalars("accuracy")]
    assert values == [(row["number"], round(row["value"], 5)) for row in found.history]
    names = set(events.Tags()["scalars"])
    assert {f"class accuracy/{name}" for name in load("digits").classes} <= names
    texts = {name: events.Tensors(name)[-1] for name in events.Tags()["tensors"]}
    assert {"params/text_summary", "best.json/text_summary"} <= set(texts)
    text = texts["best.json/text_summary"].tensor_proto.string_val[0].decode()
    assert json.loads(text) == found.best.to_dict()
