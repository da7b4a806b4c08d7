"""KerasCV's float images: rounded, kept, or refused; what a layer does out of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.adapters import keras_cv as kcv

BATCH = np.random.default_rng(5).integers(0, 256, (4, 40, 48, 3), dtype=np.uint8)
LEVELS = BATCH.astype(np.float32)
BETWEEN = np.clip(
    LEVELS + np.random.default_rng(6).uniform(-0.4, 0.4, LEVELS.shape), 0, 255
).astype(np.float32)


def test_a_layer_that_is_told_0_to_255_rounds_and_computes_as_on_bytes() -> None:
    for images in (LEVELS, BETWEEN):
        found = kcv.RandAugment((0, 255), seed=3)(images)
        expected = kcv.RandAugment((0, 255), seed=3)(np.rint(images).astype(np.uint8))
        assert found.dtype == np.float32
        assert np.array_equal(found, expected)


def test_precision_float32_keeps_what_is_between_the_levels() -> None:
    layer = kcv.Solarization((0, 255), threshold_factor=(128, 128))
    layer.precision = "float32"
    clear = np.abs(BETWEEN - 128) > 0.6
    expected = np.where(BETWEEN < 128, BETWEEN, 255 - BETWEEN)
    np.testing.assert_allclose(layer(BETWEEN)[clear], expected[clear], atol=1e-4)
    layer.precision = "uint16"
    with pytest.raises(vg.InputError, match="expected one of auto, uint8, float32"):
        layer(BETWEEN)


@pytest.mark.parametrize("images", [LEVELS, BETWEEN, LEVELS / 255, LEVELS[:, :1] / 64])
def test_a_layer_without_a_range_changes_no_value_that_it_copies(images: np.ndarray) -> None:
    images = images.astype(np.float32)
    flipped = kcv.RandomFlip(rate=1.0)(images)
    np.testing.assert_allclose(flipped, images[:, :, ::-1], rtol=1e-6, atol=1e-6)
    out = kcv.CutMix(seed=4)({"images": images, "labels": np.eye(4, dtype=np.float32)})
    away = np.abs(out["images"][:, None] - images[None]).max(axis=-1).min(axis=1)
    assert away.max() < 1e-4


@pytest.mark.parametrize("images", [BETWEEN, LEVELS / 255])
def test_mixes_change_no_bit_of_what_they_copy(images: np.ndarray) -> None:
    labels = np.eye(4, dtype=np.float32)
    for layer in (kcv.CutMix(seed=4), kcv.FourierMix(seed=4)):
        found = layer({"images": images, "labels": labels})["images"]
        same = (found[:, None] == images[None]).all(axis=-1)
        assert same.any(axis=1).all()
        assert not np.array_equal(found, images)


def test_mixup_of_floats_is_not_rounded() -> None:
    labels = np.eye(4, dtype=np.float32)
    out = kcv.MixUp(alpha=1.0, seed=2)({"images": LEVELS, "labels": labels})
    expected = np.tensordot(out["labels"].astype(np.float64), LEVELS, axes=1)
    np.testing.assert_allclose(out["images"], expected, atol=2e-3)
    assert (np.abs(expected - np.rint(expected)) > 0.1).mean() > 0.3


@pytest.mark.parametrize("value", [256.0, -1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("precision", ["uint8", "float32", "auto"])
@pytest.mark.parametrize("make", [kcv.RandomFlip, kcv.CutMix, kcv.MixUp])
def test_values_outside_are_refused(make: Any, value: float, precision: str) -> None:
    images = BETWEEN.copy()
    images[2, 3, 4, 1] = value
    layer = make()
    layer.precision = precision
    with pytest.raises(vg.InputError, match=f"value_range 0..255, got .*{value:g}"):
        layer({"images": images, "labels": np.eye(4, dtype=np.float32)})


def test_rounding_of_a_resize_is_cut_off() -> None:
    images = LEVELS.copy()
    images[0, 0, 0], images[0, 0, 1] = 255.00002, -0.00002
    for precision in ("uint8", "float32"):
        layer = kcv.RandomFlip(rate=0.0)
        layer.precision = precision
        out = layer(images)
        np.testing.assert_allclose(out[0, 0, :2, 0], [255, 0], atol=1e-4)
    out = kcv.MixUp(seed=1)({"images": images, "labels": np.eye(4, dtype=np.float32)})["images"]
    assert 0 <= out.min() <= out.max() <= 255


def test_the_dtype_that_is_asked_for() -> None:
    layer = kcv.RandomFlip(rate=1.0)
    as_floats = layer(BATCH, dtype="float32")
    assert as_floats.dtype == np.float32
    assert np.array_equal(as_floats, BATCH[:, :, ::-1])
    assert np.array_equal(layer(LEVELS, dtype="uint8"), BATCH[:, :, ::-1])
    assert layer(LEVELS.astype(np.float16)).dtype == np.float16
    told = kcv.AutoContrast((0, 1))
    with pytest.raises(vg.InputError, match=r"value_range 0\.\.1 cannot be written as uint8"):
        told(LEVELS / 255, dtype="uint8")
    assert told(BATCH, dtype="float32").max() == 255  # bytes are levels, whatever the range


def test_out_of_training_only_sizes_and_channels_change() -> None:
    assert kcv.RandAugment((0, 255))(BATCH, training=False) is BATCH
    still: dict[str, tuple[Any, tuple[int, ...]]] = {
        "crop": (kcv.RandomCrop(24, 24), (24, 24, 3)),
        "crop and resize": (kcv.RandomCropAndResize((24, 20), (0.5, 1), (0.8, 1.2)), (24, 20, 3)),
        "jitter": (kcv.JitteredResize((24, 24), (0.5, 2.0)), (24, 24, 3)),
        "resize": (kcv.Resizing(30, 20), (30, 20, 3)),
        "gray": (kcv.Grayscale(1), (40, 48, 1)),
        "in order": (kcv.Augmenter([kcv.RandomFlip(), kcv.RandomCrop(24, 24)]), (24, 24, 3)),
    }
    for name, (layer, shape) in still.items():
        first, second = (layer(BATCH, training=False) for _ in range(2))
        assert first.shape[1:] == shape, name
        assert np.array_equal(first, second), name
    center = kcv.RandomCrop(24, 24)(BATCH, training=False)
    assert np.array_equal(center, BATCH[:, 8:32, 12:36])


def test_labels_and_batches_that_cannot_be_mixed() -> None:
    whole = np.eye(4, dtype=np.int64)
    with pytest.raises(vg.InputError, match=r"MixUp: labels: expected one-hot floats.*int64"):
        kcv.MixUp()({"images": BATCH, "labels": whole})
    with pytest.raises(vg.InputError, match="CutMix: mixes images: expected a batch"):
        kcv.CutMix()({"images": BATCH[0], "labels": np.float32([0, 1])})
    out = kcv.RandomFlip()({"images": BATCH, "labels": whole})
    assert out["labels"] is whole


def test_images_of_several_sizes_and_whole_boxes() -> None:
    images = [BATCH[0], BATCH[1, :30], LEVELS[2, :, :20].astype(np.uint8)]
    boxes = [np.array([[1, 2, 5, 6]])] * 3
    given = {"images": images, "bounding_boxes": {"boxes": boxes, "classes": [np.array([3])] * 3}}
    out = kcv.Resizing(20, 24, bounding_box_format="xyxy")(given)
    assert out["images"].shape == (3, 20, 24, 3)
    np.testing.assert_allclose(out["bounding_boxes"]["boxes"][0], [[0.5, 1, 2.5, 3]])
    dense = {"boxes": np.array([[[1, 2, 5, 6]]]), "classes": np.array([[3]])}
    out = kcv.Resizing(20, 24, bounding_box_format="xyxy")(
        {"images": BATCH[:1], "bounding_boxes": dense}
    )
    np.testing.assert_allclose(out["bounding_boxes"]["boxes"], [[[0.5, 1, 2.5, 3]]])
