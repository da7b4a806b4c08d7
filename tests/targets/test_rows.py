"""Rows: which boxes, labels, points and masks stay, and the formats at the door."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from tests.targets.geometry import at
from variegate.testing import engines

SIZE = 40, 60
BOXES = np.array([[0, 0, 10, 10], [50, 30, 60, 40], [20, 10, 40, 30], [0, 30, 5, 40]], dtype=float)


def run(steps: list, **targets: object) -> dict:
    form = {
        k: targets.pop(k) for k in ("boxes_format", "min_area", "min_visibility") if k in targets
    }
    form = {("boxes" if k == "boxes_format" else k): v for k, v in form.items()}
    image = np.zeros((*SIZE, 3), dtype=np.uint8)
    return vg.Pipeline(steps, seed=1, **form)(image=image, index=0, **targets)


def test_dropped_boxes_take_their_label_and_their_points() -> None:
    points = np.arange(16, dtype=float).reshape(4, 2, 2)
    out = run(
        [vg.Crop(box=(15, 5, 60, 40))], boxes=BOXES, box_labels=np.arange(4), keypoints=points
    )
    assert out["kept"].tolist() == [1, 2]
    assert out["box_labels"].tolist() == [1, 2]
    assert np.array_equal(out["boxes"], BOXES[[1, 2]] - [15, 5, 15, 5])
    assert np.array_equal(out["keypoints"], points[[1, 2]] - [15, 5])
    assert out["keypoints_inside"].shape == (2, 2)


def test_labels_may_be_a_list_of_anything() -> None:
    out = run([vg.Crop(box=(15, 5, 60, 40))], boxes=BOXES, box_labels=["a", "b", None, 4])
    assert out["box_labels"] == ["b", None]


def test_labels_are_the_surviving_rows_in_random_pipelines() -> None:
    generator = np.random.default_rng(0)
    steps = [
        vg.Affine(scale=(0.5, 2.0), p=0.8),
        vg.RandomCrop(size=(25, 30)),
        vg.HorizontalFlip(p=0.5),
    ]
    aug, lost = vg.Pipeline(steps, seed=2), 0
    for index in range(100):
        start = generator.uniform(0, 0.8, (6, 2)) * [60, 40]
        boxes = np.concatenate([start, start + generator.uniform(1, 8, (6, 2))], axis=1)
        image = np.zeros((*SIZE, 3), dtype=np.uint8)
        targets = {"boxes": boxes, "box_labels": np.arange(6), "keypoints": start}
        out = aug(image=image, index=index, **targets)
        assert np.array_equal(out["box_labels"], out["kept"])
        assert len(out["boxes"]) == len(out["kept"])
        assert np.all(np.diff(out["kept"]) > 0)
        alone = [aug(image=image, index=index, boxes=b[None])["boxes"] for b in boxes]
        assert np.array_equal(np.concatenate(alone), out["boxes"])
        lost += 6 - len(out["kept"])
    assert lost > 50


def test_small_and_hidden_boxes_go_when_asked() -> None:
    half = np.array([[10.0, 10, 20, 20]])
    crop = [vg.Crop(box=(15, 0, 60, 40))]
    assert len(run(crop, boxes=half, min_visibility=0.49)["boxes"]) == 1
    assert len(run(crop, boxes=half, min_visibility=0.51)["boxes"]) == 0
    assert len(run(crop, boxes=half, min_area=49)["boxes"]) == 1
    assert len(run(crop, boxes=half, min_area=51)["boxes"]) == 0


FORMS = {
    "xyxy": [[6.0, 4, 18, 12]],
    "pascal_voc": [[6.0, 4, 18, 12]],
    "coco": [[6.0, 4, 12, 8]],
    "yolo": [[0.2, 0.2, 0.2, 0.2]],
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_box_formats(form: str) -> None:
    out = run([vg.HorizontalFlip()], boxes=FORMS[form], boxes_format=form)["boxes"]
    flipped = {
        "xyxy": [[42, 4, 54, 12]],
        "pascal_voc": [[42, 4, 54, 12]],
        "coco": [[42, 4, 12, 8]],
        "yolo": [[0.8, 0.2, 0.2, 0.2]],
    }
    assert np.abs(out - flipped[form]).max() < 1e-5
    assert out.dtype == np.float32


@pytest.mark.parametrize("form", sorted(FORMS))
def test_formats_come_back_as_they_went(form: str) -> None:
    from variegate.targets.boxes import from_corners, read_boxes, to_corners

    generator = np.random.default_rng(1)
    low = generator.uniform(0, 0.9, (5000, 2))
    high = low + generator.uniform(0.01, 1, (5000, 2)) * (1 - low)
    corners = np.concatenate([low, high], axis=1) * [1920, 1080, 1920, 1080]
    out = from_corners(corners, (1080, 1920), form)
    back = to_corners(out.astype(np.float64), (1080, 1920), form)
    assert np.abs(back - corners).max() < 3e-4  # single precision at 1,920
    assert len(read_boxes(out, "boxes", (1080, 1920), form)) == 5000


def test_boxes_half_a_pixel_outside_are_cut_off_not_refused() -> None:
    out = run([vg.Identity()], boxes=[[-0.4, -0.4, 60.4, 40.4], [60.1, 1, 60.4, 5]])
    assert out["boxes"].tolist() == [[0, 0, 60, 40]]
    assert out["kept"].tolist() == [0]


def test_points_by_index_or_continuous() -> None:
    image = np.zeros((*SIZE, 1), dtype=np.uint8)
    image[4, 7] = 255
    index = vg.Pipeline([vg.HorizontalFlip()], seed=1, keypoints="index")
    out = index(image=image, index=0, keypoints=[[7, 4]])
    assert out["keypoints"].tolist() == [[52, 4]]
    assert out["image"][4, 52] == 255
    continuous = vg.Pipeline([vg.HorizontalFlip()], seed=1)(
        image=image, index=0, keypoints=[[7.5, 4.5]]
    )
    assert continuous["keypoints"].tolist() == [[52.5, 4.5]]


@pytest.mark.parametrize(
    "dtype", ["uint8", "bool", "int8", "uint16", "int32", "int64", "uint64", "float64"]
)
@pytest.mark.parametrize("engine", engines())
def test_masks_of_any_dtype_follow_the_image(engine: str, dtype: str) -> None:
    """A mask moves as a nearest image: the ids of one are the levels of the other."""
    levels = np.random.default_rng(0).integers(0, 2, (4, 24, 31), dtype=np.uint8)
    ids = (levels * (1 if dtype == "bool" else 101)).astype(dtype)
    steps = [vg.Rotate(resample="nearest"), vg.Zoom(resample="nearest", factor=(0.6, 1.6))]
    aug = vg.Pipeline([*steps, vg.HorizontalFlip(p=0.5)], seed=3, engine=engine)
    out = aug(images=levels[..., None], masks=ids, index=range(4))
    assert out["masks"].dtype == np.dtype(dtype)
    expected = out["images"][..., 0] * (1 if dtype == "bool" else 101)
    assert np.array_equal(out["masks"], expected.astype(dtype))


@pytest.mark.parametrize("engine", engines())
def test_large_ids_are_kept_and_none_is_made(engine: str) -> None:
    legal = np.array([0, 1, 17, 254, 255, 300, 65535, 2**40])
    masks = np.random.default_rng(0).choice(legal, (20, 17, 23))
    images = np.zeros((20, 17, 23, 3), dtype=np.uint8)
    steps = [
        vg.Affine(),
        vg.Perspective(),
        vg.Elastic(),
        vg.Invert(),
        vg.RandomResizedCrop(size=(30, 9)),
    ]
    for border in ("constant", "reflect", "edge", "wrap"):
        aug = vg.Pipeline(
            [at("Rotate", {"border": border}, angle=25), *steps], seed=3, engine=engine
        )
        out = aug(images=images, masks=masks, index=range(20))["masks"]
        assert out.shape == (20, 30, 9)
        assert set(np.unique(out)) <= set(legal)


def test_single_samples_come_back_in_the_form_they_came() -> None:
    flat = np.zeros(SIZE, dtype=np.uint8)
    aug = vg.Pipeline([vg.HorizontalFlip()], seed=1)
    out = aug(image=flat, mask=flat, label=3, index=0)
    assert out["image"].shape == out["mask"].shape == SIZE
    assert out["label"] == 3
    deep = aug(image=flat[..., None], mask=flat[..., None], index=0)
    assert deep["image"].shape == deep["mask"].shape == (*SIZE, 1)
