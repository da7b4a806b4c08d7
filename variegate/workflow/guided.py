"""The guided search of the workflow: score the ops, narrow the space, plan what is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.workflow import density
from variegate.workflow.common import DataInfo, Event, Progress, read_json, tell, write_json
from variegate.workflow.density import Reward
from variegate.workflow.found import STORE
from variegate.workflow.gains import FROM, SHORT, gained
from variegate.workflow.policies import arms
from variegate.workflow.scored import judged

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.data import Dataset
    from variegate.search.narrow import OpScore
    from variegate.train import TrainSettings
    from variegate.train.matching import DensityMatching

__all__ = [
    "OPS",
    "SearchPlan",
    "candidates_for",
    "control_policies",
    "matching",
    "narrowed",
    "plan_search",
    "pooled",
]

OPS, SCHEMA = "ops.json", "variegate.ops/1"
FOLDS = 2
# Held-out images of a fold that the clean models are asked about, at most.
MATCHED = 500
# The clean models and the scoring together take about as long as so many trainings.
CLEAN = 4
TRIALS, TRAININGS = 20, 40


@dataclass(frozen=True)
class SearchPlan:
    """What a search will do. cost: of its trials. trainings: everything, in whole trainings.

    before: what comes before the trials, in words. short: epochs of the short training under each
    op, 0 for none. candidates: of each fold, for density matching, and their reward.
    """

    cost: rooms.Cost
    space: rooms.Space
    guided: bool = False
    controls: Mapping[str, Policy] = field(default_factory=dict)
    before: str = ""
    before_trainings: float = 0
    short: int = 0
    candidates: int = 0
    reward: Reward = "accuracy"

    @property
    def trainings(self) -> float:
        """The whole cost, in trainings of the full length."""
        return self.cost.full_trainings + self.before_trainings

    def __str__(self) -> str:
        return f"{self.before}{self.cost}"

    def prepared(
        self,
        train: Dataset,
        validation: Dataset,
        settings: TrainSettings,
        mark: str,
        out: Path,
        progress: Progress | None,
        run: Callable[..., rooms.StudyResult],
        seed: int,
    ) -> rooms.Space | None:
        """The space of the trials: narrowed where the search is guided, the joined candidates of
        density matching. None where that was stopped.
        """
        if self.guided:
            return self._guided(train, validation, settings, mark, out, progress)
        if not self.candidates:
            return self.space
        from variegate.search import ChoiceSpace

        match = matching(train, validation, settings, self.cost.epochs, count=density.FOLDS)
        joined = density.candidates(
            run,
            self.space,
            match,
            count=self.candidates,
            reward=self.reward,
            seed=seed,
            store=out / STORE,
            mark=mark,
            progress=progress,
        )
        return None if joined is None else ChoiceSpace((tuple(joined.to_dict()["steps"]),))

    def _guided(
        self,
        train: Dataset,
        validation: Dataset,
        settings: TrainSettings,
        mark: str,
        out: Path,
        progress: Progress | None,
    ) -> rooms.Space:
        match = matching(train, validation, settings, self.cost.epochs)
        small, _ = narrowed(self.space, match, mark, out, progress)
        from variegate.search import FamilySpace
        from variegate.train import train_child

        if not self.short or not isinstance(self.space, FamilySpace):
            return small

        def value(policy: Policy) -> float:
            child = train_child(
                train, policy, validation.images, epochs=self.short, seed=0, settings=settings
            )
            return judged(child.probabilities, validation.labels).value

        return gained(small, self.space, value, mark, out, progress)


def plan_search(
    method: str,
    space: rooms.Space,
    trials: int | None,
    epochs: int,
    repeats: int,
    info: DataInfo,
    reward: Reward | None = None,
) -> SearchPlan:
    """Plan a search; raises InputError for an unknown method or a space that it cannot search."""
    from variegate.search import cost
    from variegate.search.gains import gain_count
    from variegate.search.guided import guided_schedule
    from variegate.search.space import FamilySpace

    if method == "density":
        return _plan_density(space, trials, epochs, repeats, info, reward or "accuracy")
    if method != "guided":
        count = TRIALS if trials is None and method != "grid" else trials
        return SearchPlan(cost(method, space, trials=count, epochs=epochs, repeats=repeats), space)
    if not isinstance(space, FamilySpace):
        raise InputError("method guided: expected a FamilySpace, got a RandAugmentSpace")
    controls = control_policies(info.size)
    asked = TRAININGS if trials is None else trials
    ops = sum(len(family.ops) for family in space.families)
    before, spent, short = f"{FOLDS} clean trainings to score {ops} ops, ", float(CLEAN), 0
    if asked >= FROM:
        count, short = gain_count(space), max(1, round(SHORT * epochs))
        before += f"{count} short trainings of {short} epochs, "
        spent += count * short / epochs
    schedule = guided_schedule(max(1, round(asked - spent)), epochs, len(controls))
    done = cost(method, space, schedule=schedule)
    return SearchPlan(done, space, True, controls, f"{before}then ", spent, short)


def _plan_density(
    space: rooms.Space,
    trials: int | None,
    epochs: int,
    repeats: int,
    info: DataInfo,
    reward: Reward,
) -> SearchPlan:
    """The plan of density matching: its candidates count by the images they send forward."""
    from variegate.search import cost

    spent = cost("density", space, epochs=epochs, repeats=repeats)
    count = density.CANDIDATES if trials is None else trials
    held = _held(info)
    before = (
        f"{density.FOLDS} clean trainings; on each of {density.FOLDS} folds {count} candidates by "
        f"{density.PASSES} forward passes over {held} images, rewarded for {reward}; then "
    )
    trainings = density.FOLDS + count * _each(info, epochs)
    return SearchPlan(
        spent,
        space,
        before=before,
        before_trainings=trainings,
        candidates=count,
        reward=reward,
    )


def _held(info: DataInfo) -> int:
    return min(MATCHED, max(1, (info.train + info.validation) // density.FOLDS))


def _each(info: DataInfo, epochs: int) -> float:
    """One candidate on all folds, in trainings; a step costs about three forward passes."""
    return density.FOLDS * density.PASSES * _held(info) / (3 * max(1, info.train) * epochs)


def candidates_for(trainings: int, epochs: int, info: DataInfo) -> int:
    """How many candidates of density matching cost as much as so many trainings."""
    return max(1, int((trainings - density.FOLDS - 1) / _each(info, epochs)))


def control_policies(size: tuple[int, int]) -> dict[str, Policy]:
    """The policies that the final round trains beside the best trials."""
    return {name: policy or Policy() for name, policy in arms(size).items()}


def matching(
    train: Dataset,
    validation: Dataset,
    settings: TrainSettings,
    epochs: int,
    *,
    count: int = FOLDS,
    images: int = MATCHED,
) -> DensityMatching:
    """Clean models on folds of training and validation images, each as long as one training.

    images: of each fold, at most so many are asked about.
    """
    from variegate.train.matching import DensityMatching, folds

    pool = pooled(train, validation)
    units = pool.labels if pool.groups is None else pool.labels[_firsts(pool.groups)]
    parts = folds(pool, max(2, min(count, int(np.bincount(units).min()))), 0)
    each = max(2, round(epochs * len(train) / len(parts[0][0])))
    return DensityMatching(parts, settings, each, images=images)


def pooled(train: Dataset, validation: Dataset) -> Dataset:
    """Training and validation images as one set; its groups are kept where it has any."""
    from variegate.data import Dataset as Set

    own = [part.groups for part in (train, validation)]
    known = [groups for groups in own if groups is not None]
    groups = None
    if known:
        # An image without a group is one of its own, with a number that no group has.
        free = 1 + max(int(each.max(initial=0)) for each in known)
        filled = []
        for part, each in zip((train, validation), own, strict=True):
            filled.append(free + np.arange(len(part)) if each is None else each)
        groups = np.concatenate(filled)
    return Set(
        name=f"{train.name} + {validation.name}",
        images=np.concatenate([train.images, validation.images]),
        labels=np.concatenate([train.labels, validation.labels]),
        classes=train.classes,
        groups=groups,
    )


def _firsts(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of one image of each group."""
    return np.unique(groups, return_index=True)[1]


