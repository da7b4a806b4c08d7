"""A policy by class from a global one: find whom it harms, change that, train again, choose.

Ops are restricted for classes that models trained without augmentation no longer recognize under
them (affinity), and weakened for classes whose false positives grow (Kirichenko et al. 2023). Every
candidate is trained from the start, and the global policy is one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.policy import Policy
from variegate.policy.nodes import Node, Step, Strength
from variegate.policy.perclass import Change, changed, per_class, sets_size
from variegate.policy.policy import walk
from variegate.workflow.common import Event, Progress, tell
from variegate.workflow.guided import matching
from variegate.workflow.scored import judged

if TYPE_CHECKING:
    from variegate.data import Dataset
    from variegate.train import TrainSettings

__all__ = ["GLOBAL", "PER_CLASS", "Refined", "refine"]

GLOBAL, PER_CLASS, SCHEMA = "global.json", "per_class.json", "variegate.per_class/1"
# An op is kept for a class as far as clean models keep this share of what they get right of it.
KEEP = 0.7
LADDER = (0.75, 0.5, 0.25)
# Evidence that is enough to try a change; whether it helps is for the trainings to say.
SUSPECT = 0.2
WEAKER = 0.5
Probabilities = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Refined:
    """What came of it: the chosen policy and its name among the candidates, and the evidence."""

    policy: Policy
    chosen: str
    record: Mapping[str, Any]


def refine(
    train: Dataset,
    validation: Dataset,
    settings: TrainSettings,
    policy: Policy,
    *,
    epochs: int,
    seeds: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> Refined:
    """Give the global policy changed for some classes, or as it is where no change is better.

    Trains 2 to 5 arms, `seeds` times each, and two clean models; judges by the validation images:
    half by accuracy and likelihood, half by the accuracy of the worst fifth of the classes.
    Raises InputError for fewer than 2 seeds, PolicyError for a policy by class already.
    """
    if seeds < 2:
        raise InputError(f"seeds: expected at least 2, got {seeds!r}")
    per_class(policy, {0: Change(0.5)})  # refuses what it cannot change, before anything is trained
    trainer = _Trainer(train, validation, settings, epochs, range(seed, seed + seeds), progress)
    caps = _caps(policy, train, validation, settings, epochs, progress)
    base, found = trainer.run("none", None), trainer.run("global", policy)
    growing = _growing(found, base, validation)
    changes = _changes(caps, growing)
    scores = {"global": _score(found, validation)}
    policies = {"global": policy}
    for name, own in changes.items():
        made = per_class(policy, own)
        if made not in policies.values():
            policies[name] = made
            scores[name] = _score(trainer.run(name, made), validation)
    chosen = max(scores, key=lambda name: scores[name]["score"])
    said = {
        "schema": SCHEMA,
        "classes": list(train.classes),
        "caps": {str(c): dict(own) for c, own in caps.items()},
        "growing": growing,
        "candidates": {
            name: {**scores[name], "policy": policies[name].to_dict()} for name in policies
        },
        "none": _score(base, validation),
        "chosen": chosen,
        "epochs": epochs,
        "seeds": list(trainer.seeds),
        "trainings": trainer.count,
        "seconds": trainer.seconds,
    }
    return Refined(policies[chosen], chosen, said)


class _Trainer:
    """Trains an arm once for each seed; counts what it costs."""

    def __init__(
        self,
        train: Dataset,
        validation: Dataset,
        settings: TrainSettings,
        epochs: int,
        seeds: Sequence[int],
        progress: Progress | None,
    ) -> None:
        self.train, self.validation, self.settings = train, validation, settings
        self.epochs, self.seeds, self.progress = epochs, seeds, progress
        self.count, self.seconds = 0, 0.0

    def run(self, name: str, policy: Policy | None) -> Probabilities:
        """Probabilities (seeds, n, classes) of the validation images."""
        from variegate.train import train_child

        found = []
        for seed in self.seeds:
            tell(self.progress, Event("progress", f"by class: {name}, seed {seed}", self.count, 0))
            child = train_child(
                self.train,
                policy,
                self.validation.images,
                epochs=self.epochs,
                seed=seed,
                settings=self.settings,
            )
            self.count += 1
            self.seconds += child.seconds["total"]
            found.append(child.probabilities)
        return np.stack(found)


def _score(probabilities: Probabilities, validation: Dataset) -> dict[str, Any]:
    """Means over the seeds of accuracy, value, and accuracy of the worst fifth of the classes."""
    each = [judged(own, validation.labels) for own in probabilities]
    per = np.nanmean([one.per_class for one in each], axis=0)
    known = np.sort(per[~np.isnan(per)])
    worst = float(known[: max(1, len(known) // 5)].mean())
    value = float(np.mean([one.value for one in each]))
    return {
        "accuracy": float(np.mean([one.accuracy for one in each])),
        "value": value,
        "worst": worst,
        "score": (value + worst) / 2,
        "per_class": [None if np.isnan(v) else float(v) for v in per],
    }


def _growing(found: Probabilities, base: Probabilities, validation: Dataset) -> list[int]:
    """The classes that may be named wrongly more often than without augmentation."""
    from variegate.evaluate.mistakes import false_positives

    rows = false_positives(
        found.argmax(axis=2), base.argmax(axis=2), validation.labels, validation.classes
    )
    return [
        index
        for index, row in enumerate(rows)
        if row is not None and row["value"] > 0 and row["p"] is not None and row["p"] <= SUSPECT
    ]


def _changes(
    caps: Mapping[int, Mapping[str, float]], growing: Sequence[int]
) -> dict[str, dict[int, Change]]:
    """The candidates: by affinity, by false positives, by both; only what differs."""
    affinity = {index: Change(ops=own) for index, own in caps.items()}
    weaker = {index: Change(WEAKER) for index in growing}
    both = {**affinity, **{i: Change(WEAKER, caps.get(i, {})) for i in growing}}
    named = {"affinity": affinity, "false positives": weaker, "both": both}
    return {name: own for name, own in named.items() if own}


def _caps(
    policy: Policy,
    train: Dataset,
    validation: Dataset,
    settings: TrainSettings,
    epochs: int,
    progress: Progress | None,
) -> dict[int, dict[str, float]]:
    """By class, the ops that clean models no longer recognize it under, and how much they may."""
    match = matching(train, validation, settings, epochs)
    counts = train.counts() + validation.counts()
    clean = np.asarray(match(Policy(), 1, 0).per_class)
    found: dict[int, dict[str, float]] = {}
    for step in _tried(policy):
        tell(progress, Event("progress", f"by class: scoring {step.op}"))
        kept = _kept(match, step, clean)
        noise = 2 * np.sqrt((kept * (1 - kept) + clean * (1 - clean)) / np.maximum(counts, 1))
        low = (kept < KEEP * clean) & (clean - kept > noise)
        weaker = [(f, changed(step, Change(ops={step.op: f}))) for f in LADDER if low.any()]
        tried = [(f, _kept(match, own, clean)) for f, own in weaker if not _left_out(own)]
        for index in np.flatnonzero(low).tolist():
            fine = [f for f, own in tried if own[index] >= KEEP * clean[index]]
            found.setdefault(index, {})[step.op] = fine[0] if fine else 0.0
    return found


def _left_out(node: Node) -> bool:
    """Whether a change left nothing of an op."""
    return isinstance(node, Step) and node.op == "Identity"


def _tried(policy: Policy) -> list[Step]:
    """Each op of the policy once, always applied, at the strongest of its places.

    A place with ranges counts as stronger than one with a magnitude: a user wrote it so.
    """
    strongest: dict[str, Step] = {}
    for step, _ in walk(policy.steps):
        if get(step.op).kind in (Kind.MIX, Kind.OUTPUT) or sets_size(step):
            continue
        if step.op != "Identity" and _strength(step) > _strength(strongest.get(step.op)):
            strongest[step.op] = step
    return [_always(step) for step in strongest.values()]


def _strength(step: Step | None) -> float:
    if step is None:
        return -1.0
    return 2.0 if step.magnitude is None else step.magnitude.high


def _always(step: Step) -> Step:
    """The step without chance; a magnitude at its highest."""
    if step.magnitude is None:
        return replace(step, p=1.0)
    high = step.magnitude.high
    return replace(step, p=1.0, magnitude=Strength(high, high))


def _kept(
    match: Callable[[Policy, int, int], Any], step: Node, clean: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The accuracy of each class under a step; what cannot be known counts as kept."""
    own = np.asarray(match(Policy((step,)), 1, 0).per_class, dtype=np.float64)
    return np.where(np.isnan(own), clean, own)
