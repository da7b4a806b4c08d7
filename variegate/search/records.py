"""What a search leaves behind: trials, the best policy, and their reading and writing."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import StoreError
from variegate.search.store import open_storage, read_study, store_errors, sync

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from variegate.policy import Policy
    from variegate.search.methods import Cost

__all__ = [
    "Evaluation",
    "Finalist",
    "StudyResult",
    "TrialRecord",
    "history",
    "read_trials",
    "save_best",
    "studies",
]

STATES = {
    "COMPLETE": "done",
    "PRUNED": "dropped",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "running",
}
FINAL = "final "  # study attributes of this prefix hold the final round, one for each entry


@dataclass(frozen=True)
class Evaluation:
    """One call of the objective: budget (epochs) and seed, what it gave, seconds it took.

    `value` is what trials are ranked by; the accuracy, unless the objective gives another.
    `augment` is the part of the seconds that augmentation took, `per_class` the accuracy of each
    class, where the objective gives them.
    """

    budget: int
    seed: int
    accuracy: float
    loss: float | None
    seconds: float
    value: float
    augment: float | None = None
    per_class: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class TrialRecord:
    """One trial. `state` is done, failed, running or dropped (ended at a lower budget).

    `evaluations` has every call of the objective in order. `budget` is the highest of them;
    `accuracies` are those at this budget, `value` their mean, `loss` their mean loss where the
    objective gives one, `score` the mean of what trials are ranked by. `seconds` is the
    objective's time in all, `reason` says why it failed.
    """

    number: int
    state: str
    params: Mapping[str, Any]
    policy: Policy | None
    value: float | None = None
    accuracies: tuple[float, ...] = ()
    loss: float | None = None
    seconds: float | None = None
    reason: str = ""
    budget: int | None = None
    score: float | None = None
    evaluations: tuple[Evaluation, ...] = ()

    def at(self, budget: int) -> tuple[Evaluation, ...]:
        """The evaluations at this budget."""
        return tuple(e for e in self.evaluations if e.budget == budget)


@dataclass(frozen=True)
class Finalist:
    """One entry of the final round: a trial (`number`) or a control (`number` is None)."""

    name: str
    number: int | None
    policy: Policy
    evaluations: tuple[Evaluation, ...] = ()
    reason: str = ""

    @property
    def accuracies(self) -> tuple[float, ...]:
        """One for each seed, in the order of the seeds that all entries share."""
        return tuple(e.accuracy for e in self.evaluations)


@dataclass(frozen=True)
class StudyResult:
    """A search's end: the best policy, its value, and every finished trial.

    `best_number` is its trial, or None where a control won the final round; `finalists` is that
    round, best first, and `verdict` what it says, in words; both empty without one.
    """

    best: Policy
    best_value: float
    best_number: int | None
    trials: list[TrialRecord]
    cost: Cost
    stopped: bool = False
    finalists: list[Finalist] = field(default_factory=list)
    verdict: str = ""

    @property
    def seconds(self) -> float:
        """The objective's time over all trials and the final round, in seconds."""
        final = sum(e.seconds for entry in self.finalists for e in entry.evaluations)
        return sum(trial.seconds or 0.0 for trial in self.trials) + final


def to_policy(data: Mapping[str, Any]) -> Policy:
    """The policy of its JSON form; the one place where this room makes one."""
    from variegate.policy import Policy

    return Policy.from_dict(dict(data))


def to_evaluations(rows: Iterable[Mapping[str, Any]]) -> tuple[Evaluation, ...]:
    """Evaluations from their stored form."""
    return tuple(
        Evaluation(**{**row, "per_class": class_accuracies(row.get("per_class", ()))})
        for row in rows
    )


def class_accuracies(values: Iterable[float | None]) -> tuple[float | None, ...]:
    """Accuracies by class; None where a class has none (JSON knows no NaN)."""
    return tuple(
        None if value is None or not math.isfinite(value) else float(value) for value in values
    )


def to_record(trial: FrozenTrial) -> TrialRecord:
    """A stored Optuna trial as a record."""
    attrs = trial.user_attrs
    calls = to_evaluations(attrs.get("evaluations", []))
    policy = attrs.get("policy")
    state = STATES.get(trial.state.name, "failed")
    ended = state in ("done", "dropped")
    budget = max((e.budget for e in calls), default=None)
    top = [e for e in calls if e.budget == budget]
    losses = [e.loss for e in top if e.loss is not None]
    return TrialRecord(
        number=trial.number,
        state=state,
        params=dict(trial.params),
        policy=None if policy is None else to_policy(policy),
        value=mean(e.accuracy for e in top) if ended and top else None,
        accuracies=tuple(e.accuracy for e in top),
        loss=mean(losses) if ended and len(losses) == len(top) > 0 else None,
        seconds=None if state == "running" else sum(e.seconds for e in calls),
        reason=str(attrs.get("reason", "")),
        budget=budget,
        score=mean(e.value for e in top) if ended and top else None,
        evaluations=calls,
    )


def mean(values: Iterable[float]) -> float:
    """The mean, the same for any order of the values."""
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)


def read_trials(trials: Iterable[FrozenTrial]) -> list[TrialRecord]:
    """Records in the order of their numbers."""
    return sorted((to_record(trial) for trial in trials), key=lambda record: record.number)


def history(store: Path | str, name: str) -> list[TrialRecord]:
    """Every trial of a stored study, a running search's too. Raises StoreError."""
    with read_study(Path(store), name) as study:
        return read_trials(study.get_trials(deepcopy=False))


def studies(store: Path | str) -> list[str]:
    """The names of the studies in a store. Raises StoreError."""
    path = Path(store)
    with open_storage(path, read_only=True) as storage, store_errors(path, "reading the store"):
        return sorted(study.study_name for study in storage.get_all_studies())


def save_best(result: StudyResult, path: Path | str) -> Path:
    """Write the best policy as a policy file; a reader sees the old file or the new, never half."""
    target = Path(path)
    text = json.dumps(result.best.to_dict(), indent=2, allow_nan=False) + "\n"
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        sync(target.parent)
    except OSError as error:
        raise StoreError(
            f"{target}: cannot write the policy file ({error.strerror or error}). "
            "Name a path that can be written to"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return target
