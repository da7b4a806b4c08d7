"""The Keras layers inside tf.data: traced, in parallel, shapes kept, boxes dense and ragged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import variegate.adapters.keras as kcv
from variegate.adapters import keras_cv as arrays

COUNT = 24
IMAGES = np.random.default_rng(4).integers(0, 256, (COUNT, 32, 48, 3), dtype=np.uint8)
LEVELS = IMAGES.astype(np.float32)
ONE_HOT = np.eye(COUNT, dtype=np.float32)
RANGE = (0, 255)
DATA = {"images": LEVELS, "labels": ONE_HOT}


def dataset(extra: dict[str, Any] | None = None) -> Any:
    return tf.data.Dataset.from_tensor_slices({**DATA, **(extra or {})})


def all_of(data: Any, key: str = "images") -> np.ndarray:
    rows = [np.asarray(batch[key]) for batch in data]
    return np.concatenate(rows) if rows[0].ndim == 4 else np.stack(rows)


def on_images(layer: Any) -> Callable[[Any], Any]:
    """As the published code writes it."""

    def apply(inputs: Any) -> Any:
        inputs["images"] = layer(inputs["images"])
        return inputs

    return apply


def test_a_map_over_batches_gives_what_the_array_layer_gives() -> None:
    layer, half = kcv.RandAugment(RANGE, seed=3), arrays.RandAugment(RANGE, seed=3)
    data = dataset().batch(8, drop_remainder=True).map(on_images(layer))
    assert data.element_spec["images"] == tf.TensorSpec((8, 32, 48, 3), tf.float32)
    found = all_of(data)
    expected = np.concatenate([half(LEVELS[at : at + 8]) for at in range(0, COUNT, 8)])
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(all_of(data), found)  # the next epoch draws anew


def test_a_map_over_samples() -> None:
    layer, half = kcv.RandomCrop(20, 24, seed=3), arrays.RandomCrop(20, 24, seed=3)
    data = dataset().map(layer, num_parallel_calls=1)
    assert data.element_spec["images"] == tf.TensorSpec((20, 24, 3), tf.float32)
    assert data.element_spec["labels"] == tf.TensorSpec((COUNT,), tf.float32)
    np.testing.assert_array_equal(all_of(data), np.stack([half(image) for image in LEVELS]))


@pytest.mark.parametrize("batched", [False, True])
def test_an_index_gives_the_same_with_any_number_of_parallel_calls(batched: bool) -> None:
    def run(calls: int) -> list[np.ndarray]:
        layer = kcv.RandAugment(RANGE, seed=9)
        data = dataset({"index": np.arange(COUNT)}).shuffle(COUNT, seed=2)
        data = data.batch(5) if batched else data
        data = data.map(lambda x: layer(x, training=True), num_parallel_calls=calls)
        return [all_of(data), all_of(data)]

    wanted = run(1)
    assert not np.array_equal(*wanted)
    for calls in (4, tf.data.AUTOTUNE):
        np.testing.assert_array_equal(run(calls), wanted)


def test_cutmix_then_mixup_as_published() -> None:
    cut_mix, mix_up = kcv.CutMix(seed=1), kcv.MixUp(seed=2)

    def both(samples: Any) -> Any:
        samples = cut_mix(samples, training=True)
        return mix_up(samples, training=True)

    data = dataset().batch(8).map(both, num_parallel_calls=2)
    assert data.element_spec["images"] == tf.TensorSpec((None, 32, 48, 3), tf.float32)
    assert data.element_spec["labels"] == tf.TensorSpec((None, COUNT), tf.float32)
    labels = np.concatenate([batch["labels"] for batch in data])
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)
    assert ((labels > 0).sum(axis=1) > 1).mean() > 0.5


def test_sizes_are_known_as_far_as_they_can_be() -> None:
    spec = tf.TensorSpec((None, None, None, 3), tf.uint8)
    shapes = {}
    layers = {
        "turn": kcv.RandomRotation(0.1),
        "crop": kcv.RandomCrop(20, 24),
        "gray": kcv.Grayscale(),
    }
    for name, layer in layers.items():
        traced = tf.function(layer, autograph=False).get_concrete_function(spec)
        shapes[name] = tuple(traced.structured_outputs.shape)
        assert traced(tf.constant(IMAGES[:2])).shape[0] == 2
    assert shapes == {
        "turn": (None, None, None, 3),
        "crop": (None, 20, 24, 3),
        "gray": (None, None, None, 1),
    }
    with pytest.raises(Exception, match="its rank is not known"):
        tf.function(kcv.RandomFlip()).get_concrete_function(tf.TensorSpec(None, tf.float32))


def marked() -> dict[str, Any]:
    boxes = np.full((COUNT, 3, 4), -1, np.float32)
    boxes[:, 0] = (3, 2, 9, 10)
    boxes[::2, 1] = (20, 5, 30, 15)
    classes = np.where(boxes[..., 2] > 0, 7, -1).astype(np.float32)
    return {
        "bounding_boxes": {"boxes": boxes, "classes": classes},
        "segmentation_masks": IMAGES[..., :1] // 128,
        "keypoints": np.tile(np.float32([[3, 2]]), (COUNT, 1, 1)),
    }


def test_dense_boxes_masks_and_points() -> None:
    layer = kcv.RandomFlip(rate=1.0, bounding_box_format="xyxy")
    for data in (dataset(marked()).map(layer).batch(6), dataset(marked()).batch(6).map(layer)):
        assert data.element_spec["bounding_boxes"]["boxes"].shape[1:] == (3, 4)
        for at, batch in enumerate(data):
            boxes = batch["bounding_boxes"]["boxes"].numpy()
            np.testing.assert_allclose(boxes[:, 0], [(39, 2, 45, 10)] * 6)
            np.testing.assert_allclose(boxes[::2, 1], [(18, 5, 28, 15)] * 3)
            assert (boxes[1::2, 1] == -1).all()
            np.testing.assert_allclose(batch["keypoints"].numpy()[:, 0], [(45, 2)] * 6)
            own = marked()["segmentation_masks"][6 * at : 6 * at + 6]
            np.testing.assert_array_equal(batch["segmentation_masks"], own[:, :, ::-1])


def test_ragged_boxes_stay_ragged() -> None:
    rows = [[[3, 2, 9, 10]], [], [[20, 5, 30, 15], [0, 0, 4, 4]]] * 8
    classes = [[1.0] * len(own) for own in rows]
    boxes = {
        "boxes": tf.ragged.constant(rows, ragged_rank=1, inner_shape=(4,), dtype=tf.float32),
        "classes": tf.ragged.constant(classes, ragged_rank=1, dtype=tf.float32),
    }
    layer = kcv.RandomFlip(rate=1.0, bounding_box_format="xyxy")
    data = dataset({"bounding_boxes": boxes}).ragged_batch(6).map(layer, num_parallel_calls=2)
    assert isinstance(data.element_spec["bounding_boxes"]["boxes"], tf.RaggedTensorSpec)
    wanted = [[[39, 2, 45, 10]], [], [[18, 5, 28, 15], [44, 0, 48, 4]]] * 2
    for batch in data:
        out = batch["bounding_boxes"]
        assert out["boxes"].to_list() == wanted
        assert out["classes"].row_lengths().numpy().tolist() == [1, 0, 2, 1, 0, 2]
    eager = layer({"images": IMAGES[:6], "bounding_boxes": {k: v[:6] for k, v in boxes.items()}})
    assert eager["bounding_boxes"]["boxes"].to_list() == wanted


def test_images_of_several_sizes_become_one_batch() -> None:
    parts = [IMAGES[n, : 20 + n, : 30 + n].astype(np.float32) for n in range(6)]
    ragged = tf.ragged.stack(parts)
    assert ragged.shape.as_list() == [6, None, None, 3]

    def pieces() -> Any:
        yield from ({"images": part} for part in parts)

    spec = {"images": tf.TensorSpec((None, None, 3), tf.float32)}
    data = tf.data.Dataset.from_generator(pieces, output_signature=spec)
    layer = kcv.Resizing(16, 24)
    out = data.ragged_batch(6).map(layer)
    assert out.element_spec["images"].shape == (None, 16, 24, 3)
    found = next(iter(out))["images"].numpy()
    alone = [arrays.Resizing(16, 24)(part) for part in parts]
    np.testing.assert_array_equal(found, np.stack(alone))
    np.testing.assert_array_equal(layer({"images": ragged})["images"], found)
    with pytest.raises(Exception, match="RandomFlip: images of several sizes"):
        data.ragged_batch(6).map(kcv.RandomFlip())


def test_repeated_augmentation_makes_batches_longer() -> None:
    layer = kcv.RepeatedAugmentation(
        [kcv.RandomFlip(rate=1.0), kcv.RandomFlip("vertical", rate=1.0)], shuffle=False
    )
    data = dataset().batch(8, drop_remainder=True).map(layer)
    assert data.element_spec["images"].shape == (16, 32, 48, 3)
    first = next(iter(data))
    np.testing.assert_array_equal(first["images"][:8], LEVELS[:8, :, ::-1])
    np.testing.assert_array_equal(first["images"][8:], LEVELS[:8, ::-1])
    np.testing.assert_array_equal(first["labels"], np.concatenate([ONE_HOT[:8]] * 2))
    mixed = kcv.RepeatedAugmentation([kcv.RandomFlip(), kcv.RandomFlip()])
    labels = next(iter(dataset().batch(8).map(mixed)))["labels"].numpy()
    assert sorted(labels.argmax(axis=1)) == sorted([*range(8)] * 2)
    assert labels.argmax(axis=1).tolist() != [*range(8)] * 2


def test_bytes_and_half_floats() -> None:
    data = tf.data.Dataset.from_tensor_slices(IMAGES).batch(8)
    small = data.map(kcv.RandAugment(RANGE, seed=3, dtype="uint8"))
    assert small.element_spec.dtype == tf.uint8
    np.testing.assert_array_equal(next(iter(small)), arrays.RandAugment(RANGE, seed=3)(IMAGES[:8]))
    for dtype in ("float16", "bfloat16"):
        policy = keras.DTypePolicy(f"mixed_{dtype}")
        out = next(iter(data.map(kcv.RandomFlip(rate=1.0, dtype=policy))))
        assert out.dtype == dtype
        np.testing.assert_array_equal(tf.cast(out, tf.uint8), IMAGES[:8, :, ::-1])


def test_an_error_in_the_graph_says_what_is_wrong() -> None:
    layer = kcv.AutoContrast((0, 1))
    data = dataset().batch(8).map(layer)
    with pytest.raises(tf.errors.OpError, match=r"value_range 0\.\.1, got 0\.\.255"):
        next(iter(data))


def test_rescaling_and_no_training() -> None:
    data = dataset().batch(8).map(kcv.Rescaling(1 / 255, offset=-1))
    np.testing.assert_allclose(next(iter(data))["images"], LEVELS[:8] / 255 - 1, atol=1e-6)
    layer = kcv.RandAugment(RANGE)
    still = tf.data.Dataset.from_tensor_slices(IMAGES).map(lambda x: layer(x, training=False))
    np.testing.assert_array_equal(np.stack(list(still)), LEVELS)
