"""The final round: the best trials and the controls, trained anew from fresh seeds at one budget.

The best of many noisy trials owes part of its rank to luck. Seeds that chose nothing so far measure
it again, next to the controls. A control is kept where it is significantly better than the best
trial, or than the first one where a method expects that to do well. Entries and seeds make a
randomized block design, whose residuals say how large chance is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from variegate.search.records import FINAL, Finalist, TrialRecord, mean, to_evaluations, to_policy
from variegate.search.rounds import best_of
from variegate.search.schedule import Rung
from variegate.search.surrogate import smoothed

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["choose", "entries", "goes_on", "stored"]

# One-sided 10 % points of Student's t for 1, 2, ... degrees of freedom, then for more.
STUDENT = (3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372)
MORE = 1.282


def entries(
    trials: Iterable[TrialRecord],
    controls: Mapping[str, Policy],
    final: Rung,
    attrs: Mapping[str, Any],
    tie_break: str,
    prior: bool = False,
) -> list[Finalist]:
    """Who takes part, with the evaluations that the study's attributes have of each.

    prior: the first trial does, and the others are ranked by what a model of all of them says.
    """
    rows = list(trials)
    chosen = _smooth_best(rows, final.trials) if prior else best_of(rows, final.trials, tie_break)
    named = [(f"trial {t.number}", t.number, t.policy) for t in chosen if t.policy is not None]
    known = [Finalist(name, None, policy) for name, policy in controls.items()]
    known += [Finalist(name, number, policy) for name, number, policy in named]
    return [stored(entry, attrs) for entry in known]


def _smooth_best(trials: Iterable[TrialRecord], count: int) -> list[TrialRecord]:
    done = [t for t in trials if t.state == "done" and t.score is not None]
    values = smoothed([t.params for t in done], [float(t.score or 0.0) for t in done])
    ranked = sorted(
        zip(values, done, strict=True),
        key=lambda pair: (pair[1].number > 0, -pair[0], pair[1].number),
    )
    return [trial for _, trial in ranked[:count]]


def stored(entry: Finalist, attrs: Mapping[str, Any]) -> Finalist:
    """The entry with what is stored of it; another policy under its name counts as nothing."""
    data = attrs.get(FINAL + entry.name)
    if data is None or to_policy(data["policy"]) != entry.policy:
        return entry
    calls = to_evaluations(data["evaluations"])
    return Finalist(entry.name, entry.number, entry.policy, calls, data["reason"])


def goes_on(group: Sequence[Finalist], entry: Finalist) -> bool:
    """Whether an entry is trained from more seeds than the first: every trial, the best control."""
    if entry.number is not None or not entry.evaluations:
        return True
    controls = [e for e in group if e.number is None and e.evaluations and not e.reason]
    first = [(-e.evaluations[0].value, e.name) for e in controls]
    return (-entry.evaluations[0].value, entry.name) == min(first)


def choose(finalists: Sequence[Finalist], prior: bool = False) -> tuple[list[Finalist], str]:
    """The finalists, the chosen one first, and in words why it was chosen.

    The best trial, or with `prior` the first one, is taken unless a control, or with `prior` any
    other entry, is significantly better. With one seed nothing is known about chance, and the
    highest is taken.
    """
    most = max((len(entry.evaluations) for entry in finalists), default=0)
    whole = [e for e in finalists if len(e.evaluations) == most > 0 and not e.reason]
    ranked = sorted(whole, key=lambda f: (-_value(f), f.number is not None))
    if not ranked:
        return list(finalists), "no finalist could be evaluated"
    rest = [entry for entry in finalists if entry not in ranked]
    trials = [entry for entry in ranked if entry.number is not None]
    holder = next((e for e in trials if prior and e.number == 0), next(iter(trials), None))
    rivals = [e for e in ranked if e is not holder and (e.number is None or prior)]
    if holder is None or not rivals:
        return [*ranked, *rest], f"{ranked[0].name} is the best of {len(ranked)}"
    rival = rivals[0]
    gain = mean(rival.accuracies) - mean(holder.accuracies)
    lead = _value(rival) - _value(holder)
    error, bound = _chance(ranked)
    taken = lead > bound * error
    text = (
        f"{rival.name} against {holder.name}: {100 * gain:+.2f} points of validation accuracy over "
        f"{most} seeds, {100 * lead:+.2f} of what trials are ranked by (standard error "
        f"{100 * error:.2f}); "
        + ("it is significantly better and taken" if taken else f"{holder.name} is taken")
    )
    chosen = rival if taken else holder
    return [chosen, *(e for e in ranked if e is not chosen), *rest], text


def _chance(entries: Sequence[Finalist]) -> tuple[float, float]:
    """Standard error of a difference of two entries, and how many of them are significant."""
    seeds = len(entries[0].evaluations)
    free = (len(entries) - 1) * (seeds - 1)
    if not free:
        return 0.0, 0.0
    rows = [[e.value for e in entry.evaluations] for entry in entries]
    columns = [mean(column) for column in zip(*rows, strict=True)]
    center = mean(columns)
    left = [v - mean(row) - c + center for row in rows for v, c in zip(row, columns, strict=True)]
    error = math.sqrt(2 * math.fsum(v * v for v in left) / free / seeds)
    return error, STUDENT[free - 1] if free <= len(STUDENT) else MORE


def _value(entry: Finalist) -> float:
    return mean(e.value for e in entry.evaluations)
