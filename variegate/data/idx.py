"""Read a folder of MNIST idx files, packed (.gz) or not."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.arrays import check_images, check_labels, with_parts
from variegate.data.dataset import Dataset
from variegate.data.fit import check_memory
from variegate.data.options import Options
from variegate.errors import DataError

__all__ = ["has_idx", "load_idx", "read_idx"]

_BYTES = 0x08


def has_idx(folder: Path) -> bool:
    """Tell whether a folder holds idx files."""
    return any("-idx" in path.name or ".idx" in path.name for path in folder.glob("*ubyte*"))


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Return the uint8 array of one idx file. Raises DataError if it is damaged or cut off."""
    where = repr(str(path))
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            return _read_open(where, file)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where}: cannot be read: {error}; copy the file again") from error


def _read_open(where: str, file: Any) -> npt.NDArray[np.uint8]:
    """Read magic number, sizes and values of an open idx file."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= 4:
        raise DataError(f"{where}: no idx file, it starts with {magic!r}; check the file")
    if magic[2] != _BYTES:
        raise DataError(f"{where}: idx type {magic[2]:#04x}, only unsigned bytes (0x08) are read")
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{where}: cut off inside the header; copy the file again")
    shape = tuple(int(side) for side in np.frombuffer(sizes, ">u4"))
    count = math.prod(shape)
    check_memory(where, count, "the header may be damaged; copy the file again")
    # in steps: a header that lies about its sizes must not cost memory
    values = bytearray()
    while len(values) <= count:
        part = file.read(min(1 << 24, count + 1 - len(values)))
        if not part:
            break
        values += part
    if len(values) != count:
        found = "more" if len(values) > count else f"{len(values)}"
        raise DataError(f"{where}: {found} of {count} values {shape}; copy the file again")
    return np.frombuffer(values, np.uint8).reshape(shape)


def load_idx(folder: Path, options: Options) -> Dataset:
    """Return the Dataset of a folder with train-images..., train-labels..., t10k- or test-...."""
    parts = {}
    for key, words in (("train", ("train",)), ("test", ("t10k", "test"))):
        images, labels = (_find(folder, words, kind) for kind in ("images", "labels"))
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            kind = "images" if images is None else "labels"
            raise DataError(f"{str(folder)!r}: no idx file of the {key} {kind}; add it")
        pixels = check_images(repr(str(images)), read_idx(images))
        parts[key] = pixels, check_labels(repr(str(labels)), read_idx(labels), len(pixels))
    if "train" not in parts:
        raise DataError(f"{str(folder)!r}: no file train-images-idx3-ubyte(.gz); add it")
    return with_parts(folder.name, parts, None, options)


def _find(folder: Path, words: tuple[str, ...], kind: str) -> Path | None:
    """Return the one idx file whose name has one of the words and the kind."""
    found = sorted(
        path
        for path in folder.glob(f"*{kind}*ubyte*")
        if any(word in path.name for word in words) and not path.name.startswith(".")
    )
    unpacked = [path for path in found if path.suffix != ".gz"]
    if len(found) == 2 and len(unpacked) == 1 and found[1].name == unpacked[0].name + ".gz":
        return unpacked[0]
    if len(found) > 1:
        raise DataError(
            f"{str(folder)!r}: {found[0].name!r} and {found[1].name!r} are both {kind}; keep one"
        )
    return found[0] if found else None
