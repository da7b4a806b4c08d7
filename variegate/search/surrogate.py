"""A smooth guess of what trials would score without noise, from all trials together.

The best of a few noisy trials is often only the luckiest. A Gaussian process over the drawn numbers
(Rasmussen and Williams 2006, chapter 2) lends each trial the strength of its neighbors; its mean at
the trials ranks them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["smoothed"]

Floats = npt.NDArray[np.float64]

# With fewer trials there is nothing to learn a length or a noise from.
LEAST = 6
LENGTHS = (0.25, 0.5, 1.0, 2.0)
NOISES = (0.05, 0.2, 0.5, 0.8)


def smoothed(params: Sequence[Mapping[str, Any]], values: Sequence[float]) -> list[float]:
    """The posterior mean at each trial; the values themselves where they say too little.

    The kernel's length and the share of noise are those of the greatest marginal likelihood on a
    small grid. A pure function of its arguments.
    """
    own = np.asarray(values, np.float64)
    spread = float(own.std())
    if len(own) < LEAST or spread == 0:
        return [float(v) for v in own]
    distance = _distances(params)
    target = (own - own.mean()) / spread
    fits = [_fit(distance, target, length, noise) for length in LENGTHS for noise in NOISES]
    _, best = max(fits, key=lambda fit: fit[0])
    return [float(v) for v in own.mean() + spread * best]


def _fit(distance: Floats, target: Floats, length: float, noise: float) -> tuple[float, Floats]:
    """Log marginal likelihood and posterior mean; signal and noise have variance 1 together."""
    signal = (1 - noise) * np.exp(-distance / (2 * length**2))
    lower = np.linalg.cholesky(signal + noise * np.eye(len(target)))
    half = np.linalg.solve(lower, target)
    weights = np.linalg.solve(lower.T, half)
    likelihood = -0.5 * float(half @ half) - float(np.log(np.diag(lower)).sum())
    return likelihood, signal @ weights


def _distances(params: Sequence[Mapping[str, Any]]) -> Floats:
    """Mean squared difference over the parameters: of numbers on their observed range, 0 or 1 for
    choices.
    """
    names = sorted(set().union(*params))
    parts = [_one(name, [row.get(name) for row in params]) for name in names]
    parts = [part for part in parts if part.any()]
    count = len(params)
    return np.mean(parts, axis=0) if parts else np.zeros((count, count))


def _one(name: str, column: Sequence[Any]) -> Floats:
    numbers = all(isinstance(v, (int, float)) for v in column)
    # Options and sub-policies draw the place of a choice, whose order means nothing.
    chosen = name.split(".", maxsplit=1)[0] in ("base", "tail") or name.endswith(".op")
    if numbers and not (chosen and all(isinstance(v, int) for v in column)):
        row = np.asarray(column, np.float64)
        width = float(np.ptp(row)) or 1.0
        return np.asarray(((row[:, None] - row[None, :]) / width) ** 2)
    return np.array([[float(a != b) for b in column] for a in column])
