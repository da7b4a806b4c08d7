"""AutoAugment's controller: an LSTM that writes a policy token by token, taught by PPO.

After Cubuk et al. 2019: one layer of 100 units, 30 softmax outputs (5 sub-policies x 2 ops x op,
probability, magnitude), each output fed back as an embedding; weights from U(-0.1, 0.1); proximal
policy optimization (Schulman et al. 2017) with learning rate 0.00035 and entropy weight 0.00001;
the reward is the validation accuracy minus an exponential moving average of rewards (0.95).
The paper names neither batch size, clipping nor passes; 10, 0.2 and 4 are used here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Controller", "Recipe", "forward", "gradients", "objective_and_slope"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Weights = dict[str, Floats]


@dataclass(frozen=True)
class Recipe:
    """The controller's settings. kinds: how many values each token of a step can take.

    steps: how many such steps follow each other. batch: trials of one update; passes: gradient
    steps of an update.
    """

    kinds: tuple[int, ...] = (16, 11, 10)
    steps: int = 10
    units: int = 100
    rate: float = 0.00035
    entropy: float = 0.00001
    decay: float = 0.95
    clip: float = 0.2
    batch: int = 10
    passes: int = 4

    @property
    def length(self) -> int:
        """Tokens of one policy."""
        return self.steps * len(self.kinds)


@dataclass
class _Trace:
    """What `forward` keeps for the way back; lists have one entry a token."""

    inputs: list[Floats]
    hidden: list[Floats]
    cells: list[Floats]
    gates: list[tuple[Floats, Floats, Floats, Floats]]
    shares: list[Floats]


def initial(recipe: Recipe, seed: int) -> Weights:
    """Weights from U(-0.1, 0.1)."""
    generator = np.random.default_rng(seed)
    n = recipe.units
    shapes: dict[str, tuple[int, ...]] = {"lstm": (2 * n, 4 * n), "lstm bias": (4 * n,)}
    shapes["start"] = (1, n)
    for kind, size in enumerate(recipe.kinds):
        shapes[f"embed {kind}"] = (size, n)
        shapes[f"head {kind}"] = (n, size)
        shapes[f"head bias {kind}"] = (size,)
    return {name: generator.uniform(-0.1, 0.1, shape) for name, shape in shapes.items()}


def forward(weights: Weights, recipe: Recipe, tokens: Ints) -> _Trace:
    """Run the LSTM over token rows (batch, length) and give every output's probabilities."""
    count, n = len(tokens), recipe.units
    hidden, cell = np.zeros((count, n)), np.zeros((count, n))
    trace = _Trace([], [hidden], [cell], [], [])
    for place in range(recipe.length):
        taken = _fed(weights, recipe, tokens, place)
        hidden, cell, gates = _cell(weights, taken, hidden, cell)
        trace.inputs.append(taken)
        trace.hidden.append(hidden)
        trace.cells.append(cell)
        trace.gates.append(gates)
        trace.shares.append(_head(weights, recipe, place, hidden))
    return trace


def _fed(weights: Weights, recipe: Recipe, tokens: Ints, place: int) -> Floats:
    if place == 0:
        return np.repeat(weights["start"], len(tokens), axis=0)
    kind = (place - 1) % len(recipe.kinds)
    return weights[f"embed {kind}"][tokens[:, place - 1]]


def _cell(
    weights: Weights, taken: Floats, hidden: Floats, cell: Floats
) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats, Floats]]:
    joined = np.concatenate([taken, hidden], axis=1) @ weights["lstm"] + weights["lstm bias"]
    keep, write, show, new = np.split(joined, 4, axis=1)
    keep, write, show = (1 / (1 + np.exp(-gate)) for gate in (keep, write, show))
    new = np.tanh(new)
    cell = keep * cell + write * new
    return show * np.tanh(cell), cell, (keep, write, show, new)


