"""What a command prints at its end: a plan once, and a next step only where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.test_cli import DIGITS, call


def test_a_preview_of_labeled_images_leads_to_a_search(tmp_path: Path) -> None:
    done = call("preview", "digits", "--images", "1", "--draws", "1", "--out", tmp_path / "a.png")
    assert done.output.splitlines()[-1] == "next: variegate search digits"


def test_a_preview_of_masks_does_not_since_a_search_needs_classes(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / folder / "one.png")
    done = call("preview", tmp_path, "--draws", "1", "--out", tmp_path / "a.png")
    assert done.exit_code == 0, done.output
    assert "next:" not in done.output


def test_a_dry_run_prints_its_plan_once(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = call("search", *DIGITS, "--method", "random", "--trials", "2", "--dry-run", "--out", out)
    assert done.exit_code == 0, done.output
    assert done.output.count("random: 2 trials") == 1
    assert done.output.splitlines()[-1].endswith("nothing is run")
    assert not out.exists()
