"""The record of a comparison: round trip, refusal of what is newer or broken, whole files only."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluate.records import made
from variegate.errors import InputError, StoreError
from variegate.evaluate import Comparison, Run
from variegate.evaluate.files import write_atomic


def test_round_trip(tmp_path: Path) -> None:
    record = made(images=40)
    chances = np.random.default_rng(0).random((40, 8), dtype=np.float32)
    record = record.with_run(Run("found", 77, np.zeros(40, np.int64), 1.5, 2, chances))
    path = record.save(tmp_path / "deep" / "comparison.json")
    again = Comparison.load(path)
    assert again.to_dict() == record.to_dict()
    assert again.runs[-1].probabilities is not None
    assert np.array_equal(again.runs[-1].probabilities, chances)
    assert again.runs[-1].probabilities.dtype == np.float32


def test_with_run_replaces_same_arm_and_seed() -> None:
    record = made(images=40)
    again = record.with_run(Run("none", 0, np.zeros(40, np.int64), 1.0, 1))
    assert len(again.runs) == len(record.runs)
    assert again.correct("none", [0]).sum() == (record.labels == 0).sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, r"version 2 is newer .* reads up to 1; install a newer variegate"),
        ({"version": "1"}, "version must be a whole number"),
        ({"version": True}, "version must be a whole number"),
        ({"schema": "other"}, "expected a file of schema 'variegate.comparison', got 'other'"),
        ({"labels": None}, "labels"),
        ({"runs": [{"arm": "none"}]}, "not a whole comparison"),
        ({"labels": [99] * 40}, r"labels\[0\]: expected 0..7, got 99"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(made(images=40).to_dict() | change))
    with pytest.raises(StoreError, match=message) as caught:
        Comparison.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"c\.json"):
        Comparison.load(path)


def test_bad_runs_are_refused() -> None:
    record = made(images=40)
    good = np.zeros(40, np.int64)
    with pytest.raises(InputError, match="39 predictions for 40"):
        record.with_run(Run("none", 9, good[:39], 1.0, 1))
    with pytest.raises(InputError, match="not one of"):
        record.with_run(Run("other", 9, good, 1.0, 1))
    with pytest.raises(InputError, match=r"predictions\[0\]: expected 0..7, got 8"):
        record.with_run(Run("none", 9, good + 8, 1.0, 1))
    with pytest.raises(InputError, match="whole numbers"):
        Run("none", 0, np.zeros(4), 1.0, 1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="seconds"):
        Run("none", 0, good, float("nan"), 1)
    with pytest.raises(InputError, match="given twice"):
        replace(record, runs=(*record.runs, record.runs[0]))
    with pytest.raises(InputError, match="no run with seed 9"):
        record.correct("none", [9])


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.json"
    made(images=40).save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="plain JSON"):
        replace(made(images=48), settings={"bad": object()}).save(path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "x" * 1000)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays behind"
