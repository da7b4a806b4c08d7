"""A contact sheet: what an op or a policy does to images, as one PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError, StoreError
from variegate.ops.registry import get
from variegate.policy import Policy
from variegate.policy import steps as ops
from variegate.policy.nodes import Node
from variegate.workflow.common import Event, Progress, tell
from variegate.workflow.marked import Sample, augmented, tile
from variegate.workflow.policies import op_step, read_policy
from variegate.workflow.report import sample

if TYPE_CHECKING:
    from PIL.Image import Image

    from variegate.data import AnnotatedSet, Dataset

SCHEMA = "variegate.preview/1"
LADDER = (0.0, 0.25, 0.5, 0.75, 1.0)
CELL, GAP, HEAD = 112, 6, 18
MARKED_CELL = 224  # photographs with boxes, masks or points on them
_PAPER, _INK = (255, 255, 255), (28, 39, 51)
_FILES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preview:
    """A written contact sheet: rows of images, columns by title, size (height, width) in pixels.

    searchable: whether the images came with class labels, as a search needs them.
    """

    path: Path
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    size: tuple[int, int]
    changed: float
    searchable: bool

    def to_dict(self) -> dict[str, Any]:
        """What is on the sheet, as JSON values."""
        return {
            "schema": SCHEMA,
            "path": str(self.path),
            "rows": list(self.rows),
            "columns": list(self.columns),
            "size": list(self.size),
            "changed": self.changed,
            "searchable": self.searchable,
        }


def preview(
    data: str | Path | Dataset | AnnotatedSet | Sequence[Pixels],
    policy: str | Path | Policy | Node | Sequence[Node] = "trivial",
    *,
    images: int = 6,
    draws: int = 5,
    magnitudes: bool = False,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    on_error: str = "stop",
    out: str | Path = "preview.png",
    progress: Progress | None = None,
) -> Preview:
    """Write a sheet with one row an image: the original, then `draws` draws of the policy.

    data: a data set, one image file, a list of uint8 images, or an annotated set (see
    `data.load_annotated`), whose boxes, masks and points are drawn. policy: see `read_policy`.
    magnitudes: the columns are magnitudes 0, .25, .5, .75 and 1 of one op, given by name.
    `Preview.changed` is the share of pictures that differ from their original. Needs no display.
    """
    for name, value in (("images", images), ("draws", draws)):
        if not 1 <= value <= 64:
            raise InputError(f"{name}: expected a whole number 1..64, got {value!r}")
    if magnitudes:
        if not isinstance(policy, str):
            raise InputError("magnitudes: name one op, for instance Rotate")
        get(policy)
        steps = [(f"{m:g}", Policy((op_step(policy, m),)), 0) for m in LADDER]
    else:
        read = read_policy(policy)
        steps = [(f"draw {k + 1}", read, k) for k in range(draws)]
    samples, labels, titles, classes = _samples(data, images, size, on_error, progress)
    columns: list[tuple[str, Sequence[Sample]]] = [("original", samples)]
    for title, drawn, epoch in steps:
        made = augmented(drawn, samples, labels, classes, seed=seed, epoch=epoch)
        columns.append((title, made))
    sheet = _sheet(columns, titles, MARKED_CELL if len(samples[0]) > 1 else CELL)
    path = _write(sheet, Path(out))
    different = [
        not np.array_equal(before["image"], now["image"])
        for _, column in columns[1:]
        for before, now in zip(samples, column, strict=True)
    ]
    return Preview(
        path=path,
        rows=tuple(titles),
        columns=tuple(title for title, _ in columns),
        size=(sheet.height, sheet.width),
        changed=sum(different) / len(different),
        searchable=classes > 1 and len(samples[0]) == 1,
    )


def _samples(
    data: Any,
    count: int,
    size: tuple[int, int] | None,
    on_error: str,
    progress: Progress | None,
) -> tuple[list[Sample], npt.NDArray[np.int64], list[str], int]:
    """The samples to show, their labels, a title each, and the number of classes."""
    from variegate.data import (
        AnnotatedSet,
        Dataset,
        decode_file,
        is_annotated,
        load,
        load_annotated,
    )

    if isinstance(data, str | Path) and Path(data).suffix.lower() in _FILES:
        image = decode_file(str(data)).image
        text = f"{data}: {image.shape[0]} x {image.shape[1]} pixels"
        tell(progress, Event("understood", text))
        return [{"image": image}], np.zeros(1, np.int64), [Path(data).stem], 1
    if isinstance(data, str | Path) and is_annotated(data):
        data = load_annotated(data, on_error=on_error)
    if isinstance(data, AnnotatedSet):
        return _annotated(data, count, size, progress)
    if isinstance(data, str | Path):
        tell(progress, Event("progress", f"reading {data}"))
        data = load(data, size=size, on_error=on_error, limit_per_class=count)
    if isinstance(data, Dataset):
        picked, labels = sample(data, count)
        _, height, width, channels = picked.shape
        text = (
            f"{data.name}: {len(data):,} training images read, {height} x {width} x {channels}, "
            f"{len(data.classes)} classes; {len(picked)} shown"
        )
        tell(progress, Event("understood", text))
        titles = [data.classes[label] for label in labels]
        return [{"image": image} for image in picked], labels, titles, len(data.classes)
    pictures = [np.asarray(image) for image in data][:count]
    if not pictures or any(p.dtype != np.uint8 or p.ndim != 3 for p in pictures):
        raise InputError("data: expected a path, a Dataset or a list of uint8 (h, w, c) images")
    labels = np.zeros(len(pictures), np.int64)
    titles = [f"image {k}" for k in range(len(pictures))]
    return [{"image": picture} for picture in pictures], labels, titles, 1


def _annotated(
    data: AnnotatedSet, count: int, size: tuple[int, int] | None, progress: Progress | None
) -> tuple[list[Sample], npt.NDArray[np.int64], list[str], int]:
    """The first samples of an annotated set, brought to one size where it is asked for."""
    for bad in data.problems:
        tell(progress, Event("remark", f"left out {bad.path}: {bad.reason}"))
    if not len(data):
        raise InputError(f"{data.name}: no annotated images")
    found: list[Sample] = [data[place] for place in range(min(count, len(data)))]
    labels = np.zeros(len(found), np.int64)
    if size is not None:
        fit = Policy((ops.SmallestMaxSize(max_size=max(size)), ops.CenterCrop(size=size)))
        found = list(augmented(fit, found, labels, 1))
    marks = [f"{data.boxes:,} boxes"] * bool(data.boxes)
    marks += ["masks"] * ("mask" in found[0]) + [f"{data.points:,} points"] * bool(data.points)
    text = (
        f"{data.name}: {data.layout}, {len(data):,} images, {', '.join(marks)}; {len(found)} shown"
    )
    tell(progress, Event("understood", text))
    return found, labels, [Path(item.path).stem for item in data.items[: len(found)]], 1


def _sheet(
    columns: Sequence[tuple[str, Sequence[Sample]]], titles: Sequence[str], side: int
) -> Image:
    from PIL import Image, ImageDraw

    cell = side + GAP
    width = GAP + cell * len(columns)
    height = HEAD + (cell + HEAD) * len(titles) + GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, (title, samples) in enumerate(columns):
        left = GAP + cell * column
        pen.text((left, 3), title, fill=_INK)
        for row, shown in enumerate(samples):
            top = HEAD + (cell + HEAD) * row
            small = tile(shown, side)
            sheet.paste(small, (left + (side - small.width) // 2, top + (side - small.height) // 2))
            if column == 0:
                # The built-in font knows Latin-1 at most; another letter must not stop the sheet.
                text = titles[row][:40].encode("ascii", "replace").decode("ascii")
                pen.text((left, top + side + 2), text, fill=_INK)
    return sheet


def _write(sheet: Image, path: Path) -> Path:
    import io

    from variegate.evaluate.files import write_atomic

    stream = io.BytesIO()
    sheet.save(stream, format="PNG")
    try:
        return write_atomic(path, stream.getvalue())
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); name another file with out"
        ) from error
