"""The value every reader returns: images of one size, labels, class names, own splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.data.codes import BadFile, FileNote
from variegate.errors import DataError, InputError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labeled images.

    images uint8 (n, h, w, c); labels int64 (n,), indices into `classes`; groups int64 (n,) or
    None: images of one group (a track, a patient) are never split; paths: the files behind the
    images, or None; test and validation: the set's own parts, or None; problems: files left out
    with on_error="skip"; notes: remarks on files (W2xx); remarks: remarks on the whole set.
    Raises DataError where these do not fit together.
    """

    name: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    groups: npt.NDArray[np.int64] | None = None
    test: Dataset | None = None
    validation: Dataset | None = None
    paths: tuple[str, ...] | None = None
    problems: tuple[BadFile, ...] = ()
    notes: tuple[FileNote, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images, labels, n = self.images, self.labels, len(self.images)
        if images.dtype != np.uint8 or images.ndim != 4:
            raise DataError(
                f"{self.name}: images: expected uint8 (n, h, w, c), got {images.dtype} "
                f"{images.shape}"
            )
        if 0 in images.shape[1:]:
            raise DataError(f"{self.name}: images: a side of zero length in {images.shape}")
        if labels.dtype != np.int64 or labels.shape != (n,):
            raise DataError(
                f"{self.name}: labels: expected int64 ({n},), got {labels.dtype} {labels.shape}"
            )
        if n and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise DataError(
                f"{self.name}: labels: expected 0 to {len(self.classes) - 1}, got "
                f"{labels.min()} to {labels.max()}"
            )
        if len(set(self.classes)) != len(self.classes):
            raise DataError(f"{self.name}: classes: a name stands twice in {self.classes}")
        if self.groups is not None and self.groups.shape != (n,):
            raise DataError(f"{self.name}: groups: expected ({n},), got {self.groups.shape}")
        if self.paths is not None and len(self.paths) != n:
            raise DataError(f"{self.name}: paths: expected {n}, got {len(self.paths)}")
        for own in (self.test, self.validation):
            if own is not None and (
                own.classes != self.classes or own.images.shape[1:] != images.shape[1:]
            ):
                raise DataError(f"{self.name}: {own.name} has other classes or another size")

    def __len__(self) -> int:
        return len(self.images)

    def counts(self) -> npt.NDArray[np.int64]:
        """Return the number of images of each class, (classes,)."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)

    def take(self, indices: Sequence[int] | npt.NDArray[np.integer]) -> Dataset:
        """Return the images at `indices`, in that order; own test and validation parts stay out.

        Raises InputError for an index outside or indices that are not whole numbers.
        """
        picked = np.asarray(indices)
        if picked.size == 0:
            picked = picked.astype(np.int64)
        if picked.ndim != 1 or not np.issubdtype(picked.dtype, np.integer):
            raise InputError(f"indices: expected whole numbers (k,), got {picked.dtype} array")
        if picked.size and not 0 <= picked.min() <= picked.max() < len(self):
            raise InputError(
                f"indices: expected 0 to {len(self) - 1}, got {picked.min()} to {picked.max()}"
            )
        return Dataset(
            name=self.name,
            images=self.images[picked],
            labels=self.labels[picked],
            classes=self.classes,
            groups=None if self.groups is None else self.groups[picked],
            paths=None if self.paths is None else tuple(self.paths[i] for i in picked),
        )
