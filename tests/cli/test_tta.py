"""The tta and export commands: documents, lines, files and exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import variegate as vg
from tests.cli.test_cli import call, check_document
from variegate.tta.models import open_model

SIDE, CLASSES = 12, ("down", "left", "up")


class Corners(torch.nn.Module):
    """Says which of three sides is brightest; a mirror image swaps none of them but left."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        gray = images.mean(dim=1)
        sides = gray[:, -3:].mean((1, 2)), gray[:, :, :3].mean((1, 2)), gray[:, :3].mean((1, 2))
        return 8 * torch.stack(sides, dim=1)


def write_set(folder: Path) -> Path:
    """Ten pictures a class, whose brightest side is the class."""
    generator = np.random.default_rng(0)
    bright = {"down": np.s_[-3:], "left": np.s_[:, :3], "up": np.s_[:3]}
    for name, where in bright.items():
        (folder / name).mkdir(parents=True)
        for n in range(10):
            picture = generator.integers(0, 120, (SIDE, SIDE, 3)).astype(np.uint8)
            picture[where] += 130
            Image.fromarray(picture).save(folder / name / f"{n}.png")
    return folder


def write_model(path: Path) -> Path:
    batch = torch.export.Dim("batch")
    shown = torch.zeros(2, 3, SIDE, SIDE)
    exported = torch.export.export(Corners(), (shown,), dynamic_shapes=({0: batch},))
    torch.export.save(exported, path)
    return path


def test_views_are_chosen_judged_and_kept(tmp_path: Path) -> None:
    data, model = write_set(tmp_path / "data"), write_model(tmp_path / "model.pt2")
    out = tmp_path / "out"
    arguments = ["tta", data, "--model", model, "--views", "d4", "--out", out]
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:7]] == [
        *("none", "flip", "d4", "greedy", "learned"),
        "validation",
    ]
    assert lines[-1] == f"next: variegate export {out / 'tta.json'} --model {model} --to onnx"
    document = check_document(call(*arguments, "--json"), "tta")
    by_name = {arm["arm"]: arm for arm in document["arms"]}
    assert by_name["none"]["accuracy"] == 1.0
    assert by_name["none"]["against_none"][0] == 0
    assert by_name["flip"]["passes"] == 2
    assert by_name["d4"]["passes"] == 8
    # A picture turned upside down is of another class, so all eight views cannot tell any more.
    assert by_name["d4"]["accuracy"] < 0.8
    assert sum(by_name["d4"]["corrupted"].values()) > 0
    assert document["chosen"] in ("none", "greedy", "learned")
    saved = json.loads((out / "tta.json").read_text())
    again = vg.TTA.from_dict(saved, str(model))
    assert again.to_dict() == saved
    images = np.stack([np.asarray(Image.open(p)) for p in sorted(data.rglob("*.png"))])
    assert again(images).argmax(axis=1).tolist() == [0] * 10 + [1] * 10 + [2] * 10


def test_what_does_not_fit_ends_with_its_code(tmp_path: Path) -> None:
    data, model = write_set(tmp_path / "data"), write_model(tmp_path / "model.pt2")
    (data / "right").mkdir()
    Image.new("RGB", (SIDE, SIDE)).save(data / "right" / "0.png")
    for n in range(1, 5):
        Image.new("RGB", (SIDE, SIDE), (n, n, n)).save(data / "right" / f"{n}.png")
    done = call("tta", data, "--model", model, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "tells 3 classes apart, the data has 4" in done.output
    assert call("tta", data, "--model", tmp_path / "none.onnx").exit_code in (2, 6)
    assert call("tta", data, "--model", model, "--mean", "a,b").exit_code == 2
    bad = tmp_path / "bad.pt2"
    bad.write_bytes(b"nothing")
    assert "cannot be read" in call("tta", data, "--model", bad).output


def test_export_prints_code_and_names_what_is_missing(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    vg.Policy([vg.HorizontalFlip(p=0.5), vg.Elastic()]).save(policy)
    done = call("export", policy, "--to", "torchvision")
    assert done.exit_code == 0
    assert "v2.RandomHorizontalFlip(p=0.5)" in done.stdout
    assert "left out: Elastic" in done.stderr
    out = tmp_path / "augment.py"
    document = check_document(
        call("export", policy, "--to", "albumentations", "--out", out, "--json"), "export"
    )
    assert document["notes"] == ["left out: Elastic"]
    assert out.read_text() == document["code"]
    assert call("export", policy, "--to", "torch").exit_code == 2
    assert call("export", policy, "--to", "onnx").exit_code == 2


def test_a_model_file_is_opened_once_and_read_again_when_it_changes(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.pt2")
    first = open_model(model)
    assert open_model(model) is first
    os.utime(model, ns=(1, 1))
    assert open_model(model) is not first
