"""Records: dicts of named fields, as the libraries that read data sets hand them out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.pipeline import Pipeline

__all__ = ["Fields", "augment_records", "field_of", "key_of"]

Ints = npt.NDArray[np.int64]
ROWS = "row of the record"  # how instances are known again, between a call and its result


@dataclass(frozen=True)
class Fields:
    """Which field of a record is which target; None where there is no such target.

    A dot leads into a nested field, "objects.bbox", whether `objects` is a dict of lists or a list
    of dicts. What else lies beside nested boxes leaves with its box, unchanged. mode: what PIL
    images are converted to ("RGB", "L"), or None to take them as they are.
    """

    image: str = "image"
    label: str | None = None
    mask: str | None = None
    boxes: str | None = None
    box_labels: str | None = None
    keypoints: str | None = None
    mode: str | None = "RGB"

    def paths(self) -> dict[str, str]:
        """Field by target, as a Pipeline calls that in a batch."""
        found = {
            "images": self.image,
            "labels": self.label,
            "masks": self.mask,
            "boxes": self.boxes,
            "box_labels": self.box_labels,
            "keypoints": self.keypoints,
        }
        return {target: path for target, path in found.items() if path is not None}


def key_of(value: Any) -> int:
    """A sample id for what names a record: a whole number of at least 0 itself, of text its hash.

    Raises InputError for anything else.
    """
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest()) >> 1
    number = np.asarray(value)
    if number.ndim == 0 and number.dtype.kind in "iu" and number >= 0:
        return int(number)
    if number.ndim == 0 and number.dtype.kind in "SO" and isinstance(number.item(), str | bytes):
        return key_of(number.item())
    raise InputError(f"key: expected text or a whole number of at least 0, got {value!r:.80}")


def augment_records(
    records: Sequence[Mapping[str, Any]],
    pipeline: Pipeline,
    fields: Fields,
    index: Sequence[int],
    epoch: int = 0,
) -> list[dict[str, Any]]:
    """Records with the fields of `fields` augmented, the others as they were; none is changed.

    Images are PIL images or arrays and come out as arrays. Raises InputError for a record without
    one of the fields, and what a Pipeline raises.
    """
    if not records:
        return []
    paths = fields.paths()
    targets: dict[str, Any] = {
        target: [field_of(record, path) for record in records] for target, path in paths.items()
    }
    targets["images"] = _stacked([_pixels(image, fields.mode) for image in targets["images"]])
    if "masks" in targets:
        targets["masks"] = [np.asarray(mask) for mask in targets["masks"]]
    if "labels" in targets:
        targets["labels"] = np.asarray(targets["labels"])
    if "boxes" in targets:
        targets["boxes"] = [_rows_of_four(own) for own in targets["boxes"]]
        targets["instances"] = {ROWS: _rows(targets["boxes"])}
    out = pipeline(index=np.asarray(index), epoch=epoch, **targets)
    made = [dict(record) for record in records]
    if "boxes" in targets:
        _keep_beside(made, records, paths, out["instances"][ROWS])
    for target, path in paths.items():
        for place, record in enumerate(made):
            _put(record, path, out[target][place])
    return made


def _rows_of_four(boxes: Any) -> npt.NDArray[Any]:
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


def _pixels(image: Any, mode: str | None) -> npt.NDArray[Any]:
    """A PIL image or an array as an array that belongs to nobody else."""
    if hasattr(image, "convert"):
        image = image if mode is None else image.convert(mode)
    return np.asarray(image)


def _stacked(images: list[npt.NDArray[Any]]) -> Any:
    """One array where all images are alike, which is faster; gray ones get a channel axis."""
    images = [image[..., None] if image.ndim == 2 else image for image in images]
    alike = len({(image.shape, image.dtype) for image in images}) == 1
    return np.stack(images) if alike else images


def _rows(boxes: list[Any]) -> list[Ints]:
    """For each record the number of it and of each of its boxes, in one number a box."""
    return [np.arange(len(own), dtype=np.int64) + (n << 32) for n, own in enumerate(boxes)]


def _keep_beside(
    made: list[dict[str, Any]],
    records: Sequence[Mapping[str, Any]],
    paths: Mapping[str, str],
    rows: Sequence[Ints],
) -> None:
    """Gives what lies beside nested boxes the rows of the boxes that are there now. After a mix
    these come from several records.
    """
    outer, _, inner = paths["boxes"].rpartition(".")
    if not outer:
        return
    for record, own in zip(made, rows, strict=True):
        places = [(int(row) >> 32, int(row) & (2**32 - 1)) for row in own]
        group = field_of(record, outer)
        if not isinstance(group, Mapping):
            _put(record, outer, [dict(field_of(records[n], outer)[row]) for n, row in places])
            continue
        counts = [len(field_of(r, paths["boxes"])) for r in records]
        kept = dict(group)
        for name in group:
            values = [field_of(r, outer)[name] for r in records]
            listed = all(hasattr(v, "__len__") and not isinstance(v, str | bytes) for v in values)
            if name != inner and listed and [len(v) for v in values] == counts:
                kept[name] = [values[n][row] for n, row in places]
        _put(record, outer, kept)


def field_of(record: Any, path: str) -> Any:
    """What a record has under a path; of a list of dicts, the list of what each has."""
    first, _, rest = path.partition(".")
    if isinstance(record, Mapping):
        if first not in record:
            raise InputError(f"record: no field {first!r}; it has {', '.join(map(str, record))}")
        return field_of(record[first], rest) if rest else record[first]
    return [field_of(row, path) for row in record]


def _put(record: Any, path: str, value: Any) -> None:
    """Sets a field. What lies above a nested one is copied first: it may be the caller's."""
    first, _, rest = path.partition(".")
    if isinstance(record, list):
        for row, own in zip(record, value, strict=True):
            _put(row, path, own)
    elif rest:
        above = record[first]
        record[first] = dict(above) if isinstance(above, Mapping) else [dict(row) for row in above]
        _put(record[first], rest, value)
    else:
        record[first] = value
