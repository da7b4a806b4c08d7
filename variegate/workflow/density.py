"""Density matching as a search: candidates by forward passes alone, then one training of the best.

Models are trained once on folds, without augmentation. On each fold TPE looks for sub-policies
under which they recognize the held-out images best; the best of all folds are joined (Fast
AutoAugment, Lim et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from variegate.errors import InputError
from variegate.workflow.common import Event, Progress, tell
from variegate.workflow.scored import Judged

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.policy import Policy
    from variegate.train.matching import DensityMatching

__all__ = ["CANDIDATES", "FOLDS", "PASSES", "REWARDS", "Reward", "candidates", "check_reward"]

# As published, but 100 candidates a fold in place of 200: on small sets each is one more draw from
# a noisy reward.
FOLDS, CANDIDATES, TOP, PASSES = 5, 100, 10, 5
Reward = Literal["accuracy", "loss"]
REWARDS = ("accuracy", "loss")


def check_reward(reward: object, method: str) -> None:
    """Raise InputError for a reward that is not known, or one beside another method."""
    if reward not in (None, *REWARDS):
        raise InputError(f"reward: expected {' or '.join(REWARDS)}, got {reward!r}")
    if reward is not None and method != "density":
        raise InputError(f"reward: only method density has one, got method {method}")


@dataclass(frozen=True, eq=False)
class _Reward:
    """One fold's objective: `budget` is the number of passes; it pickles with its model.

    accuracy: the share of images that any pass gets right, as published. loss: the likelihood that
    belongs to the loss of the passes' mean.
    """

    match: DensityMatching
    reward: Reward

    def __call__(self, policy: Policy, budget: int, seed: int) -> Judged:
        found = self.match(policy, budget, seed)
        value = found.accuracy if self.reward == "accuracy" else exp(-found.loss)
        return Judged(found.accuracy, found.loss, value)


def candidates(
    run: Callable[..., rooms.StudyResult],
    space: rooms.Space,
    match: DensityMatching,
    *,
    count: int,
    reward: Reward,
    seed: int,
    store: Path,
    mark: str,
    progress: Progress | None,
) -> Policy | None:
    """The joined candidates of all folds, or None where the search was stopped.

    Each fold is a study of its own in the store, so a stopped search goes on in the middle.
    """
    from variegate.search import joined

    passes: Literal["max", "mean"] = "max" if reward == "accuracy" else "mean"
    found: list[Policy] = []
    for fold in range(len(match.folds)):
        match.model(fold)
        own = replace(match, reward=passes, only=fold, models={fold: match.model(fold)})
        result = run(
            _Reward(own, reward),
            method="tpe",
            space=space,
            trials=count,
            epochs=PASSES,
            seed=seed * len(match.folds) + fold,
            store=store,
            name=f"fold {fold}",
            data=f"{mark} {reward}",
            on_trial=partial(_say, progress, fold, len(match.folds)),
        )
        if result.stopped:
            return None
        found += _top(result.trials)
    return joined(found)


def _top(trials: list[rooms.TrialRecord]) -> list[Policy]:
    done = [t for t in trials if t.score is not None and t.policy is not None]
    ranked = sorted(done, key=lambda t: (-(t.score or 0.0), t.number))
    return [t.policy for t in ranked[:TOP] if t.policy is not None]


def _say(progress: Progress | None, fold: int, folds: int, state: Any) -> None:
    if state.record is None or state.done % 10:
        return
    share = 100 * (0.0 if state.best is None else state.best.value)
    text = f"fold {fold + 1}/{folds}: candidate {state.done}/{state.total}, best {share:.1f} %"
    tell(progress, Event("progress", text, state.done, state.total, state.seconds_left))
