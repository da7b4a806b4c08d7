"""tv_tensors in and out, and torchvision's own data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
import torchvision.transforms.v2
from PIL import Image as Pillow
from torch.utils.data import DataLoader
from torchvision import tv_tensors as tv

import variegate as vg
from variegate.adapters.torch import Collate, Dataset, Indexed, Transform
from variegate.errors import InputError
from variegate.testing.pictures import picture

HEIGHT, WIDTH = 20, 30
PICTURE = picture("random", (HEIGHT, WIDTH), 3, 5)
BOXES = torch.tensor([[2.0, 3, 12, 10], [20, 5, 29, 19], [0, 0, 30, 20]])


def target(form: str = "XYXY") -> dict[str, Any]:
    """Boxes, masks and points of three instances."""
    corners = torchvision.ops.box_convert(BOXES, "xyxy", form.lower())
    masks = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, BOXES.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    points = torch.tensor([[[3.0, 4], [5, 6]]] * 3)
    return {
        "boxes": tv.BoundingBoxes(corners, format=form, canvas_size=(HEIGHT, WIDTH)),
        "masks": tv.Mask(masks),
        "points": tv.KeyPoints(points, canvas_size=(HEIGHT, WIDTH)),
        "labels": torch.tensor([7, 8, 9]),
        "image_id": 41,
    }


def image() -> Any:
    return tv.Image(torch.from_numpy(PICTURE).permute(2, 0, 1))


@pytest.mark.parametrize("form", ["XYXY", "XYWH", "CXCYWH"])
@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_a_flip_is_torchvision_s(axis: str, form: str) -> None:
    step = vg.HorizontalFlip(p=1.0) if axis == "horizontal" else vg.VerticalFlip(p=1.0)
    theirs = getattr(torchvision.transforms.v2.functional, axis + "_flip")
    for keypoints in ("continuous", "index"):
        aug = Transform(vg.Pipeline([step], seed=0, keypoints=keypoints))
        found, moved = aug(image(), target(form))
        wanted = target(form)
        assert type(found) is tv.Image
        assert torch.equal(found, theirs(image()))
        for name in ("boxes", "masks", "points"):
            expected = theirs(wanted[name])
            assert type(moved[name]) is type(expected)
            assert torch.equal(moved[name], expected)
        assert moved["boxes"].format.value == form
        assert moved["boxes"].canvas_size == (HEIGHT, WIDTH)
        assert moved["labels"].tolist() == [7, 8, 9]
        assert moved["image_id"] == 41


def test_a_crop_drops_instances_as_a_whole() -> None:
    aug = Transform(vg.Pipeline([vg.CenterCrop(size=(8, 8))], seed=0))
    found, moved = aug(image(), target())
    assert found.shape == (3, 8, 8)
    # The crop covers rows 6..14 and columns 11..19: one pixel of the first, none of the second.
    assert moved["labels"].tolist() == [7, 9]
    assert moved["boxes"].tolist() == [[0, 0, 1, 4], [0, 0, 8, 8]]
    assert moved["boxes"].canvas_size == moved["points"].canvas_size == (8, 8)
    assert moved["masks"].sum(dim=(1, 2)).tolist() == [4, 64]
    assert moved["points"].tolist() == [[[-8, -2], [-6, 0]]] * 2


def test_turned_boxes_go_by_their_corners() -> None:
    corners = torch.tensor([[4.0, 2, 12, 2, 12, 8, 4, 8]])
    boxes = tv.BoundingBoxes(corners, format="XYXYXYXY", canvas_size=(HEIGHT, WIDTH))
    aug = Transform(vg.Pipeline([vg.Rotate(angle=(90, 90), expand=True)], seed=0))
    _, found = aug(image(), {"boxes": boxes, "labels": torch.tensor([1])})
    assert found["boxes"].canvas_size == (WIDTH, HEIGHT)
    turned = {(y, WIDTH - x) for x, y in corners.reshape(4, 2).tolist()}
    points = found["boxes"].reshape(4, 2).round(decimals=3).tolist()
    assert {(x, y) for x, y in points} == turned
    for form in ("CXCYWHR", "XYWHR"):
        other = tv.BoundingBoxes([[8.0, 5, 8, 6, 0]], format=form, canvas_size=(HEIGHT, WIDTH))
        with pytest.raises(InputError, match="convert them to XYXYXYXY"):
            aug(image(), {"boxes": other, "labels": torch.tensor([1])})


def test_a_mask_of_classes_is_a_mask() -> None:
    mask = tv.Mask(torch.from_numpy(PICTURE[..., 0] % 4)[None])
    aug = Transform(vg.Pipeline([vg.Rotate(angle=(90, 90), expand=True)], seed=0))
    found, moved = aug(image(), mask)
    assert type(moved) is tv.Mask
    np.testing.assert_array_equal(moved[0], np.rot90(mask[0].numpy()))
    np.testing.assert_array_equal(found.permute(1, 2, 0), np.rot90(PICTURE))


def test_bad_targets_are_refused_by_name() -> None:
    aug = Transform(vg.Pipeline([vg.HorizontalFlip()], seed=0))
    with pytest.raises(InputError, match=r"area: expected .* a row for each of 3 instances"):
        aug(image(), {**target(), "area": torch.ones(2)})
    with pytest.raises(InputError, match="two"):
        aug(image(), {**target(), "more": target()["boxes"]})
    wrong = tv.BoundingBoxes(BOXES, format="XYXY", canvas_size=(99, 99))
    with pytest.raises(InputError, match=r"canvas \(99, 99\)"):
        aug(image(), {"boxes": wrong})
    with pytest.raises(InputError, match="boxes='xyxy'"):
        Transform(vg.Pipeline([], boxes="coco"))(image(), target())


def test_torchvision_s_data_sets_take_a_transform(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / f"class{number % 2}"
        folder.mkdir(exist_ok=True)
        Pillow.fromarray(PICTURE[number:]).save(folder / f"{number}.png")
    steps = [
        vg.RandomResizedCrop(size=(16, 16)),
        vg.TrivialAugment(),
        vg.Normalize(mean=(0.5,), std=(0.5,), layout="NCHW"),
    ]
    plain = torchvision.datasets.ImageFolder(tmp_path)
    counted = torchvision.datasets.ImageFolder(tmp_path, Transform(vg.Pipeline(steps, seed=3)))
    images, labels = next(iter(DataLoader(counted, batch_size=6)))
    first, again = (torch.stack([counted[0][0]]) for _ in range(2))
    assert images.shape == (6, 3, 16, 16)
    assert images.dtype == torch.float32
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert not torch.equal(first, again)
    called = DataLoader(
        Indexed(plain), batch_size=6, collate_fn=Collate(vg.Pipeline(steps, seed=3))
    )
    by_index = Dataset(plain, vg.Pipeline(steps, seed=3))
    together, _ = next(iter(called))
    assert torch.equal(together, torch.stack([by_index[i][0] for i in range(6)]))
    wanted = vg.Pipeline(steps, seed=3)(image=np.asarray(plain[4][0]), index=4, epoch=0)["image"]
    np.testing.assert_array_equal(by_index[4][0], wanted)
    assert torch.equal(by_index[4][0], by_index[4][0])
