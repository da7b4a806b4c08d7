"""Picture files, pipelines and comparisons for the tests of the loader."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import variegate as vg
from tests.data.odd_files import save, scene

SIZES = ((48, 64), (60, 44), (90, 120), (33, 37))
NORMALIZE = vg.Normalize(mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), layout="NCHW")


def write_jpegs(folder: Path, count: int, **options: Any) -> list[str]:
    """Write `count` different JPEG files of several sizes; their paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(count):
        height, width = SIZES[k % len(SIZES)]
        image = np.roll(scene(height, width), 5 * k, axis=1)
        path = folder / f"{k:04}.jpg"
        path.write_bytes(save(image, "JPEG", quality=90, **options))
        paths.append(str(path))
    return paths


def cropping(seed: int = 3, size: tuple[int, int] = (24, 24)) -> vg.Pipeline:
    """Crop, flip, color and the model's input; results of one size."""
    steps = [
        vg.RandomResizedCrop(size=size),
        vg.HorizontalFlip(p=0.5),
        vg.ColorJitter(),
        NORMALIZE,
    ]
    return vg.Pipeline(steps, seed=seed)


def mixing(seed: int = 3) -> vg.Pipeline:
    """A policy that needs the whole batch."""
    steps = [vg.RandomResizedCrop(size=(24, 24)), vg.CutMix(), vg.Posterize(bits=(3, 5)), NORMALIZE]
    return vg.Pipeline(steps, seed=seed, classes=5)


def flat(batches: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Batches as bytes, to be compared; shapes and dtypes included."""
    return [
        tuple((name, b[name].shape, str(b[name].dtype), b[name].tobytes()) for name in sorted(b))
        for b in batches
    ]


def loader_threads() -> list[str]:
    """The names of the loader's threads that are alive."""
    return [t.name for t in threading.enumerate() if t.name.startswith("variegate-loader")]
