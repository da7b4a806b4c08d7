"""One child: whatever model the settings name, trained under a policy and asked about images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from variegate.data import Dataset
from variegate.errors import InputError
from variegate.policy.curriculum import Curriculum
from variegate.train.loop import Epoch, Pictures, predict, time_steps, train_model
from variegate.train.settings import BUILT_IN, TrainSettings

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["Child", "time_epoch", "train_child"]


@dataclass(frozen=True, eq=False)
class Child:
    """What a trained child says: probabilities float32 (n, classes); seconds as `Trained` has."""

    probabilities: npt.NDArray[np.float32]
    seconds: dict[str, float]


def train_child(
    train: Dataset,
    policy: Policy | Curriculum | None,
    images: Pictures,
    *,
    epochs: int,
    seed: int,
    settings: TrainSettings,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Child:
    """Train the model of `settings.model` for `epochs`, then predict uint8 images (n, h, w, c).

    Raises what `train_model` and `train_keras` raise.
    """
    if settings.model not in BUILT_IN:
        if isinstance(policy, Curriculum):
            raise InputError(
                "a curriculum is followed by the built-in nets alone, not by keras:NAME"
            )
        from variegate.train.keras_model import train_keras

        return Child(
            *train_keras(
                train,
                policy,
                images,
                epochs=epochs,
                seed=seed,
                settings=settings,
                on_epoch=on_epoch,
            )
        )
    trained = train_model(
        train, policy, epochs=epochs, seed=seed, settings=settings, on_epoch=on_epoch
    )
    return Child(predict(trained, images), trained.seconds)


def time_epoch(
    train: Dataset, policy: Policy | Curriculum | None, settings: TrainSettings, *, steps: int = 4
) -> float:
    """Return the estimated seconds of one epoch, from a few timed steps after an untimed one."""
    if settings.model in BUILT_IN:
        return time_steps(train, policy, settings, steps=steps)
    size = min(len(train), settings.batch_size)
    few = train.take(np.arange(size))
    stamps: list[float] = []
    train_child(
        few,
        policy,
        few.images[:0],
        epochs=3,
        seed=0,
        settings=replace(settings, batch_size=max(2, size)),
        on_epoch=lambda epoch: stamps.append(epoch.seconds),
    )
    # The first step compiles on some backends.
    return min(b - a for a, b in pairwise(stamps)) * max(1, round(len(train) / size))
