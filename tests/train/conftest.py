"""Real handwriting for the training tests: 20 training images a class."""

from __future__ import annotations

import numpy as np
import pytest

from variegate.data import Dataset, load, split

pytest.importorskip("torch", reason="the train room needs PyTorch")


@pytest.fixture(scope="session")
def digits() -> tuple[Dataset, Dataset]:
    parts = split(load("digits"), seed=0, train_per_class=20)
    return parts.train, parts.validation


@pytest.fixture(scope="session")
def few(digits: tuple[Dataset, Dataset]) -> Dataset:
    """Four images of each class."""
    labels = digits[0].labels
    return digits[0].take(np.concatenate([np.flatnonzero(labels == c)[:4] for c in range(10)]))
