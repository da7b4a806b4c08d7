"""Fresh seeds: whatever class a comparison calls harmed or helped is tested on them again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from variegate.errors import InputError
from variegate.workflow.runs import Task

if TYPE_CHECKING:
    from variegate.evaluate import Comparison

__all__ = ["confirming", "fresh_seeds", "with_fresh"]

# Far from any seed that a comparison is asked for, so that more seeds never meet fresh ones.
FIRST = 1_000_000


def fresh_seeds(count: object, start: int, used: Sequence[int]) -> list[int]:
    """So many seeds that no comparison calls classes by; raises InputError where one is in use."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise InputError(f"confirm: expected a whole number from 0 up or None, got {count!r}")
    fresh = [FIRST + start + number for number in range(count)]
    taken = sorted(set(fresh) & set(used))
    if taken:
        raise InputError(f"seeds: {taken[0]} is a fresh seed, which only confirms; take others")
    return fresh


def confirming(record: Comparison, fresh: Sequence[int], arms: Iterable[str]) -> list[Task]:
    """The trainings that are missing to confirm the classes that are called."""
    from variegate.evaluate import arms_to_confirm

    if not fresh:
        return []
    done = {(run.arm, run.seed) for run in record.runs}
    known = set(arms)
    called = [arm for arm in arms_to_confirm(record) if arm in known]
    return [Task(arm, seed) for seed in fresh for arm in called if (arm, seed) not in done]


def with_fresh(record: Comparison, seeds: Sequence[int]) -> Comparison:
    """The record that holds these seeds as fresh ones, besides those it has."""
    return replace(record, fresh=tuple(sorted({*record.fresh, *seeds})))
