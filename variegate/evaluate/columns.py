"""Columns beside the accuracy: calibration, and accuracy on corrupted images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from variegate.data.balance import GROUPS, class_groups
from variegate.evaluate.calibration import BINS, calibration_error, seed_interval
from variegate.evaluate.classes import shared_seeds
from variegate.evaluate.results import Comparison, Run
from variegate.evaluate.schema import Column, ColumnDifference, Columns

__all__ = ["columns", "groups"]

Value = Callable[[Run], float]


def columns(
    comparison: Comparison, arm: str, against: Sequence[str], shown: Mapping[str, str]
) -> Columns:
    """Give an arm's columns, each with its difference from the arms it is held against.

    A column is there where every run of the arm has what it is made of. Differences are paired by
    seed; the intervals cover training noise only.
    """
    runs = [run for run in comparison.runs if run.arm == arm and run.seed not in comparison.fresh]
    found: Columns = {"bins": BINS, "calibration": None, "corrupted": None, "corruptions": {}}

    def error(run: Run) -> float:
        if run.probabilities is None:
            raise AssertionError("asked only where there are probabilities")
        return calibration_error(run.probabilities, comparison.labels)

    def make(value: Value, there: Callable[[Run], bool]) -> Column | None:
        return _column(comparison, arm, against, shown, value, there)

    found["calibration"] = make(error, lambda run: run.probabilities is not None)
    names = _shared(runs)
    if names:
        found["corrupted"] = make(
            lambda run: float(np.mean([run.corrupted[name] for name in names])),
            lambda run: set(names) <= set(run.corrupted),
        )
        for name in names:
            by_severity = np.mean([run.corrupted[name] for run in runs], axis=0)
            found["corruptions"][name] = [float(value) for value in by_severity]
    return found


def groups(
    comparison: Comparison, arm: str, against: Sequence[str], shown: Mapping[str, str]
) -> dict[str, Column]:
    """Give the mean accuracy over the classes of each group: many, medium, few training images.

    Every class counts alike. Empty where the record does not say how many images the classes were
    trained on, or where the largest has fewer than twice the images of the smallest.
    """
    counts = np.asarray(comparison.settings.get("class counts", ()), dtype=np.float64)
    if len(counts) != len(comparison.classes) or counts.max() < 2 * max(1.0, counts.min()):
        return {}
    named = np.array(class_groups(counts))
    found: dict[str, Column] = {}
    for group in GROUPS:
        picked = np.flatnonzero(named == group).tolist()
        own: list[int] = [c for c in picked if (comparison.labels == c).any()]

        def balanced(run: Run, own: Sequence[int] = own) -> float:
            right = run.predictions == comparison.labels
            return float(np.mean([right[comparison.labels == c].mean() for c in own]))

        made = _column(comparison, arm, against, shown, balanced, lambda run: True) if own else None
        if made is not None:
            found[group] = made
    return found


def _shared(runs: Sequence[Run]) -> list[str]:
    """The corruptions that all runs of an arm met."""
    if not runs:
        return []
    return [name for name in runs[0].corrupted if all(name in run.corrupted for run in runs)]


def _column(
    comparison: Comparison,
    arm: str,
    against: Sequence[str],
    shown: Mapping[str, str],
    value: Value,
    there: Callable[[Run], bool],
) -> Column | None:
    by_run = {(run.arm, run.seed): run for run in comparison.runs if there(run)}
    seeds = comparison.seeds(arm)
    if not seeds or any((arm, seed) not in by_run for seed in seeds):
        return None
    own = {seed: value(by_run[arm, seed]) for seed in seeds}
    rows: list[ColumnDifference] = []
    for base in against:
        both = [s for s in shared_seeds(comparison, arm, base) if (base, s) in by_run]
        if base == arm or not both:
            continue
        apart = [own[s] - value(by_run[base, s]) for s in both]
        rows.append(
            {
                "against": shown[base],
                "value": float(np.mean(apart)),
                "interval": seed_interval(apart),
                "seeds": len(both),
            }
        )
    values = list(own.values())
    mean = float(np.mean(values))
    return {"value": mean, "interval": seed_interval(values), "differences": rows}
