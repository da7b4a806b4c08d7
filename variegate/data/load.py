"""Open a data set: one call for every layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from variegate.data.dataset import Dataset
from variegate.data.digits import load_digits
from variegate.data.fit import check_size_argument
from variegate.data.folder import load_folder
from variegate.data.header import MAX_PIXELS
from variegate.data.idx import has_idx, load_idx
from variegate.data.npz import load_npz
from variegate.data.options import Options
from variegate.errors import DataError, InputError

__all__ = ["load"]


def load(
    source: str | Path,
    *,
    size: tuple[int, int] | None = None,
    limit_per_class: int | None = None,
    channels: int | None = None,
    on_error: str = "stop",
    threads: int = 2,
    background: int = 255,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Return the Dataset behind `source`.

    source: "digits", a folder of class folders (or of train / val / test above them), a folder of
    MNIST idx files, or an .npz file. size: (height, width) that every image is brought to,
    shorter side first and then the center. limit_per_class: at most so many images of each class
    of the training part, chosen by a fixed seed; own test and validation parts stay whole.
    channels: 1 or 3 (4 keeps transparency of image files). on_error: "stop" at the first bad
    file, or "skip" and list it in Dataset.problems. background: gray level under transparency.
    progress: called with (files done, files in all).
    Raises DataError for a source that cannot be read, InputError for an illegal argument.
    """
    if not isinstance(source, str | Path):
        raise InputError(f"source: expected a path or 'digits', got {type(source).__name__}")
    options = Options(
        size=check_size_argument(size),
        limit_per_class=limit_per_class,
        channels=channels,
        on_error=on_error,
        threads=threads,
        background=background,
        max_pixels=max_pixels,
        progress=progress,
    )
    if source == "digits":
        return load_digits(options)
    path = Path(source)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise DataError(f"{str(path)!r}: {error.strerror}; check its permissions") from error
    if is_folder:
        return load_idx(path, options) if has_idx(path) else load_folder(path.resolve(), options)
    if not is_there:
        raise DataError(
            f"{str(source)!r}: no such file or folder; give 'digits', a folder of class folders, "
            "a folder of MNIST idx files or an .npz file"
        )
    if path.suffix.lower() == ".npz":
        return load_npz(path, options)
    raise DataError(
        f"{str(path)!r}: expected a folder or an .npz file; put images into one folder a class"
    )
