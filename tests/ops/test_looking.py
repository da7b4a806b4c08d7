"""Crops that look at boxes or masks: what they promise, wherever they stand in a pipeline."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.errors import InputError, PolicyError
from variegate.plan.check import check_plan
from variegate.plan.plan import Plan
from variegate.plan.regions import runs_of

SIZE = 60, 80
COUNT = 200
IMAGES = np.zeros((COUNT, *SIZE, 1), dtype=np.uint8)


def some_boxes(seed: int, most: int = 5) -> list[np.ndarray]:
    """From 0 to `most` boxes an image."""
    generator = np.random.default_rng(seed)
    boxes = []
    for count in generator.integers(0, most + 1, COUNT):
        low = generator.uniform(0, 0.8, (count, 2)) * [80, 60]
        span = generator.uniform(0.05, 0.2, (count, 2)) * [80, 60]
        boxes.append(np.concatenate([low, low + span], axis=1))
    return boxes


def run(steps: list[Any], boxes: list[np.ndarray], **more: Any) -> dict[str, Any]:
    return vg.Pipeline(steps, seed=4)(images=IMAGES, boxes=boxes, index=range(COUNT), **more)


def areas(boxes: np.ndarray) -> np.ndarray:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)


BEFORE = {
    "first": [],
    "after a turn": [vg.Rotate(angle=(-40.0, 40.0))],
    "after two runs": [
        vg.Rotate(),
        vg.Invert(p=0.5),
        vg.ShearX(),
        vg.ColorJitter(p=0.5),
        vg.Zoom(),
    ],
    "after a bent field": [vg.Elastic(amount=(0.05, 0.05)), vg.HorizontalFlip(p=0.5)],
    "after another crop": [vg.RandomCrop(size=(50, 60))],
}


@pytest.mark.parametrize("name", BEFORE)
def test_safe_crops_lose_nothing_of_any_box(name: str) -> None:
    """What is seen before the crop is seen after it, to the last part."""
    boxes = some_boxes(1)
    before = run(BEFORE[name], boxes)
    after = run([*BEFORE[name], vg.BBoxSafeRandomCrop()], boxes)
    sizes = np.array([image.shape[:2] for image in after["images"]])
    full = np.array([image.shape[:2] for image in before["images"]])
    assert (sizes < full).all(axis=1).mean() > 0.5
    for place in range(COUNT):
        assert np.array_equal(after["kept"][place], before["kept"][place])
        assert np.allclose(areas(after["boxes"][place]), areas(before["boxes"][place]), atol=1e-2)


def test_a_resized_safe_crop_keeps_all_boxes() -> None:
    boxes = some_boxes(2)
    out = run([vg.RandomSizedBBoxSafeCrop(size=(32, 48))], boxes)
    assert out["images"].shape == (COUNT, 32, 48, 1)
    assert all(len(kept) == len(own) for kept, own in zip(out["kept"], boxes, strict=True))


def test_erosion_lets_parts_of_the_boxes_go() -> None:
    boxes = [own[:1] for own in some_boxes(3)]
    out = run([vg.BBoxSafeRandomCrop(erosion_rate=0.2)], boxes)
    shares = [
        areas(new)[0] / areas(old)[0]
        for new, old in zip(out["boxes"], boxes, strict=True)
        if len(old)
    ]
    assert min(shares) > 0.6**2 - 0.05, "at most a fifth of each side, and whole pixels"
    assert np.mean(np.array(shares) < 0.99) > 0.2


@pytest.mark.parametrize("size", [(30, 30), (5, 6), (90, 70)])
def test_one_box_is_in_the_window_or_fills_it(size: tuple[int, int]) -> None:
    boxes = [own for own in some_boxes(4) if len(own)] * 2
    boxes = boxes[:COUNT]
    out = run([vg.AtLeastOneBBoxRandomCrop(size=size)], boxes)
    for place in range(COUNT):
        new, kept = out["boxes"][place], out["kept"][place]
        whole = np.isclose(areas(new), areas(boxes[place][kept]), atol=0.05)
        span = boxes[place][kept][:, 2:] - boxes[place][kept][:, :2]
        large = (span > np.array(size)[::-1] - 1).any(axis=1)
        assert (whole | large).any(), (boxes[place], new)


def test_every_box_is_chosen_as_often() -> None:
    boxes = [np.array([[2.0, 2, 10, 10], [60, 40, 75, 55]])] * COUNT
    out = run([vg.AtLeastOneBBoxRandomCrop(size=(20, 20))], boxes)
    kept = np.concatenate(out["kept"])
    assert len(kept) == COUNT
    assert 70 < (kept == 0).sum() < 130


def masks() -> np.ndarray:
    """One small blob an image, and a rim of ignored value 9."""
    generator = np.random.default_rng(5)
    result = np.zeros((COUNT, *SIZE), dtype=np.int32)
    for mask in result:
        y, x = generator.integers(0, 55), generator.integers(0, 75)
        mask[y : y + 4, x : x + 4] = generator.integers(1, 4)
        mask[0] = np.where(mask[0] == 0, 9, mask[0])
    return result


@pytest.mark.parametrize("before", [[], [vg.HorizontalFlip(p=0.5), vg.Rotate(), vg.Invert()]])
def test_mask_crops_are_not_empty_where_the_mask_is_not(before: list[Any]) -> None:
    given = masks()
    crop = vg.CropNonEmptyMaskIfExists(size=(12, 12), ignore_values=(9,))
    plain = vg.Pipeline(before, seed=4)(images=IMAGES, masks=given, index=range(COUNT))["masks"]
    out = vg.Pipeline([*before, crop], seed=4)(images=IMAGES, masks=given, index=range(COUNT))
    there = ((plain != 0) & (plain != 9)).any(axis=(1, 2))
    found = ((out["masks"] != 0) & (out["masks"] != 9)).any(axis=(1, 2))
    assert there.sum() > 150
    assert np.mean(found[there]) > 0.97, "a blob turned to the rim may keep none of 10 pixels"
    assert found.sum() <= there.sum()


def test_empty_masks_are_cropped_anywhere() -> None:
    empty = np.zeros((COUNT, *SIZE), dtype=np.uint8)
    aug = vg.Pipeline([vg.CropNonEmptyMaskIfExists(size=(12, 12))], seed=4)
    plan = aug.draw(images=IMAGES, masks=empty, index=range(COUNT))
    corners = plan.records[0].values["window"][:, :2]
    assert corners.min() >= 0
    assert (corners.max(axis=0) > [60, 40]).all()


def test_runs_are_the_pixels_of_a_mask() -> None:
    mask = np.random.default_rng(6).integers(0, 3, (9, 14))
    boxes, value = runs_of(mask)
    painted = np.zeros_like(mask)
    for (x1, y1, x2, y2), own in zip(boxes.astype(int).tolist(), value, strict=True):
        assert (painted[y1:y2, x1:x2] == 0).all()
        painted[y1:y2, x1:x2] = own
    assert np.array_equal(painted, mask)


def test_iou_crops_overlap_enough() -> None:
    """With one option, the window and a box whose center it holds share at least that much."""
    boxes = [np.array([[20.0, 10, 60, 50]])] * COUNT
    aug = vg.Pipeline([vg.RandomIoUCrop(options=(0.5,))], seed=4)
    plan = aug.draw(images=IMAGES, boxes=boxes, index=range(COUNT))
    window, box = plan.records[0].values["window"], boxes[0][0]
    shared = np.prod(
        np.minimum(window[:, 2:], box[2:]) - np.maximum(window[:, :2], box[:2]), axis=1
    )
    iou = shared / (np.prod(window[:, 2:] - window[:, :2], axis=1) + 1600 - shared)
    cut = (window != [0, 0, 80, 60]).any(axis=1)
    assert cut.mean() > 0.95
    assert iou[cut].min() >= 0.5
    sides = window[:, 2:] - window[:, :2]
    assert ((sides[:, 0] / sides[:, 1])[cut] <= 2).all()
    assert (sides >= [24, 18]).all()
    assert len(np.unique(window, axis=0)) > 150


def test_iou_crops_leave_images_without_boxes_alone() -> None:
    aug = vg.Pipeline([vg.RandomIoUCrop()], seed=4)
    out = aug(images=IMAGES, boxes=[np.zeros((0, 4))] * COUNT, index=range(COUNT))
    assert out["images"].shape == IMAGES.shape
    again = vg.Pipeline([vg.RandomIoUCrop(options=(1.0,))], seed=4)
    assert (
        again(images=IMAGES, boxes=some_boxes(1), index=range(COUNT))["images"].shape
        == IMAGES.shape
    )


CROPS = [
    vg.BBoxSafeRandomCrop(p=0.7),
    vg.RandomSizedBBoxSafeCrop(size=(30, 30)),
    vg.AtLeastOneBBoxRandomCrop(size=(40, 40), fill=9),
    vg.RandomIoUCrop(),
]


@pytest.mark.parametrize("crop", CROPS, ids=lambda crop: crop.op)
def test_a_plan_keeps_its_windows(crop: Any) -> None:
    """Plans are replayed without the boxes that they looked at, and a batch is its samples."""
    steps = [vg.Rotate(), vg.OneOf([crop, vg.HorizontalFlip()]), vg.Invert(), vg.ShearX()]
    aug, boxes = vg.Pipeline(steps, seed=9), some_boxes(7)
    images = np.random.default_rng(8).integers(0, 256, (24, *SIZE, 3), dtype=np.uint8)
    plan = aug.draw(images=images, boxes=boxes[:24], index=range(24))
    check_plan(plan)
    read = Plan.from_dict(json.loads(plan.to_json()))
    called = aug(images=images, boxes=boxes[:24], index=range(24))
    replayed = aug.apply(read, images=images, boxes=boxes[:24])
    for place in range(24):
        one = aug(image=images[place], boxes=boxes[place], index=place)
        for found in (called, replayed):
            assert np.array_equal(found["images"][place], one["image"])
            assert np.array_equal(found["boxes"][place], one["boxes"])


def test_looking_at_nothing() -> None:
    """Without boxes an image is cropped as one that has none; sizes alone are not enough."""
    aug = vg.Pipeline([vg.AtLeastOneBBoxRandomCrop(size=(12, 12))], seed=1)
    none = [np.zeros((0, 4))] * COUNT
    out = aug(images=IMAGES, index=range(COUNT))["images"]
    assert np.array_equal(out, aug(images=IMAGES, boxes=none, index=range(COUNT))["images"])
    with pytest.raises(
        InputError, match=r"AtLeastOneBBoxRandomCrop looks at targets: pass one of boxes="
    ):
        aug.draw(sizes=[SIZE], index=[0])
    assert "AtLeastOneBBoxRandomCrop" in aug.explain(0, size=SIZE, boxes=[[1, 2, 9, 9]])
    with pytest.raises(InputError, match="a mix changes: put it before"):
        vg.Pipeline([vg.CutMix(), vg.BBoxSafeRandomCrop()], seed=1)(
            images=IMAGES, index=range(COUNT)
        )
    with pytest.raises(PolicyError, match="erosion_rate: expected a share"):
        vg.BBoxSafeRandomCrop(erosion_rate=2)


def test_other_outlines_are_looked_at_too() -> None:
    ring = [[[np.array([[30.0, 20], [50, 20], [40, 30]])]]] * COUNT
    turned = [np.array([[40.0, 25, 10, 10, 45]])] * COUNT
    ids = np.zeros((COUNT, *SIZE), dtype=np.int64)
    ids[:, 20:30, 30:50] = 1
    for name, given in (("polygons", ring), ("oriented_boxes", turned), ("instance_masks", ids)):
        aug = vg.Pipeline([vg.BBoxSafeRandomCrop()], seed=4, min_visibility=0.999)
        out = aug(images=IMAGES, index=range(COUNT), **{name: given})
        assert all(len(kept) == 1 for kept in out["kept"])
        assert len({image.shape for image in out["images"]}) > 50


def test_a_clip_s_crop_is_safe_in_every_frame() -> None:
    clip = np.zeros((5, *SIZE, 1), dtype=np.uint8)
    boxes = [np.array([[10.0 * t, 5, 10 * t + 8, 20]]) for t in range(5)]
    aug = vg.Pipeline([vg.BBoxSafeRandomCrop()], seed=4, min_visibility=0.999)
    for index in range(20):
        out = aug(video=clip, boxes=boxes, index=index)
        assert [kept.tolist() for kept in out["kept"]] == [[0]] * 5


def test_the_loader_shows_the_boxes() -> None:
    boxes = some_boxes(9)[:12]
    data = {"images": IMAGES[:12], "boxes": boxes}
    aug = vg.Pipeline([vg.RandomSizedBBoxSafeCrop(size=(20, 20))], seed=4)
    seen = 0
    for batch in vg.Loader(data, aug, batch_size=5, threads=2):
        for slot, place in enumerate(batch["index"].tolist()):
            one = aug(image=IMAGES[place], boxes=boxes[place], index=place)
            assert np.array_equal(batch["boxes"][slot], one["boxes"])
            assert len(batch["kept"][slot]) == len(boxes[place])
            seen += 1
    assert seen == 12


def test_a_fixed_turn_by_hand() -> None:
    """A quarter turn takes the box (50, 10, 70, 20) of 60 x 80 to x 10..20, y 10..30."""
    steps = [vg.RandomRotate90(turns=(1, 1)), vg.BBoxSafeRandomCrop()]
    aug = vg.Pipeline(steps, seed=4)
    plan = aug.draw(
        images=IMAGES, boxes=[np.array([[50.0, 10, 70, 20]])] * COUNT, index=range(COUNT)
    )
    window = plan.records[1].values["window"]
    assert (window[:, :2] <= [10, 10]).all()
    assert (window[:, 2:] >= [20, 30]).all()
    assert (window[:, 2:] <= [60, 80]).all()
    assert set(window[:, 0]) == set(range(11)), "every start, the last one included"


def test_a_crop_at_a_mask_sees_where_its_pixels_were_shuffled_to() -> None:
    """One pixel of the mask: the crop behind the shuffle holds it wherever its cell has gone."""
    masks = np.zeros((COUNT, *SIZE), dtype=np.uint8)
    masks[:, 3, 5] = 1
    steps = [vg.RandomGridShuffle(grid=(4, 4)), vg.CropNonEmptyMaskIfExists(size=(8, 8))]
    out = vg.Pipeline(steps, seed=4)(images=IMAGES, masks=masks, index=range(COUNT))
    assert out["masks"].shape == (COUNT, 8, 8)
    assert (out["masks"].sum(axis=(1, 2)) == 1).all()
