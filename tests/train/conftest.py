"""Real handwriting for the training tests: 20 training images a class."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from variegate.data import Dataset, load, split

# The train room is an extra; without PyTorch its tests are left out.
collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]


@pytest.fixture(scope="session")
def digits() -> tuple[Dataset, Dataset]:
    parts = split(load("digits"), seed=0, train_per_class=20)
    return parts.train, parts.validation


@pytest.fixture(scope="session")
def few(digits: tuple[Dataset, Dataset]) -> Dataset:
    """Four images of each class."""
    labels = digits[0].labels
    return digits[0].take(np.concatenate([np.flatnonzero(labels == c)[:4] for c in range(10)]))
