"""Images with boxes, masks or points on them, of any sizes: Pascal VOC, COCO, mask folders, points.

Coordinates come out continuous, as the pipeline takes them: pixel (row r, column c) covers
[r, r + 1) x [c, c + 1).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.codes import BadFile
from variegate.data.decode import decode_file
from variegate.data.sniff import EXTENSIONS
from variegate.errors import DataError, InputError

__all__ = ["AnnotatedSet", "Item", "Reading", "image_files"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Item:
    """What is known of one image before it is decoded.

    boxes (k, 4) x1 y1 x2 y2, with labels (k,); mask: a file, or an array (h, w); points (m, 2);
    size: (height, width) that the annotation states. None where there is none.
    """

    path: str
    boxes: Floats | None = None
    labels: Ints | None = None
    mask: str | npt.NDArray[Any] | None = None
    points: Floats | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class AnnotatedSet:
    """Images with what is marked on them; an image is decoded when it is asked for.

    classes: names of the boxes' labels. problems: annotations and images left out with
    on_error="skip".
    """

    name: str
    layout: str
    items: tuple[Item, ...]
    classes: tuple[str, ...] = ()
    problems: tuple[BadFile, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def boxes(self) -> int:
        """The number of boxes of all images."""
        return sum(len(item.boxes) for item in self.items if item.boxes is not None)

    @property
    def points(self) -> int:
        """The number of points of all images."""
        return sum(len(item.points) for item in self.items if item.points is not None)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One sample as keyword arguments of a pipeline: image, and boxes with box_labels, mask and
        keypoints where the set has them. Raises DataError for a bad file.
        """
        item = self.items[index]
        image = decode_file(item.path, channels=3).image
        size = (image.shape[0], image.shape[1])
        if item.size is not None and item.size != size:
            raise DataError(
                f"{item.path!r}: {size[1]} x {size[0]} pixels, its annotation says "
                f"{item.size[1]} x {item.size[0]}"
            )
        sample: dict[str, Any] = {"image": image}
        if item.boxes is not None:
            sample |= {"boxes": item.boxes, "box_labels": item.labels}
        if item.mask is not None:
            sample["mask"] = _mask(item.mask, size)
        if item.points is not None:
            sample["keypoints"] = item.points
        return sample


def _mask(source: str | npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    if not isinstance(source, str):
        return source
    mask = mask_levels(source)
    if mask.shape != size:
        raise DataError(
            f"{source!r}: the mask has {mask.shape[1]} x {mask.shape[0]} pixels, its image "
            f"{size[1]} x {size[0]}"
        )
    return mask


def mask_levels(path: str) -> npt.NDArray[np.uint8]:
    """The levels (h, w) of a mask file: palette files by their index, others by their gray."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG", "BMP", "TIFF", "GIF"]) as file:
            values = np.asarray(file)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path!r}: the mask cannot be read; save it as PNG") from error
    if values.ndim == 2 and values.dtype in (np.uint8, np.bool_):
        return values.astype(np.uint8)
    return decode_file(path, channels=1).image[..., 0]


class Reading:
    """How a set is read: what happens at a bad annotation, and what was left out."""

    def __init__(self, on_error: str) -> None:
        if on_error not in ("stop", "skip"):
            raise InputError(f"on_error: expected 'stop' or 'skip', got {on_error!r}")
        self.on_error = on_error
        self.problems: list[BadFile] = []

    def bad(self, path: str | Path, reason: str) -> None:
        """Raises DataError that names the file, or notes it."""
        if self.on_error == "stop":
            raise DataError(f"{os.fspath(path)!r}: {reason}; on_error='skip' leaves it out")
        self.problems.append(BadFile(os.fspath(path), "E120", reason))

    def boxes(
        self, path: str | Path, rows: Sequence[Sequence[float]], size: tuple[int, int] | None
    ) -> tuple[Floats, list[int]]:
        """Legal boxes (k, 4) and their places in `rows`; a box that is empty or outside is bad."""
        keep: list[int] = []
        for place, (x1, y1, x2, y2) in enumerate(rows):
            text = f"box {place}: x {x1:g} to {x2:g}, y {y1:g} to {y2:g}"
            if not (x1 < x2 and y1 < y2):  # also true for NaN
                self.bad(path, f"{text} is empty")
            elif size is not None and (
                x1 < -0.5 or y1 < -0.5 or x2 > size[1] + 0.5 or y2 > size[0] + 0.5
            ):
                self.bad(path, f"{text} is outside the {size[1]} x {size[0]} image")
            else:
                keep.append(place)
        chosen = np.array([rows[place] for place in keep], np.float32).reshape(-1, 4)
        if size is not None:
            np.clip(chosen, 0, np.array([size[1], size[0]] * 2, np.float32), out=chosen)
        return chosen, keep


def image_files(folder: Path) -> dict[str, str]:
    """The image files of a folder by stem, in order. Raises DataError where it cannot be read."""
    try:
        found = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError as error:
        raise DataError(f"{str(folder)!r}: cannot be read: {error.strerror}") from error
    files = [name for name in found if Path(name).suffix.lower().lstrip(".") in EXTENSIONS]
    return {Path(name).stem: str(folder / name) for name in files}
