"""The levels of a curriculum: up where the model copes at every level, down where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from variegate.data import Dataset
from variegate.policy.curriculum import Curriculum
from variegate.train import TrainSettings, train_model
from variegate.train.levels import next_levels

TOY = {"width": 4, "threads": 1, "precision": "float32", "batch_size": 16}


def shades() -> Dataset:
    """Three classes of flat images, 0, 100 and 200; two images of the last class."""
    labels = np.array([0] * 20 + [1] * 10 + [2] * 2)
    images = (100 * labels[:, None, None, None] + np.zeros((1, 8, 8, 1))).astype(np.uint8)
    return Dataset("shades", images, labels, ("a", "b", "c"))


def by_shade(images: np.ndarray) -> np.ndarray:
    """Right on flat images of every class; inverted ones are taken for another class."""
    named = np.clip(np.round(images.reshape(len(images), -1).mean(axis=1) / 100), 0, 2).astype(int)
    return np.eye(3)[named]


def test_levels_rise_one_by_one_and_fall_where_an_op_is_too_much() -> None:
    curriculum = Curriculum(ops=("Invert",), levels=2)
    train = shades()
    ask = {"seed": 0, "epoch": 0}
    assert next_levels(curriculum, (0, 0, 0), train, by_shade, **ask) == (1, 1, 1)
    # One Invert: 0 -> 255 and 200 -> 55 are other classes, 100 -> 155 is taken for class 2 too.
    assert next_levels(curriculum, (1, 1, 1), train, by_shade, **ask) == (0, 0, 0)
    # Two of them are none, but level 2 asks for level 1 as well.
    assert next_levels(curriculum, (2, 0, 1), train, by_shade, **ask) == (1, 1, 0)


def test_levels_stay_on_their_scale_and_a_class_without_images_at_0() -> None:
    curriculum = Curriculum(ops=("Identity",), levels=2)
    train = replace(shades(), labels=np.array([0] * 20 + [1] * 12))
    assert next_levels(curriculum, (2, 1, 0), train, by_three, seed=0, epoch=0) == (2, 2, 0)


def by_three(images: np.ndarray) -> np.ndarray:
    """Right on shades 0 and 100, and on 200 as class 1."""
    named = np.minimum(np.round(images.reshape(len(images), -1).mean(axis=1) / 100), 1).astype(int)
    return np.eye(3)[named]


def test_a_training_follows_its_curriculum_and_repeats_byte_for_byte() -> None:
    train = shades()
    settings = TrainSettings.for_data(train, **TOY)
    runs = [
        train_model(train, Curriculum(ops=("Rotate",)), epochs=3, seed=1, settings=settings)
        for _ in range(2)
    ]
    assert len(runs[0].levels) == 3
    assert runs[0].levels[0] == (0, 0, 0)
    assert runs[0].levels == runs[1].levels
    assert all(0 <= level <= e for e, row in enumerate(runs[0].levels) for level in row)
    for one, other in zip(runs[0].model.parameters(), runs[1].model.parameters(), strict=True):
        assert torch.equal(one, other)
