"""Times the input pipeline of examples/keras_flowers.py with KerasCV's layers and with variegate's.

    python benchmarks/keras_pipeline.py [FOLDER] [--rounds 7] [--batches 6] [--out FILE]

FOLDER has class folders of JPEG files; without one pictures are made. Needs keras-cv 0.9 beside
TensorFlow and Keras 3 (benchmarks/peers/keras.txt). One process on TensorFlow; the libraries take
turns, A B A B, each time with a new iterator, whose first batches do not count, over the same
batches of 32 pictures of 224 pixels. Reported: medians and quartiles of images a second, and of the
rounds' ratios to KerasCV.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_cv
import numpy as np
import tensorflow as tf

import variegate as vg
import variegate.adapters.keras as kcv

CALLS = os.cpu_count() or 1
BATCH, SIDE, CLASSES = 32, 224, 17
RANGE = (0, 255)
PUBLISHED: dict[str, Any] = {
    "value_range": RANGE,
    "augmentations_per_image": 3,
    "magnitude": 0.3,
    "magnitude_stddev": 0.2,
    "rate": 0.5,
}
THEIRS = "keras_cv"
WARM = 4  # batches of a pass before the clock starts
Layers = list[Any]


def made_files(count: int = 256) -> list[Any]:
    """Smooth pictures with noise, 330 x 256, as JPEG data."""
    draws = np.random.default_rng(0)
    files = []
    for _ in range(count):
        coarse = tf.image.resize(draws.uniform(0, 255, (9, 11, 3)), (256, 330), "bicubic")
        pixels = np.clip(coarse + draws.normal(0, 6, coarse.shape), 0, 255).astype(np.uint8)
        files.append(tf.io.encode_jpeg(pixels).numpy())
    return files


def read_files(folder: Path | None) -> list[Any]:
    """JPEG data of up to 512 pictures, from all classes alike."""
    if folder is None:
        return made_files()
    paths = sorted(folder.rglob("*.jpg"))
    step = max(1, len(paths) // 512)
    return [path.read_bytes() for path in paths[::step]]


def decoded(files: list[Any]) -> Any:
    """The published to_dict: resize, one-hot."""

    def to_dict(data: Any, label: Any) -> dict[str, Any]:
        image = tf.image.resize(tf.io.decode_jpeg(data, channels=3), (SIDE, SIDE))
        return {"images": tf.cast(image, tf.float32), "labels": tf.one_hot(label, CLASSES)}

    labels = np.arange(len(files)) % CLASSES
    pairs = tf.data.Dataset.from_tensor_slices((files, labels))
    return pairs.map(to_dict, num_parallel_calls=CALLS)


def endless(samples: Any, layers: Layers) -> Any:
    """Batches without end: RandAugment on the images, the rest on the dict, as published.

    Calls at a time and batches ahead are as many as cores, for all alike. With dtype uint8 the
    pictures are bytes from the resize on.
    """
    first, *rest = layers
    data = samples.repeat().batch(BATCH, drop_remainder=True)
    if keras.backend.standardize_dtype(first.compute_dtype) == "uint8":
        data = data.map(lambda d: {**d, "images": tf.cast(tf.round(d["images"]), tf.uint8)})

    def apply(inputs: dict[str, Any]) -> dict[str, Any]:
        return {**inputs, "images": first(inputs["images"])}

    data = data.map(apply, num_parallel_calls=CALLS)
    for layer in rest:
        data = data.map(lambda d, own=layer: own(d, training=True), num_parallel_calls=CALLS)
    return data.prefetch(CALLS)


def layers_of(library: Any, **own: Any) -> Layers:
    """RandAugment, CutMix and MixUp."""
    return [
        library.layers.RandAugment(**PUBLISHED, **own),
        library.layers.CutMix(**own),
        library.layers.MixUp(**own),
    ]


def loader_batches(files: list[Any], folder: Path) -> Callable[[], Any]:
    """The same steps in variegate's own loader, without tf.data."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, data in enumerate(files):
        paths.append(folder / f"{number:04}.jpg")
        paths[-1].write_bytes(data)
    rand = kcv.RandAugment(**PUBLISHED, seed=1).array.steps
    steps = [vg.Resize(size=(SIDE, SIDE)), *rand, vg.CutMix(), vg.MixUp()]
    given = {"images": paths, "labels": np.arange(len(files)) % CLASSES}
    pipeline = vg.Pipeline(steps, seed=1, classes=CLASSES)
    loader = vg.Loader(given, pipeline, BATCH, drop_last=True)

    def batches() -> Any:
        while True:
            yield from loader

    return batches


