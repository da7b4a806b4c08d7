"""TensorFlow Datasets: keyed by element and epoch, static shapes, read again the same."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import variegate as vg
from variegate.adapters.records import key_of
from variegate.adapters.tfds import augmented

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 20, 24, 3), dtype=np.uint8)
AUG = vg.Pipeline([vg.HorizontalFlip(p=0.5), vg.RandomResizedCrop(size=(16, 16))], seed=3)


class Made(tfds.core.GeneratorBasedBuilder):
    """Ten pictures of noise; nothing is downloaded."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {"image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(num_classes=3)}  # fmt: skip
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager: object) -> dict:
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for n, image in enumerate(IMAGES):
            yield n, {"image": image, "label": n % 3}


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = Made(data_dir=tmp_path_factory.mktemp("tfds"))
    made.download_and_prepare()
    return made


def test_a_data_set_keyed_by_tfds_id(builder: Made) -> None:
    data = builder.as_dataset(split="train", read_config=tfds.ReadConfig(add_tfds_id=True))
    plain = {row["tfds_id"]: row["image"] for row in data.as_numpy_iterator()}
    read = augmented(data, AUG, epochs=2, batch_size=4, key="tfds_id", label="label")
    assert read.element_spec["image"].shape == (None, 16, 16, 3)
    assert len(read) == 6
    seen = list(read.as_numpy_iterator())
    for epoch, batches in enumerate((seen[:3], seen[3:])):
        ids = np.concatenate([batch["tfds_id"] for batch in batches])
        pictures = np.concatenate([batch["image"] for batch in batches])
        assert len(set(ids)) == 10
        for name, picture in zip(ids, pictures, strict=True):
            own = AUG(image=plain[name], index=key_of(name), epoch=epoch)["image"]
            assert np.array_equal(picture, own)


def test_arrays_of_one_size_are_augmented_batch_by_batch() -> None:
    rows = {"image": IMAGES, "label": np.arange(10) % 3}
    mix = vg.Pipeline([vg.CutMix()], seed=1, classes=3)
    read = augmented(tf.data.Dataset.from_tensor_slices(rows), mix, batch_size=5, label="label")
    batch = next(iter(read))
    own = mix(images=IMAGES[:5], labels=np.arange(5) % 3, index=np.arange(5))
    assert np.array_equal(batch["image"], own["images"])
    assert np.array_equal(batch["label"], own["labels"])
    assert batch["label"].shape == (5, 3)


def test_boxes_are_refused_by_name() -> None:
    with pytest.raises(vg.InputError, match="boxes and keypoints are ragged"):
        augmented(tf.data.Dataset.from_tensor_slices({"image": IMAGES}), AUG, boxes="boxes")
