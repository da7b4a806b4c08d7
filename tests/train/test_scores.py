"""Scores by hand-worked values."""

from __future__ import annotations

import json

import numpy as np
import pytest

from variegate.errors import InputError
from variegate.train import Scores, score

PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]], np.float32)


def test_three_images_by_hand() -> None:
    scores = score(PROBABILITIES, np.array([0, 1, 1]), seconds=2.0)
    assert scores.predictions.tolist() == [0, 1, 0]
    assert scores.accuracy == pytest.approx(2 / 3)
    # -(ln 1/2 + ln 1/2 + ln 1/4) / 3 = 4/3 ln 2
    assert scores.loss == pytest.approx(4 / 3 * np.log(2))
    assert scores.per_class[:2].tolist() == [1.0, 0.5]
    assert np.isnan(scores.per_class[2])
    assert scores.seconds == 2.0


def test_certain_and_wrong_stays_finite() -> None:
    scores = score(np.array([[1.0, 0.0]]), np.array([1]))
    assert scores.loss == pytest.approx(-np.log(1e-12))


def test_json_round_trip() -> None:
    scores = score(PROBABILITIES, np.array([0, 1, 1]))
    again = Scores.from_dict(json.loads(json.dumps(scores.to_dict())))
    assert again.to_dict() == scores.to_dict()
    assert again.predictions.dtype == np.int64


def test_refusals() -> None:
    with pytest.raises(InputError, match="got none"):
        score(np.zeros((0, 3)), np.zeros(0, np.int64))
    with pytest.raises(InputError, match="expected 0 to 2"):
        score(PROBABILITIES, np.array([0, 1, 3]))
    with pytest.raises(InputError, match=r"expected \(n,\)"):
        score(PROBABILITIES, np.array([0, 1]))
    with pytest.raises(InputError, match="fields"):
        Scores.from_dict({"accuracy": 1.0})
