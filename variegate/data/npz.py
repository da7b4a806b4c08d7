"""Read .npz files of images and labels; nothing in them is ever run."""

from __future__ import annotations

import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.arrays import check_images, check_labels, with_parts
from variegate.data.codes import BadFile
from variegate.data.dataset import Dataset
from variegate.data.decode import decode_bytes
from variegate.data.fit import check_memory, fit_image
from variegate.data.options import Options, pick_per_class
from variegate.errors import DataError

__all__ = ["load_npz"]

Array = npt.NDArray[Any]

_LAYOUTS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels"),
              ("x", "y"), ("X", "Y"), ("X", "y")),
    "validation": (("val_images", "val_labels"), ("x_val", "y_val")),
    "test": (("test_images", "test_labels"), ("x_test", "y_test")),
}  # fmt: skip
_GROUPS = ("train_tracks", "train_groups", "groups", "tracks")
_CLASSES = ("classes", "class_names", "label_names")


def load_npz(path: Path, options: Options) -> Dataset:
    """Return the Dataset of one .npz file.

    Known names: train_images / train_labels (val_, test_), x_train / y_train, images / labels,
    x / y, each with classes (names) and groups or train_tracks (numbered within a class); or
    bytes, offsets, labels: image files in one array. Beside NAME_train_X.npz of that last kind,
    NAME_test_X.npz is the test part. Raises DataError that names the key.
    """
    arrays = _read_arrays(path)
    if {"bytes", "offsets", "labels"} <= arrays.keys():
        return _load_packed(path, arrays, options)
    parts = {}
    for key, layouts in _LAYOUTS.items():
        names = next((pair for pair in layouts if set(pair) <= arrays.keys()), None)
        if names is not None:
            images = check_images(_at(path, names[0]), arrays[names[0]])
            labels = check_labels(_at(path, names[1]), arrays[names[1]], len(images))
            parts[key] = images, labels
    if "train" not in parts:
        raise DataError(
            f"{str(path)!r}: no images and labels among {sorted(arrays)}; name them train_images "
            "and train_labels, or x and y"
        )
    classes = _class_names(path, arrays)
    groups = _groups(path, arrays, parts["train"][1])
    return with_parts(path.stem, parts, classes, options, groups)


def _at(path: Path, key: str) -> str:
    return f"{str(path)!r}[{key!r}]"


def _read_arrays(path: Path) -> dict[str, Array]:
    """Return all arrays; sizes are checked against the file before memory is taken."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            total = sum(info.file_size for info in members)
            check_memory(repr(str(path)), total, "split the file")
            for info in members:
                _check_member(path, archive, info)
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{str(path)!r}: not enough memory; split the file") from error
    except Exception as error:  # zip, zlib and header parsing raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(
            f"{str(path)!r}: cannot be read as .npz: {reason}; save it again with np.savez"
        ) from error


def _check_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Refuse objects, and a header that promises more values than the file has."""
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
        where = _at(path, info.filename.removesuffix(".npy"))
        if dtype.hasobject:
            raise DataError(
                f"{where}: holds Python objects, which are never loaded; save plain arrays"
            )
        if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize > info.file_size:
            raise DataError(f"{where}: the header says {shape}, the file is shorter; save it again")


def _class_names(path: Path, arrays: dict[str, Array]) -> tuple[str, ...] | None:
    """Return the class names, None where the file has none."""
    key = next((name for name in _CLASSES if name in arrays), None)
    if key is None:
        return None
    if arrays[key].ndim != 1 or arrays[key].dtype.kind not in "US":
        raise DataError(f"{_at(path, key)}: expected a list of names, got {arrays[key].dtype}")
    return tuple(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        for name in arrays[key].tolist()
    )


def _groups(
    path: Path, arrays: dict[str, Array], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | None:
    """Return a group number for each training image, unique over classes."""
    key = next((name for name in _GROUPS if name in arrays), None)
    if key is None:
        return None
    values = check_labels(_at(path, key), arrays[key], len(labels))
    if key.endswith("tracks"):
        # a track is numbered within its class: two classes share the number
        pairs = np.stack([labels, values], axis=1)
        values = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
    return values.astype(np.int64)


def _load_packed(path: Path, arrays: dict[str, Array], options: Options) -> Dataset:
    """Read image files packed into one array: bytes uint8, offsets (n + 1,), labels (n,)."""
    train, problems = _decode_packed(path, arrays, options, options.limit_per_class)
    parts = {"train": train}
    sibling = path.with_name(path.name.replace("_train", "_test"))
    remarks: tuple[str, ...] = ()
    classes = _class_names(path, arrays)
    if sibling != path and sibling.is_file():
        test = _read_arrays(sibling)
        if _class_names(sibling, test) != classes:
            raise DataError(f"{str(sibling)!r}: other classes than {path.name!r}")
        parts["test"], more = _decode_packed(sibling, test, options, None)
        problems += more
        remarks = (f"test part from {sibling.name!r}",)
    data = with_parts(path.stem, parts, classes, options)
    return replace(data, problems=tuple(problems), remarks=remarks)


def _decode_packed(
    path: Path, arrays: dict[str, Array], options: Options, limit: int | None
) -> tuple[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]], list[BadFile]]:
    """Decode each packed file; all must have one size unless options.size is given."""
    packed, offsets = arrays["bytes"], arrays["offsets"]
    legal = (
        packed.dtype == np.uint8
        and packed.ndim == 1
        and offsets.ndim == 1
        and len(offsets) > 1
        and np.issubdtype(offsets.dtype, np.integer)
        and offsets[0] >= 0
        and offsets[-1] <= len(packed)
        and bool(np.all(offsets[1:] >= offsets[:-1]))
    )
    if not legal:
        raise DataError(f"{_at(path, 'offsets')}: expected rising positions within bytes")
    labels = check_labels(_at(path, "labels"), arrays["labels"], len(offsets) - 1)
    chosen = np.arange(len(labels)) if limit is None else pick_per_class(labels, limit)
    images, kept, problems = [], [], []
    for done, at in enumerate(chosen):
        if options.progress is not None:
            options.progress(done, len(chosen))
        content = packed[offsets[at] : offsets[at + 1]].tobytes()
        where = f"{path}[{at}]"
        try:
            image = decode_bytes(
                content, path=where, channels=options.channels, max_pixels=options.max_pixels
            ).image
        except DataError as error:
            if options.on_error == "stop" or error.code is None:
                raise
            problems.append(BadFile(where, error.code, error.reason or str(error)))
            continue
        images.append(image if options.size is None else fit_image(image, options.size))
        kept.append(at)
    if options.progress is not None:
        options.progress(len(chosen), len(chosen))
    deep = max((image.shape[2] for image in images), default=1)
    images = [np.repeat(i, deep, axis=2) if i.shape[2] < deep else i for i in images]
    if len({image.shape for image in images}) != 1:
        raise DataError(f"{str(path)!r}: no images, or images of several sizes; give a size")
    return (np.stack(images), labels[kept]), problems
