"""KerasCV's layers by name: its dict format, and values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.adapters import keras_cv as kcv

BATCH = np.random.default_rng(2).integers(0, 256, (4, 16, 24, 3), dtype=np.uint8)
# x1 y1 x2 y2 = 3 2 9 10 in a picture of 16 x 24, in each of KerasCV's formats, and mirrored.
FORMS = {
    "xyxy": ([3, 2, 9, 10], [15, 2, 21, 10]),
    "rel_xyxy": ([3 / 24, 2 / 16, 9 / 24, 10 / 16], [15 / 24, 2 / 16, 21 / 24, 10 / 16]),
    "center_xywh": ([6, 6, 6, 8], [18, 6, 6, 8]),
    "xywh": ([3, 2, 6, 8], [15, 2, 6, 8]),
    "rel_xywh": ([3 / 24, 2 / 16, 6 / 24, 8 / 16], [15 / 24, 2 / 16, 6 / 24, 8 / 16]),
    "yxyx": ([2, 3, 10, 9], [2, 15, 10, 21]),
    "rel_yxyx": ([2 / 16, 3 / 24, 10 / 16, 9 / 24], [2 / 16, 15 / 24, 10 / 16, 21 / 24]),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_dict_comes_back_as_it_came_and_everything_moves(form: str) -> None:
    start, end = FORMS[form]
    dense = np.full((4, 3, 4), -1, np.float32)
    dense[:, 0] = start
    classes = np.full((4, 3), -1, np.float32)
    classes[:, 0] = 5
    masks = BATCH[..., :1] // 128
    inputs: dict[str, Any] = {
        "images": BATCH,
        "labels": np.eye(4, dtype=np.float32),
        "bounding_boxes": {"boxes": dense, "classes": classes},
        "segmentation_masks": masks,
        "keypoints": np.tile(np.float32([[3, 2]]), (4, 1, 1)),
        "name": "kept",
    }
    before = {"boxes": dense.copy(), "images": BATCH.copy()}
    out = kcv.RandomFlip(rate=1.0, bounding_box_format=form)(inputs)
    assert list(out) == list(inputs)
    assert np.array_equal(out["images"], BATCH[:, :, ::-1])
    assert np.array_equal(out["segmentation_masks"], masks[:, :, ::-1])
    assert np.array_equal(out["labels"], np.eye(4))
    assert out["name"] == "kept"
    np.testing.assert_allclose(out["keypoints"], np.tile([[21.0, 2.0]], (4, 1, 1)))
    np.testing.assert_allclose(out["bounding_boxes"]["boxes"][:, 0], [end] * 4, atol=1e-5)
    assert (out["bounding_boxes"]["boxes"][:, 1:] == -1).all()
    assert np.array_equal(out["bounding_boxes"]["classes"], classes)
    assert np.array_equal(inputs["bounding_boxes"]["boxes"], before["boxes"])
    assert np.array_equal(inputs["images"], before["images"])


def test_ragged_boxes_stay_ragged_and_lost_boxes_take_their_class() -> None:
    boxes = [np.float32([[0, 0, 3, 3], [10, 6, 14, 10]]), np.float32([]).reshape(0, 4)]
    inputs = {
        "images": BATCH[:2],
        "bounding_boxes": {"boxes": boxes, "classes": [np.array([1, 2]), np.array([], int)]},
    }
    out = kcv.RandomCrop(8, 8, bounding_box_format="xyxy", seed=3)(inputs, index=[0, 1])
    kept = [len(b) for b in out["bounding_boxes"]["boxes"]]
    assert kept == [len(c) for c in out["bounding_boxes"]["classes"]]
    assert kept[0] < 2
    assert out["images"].shape == (2, 8, 8, 3)


def test_one_image_and_no_dict() -> None:
    layer = kcv.RandomFlip("vertical", rate=1.0)
    assert np.array_equal(layer(BATCH[0]), BATCH[0, ::-1])
    assert np.array_equal(layer(BATCH), BATCH[:, ::-1])
    assert layer(BATCH, training=False) is BATCH
    single = {"images": BATCH[0], "bounding_boxes": {"boxes": [[1, 2, 5, 6]], "classes": [3]}}
    out = kcv.RandomFlip("vertical", 1.0, bounding_box_format="xyxy")(single)
    assert out["bounding_boxes"]["boxes"].tolist() == [[1, 10, 5, 14]]


def test_floats_keep_their_range_and_dtype() -> None:
    unit = (BATCH / 255).astype(np.float32)
    signed = unit * 2 - 1
    for images, span in ((unit, (0, 1)), (signed, (-1, 1)), (unit * 255, (0, 255))):
        layer = kcv.Solarization(span, threshold_factor=(128, 128))
        low, high = span
        middle = low + (high - low) * 128 / 255
        expected = np.where(images < middle - 1e-4, images, low + high - images)
        clear = np.abs(images - middle) > (high - low) / 200
        out = layer(images)
        assert out.dtype == np.float32
        np.testing.assert_allclose(out[clear], expected[clear], atol=2e-3 * (high - low))
    with pytest.raises(vg.InputError, match=r"value_range 0\.\.1"):
        kcv.AutoContrast((0, 1))(unit * 255)


def test_levels_are_changed_as_keras_cv_says() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    plain = levels.astype(np.float64)
    cases = {
        "added, then inverted from 128 on": (
            kcv.Solarization((0, 255), (20, 20), (128, 128)),
            np.where(
                np.minimum(plain + 20, 255) < 128, plain + 20, 255 - np.minimum(plain + 20, 255)
            ),
        ),
        "a tenth of the range brighter": (
            kcv.RandomBrightness((0.1, 0.1)),
            np.minimum(plain + 25.5, 255),
        ),
        "half as far from the mean": (
            kcv.RandomContrast((0, 255), (0.5, -0.5)),
            (plain - 127.5) * 0.5 + 127.5,
        ),
        "three bits": (kcv.Posterization((0, 255), 3), np.floor(plain / 32) * 32),
    }
    for text, (layer, expected) in cases.items():
        error = np.abs(layer(levels).astype(np.float64) - expected).max()
        assert error <= 1, text


def test_color_degeneration_goes_all_the_way_to_gray() -> None:
    out = kcv.RandomColorDegeneration((1.0, 1.0))(BATCH)
    gray = BATCH @ np.array([0.299, 0.587, 0.114])
    assert np.abs(out - gray[..., None]).max() <= 1
    assert np.array_equal(kcv.RandomColorDegeneration((0.0, 0.0))(BATCH), BATCH)
    assert kcv.Grayscale()(BATCH).shape == (4, 16, 24, 1)


def test_cutmix_labels_count_the_pixels_that_are_there() -> None:
    images = np.zeros((8, 20, 20, 1), np.uint8) + np.arange(8, dtype=np.uint8)[:, None, None, None]
    out = kcv.CutMix(seed=5)({"images": images, "labels": np.eye(8, dtype=np.float32)})
    for place in range(8):
        shares = np.bincount(out["images"][place].ravel(), minlength=8) / 400
        np.testing.assert_allclose(out["labels"][place], shares, atol=1e-6)
    assert (out["labels"].max(axis=1) < 1).sum() >= 4


def test_mixup_blends_images_and_labels_alike() -> None:
    images = (
        np.zeros((6, 4, 4, 1), np.float32) + np.arange(6, dtype=np.float32)[:, None, None, None]
    )
    layer = kcv.MixUp(alpha=1.0, seed=4)
    out = layer({"images": images, "labels": np.eye(6, dtype=np.float32)})
    means = (out["labels"] * np.arange(6)).sum(axis=1)
    np.testing.assert_allclose(out["images"][:, 0, 0, 0], means, atol=1e-3)


def test_boxes_move_twice_where_the_image_does() -> None:
    images = np.zeros((24, 60, 60, 3), np.uint8)
    images[:, 26:34, 36:44] = 255
    start = np.tile(np.float32([36, 26, 44, 34]), (24, 1, 1))
    move = kcv.RandomTranslation(
        (0.1, 0.2), (-0.2, 0.0), fill_mode="constant", bounding_box_format="xyxy"
    )
    layer = kcv.RandomAugmentationPipeline([move], 2, seed=9)
    out = layer({"images": images, "bounding_boxes": {"boxes": start, "classes": start[..., 0]}})
    boxes = out["bounding_boxes"]["boxes"][:, 0]
    for image, box in zip(out["images"], boxes, strict=True):
        rows, columns = np.nonzero(image[..., 0] > 127)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, found, atol=1.01)
    assert boxes[:, 1].min() > 26 + 2 * 6 - 0.01


def test_rand_augment_draws_for_each_image_and_carries_boxes() -> None:
    many = np.tile(BATCH[:1], (60, 1, 1, 1))
    boxes = np.tile(np.float32([3, 2, 20, 12]), (60, 1, 1))
    inputs = {"images": many, "bounding_boxes": {"boxes": boxes, "classes": boxes[..., 0]}}
    layer = kcv.RandAugment((0, 255), seed=9, bounding_box_format="xyxy")
    out = layer(inputs)
    results = {image.tobytes() for image in out["images"]}
    assert len(results) > 40
    moved = (out["bounding_boxes"]["boxes"] != boxes).any(axis=(1, 2)).mean()
    assert 0.4 < moved < 0.95  # at least one of three draws is a move: about 3/4
    still = kcv.RandAugment((0, 255), rate=0.0)(many)
    assert np.array_equal(still, many)
    plain = kcv.RandAugment((0, 255), geometric=False, seed=1, bounding_box_format="xyxy")(inputs)
    assert np.array_equal(plain["bounding_boxes"]["boxes"], boxes)


def test_layers_of_layers_have_their_chances() -> None:
    flip = kcv.RandomFlip(rate=1.0)
    never = kcv.RandomApply(flip, rate=0.0)
    assert np.array_equal(never(BATCH), BATCH)
    many = np.tile(BATCH[:1], (400, 1, 1, 1))
    flipped = (kcv.RandomApply(flip, rate=0.3, seed=1)(many) != many).any(axis=(1, 2, 3)).mean()
    assert abs(flipped - 0.3) < 0.07  # three deviations
    either = kcv.RandomChoice([flip, kcv.RandomFlip("vertical", 1.0)], seed=1)(many)
    across = (either == many[:, :, ::-1]).all(axis=(1, 2, 3)).mean()
    down = (either == many[:, ::-1]).all(axis=(1, 2, 3)).mean()
    assert across + down == 1
    assert abs(across - 0.5) < 0.075
    twice = kcv.Augmenter([flip, flip])(BATCH)
    assert np.array_equal(twice, BATCH)
    doubled = kcv.RepeatedAugmentation([flip, flip], shuffle=False)({"images": BATCH})
    assert np.array_equal(doubled["images"], np.concatenate([BATCH[:, :, ::-1]] * 2))


def test_the_seed_counts_zero_too() -> None:
    first, second = (kcv.RandomFlip(seed=0)(np.tile(BATCH, (8, 1, 1, 1))) for _ in range(2))
    assert np.array_equal(first, second)


def test_resizing_crops_or_pads() -> None:
    wide = np.zeros((1, 10, 40, 3), np.uint8)
    wide[:, :, 15:25] = 200
    assert (kcv.Resizing(10, 10, crop_to_aspect_ratio=True)(wide) == 200).all()
    padded = kcv.Resizing(20, 20, pad_to_aspect_ratio=True)(wide)
    assert padded.shape == (1, 20, 20, 3)
    assert padded[0, 5:].max() == 0
    scaled = kcv.Rescaling(1 / 255, offset=-1)({"images": wide, "labels": 3})
    assert scaled["labels"] == 3
    np.testing.assert_allclose(scaled["images"].max(), 200 / 255 - 1, atol=1e-6)


def test_what_is_not_there_is_refused_by_name() -> None:
    refused = {
        r"RandomAspectRatio: no counterpart": lambda: kcv.RandomAspectRatio(0.3),
        r"batchwise=True": lambda: kcv.RandomApply(kcv.RandomFlip(), batchwise=True),
        r"RandomRotation\.factor|NormalFactorSampler": lambda: kcv.RandomRotation(
            kcv.NormalFactorSampler(0.0, 0.1)
        ),
        r"kernel_size=3": lambda: kcv.RandomGaussianBlur(3, (2.0, 3.0)),
        r"fill_mode": lambda: kcv.RandomRotation(0.1, fill_mode="mirror"),
    }
    for text, make in refused.items():
        with pytest.raises(vg.PolicyError, match=text):
            make()
    with pytest.raises(vg.InputError, match="bounding_box_format"):
        kcv.RandomFlip()({"images": BATCH, "bounding_boxes": {"boxes": [], "classes": []}})


def marked() -> dict[str, Any]:
    """Flat pictures that tell where a pixel comes from, with a box, a mask and a label each."""
    images = np.repeat(np.arange(1, 5, dtype=np.uint8), 16 * 24 * 3).reshape(4, 16, 24, 3) * 50
    masks = np.zeros((4, 16, 24, 1), np.uint8)
    masks[:, 4:12, 6:18] = np.arange(1, 5).reshape(4, 1, 1, 1)
    boxes = np.full((4, 2, 4), -1, np.float32)
    boxes[:, 0] = [6, 4, 18, 12]
    classes = np.full((4, 2), -1, np.int64)
    classes[:, 0] = np.arange(1, 5)
    return {
        "images": images,
        "labels": np.eye(4, dtype=np.float32),
        "bounding_boxes": {"boxes": boxes, "classes": classes},
        "segmentation_masks": masks,
    }


@pytest.mark.parametrize("name", ["CutMix", "FourierMix", "Mosaic"])
def test_mixes_take_the_whole_dict_with_them(name: str) -> None:
    """Flat pictures say what is shown, so labels, masks and boxes can be counted."""
    inputs = marked()
    layer = getattr(kcv, name)(bounding_box_format="xyxy", seed=4)
    out = layer(inputs, index=range(4))
    shown = out["images"][..., 0] // 50
    assert out["images"].shape == inputs["images"].shape
    shares = np.stack([(shown == c).mean(axis=(1, 2)) for c in range(1, 5)], axis=1)
    np.testing.assert_allclose(out["labels"], shares, atol=1e-6)
    assert (shares.max(axis=1) < 1).sum() >= 3
    masks = out["segmentation_masks"][..., 0]
    assert ((masks == 0) | (masks == shown)).all()
    found = 0
    for sample in range(4):
        boxes = out["bounding_boxes"]["boxes"][sample]
        classes = out["bounding_boxes"]["classes"][sample]
        real = classes != -1
        assert (boxes[~real] == -1).all()
        for box, number in zip(boxes[real], classes[real], strict=True):
            rows, columns = np.nonzero(masks[sample] == number)
            around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            whole = (masks[sample] == number).sum() == (box[2] - box[0]) * (box[3] - box[1])
            assert not whole or np.allclose(box, around)
            assert box[0] <= around[0] + 1e-4
            assert box[3] >= around[3] - 1e-4
        assert set(classes[real]) >= set(np.unique(masks[sample])) - {0}
        found += int(real.sum())
    assert found > 4


def test_a_mosaic_shows_each_image_at_its_scale_with_a_corner_at_the_point() -> None:
    ramp = np.arange(16 * 24, dtype=np.float32).reshape(1, 16, 24, 1) / 1000
    images = np.concatenate([ramp + place for place in range(4)]) / 4
    out = kcv.Layer("Mosaic", kcv.Mosaic(seed=2).steps, value_range=(0, 1))(images, index=range(4))
    for sample, image in enumerate(out[..., 0] * 4):
        source = np.floor(image + 1e-4).astype(int)
        down = int((source[:, 0] == source[0, 0]).sum())
        across = int((source[0] == source[0, 0]).sum())
        assert 4 <= down <= 12 and 6 <= across <= 18  # noqa: PT018
        assert source[0, 0] == sample
        corners = [(0, 0), (0, across), (down, 0), (down, across)]
        assert len({source[at] for at in corners}) == 4
        expected = images[..., 0] * 4
        np.testing.assert_allclose(
            image[:down, :across], expected[sample, -down:, -across:], atol=1e-5
        )
        last = source[down, across]
        part = expected[last, : 16 - down, : 24 - across]
        np.testing.assert_allclose(image[down:, across:], part, atol=1e-5)


def test_mixup_blends_labels_and_keeps_boxes_of_both() -> None:
    inputs = marked()
    shares = np.eye(5, dtype=np.float32)[inputs.pop("segmentation_masks")[..., 0]]
    out = kcv.MixUp(bounding_box_format="xyxy", seed=1)({**inputs, "segmentation_masks": shares})
    assert out["bounding_boxes"]["boxes"].shape == (4, 2, 4)
    assert (out["bounding_boxes"]["boxes"] == [6, 4, 18, 12]).all()
    for sample in range(4):
        assert len(set(out["bounding_boxes"]["classes"][sample])) == 2
    inside = out["segmentation_masks"][:, 5, 7, 1:]
    np.testing.assert_allclose(inside, out["labels"], atol=1e-5)
    with pytest.raises(vg.InputError, match="whole numbers of a mask cannot be blended"):
        kcv.MixUp(seed=1)(marked() | {"bounding_boxes": None})


def test_augmix_keeps_labels_and_takes_its_arguments() -> None:
    layer = kcv.AugMix((0, 255), severity=0.5, num_chains=2, chain_depth=(1, 2), alpha=0.7, seed=1)
    step = layer.steps[0]
    assert (step.op, step.arguments["severity"], step.arguments["width"]) == (
        "AugMix",
        (0.5, 0.5),
        2,
    )
    out = layer({"images": BATCH, "labels": np.eye(4, dtype=np.float32)})
    assert np.array_equal(out["labels"], np.eye(4))
    assert not np.array_equal(out["images"], BATCH)
    for arguments in ({"chain_depth": (2, 3)}, {"chain_depth": 2}, {"severity": (0.1, 0.3)}):
        with pytest.raises(vg.PolicyError, match=r"AugMix\.(chain_depth|severity): expected"):
            kcv.AugMix((0, 255), **arguments)


def test_hue_and_saturation_are_those_of_hsv() -> None:
    """A factor of 1 turns by half a turn at most; 0 makes gray of the largest channel, in HSV."""
    red = np.full((1, 2, 2, 3), (200, 40, 40), np.uint8)
    gray = kcv.RandomSaturation((0.0, 0.0))(red)
    assert (gray == 200).all()
    full = kcv.RandomSaturation((1.0, 1.0))(red)
    assert (full == (200, 0, 0)).all()
    turned = kcv.RandomHue(1.0, (0, 255), seed=3)(np.repeat(red, 200, axis=0))
    assert (turned.max(axis=3) == 200).all()
    assert (turned.min(axis=3) == 40).all()
    assert len(np.unique(turned.reshape(-1, 3), axis=0)) > 100
