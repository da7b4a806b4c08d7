"""A curriculum by class as data: how strong each class is augmented follows from how it is learned.

CUDA (Ahn, Ko and Yun 2023): every class has a level that rises by one after an epoch in which the
model recognizes the class at all levels up to its own, and falls by one otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence as Listed
from dataclasses import asdict, dataclass
from typing import Any

from variegate.policy.nodes import (
    RANDAUGMENT_OPS,
    Node,
    PerClass,
    RandAugment,
    Sequence,
    check_ops,
    fraction,
    whole,
)
from variegate.policy.policy import Policy

__all__ = ["Curriculum"]

FORMAT = "variegate-curriculum"
# At level s an image gets s ops of magnitude s / 30, as published.
STRONGEST = 30


@dataclass(frozen=True)
class Curriculum:
    """Levels of augmentation by class, for a training to raise and lower.

    ops: what is drawn from. levels: the highest one. threshold: the accuracy, on 0..1, that counts
    as recognized. p: the chance that an image is augmented at all. images: at level s a class is
    asked about (s + 1) times so many of its training images.
    """

    ops: tuple[str, ...] = RANDAUGMENT_OPS
    levels: int = 10
    threshold: float = 0.6
    p: float = 0.5
    images: int = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", check_ops(self.ops, "Curriculum.ops"))
        whole(self.levels, 1, STRONGEST, "Curriculum.levels")
        whole(self.images, 1, 10_000, "Curriculum.images")
        for name in ("threshold", "p"):
            value = fraction(getattr(self, name), f"Curriculum.{name}")
            object.__setattr__(self, name, value)

    @property
    def steps(self) -> tuple[Node, ...]:
        """What it is at its strongest."""
        return self.at(self.levels)

    def at(self, level: int) -> tuple[Node, ...]:
        """The steps of one level; none at 0."""
        if level == 0:
            return ()
        return (RandAugment(num_ops=level, magnitude=level / STRONGEST, ops=self.ops),)

    def policy(self, levels: Listed[int]) -> Policy:
        """The policy of an epoch, from the level of every class."""
        branches: dict[int, tuple[Node, ...]] = {
            index: (Sequence(self.at(level), p=self.p),) for index, level in enumerate(levels)
        }
        return Policy((PerClass({i: own for i, own in branches.items() if levels[i] > 0}),))

    def to_dict(self) -> dict[str, Any]:
        """The curriculum as JSON data."""
        return {"format": FORMAT, "version": 1, **asdict(self), "ops": list(self.ops)}
