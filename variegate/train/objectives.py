"""Objectives: what a search asks about a policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from variegate.data import Dataset
from variegate.errors import DataError
from variegate.train.child import train_child
from variegate.train.loop import Epoch, Trained, predict
from variegate.train.scores import Scores, score
from variegate.train.settings import TrainSettings

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["ClassificationObjective", "evaluate_model"]


def evaluate_model(trained: Trained, dataset: Dataset, *, seconds: float = 0.0) -> Scores:
    """Return the scores of a trained model on a data set; `seconds` are added to the scoring's."""
    start = time.perf_counter()
    probabilities = predict(trained, dataset.images)
    taken = seconds + time.perf_counter() - start
    return score(probabilities, dataset.labels, seconds=taken)


@dataclass(frozen=True, eq=False)
class ClassificationObjective:
    """Trains on `train` under a policy and scores on `validation`.

    It holds data only, so it pickles and runs in another process as it does here. Raises
    DataError where the two sets do not have the same classes and image shape.
    """

    train: Dataset
    validation: Dataset
    settings: TrainSettings

    def __post_init__(self) -> None:
        if self.train.classes != self.validation.classes:
            raise DataError(
                f"validation: expected the classes of {self.train.name}, "
                f"got {len(self.validation.classes)} others"
            )
        if self.train.images.shape[1:] != self.validation.images.shape[1:]:
            raise DataError(
                f"validation: expected images of shape {self.train.images.shape[1:]}, "
                f"got {self.validation.images.shape[1:]}"
            )
        if len(self.validation) == 0:
            raise DataError("validation: expected at least one image, got none")

    def __call__(self, policy: Policy | None, budget: int, seed: int) -> Scores:
        """Train for `budget` epochs from `seed` and return the validation scores."""
        return self.run(policy, budget, seed)

    def run(
        self,
        policy: Policy | None,
        budget: int,
        seed: int,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Scores:
        """The same, telling about each epoch."""
        start = time.perf_counter()
        child = train_child(
            self.train,
            policy,
            self.validation.images,
            epochs=budget,
            seed=seed,
            settings=self.settings,
            on_epoch=on_epoch,
        )
        taken = time.perf_counter() - start
        return score(child.probabilities, self.validation.labels, seconds=taken)
