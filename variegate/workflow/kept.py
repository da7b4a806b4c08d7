"""The record of a comparison: begun, or taken up where an earlier call left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.errors import InputError, StoreError
from variegate.workflow.common import (
    Event,
    Options,
    Progress,
    fingerprint,
    read_json,
    tell,
    versions,
)
from variegate.workflow.per_class import GLOBAL
from variegate.workflow.policies import read_policy
from variegate.workflow.runs import RunData
from variegate.workflow.search import RECORD as SEARCHED
from variegate.workflow.search import SCHEMA as SEARCH_SCHEMA

if TYPE_CHECKING:
    from variegate.data import Dataset
    from variegate.evaluate import Comparison
    from variegate.policy import Policy

__all__ = ["before", "begin", "check_division", "described", "done", "resume"]


def check_division(folder: Path, options: Options) -> None:
    """Raise InputError where the search in this folder may have seen images of this test split."""
    if not (folder / SEARCHED).exists():
        return
    before = read_json(folder / SEARCHED, SEARCH_SCHEMA).get("data", {}).get("options", {})
    now = options.to_dict()
    for key in ("seed", "validation", "test", "limit_per_class"):
        if key in before and before[key] != now[key]:
            raise InputError(
                f"{key}: the search in {folder} used {before[key]}, this comparison {now[key]}: "
                "its test split would hold images that the search has seen. Give the same value"
            )


def before(folder: Path) -> Policy | None:
    """The global policy that the found one was made from by class, if the folder has one."""
    return read_policy(folder / GLOBAL) if (folder / GLOBAL).exists() else None


def described(data: Any, options: Options, joined: bool) -> dict[str, Any]:
    """What a record says of its data: where it is, how it was read and divided."""
    source = str(data) if isinstance(data, str | Path) else None
    return {"data": {"source": source, "options": options.to_dict()}, "joined": joined}


def begin(dataset: Dataset, work: RunData, more: Mapping[str, Any], command: str) -> Comparison:
    """An empty record that says what its runs will be."""
    from variegate.evaluate import Comparison

    policies = {name: None if p is None else p.to_dict() for name, p in work.policies.items()}
    return Comparison(
        dataset=dataset.name,
        classes=dataset.classes,
        labels=work.test.labels,
        arms=tuple(policies),
        settings={
            "fingerprint": fingerprint((work.train, work.test), work.settings),
            "epochs": work.epochs,
            "training images": len(work.train),
            "class counts": work.train.counts().tolist(),
            "corruptions": list(work.corruptions),
            "training": work.settings.to_dict(),
            "arms": policies,
            **more,
        },
        commands=(command,) if command else (),
        versions=versions(),
    )


def resume(path: Path, fresh: Comparison, progress: Progress | None) -> Comparison:
    """The stored record with this call's arms; runs of an arm whose policy changed are left out.

    Raises StoreError where the stored runs are of other data or another training.
    """
    if not path.exists():
        return fresh
    from variegate.evaluate import Comparison

    stored = Comparison.load(path)
    for key, what in (("fingerprint", "data or training settings"), ("epochs", "epochs")):
        before, now = stored.settings.get(key), fresh.settings[key]
        if before != now:
            raise StoreError(
                f"{path}: its runs are of other {what} ({key}: stored {before}, now {now}). "
                "Run it with the same data and settings, or name another folder with out"
            )
    then: dict[str, Any] = dict(stored.settings.get("arms", {}))
    wanted: dict[str, Any] = dict(fresh.settings["arms"])
    changed = [name for name in wanted if name in then and then[name] != wanted[name]]
    for name in changed:
        count = len(stored.seeds(name))
        text = f"arm {name}: its policy changed, its {count} stored runs are replaced"
        tell(progress, Event("remark", text))
    kept = tuple(run for run in stored.runs if run.arm not in changed)
    if kept:
        tell(progress, Event("remark", f"resuming: {len(kept)} finished runs in {path}"))
    return replace(
        fresh,
        arms=(*fresh.arms, *(name for name in stored.arms if name not in fresh.arms)),
        runs=kept,
        settings={**fresh.settings, "arms": {**then, **wanted}},
        commands=tuple(dict.fromkeys([*stored.commands, *fresh.commands])),
        fresh=stored.fresh,
    )


def done(record: Comparison, work: RunData, arm: str, seed: int) -> bool:
    """Whether the record has this run, with every corruption that is asked for."""
    return any(
        (run.arm, run.seed) == (arm, seed) and set(work.corruptions) <= set(run.corrupted)
        for run in record.runs
    )
