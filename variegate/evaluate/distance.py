"""How far a found policy is from random ones: a search that learned nothing ends near zero.

A policy's ops are counted and its probabilities and strengths put in order; each is held against
what random policies of the same space have in common. The statistics are the usual ones
(chi-squared for counts, Kolmogorov-Smirnov for the rest); their p come from the random policies
themselves, because a space need not draw its ops independently of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError
from variegate.evaluate.usage import Occurrence, occurrences
from variegate.policy import Policy

__all__ = ["Distance", "chi_squared", "distance_from_random", "kolmogorov"]

Floats = NDArray[np.float64]
FEWEST = 20


class Distance(TypedDict):
    """One statistic of a policy, its p among random policies, and the median of those."""

    what: str
    statistic: str
    value: float
    usual: float
    p: float


def chi_squared(counts: Sequence[float], expected: Sequence[float]) -> float:
    """Sum of (count - expected)^2 / expected, where expected is above 0, scaled to equal sums."""
    seen, wanted = np.asarray(counts, np.float64), np.asarray(expected, np.float64)
    if seen.sum() <= 0 or wanted.sum() <= 0:
        return 0.0
    wanted = wanted * (seen.sum() / wanted.sum())
    on = wanted > 0
    return float(((seen[on] - wanted[on]) ** 2 / wanted[on]).sum())


def kolmogorov(values: Sequence[float], reference: Sequence[float]) -> float:
    """The largest difference of two empirical distribution functions; 0 where one is empty."""
    if not len(values) or not len(reference):
        return 0.0
    own, other = np.sort(np.asarray(values)), np.sort(np.asarray(reference))
    at = np.concatenate([own, other])
    first = np.searchsorted(own, at, side="right") / len(own)
    second = np.searchsorted(other, at, side="right") / len(other)
    return float(np.abs(first - second).max())


def distance_from_random(policy: Policy, random: Sequence[Policy]) -> list[Distance]:
    """Hold a policy against random policies of its space: op use, probabilities, strengths.

    Raises InputError for fewer than 20 random policies. p is the share of random policies that are
    at least as far from the others, so 0.5 is what luck gives and 0.01 is hard to call luck.
    """
    if len(random) < FEWEST:
        raise InputError(f"random: expected at least {FEWEST} policies, got {len(random)}")
    drawn = [_real(each) for each in random]
    found = _real(policy)
    rows = [_judged("op use", "chi-squared", _use(found, drawn), [_use(d, drawn) for d in drawn])]
    pick: Callable[[Occurrence], float | None]
    for what, pick in (("probabilities", _p), ("strengths", _strength)):
        pool = [[v for use in row if (v := pick(use)) is not None] for row in drawn]
        own = [v for use in found if (v := pick(use)) is not None]
        everything = [value for row in pool for value in row]
        if len(set(everything)) < 2 or not own:
            continue  # this space does not draw it
        null = [kolmogorov(row, everything) for row in pool]
        rows.append(_judged(what, "Kolmogorov-Smirnov", kolmogorov(own, everything), null))
    return rows


def _real(policy: Policy) -> list[Occurrence]:
    return [use for use in occurrences(policy) if use.rate > 0]


def _p(use: Occurrence) -> float:
    return use.p


def _strength(use: Occurrence) -> float | None:
    return use.strength


def _use(own: Sequence[Occurrence], drawn: Sequence[Sequence[Occurrence]]) -> float:
    """Chi-squared of the op places of one policy against those of all random ones."""
    ops = sorted({use.op for row in drawn for use in row} | {use.op for use in own})
    totals = _counts([use for row in drawn for use in row], ops)
    # An op that no random policy has counts as if one of them had it once.
    return chi_squared(_counts(own, ops), np.maximum(totals, 1.0).tolist())


def _counts(uses: Sequence[Occurrence], ops: Sequence[str]) -> list[float]:
    """Expected applications where a container weighs its ops, so that a rare place counts less."""
    place = {op: number for number, op in enumerate(ops)}
    counts = np.zeros(len(ops))
    for use in uses:
        counts[place[use.op]] += use.rate / use.p if use.p > 0 else 0.0
    return [float(count) for count in counts]


def _judged(what: str, statistic: str, value: float, null: Sequence[float]) -> Distance:
    ahead = sum(other >= value - 1e-12 for other in null)
    return {
        "what": what,
        "statistic": statistic,
        "value": value,
        "usual": float(np.median(null)),
        "p": (1 + ahead) / (1 + len(null)),
    }
