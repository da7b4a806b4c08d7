"""A data set at module level, so that spawned workers find it, and digests of what it gives."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

import variegate as vg
from variegate.pipeline.stream import default_threads
from variegate.testing.pictures import picture

COUNT = 48
IMAGES = np.stack([picture("random", (13, 17), 3, i) for i in range(COUNT)])


def policy() -> list[Any]:
    """Every way of drawing: presets, choices, chances, noise, regions, fields, several runs."""
    return [
        vg.RandomResizedCrop(size=(12, 14)),
        vg.HorizontalFlip(p=0.5),
        vg.RandAugment(num_ops=2, magnitude=0.5, magnitude_std=0.1),
        vg.OneOf([vg.GaussianNoise(), vg.Sequence([vg.Cutout(), vg.Elastic()], p=0.7)], p=0.8),
        vg.TrivialAugment(),
        vg.RandomErasing(mode="noise", p=0.5),
        vg.Perspective(p=0.3),
    ]


def make(seed: int | None = 11, engine: str | None = "reference", threads: int = 1) -> vg.Pipeline:
    """The pipeline of this folder's tests."""
    return vg.Pipeline(policy(), seed=seed, engine=engine, threads=threads)


def digest(array: Any) -> str:
    """SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


class Set:
    """A map-style data set: each item is one augmented image, by its index or by counting."""

    def __init__(self, pipeline: vg.Pipeline, counted: bool = False) -> None:
        self.pipeline = pipeline
        self.counted = counted

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, place: int) -> np.ndarray:
        index = None if self.counted else place
        image = self.pipeline(image=IMAGES[place], index=index, epoch=1)["image"]
        return np.asarray(image)


class Draws(Set):
    """Each item is a number drawn with no index given."""

    def __getitem__(self, place: int) -> np.ndarray:
        return np.array(self.pipeline.draw(sizes=[(9, 9)]).index[0], dtype=np.uint64).view(np.int64)


def thread_count() -> int:
    """How many threads this process has now."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


class Threads(Set):
    """Each item tells how many threads a call takes here, and how many it left running."""

    def __getitem__(self, place: int) -> np.ndarray:
        before = thread_count()
        large = np.zeros((4, 60, 60, 3), dtype=np.uint8)
        for _ in range(3):
            self.pipeline(images=large)
        return np.array([default_threads(), thread_count() - before])


if __name__ == "__main__":  # a fresh process: print the digest of all images
    result = make(engine=sys.argv[1])(images=IMAGES, index=np.arange(COUNT), epoch=1)["images"]
    print(digest(result))  # noqa: T201
