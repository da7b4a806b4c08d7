"""Made-up comparisons with known truth, for the tests of the evaluate room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from variegate.evaluate import Comparison, Run

ARMS = ("none", "trivial", "found")


def made(
    *,
    arms: Sequence[str] = ARMS,
    seeds: int = 5,
    images: int = 400,
    classes: Sequence[str] = tuple("abcdefgh"),
    seed: int = 0,
    gain: dict[str, float] | None = None,
    harmed: int | None = None,
) -> Comparison:
    """Give runs in which `gain` shifts an arm's logit and `found` loses class `harmed`."""
    generator = np.random.default_rng(seed)
    labels = np.arange(images) % len(classes)
    hard = generator.normal(0, 1.5, images)
    runs = []
    for arm in arms:
        taste = generator.normal(0, 0.3, images)
        for number in range(seeds):
            logit = 2.2 + hard + taste + generator.normal(0, 0.1) + (gain or {}).get(arm, 0.0)
            if arm == "found" and harmed is not None:
                logit = logit - 5 * (labels == harmed)
            right = generator.random(images) < 1 / (1 + np.exp(-logit))
            wrong = (labels + 1) % len(classes)
            runs.append(Run(arm, number, np.where(right, labels, wrong), 10.0, 3))
    return Comparison(
        "made up", tuple(classes), labels, tuple(arms), tuple(runs), {"epochs": 3}, ("compare",)
    )


def null_pair(
    generator: np.random.Generator,
    seeds: int,
    images: int,
    *,
    ease: float = 2.5,
    by_seed: float = 0.2,
    by_image: float = 0.5,
    gain: float = 0.0,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Give which images two arms get right; with gain 0 neither is better in expectation.

    Arms differ by chance per seed (`by_seed`) and per image (`by_image`), in logits.
    """
    hard = generator.normal(0, 2, images)
    shared = generator.normal(0, 0.2, (seeds, 1))
    tables = []
    for shift in (0.0, gain):
        logit = ease + hard + shared + shift
        logit = (
            logit + generator.normal(0, by_seed, (seeds, 1)) + generator.normal(0, by_image, images)
        )
        tables.append(generator.random((seeds, images)) < 1 / (1 + np.exp(-logit)))
    return tables[0], tables[1]
