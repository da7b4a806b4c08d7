"""Class-balanced sampling: the samples of an epoch, scarce classes filled up with further copies.

A further copy of a sample has an index of its own, so that the pipeline draws another augmentation
for it: scarce classes are filled with new pictures, not with repeated ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.order import shuffled
from variegate.errors import InputError
from variegate.plan.counter import hashes, slot_keys

__all__ = ["GROUPS", "Balance", "class_groups"]

Ints = npt.NDArray[np.int64]
GROUPS = ("many", "medium", "few")
_COPY_SLOT = np.array([0x636F7079], dtype=np.uint64)  # "copy": no step's slot has this number
_MOST = 1 << 31


class Balance:
    """Says which samples an epoch has, given their class indices `labels` (n,).

    power: a class of c images gets a share of the epoch in proportion to c ** (1 - power): 0 leaves
    the data as it is, 0.5 takes square roots, 1 gives every class the same. length: samples of an
    epoch; by default so many that the largest class comes once and no image is left out. With a
    given length the largest class may lose images of an epoch, others of each epoch's own.

    An epoch is a function of (seed, epoch) alone. Raises InputError.
    """

    def __init__(self, labels: Any, power: Any = 1.0, length: int | None = None) -> None:
        self.labels = _labels(labels)
        if isinstance(power, bool) or not isinstance(power, int | float) or not 0 <= power <= 1:
            raise InputError(f"power: expected a number 0..1, got {power!r}")
        self.power = float(power)
        self.counts = np.bincount(self.labels).astype(np.int64)
        wanted = np.where(self.counts > 0, self.counts.astype(float) ** (1 - self.power), 0.0)
        if length is None:
            wanted *= self.counts.max() ** self.power
            self.copies = np.maximum(np.round(wanted).astype(np.int64), self.counts)
        else:
            self.copies = _divided(wanted, _length(length, int((self.counts > 0).sum())))

    def __len__(self) -> int:
        """The number of samples of an epoch."""
        return int(self.copies.sum())

    def __repr__(self) -> str:
        return f"Balance({len(self.labels)} samples, power={self.power:g}, length={len(self)})"

    def epoch(self, seed: int, epoch: int, *, shuffle: bool = True) -> Ints:
        """Give the indices of an epoch's samples (length,), in the order they come.

        Index i is a copy of sample i % n, the (i // n)-th. Each image of a class comes as often as
        any other, or once more: which ones, is drawn. shuffle=False sorts: first copies first.
        """
        count = len(self.labels)
        words = hashes(slot_keys(seed, epoch, _COPY_SLOT), np.arange(count, dtype=np.uint64))
        lucky = np.lexsort((words[:, 0], self.labels))  # class by class, in a drawn order
        place = np.arange(count) - (np.cumsum(self.counts) - self.counts)[self.labels[lucky]]
        whole, rest = np.divmod(self.copies, np.maximum(self.counts, 1))
        times = np.empty(count, dtype=np.int64)
        times[lucky] = whole[self.labels[lucky]] + (place < rest[self.labels[lucky]])
        sample = np.repeat(np.arange(count), times)
        copy = np.arange(len(sample)) - np.repeat(np.cumsum(times) - times, times)
        index = sample + count * copy
        return shuffled(index, seed, epoch) if shuffle else np.sort(index)

    def state(self) -> list[Any]:
        """What must be the same for the same epochs to follow, as JSON data."""
        return [self.power, self.copies.tolist()]

    def report(self, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Give for each class its name, group (many, medium, few), images, and samples an epoch."""
        known = [str(i) for i in range(len(self.counts))] if names is None else list(names)
        if len(known) < len(self.counts):
            raise InputError(f"names: expected {len(self.counts)}, got {len(known)}")
        groups = class_groups(self.counts)
        rows = zip(known, groups, self.counts.tolist(), self.copies.tolist(), strict=False)
        return [
            {"class": name, "group": group, "images": images, "samples": samples}
            for name, group, images, samples in rows
        ]


def class_groups(counts: Any) -> list[str]:
    """Say of each class whether it has many, medium or few images, from its count (classes,).

    The borders cut the way from the smallest count to the largest into three equal parts on a
    logarithmic scale; for CIFAR-100-LT's 500 to 5 they are 108 and 23, where Liu et al. (2019) have
    100 and 20. Classes of one size are all "many"; a class without images has "few".
    """
    numbers = np.asarray(counts, dtype=np.float64)
    some = numbers[numbers > 0]
    if some.size == 0:
        return [GROUPS[2]] * len(numbers)
    most, least = some.max(), some.min()
    if most == least:
        return [GROUPS[0] if n > 0 else GROUPS[2] for n in numbers]
    step = (most / least) ** (1 / 3)
    upper, lower = most / step, least * step
    return [GROUPS[0] if n > upper else GROUPS[1] if n > lower else GROUPS[2] for n in numbers]


def _labels(labels: Any) -> Ints:
    values = np.asarray(labels)
    if values.ndim != 1 or values.dtype.kind not in "iu" or values.size == 0:
        raise InputError(
            f"labels: expected class indices (n,), at least one, got {values.dtype} {values.shape}"
        )
    if values.min() < 0 or values.max() >= _MOST:
        raise InputError(f"labels: expected 0 to {_MOST - 1}, got {values.min()}..{values.max()}")
    return np.asarray(values, dtype=np.int64)


def _length(length: object, classes: int) -> int:
    if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < classes:
        raise InputError(
            f"length: expected a whole number from {classes} up, one for each class, got {length!r}"
        )
    return int(length)


def _divided(wanted: npt.NDArray[np.float64], length: int) -> Ints:
    """Whole numbers in these proportions with this sum, at least 1 where something is wanted."""
    least = (wanted > 0).astype(np.int64)
    exact = wanted / wanted.sum() * (length - least.sum())
    given = np.floor(exact).astype(np.int64)
    largest = np.argsort(-(exact - given), kind="stable")[: length - least.sum() - given.sum()]
    given[largest] += 1
    found: Ints = given + least
    return found
