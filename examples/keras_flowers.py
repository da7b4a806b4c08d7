"""KerasCV's published guide to RandAugment, CutMix and MixUp with only its import changed.

    python examples/keras_flowers.py FOLDER --size 224 --epochs 1 --pictures out

FOLDER has train/CLASS/ and test/CLASS/ with JPEG files, and stands in for the guide's download;
without one it takes windows of two photographs. Needs TensorFlow, Keras 3, Matplotlib and
scikit-learn.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import variegate.adapters.keras as keras_cv  # was: import keras_cv

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", type=Path, nargs="?", help="train/ and test/ with class folders")
parser.add_argument("--size", type=int, default=224, help="pixels a side")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--steps", type=int, help="steps an epoch; by default all")
parser.add_argument("--learning-rate", type=float, default=0.01)
parser.add_argument("--model", default="DenseNet121", help="of keras.applications")
parser.add_argument("--pictures", type=Path, help="write the four pictures to this folder")
parser.add_argument("--only-pictures", action="store_true", help="do not train")
given = parser.parse_args()
mpl.use("Agg")


def made_folder(root: Path) -> Path:
    """Write 40 + 4 random windows of each of scikit-learn's two photographs."""
    from sklearn.datasets import load_sample_images

    draws = np.random.default_rng(3)
    for name, photograph in zip(("china", "flower"), load_sample_images().images, strict=True):
        for number in range(44):
            folder = root / ("train" if number < 40 else "test") / name
            folder.mkdir(parents=True, exist_ok=True)
            side = int(draws.integers(260, 420))
            row, column = (int(draws.integers(0, n - side + 1)) for n in photograph.shape[:2])
            window = photograph[row : row + side, column : column + side].astype(np.float32)
            keras.utils.array_to_img(window, scale=False).save(folder / f"{number:02}.jpg")
    return root


def read_split(folder: Path, classes: list[str]) -> tf.data.Dataset:
    """Pairs of a decoded image of its own size and the number of its class."""
    files = [
        (str(path), label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).iterdir())
    ]
    np.random.default_rng(1).shuffle(files)
    paths, labels = [path for path, _ in files], [int(label) for _, label in files]
    pairs = tf.data.Dataset.from_tensor_slices((paths, labels))
    return pairs.map(
        lambda path, label: (tf.io.decode_jpeg(tf.io.read_file(path), channels=3), label),
        num_parallel_calls=AUTOTUNE,
    )


BATCH_SIZE = given.batch
IMAGE_SIZE = (given.size, given.size)
AUTOTUNE = tf.data.AUTOTUNE

folder = given.folder or made_folder(Path(tempfile.mkdtemp()))
class_names = sorted(path.name for path in (folder / "train").iterdir())
num_classes = len(class_names)
data = {split: read_split(folder / split, class_names) for split in ("train", "test")}


def to_dict(image, label):
    image = tf.image.resize(image, IMAGE_SIZE)
    image = tf.cast(image, tf.float32)
    label = tf.one_hot(label, num_classes)
    return {"images": image, "labels": label}


def prepare_dataset(dataset, split):
    if split == "train":
        return (
            dataset.shuffle(10 * BATCH_SIZE)
            .map(to_dict, num_parallel_calls=AUTOTUNE)
            .batch(BATCH_SIZE)
        )
    return dataset.map(to_dict, num_parallel_calls=AUTOTUNE).batch(BATCH_SIZE)


def load_dataset(split="train"):
    return prepare_dataset(data[split], split)


def visualize_dataset(dataset, title):
    plt.figure(figsize=(6, 6)).suptitle(title, fontsize=18)
    for i, samples in enumerate(iter(dataset.take(9))):
        images = samples["images"]
        plt.subplot(3, 3, i + 1)
        plt.imshow(images[0].numpy().astype("uint8"))
        plt.axis("off")
    if given.pictures is not None:
        given.pictures.mkdir(parents=True, exist_ok=True)
        name = title.lower().replace(" ", "-")
        plt.savefig(given.pictures / f"keras-{name}.jpg", dpi=70, bbox_inches="tight")
    plt.close()


rand_augment = keras_cv.layers.RandAugment(
    value_range=(0, 255),
    augmentations_per_image=3,
    magnitude=0.3,
    magnitude_stddev=0.2,
    rate=0.5,
)


def apply_rand_augment(inputs):
    inputs["images"] = rand_augment(inputs["images"])
    return inputs


cut_mix = keras_cv.layers.CutMix()
mix_up = keras_cv.layers.MixUp()


def cut_mix_and_mix_up(samples):
    samples = cut_mix(samples, training=True)
    samples = mix_up(samples, training=True)
    return samples


layers = [keras_cv.layers.GridMask(), keras_cv.layers.Grayscale(output_channels=3)]
pipeline = keras_cv.layers.RandomAugmentationPipeline(layers=layers, augmentations_per_image=1)


def apply_pipeline(inputs):
    inputs["images"] = pipeline(inputs["images"])
    return inputs


if given.pictures is not None:
    visualize_dataset(load_dataset(), title="Before augmentation")
    visualize_dataset(
        load_dataset().map(apply_rand_augment, num_parallel_calls=AUTOTUNE), title="RandAugment"
    )
    visualize_dataset(
        load_dataset().map(cut_mix_and_mix_up, num_parallel_calls=AUTOTUNE),
        title="CutMix and MixUp",
    )
    visualize_dataset(
        load_dataset().map(apply_pipeline, num_parallel_calls=AUTOTUNE), title="Custom pipeline"
    )


def preprocess_for_model(inputs):
    images, labels = inputs["images"], inputs["labels"]
    images = tf.cast(images, tf.float32)
    return images, labels


train_dataset = (
    load_dataset()
    .map(apply_rand_augment, num_parallel_calls=AUTOTUNE)
    .map(cut_mix_and_mix_up, num_parallel_calls=AUTOTUNE)
)
train_dataset = train_dataset.map(preprocess_for_model, num_parallel_calls=AUTOTUNE)
train_dataset = train_dataset.prefetch(AUTOTUNE)

test_dataset = load_dataset(split="test")
test_dataset = test_dataset.map(preprocess_for_model, num_parallel_calls=AUTOTUNE)
test_dataset = test_dataset.prefetch(AUTOTUNE)


def get_model():
    shape = (*IMAGE_SIZE, 3)
    make = getattr(keras.applications, given.model)
    backbone = make(weights=None, input_shape=shape, classes=num_classes)
    model = keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / 255), backbone])
    model.compile(
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        optimizer=keras.optimizers.SGD(learning_rate=given.learning_rate, momentum=0.9),
        metrics=["accuracy"],
    )
    return model


if not given.only_pictures:
    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        model = get_model()
        history = model.fit(
            train_dataset.take(given.steps) if given.steps else train_dataset,
            epochs=given.epochs,
            validation_data=test_dataset,
            verbose=2,
        )
