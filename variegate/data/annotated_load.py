"""Open an annotated set: one call that finds out which layout a folder or file has."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from variegate.data.annotated import AnnotatedSet, Item, Reading, image_files
from variegate.data.coco import load_coco
from variegate.data.voc import load_voc
from variegate.errors import DataError, InputError

__all__ = ["is_annotated", "load_annotated"]

XML = ("annotations", "Annotations", "labels", ".")
IMAGES = ("images", "JPEGImages", "Images", "PNGImages", ".")
MASKS = ("masks", "Masks", "SegmentationObject", "SegmentationClass", "PedMasks")
LEGAL = (
    "a COCO .json file, a folder with annotations/*.xml and images/, a folder with images/ and "
    "masks/, or a folder of images with a .csv of points"
)


def load_annotated(
    source: str | Path, *, images: str | Path | None = None, on_error: str = "stop"
) -> AnnotatedSet:
    """Return the images behind `source` with their boxes, masks or points.

    source: a COCO file, or a folder: VOC (annotations/*.xml, images/ or JPEGImages/), masks
    (images/ and masks/ with equal names; values are classes or instances), or points (images and a
    .csv file whose rows are an image's name and x, y pairs of pixel indices). images: the folder of
    the images where it is elsewhere. on_error: "stop" at a bad annotation, or "skip" it and list it
    in `problems`. Raises DataError where nothing fits.
    """
    if not isinstance(source, str | Path):
        raise InputError(f"source: expected a path, got {type(source).__name__}")
    path, reading = Path(source), Reading(on_error)
    folder = None if images is None else Path(images)
    if path.is_file() and path.suffix.lower() == ".json":
        return load_coco(path, folder, reading)
    if not path.is_dir():
        raise DataError(f"{str(path)!r}: expected {LEGAL}")
    xml = _with(path, XML, "*.xml")
    masks = {} if (where := _existing(path, MASKS)) is None else image_files(where)
    table = _only(path, "*.csv")
    if xml is not None or masks or table is not None:
        pictures = folder if folder is not None else _pictures(path)
    if xml is not None:
        return load_voc(path.resolve(), xml, pictures, masks, reading)
    if masks:
        return _load_masks(path.resolve(), pictures, masks, reading)
    if table is not None:
        return _load_points(path.resolve(), table, pictures, reading)
    file = _only(path / "annotations", "*.json")
    if file is not None:
        return load_coco(file, folder, reading)
    raise DataError(f"{str(path)!r}: expected {LEGAL}")


def is_annotated(source: str | Path) -> bool:
    """Whether `load_annotated` would know the layout; nothing is read."""
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() == ".json"
    if not path.is_dir() or (path / "train").is_dir():
        return False
    xml, masks = _with(path, XML, "*.xml"), _existing(path, MASKS)
    table = _only(path, "*.csv") if image_files(path) else None
    return bool(xml or masks or table or _only(path / "annotations", "*.json"))


def _existing(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _with(root: Path, names: tuple[str, ...], pattern: str) -> Path | None:
    return next((root / n for n in names if any((root / n).glob(pattern))), None)


def _only(folder: Path, pattern: str) -> Path | None:
    found = sorted(folder.glob(pattern)) if folder.is_dir() else []
    if len(found) > 1:
        raise DataError(f"{str(folder)!r}: {len(found)} files {pattern}; name one of them")
    return found[0] if found else None


def _pictures(root: Path) -> Path:
    for name in IMAGES:
        if (root / name).is_dir() and image_files(root / name):
            return root / name
    raise DataError(f"{str(root)!r}: no folder of images; name it with images=")


def _load_masks(
    root: Path, pictures: Path, masks: dict[str, str], reading: Reading
) -> AnnotatedSet:
    items = []
    for stem, path in image_files(pictures).items():
        mask = masks.get(stem) or masks.get(f"{stem}_mask")
        if mask is None:
            reading.bad(path, "it has no mask of the same name")
        else:
            items.append(Item(path, mask=mask))
    return AnnotatedSet(root.name, "masks", tuple(items), problems=tuple(reading.problems))


def _load_points(root: Path, table: Path, pictures: Path, reading: Reading) -> AnnotatedSet:
    files = {Path(path).name: path for path in image_files(pictures).values()}
    items = []
    with table.open(newline="", encoding="utf-8") as text:
        rows = csv.reader(text)
        next(rows, None)
        for number, row in enumerate(rows, start=2):
            path = files.get(row[0]) if row else None
            try:
                values = np.array(row[1:], np.float32).reshape(-1, 2)
            except ValueError:
                path = None
            if path is None or not np.isfinite(values).all():
                reading.bad(table, f"line {number}: no such image, or no pairs of numbers")
            else:
                items.append(Item(path, points=values + 0.5))
    return AnnotatedSet(root.name, "points", tuple(items), problems=tuple(reading.problems))
