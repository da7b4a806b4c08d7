"""Hugging Face: the same bytes for any order and workers, folders, COCO columns, Trainer."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import variegate as vg
from variegate.adapters.huggingface import Collate, Transform, follow_epochs, with_index

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (12, 20, 24, 3), dtype=np.uint8)
AUG = vg.Pipeline([vg.HorizontalFlip(p=0.5), vg.RandomResizedCrop(size=(16, 16))], seed=3)


def expected(epoch: int = 0) -> np.ndarray:
    return AUG(images=IMAGES, index=np.arange(12), epoch=epoch)["images"]


@pytest.fixture
def plain() -> datasets.Dataset:
    pictures = [Image.fromarray(image) for image in IMAGES]
    columns = {"image": pictures, "label": [n % 3 for n in range(12)]}
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def test_rows_are_keyed_by_their_number_in_any_order(plain: datasets.Dataset) -> None:
    data, transform = with_index(plain), Transform(AUG, label="label")
    data.set_transform(transform)
    assert all(np.array_equal(data[n]["image"], expected()[n]) for n in (0, 7, 3))
    assert data[7]["label"] == 1
    mixed = data.shuffle(seed=1).select(range(5))
    assert all(np.array_equal(row["image"], expected()[row["index"]]) for row in mixed)
    transform.set_epoch(2)
    assert np.array_equal(data[4]["image"], expected(2)[4])


@pytest.mark.parametrize(("workers", "start"), [(0, None), (2, "fork"), (2, "spawn")])
def test_workers_change_no_byte_and_see_the_epoch(
    plain: datasets.Dataset, workers: int, start: str | None
) -> None:
    data, transform = with_index(plain), Transform(AUG)
    data.set_transform(transform)
    stays = workers > 0
    loader = torch.utils.data.DataLoader(
        data,
        batch_size=5,
        num_workers=workers,
        persistent_workers=stays,
        multiprocessing_context=start,
        collate_fn=list,
    )
    for epoch in (0, 1):
        transform.set_epoch(epoch)
        rows = [row for batch in loader for row in batch]
        assert all(np.array_equal(r["image"], expected(epoch)[r["index"]]) for r in rows)
        assert sorted(r["index"] for r in rows) == list(range(12))


def test_an_image_folder_with_coco_columns(tmp_path: Path) -> None:
    """Boxes move with the picture, and what lies beside them leaves with them."""
    lines = []
    for n in range(4):
        Image.fromarray(IMAGES[n]).save(tmp_path / f"{n}.png")
        objects = {"bbox": [[0, 2, 6, 10], [18, 4, 6, 8]], "category": [5, 9], "id": [n, 10 + n]}
        lines.append(json.dumps({"file_name": f"{n}.png", "objects": objects}))
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    cache = str(tmp_path / "cache")
    read = datasets.load_dataset("imagefolder", data_dir=tmp_path, split="train", cache_dir=cache)
    crop = vg.Pipeline([vg.Crop(box=(0, 0, 12, 20)), vg.HorizontalFlip()], seed=1, boxes="coco")
    data = with_index(read)
    data.set_transform(Transform(crop, boxes="objects.bbox", box_labels="objects.category"))
    row = data[2]
    assert np.array_equal(row["image"], IMAGES[2][:, :12][:, ::-1])
    rows = row["objects"]
    boxes = rows["bbox"] if isinstance(rows, dict) else [own["bbox"] for own in rows]
    labels = rows["category"] if isinstance(rows, dict) else [own["category"] for own in rows]
    numbers = rows["id"] if isinstance(rows, dict) else [own["id"] for own in rows]
    assert np.array_equal(boxes, [[6, 2, 6, 10]])
    assert (list(labels), list(numbers)) == ([5], [2])


def test_a_column_that_is_missing_is_named(plain: datasets.Dataset) -> None:
    plain.set_transform(Transform(AUG))
    with pytest.raises(vg.InputError, match="no field 'index'"):
        plain[0]
    data = with_index(plain)
    data.set_transform(Transform(AUG, mask="segments"))
    with pytest.raises(vg.InputError, match="no field 'segments'"):
        data[0]


class Net(torch.nn.Module):
    """The least that Trainer trains."""

    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(3 * 16 * 16, 3)
        self.seen: list[np.ndarray] = []

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict:
        self.seen.append(pixel_values.detach().numpy().copy())
        logits = self.head(pixel_values.flatten(1))
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def test_trainer_with_a_mix_in_the_collate(plain: datasets.Dataset, tmp_path: Path) -> None:
    steps = [
        vg.Resize(size=(16, 16)),
        vg.MixUp(),
        vg.Normalize(mean=(0.5,), std=(0.5,), layout="NCHW"),
    ]
    collate = Collate(vg.Pipeline(steps, seed=1, classes=3), label="label")
    net = Net()
    options = transformers.TrainingArguments(
        str(tmp_path),
        num_train_epochs=2,
        per_device_train_batch_size=6,
        remove_unused_columns=False,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        net,
        options,
        train_dataset=with_index(plain),
        data_collator=collate,
        callbacks=[follow_epochs(collate)],
    )
    trainer.train()
    assert [batch.shape for batch in net.seen] == [(6, 3, 16, 16)] * 4
    assert collate._epoch.get() == 1
    assert np.isfinite(trainer.state.log_history[-1]["train_loss"])


def test_collate_gives_relative_boxes_to_detection_models() -> None:
    steps = [vg.HorizontalFlip(), vg.Normalize(mean=(0.5,), std=(0.5,), layout="NCHW")]
    collate = Collate(
        vg.Pipeline(steps, seed=1, boxes="coco"),
        boxes="objects.bbox",
        box_labels="objects.category",
    )
    record = {"image": IMAGES[0], "index": 0, "objects": {"bbox": [[2, 4, 6, 8]], "category": [7]}}
    batch = collate([record])
    assert batch["pixel_values"].shape == (1, 3, 20, 24)
    assert torch.allclose(batch["labels"][0]["boxes"], torch.tensor([[19 / 24, 0.4, 0.25, 0.4]]))
    assert batch["labels"][0]["class_labels"].tolist() == [7]
