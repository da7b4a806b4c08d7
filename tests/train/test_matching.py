"""Density matching: folds, rewards worked by hand, and what it sees of digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import variegate as vg
from variegate.data import Dataset
from variegate.errors import DataError, InputError
from variegate.train import TrainSettings
from variegate.train.matching import DensityMatching, folds


def test_folds_part_every_class_and_hold_each_image_out_once(few: Dataset) -> None:
    parts = folds(few, 2, seed=3)
    held = np.concatenate([own.images for _, own in parts])
    assert sorted(image.tobytes() for image in held) == sorted(i.tobytes() for i in few.images)
    for rest, own in parts:
        assert own.counts().tolist() == [2] * 10
        assert not {i.tobytes() for i in rest.images} & {i.tobytes() for i in own.images}


def test_a_class_smaller_than_the_folds_is_named(few: Dataset) -> None:
    with pytest.raises(DataError, match="class '0' has 4 images, 5 folds"):
        folds(few, 5, seed=0)


def test_rewards_by_hand(few: Dataset) -> None:
    """Two passes over two images: one right in the first pass only, one right in neither."""
    passes = np.array([[[0.6, 0.4], [0.7, 0.3]], [[0.1, 0.9], [0.9, 0.1]]])
    labels = np.array([0, 1])
    settings = TrainSettings.for_data(few)
    by = {r: DensityMatching([], settings, 1, r)._joined(passes, labels) for r in ("max", "mean")}
    assert np.allclose(by["max"], [[0.6, 0.4], [0.7, 0.3]])
    assert np.allclose(by["mean"], [[0.35, 0.65], [0.8, 0.2]])
    with pytest.raises(InputError, match="expected 'max' or 'mean'"):
        DensityMatching([], settings, 1, "best")


def test_what_changes_the_meaning_scores_below_what_keeps_it(
    digits: tuple[Dataset, Dataset],
) -> None:
    """Clean models of digits know slightly turned digits, and not upside-down ones."""
    train, _ = digits
    settings = TrainSettings.for_data(train, width=8, threads=1)
    judge = DensityMatching(folds(train, 2, seed=0), settings, epochs=15)
    same, turned, upside = (
        judge(vg.Policy(steps), 1, 0).accuracy
        for steps in ([], [vg.Rotate(angle=(-8, 8))], [vg.VerticalFlip()])
    )
    assert same > 0.85
    assert turned > upside + 0.2
    assert upside < same - 0.3
    twice = judge(vg.Policy([vg.Rotate(angle=(-60, 60))]), 2, 0).accuracy
    kinder = DensityMatching(judge.folds, settings, 15, "max", models=judge.models)
    assert kinder(vg.Policy([vg.Rotate(angle=(-60, 60))]), 2, 0).accuracy >= twice


def test_images_of_one_group_are_never_on_both_sides(few: Dataset) -> None:
    grouped = replace(few, groups=np.arange(len(few)) // 2 + 100)
    for rest, own in folds(grouped, 2, seed=3):
        assert rest.groups is not None
        assert own.groups is not None
        assert not set(rest.groups.tolist()) & set(own.groups.tolist())
        assert own.counts().tolist() == [2] * 10
    with pytest.raises(DataError, match="class '0' has 2 groups, 3 folds"):
        folds(grouped, 3, seed=0)


def test_what_is_shown_is_what_was_asked_about(few: Dataset) -> None:
    """The pictures of single images are those of the whole batch, in the order of the labels."""
    settings = TrainSettings.for_data(few, width=4, threads=1)
    judge = DensityMatching(folds(few, 2, seed=0), settings, epochs=1, images=12)
    labels = judge.labels(7)
    assert labels.tolist() == judge.ask(vg.Policy(), 1, 7)[1].tolist()
    assert len(labels) == 24
    shown = judge.show(vg.Policy(), [0, 13, 23], 7)
    for image, place in zip(shown, (0, 13, 23), strict=True):
        same = (few.images == image).all(axis=(1, 2, 3))
        assert few.labels[np.flatnonzero(same)[0]] == labels[place]
    noisy = vg.Policy([vg.GaussianNoise(sigma=(0.1, 0.2))])
    once = judge.show(noisy, [13, 0], 7)
    np.testing.assert_array_equal(once[::-1], judge.show(noisy, [0, 13], 7))
    assert (once[0] != judge.show(vg.Policy(), [13], 7)[0]).any()
