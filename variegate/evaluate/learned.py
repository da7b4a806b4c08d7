"""What a search learned: which ops, strengths and pairs went with good trials, and what is proven.

Each feature of the trials' policies is held against their values alone. Its interval comes from
resampling the trials, its p from permuting the values, corrected for having looked at all features
(the largest correlation of each permutation; Westfall and Young 1993). A search that follows its
own results draws features together, so a feature may stand for another one: the notes say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError
from variegate.evaluate.usage import occurrences, touched, touched_by_both
from variegate.policy import Policy

__all__ = ["Effect", "Learned", "Tried", "importance"]

Floats = NDArray[np.float64]

# Fewer trials than this cannot prove anything once corrected for a dozen features.
FEWEST = 12
PERMUTATIONS, RESAMPLES = 2000, 1000
ALIKE = 0.999
PROVEN = 0.05


@dataclass(frozen=True)
class Tried:
    """One finished trial: its policy, accuracy on 0..1, and the budget that this was reached at."""

    policy: Policy
    value: float
    budget: int = 0


class Effect(TypedDict):
    """One feature against the values.

    value: change of accuracy for one standard deviation of the feature, with its 95 % `interval`.
    explains: share of the values' variance. corrected: p, corrected for all features.
    """

    kind: str
    name: str
    value: float
    interval: list[float]
    explains: float
    corrected: float
    verdict: str


class Learned(TypedDict):
    """The features, the most telling first, how many are proven, and one sentence about it."""

    trials: int
    features: int
    proven: int
    effects: list[Effect]
    text: str


def importance(trials: Iterable[Tried], *, seed: int = 0) -> Learned:
    """Say which ops, strengths and pairs of ops went with the values of a search's trials.

    Values of different budgets are compared within their budget only. Raises InputError for a
    value that is not finite.
    """
    rows = list(trials)
    for place, row in enumerate(rows):
        if not np.isfinite(row.value):
            raise InputError(f"trials[{place}]: expected a finite value, got {row.value!r}")
    groups = _groups([row.budget for row in rows])
    kept = [place for group in groups for place in group]
    if len(kept) < FEWEST:
        text = f"{len(kept)} comparable trials are too few to tell what mattered ({FEWEST} needed)."
        return {"trials": len(kept), "features": 0, "proven": 0, "effects": [], "text": text}
    values = _centered(np.array([row.value for row in rows]), groups)
    table = _features([row.policy for row in rows])
    columns = {name: _centered(column, groups) for name, column in table.items()}
    names, matrix = _distinct({n: c[kept] for n, c in columns.items()})
    if not names or not np.any(values[kept]):
        text = "All trials have the same value or the same policy; there is nothing to tell apart."
        return {"trials": len(kept), "features": 0, "proven": 0, "effects": [], "text": text}
    places = _within(groups)
    effects = _effects(names, matrix, values[kept], places, seed)
    return _said(effects, len(kept))


def _groups(budgets: Sequence[int]) -> list[list[int]]:
    """Places of the trials of each budget; a trial alone has nothing to be compared with."""
    found: dict[int, list[int]] = {}
    for place, budget in enumerate(budgets):
        found.setdefault(budget, []).append(place)
    return [group for group in found.values() if len(group) > 1]


def _within(groups: Sequence[Sequence[int]]) -> list[slice]:
    ends = np.cumsum([0, *(len(group) for group in groups)]).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]


def _centered(column: Floats, groups: Sequence[Sequence[int]]) -> Floats:
    out = np.zeros_like(column)
    for group in groups:
        out[group] = column[group] - column[group].mean()
    return out


def _features(policies: Sequence[Policy]) -> dict[tuple[str, str], Floats]:
    """(kind, name) -> float64 (trials,): share of images, strength, share that both ops touch."""
    uses = [occurrences(policy) for policy in policies]
    ops = sorted({use.op for row in uses for use in row if use.rate > 0})
    table: dict[tuple[str, str], Floats] = {}
    shares = {op: np.array([touched(policy, op) for policy in policies]) for op in ops}
    for op in ops:
        table["op", op] = shares[op]
        strength = np.full(len(policies), np.nan)
        for place, row in enumerate(uses):
            own = [(u.rate, u.strength) for u in row if u.op == op and u.strength is not None]
            if sum(rate for rate, _ in own) > 0:
                strength[place] = np.average([s for _, s in own], weights=[r for r, _ in own])
        if np.isfinite(strength).sum() > 1:
            # A trial without the op says nothing about its strength: it gets the usual one.
            table["strength", op] = np.where(np.isnan(strength), np.nanmean(strength), strength)
    for first, second in combinations(ops, 2):
        both = np.array([touched_by_both(policy, first, second) for policy in policies])
        table["pair", f"{first} + {second}"] = _beyond(both, shares[first], shares[second])
    return table


def _beyond(both: Floats, first: Floats, second: Floats) -> Floats:
    """What of a pair's share its two ops alone do not say (residual of least squares)."""
    basis = np.stack([np.ones_like(both), first, second], axis=1)
    rest: Floats = both - basis @ np.linalg.lstsq(basis, both, rcond=None)[0]
    return rest


