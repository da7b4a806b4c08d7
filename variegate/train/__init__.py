"""Training of small child models under a policy; needs PyTorch."""

from __future__ import annotations

from variegate.train.child import Child, time_epoch, train_child
from variegate.train.loop import (
    Epoch,
    Trained,
    TrainError,
    predict,
    time_steps,
    train_model,
)
from variegate.train.objectives import ClassificationObjective, evaluate_model
from variegate.train.scores import Scores, score
from variegate.train.settings import TrainSettings

__all__ = [
    "Child",
    "ClassificationObjective",
    "Epoch",
    "Scores",
    "TrainError",
    "TrainSettings",
    "Trained",
    "evaluate_model",
    "predict",
    "score",
    "time_epoch",
    "time_steps",
    "train_child",
    "train_model",
]
