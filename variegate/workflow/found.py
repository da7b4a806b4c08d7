"""What a search leaves in its folder: search.json and best.json, and what was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import VariegateError
from variegate.policy import Policy
from variegate.workflow.common import DataInfo, write_json

if TYPE_CHECKING:
    from variegate import search as rooms

__all__ = [
    "BEST",
    "RECORD",
    "SCHEMA",
    "STORE",
    "STUDY",
    "Job",
    "SearchResult",
    "save",
    "save_stopped",
]

SCHEMA = "variegate.search/1"
STORE, BEST, RECORD, STUDY = "study.db", "best.json", "search.json", "search"
# Random policies that the found one is held against.
RANDOM = 100


@dataclass(frozen=True)
class SearchResult:
    """A finished search, or its plan after a dry run. `best_value` is the validation accuracy of
    the best, so it flatters the policy; `compare` measures it. `best_number` is its trial, or None
    where a control was kept (`verdict` says why). `history` has one dict a trial.
    """

    best: Policy
    best_value: float
    best_number: int | None
    history: tuple[Mapping[str, Any], ...]
    data: DataInfo
    seconds: float
    out: Path
    record: Mapping[str, Any]

    @property
    def best_path(self) -> Path:
        """The policy file."""
        return self.out / BEST

    @property
    def verdict(self) -> str:
        """What the final round says, in words; empty where there was none."""
        return str(self.record["best"].get("verdict", ""))

    def to_dict(self) -> dict[str, Any]:
        """The content of search.json."""
        return dict(self.record)


@dataclass(frozen=True)
class Job:
    """What one search is made of. space: as it was searched, narrowed where it was."""

    info: DataInfo
    plan: rooms.Cost
    space: rooms.Space
    out: Path
    mark: str
    described: Mapping[str, Any]


def save(job: Job, result: rooms.StudyResult) -> SearchResult:
    """Write best.json and search.json."""
    best = {
        "number": result.best_number,
        "value": result.best_value,
        "policy": result.best.to_dict(),
        "verdict": result.verdict,
    }
    finalists = [_finalist(entry) for entry in result.finalists]
    return _write(job, result.trials, best, finalists, result.stopped, result.seconds)


def _write(
    job: Job,
    trials: list[rooms.TrialRecord],
    best: dict[str, Any],
    finalists: list[dict[str, Any]],
    stopped: bool,
    seconds: float,
) -> SearchResult:
    history = tuple(_row(trial) for trial in trials)
    record = {
        "schema": SCHEMA,
        "data": {**job.described, "fingerprint": job.mark, "understood": _plain(job.info)},
        "method": job.plan.method,
        "plan": str(job.plan),
        "epochs": job.plan.epochs,
        "repeats": job.plan.repeats,
        "trials": len(trials),
        "trials_planned": job.plan.trials,
        "stopped": stopped,
        "seconds": seconds,
        "best": best,
        "finalists": finalists,
        "cost": _cost(trials, finalists),
        "learned": _learned(job, trials, best),
        "history": list(history),
        "files": {"best": BEST, "store": STORE},
    }
    write_json(job.out / BEST, best["policy"])
    write_json(job.out / RECORD, record)
    policy = Policy.from_dict(best["policy"])
    value, number = best["value"], best["number"]
    return SearchResult(policy, value, number, history, job.info, seconds, job.out, record)


def save_stopped(job: Job) -> str:
    """After Ctrl-C: write what the store has; gives one sentence about it."""
    from variegate.search import best_of, history

    store = job.out / STORE
    try:
        trials = [t for t in history(store, STUDY) if t.state != "running"]
        top = best_of(trials)
        if not top or top[0].policy is None:
            return "no trial was finished yet"
        best: dict[str, Any] = {"number": top[0].number, "value": top[0].value}
        best |= {"policy": top[0].policy.to_dict(), "verdict": ""}
        seconds = sum(t.seconds or 0.0 for t in trials)
        result = _write(job, trials, best, [], True, seconds)
    except VariegateError:
        return "no trial was finished yet"
    return (
        f"{len(trials)} of {job.plan.trials} trials are saved in {store}, "
        f"the best so far (trial {result.best_number}) in {result.best_path}"
    )


def _cost(
    trials: Sequence[rooms.TrialRecord], finalists: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What was spent so far; augment_share: of the seconds, None where no objective says."""
    calls = [vars(e) for trial in trials for e in trial.evaluations]
    calls += [e for entry in finalists for e in entry["evaluations"]]
    seconds = sum(e["seconds"] for e in calls)
    known = [e for e in calls if e["augment"] is not None and e["seconds"] > 0]
    spent = sum(e["augment"] for e in known)
    return {
        "trainings": len(calls),
        "epochs": sum(e["budget"] for e in calls),
        "seconds": seconds,
        "augment_seconds": spent if known else None,
        "augment_share": spent / sum(e["seconds"] for e in known) if known else None,
    }


def _learned(
    job: Job, trials: Sequence[rooms.TrialRecord], best: Mapping[str, Any]
) -> dict[str, Any]:
    """What went with good trials, and how far the found policy is from random ones."""
    from variegate.evaluate import Tried, distance_from_random, importance
    from variegate.search import random_policies

    rows = [
        Tried(t.policy, t.value, t.budget or 0)
        for t in trials
        if t.policy is not None and t.value is not None
    ]
    random = random_policies(job.space, RANDOM, 0)
    far = distance_from_random(Policy.from_dict(best["policy"]), random)
    return {"learned": importance(rows), "distance": far}


def _row(trial: rooms.TrialRecord) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "loss": trial.loss,
        "budget": trial.budget,
        "evaluations": [vars(e) for e in trial.evaluations],
        "seconds": trial.seconds,
        "params": dict(trial.params),
        "reason": trial.reason,
    }


def _finalist(entry: rooms.Finalist) -> dict[str, Any]:
    return {
        "name": entry.name,
        "number": entry.number,
        "policy": entry.policy.to_dict(),
        "evaluations": [vars(e) for e in entry.evaluations],
        "reason": entry.reason,
    }


def _plain(info: DataInfo) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(info).items()}
