"""Policies by class as one call: a folder's policy, changed for single classes where that helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.policy.nodes import PerClass
from variegate.workflow.common import (
    Event,
    Options,
    Progress,
    Reading,
    fingerprint,
    need,
    open_data,
    prepare,
    read_json,
    settings_for,
    tell,
    understand,
    write_json,
)
from variegate.workflow.found import BEST
from variegate.workflow.per_class import GLOBAL, PER_CLASS, SCHEMA, refine
from variegate.workflow.policies import read_policy

if TYPE_CHECKING:
    from variegate.data import Dataset

__all__ = ["ByClassResult", "by_class"]


@dataclass(frozen=True)
class ByClassResult:
    """The chosen policy, the global one it came from, and the record with the evidence."""

    best: Policy
    before: Policy
    record: Mapping[str, Any]
    out: Path

    def to_dict(self) -> dict[str, Any]:
        """The content of per_class.json."""
        return dict(self.record)

    def lines(self) -> list[str]:
        """What was tried and chosen, as lines for a terminal; validation accuracies flatter."""
        record = self.record
        lines = []
        for name, own in record["candidates"].items():
            mark = "*" if name == record["chosen"] else " "
            lines.append(
                f"{mark} {name}: {100 * own['accuracy']:.1f} % of the validation images, worst "
                f"fifth of the classes {100 * own['worst']:.1f} %"
            )
        if record["chosen"] == "global":
            return [*lines, "by class: no change is ahead of the global policy, which is kept"]
        changed = sum(len(s.policies) for s in self.best.steps if isinstance(s, PerClass))
        said = f"by class: {record['chosen']!r} is chosen ({changed} branches); compare measures it"
        return [*lines, said]


def by_class(
    data: str | Path | Dataset,
    *,
    policy: str | Path | Policy | None = None,
    epochs: int | None = None,
    seeds: int = 3,
    settings: Mapping[str, Any] | None = None,
    out: str | Path = "runs/search",
    progress: Progress | None = None,
    **reading: Unpack[Reading],
) -> ByClassResult:
    """Change a global policy for single classes where that is better; see `per_class.refine`.

    policy: by default the one that a search left in `out`. Writes best.json (the chosen policy),
    global.json (the one it came from) and per_class.json (the evidence); `compare` then has the arm
    `global` too. The same call finds its result again. Raises VariegateErrors.
    """
    need("search", "train", "report")
    options, folder = Options.read(reading), prepare(out)
    start = _start(policy, folder)
    dataset, parts = open_data(data, options, progress)
    chosen = settings_for(parts.train, settings)
    length = chosen.epochs if epochs is None else epochs
    info = understand(dataset, parts, chosen, options.seed)
    tell(progress, Event("understood", str(info)))
    asked = {
        "fingerprint": fingerprint((parts.train, parts.validation), chosen),
        "global": start.to_dict(),
        "asked": [length, seeds, options.seed],
    }
    record = _stored(folder / PER_CLASS, asked)
    if record is None:
        text = f"by class: up to {5 * seeds} trainings of {length} epochs, and two clean models"
        tell(progress, Event("plan", text, 0, 5 * seeds))
        made = refine(
            parts.train,
            parts.validation,
            chosen,
            start,
            epochs=length,
            seeds=seeds,
            seed=options.seed,
            progress=progress,
        )
        record = {**made.record, **asked}
    best = Policy.from_dict(record["candidates"][record["chosen"]]["policy"])
    write_json(folder / GLOBAL, start.to_dict())
    write_json(folder / PER_CLASS, record)
    write_json(folder / BEST, best.to_dict())
    return ByClassResult(best, start, record, folder)


def _start(given: str | Path | Policy | None, folder: Path) -> Policy:
    """The global policy: the given one, or what is in the folder."""
    if given is not None:
        return read_policy(given)
    if not (folder / BEST).exists():
        raise InputError(f"policy: {folder / BEST} is not there; search first, or give a policy")
    best = read_policy(folder / BEST)
    by = any(isinstance(step, PerClass) for step in best.steps)
    return read_policy(folder / GLOBAL) if by and (folder / GLOBAL).exists() else best


def _stored(path: Path, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """An earlier call's record, where it was asked the same."""
    if not path.exists():
        return None
    record = read_json(path, SCHEMA)
    return record if all(record.get(key) == value for key, value in asked.items()) else None
