"""What a loader reads: files or arrays, and what belongs to each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from variegate.data.dataset import Dataset
from variegate.data.folder import list_files
from variegate.errors import DataError, InputError
from variegate.ops.op import suggest
from variegate.pipeline.marks import MARKS
from variegate.targets.labels import read_labels

__all__ = ["Samples", "as_samples"]

_TARGETS = ("labels", *MARKS)


@dataclass(frozen=True)
class Samples:
    """images: paths as text where `files`, else an array (n, h, w, c) or a sequence of (h, w, c).

    targets: name -> one item for each image; classes: names of the labels, where known.
    """

    images: Any
    files: bool
    targets: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def name(self, place: int) -> str:
        """How messages call one image: its path, or its place in the array."""
        return str(self.images[place]) if self.files else f"images[{place}]"

    def pick(self, places: Sequence[int]) -> dict[str, Any]:
        """The targets of some images: labels as an array, the rest as lists."""
        found: dict[str, Any] = {}
        for name, items in self.targets.items():
            if isinstance(items, Mapping):
                found[name] = {key: [own[i] for i in places] for key, own in items.items()}
                continue
            picked = [items[place] for place in places]
            found[name] = np.asarray(picked) if name == "labels" else picked
        return found


def as_samples(source: object) -> Samples:
    """Read the `dataset` argument of a Loader: see there. Raises InputError or DataError."""
    if isinstance(source, Samples):
        return source
    if isinstance(source, Dataset):
        return Samples(source.images, False, {"labels": source.labels}, source.classes)
    if isinstance(source, str | Path):
        root = Path(source)
        if not root.is_dir():
            raise DataError(f"{str(source)!r}: no such folder; give a folder of class folders")
        paths, labels, classes = list_files(root.resolve())
        return Samples(paths, True, {"labels": np.array(labels, dtype=np.int64)}, classes)
    if isinstance(source, Mapping):
        return _from_mapping(source)
    return _from_images(source)


def _from_images(images: Any) -> Samples:
    """A sequence of paths, or of arrays."""
    if isinstance(images, np.ndarray):
        if images.ndim != 4:
            raise InputError(f"dataset: images: expected (n, h, w, c), got {images.shape}")
        return _some(Samples(images, False))
    if not hasattr(images, "__len__") or not hasattr(images, "__getitem__"):
        raise InputError(
            "dataset: expected a folder, a Dataset, a sequence of paths or arrays, or a mapping "
            f"with images, got {type(images).__name__}"
        )
    if len(images) and isinstance(images[0], str | os.PathLike):
        try:
            return _some(Samples([os.fsdecode(path) for path in images], True))
        except TypeError as error:
            raise InputError(f"dataset: paths and other things are mixed: {error}") from None
    return _some(Samples(images, False))


def _some(samples: Samples) -> Samples:
    if len(samples) == 0:
        raise InputError("dataset: has no images")
    return samples


def _from_mapping(source: Mapping[str, Any]) -> Samples:
    """images and their targets, one item for each image."""
    if "images" not in source:
        raise InputError('dataset: a mapping needs "images": a sequence of paths or arrays')
    base = _from_images(source["images"])
    targets: dict[str, Any] = {}
    for name, items in source.items():
        if name == "images":
            continue
        if name not in _TARGETS:
            raise InputError(f"dataset: unknown name {name!r}; {suggest(name, list(_TARGETS))}")
        parts = items if name == "instances" and isinstance(items, Mapping) else {name: items}
        for key, own in parts.items():
            if not hasattr(own, "__len__") or len(own) != len(base):
                got = f"{len(own)} items" if hasattr(own, "__len__") else type(own).__name__
                raise InputError(f"dataset: {key}: expected {len(base)} items, got {got}")
        targets[name] = read_labels(items, len(base)) if name == "labels" else items
    return Samples(base.images, base.files, targets)
