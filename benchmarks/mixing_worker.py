"""Times the mixers of one library, case by case as it is asked to: LIBRARY SIZE COUNT THREADS.

Reads a case's name a line and answers with images a second, or with why there are none. Each
library runs in its own environment, so this needs NumPy and that library alone. Images come as the
library likes them: bytes (n, h, w, c) for variegate, floats for the others.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

CLASSES = 10
LEAST = 0.4  # seconds of one answer
Calls = dict[str, Callable[[], Any]]


def variegate(images: Any, labels: Any, threads: int) -> Calls:
    """Ours, with label weights counted."""
    import variegate as vg

    size = images.shape[1:3]
    steps = {
        "MixUp": vg.MixUp(),
        "CutMix": vg.CutMix(),
        "ResizeMix": vg.ResizeMix(),
        "GridMix": vg.GridMix(),
        "FMix": vg.FMix(),
        "SaliencyMix": vg.SaliencyMix(),
        "PuzzleMix": vg.PuzzleMix(cells=(2, 4, 8), saliency="fine_grained"),
        "Mosaic": vg.Mosaic(size=size, fit="corner"),
        "AugMix": vg.AugMix(),
    }
    made = {
        name: vg.Pipeline([step], seed=1, classes=CLASSES, threads=threads)
        for name, step in steps.items()
    }
    return {name: lambda a=aug: a(images=images, labels=labels) for name, aug in made.items()}


def torchvision(images: Any, labels: Any, threads: int) -> Calls:
    """transforms.v2: one draw for the batch."""
    import torch
    from torchvision.transforms import v2

    torch.set_num_threads(threads)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255).contiguous()
    target = torch.from_numpy(labels)
    steps = {
        "MixUp": v2.MixUp(num_classes=CLASSES),
        "CutMix": v2.CutMix(num_classes=CLASSES),
        "AugMix": v2.AugMix(),
    }
    whole = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    calls: Calls = {n: lambda s=steps[n]: s(batch, target) for n in ("MixUp", "CutMix")}
    return calls | {"AugMix": lambda: steps["AugMix"](whole)}


def kornia(images: Any, labels: Any, threads: int) -> Calls:
    """Kornia's batch augmentations, a draw for each image."""
    import torch
    from kornia import augmentation

    torch.set_num_threads(threads)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255).contiguous()
    target = torch.from_numpy(labels)
    size = tuple(images.shape[1:3])
    keys = {"data_keys": ["input", "class"]}
    steps = {
        "MixUp": augmentation.RandomMixUpV2(p=1.0, **keys),
        "CutMix": augmentation.RandomCutMixV2(p=1.0, **keys),
        "Mosaic": augmentation.RandomMosaic(output_size=size, p=1.0, data_keys=["input"]),
    }
    calls: Calls = {n: lambda s=steps[n]: s(batch, target) for n in ("MixUp", "CutMix")}
    return calls | {"Mosaic": lambda: steps["Mosaic"](batch)}


def keras_cv(images: Any, labels: Any, threads: int) -> Calls:
    """KerasCV's layers on TensorFlow, as a compiled function where that works."""
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    from keras_cv import layers

    batch = {
        "images": tf.constant(images, tf.float32),
        "labels": tf.one_hot(labels, CLASSES),
    }
    steps = {
        "MixUp": layers.MixUp(),
        "CutMix": layers.CutMix(),
        "FMix": layers.FourierMix(),
        "Mosaic": layers.Mosaic(),
        "AugMix": layers.AugMix((0, 255)),
    }
    made = {
        name: tf.function(lambda x, s=step: s(x, training=True)) for name, step in steps.items()
    }
    return {name: lambda f=made[name]: f(batch)["images"].numpy() for name in steps}


LIBRARIES = {
    "variegate": variegate,
    "torchvision": torchvision,
    "kornia": kornia,
    "keras_cv": keras_cv,
}


def rate(work: Callable[[], Any], count: int) -> float:
    """Images a second of calls that take LEAST seconds in all."""
    work()
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < LEAST:
        work()
        calls += 1
    return calls * count / spent


def main(library: str, size: str, count: str, threads: str) -> None:
    """Answers until there are no more questions."""
    warnings.simplefilter("ignore")
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (int(count), 8, 8, 3))
    images = coarse.repeat(int(size) // 8, axis=1).repeat(int(size) // 8, axis=2).astype(np.uint8)
    labels = random.integers(0, CLASSES, int(count))
    calls = LIBRARIES[library](images, labels, int(threads))
    print(json.dumps({"cases": list(calls)}), flush=True)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"rate": rate(calls[line.strip()], int(count))}
        except Exception as error:  # the table says so
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
