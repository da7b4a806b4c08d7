"""The summary: verdicts, order of classes, what one seed allows, clean text."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluate.records import made
from variegate.errors import InputError
from variegate.evaluate import Comparison, Run, summary, text_lines
from variegate.evaluate.names import clean, clean_names, csv_text
from variegate.evaluate.wording import points


def rows(record: Comparison, arm: str) -> dict[str, str]:
    row = next(row for row in summary(record)["arms"] if row["arm"] == arm)
    return {d["against"]: d["verdict"] for d in row["differences"]}


def test_planted_gain_is_better_and_harmed_class_comes_first() -> None:
    result = summary(made(gain={"found": 1.2, "trivial": 1.2}, harmed=5, images=800))
    for table in result["class_tables"]:
        assert table["rows"][0]["name"] == "f"
        assert table["harmed"] == ["f"]
    assert "1 class is harmed against none: \u201cf\u201d" in result["headline"]
    assert [t["baseline"] for t in result["class_tables"]] == ["none", "trivial"]
    assert rows(made(gain={"found": 1.2}), "found") == {"none": "better", "trivial": "better"}
    assert rows(made(gain={"found": -1.5}), "found") == {"none": "worse", "trivial": "worse"}


def test_order_is_worse_then_unproven_then_better() -> None:
    labels = np.repeat(np.arange(4), 60)
    base = np.where(np.arange(240) % 2 == 0, labels, (labels + 1) % 4)
    found = base.copy()
    found[60:120] = 0  # class 1 lost wholly
    found[120:180] = 2  # class 2 won wholly
    arms = {"none": base, "found": found}
    runs = tuple(Run(arm, seed, p, 1.0, 1) for seed in range(4) for arm, p in arms.items())
    record = Comparison("d", tuple("abcd"), labels, tuple(arms), runs)
    table = summary(record)["class_tables"][0]
    assert [row["name"] for row in table["rows"]] == ["b", "a", "d", "c"]
    said = [row["difference"]["verdict"] for row in table["rows"] if row["difference"]]
    assert said == ["worse", "not proven", "not proven", "better"]
    assert (table["harmed"], table["improved"]) == (["b"], ["c"])


def test_interval_with_zero_is_not_proven() -> None:
    record = made(seed=2)
    result = summary(record)
    found = next(row for row in result["arms"] if row["arm"] == "found")
    assert found["differences"]
    for row in found["differences"]:
        assert row["interval"][0] <= 0 <= row["interval"][1]
        assert row["verdict"] == "not proven"
    assert "not proven" in result["headline"]
    assert any("not proven" in line for line in text_lines(result))


def test_one_seed_is_never_proven() -> None:
    result = summary(made(seeds=1, gain={"found": 5.0}, harmed=5))
    said = {d["verdict"] for row in result["arms"] for d in row["differences"]}
    said |= {
        r["difference"]["verdict"]
        for t in result["class_tables"]
        for r in t["rows"]
        if r["difference"]
    }
    assert said == {"not proven"}
    assert "nothing can be said about training noise" in " ".join(result["limits"]).lower()
    assert result["arms"][0]["covers"] == "test images"


def test_only_common_seeds_are_paired() -> None:
    record = made()
    kept = [run for run in record.runs if run.arm != "found" or run.seed >= 3]
    result = summary(replace(record, runs=tuple(kept)))
    found = next(row for row in result["arms"] if row["arm"] == "found")
    assert [d["seeds"] for d in found["differences"]] == [2, 2]
    moved = [replace(r, seed=r.seed + 100) if r.arm == "found" else r for r in record.runs]
    result = summary(replace(record, runs=tuple(moved)))
    found = next(row for row in result["arms"] if row["arm"] == "found")
    assert found["differences"][0]["note"].startswith("no seed in common")
    assert found["differences"][0]["verdict"] == "not proven"
    assert result["class_tables"][0]["rows"] == []


def test_holm_counts_all_arms_against_the_reference() -> None:
    record = made(arms=("none", "a", "b", "c", "found"), gain={"found": 0.5}, seed=4)
    result = summary(record)
    family = [d for r in result["arms"] for d in r["differences"] if d["against"] == "none"]
    smallest = min(family, key=lambda d: d["p"] or 0)
    assert len(family) == 4
    assert smallest["corrected"] == pytest.approx(min(1.0, 4 * (smallest["p"] or 0)))


def test_classes_are_corrected_after_benjamini_and_hochberg() -> None:
    from statsmodels.stats.multitest import multipletests

    table = summary(made(gain={"found": 0.8}, seed=6))["class_tables"][0]
    found = [row["difference"] for row in table["rows"] if row["difference"]]
    expected = multipletests([d["p"] for d in found], method="fdr_bh")[1]
    assert [d["corrected"] for d in found] == pytest.approx(list(expected))
    assert max(d["p"] or 0 for d in found) == pytest.approx(max(expected))


def test_unfinished_and_lonely_arms() -> None:
    record = made()
    partial = replace(record, runs=tuple(r for r in record.runs if r.arm != "trivial"))
    assert summary(partial)["missing"] == ["trivial"]
    alone = summary(replace(record, runs=tuple(r for r in record.runs if r.arm == "none")))
    assert alone["found"] is None
    assert "no second arm" in alone["headline"]
    with pytest.raises(InputError, match="has a run yet"):
        summary(replace(record, runs=()))
    with pytest.raises(InputError, match="'odd': no runs"):
        summary(record, baselines=["odd"])


def test_class_without_test_images_goes_last() -> None:
    record = made(classes=tuple("abcd"))
    result = summary(replace(record, classes=tuple("abcde")))
    last = result["class_tables"][0]["rows"][-1]
    assert (last["name"], last["images"], last["difference"]) == ("e", 0, None)


def test_summary_is_plain_json() -> None:
    result = summary(made(), search_seconds=12.5)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["cost"]["training_seconds"] == pytest.approx(150.0)
    assert result["cost"]["search_seconds"] == 12.5


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]0;owned\x07cat", "cat"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x00b\x9bc", "abc"),
        ("\u202egnp.exe\u2066", "gnp.exe"),
        ("two\nlines\u2028three", "two lines three"),
        ("", "(unnamed)"),
        ("\u200b\ufeff", "(unnamed)"),
        ("\u05d0\u05d1", "\u05d0\u05d1"),
        ("x" * 10_240, "x" * 59 + "\u2026"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 3),
    ],
)
def test_names_are_cleaned(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_names_that_become_equal_stay_apart() -> None:
    assert clean_names(["cat", "c\x00at", "dog"]) == ["cat (no. 0)", "cat (no. 1)", "dog"]


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "  =1", "\uff1d1"])
def test_csv_text_is_never_a_formula(text: str) -> None:
    assert csv_text(text) == "'" + text
    assert csv_text("cat") == "cat"


def test_points_have_signs_but_zero_has_none() -> None:
    assert [points(v) for v in (0.031, -0.031, -0.0001, 0.0)] == ["+3.1", "\u22123.1", "0.0", "0.0"]
