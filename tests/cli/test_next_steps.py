"""What a command prints at its end: a plan once, and a next step only where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
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


def test_a_search_leads_to_a_comparison_of_its_own_length(tmp_path: Path) -> None:
    given = ["digits", "--train-per-class", "4", "--epochs", "2", "--threads", "1"]
    more = ["--model", "lenet", "--method", "random", "--trials", "1"]
    done = call("search", *given, *more, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert f"--epochs 2 --model lenet --out {tmp_path}" in done.output.splitlines()[-1]


@pytest.mark.parametrize("verb", ["search", "compare"])
def test_ray_that_is_missing_is_told_before_anything_is_read(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_ray(name: str) -> object:
        return None if name == "ray" else name

    monkeypatch.setattr("variegate.workflow.common.util.find_spec", without_ray)
    done = call(verb, "digits", "--executor", "ray", "--out", tmp_path / "run")
    assert done.exit_code == 6, done.output
    assert "executor ray needs ray, which is not installed" in done.output
    assert "digits: " not in done.output
