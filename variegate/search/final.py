"""The final round: the best trials and the controls, trained anew from fresh seeds at one budget.

The best of many noisy trials owes part of its rank to luck. Seeds that chose nothing so far measure
it again, next to the controls, and a control is kept where no trial is ahead of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from variegate.search.records import FINAL, Finalist, TrialRecord, mean, to_evaluations, to_policy
from variegate.search.rounds import best_of
from variegate.search.schedule import Rung

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["choose", "entries", "goes_on", "stored"]


def entries(
    trials: Iterable[TrialRecord],
    controls: Mapping[str, Policy],
    final: Rung,
    attrs: Mapping[str, Any],
    tie_break: str,
) -> list[Finalist]:
    """Who takes part, with the evaluations that the study's attributes have of each."""
    chosen = best_of(trials, final.trials, tie_break)
    named = [(f"trial {t.number}", t.number, t.policy) for t in chosen if t.policy is not None]
    known = [Finalist(name, None, policy) for name, policy in controls.items()]
    known += [Finalist(name, number, policy) for name, number, policy in named]
    return [stored(entry, attrs) for entry in known]


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


def choose(finalists: Sequence[Finalist]) -> tuple[list[Finalist], str]:
    """The finalists, the chosen one first, and in words why it was chosen.

    The best trial wins when its mean value is above the best control's; otherwise the control.
    """
    most = max((len(entry.evaluations) for entry in finalists), default=0)
    whole = [e for e in finalists if len(e.evaluations) == most > 0 and not e.reason]
    ranked = sorted(whole, key=lambda f: (-_value(f), f.number is not None))
    if not ranked:
        return list(finalists), "no finalist could be evaluated"
    rest = [entry for entry in finalists if entry not in ranked]
    controls = [entry for entry in ranked if entry.number is None]
    trials = [entry for entry in ranked if entry.number is not None]
    if not controls or not trials:
        return [*ranked, *rest], f"{ranked[0].name} is the best of {len(ranked)}"
    gain, error = _difference(trials[0], controls[0])
    text = (
        f"{trials[0].name} against {controls[0].name}: {100 * gain:+.2f} points of validation "
        f"accuracy, standard error over {len(trials[0].evaluations)} seeds {100 * error:.2f}; "
        + ("the control is kept" if ranked[0].number is None else "the trial is taken")
    )
    return [*ranked, *rest], text


def _value(entry: Finalist) -> float:
    return mean(e.value for e in entry.evaluations)


def _difference(first: Finalist, second: Finalist) -> tuple[float, float]:
    """Mean difference over the shared seeds and its standard error (infinite for one seed)."""
    pairs = zip(first.accuracies, second.accuracies, strict=True)
    values = [a - b for a, b in pairs]
    center, count = mean(values), len(values)
    if count < 2:
        return center, math.inf
    spread = math.fsum((v - center) ** 2 for v in values) / (count - 1)
    return center, math.sqrt(spread / count)
