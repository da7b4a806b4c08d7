"""Divide a data set into training, validation and test parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from variegate.data.dataset import Dataset
from variegate.errors import DataError, InputError

__all__ = ["Splits", "split"]

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Splits:
    """Three parts of one data set that share no image and no group."""

    train: Dataset
    validation: Dataset
    test: Dataset


def split(
    dataset: Dataset,
    *,
    seed: int,
    train_per_class: int | None = None,
    validation: float = 0.2,
    test: float = 0.2,
) -> Splits:
    """Divide `dataset` class by class, by `seed`.

    validation, test: fractions of each class (0 to 1). A test or validation part that the set
    brings along is used as it is, and its fraction is not. train_per_class: exactly so many
    training images of each class; what is left is not used, and a smaller number is a subset of a
    larger one. Where the set has groups, whole groups go to one part, so fractions are met as
    closely as groups allow. Every class is in every part.
    Raises DataError that names the class with too few images or groups; InputError for an
    illegal argument.
    """
    _check_arguments(seed, train_per_class, validation=validation, test=test)
    wanted = {}
    if dataset.test is None:
        wanted["test"] = test
    if dataset.validation is None:
        wanted["validation"] = validation
    if sum(wanted.values()) >= 1:
        raise InputError(
            f"validation and test: together below 1 expected, got {sum(wanted.values())}"
        )
    for own in (dataset.test, dataset.validation):
        if own is not None and not own.counts().all():
            name = dataset.classes[int(np.argmin(own.counts()))]
            raise DataError(f"{own.name}: no image of class {name!r}; add some")
    if dataset.groups is not None:
        _check_groups(dataset, dataset.groups)
    chosen: dict[str, list[Indices]] = {"train": [], "validation": [], "test": []}
    for label, name in enumerate(dataset.classes):
        parts = _divide(dataset, label, seed, wanted)
        train = parts["train"]
        if train_per_class is not None:
            if len(train) < train_per_class:
                raise DataError(
                    f"{dataset.name}: class {name!r} has {len(train)} images for training, "
                    f"train_per_class is {train_per_class}; lower it, or validation and test"
                )
            parts["train"] = train[:train_per_class]
        for key, indices in parts.items():
            chosen[key].append(indices)
    return Splits(
        train=_part(dataset, chosen["train"], "train"),
        validation=dataset.validation or _part(dataset, chosen["validation"], "validation"),
        test=dataset.test or _part(dataset, chosen["test"], "test"),
    )


def _check_arguments(seed: object, train_per_class: object, **fractions: object) -> None:
    """Raise InputError for an illegal argument of `split`."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: expected a whole number of at least 0, got {seed!r}")
    if train_per_class is not None and (
        isinstance(train_per_class, bool)
        or not isinstance(train_per_class, int | np.integer)
        or train_per_class < 1
    ):
        raise InputError(
            f"train_per_class: expected a whole number of at least 1, got {train_per_class!r}"
        )
    for name, value in fractions.items():
        if not isinstance(value, float | int) or not 0 < value < 1:
            raise InputError(f"{name}: expected a fraction between 0 and 1, got {value!r}")


def _check_groups(dataset: Dataset, groups: Indices) -> None:
    """Refuse a group with images of two classes."""
    pairs = np.unique(np.stack([groups, dataset.labels], axis=1), axis=0)
    numbers, counts = np.unique(pairs[:, 0], return_counts=True)
    if (counts > 1).any():
        raise DataError(
            f"{dataset.name}: group {numbers[counts > 1][0]} has images of two classes; number "
            "groups so that each belongs to one class"
        )


def _divide(
    dataset: Dataset, label: int, seed: int, wanted: dict[str, float]
) -> dict[str, Indices]:
    """Return the shuffled indices of one class for each part that is drawn."""
    members = np.flatnonzero(dataset.labels == label)
    # a stream for each class: one more class changes nothing for the others
    generator = np.random.Generator(np.random.PCG64([seed, label]))
    order = members[np.argsort(generator.random(len(members)), kind="stable")]
    if dataset.groups is None:
        blocks = list(order[:, None])
    else:
        groups = dataset.groups[order]
        _, first = np.unique(groups, return_index=True)
        blocks = [order[groups == groups[at]] for at in np.sort(first)]
    if len(blocks) < len(wanted) + 1:
        kind = "images" if dataset.groups is None else "groups"
        raise DataError(
            f"{dataset.name}: class {dataset.classes[label]!r} has {len(blocks)} {kind}, at least "
            f"{len(wanted) + 1} are needed for {', '.join(['train', *wanted])}; add images or "
            "remove the class"
        )
    parts: dict[str, Indices] = {}
    at = 0
    for place, (key, fraction) in enumerate(wanted.items()):
        target = max(1, round(fraction * len(members)))
        last = len(blocks) - (len(wanted) - place)
        start, count = at, 0
        while at < last and (at == start or count + len(blocks[at]) / 2 <= target):
            count += len(blocks[at])
            at += 1
        parts[key] = np.concatenate(blocks[start:at])
    rest = np.concatenate(blocks[at:])
    # spread over the groups, in the shuffled order of the images
    parts["train"] = order[np.isin(order, rest)]
    return parts


def _part(dataset: Dataset, indices: list[Indices], key: str) -> Dataset:
    """Return one part, images in the order of the data set."""
    return replace(dataset.take(np.sort(np.concatenate(indices))), name=f"{dataset.name} {key}")