def narrowed(
    space: rooms.Space,
    match: DensityMatching,
    mark: str,
    out: Path,
    progress: Progress | None,
) -> tuple[rooms.FamilySpace, list[OpScore]]:
    """The space without the ops that change the meaning; scores are kept in out/ops.json."""
    from variegate.search.narrow import OpScore, narrow, score_ops
    from variegate.search.space import FamilySpace

    if not isinstance(space, FamilySpace):
        raise InputError("method guided: expected a FamilySpace, got a RandAugmentSpace")
    path = out / OPS
    rows: list[Mapping[str, Any]] = []
    if path.exists():
        stored = read_json(path, SCHEMA)
        rows = list(stored["ops"]) if stored.get("fingerprint") == mark else []
    known = [OpScore.from_dict(row) for row in rows]

    def on_score(score: OpScore) -> None:
        rows.append(score.to_dict())
        write_json(
            path, {"schema": SCHEMA, "fingerprint": mark, "ops": [dict(row) for row in rows]}
        )
        said = "left out" if score.cap <= 0 else f"up to magnitude {score.cap:.2f}"
        tell(progress, Event("progress", f"scoring ops: {score.group} {score.name}: {said}"))

    scores = score_ops(space, lambda policy: match(policy, 1, 0), known=known, on_score=on_score)
    return narrow(space, scores), scores