def _distinct(
    columns: Mapping[tuple[str, str], Floats],
) -> tuple[list[tuple[str, str]], Floats]:
    """Features of unit length that vary; those which always went together become one."""
    kinds: list[str] = []
    members: list[list[str]] = []
    units: list[Floats] = []
    for (kind, name), column in columns.items():
        length = float(np.linalg.norm(column))
        if length < 1e-6:
            continue
        unit = column / length
        for place, other in enumerate(units):
            if kinds[place] == kind and abs(float(unit @ other)) > ALIKE:
                members[place].append(name)
                break
        else:
            kinds.append(kind)
            members.append([name])
            units.append(unit)
    names = [(kind, ", ".join(group)) for kind, group in zip(kinds, members, strict=True)]
    return names, np.array(units)


def _effects(
    names: Sequence[tuple[str, str]],
    matrix: Floats,
    values: Floats,
    places: Sequence[slice],
    seed: int,
) -> list[Effect]:
    generator = np.random.default_rng(seed)
    unit = values / np.linalg.norm(values)
    found = matrix @ unit
    largest = np.empty(PERMUTATIONS)
    for place in range(PERMUTATIONS):
        mixed = np.concatenate([generator.permutation(unit[part]) for part in places])
        largest[place] = np.abs(matrix @ mixed).max()
    exceeded = (largest[None, :] >= np.abs(found)[:, None] - 1e-12).sum(axis=1)
    corrected = (1 + exceeded) / (1 + PERMUTATIONS)
    per_deviation = 1.0 / np.sqrt(matrix.shape[1])
    low, high = _interval(matrix, values, places, generator)
    return [
        {
            "kind": kind,
            "name": name,
            "value": float(matrix[i] @ values) * per_deviation,
            "interval": [float(low[i]) * per_deviation, float(high[i]) * per_deviation],
            "explains": float(found[i] ** 2),
            "corrected": float(corrected[i]),
            "verdict": _verdict(float(found[i]), float(corrected[i])),
        }
        for i, (kind, name) in enumerate(names)
    ]


def _interval(
    matrix: Floats, values: Floats, places: Sequence[slice], generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """95 % of the slope times the feature's length, over resampled trials of each budget."""
    slopes = np.empty((RESAMPLES, len(matrix)))
    for place in range(RESAMPLES):
        parts = [generator.integers(p.start, p.stop, p.stop - p.start) for p in places]
        drawn, wanted = [], []
        for part in parts:
            own = matrix[:, part]
            drawn.append(own - own.mean(axis=1, keepdims=True))
            wanted.append(values[part] - values[part].mean())
        x, y = np.concatenate(drawn, axis=1), np.concatenate(wanted)
        square = (x * x).sum(axis=1)
        slopes[place] = np.where(square > 1e-9, x @ y / np.maximum(square, 1e-9), 0.0)
    low, high = np.quantile(slopes, (0.025, 0.975), axis=0)
    return low, high


def _verdict(correlation: float, corrected: float) -> str:
    if corrected >= PROVEN:
        return "not proven"
    return "better" if correlation > 0 else "worse"


def _said(effects: list[Effect], trials: int) -> Learned:
    ranked = sorted(effects, key=lambda e: (e["corrected"], -e["explains"]))
    proven = [effect for effect in ranked if effect["verdict"] != "not proven"]
    if proven:
        parts = [f"{_phrase(e)} went with {e['verdict']} trials" for e in proven[:3]]
        more = f", and {len(proven) - 3} more" if len(proven) > 3 else ""
        text = f"Proven over {trials} trials: {'; '.join(parts)}{more}."
    else:
        text = (
            f"Nothing is proven to have mattered: over {trials} trials none of "
            f"{len(ranked)} features goes with the values more than chance would make one go."
        )
    return {
        "trials": trials,
        "features": len(ranked),
        "proven": len(proven),
        "effects": ranked,
        "text": text,
    }


def _phrase(effect: Mapping[str, Any]) -> str:
    if effect["kind"] == "op":
        return f"more images with {effect['name']}"
    if effect["kind"] == "strength":
        return f"a stronger {effect['name']}"
    return f"{effect['name']} on the same image"
