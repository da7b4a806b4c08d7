"""Density matching: how well models trained without augmentation recognize augmented images.

Fast AutoAugment (Lim et al. 2019) scores a policy so: a few trainings once, then only forward
passes. It sees how far a policy moves the images from what they were, and nothing of what a model
would learn from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from variegate.data import Dataset
from variegate.errors import DataError, InputError
from variegate.pipeline import Pipeline
from variegate.train.loop import Trained, predict, train_model
from variegate.train.scores import Scores, score
from variegate.train.settings import BUILT_IN, RESIDUAL, TrainSettings, check_whole

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["DensityMatching", "folds"]

Fold = tuple[Dataset, Dataset]
Floats = npt.NDArray[np.floating]


def folds(dataset: Dataset, count: int, seed: int) -> list[Fold]:
    """Divide class by class into `count` parts; each is held out once: pairs (rest, held out).

    Images of one group stay together. Raises DataError for a class with fewer images, or groups of
    them, than folds.
    """
    check_whole("folds", count, 2)
    place = np.zeros(len(dataset), np.int64)
    generator = np.random.default_rng([seed, count])
    units = np.arange(len(dataset)) if dataset.groups is None else dataset.groups
    kind = "images" if dataset.groups is None else "groups"
    for label, name in enumerate(dataset.classes):
        own = np.flatnonzero(dataset.labels == label)
        each, unit = np.unique(units[own], return_inverse=True)
        if len(each) < count:
            raise DataError(
                f"{dataset.name}: class {name!r} has {len(each)} {kind}, {count} folds need as many"
            )
        turn = np.empty(len(each), np.int64)
        turn[generator.permutation(len(each))] = np.arange(len(each)) % count
        place[own] = turn[unit]
    return [
        (dataset.take(np.flatnonzero(place != k)), dataset.take(np.flatnonzero(place == k)))
        for k in range(count)
    ]


@dataclass(eq=False)
class DensityMatching:
    """objective(policy, passes, seed): scores of clean models on augmented held-out images.

    folds: pairs (training set, held-out set). epochs: of each fold's one training. images: at most
    so many held-out images of each fold. reward: "max" counts an image as right when any of the
    passes got it right, as published; "mean" takes the mean of the passes. The models are trained
    on first use, from seed 0, and kept. `only` is the fold that is asked, or None for all of them.
    """

    folds: Sequence[Fold]
    settings: TrainSettings
    epochs: int
    reward: Literal["max", "mean"] = "mean"
    images: int = 500
    only: int | None = None
    models: dict[int, Trained] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.reward not in ("max", "mean"):
            raise InputError(f"reward: expected 'max' or 'mean', got {self.reward!r}")

    def __call__(self, policy: Policy, budget: int, seed: int) -> Scores:
        """Score a policy by `budget` passes over every held-out image."""
        rounds, labels = self.ask(policy, budget, seed)
        return score(self._joined(rounds, labels), labels)

    def ask(self, policy: Policy, passes: int, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Probabilities (passes, n, classes) and labels (n,) of the held-out images, fold by fold.

        The images and their order depend on the seed alone, so answers can be paired.
        """
        check_whole("passes", passes, 1)
        found = []
        for number in self._asked():
            ids, model = self._ids(number, seed), self.model(number)
            runs = [self._run(policy, number, ids, seed, turn) for turn in range(passes)]
            found.append(np.stack([predict(model, images) for images in runs]))
        return np.concatenate(found, axis=1), self.labels(seed)

    def labels(self, seed: int) -> npt.NDArray[np.int64]:
        """The labels (n,) of the images that `ask` asks about, in its order."""
        own = [self.folds[number][1].labels[self._ids(number, seed)] for number in self._asked()]
        return np.concatenate(own)

    def show(self, policy: Policy, places: Sequence[int], seed: int) -> npt.NDArray[np.uint8]:
        """What the first pass of `ask` made of the images at these places of its order."""
        order = [(number, i) for number in self._asked() for i in self._ids(number, seed)]
        picked = [order[place] for place in places]
        shown = [self._run(policy, n, np.array([i]), seed, 0)[0] for n, i in picked]
        return np.stack(shown)

    def _asked(self) -> Sequence[int]:
        return range(len(self.folds)) if self.only is None else [self.only]

    def _ids(self, number: int, seed: int) -> npt.NDArray[np.int64]:
        """Which held-out images of a fold are asked about."""
        count = len(self.folds[number][1])
        if count <= self.images:
            return np.arange(count)
        return np.random.default_rng([seed, number]).permutation(count)[: self.images]

    def _run(
        self, policy: Policy, number: int, ids: npt.NDArray[np.int64], seed: int, turn: int
    ) -> npt.NDArray[np.uint8]:
        held = self.folds[number][1]
        pipeline = Pipeline(policy.steps, seed=seed, classes=len(held.classes), threads=1)
        out = pipeline(images=held.images[ids], labels=held.labels[ids], index=ids, epoch=turn)
        return np.asarray(out["images"])

    def _joined(self, rounds: Floats, labels: npt.NDArray[np.int64]) -> Floats:
        """Probabilities (passes, n, classes) as one (n, classes), by the reward."""
        if self.reward == "mean":
            return np.asarray(rounds.mean(axis=0))
        true = rounds[:, np.arange(len(labels)), labels]
        right = rounds.argmax(axis=2) == labels
        # Of each image the pass that serves the truth best: a right one before a sure one.
        best = np.argmax(true + right, axis=0)
        return np.asarray(rounds[best, np.arange(len(labels))])

    def model(self, number: int) -> Trained:
        """The clean model of a fold; trained when it is first asked for."""
        if number not in self.models:
            train = self.folds[number][0]
            # Whatever the search trains, the clean models are built-in nets.
            own = self.settings.model if self.settings.model in BUILT_IN else RESIDUAL
            settings = replace(self.settings, model=own)
            self.models[number] = train_model(
                train, None, epochs=self.epochs, seed=0, settings=settings
            )
        return self.models[number]
