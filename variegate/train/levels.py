"""The levels of a curriculum while a model is trained: asked after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from variegate.data import Dataset
from variegate.pipeline import Pipeline
from variegate.plan.counter import slot_keys, uniforms

if TYPE_CHECKING:
    from variegate.policy.curriculum import Curriculum

__all__ = ["next_levels"]

Ints = npt.NDArray[np.int64]
_SLOT = 0x6C6576656C  # "level": no step's slot has this number


def next_levels(
    curriculum: Curriculum,
    levels: Sequence[int],
    train: Dataset,
    predict: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.floating]],
    *,
    seed: int,
    epoch: int,
) -> tuple[int, ...]:
    """Give the level of every class after an epoch: one more, one less, or an end of the scale.

    predict: probabilities (n, classes) of uint8 images, by the model as it is. A class without
    images stays at 0. The images that are asked about are a function of seed and epoch.
    """
    copes = np.array([own > 0 for own in train.counts()])
    for level in range(max(levels, default=0) + 1):
        asked = [c for c in np.flatnonzero(copes).tolist() if levels[c] >= level]
        if not asked:
            break
        ids = _picked(train, asked, curriculum.images * (level + 1), level, seed, epoch)
        index = np.arange(len(ids)) + (level << 32)
        pipeline = Pipeline(curriculum.at(level), seed=seed, threads=1)
        out = pipeline(images=train.images[ids], index=index, epoch=epoch)["images"]
        right = predict(np.asarray(out)).argmax(axis=1) == train.labels[ids]
        for c in asked:
            copes[c] &= right[train.labels[ids] == c].mean() > curriculum.threshold
    some = train.counts() > 0
    moved = np.where(copes, np.array(levels) + 1, np.array(levels) - 1)
    kept = np.where(some, np.clip(moved, 0, curriculum.levels), 0)
    return tuple(int(level) for level in kept)


def _picked(
    train: Dataset, classes: Sequence[int], count: int, level: int, seed: int, epoch: int
) -> Ints:
    """So many training images of each class, drawn with replacement."""
    parts = []
    for c in classes:
        own = np.flatnonzero(train.labels == c)
        key = slot_keys(seed, epoch, np.array([_SLOT + level], dtype=np.uint64))
        numbers = uniforms(key, np.arange(count, dtype=np.uint64) + np.uint64(c << 20))[:, 0]
        parts.append(own[(numbers * len(own)).astype(np.int64)])
    return np.concatenate(parts)
