"""Made-up classifiers whose truth is known, to check statistics about classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["MadeUp", "predictions"]


@dataclass(frozen=True)
class MadeUp:
    """Arms on one test set, of which only the last can differ in expectation.

    images: test images of each class. ease: logit of a class of middling difficulty. by_class:
    spread of that over classes. by_image: of what an arm finds hard in an image, for all seeds.
    by_seed: of how much each training of an arm favors each class. lost: class -> logit that the
    last arm loses on it; favored: class -> logit that the last arm adds to it on its neighbors'
    images.
    """

    images: tuple[int, ...]
    seeds: int
    ease: float = 4.0
    by_class: float = 0.5
    by_image: float = 0.7
    by_seed: float = 0.3
    lost: dict[int, float] = field(default_factory=dict)
    favored: dict[int, float] = field(default_factory=dict)


# What a class is taken for: so many neighbors on the circle of classes.
NEIGHBORS = 3


def predictions(
    case: MadeUp, generator: np.random.Generator, arms: int = 2
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Give labels (n,), then what each arm predicts, (seeds, n).

    Where nothing is lost or favored, no arm is better at any class in expectation. An image is
    given to the class with the highest score, of its own and its neighbors.
    """
    classes = len(case.images)
    labels = np.repeat(np.arange(classes), case.images)
    count, near = len(labels), min(NEIGHBORS, classes - 1)
    others = (labels[:, None] + 1 + np.arange(near)) % classes
    hard = generator.normal(0, 2, count) + generator.normal(0, case.by_class, classes)[labels]
    made = []
    for arm in range(arms):
        taste = generator.normal(0, case.by_image, (count, near))
        bias = generator.normal(0, case.by_seed, (case.seeds, classes))
        if arm == arms - 1:
            for index, logit in case.lost.items():
                taste[labels == index] += logit
            for index, logit in case.favored.items():
                taste[others == index] += logit
        # Own score less another's; the noise of a logistic choice among them.
        noise = generator.gumbel(size=(case.seeds, count, near + 1))
        own = case.ease + hard + bias[:, labels] + noise[..., 0]
        other = taste + bias[:, others] + noise[..., 1:]
        wrong = others[np.arange(count), other.argmax(axis=2)]
        made.append(np.where(own > other.max(axis=2), labels, wrong))
    return labels, made
