"""What a search leaves behind: trials, the best policy, and their reading and writing."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import StoreError
from variegate.search.store import open_storage, read_study, store_errors, sync

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from variegate.policy import Policy
    from variegate.search.methods import Cost

__all__ = [
    "StudyResult",
    "TrialRecord",
    "best_of",
    "history",
    "read_trials",
    "save_best",
    "studies",
]

STATES = {"COMPLETE": "done", "FAIL": "failed", "RUNNING": "running", "WAITING": "running"}


@dataclass(frozen=True)
class TrialRecord:
    """One trial. `state` is done, failed or running; `reason` says why it failed.

    `value` is the mean accuracy over repeats (`accuracies`), `loss` their mean loss where the
    objective gives one, `seconds` the objective's time over all repeats.
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


@dataclass(frozen=True)
class StudyResult:
    """A search's end: the best policy, its trial number and value, and every finished trial."""

    best: Policy
    best_value: float
    best_number: int
    trials: list[TrialRecord]
    cost: Cost
    stopped: bool = False

    @property
    def seconds(self) -> float:
        """The objective's time over all trials, in seconds."""
        return sum(trial.seconds or 0.0 for trial in self.trials)


def to_policy(data: Mapping[str, Any]) -> Policy:
    """The policy of its JSON form; the one place where this room makes one."""
    from variegate.policy import Policy

    return Policy.from_dict(dict(data))


def best_of(trials: Iterable[TrialRecord], tie_break: str = "earlier") -> TrialRecord | None:
    """The trial of the highest value; among equals the lower loss if asked, then the earlier."""
    done = [t for t in trials if t.state == "done" and t.value is not None]

    def rank(trial: TrialRecord) -> tuple[float, float, int]:
        use_loss = tie_break == "loss" and trial.loss is not None
        loss = trial.loss if use_loss and trial.loss is not None else float("inf")
        return (-(trial.value or 0.0), loss, trial.number)

    return min(done, key=rank, default=None)


def to_record(trial: FrozenTrial) -> TrialRecord:
    """A stored Optuna trial as a record."""
    attrs = trial.user_attrs
    repeats = attrs.get("repeats", [])
    losses = [r["loss"] for r in repeats if r["loss"] is not None]
    policy = attrs.get("policy")
    state = STATES.get(trial.state.name, "failed")
    done = state == "done"
    return TrialRecord(
        number=trial.number,
        state=state,
        params=dict(trial.params),
        policy=None if policy is None else to_policy(policy),
        value=trial.value if done else None,
        accuracies=tuple(r["accuracy"] for r in repeats),
        loss=sum(losses) / len(losses) if done and len(losses) == len(repeats) > 0 else None,
        seconds=None if state == "running" else sum(r["seconds"] for r in repeats),
        reason=str(attrs.get("reason", "")),
    )


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
