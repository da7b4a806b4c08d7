"""docs/ops is what its script writes: texts exactly, pictures within two levels."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.testing import engines
from variegate.workflow.scene import ladder, targets

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def pages() -> Any:
    """The script that writes them."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("ops_page")
    finally:
        sys.path.remove(str(FOLDER))


def test_the_texts_are_what_the_script_writes(pages: Any) -> None:
    stale = [path.name for path, text in pages.pages().items() if text != path.read_text()]
    assert not stale, f"run {pages.COMMAND}"
    assert not pages.leftovers(), f"run {pages.COMMAND}"


def test_the_pictures_are_what_the_script_draws(pages: Any) -> None:
    # By the fastest engine; the script draws by the reference, which it must agree with.
    stale = pages.stale_pictures(pages.drawable(), engines()[-1])
    assert not stale, f"run {pages.COMMAND}: {[path.name for path in stale]}"


def test_a_changed_picture_is_seen(pages: Any, tmp_path: Path) -> None:
    drawn = pages.picture(get("HorizontalFlip"))
    kept = tmp_path / "a.png"
    assert pages.is_stale(kept, drawn)
    drawn.save(kept)
    assert not pages.is_stale(kept, drawn)
    pixels = np.array(drawn)
    pixels[:8, :16] = 255 - pixels[:8, :16] // 2
    assert pages.is_stale(kept, Image.fromarray(pixels))


def test_ladders_show_three_settings() -> None:
    rotate = [step.magnitude for _, step, _ in ladder(get("Rotate"))]
    assert [m.low for m in rotate] == [0.0, 0.5, 1.0]
    turns = [step.arguments["turns"] for _, step, _ in ladder(get("RandomRotate90"))]
    assert turns == [(0, 0), (1, 1), (3, 3)]
    assert [draw for _, _, draw in ladder(get("RandomCrop"))] == [0, 1, 2]
    assert [title for title, _, _ in ladder(get("Invert"))] == ["applied"]


def test_the_table_of_targets_is_found_out_by_running() -> None:
    moving = dict.fromkeys(("mask", "boxes", "keypoints"), "moves")
    assert targets(get("Rotate")) == {"image": "changes", **moving}
    assert set(targets(get("Posterize")).values()) == {"changes", "stays"}
    assert get("Normalize").kind is Kind.OUTPUT
    assert targets(get("Normalize"))["image"] == "converted"