def cases(files: list[Any], folder: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    """What is timed: by case and library, something that makes an iterator."""
    kept = decoded(files).cache()
    for _ in kept:  # fills the cache
        pass
    whole = decoded(files)

    def keras_data(samples: Any, layers: Layers) -> Callable[[], Any]:
        data = endless(samples, layers)
        return lambda: iter(data)

    theirs, ours, small = layers_of(keras_cv), layers_of(kcv), layers_of(kcv, dtype="uint8")
    alone = {
        name: lib.layers.RandAugment(**PUBLISHED) for name, lib in (("cv", keras_cv), ("vg", kcv))
    }
    return {
        "RandAugment, pictures in memory": {
            THEIRS: keras_data(kept, [alone["cv"]]),
            "variegate": keras_data(kept, [alone["vg"]]),
        },
        "RandAugment, CutMix, MixUp, pictures in memory": {
            THEIRS: keras_data(kept, theirs),
            "variegate": keras_data(kept, ours),
            'variegate, dtype="uint8"': keras_data(kept, small),
        },
        "all of it, from JPEG files": {
            THEIRS: keras_data(whole, theirs),
            "variegate": keras_data(whole, ours),
            'variegate, dtype="uint8"': keras_data(whole, small),
            "vg.Loader": loader_batches(files, folder),
        },
    }


def rate(make: Callable[[], Any], first: int, count: int) -> float:
    """Images a second of `count` batches of a new iterator, after `first` that do not count."""
    batches = make()
    for _ in range(first):
        next(batches)
    start = time.perf_counter()
    for _ in range(count):
        next(batches)
    return count * BATCH / (time.perf_counter() - start)


def told(values: list[float]) -> dict[str, Any]:
    """Median, quartiles and number."""
    low, middle, high = np.percentile(values, [25, 50, 75]).round(2).tolist()
    return {"median": middle, "quartiles": [low, high], "n": len(values)}


def measured(makers: dict[str, Callable[[], Any]], rounds: int, batches: int) -> dict[str, Any]:
    """Images a second and times KerasCV's, by library."""
    found: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            longer = 1 if name == THEIRS else 4
            found[name].append(rate(make, WARM, longer * batches))
    return {
        name: {
            "images_s": told(rates),
            "times": told([a / b for a, b in zip(rates, found[THEIRS], strict=True)]),
        }
        for name, rates in found.items()
    }


def main() -> None:
    """Run all cases, print them, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=6, help="of a pass of KerasCV; others: x 4")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        for case, makers in cases(read_files(given.folder), Path(scratch)).items():
            if given.only not in case:
                continue
            results[case] = measured(makers, given.rounds, given.batches)
            print(case, flush=True)
            for name, own in results[case].items():
                rates, times = own["images_s"], own["times"]
                print(
                    f"  {name:26} {rates['median']:7.0f} images/s {rates['quartiles']}"
                    f"  {times['median']:6.2f} x {times['quartiles']}  n={rates['n']}",
                    flush=True,
                )
    versions = {module.__name__: module.__version__ for module in (keras, keras_cv, tf)}
    record = {"versions": versions, "cores": CALLS, "batch": BATCH, "side": SIDE, "cases": results}
    if given.out is not None:
        given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
