"""The audit command: its documents, its lines, its next step and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.test_cli import call, check_document, write_images


def test_findings_end_with_1_only_where_they_are_asked_to(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data")
    (data / "dog" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    arguments = ["audit", data, "--no-model", "--out", tmp_path / "out"]
    plain = call(*arguments)
    assert plain.exit_code == 0, plain.output
    assert "error: 1 file cannot be used (1 x E10" in plain.stdout
    assert plain.stdout.splitlines()[-1] == f"next: variegate search {data} --on-error skip"
    assert call(*arguments, "--fail-on", "error").exit_code == 1
    bare = call(*arguments, "--fail-on", "warning", "--json")
    assert bare.exit_code == 1
    document = check_document(bare, "audit")
    assert document == json.loads((tmp_path / "out" / "audit.json").read_text())
    assert call(*arguments, "--on-error", "stop").exit_code == 3
    assert call("audit", data, "--op", "Rotat", "--out", tmp_path / "no").exit_code == 2
    assert not (tmp_path / "no").exists()


def test_the_size_that_was_chosen_is_named_for_the_search(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for side in range(12, 24):
            picture = generator.integers(0, 255, (side, 12, 3)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / "data" / name / f"{side}.png")
    done = call("audit", tmp_path / "data", "--no-model", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1].endswith("data --size 64x64")
