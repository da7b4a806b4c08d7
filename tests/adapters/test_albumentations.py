"""Albumentations' names and files, beside what 2.0.8 itself gave (albumentations.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import variegate as vg
import variegate.adapters.albumentations as A
from variegate.adapters.albumentations.given import CONTAINERS, signatures
from variegate.policy.nodes import OneOf, Sequence, Step

FROZEN = json.loads(Path(__file__).with_name("albumentations.json").read_text())
IMAGE = np.random.default_rng(3).integers(0, 256, (24, 36, 3), dtype=np.uint8)


def test_a_serialized_pipeline_becomes_the_policy_that_it_means() -> None:
    made = vg.from_albumentations(FROZEN["to_dict"], seed=1)
    sequence, choice, some, crop, normalize = made.policy.steps
    assert sequence == Sequence((Step("HorizontalFlip", p=0.5), Step("RandomRotate90")), 0.7)
    light = Step("RandomBrightnessContrast", {"brightness": (-0.2, 0.2), "contrast": (-0.2, 0.2)})
    gamma = Step("Gamma", {"gamma": (0.8, 1.2)})
    assert choice == OneOf((light, gamma), (0.2, 0.8), 0.9)
    gray = Step("ToGray", {"amount": (1, 1)})
    invert, posterize = Step("Invert", p=0.3), Step("Posterize", {"bits": (4, 4)})
    pairs = ((gray, invert), (gray, posterize), (invert, posterize))
    assert some == OneOf(tuple(Sequence(pair) for pair in pairs), None, 0.6)
    assert crop == Step("RandomCrop", {"size": (100, 120)})
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert normalize == Step("Normalize", {"mean": mean, "std": std})
    assert made.targets.to_dict() == {
        **vg.Pipeline([]).targets.to_dict(),
        "boxes": "coco",
        "keypoints": "index",
        "min_area": 4.0,
        "min_visibility": 0.1,
    }


def test_files_are_read_like_dicts(tmp_path: Path) -> None:
    path = tmp_path / "aug.json"
    path.write_text(json.dumps(FROZEN["to_dict"]))
    assert vg.from_albumentations(path).policy == vg.from_albumentations(FROZEN["to_dict"]).policy
    path.write_text("{")
    with pytest.raises(vg.PolicyError, match=r"aug\.json: cannot be read"):
        vg.from_albumentations(path)


@pytest.mark.parametrize("case", FROZEN["moved"], ids=lambda c: f"{c['format']} {c['settings']}")
def test_boxes_labels_and_points_move_as_theirs_in_every_format(case: dict[str, Any]) -> None:
    steps = [A.HorizontalFlip(p=1), A.CenterCrop(150, 200), A.VerticalFlip(p=1), A.Resize(75, 100)]
    params = A.BboxParams(case["format"], label_fields=["classes"], **case["settings"])
    aug = A.Compose(steps, bbox_params=params, keypoint_params=A.KeypointParams("xy"))
    out = aug(
        image=np.zeros((240, 320, 3), np.uint8),
        bboxes=np.array(case["boxes"]),
        classes=["a", "b", "c", "d"],
        keypoints=FROZEN["given_points"],
    )
    assert out["classes"] == case["classes"]
    expected = np.array(case["moved"]).reshape(-1, 4)
    np.testing.assert_allclose(out["bboxes"].reshape(-1, 4), expected, atol=2e-4)
    # A resize scales pixel indices there, and pixel centers here: a quarter pixel apart at half.
    np.testing.assert_allclose(out["keypoints"], np.array(case["points"]), atol=0.2501)


def test_crops_look_at_the_boxes_and_the_mask() -> None:
    params = A.BboxParams("pascal_voc", label_fields=["names"])
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[33, 51] = 1
    safe = A.Compose([A.BBoxSafeRandomCrop()], bbox_params=params, seed=3)
    sized = A.Compose([A.RandomSizedBBoxSafeCrop(20, 30)], bbox_params=params, seed=3)
    one = A.Compose([A.AtLeastOneBBoxRandomCrop(16, 16)], bbox_params=params, seed=3)
    found = A.Compose([A.CropNonEmptyMaskIfExists(9, 9)], seed=3)
    boxes, names = [(4, 5, 12, 13), (40, 20, 50, 30)], ["a", "b"]
    for _ in range(12):
        assert safe(image=image, bboxes=boxes, names=names)["names"] == names
        assert sized(image=image, bboxes=boxes, names=names)["names"] == names
        assert one(image=image, bboxes=boxes, names=names)["bboxes"]
        assert found(image=image, mask=mask)["mask"].sum() == 1
    with pytest.raises(vg.InputError, match="looks at targets"):
        safe(image=image)


def test_points_turn_as_theirs() -> None:
    turn = [A.Rotate(limit=(20, 20), p=1)]
    aug = A.Compose(turn, keypoint_params=A.KeypointParams("xy", remove_invisible=False))
    out = aug(image=np.zeros((240, 320, 3), np.uint8), keypoints=FROZEN["given_points"])
    np.testing.assert_allclose(out["keypoints"], FROZEN["turned"], atol=1e-3)


def test_a_sample_comes_back_in_the_form_it_came_in() -> None:
    aug = A.Compose(
        [A.HorizontalFlip(p=1)],
        bbox_params=A.BboxParams("pascal_voc"),
        keypoint_params=A.KeypointParams("yx"),
        additional_targets={"second": "image", "depth": "mask"},
    )
    ids, depth = IMAGE[..., 0].astype(np.int32), IMAGE[..., 1] / np.float32(255)
    out = aug(
        image=IMAGE,
        second=255 - IMAGE,
        mask=ids,
        masks=[ids, ids + 1],
        depth=depth,
        bboxes=[(1, 2, 5, 9, "cat", 7)],
        keypoints=[(3, 4, "nose")],
    )
    assert list(out) == ["image", "second", "mask", "masks", "depth", "bboxes", "keypoints"]
    assert np.array_equal(out["image"], IMAGE[:, ::-1])
    assert np.array_equal(out["second"], 255 - IMAGE[:, ::-1])
    assert np.array_equal(out["mask"], ids[:, ::-1])
    assert isinstance(out["masks"], list)
    assert np.array_equal(out["masks"][1], ids[:, ::-1] + 1)
    assert np.array_equal(out["depth"], depth[:, ::-1])
    assert out["bboxes"] == [(31.0, 2.0, 35.0, 9.0, "cat", 7)]
    assert out["keypoints"] == [(3.0, 31.0, "nose")]


def test_a_name_that_is_no_target_is_refused() -> None:
    aug = A.Compose([A.HorizontalFlip()])
    with pytest.raises(vg.InputError, match="did you mean 'masks'"):
        aug(image=IMAGE, maks=IMAGE)
    with pytest.raises(vg.InputError, match=r"bbox_params=A\.BboxParams"):
        aug(image=IMAGE, bboxes=[])
    labeled = A.Compose([], bbox_params=A.BboxParams("coco", label_fields=["names"]))
    with pytest.raises(vg.InputError, match="names: expected 1 labels, got 2 values"):
        labeled(image=IMAGE, bboxes=[(1, 1, 5, 5)], names=["a", "b"])


def test_what_cannot_be_carried_over_is_named_all_at_once() -> None:
    steps = [A.Morphological(), A.OneOf([A.Superpixels(), A.Affine(translate_px=3)]), A.Transpose()]
    with pytest.raises(vg.PolicyError) as caught:
        A.Compose(steps)
    text = str(caught.value)
    assert [name in text for name in ("Morphological", "Superpixels", "translate_px=3")] == [
        True
    ] * 3
    report: list[str] = []
    aug = A.Compose(steps, report=report)
    assert aug.pipeline.policy.steps == (Step("Transpose", p=0.5),)
    assert len(report) == 3


def test_a_changed_step_is_an_error_until_it_is_accepted() -> None:
    with pytest.raises(vg.PolicyError, match="changed: ElasticTransform"):
        A.Compose([A.ElasticTransform()])
    report: list[str] = []
    A.Compose([A.ElasticTransform()], report=report)
    assert report[0].startswith("changed: ElasticTransform")


def test_unknown_names_and_arguments_are_refused_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="Rotat"):
        _ = A.Rotat
    with pytest.raises(vg.PolicyError, match="did you mean 'limit'"):
        A.Rotate(limits=3)
    with pytest.raises(vg.PolicyError, match="height= is missing"):
        A.CenterCrop()
    with pytest.raises(vg.PolicyError, match="limit= is given twice"):
        A.Rotate(3, limit=3)


def test_their_defaults_are_filled_in() -> None:
    steps = {
        "Rotate": Step("Rotate", {"angle": (-90, 90), "antialias": False}, 0.5),
        "RGBShift": Step("RGBShift", dict.fromkeys(("red", "green", "blue"), (-20, 20)), 0.5),
        "GaussNoise": Step("GaussianNoise", {"sigma": (0.2, 0.44)}, 0.5),
        "Solarize": Step("Solarize", {"threshold": (127.5, 127.5)}, 0.5),
        "RandomRotate90": Step("RandomRotate90"),
    }
    for name, step in steps.items():
        assert A.Compose([getattr(A, name)()]).pipeline.policy.steps == (step,)


def test_random_order_and_choice_with_repeats_have_their_chances() -> None:
    flips = [A.HorizontalFlip(p=1), A.VerticalFlip(p=1)]
    again = A.Compose([A.SomeOf(flips, n=2, replace=True)]).pipeline.policy.steps[0]
    assert isinstance(again, OneOf)
    assert again.weights == (1.0, 2.0, 1.0)  # both first, one of each, both second
    order = A.Compose([A.RandomOrder(flips, n=2)]).pipeline.policy.steps[0]
    assert isinstance(order, OneOf)
    both = (Step("HorizontalFlip"), Step("VerticalFlip"))
    assert order.steps == (Sequence(both), Sequence(both[::-1]))


def test_to_dict_reads_back_as_the_same_pipeline() -> None:
    aug = A.Compose([A.OneOf([A.Rotate(limit=9), A.Blur()], p=1)], p=0.5, report=[])
    again = vg.from_albumentations(json.loads(json.dumps(A.to_dict(aug))), report=[])
    assert again.policy == aug.pipeline.policy


def test_normalize_must_end_the_pipeline() -> None:
    with pytest.raises(vg.PolicyError, match=r"Normalize at transform\[0\]: it must be the last"):
        A.Compose([A.Normalize(), A.HorizontalFlip()])
    out = A.Compose([A.Normalize(mean=(0.5,), std=(0.25,))])(image=IMAGE)["image"]
    np.testing.assert_allclose(out, (IMAGE / 255 - 0.5) / 0.25, atol=1e-5)


def test_tensors_come_out_at_the_end() -> None:
    torch = pytest.importorskip("torch")
    out = A.Compose([A.Normalize(), A.ToTensorV2()])(image=IMAGE, mask=IMAGE[..., 0])
    assert isinstance(out["image"], torch.Tensor)
    assert out["image"].shape == (3, 24, 36)
    assert out["mask"].shape == (24, 36)


def test_every_carried_transform_is_one_of_theirs_and_builds_with_its_defaults() -> None:
    assert set(A.TABLE) <= set(signatures())
    sizes = {"height": 8, "width": 8, "size": (8, 8), "min_max_height": (8, 9), "max_size": 8}
    built = []
    for name in A.TABLE:
        given = {k: v for k, v in sizes.items() if k in signatures()[name]["required"]}
        if name in ("LongestMaxSize", "SmallestMaxSize"):
            given["max_size"] = 8
        given |= {"percent": 0.1} if name == "CropAndPad" else {}
        given |= {"x_max": 20, "y_max": 20} if name == "Crop" else {}
        given |= {"reference_images": [IMAGE]} if name in ("FDA", "HistogramMatching") else {}
        report: list[str] = []
        A.Compose([getattr(A, name)(**given)], report=report)
        built.append([line for line in report if line.startswith("left out")])
    assert built == [[]] * len(A.TABLE)
    assert not set(A.TABLE) & set(CONTAINERS)


WEATHER = ("Illumination", "RandomFog", "RandomRain", "RandomShadow", "RandomSnow",
           "RandomSunFlare", "FancyPCA")  # fmt: skip


@pytest.mark.parametrize("name", WEATHER)
def test_weather_by_its_defaults_changes_pixels_alone(name: str) -> None:
    report: list[str] = []
    aug = A.Compose([getattr(A, name)(p=1)], seed=3, report=report)
    mask = IMAGE[..., 0] // 100
    out = aug(image=IMAGE, mask=mask)
    assert (out["image"] != IMAGE).mean() > 0.02
    assert np.array_equal(out["mask"], mask)
    assert not [line for line in report if line.startswith("left out")]


def test_a_grid_shuffle_and_stripes_take_their_own_numbers() -> None:
    policy = A.Compose([A.RandomGridShuffle(grid=(2, 4))]).pipeline.policy
    assert policy.steps[0].arguments["grid"] == (2, 4)
    stripes = A.XYMasking((2, 2), 3, (4, 4), (5, 9), fill=9)
    step = A.Compose([stripes]).pipeline.policy.steps[0]
    wanted = {"count_x": (2, 2), "count_y": (0, 3), "length_x": (4, 4), "length_y": (5, 9)}
    assert {name: step.arguments[name] for name in wanted} == wanted
    only = A.XYMasking((2, 2), 0, (4, 4), fill=9, p=1)
    clean = np.maximum(IMAGE, 10)
    out = A.Compose([only], seed=1)(image=clean)["image"]
    hidden = (out == 9).all(axis=(0, 2))
    assert 4 <= hidden.sum() <= 8
    assert np.array_equal(out[:, ~hidden], clean[:, ~hidden])


def test_references_are_arrays_or_are_read() -> None:
    flat = np.full((5, 5, 3), 77, dtype=np.uint8)
    for given in (
        {"reference_images": [flat]},
        {"reference_images": [77], "read_fn": lambda v: np.full((5, 5, 3), v, np.uint8)},
    ):
        matching = A.HistogramMatching(blend_ratio=(1, 1), **given, p=1)
        out = A.Compose([matching], report=[])(image=IMAGE)["image"]
        assert (out == 77).all()
    for name in ("HistogramMatching", "FDA"):
        with pytest.raises(vg.PolicyError, match="references must be known when the step is made"):
            A.Compose([getattr(A, name)()])
        with pytest.raises(vg.PolicyError, match="reference_images: pass arrays"):
            A.Compose([getattr(A, name)(reference_images=["a.png"])])


def test_mask_dropout_takes_objects_out_of_image_and_mask() -> None:
    mask = np.zeros(IMAGE.shape[:2], dtype=np.uint8)
    mask[2:8, 3:9], mask[12:20, 20:30] = 1, 2
    step = A.MaskDropout(max_objects=(1, 1), fill=5, p=1)
    seen = set()
    for seed in range(6):
        out = A.Compose([step], seed=seed, report=[])(image=np.maximum(IMAGE, 6), mask=mask)
        left = set(np.unique(out["mask"]).tolist()) - {0}
        assert len(left) == 1
        hidden = (out["image"] == 5).all(axis=2)
        assert np.array_equal(hidden, (mask > 0) & (out["mask"] == 0))
        seen |= left
    assert seen == {1, 2}
    with pytest.raises(vg.PolicyError, match=r"MaskDropout at .*: fill='inpaint_ns'"):
        A.Compose([A.MaskDropout(fill="inpaint_ns")])


def test_a_mosaic_of_the_batch() -> None:
    policy = A.Compose([A.Mosaic(target_size=(20, 30), cell_shape=(20, 30), p=1)], report=[])
    step = policy.pipeline.policy.steps[0]
    assert (step.arguments["size"], step.arguments["fit"]) == ((20, 30), "cover")
    assert step.arguments["center"] == pytest.approx((0.3, 0.7))
    for given, said in (({}, "grid_yx=(3, 3)"), ({"cell_shape": (9, 9)}, "cell_shape=(9, 9)")):
        grid = given or {"grid_yx": (3, 3)}
        report: list[str] = []
        A.Compose([A.Mosaic(**grid)], report=report)
        assert any(said in line for line in report)
