"""Population-based augmentation: schedules whose magnitudes change over the epochs.

Explore and exploit are those of PBA (Ho et al. 2019). There a population of half-trained models
hands on weights; here each schedule is one whole training, so that any objective can be searched, a
killed search goes on, and a score is that of the schedule. So a schedule costs more than there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.ops.registry import get
from variegate.search.schedule import check_whole
from variegate.search.sub_policies import AUTOAUGMENT_OPS

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from variegate.search.space import Suggests

__all__ = ["PBA_OPS", "Breeder", "ScheduleSpace", "explore"]

Ints = npt.NDArray[np.int64]
Step = dict[str, Any]

PBA_OPS = tuple(name for name in AUTOAUGMENT_OPS if name != "MixUp")
# Steps of a probability and of a magnitude, and how many ops an image gets how often: as published.
PROBABILITIES, MAGNITUDES = 11, 10
COUNTS = (0.2, 0.3, 0.5)
# Random schedules at the start, which have one stage; later ones come from the best quarter.
POPULATION, ELITE = 8, 4
RESAMPLED, MOVES = 0.2, 4


@dataclass(frozen=True)
class ScheduleSpace:
    """A probability and a magnitude of each op in each of `stages` equal parts of `epochs`.

    An image gets no op, one or two with probability 0.2, 0.3 and 0.5, each op as often as its
    probability is high. PBA has each op twice; here it stands once.
    """

    epochs: int
    ops: tuple[str, ...] = PBA_OPS
    stages: int = 4

    def __post_init__(self) -> None:
        if not self.ops or len(set(self.ops)) < len(self.ops):
            raise InputError(f"ops: expected names that differ, got {self.ops!r}")
        check_whole("stages", self.stages, 2)
        check_whole("epochs", self.epochs, self.stages)

    def tokens(self) -> list[tuple[str, int]]:
        """Names and numbers of values of what is drawn, in order."""
        kinds = (("probability", PROBABILITIES), ("magnitude", MAGNITUDES))
        return [
            (f"{stage}.{op}.{kind}", count)
            for stage in range(self.stages)
            for op in self.ops
            for kind, count in kinds
        ]

    def suggest(self, trial: Suggests) -> dict[str, Any]:
        """Draw one schedule (JSON form)."""
        params = {name: trial.suggest_int(name, 0, count - 1) for name, count in self.tokens()}
        return self.policy_of(params)

    def policy_of(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The schedule (JSON form) that a trial's parameters stand for; equal stages are one."""
        stages: dict[str, list[Step]] = {}
        last: list[Step] | None = None
        for stage in range(self.stages):
            steps = self._steps(params, stage)
            if steps != last:
                stages[str(round(stage * self.epochs / self.stages))] = steps
            last = steps
        step = {"step": "ByEpoch", "policies": stages}
        return {"format": "variegate-policy", "version": 1, "steps": [step]}

    def _steps(self, params: Mapping[str, Any], stage: int) -> list[Step]:
        steps, weights = [], []
        for op in self.ops:
            share = params[f"{stage}.{op}.probability"] / (PROBABILITIES - 1)
            if share > 0:
                magnitude = round(params[f"{stage}.{op}.magnitude"] / (MAGNITUDES - 1), 4)
                own = {"magnitude": magnitude} if get(op).has_magnitude else {}
                steps.append({"step": op, **own, "p": 1.0})
                weights.append(share)
        if not steps:
            return []
        any_of = round(1 - float(np.prod([1 - w for w in weights])), 4)
        one = {"step": "OneOf", "steps": steps, "weights": weights, "p": any_of}
        nothing, two = {"step": "Sequence", "steps": []}, {"step": "Sequence", "steps": [one, one]}
        return [{"step": "OneOf", "steps": [nothing, one, two], "weights": list(COUNTS)}]

    def to_dict(self) -> dict[str, Any]:
        """The space as JSON data, without its head."""
        return {
            "kind": "schedules",
            "epochs": self.epochs,
            "ops": list(self.ops),
            "stages": self.stages,
        }


def explore(values: Ints, counts: Ints, generator: np.random.Generator) -> Ints:
    """Perturb whole numbers 0..count - 1: a fifth drawn anew, the rest moved by 0 to 3, clipped."""
    anew = generator.random(len(values)) < RESAMPLED
    fresh = generator.integers(0, counts)
    moved = values + generator.integers(0, MOVES, len(values)) * generator.choice(
        [-1, 1], len(values)
    )
    return np.where(anew, fresh, np.clip(moved, 0, counts - 1))


@dataclass
class Breeder:
    """Draws a trial's schedule from those before it: a pure function of them and the seed.

    The first ones are random and the same in all stages. A later one takes a parent of the best
    quarter, and explores from one stage on, in turn; stages before stay the parent's.
    """

    space: ScheduleSpace
    seed: int
    drawn: dict[int, list[int]] = field(default_factory=dict)

    def tokens(self, number: int, trials: Sequence[FrozenTrial]) -> list[int]:
        """The token row of a trial."""
        if number not in self.drawn:
            names = [name for name, _ in self.space.tokens()]
            scored = [t for t in trials if t.value is not None]
            rows = [([t.params[n] for n in names], float(t.value or 0)) for t in scored]
            self.drawn[number] = self.row(number, rows)
        return self.drawn[number]

    def row(self, number: int, known: Sequence[tuple[Sequence[int], float]]) -> list[int]:
        """The row of trial `number`, given pairs of row and value in order of their numbers."""
        generator = np.random.default_rng([self.seed, number])
        counts = np.array([c for _, c in self.space.tokens()]).reshape(self.space.stages, -1)
        if number < POPULATION or not known:
            table = np.tile(generator.integers(0, counts[0]), (self.space.stages, 1))
            return [int(v) for v in table.ravel()]
        ranked = sorted(range(len(known)), key=lambda i: (-known[i][1], i))
        best = ranked[: max(1, len(known) // ELITE)]
        parent = known[best[int(generator.integers(len(best)))]][0]
        table = np.array(parent).reshape(self.space.stages, -1)
        stage = (number - POPULATION) % self.space.stages
        table[stage:] = explore(table[stage], counts[stage], generator)
        return [int(v) for v in table.ravel()]
