"""WebDataset: keyed by `__key__`, so shards and workers change no byte."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset
from PIL import Image

import variegate as vg
from variegate.adapters.records import key_of
from variegate.adapters.webdataset import Augment

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 20, 24, 3), dtype=np.uint8)
AUG = vg.Pipeline([vg.HorizontalFlip(p=0.5), vg.RandomResizedCrop(size=(16, 16))], seed=3)


def write_shard(path: Path, numbers: range) -> str:
    with tarfile.open(path, "w") as tar:
        for n in numbers:
            picture = io.BytesIO()
            Image.fromarray(IMAGES[n]).save(picture, "png")
            boxes = json.dumps({"boxes": [[1, 2, 9, 12]], "names": ["cat"]}).encode()
            parts = {"png": picture.getvalue(), "cls": str(n % 3).encode(), "json": boxes}
            for ending, content in parts.items():
                info = tarfile.TarInfo(f"{n:04d}.{ending}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return str(path)


def expected(n: int, epoch: int) -> np.ndarray:
    return AUG(image=IMAGES[n], index=key_of(f"{n:04d}"), epoch=epoch)["image"]


@pytest.mark.parametrize("workers", [0, 2])
def test_shards_and_workers_change_no_byte(tmp_path: Path, workers: int) -> None:
    shards = [write_shard(tmp_path / f"{k}.tar", range(5 * k, 5 * k + 5)) for k in range(2)]
    augment = Augment(AUG, image="png", label="cls")
    data = webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8").map(augment)
    loader = torch.utils.data.DataLoader(
        data, batch_size=None, num_workers=workers, persistent_workers=workers > 0
    )
    for epoch in (0, 3):
        augment.set_epoch(epoch)
        seen = {int(sample["__key__"]): sample for sample in loader}
        assert sorted(seen) == list(range(10))
        for n, sample in seen.items():
            assert np.array_equal(np.asarray(sample["png"]), expected(n, epoch))
            assert sample["cls"] == n % 3


def test_boxes_in_a_json_field(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "0.tar", range(2))
    flip = vg.Pipeline([vg.HorizontalFlip()], seed=1)
    augment = Augment(flip, image="png", boxes="json.boxes", box_labels="json.names")
    data = webdataset.WebDataset(shard, shardshuffle=False).decode("rgb8").map(augment)
    sample = next(iter(data))
    assert np.array_equal(sample["json"]["boxes"], [[15, 2, 23, 12]])
    assert list(sample["json"]["names"]) == ["cat"]
