"""The page of differences: its text, and our side of its numbers."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def table() -> Any:
    """The script that writes the page."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("albumentations_table")
    finally:
        sys.path.remove(str(FOLDER))


def test_the_page_is_what_its_script_writes(table: Any) -> None:
    assert table.PAGE.read_text() == table.page(), f"run {table.COMMAND}"


def test_our_side_still_differs_from_theirs_as_the_page_says(table: Any) -> None:
    rows = json.loads(table.NUMBERS.read_text())["rows"]
    image = table.photograph()
    stale = {}
    for case in table.CASES:
        row = rows[table.key(case)]
        pipeline, remarks = table.ours(case)
        if remarks != row["remarks"]:
            stale[table.key(case)] = remarks
        elif "apart" in row:
            apart = table.apart(pipeline(image=image, **case.targets)["image"], row["blocks"])
            if not np.isclose(apart, row["apart"], atol=0.02):
                stale[table.key(case)] = (apart, row["apart"])
    assert not stale, f"run {table.COMMAND}"


def test_most_settings_are_equal_or_within_a_level(table: Any) -> None:
    rows = json.loads(table.NUMBERS.read_text())["rows"].values()
    pixels = [row for row in rows if "most" in row]
    close = [row for row in pixels if row["within"] > 0.994]
    assert len(pixels) >= 48
    assert len(close) >= 38
