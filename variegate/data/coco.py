"""COCO: one JSON file for many images. Boxes are x, y, width, height; points and masks go along."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.annotated import AnnotatedSet, Item, Reading
from variegate.errors import DataError

__all__ = ["load_coco"]

MAX_BYTES = 1 << 30


def load_coco(path: Path, images: Path | None, reading: Reading) -> AnnotatedSet:
    """The set of an annotation file. images: the folder of the images; by default beside the file,
    in `images`, or in a folder of the file's name. Crowd regions are left out.
    """
    data = _read(path)
    names = {c["id"]: str(c["name"]) for c in data.get("categories", [])}
    order = {number: place for place, number in enumerate(sorted(names))}
    own: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for annotation in data.get("annotations", []):
        if not annotation.get("iscrowd"):
            own[annotation.get("image_id")].append(annotation)
    items = []
    for image in data["images"]:
        found = _find(path, images, str(image["file_name"]))
        if found is None:
            reading.bad(path, f"no image file {image['file_name']!r}")
            continue
        try:
            items.append(_item(found, image, own[image["id"]], order, reading))
        except (KeyError, TypeError, ValueError) as error:
            reading.bad(found, f"its annotation cannot be read: {error!r}")
    classes = tuple(names[number] for number in sorted(names))
    return AnnotatedSet(path.stem, "COCO", tuple(items), classes, tuple(reading.problems))


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{str(path)!r}: larger than {MAX_BYTES >> 20} MiB")
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{str(path)!r}: no JSON file: {error!s:.100}") from error
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise DataError(f"{str(path)!r}: no COCO file: expected a list under 'images'")
    return data


def _find(path: Path, images: Path | None, name: str) -> str | None:
    """The file of this name, which must lie below one of the folders."""
    beside = (path.parent, path.parent / "images", path.parent.parent / "images")
    for folder in (images,) if images is not None else (*beside, path.parent / path.stem):
        file = folder / name
        if file.is_file() and folder.resolve() in file.resolve().parents:
            return str(file)
    return None


def _item(
    path: str,
    image: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    order: Mapping[Any, int],
    reading: Reading,
) -> Item:
    size = (int(image["height"]), int(image["width"])) if image.get("height") else None
    rows = []
    for annotation in annotations:
        x, y, width, height = (float(v) for v in annotation["bbox"])
        rows.append([x, y, x + width, y + height])
    boxes, keep = reading.boxes(path, rows, size)
    kept = [annotations[place] for place in keep]
    labels = np.array([order[a["category_id"]] for a in kept], np.int64)
    return Item(path, boxes, labels, _mask(kept, size), _points(kept), size)


def _points(annotations: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float32] | None:
    """All labeled points (m, 2); they are pixel indices in the file."""
    found = [np.reshape(a["keypoints"], (-1, 3)) for a in annotations if a.get("keypoints")]
    if not found:
        return None
    points = np.concatenate(found)
    return (points[points[:, 2] > 0, :2] + 0.5).astype(np.float32)


def _mask(
    annotations: Sequence[Mapping[str, Any]], size: tuple[int, int] | None
) -> npt.NDArray[np.int32] | None:
    """A mask (h, w) whose values are 1 for the first object, 2 for the second, and so on."""
    if size is None or not any(a.get("segmentation") for a in annotations):
        return None
    mask = np.zeros(size, np.int32)
    for number, annotation in enumerate(annotations, start=1):
        shape = annotation.get("segmentation")
        if isinstance(shape, Mapping):
            mask[_runs(shape, size)] = number
        elif shape:
            mask[_polygons(shape, size)] = number
    return mask


def _polygons(shapes: Sequence[Sequence[float]], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The pixels whose centers lie inside an odd number of times."""
    inside = np.zeros(size, dtype=bool)
    centers = np.arange(size[1]) + 0.5
    for shape in shapes:
        start = np.asarray(shape, dtype=np.float64).reshape(-1, 2)
        end = np.roll(start, -1, axis=0)
        for row in range(size[0]):
            y = row + 0.5
            across = (start[:, 1] <= y) != (end[:, 1] <= y)
            one, other = start[across], end[across]
            share = (y - one[:, 1]) / (other[:, 1] - one[:, 1])
            crossings = np.sort(one[:, 0] + share * (other[:, 0] - one[:, 0]))
            inside[row] |= np.searchsorted(crossings, centers) % 2 == 1
    return inside


def _runs(shape: Mapping[str, Any], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Run lengths down the columns, off and on in turn."""
    counts = shape["counts"]
    if isinstance(counts, str):
        raise ValueError("compressed run lengths are not read; write them as numbers")
    lengths = np.asarray(counts, np.int64)
    if lengths.sum() != size[0] * size[1] or (lengths < 0).any():
        raise ValueError(f"run lengths cover {lengths.sum()} pixels of {size[0] * size[1]}")
    on = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return on.reshape(size[1], size[0]).T
