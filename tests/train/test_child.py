"""The model that the settings name: parsed, refused by name, and left out of old fingerprints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from variegate.data import Dataset
from variegate.errors import InputError
from variegate.train import TrainSettings, predict, time_epoch, train_child, train_model
from variegate.train.keras_model import keras_choice
from variegate.workflow.common import fingerprint

SMALL = TrainSettings(width=8, batch_size=20, threads=1, device="cpu")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keras:DenseNet121", ("DenseNet121", {})),
        ("keras:MobileNetV2,alpha=0.35", ("MobileNetV2", {"alpha": 0.35})),
        ("keras:MobileNet, alpha=1,dropout=0.5", ("MobileNet", {"alpha": 1, "dropout": 0.5})),
    ],
)
def test_a_choice_is_read(text: str, expected: tuple[str, dict[str, float]]) -> None:
    assert keras_choice(text) == expected


@pytest.mark.parametrize("text", ["keras:X,alpha", "keras:X,alpha=", "keras:X,=1", "keras:X,a=b"])
def test_a_choice_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="option=number"):
        keras_choice(text)


def test_an_unknown_kind_of_model_is_refused() -> None:
    with pytest.raises(InputError, match="model: expected residual, lenet or keras:NAME, got"):
        TrainSettings(model="resnet")


def test_the_built_in_child_is_train_model_and_predict(few: Dataset) -> None:
    child = train_child(few, None, few.images, epochs=2, seed=3, settings=SMALL)
    trained = train_model(few, None, epochs=2, seed=3, settings=SMALL)
    assert np.array_equal(child.probabilities, predict(trained, few.images))
    assert 0 < child.seconds["augment"] < child.seconds["total"]
    assert 0 < time_epoch(few, None, SMALL) < 60


def test_only_another_model_changes_the_fingerprint(few: Dataset) -> None:
    assert fingerprint((few,), SMALL) == fingerprint((few,), replace(SMALL, threads=2))
    assert fingerprint((few,), SMALL) != fingerprint((few,), replace(SMALL, model="keras:X"))
