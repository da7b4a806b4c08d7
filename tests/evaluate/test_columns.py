"""Columns beside the accuracy: calibration by hand, corruptions, groups of classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from variegate.errors import InputError
from variegate.evaluate import Comparison, Run, summary, text_lines
from variegate.evaluate.calibration import calibration_error, seed_interval


def test_calibration_error_by_hand() -> None:
    # In order of confidence: 0.5 wrong, 0.6 right | 0.8 right, 0.9 right; two bins of two:
    # |0.55 - 0.5| and |0.85 - 1|, half of the images each.
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]])
    labels = np.array([0, 1, 1, 1])
    assert calibration_error(probabilities, labels, bins=2) == pytest.approx(0.1)
    assert calibration_error(probabilities, labels, bins=1) == pytest.approx(abs(0.7 - 0.75))


def test_calibration_error_is_that_of_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), 300)
    labels = generator.integers(0, 4, 300)
    rows = sorted(
        (max(p), int(np.argmax(p)) == y) for p, y in zip(probabilities, labels, strict=True)
    )
    parts = [rows[20 * k : 20 * k + 20] for k in range(15)]
    apart = [abs(sum(c for c, _ in part) / 20 - sum(r for _, r in part) / 20) for part in parts]
    assert calibration_error(probabilities, labels) == pytest.approx(sum(apart) / 15)


def test_a_model_that_knows_how_sure_it_is_has_little_error() -> None:
    generator = np.random.default_rng(1)
    sure = generator.uniform(0.5, 1, 40_000)
    labels = (generator.random(40_000) > sure).astype(np.int64)
    honest = np.stack([sure, 1 - sure], axis=1)
    assert calibration_error(honest, labels) < 0.01
    boastful = np.stack([np.full(40_000, 0.99), np.full(40_000, 0.01)], axis=1)
    assert calibration_error(boastful, labels) == pytest.approx(0.24, abs=0.01)


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(3, 2\) and \(4,\)"):
        calibration_error(np.ones((3, 2)), np.zeros(4, np.int64))


def test_interval_over_seeds_is_student_s() -> None:
    low, high = stats.t.interval(0.95, 2, loc=2.0, scale=1 / 3**0.5)
    assert seed_interval([1.0, 2.0, 3.0]) == pytest.approx([low, high])
    assert seed_interval([1.0]) is None


def record(counts: list[int] | None = None, corrupted: bool = True) -> Comparison:
    """Two arms, three seeds, classes of two images: found is right on all, none on class 0."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    runs = []
    for seed in range(3):
        for arm, own in (("none", np.where(labels == 0, 0, 1)), ("found", labels)):
            rows = {"fog": (0.9, 0.5), "jpeg": (0.4, 0.2 + 0.1 * seed)} if corrupted else {}
            shares = rows if arm == "found" else dict.fromkeys(rows, (0.1, 0.1))
            sure = np.full((6, 3), 0.1)
            sure[np.arange(6), own] = 0.8
            runs.append(Run(arm, seed, own, 1.0, 1, sure, shares))
    settings = {} if counts is None else {"class counts": counts}
    return Comparison("d", ("a", "b", "c"), labels, ("none", "found"), tuple(runs), settings)


def test_corrupted_columns_by_hand() -> None:
    found = summary(record())["arms"][1]["columns"]
    assert found["corruptions"]["jpeg"] == pytest.approx([0.4, 0.3])
    # Means of the seeds: (0.7 + 0.3, 0.35, 0.4) / 2
    column = found["corrupted"]
    assert column is not None
    assert column["value"] == pytest.approx((0.5 + 0.525 + 0.55) / 3)
    assert column["interval"] == pytest.approx(seed_interval([0.5, 0.525, 0.55]))
    (apart,) = column["differences"]
    assert (apart["against"], apart["seeds"]) == ("none", 3)
    assert apart["value"] == pytest.approx(column["value"] - 0.1)
    calibration = found["calibration"]
    assert calibration is not None
    assert calibration["value"] == pytest.approx(0.2)
    # none: sure of 0.8 on all, right on 4 of 6; with 6 images, 6 bins of one.
    assert calibration["differences"][0]["value"] == pytest.approx(0.2 - (4 * 0.2 + 2 * 0.8) / 6)


def test_runs_without_corruptions_have_no_column() -> None:
    kept = record(corrupted=False)
    assert summary(kept)["arms"][1]["columns"]["corrupted"] is None
    assert Comparison.from_dict(record().to_dict()).runs[1].corrupted == record().runs[1].corrupted
    with pytest.raises(InputError, match=r"corrupted: expected accuracies on 0\.\.1"):
        Run("none", 0, np.zeros(2, int), 1.0, 1, None, {"fog": (1.2,)})


def test_groups_count_every_class_alike() -> None:
    rows = summary(record([500, 40, 5]))["arms"]
    assert {name: column["value"] for name, column in rows[0]["groups"].items()} == {
        "many": 1.0, "medium": 1.0, "few": 0.0,
    }  # fmt: skip
    assert rows[1]["groups"]["few"]["differences"][0]["value"] == 1.0
    assert summary(record([30, 20, 16]))["arms"][0]["groups"] == {}
    assert summary(record())["arms"][0]["groups"] == {}


def test_lines_say_what_is_measured_beside_the_accuracy() -> None:
    lines = text_lines(summary(record([500, 40, 5])))
    assert "  found, %: many 100.0 [100.0, 100.0]; medium 100.0 [100.0, 100.0]; few 100.0 " in (
        next(line for line in lines if line.startswith("  found, %"))
    )
    assert any("calibration error 20.0 [20.0, 20.0]; on 2 corruptions 52.5" in x for x in lines)