def _head(weights: Weights, recipe: Recipe, place: int, hidden: Floats) -> Floats:
    kind = place % len(recipe.kinds)
    logits = hidden @ weights[f"head {kind}"] + weights[f"head bias {kind}"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def log_probabilities(trace: _Trace, tokens: Ints) -> Floats:
    """The log-probability of every token, (batch, length)."""
    rows = np.arange(len(tokens))
    columns = [np.log(share[rows, tokens[:, place]]) for place, share in enumerate(trace.shares)]
    return np.stack(columns, axis=1)


def objective_and_slope(
    trace: _Trace, tokens: Ints, before: Floats, advantage: Floats, recipe: Recipe
) -> tuple[float, list[Floats]]:
    """PPO's clipped objective with the entropy bonus, and its slope at every logit.

    before: log-probabilities (batch, length) under the weights that drew the tokens; advantage:
    (batch,).
    """
    now = log_probabilities(trace, tokens)
    ratio, gain = np.exp(now - before), advantage[:, None]
    cut = np.clip(ratio, 1 - recipe.clip, 1 + recipe.clip)
    value = float(np.minimum(ratio * gain, cut * gain).sum()) / len(tokens)
    active = ratio * gain <= cut * gain  # beyond the clip the objective is flat
    to_log = np.where(active, ratio * gain, 0.0) / len(tokens)
    slopes = []
    for place, share in enumerate(trace.shares):
        logs = np.log(share)
        entropy = -(share * logs).sum(axis=1, keepdims=True)
        value += recipe.entropy * float(entropy.mean())
        slope = -to_log[:, place, None] * share
        slope[np.arange(len(tokens)), tokens[:, place]] += to_log[:, place]
        slope -= recipe.entropy / len(tokens) * share * (logs + entropy)
        slopes.append(slope)
    return value, slopes


def gradients(
    weights: Weights, recipe: Recipe, trace: _Trace, tokens: Ints, slopes: Sequence[Floats]
) -> Weights:
    """Slopes of the objective at every weight: back through time from those at the logits."""
    found = {name: np.zeros_like(value) for name, value in weights.items()}
    to_hidden, to_cell = np.zeros_like(trace.hidden[0]), np.zeros_like(trace.cells[0])
    n, kinds = recipe.units, len(recipe.kinds)
    for place in reversed(range(recipe.length)):
        kind = place % kinds
        found[f"head {kind}"] += trace.hidden[place + 1].T @ slopes[place]
        found[f"head bias {kind}"] += slopes[place].sum(axis=0)
        to_hidden = to_hidden + slopes[place] @ weights[f"head {kind}"].T
        keep, write, show, new = trace.gates[place]
        shown = np.tanh(trace.cells[place + 1])
        to_cell = to_cell + to_hidden * show * (1 - shown**2)
        before = (
            to_cell * trace.cells[place] * keep * (1 - keep),
            to_cell * new * write * (1 - write),
            to_hidden * shown * show * (1 - show),
            to_cell * write * (1 - new**2),
        )
        joined = np.concatenate(before, axis=1)
        taken = np.concatenate([trace.inputs[place], trace.hidden[place]], axis=1)
        found["lstm"] += taken.T @ joined
        found["lstm bias"] += joined.sum(axis=0)
        back = joined @ weights["lstm"].T
        to_hidden, to_cell = back[:, n:], to_cell * keep
        if place == 0:
            found["start"] += back[:, :n].sum(axis=0, keepdims=True)
        else:
            fed = f"embed {(place - 1) % kinds}"
            np.add.at(found[fed], tokens[:, place - 1], back[:, :n])
    return found


class Controller:
    """The LSTM with its optimizer (Adam) and baseline; a function of seed and updates so far."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self.recipe = recipe
        self.weights = initial(recipe, seed)
        self.first = {name: np.zeros_like(value) for name, value in self.weights.items()}
        self.second = {name: np.zeros_like(value) for name, value in self.weights.items()}
        self.taken = 0
        self.baseline: float | None = None

    def draw(self, count: int, seed: int) -> Ints:
        """Draw token rows (count, length) from the controller's own generator at `seed`."""
        recipe, generator = self.recipe, np.random.default_rng(seed)
        tokens = np.zeros((count, recipe.length), np.int64)
        hidden = cell = np.zeros((count, recipe.units))
        for place in range(recipe.length):
            taken = _fed(self.weights, recipe, tokens, place)
            hidden, cell, _ = _cell(self.weights, taken, hidden, cell)
            ends = np.cumsum(_head(self.weights, recipe, place, hidden), axis=1)
            least = generator.random((count, 1)) * ends[:, -1:]
            tokens[:, place] = (ends <= least).sum(axis=1)
        return tokens

    def learn(self, tokens: Ints, rewards: Floats) -> None:
        """One PPO update from token rows and their rewards (batch,)."""
        start = self.baseline if self.baseline is not None else float(rewards.mean())
        advantage = rewards - start
        for reward in rewards:
            start = self.recipe.decay * start + (1 - self.recipe.decay) * float(reward)
        self.baseline = start
        before = log_probabilities(forward(self.weights, self.recipe, tokens), tokens)
        for _ in range(self.recipe.passes):
            trace = forward(self.weights, self.recipe, tokens)
            _, slopes = objective_and_slope(trace, tokens, before, advantage, self.recipe)
            self._step(gradients(self.weights, self.recipe, trace, tokens, slopes))

    def _step(self, slopes: Mapping[str, Floats]) -> None:
        """Adam, uphill (Kingma and Ba 2015)."""
        self.taken += 1
        for name, slope in slopes.items():
            self.first[name] = 0.9 * self.first[name] + 0.1 * slope
            self.second[name] = 0.999 * self.second[name] + 0.001 * slope**2
            first = self.first[name] / (1 - 0.9**self.taken)
            second = self.second[name] / (1 - 0.999**self.taken)
            change: Any = self.recipe.rate * first / (np.sqrt(second) + 1e-8)
            self.weights[name] = self.weights[name] + change
