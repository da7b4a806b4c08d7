"""The usual ways to take views, side by side, from one set of predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.tta.fit import judged
from variegate.tta.tta import TTA
from variegate.tta.views import VIEWS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FIXED = ("none", "flip", "shifts", "shifts+flip", "d4")


@dataclass(frozen=True)
class Arm:
    """A TTA by name, and the places of its views among those of the pool. loss, accuracy: on the
    half of the validation images that taught nothing.
    """

    name: str
    tta: TTA
    places: tuple[int, ...]
    loss: float
    accuracy: float

    def merged(self, predictions: Floats) -> Floats:
        """Probabilities (n, classes) from those of the pool's views (v, n, classes)."""
        return self.tta.merged(predictions[list(self.places)])


def make_arms(pool: TTA, predictions: Floats, labels: Ints) -> tuple[Arm, ...]:
    """What a TTA over a pool of views can be: the fixed sets that the pool contains, all views by
    their mean (`all`), greedy choice (`greedy`) and learned weights (`learned`).

    predictions (v, n, classes): of the pool's views, on validation images. The pool's first view
    must be the image as it is. Raises InputError otherwise.
    """
    views = list(pool.views)
    if views[0] != VIEWS["none"][0]:
        raise InputError("views: the first must be the image as it is")
    made = {name: replace(pool, views=VIEWS[name]) for name in FIXED
            if all(view in views for view in VIEWS[name])}  # fmt: skip
    if not any(list(own.views) == views for own in made.values()):
        made["all"] = pool
    made["greedy"] = pool.fit_to(predictions, labels, "greedy")
    made["learned"] = pool.fit_to(predictions, labels, "weights")
    found = []
    for name, tta in made.items():
        places = tuple(views.index(view) for view in tta.views)
        loss, accuracy = judged(tta.merged(predictions[list(places)]), labels, pool.seed)
        found.append(Arm(name, tta, places, loss, accuracy))
    return tuple(found)


def choose_arm(arms: tuple[Arm, ...]) -> Arm:
    """The arm that loses least on validation among those right at least as often as `none`; of
    equal ones the one with fewer forward passes.
    """
    least = next(arm.accuracy for arm in arms if arm.name == "none")
    able = [arm for arm in arms if arm.accuracy >= least]
    return min(able, key=lambda arm: (round(arm.loss, 9), arm.tta.passes))
