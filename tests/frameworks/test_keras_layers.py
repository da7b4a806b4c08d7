"""The Keras layers on the backend in use: they give what the array layers give, in every place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import variegate as vg
import variegate.adapters.keras as kcv
from variegate.adapters import keras_cv as arrays

BATCH = np.random.default_rng(2).integers(0, 256, (4, 32, 48, 3), dtype=np.uint8)
LEVELS = BATCH.astype(np.float32)
ONE_HOT = np.eye(4, dtype=np.float32)
RANGE = (0, 255)
BACKEND = keras.backend.backend()

# Arguments that every layer can be made with.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "AugMix": {"value_range": RANGE, "severity": 0.5, "seed": 3},
    "AutoContrast": {"value_range": RANGE},
    "Equalization": {"value_range": RANGE},
    "JitteredResize": {"target_size": (24, 20), "scale_factor": (0.8, 1.2), "seed": 3},
    "Posterization": {"value_range": RANGE, "bits": 3},
    "RandAugment": {"value_range": RANGE, "magnitude": 0.6, "seed": 3},
    "RandomBrightness": {"factor": 0.3, "seed": 3},
    "RandomChannelShift": {"value_range": RANGE, "factor": 0.3, "seed": 3},
    "RandomColorDegeneration": {"factor": 0.7, "seed": 3},
    "RandomColorJitter": {
        "value_range": RANGE, "brightness_factor": 0.2, "contrast_factor": 0.3,
        "saturation_factor": (0.4, 0.6), "hue_factor": 0.1, "seed": 3,
    },
    "RandomContrast": {"value_range": RANGE, "factor": 0.5, "seed": 3},
    "RandomCrop": {"height": 20, "width": 24, "seed": 3},
    "RandomCropAndResize": {
        "target_size": (20, 24), "crop_area_factor": (0.5, 1.0),
        "aspect_ratio_factor": (0.8, 1.25), "seed": 3,
    },
    "RandomCutout": {"height_factor": 0.4, "width_factor": 0.4, "seed": 3},
    "RandomGaussianBlur": {"kernel_size": 7, "factor": (1.0, 2.0), "seed": 3},
    "RandomHue": {"factor": 0.3, "value_range": RANGE, "seed": 3},
    "RandomJpegQuality": {"factor": (20, 60), "seed": 3},
    "RandomRotation": {"factor": 0.2, "seed": 3},
    "RandomSaturation": {"factor": (0.2, 0.8), "seed": 3},
    "RandomSharpness": {"factor": (0.5, 1.0), "value_range": RANGE, "seed": 3},
    "RandomShear": {"x_factor": 0.4, "y_factor": 0.4, "seed": 3},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2, "seed": 3},
    "RandomZoom": {"height_factor": 0.3, "seed": 3},
    "Resizing": {"height": 20, "width": 24},
    "Solarization": {"value_range": RANGE, "threshold_factor": (100, 200), "seed": 3},
}  # fmt: skip
OF_LAYERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Augmenter": lambda m: {"layers": [m.RandomFlip(rate=0.5), m.RandomCrop(20, 24)], "seed": 3},
    "RandomApply": lambda m: {"layer": m.RandomFlip("vertical", rate=1.0), "seed": 3},
    "RandomAugmentationPipeline": lambda m: {
        "layers": [m.GridMask(), m.Grayscale(output_channels=3)],
        "augmentations_per_image": 1,
        "seed": 3,
    },
    "RandomChoice": lambda m: {"layers": [m.RandomFlip(rate=1.0), m.ChannelShuffle()], "seed": 3},
    "RepeatedAugmentation": lambda m: {
        "augmenters": [m.RandomFlip(rate=1.0), m.RandomFlip("vertical", rate=1.0)]
    },
}
ABSENT = ("RandomAspectRatio",)  # refused by name: images of a batch have one size
NAMES = sorted(
    name
    for name in arrays.__all__
    if name not in (*ABSENT, "Layer", "Rescaling") and not name.endswith("Sampler")
)


def made(module: Any, name: str) -> Any:
    """The layer of this name, of the array half or of Keras."""
    given = OF_LAYERS[name](module) if name in OF_LAYERS else ARGUMENTS.get(name)
    seeded = "seed" in inspect.signature(getattr(arrays, name)).parameters
    given = ({"seed": 3} if seeded else {}) if given is None else given
    return getattr(module, name)(**given)


def as_array(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(value))


def test_every_layer_is_there() -> None:
    assert set(arrays.__all__) <= set(kcv.__all__)
    assert set(kcv.layers.__all__) == {
        *(n for n in arrays.__all__ if not n.endswith("Sampler")),
        "PolicyLayer",
    }
    for name in NAMES:
        cls = getattr(kcv.layers, name)
        assert issubclass(cls, keras.layers.Layer)
        assert inspect.signature(cls) == inspect.signature(getattr(arrays, name))
        assert cls.__doc__
        assert cls.__module__ == "variegate.adapters.keras.layers"


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_gives_what_its_array_half_gives(name: str) -> None:
    layer, half = made(kcv, name), made(arrays, name)
    for images in (BATCH, LEVELS):
        given = {"images": images, "labels": ONE_HOT}
        found = layer(given, training=True)
        expected = half(given, training=True)
        assert keras.ops.is_tensor(found["images"])
        assert keras.backend.standardize_dtype(found["images"].dtype) == "float32"
        np.testing.assert_array_equal(as_array(found["images"]), expected["images"])
        np.testing.assert_array_equal(as_array(found["labels"]), expected["labels"])
        assert given["images"] is images


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_comes_back_from_its_config(name: str) -> None:
    layer = made(kcv, name)
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    given = {"images": BATCH, "labels": ONE_HOT}
    first, second = layer(given, training=True), again(given, training=True)
    np.testing.assert_array_equal(as_array(first["images"]), as_array(second["images"]))


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_shapes_are_those_that_come_out(name: str) -> None:
    layer = made(kcv, name)
    shape = (4, 32, 48, 3)
    spec = layer.compute_output_spec(
        {"images": keras.KerasTensor(shape), "labels": keras.KerasTensor((4, 4))}, training=True
    )
    out = layer({"images": LEVELS, "labels": ONE_HOT}, training=True)
    assert spec["images"].shape == tuple(out["images"].shape)
    assert spec["images"].dtype == "float32"
    assert layer.compute_output_shape(shape) == tuple(out["images"].shape)


def test_sizes_that_are_not_known() -> None:
    image = keras.KerasTensor((None, None, None, 3))
    assert kcv.RandomRotation(0.1).compute_output_spec(image).shape == (None, None, None, 3)
    assert kcv.RandomCrop(20, 24).compute_output_spec(image).shape == (None, 20, 24, 3)
    assert kcv.Grayscale(1).compute_output_spec(image).shape == (None, None, None, 1)


def test_one_image_no_dict_and_training() -> None:
    layer = kcv.RandomFlip("vertical", rate=1.0)
    np.testing.assert_array_equal(as_array(layer(BATCH[0])), LEVELS[0, ::-1])
    np.testing.assert_array_equal(as_array(layer(keras.ops.array(BATCH))), LEVELS[:, ::-1])
    np.testing.assert_array_equal(as_array(layer(BATCH, training=False)), LEVELS)
    for images in (BATCH, keras.ops.array(BATCH)):
        out = layer({"images": images, "path": "kept", "labels": ONE_HOT}, training=True)
        assert (list(out), out["path"]) == (["images", "path", "labels"], "kept")
        np.testing.assert_array_equal(as_array(out["labels"]), ONE_HOT)


def test_bytes_stay_bytes_where_the_layer_says_so() -> None:
    layer = kcv.RandAugment(RANGE, seed=5, dtype="uint8")
    out = layer(BATCH)
    assert keras.backend.standardize_dtype(out.dtype) == "uint8"
    np.testing.assert_array_equal(as_array(out), arrays.RandAugment(RANGE, seed=5)(BATCH))
    half = kcv.RandomFlip(rate=1.0, dtype="float16")(BATCH)
    assert keras.backend.standardize_dtype(half.dtype) == "float16"


def test_boxes_masks_and_points_move_along() -> None:
    boxes = np.full((4, 3, 4), -1, np.float32)
    boxes[:, 0] = (3, 2, 9, 10)
    classes = np.full((4, 3), -1, np.float32)
    classes[:, 0] = 5
    given = {
        "images": BATCH,
        "bounding_boxes": {"boxes": boxes, "classes": classes},
        "segmentation_masks": BATCH[..., :1] // 128,
        "keypoints": np.tile(np.float32([[3, 2]]), (4, 1, 1)),
    }
    layer = kcv.RandomFlip(rate=1.0, bounding_box_format="xyxy")
    out = layer(given)
    np.testing.assert_allclose(
        as_array(out["bounding_boxes"]["boxes"])[:, 0], [(39, 2, 45, 10)] * 4
    )
    assert (as_array(out["bounding_boxes"]["boxes"])[:, 1:] == -1).all()
    np.testing.assert_array_equal(as_array(out["bounding_boxes"]["classes"]), classes)
    np.testing.assert_array_equal(
        as_array(out["segmentation_masks"]), given["segmentation_masks"][:, :, ::-1]
    )
    np.testing.assert_allclose(as_array(out["keypoints"]), np.tile([[45.0, 2.0]], (4, 1, 1)))
    spec = layer.compute_output_spec(
        {"images": keras.KerasTensor((4, 32, 48, 3)), "keypoints": keras.KerasTensor((4, 1, 2))}
    )
    assert spec["keypoints"].shape == (4, 1, 2)
    plain = kcv.RandomFlip()
    with pytest.raises(vg.InputError, match="bounding_box_format: expected one of"):
        plain(given)


def test_seeds() -> None:
    many = np.tile(BATCH, (8, 1, 1, 1))
    first, second = (as_array(kcv.RandAugment(RANGE, seed=0)(many)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    layer = kcv.RandAugment(RANGE, seed=0)
    assert np.array_equal(as_array(layer(many)), first)
    assert not np.array_equal(as_array(layer(many)), first)  # the next images, other draws
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(11)
        results.append(as_array(kcv.RandAugment(RANGE)(many)))
    np.testing.assert_array_equal(*results)
    others = [as_array(kcv.RandAugment(RANGE)(many)) for _ in range(2)]
    assert not np.array_equal(*others)


def test_an_index_fixes_the_draws() -> None:
    ids = np.arange(4)
    layer, same = (kcv.RandAugment(RANGE, seed=1) for _ in range(2))
    first = as_array(layer({"images": BATCH, "index": ids})["images"])
    second = as_array(layer({"images": BATCH, "index": ids})["images"])
    assert not np.array_equal(first, second)  # the next pass over the data
    order = [2, 0, 3, 1]
    for wanted in (first, second):
        found = as_array(same({"images": BATCH[order], "index": ids[order]})["images"])
        np.testing.assert_array_equal(found, wanted[order])
    twice = kcv.RandAugment(RANGE, seed=1)({"images": BATCH[[1, 1]], "index": np.array([1, 1])})
    np.testing.assert_array_equal(as_array(twice["images"]), [first[1], second[1]])
    with pytest.raises(vg.InputError, match="index: expected numbers of samples from 0"):
        layer({"images": BATCH, "index": -1 - ids})
    named = layer({"images": BATCH, "index": np.array(["a", "b", "c", "d"])})
    assert named["index"].tolist() == ["a", "b", "c", "d"]


def test_in_a_model_that_is_trained_saved_and_loaded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 48, 3)),
            kcv.RandAugment(RANGE, magnitude=0.4, seed=1),
            kcv.RandomCrop(24, 24, seed=1),
            kcv.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", "categorical_crossentropy")
    before = as_array(model.layers[-1].kernel).copy()
    history = model.fit(LEVELS, ONE_HOT, batch_size=2, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert not np.array_equal(before, as_array(model.layers[-1].kernel))
    predicted = model.predict(LEVELS, verbose=0)
    np.testing.assert_array_equal(predicted, model.predict(LEVELS, verbose=0))
    center = LEVELS[:, 4:28, 12:36].reshape(4, -1) / 255
    kernel, bias = (as_array(w) for w in model.layers[-1].get_weights())
    logits = center @ kernel + bias
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(predicted, expected / expected.sum(axis=1, keepdims=True), atol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(LEVELS, verbose=0), predicted, atol=1e-6)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()


def test_a_model_augments_in_training_and_differs_from_step_to_step() -> None:
    inputs = keras.Input((32, 48, 3))
    model = keras.Model(inputs, kcv.RandomTranslation(0.4, 0.4, seed=4)(inputs))
    np.testing.assert_array_equal(as_array(model(LEVELS, training=False)), LEVELS)
    first, second = (as_array(model(LEVELS, training=True)) for _ in range(2))
    assert not np.array_equal(first, LEVELS)
    assert not np.array_equal(first, second)


def test_a_policy_as_a_layer() -> None:
    policy = vg.Policy((vg.HorizontalFlip(p=1.0), vg.Posterize(bits=(3, 3))))
    layer = kcv.PolicyLayer(policy, value_range=RANGE, seed=2)
    found = as_array(layer(BATCH))
    np.testing.assert_array_equal(found, BATCH[:, :, ::-1] & 0xE0)
    again = kcv.PolicyLayer.from_config(layer.get_config())
    assert again.array.pipeline.policy == policy
    listed = kcv.PolicyLayer([vg.HorizontalFlip(p=1.0)])
    np.testing.assert_array_equal(as_array(listed(BATCH)), LEVELS[:, :, ::-1])


def test_the_standard_policy_can_be_sliced() -> None:
    layers = kcv.layers.RandAugment.get_standard_policy(
        value_range=RANGE, magnitude=0.75, magnitude_stddev=0.3
    )
    assert len(layers) == 10
    assert len(kcv.RandAugment.get_standard_policy(RANGE, 0.5, 0.1, geometric=False)) == 6
    pipeline = kcv.RandomAugmentationPipeline(
        layers=[*layers[:4], kcv.GridMask()], augmentations_per_image=3, seed=1
    )
    ops = {s.op for s in pipeline.array.steps[0].steps if hasattr(s, "op")}
    assert ops == {"AutoContrast", "Equalize", "ToGray", "GridMask"}  # and Solarization's two
    assert not np.array_equal(as_array(pipeline(BATCH)), LEVELS)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(pipeline))
    np.testing.assert_array_equal(
        as_array(again(BATCH)),
        as_array(kcv.layers.RandomAugmentationPipeline.from_config(pipeline.get_config())(BATCH)),
    )


def test_samplers_are_kept() -> None:
    sampler = kcv.core.UniformFactorSampler(0.2, 0.4)
    layer = kcv.RandomCutout(height_factor=sampler, width_factor=0.3, seed=1)
    again = kcv.RandomCutout.from_config(layer.get_config())
    np.testing.assert_array_equal(as_array(again(BATCH)), as_array(layer(BATCH)))
    assert again.get_config()["height_factor"]["factor_sampler"] == "UniformFactorSampler"


def test_what_is_refused_by_name() -> None:
    with pytest.raises(vg.InputError, match="expected layers of this module, got RandomFlip"):
        kcv.RandomChoice([keras.layers.RandomFlip()])
    with pytest.raises(vg.InputError, match=r"images: expected \(h, w, c\) or"):
        kcv.RandomFlip()(np.zeros((3, 4), np.uint8))
    with pytest.raises(TypeError, match="vale_range"):
        kcv.RandAugment(RANGE, vale_range=RANGE)
    with pytest.raises(vg.PolicyError, match="RandomAspectRatio: no counterpart"):
        kcv.RandomAspectRatio(0.3)
    with pytest.raises(vg.InputError, match="expected images, got image"):
        kcv.RandomFlip()({"image": BATCH})
    with pytest.raises(vg.InputError, match="expected one-hot floats"):
        kcv.CutMix()({"images": BATCH, "labels": np.arange(4)})
