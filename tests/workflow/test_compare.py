"""compare and report: pairing, saving after each run, resuming, and the files of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.workflow.conftest import SMALL, TOY
from variegate import workflow
from variegate.data import load, split
from variegate.errors import InputError, StoreError, VariegateError
from variegate.evaluate import Comparison
from variegate.search.executors import Done
from variegate.workflow import Event
from variegate.workflow.runs import Task, run_all


def test_all_five_arms_run_with_the_same_seeds(run: Path) -> None:
    record = Comparison.load(run / "comparison.json")
    assert record.arms == workflow.ARMS
    assert {record.seeds(arm) for arm in record.arms} == {(0, 1)}
    test = split(load("digits"), seed=0, train_per_class=4).test
    assert np.array_equal(record.labels, test.labels)
    assert record.settings["training images"] == 40
    assert record.settings["joined"] is False


def test_each_run_is_the_training_of_its_own_arm_and_seed(run: Path) -> None:
    from variegate.train import TrainSettings, predict, train_model

    parts = split(load("digits"), seed=0, train_per_class=4)
    settings = TrainSettings.for_data(parts.train, **TOY)
    policy = workflow.arms((8, 8))["flip+crop"]
    record = Comparison.load(run / "comparison.json")
    stored = {r.seed: r.probabilities for r in record.runs if r.arm == "flip+crop"}
    for seed in (0, 1):
        trained = train_model(parts.train, policy, epochs=1, seed=seed, settings=settings)
        assert np.array_equal(stored[seed], predict(trained, parts.test.images))
    assert not np.array_equal(stored[0], stored[1])


def test_every_run_is_saved_and_not_trained_again(tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    counts: list[int] = []

    def stop(event: Event) -> None:
        if event.kind == "progress" and event.text.endswith(" s"):
            if path.exists() and len(Comparison.load(path).runs) == event.done:
                counts.append(int(event.done))
            if event.done == 3:
                raise KeyboardInterrupt

    arms = ["none", "trivial"]
    with pytest.raises(workflow.Interrupted, match="3 of 4 runs"):
        workflow.compare("digits", arms=arms, seeds=2, out=tmp_path, progress=stop, **SMALL)
    assert sorted(set(counts)) == [1, 2, 3]
    before = Comparison.load(path)
    resumed = workflow.compare("digits", arms=arms, seeds=2, out=tmp_path, **SMALL)
    assert resumed.trained == 1
    kept = {(r.arm, r.seed): r.seconds for r in resumed.comparison.runs}
    assert all(kept[r.arm, r.seed] == r.seconds for r in before.runs)
    assert workflow.compare("digits", arms=arms, seeds=2, out=tmp_path, **SMALL).trained == 0


def test_two_processes_give_what_one_gives(run: Path, tmp_path: Path) -> None:
    parallel = workflow.compare(
        "digits",
        arms=["none", "trivial"],
        seeds=1,
        executor="processes",
        workers=2,
        out=tmp_path,
        **SMALL,
    )
    alone = {(r.arm, r.seed): r for r in Comparison.load(run / "comparison.json").runs}
    assert len(parallel.comparison.runs) == 2
    for one in parallel.comparison.runs:
        assert np.array_equal(one.predictions, alone[one.arm, one.seed].predictions)


def test_a_training_that_fails_on_a_worker_names_its_arm_and_seed(run: Path) -> None:
    class Team:
        """A worker whose first training ends well and whose second fails."""

        workers, tasks = 1, list[Task]()

        def submit(self, key: Task, *args: Any) -> None:
            self.tasks.append(key)

        def wait(self) -> Done:
            task = self.tasks.pop(0)
            return Done(task, "an outcome") if task.seed == 0 else Done(task, error="OSError: gone")

    kept: list[Any] = []
    tasks = [Task("none", 0), Task("trivial", 1)]
    with pytest.raises(VariegateError, match="trivial, seed 1: OSError: gone"):
        run_all(None, tasks, Team(), lambda *done: kept.append(done), print)  # type: ignore[arg-type]
    assert kept == [(tasks[0], "an outcome")]


def test_workers_of_a_comparison_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="executor: expected local, processes, ray"):
        workflow.compare("no such data", executor="cloud", out=tmp_path)
    with pytest.raises(InputError, match="the executor local has one"):
        workflow.compare("no such data", workers=2, out=tmp_path)


def test_called_classes_are_trained_again_on_fresh_seeds(tmp_path: Path) -> None:
    black = vg.Policy((vg.Brightness(factor=(0.0, 0.0)),))
    arms = {"none": None, "other": workflow.arms((8, 8))["flip+crop"], "found": black}
    learns = {"train_per_class": 10, "epochs": 6, "settings": {**TOY, "batch_size": 8}}
    call = {**learns, "arms": arms, "seeds": 3, "out": tmp_path}
    made = workflow.compare("digits", confirm=2, **call)
    table = made.summary["class_tables"][0]
    assert table["harmed"], "a model that sees black images alone knows no class"
    fresh = (1_000_000, 1_000_001)
    record = Comparison.load(made.path)
    assert record.fresh == fresh
    assert made.trained == 13
    assert [record.fresh_seeds(arm) for arm in arms] == [fresh, (), fresh]
    assert [record.seeds(arm) for arm in arms] == [(0, 1, 2)] * 3
    harmed = [row for row in table["rows"] if row["name"] in table["harmed"]]
    assert {row["confirmation"]["seeds"] for row in harmed} == {2}
    assert workflow.compare("digits", confirm=2, **call).trained == 0
    with pytest.raises(InputError, match="1000001 is a fresh seed"):
        workflow.compare("digits", confirm=2, **{**call, "seeds": [0, 1_000_001]})
    with pytest.raises(InputError, match="confirm: expected a whole number"):
        workflow.compare("digits", confirm=-1, **call)


def test_models_are_tested_on_corruptions_unlike_the_arms_ops(tmp_path: Path) -> None:
    noisy = vg.Policy((vg.SaltAndPepper(amount=(0.1, 0.1)), vg.JpegCompression(p=0.5)))
    call = {**SMALL, "arms": {"none": None, "noisy": noisy}, "seeds": 1, "out": tmp_path}
    plain = workflow.compare("digits", **call)
    assert plain.summary["arms"][1]["columns"]["corrupted"] is None
    made = workflow.compare("digits", robustness="unseen", **call)
    assert made.trained == 2, "a run without the corruptions is made again"
    seen = made.summary["arms"][1]["columns"]["corruptions"]
    assert not {"gaussian noise", "shot noise", "impulse noise", "jpeg"} & set(seen)
    assert {"fog", "contrast", "elastic"} < set(seen)
    before = {(r.arm, r.seed): r.probabilities for r in plain.comparison.runs}
    for run in made.comparison.runs:
        assert np.array_equal(run.probabilities, before[run.arm, run.seed])
    with pytest.raises(InputError, match='"all" or "unseen", got \'some\''):
        workflow.compare("digits", robustness="some", **call)


def test_an_arm_whose_policy_changed_is_trained_again(tmp_path: Path) -> None:
    both = workflow.arms((8, 8))
    first = {"none": None, "mine": both["trivial"]}
    second = {"none": None, "mine": both["randaugment"]}
    workflow.compare("digits", arms=first, seeds=1, out=tmp_path, **SMALL)
    again = workflow.compare("digits", arms=second, seeds=1, out=tmp_path, **SMALL)
    assert again.trained == 1
    policy = both["randaugment"]
    assert policy is not None
    assert again.comparison.settings["arms"]["mine"] == policy.to_dict()


def test_other_data_is_refused(run: Path) -> None:
    with pytest.raises(StoreError, match="runs are of other data"):
        workflow.compare("digits", arms=["none"], out=run, **{**SMALL, "train_per_class": 5})


def test_a_split_that_the_search_has_seen_is_refused(run: Path) -> None:
    with pytest.raises(InputError, match="images that the search has seen"):
        workflow.compare("digits", seed=1, out=run, **SMALL)
    with pytest.raises(InputError, match="images that the search has seen"):
        workflow.compare("digits", test=0.3, out=run, **SMALL)


def test_validation_images_are_joined_unless_the_training_size_is_given(tmp_path: Path) -> None:
    small = {**SMALL, "train_per_class": None}
    made = workflow.compare("digits", arms=["none"], seeds=1, out=tmp_path, **small)
    parts = split(load("digits"), seed=0)
    joined = len(parts.train) + len(parts.validation)
    assert made.comparison.settings["training images"] == joined


def test_a_gain_is_proven_only_where_the_summary_says_better(run: Path) -> None:
    made = workflow.compare("digits", seeds=2, out=run, **SMALL)
    rows = {row["arm"]: row for row in made.summary["arms"]}
    verdicts = {d["against"]: d["verdict"] for d in rows["found"]["differences"]}
    assert made.trained == 0
    assert made.gain_proven == (verdicts["none"] == "better")
    next(d for d in rows["found"]["differences"] if d["against"] == "none")["verdict"] = "better"
    assert made.gain_proven


def test_the_report_has_page_data_table_pictures_and_plots(run: Path) -> None:
    page = (run / "report.html").read_text()
    written = json.loads((run / "report.json").read_text())
    assert len(written["search"]["trials"]) == 3
    assert written["policy"] == json.loads((run / "best.json").read_text())
    for title in ("original", "found", "flip+crop", "trivial", "randaugment"):
        assert page.count(f'alt="{title}, picture') == 8
    assert len((run / "per_class.csv").read_text().splitlines()) == 21
    for name in ("arms.png", "classes.png", "history.png"):
        assert (run / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_report_without_its_images_says_so(run: Path, tmp_path: Path) -> None:
    content = json.loads((run / "comparison.json").read_text())
    content["settings"]["data"]["source"] = str(tmp_path / "moved")
    (tmp_path / "comparison.json").write_text(json.dumps(content))
    seen: list[Event] = []
    made = workflow.report(tmp_path, progress=seen.append)
    assert made.page.exists()
    assert any(event.text.startswith("no pictures:") for event in seen)


def test_a_folder_without_a_comparison_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="variegate compare DATA --out"):
        workflow.report(tmp_path)


def test_unknown_arms_and_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'trivial'"):
        workflow.compare("digits", arms=["trivia"], out=tmp_path, **SMALL)
    with pytest.raises(InputError, match="'found' needs a policy file"):
        workflow.compare("digits", arms=["found"], out=tmp_path, **SMALL)
    with pytest.raises(InputError, match="different seeds"):
        workflow.compare("digits", seeds=[1, 1], out=tmp_path, **SMALL)
