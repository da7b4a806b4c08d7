"""Keras models as children: seeded, fed as the built-in net is, and refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate import workflow
from variegate.data import Dataset, load
from variegate.errors import InputError
from variegate.train import ClassificationObjective, TrainSettings, train_child

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras and its backends warn about each other
SMALL = "keras:MobileNetV2,alpha=0.35"


@pytest.fixture(scope="module")
def big() -> Dataset:
    """Ten digits of each of two classes, 32 pixels a side: Keras' nets take no smaller ones."""
    digits = load("digits")
    ids = np.concatenate([np.flatnonzero(digits.labels == c)[:10] for c in (0, 1)])
    images = digits.images[ids].repeat(4, axis=1).repeat(4, axis=2)
    return Dataset("two digits", images, digits.labels[ids], ("0", "1"))


def settings(**changes: Any) -> TrainSettings:
    return TrainSettings(**{"batch_size": 10, "threads": 1, "model": SMALL, **changes})


def probabilities(data: Dataset, policy: vg.Policy | None, seed: int) -> Any:
    child = train_child(data, policy, data.images, epochs=1, seed=seed, settings=settings())
    assert 0 < child.seconds["augment"] < child.seconds["total"]
    return child.probabilities


def test_a_seed_repeats_and_seed_and_policy_count(big: Dataset) -> None:
    first = probabilities(big, None, 3)
    assert first.shape == (20, 2)
    assert np.allclose(first.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(first, probabilities(big, None, 3))
    assert not np.array_equal(first, probabilities(big, None, 4))
    assert not np.array_equal(first, probabilities(big, vg.Policy((vg.Invert(),)), 3))


def test_it_learns_what_it_is_shown(big: Dataset) -> None:
    """The whole set as one batch, plain gradient descent: the training loss must fall."""
    losses: list[float] = []
    train_child(
        big,
        None,
        big.images[:0],
        epochs=10,
        seed=0,
        settings=settings(
            model="keras:MobileNet,alpha=0.25,dropout=0.0",
            batch_size=20,
            learning_rate=0.05,
            momentum=0.0,
            warmup=0.0,
            label_smoothing=0.0,
        ),
        on_epoch=lambda epoch: losses.append(epoch.loss),
    )
    assert len(losses) == 10
    assert losses[-1] < 0.2 * losses[0], losses


def test_search_and_compare_train_the_model_that_is_named(big: Dataset, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {
        "epochs": 1,
        "settings": {"model": SMALL, "batch_size": 4, "threads": 1},
        "validation": 0.3,
        "test": 0.3,
        "out": tmp_path,
    }
    found = workflow.search(big, trials=1, method="random", **arguments)
    assert found.record["data"]["settings"]["model"] == SMALL
    made = workflow.compare(big, arms=["none"], seeds=1, **arguments)
    assert made.comparison.settings["training"]["model"] == SMALL


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("keras:DenseNet12", "did you mean 'DenseNet121'"),
        ("keras:MobileNetV2,alpa=1", "did you mean 'alpha'"),
        ("keras:MobileNetV2,alpha", "option=number"),
        ("keras:InceptionV3", "32x32 pixels"),
    ],
)
def test_a_model_that_cannot_be_made_is_refused(big: Dataset, model: str, message: str) -> None:
    objective = ClassificationObjective(big, big, settings(model=model))
    with pytest.raises(InputError, match=message):
        objective(None, 1, 0)
