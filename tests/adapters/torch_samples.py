"""Data sets at module level, so that spawned workers find them."""

from __future__ import annotations

from typing import Any

import numpy as np

import variegate as vg
from variegate.testing.pictures import picture

COUNT = 12
IMAGES = np.stack([picture("random", (13, 17), 3, i) for i in range(COUNT)])


def policy() -> list[Any]:
    """Draws of every sort, and results of one size."""
    return [
        vg.RandomResizedCrop(size=(12, 14)),
        vg.RandAugment(num_ops=2, magnitude=0.5),
        vg.GaussianNoise(sigma=(0.05, 0.1)),
    ]


class Pairs:
    """(image, label)."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return IMAGES[index], index % 3


class Given:
    """What it was made of."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]
