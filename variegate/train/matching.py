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
from variegate.train.settings import RESIDUAL, TrainSettings, check_whole

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["DensityMatching", "folds"]

Fold = tuple[Dataset, Dataset]
Floats = npt.NDArray[np.floating]


def folds(dataset: Dataset, count: int, seed: int) -> list[Fold]:
    """Divide class by class into `count` parts; each is held out once: pairs (rest, held out).

    Raises DataError for a class with fewer images than folds.
    """
    check_whole("folds", count, 2)
    place = np.zeros(len(dataset), np.int64)
    generator = np.random.default_rng([seed, count])
    for label, name in enumerate(dataset.classes):
        own = np.flatnonzero(dataset.labels == label)
        if len(own) < count:
            raise DataError(
                f"{dataset.name}: class {name!r} has {len(own)} images, {count} folds need as many"
            )
        place[generator.permutation(own)] = np.arange(len(own)) % count
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
        check_whole("passes", budget, 1)
        chosen = range(len(self.folds)) if self.only is None else [self.only]
        parts = [self._fold(number, policy, budget, seed) for number in chosen]
        probabilities = np.concatenate([p for p, _ in parts])
        labels = np.concatenate([own for _, own in parts])
        return score(probabilities, labels)

    def _fold(
        self, number: int, policy: Policy, passes: int, seed: int
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        held = self.folds[number][1]
        ids = np.arange(len(held))
        if len(held) > self.images:
            ids = np.random.default_rng([seed, number]).permutation(len(held))[: self.images]
        labels = held.labels[ids]
        pipeline = Pipeline(policy.steps, seed=seed, classes=len(held.classes), threads=1)
        model = self.model(number)
        rounds = []
        for turn in range(passes):
            out = pipeline(images=held.images[ids], labels=labels, index=ids, epoch=turn)
            rounds.append(predict(model, np.asarray(out["images"])))
        return self._joined(np.stack(rounds), labels), labels

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
            # Whatever the search trains, the clean models are the built-in net.
            settings = replace(self.settings, model=RESIDUAL)
            self.models[number] = train_model(
                train, None, epochs=self.epochs, seed=0, settings=settings
            )
        return self.models[number]
