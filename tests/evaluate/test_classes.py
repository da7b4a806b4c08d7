"""Evidence about classes: shrinkage, false positives, fresh seeds, sentences, null reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from benchmarks.null_simulation import comparison, null_row
from variegate.evaluate import Comparison, Difference, Run, arms_to_confirm, summary
from variegate.evaluate.mistakes import false_positives, taken_for
from variegate.evaluate.shrink import between, shrunk
from variegate.testing.classifiers import MadeUp

ARMS = ("none", "found")


def difference(value: float, error: float) -> Difference:
    return Difference(value, value - 2 * error, value + 2 * error, 0.5, 9.0, 10, 100, error)


def table_of(case: MadeUp, seed: int = 0) -> dict:
    record = comparison(case, np.random.default_rng(seed), ARMS)
    return summary(record)["class_tables"][0]


def test_spread_over_classes_is_that_of_statsmodels() -> None:
    generator = np.random.default_rng(0)
    values, errors = generator.normal(0.01, 0.05, 12), generator.uniform(0.01, 0.04, 12)
    other = combine_effects(values, errors**2, method_re="iterated", use_t=False)
    assert between(values, errors**2) == pytest.approx(other.tau2, rel=1e-3)
    assert between(np.zeros(5), np.ones(5)) == 0.0


def test_shrinkage_by_hand() -> None:
    # Equal errors e: t = var - e^2 = 0.0025 - 0.0009 (unbiased variance of +-0.05, +-0.05 is
    # 4 * 0.0025 / 3 = 1/300), so t = 1/300 - 9e-4 and each value keeps t / (t + 9e-4) = 0.73.
    rows = shrunk([difference(v, 0.03) for v in (0.05, -0.05, 0.05, -0.05)])
    assert [row["value"] for row in rows if row] == pytest.approx([0.0365, -0.0365] * 2, rel=1e-6)
    # (1 - b) e^2 + b^2 (t + e^2) / 4 + 2 / 1 b^2 d^2, b = 0.27
    variance = 0.73 * 9e-4 + 0.27**2 / 300 / 4 + 2 * 0.27**2 * 0.0025
    assert rows[0] is not None
    assert rows[0]["interval"][1] == pytest.approx(0.0365 + 1.959964 * variance**0.5, rel=1e-5)


def test_few_classes_or_one_seed_are_not_shrunk() -> None:
    assert shrunk([difference(0.1, 0.1)] * 3 + [None]) == [None] * 4
    one_seed = replace(difference(0.1, 0.1), p=None)
    assert shrunk([one_seed] * 5) == [None] * 5


def test_shrunk_values_are_nearer_to_the_truth_and_cover_it() -> None:
    generator = np.random.default_rng(1)
    raw, drawn, covered = 0.0, 0.0, 0
    rounds = 300
    for _ in range(rounds):
        truth = generator.normal(0.01, 0.02, 10)
        errors = generator.uniform(0.01, 0.05, 10)
        seen = generator.normal(truth, errors)
        rows = [
            row for row in shrunk([difference(*d) for d in zip(seen, errors, strict=True)]) if row
        ]
        raw += float(((seen - truth) ** 2).sum())
        drawn += sum((row["value"] - t) ** 2 for row, t in zip(rows, truth, strict=True))
        covered += sum(
            row["interval"][0] <= t <= row["interval"][1]
            for row, t in zip(rows, truth, strict=True)
        )
    assert drawn < 0.6 * raw
    assert covered / (10 * rounds) >= 0.93


def test_false_positives_by_hand() -> None:
    # Two seeds, four images of a and four of b. The second arm takes none of b for a, the first one
    # takes image 4 for a with both seeds and image 5 with one: 3 of 8 against 0.
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    base = np.tile(labels, (2, 1))
    found = base.copy()
    found[:, 4] = 0
    found[0, 5] = 0
    a, b = false_positives(found, base, labels, ["a", "b"])
    assert a is not None
    assert b is not None
    assert (a["baseline"], a["found"], a["value"]) == (0.0, 0.375, 0.375)
    assert (b["baseline"], b["found"], b["value"]) == (0.0, 0.0, 0.0)
    pairs = taken_for(found, base, labels, ["a", "b"], 1)
    assert [(p["true"], p["named"], p["found"], p["value"]) for p in pairs] == [
        ("b", "a", 0.375, 0.375)
    ]
    assert taken_for(found, base, labels, ["a", "b"], 0) == []


def test_one_class_alone_has_no_false_positives() -> None:
    labels = np.zeros(4, np.int64)
    both = np.zeros((2, 4), np.int64)
    assert false_positives(both, both, labels, ["a", "b"])[0] is None


def test_the_class_that_grows_is_named_beside_its_victim() -> None:
    # The second arm takes images of the three classes before it for class 4 far more often.
    table = table_of(MadeUp((120,) * 8, 5, favored={4: 2.5}))
    assert table["grown"] == ["class 4"]
    assert "class 3" in table["harmed"]
    victim = next(row for row in table["rows"] if row["name"] == "class 3")
    assert victim["goes_to"][0]["named"] == "class 4"
    grown = next(row for row in table["rows"] if row["name"] == "class 4")
    assert {p["true"] for p in grown["false_positives"]["pairs"]} == {
        "class 1",
        "class 2",
        "class 3",
    }
    said = " ".join(table["findings"])
    assert "\u201cclass 3\u201d is harmed" in said
    assert "taken for \u201cclass 4\u201d" in said
    assert "look at its augmentation first" in said
    assert "\u201cclass 4\u201d is named wrongly more often" in said


def fresh_record(lost: float) -> Comparison:
    """Class 0 is wholly lost on seeds 0..4; on the fresh seeds 100..104 by `lost` logits."""
    generator = np.random.default_rng(5)
    first = comparison(MadeUp((60,) * 6, 5, lost={0: 4.0}), generator, ARMS)
    second = comparison(MadeUp((60,) * 6, 5, lost={0: lost}), generator, ARMS)
    runs = [*first.runs, *(replace(run, seed=100 + run.seed) for run in second.runs)]
    return replace(first, runs=tuple(runs), fresh=tuple(range(100, 105)))


@pytest.mark.parametrize(("lost", "said"), [(4.0, "confirmed"), (0.0, "not confirmed")])
def test_a_called_class_is_tested_on_fresh_seeds(lost: float, said: str) -> None:
    record = fresh_record(lost)
    table = summary(record)["class_tables"][0]
    assert (table["seeds"], table["fresh"]) == (5, 5)
    row = table["rows"][0]
    assert (row["name"], row["confirmation"]["verdict"]) == ("class 0", said)
    assert f"{said} on 5 fresh seeds" in table["findings"][0]
    # The called difference knows nothing of the fresh seeds.
    alone = replace(record, runs=tuple(r for r in record.runs if r.seed < 100), fresh=())
    assert summary(alone)["class_tables"][0]["rows"][0]["difference"] == row["difference"]
    uncalled = [r for r in table["rows"] if r["difference"]["verdict"] == "not proven"]
    assert [r["confirmation"] for r in uncalled] == [None] * len(uncalled)


def test_a_change_the_other_way_is_not_confirmed() -> None:
    table = summary(fresh_record(-6.0))["class_tables"][0]
    confirmation = table["rows"][0]["confirmation"]
    assert confirmation["value"] > 0
    assert confirmation["p"] > 0.5
    assert confirmation["verdict"] == "not confirmed"


def test_only_arms_with_called_classes_are_confirmed() -> None:
    generator = np.random.default_rng(5)
    record = comparison(
        MadeUp((60,) * 6, 5, lost={0: 4.0}), generator, ("none", "trivial", "found")
    )
    assert arms_to_confirm(record) == ("found", "none", "trivial")
    null = comparison(MadeUp((60,) * 6, 5), generator, ARMS)
    assert arms_to_confirm(null) == ()


def test_fresh_seeds_are_kept_and_held_apart() -> None:
    record = Comparison(
        "d", ("a", "b"), np.array([0, 1]), ("none",),
        tuple(Run("none", seed, np.array([0, 1]), 1.0, 1) for seed in (0, 9)), fresh=(9,),
    )  # fmt: skip
    again = Comparison.from_dict(record.to_dict())
    assert (again.seeds("none"), again.fresh_seeds("none")) == ((0,), (9,))


def test_few_reports_name_a_class_where_nothing_differs() -> None:
    # The short form of: python benchmarks/null_simulation.py null --cases 1000
    numbers = [n for n in range(100) if n % 5 < 2]
    rows = [null_row(number, 1) for number in numbers]
    named = sum(row["harmed"] > 0 for row in rows) / len(rows)
    assert named <= 0.05 + 3 * (0.05 * 0.95 / len(rows)) ** 0.5
