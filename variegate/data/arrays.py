"""Turn arrays of images and labels, as files hold them, into a Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.dataset import Dataset
from variegate.data.fit import fit_batch
from variegate.data.options import Options, pick_per_class
from variegate.errors import DataError

__all__ = ["check_images", "check_labels", "from_arrays", "name_classes", "with_parts"]

Array = npt.NDArray[Any]


def check_images(where: str, images: Array) -> npt.NDArray[np.uint8]:
    """Return images as uint8 (n, h, w, c). Raises DataError that says what to change."""
    if images.dtype != np.uint8:
        raise DataError(
            f"{where}: expected uint8 images, got {images.dtype}; scale them to 0..255 and save "
            "them as uint8"
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise DataError(f"{where}: expected (n, h, w) or (n, h, w, c), got {images.shape}")
    if images.shape[3] > 16:
        channels_first = images.shape[1] in (1, 3)
        step = "move the channels last" if channels_first else "1 to 16 are legal"
        raise DataError(f"{where}: {images.shape[3]} channels in {images.shape}; {step}")
    return images


def check_labels(where: str, labels: Array, count: int) -> npt.NDArray[np.int64]:
    """Return labels as int64 (n,). Raises DataError for another type, shape or count."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{where}: expected whole numbers as labels, got {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"{where}: expected labels (n,) or (n, 1), got {labels.shape}")
    if len(labels) != count:
        raise DataError(f"{where}: {len(labels)} labels for {count} images")
    if count and labels.min() < 0:
        raise DataError(f"{where}: label {labels.min()}, expected 0 or more")
    return labels.astype(np.int64)


def from_arrays(
    name: str,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    classes: Sequence[str],
    options: Options,
    groups: npt.NDArray[np.int64] | None = None,
    limit: bool = True,
) -> Dataset:
    """Return a Dataset after limit_per_class, channels and size."""
    if limit and options.limit_per_class is not None:
        keep = pick_per_class(labels, options.limit_per_class)
        images, labels = images[keep], labels[keep]
        groups = None if groups is None else groups[keep]
    images = fit_batch(images, options.size, options.channels)
    return Dataset(
        name=name,
        images=np.ascontiguousarray(images),
        labels=labels,
        classes=tuple(classes),
        groups=groups,
    )


def name_classes(
    where: str, train: npt.NDArray[np.int64], others: dict[str, npt.NDArray[np.int64]]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], dict[str, npt.NDArray[np.int64]]]:
    """Number the label values of the training part 0, 1, ...; their text is the class name.

    Raises DataError where another part has a value that training does not have.
    """
    values = np.unique(train)
    numbered = {}
    for key, labels in others.items():
        unknown = np.setdiff1d(labels, values)
        if unknown.size:
            raise DataError(
                f"{where}: {key} has label {unknown[0]}, which train does not have; add images of "
                "it to train or remove it"
            )
        numbered[key] = np.searchsorted(values, labels).astype(np.int64)
    return (
        tuple(str(value) for value in values),
        np.searchsorted(values, train).astype(np.int64),
        numbered,
    )


def with_parts(
    name: str,
    parts: dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]],
    classes: Sequence[str] | None,
    options: Options,
    groups: npt.NDArray[np.int64] | None = None,
) -> Dataset:
    """Return the Dataset of parts {"train": (images, labels), "test": ..., "validation": ...}."""
    labels = {key: part[1] for key, part in parts.items()}
    if not len(labels["train"]):
        raise DataError(f"{name}: no training images")
    if classes is None:
        train = labels.pop("train")
        classes, train, labels = name_classes(name, train, labels)
        labels["train"] = train
    own = {
        key: from_arrays(f"{name} {key}", part[0], labels[key], classes, options, limit=False)
        for key, part in parts.items()
        if key != "train" and len(part[0])
    }
    train_set = from_arrays(name, parts["train"][0], labels["train"], classes, options, groups)
    return replace(train_set, test=own.get("test"), validation=own.get("validation"))
