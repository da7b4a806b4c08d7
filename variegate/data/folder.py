"""Read a folder of class folders, with or without train / validation / test above them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from variegate.data.codes import BadFile, FileNote
from variegate.data.dataset import Dataset
from variegate.data.decode import decode_file
from variegate.data.fit import check_memory, fit_image
from variegate.data.options import Options, pick_per_class
from variegate.data.sniff import EXTENSIONS, REFUSED_EXTENSIONS
from variegate.errors import DataError

__all__ = ["find_parts", "list_files", "load_folder"]

Pixels = npt.NDArray[np.uint8]

_PARTS = {"train": "train", "val": "validation", "validation": "validation",
          "valid": "validation", "test": "test"}  # fmt: skip
_HIDDEN = {"__MACOSX", "$RECYCLE.BIN", "lost+found"}


@dataclass
class _Part:
    """The files of one part: path and class name each, in order."""

    files: list[tuple[str, str]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)


def load_folder(root: Path, options: Options) -> Dataset:
    """Return the Dataset of a folder of class folders.

    Classes come from the training part, in sorted order; other parts are matched by name.
    Raises DataError for a missing, empty or ambiguous layout, and for bad files unless skipped.
    """
    remarks: list[str] = []
    parts = {key: _scan(folder, remarks) for key, folder in find_parts(root, remarks).items()}
    classes = parts["train"].classes
    if not classes:
        raise DataError(
            f"{str(root)!r}: no class folders with image files; expected root/class/*.jpg or "
            f"root/train/class/*.jpg{_hint(remarks)}"
        )
    for key, part in parts.items():
        unknown = sorted(set(part.classes) - set(classes))
        if unknown:
            raise DataError(
                f"{str(root)!r}: {key} has class {unknown[0]!r}, which train does not have "
                f"(train has {len(classes)} classes); add it to train or remove it"
            )
        missing = sorted(set(classes) - set(part.classes))
        if missing:
            remarks.append(f"{key} has no images of class {missing[0]!r}")
    parts["train"].files = _limit(parts["train"].files, classes, options.limit_per_class)
    total = sum(len(part.files) for part in parts.values())
    read = _Reader(options, total)
    data = {
        key: read.part(f"{root.name} {key}" if key != "train" else root.name, part, classes)
        for key, part in parts.items()
        if part.files
    }
    # one channel count for all parts: gray only where every image is gray
    if options.channels is None and not read.color:
        data = {key: replace(part, images=part.images[..., :1]) for key, part in data.items()}
    return replace(
        data["train"],
        test=data.get("test"),
        validation=data.get("validation"),
        problems=tuple(read.problems),
        notes=tuple(read.notes),
        remarks=tuple(remarks),
    )


def list_files(root: Path) -> tuple[list[str], list[int], tuple[str, ...]]:
    """Return paths, class indices and class names of a folder's training part; decodes nothing.

    Raises DataError for a missing, empty or ambiguous layout.
    """
    remarks: list[str] = []
    part = _scan(find_parts(root, remarks)["train"], remarks)
    if not part.files:
        raise DataError(
            f"{str(root)!r}: no class folders with image files; expected root/class/*.jpg or "
            f"root/train/class/*.jpg{_hint(remarks)}"
        )
    number = {name: at for at, name in enumerate(part.classes)}
    labels = [number[name] for _, name in part.files]
    return [path for path, _ in part.files], labels, tuple(part.classes)


def find_parts(root: Path, remarks: list[str]) -> dict[str, Path]:
    """Return {"train": folder, ...} for a root folder, without looking into class folders."""
    names = [entry.name for entry in _entries(root, remarks) if _is_folder(entry)]
    found: dict[str, Path] = {}
    for name in names:
        key = _PARTS.get(name.lower())
        if key is None:
            continue
        if key in found:
            raise DataError(
                f"{str(root)!r}: both {found[key].name!r} and {name!r} are {key} folders; keep one"
            )
        found[key] = root / name
    if "train" in found:
        others = sorted(set(names) - {folder.name for folder in found.values()})
        remarks.extend(f"folder {name!r} beside train is ignored" for name in others)
        return found
    if found and len(found) == len(names):
        raise DataError(f"{str(root)!r}: has {sorted(names)} but no train folder; add one")
    return {"train": root}


def _entries(folder: Path, remarks: list[str]) -> list[os.DirEntry[str]]:
    """Return the entries of a folder by name; hidden ones are left out and remarked on."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"{str(folder)!r}: the folder cannot be read: {error.strerror}; check the path and "
            "its permissions"
        ) from error
    shown = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _HIDDEN:
            remarks.append(f"hidden {entry.name!r} in {folder.name!r} is ignored")
        else:
            shown.append(entry)
    return shown


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder; a link that leads nowhere or in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _scan(folder: Path, remarks: list[str]) -> _Part:
    """List the image files of each class folder."""
    part = _Part()
    for entry in _entries(folder, remarks):
        if not _is_folder(entry):
            remarks.append(f"file {entry.name!r} beside the class folders is ignored")
            continue
        name = os.fsencode(entry.name).decode("utf-8", "replace")
        files = []
        for item in _entries(Path(entry.path), remarks):
            suffix = Path(item.name).suffix.lower().lstrip(".")
            if _is_folder(item) and suffix not in EXTENSIONS:
                remarks.append(f"folder {item.name!r} inside class {name!r} is ignored")
            elif suffix in EXTENSIONS or suffix in REFUSED_EXTENSIONS:
                files.append((item.path, name))
            else:
                remarks.append(f"file {item.name!r} in class {name!r} is no image and is ignored")
        if not files:
            remarks.append(f"empty folder {name!r} in {folder.name!r} is ignored")
            continue
        part.files += files
        part.classes.append(name)
    return part


def _limit(
    files: list[tuple[str, str]], classes: list[str], limit: int | None
) -> list[tuple[str, str]]:
    """Keep at most `limit` files of each class."""
    if limit is None:
        return files
    number = {name: at for at, name in enumerate(classes)}
    labels = np.array([number[name] for _, name in files], np.int64)
    return [files[at] for at in pick_per_class(labels, limit)]


def _hint(remarks: list[str]) -> str:
    return f" ({remarks[0]}; {len(remarks)} remarks)" if remarks else ""


class _Reader:
    """Decodes the files of all parts with one progress count."""

    def __init__(self, options: Options, total: int) -> None:
        self.options = options
        self.total = total
        self.done = 0
        self.color = False
        self.size = options.size
        self.first = ""
        self.problems: list[BadFile] = []
        self.notes: list[FileNote] = []
        if self.size is not None:
            room = total * self.size[0] * self.size[1] * 3
            check_memory("the images", room, "give a smaller size or limit_per_class")
        self._tell()

    def part(self, name: str, part: _Part, classes: list[str]) -> Dataset:
        """Return the Dataset of one part; every image has options.channels or 3 channels."""
        images: Pixels | None = None
        labels: list[int] = []
        paths: list[str] = []
        for path, label, image in self._decoded(part):
            if images is None:
                images = np.empty((len(part.files), *image.shape), np.uint8)
            images[len(paths)] = image
            labels.append(classes.index(label))
            paths.append(path)
        if images is None:
            raise DataError(f"{name}: none of {len(part.files)} image files can be read")
        empty = sorted(set(part.classes) - {classes[at] for at in labels})
        if empty:
            raise DataError(f"{name}: no readable image is left in class {empty[0]!r}")
        return Dataset(
            name=name,
            images=images[: len(paths)],
            labels=np.array(labels, np.int64),
            classes=tuple(classes),
            paths=tuple(paths),
        )

    def _decoded(self, part: _Part) -> Iterator[tuple[str, str, Pixels]]:
        """Yield (path, class, image) of the readable files, in order."""
        for (path, label), future in _in_order(self._one, part.files, self.options.threads):
            try:
                image, notes, color = future.result()
            except DataError as error:
                if self.options.on_error == "stop" or error.code is None:
                    raise
                self.problems.append(BadFile(path, error.code, error.reason or str(error)))
            else:
                self.notes += notes
                self.color |= color
                self._same_size(path, image)
                yield path, label, image
            self.done += 1
            self._tell()

    def _one(self, path: str) -> tuple[Pixels, tuple[FileNote, ...], bool]:
        """Decode and fit one file; runs in a thread."""
        options = self.options
        decoded = decode_file(
            path,
            channels=options.channels,
            background=options.background,
            max_pixels=options.max_pixels,
        )
        image = decoded.image
        color = image.shape[2] > 1
        if options.size is not None:
            image = fit_image(image, options.size)
        if options.channels is None and not color:
            image = np.repeat(image, 3, axis=2)
        return image, decoded.notes, color

    def _same_size(self, path: str, image: Pixels) -> None:
        """Remember the first image's size, refuse another one later."""
        if self.size is None:
            self.size, self.first = (image.shape[0], image.shape[1]), path
            room = self.total * image.size
            check_memory("the images", room, "give a size or limit_per_class")
        if image.shape[:2] != self.size:
            raise DataError(
                f"{path!r}: {image.shape[1]} x {image.shape[0]} pixels, but {self.first!r} has "
                f"{self.size[1]} x {self.size[0]}; give a size, for instance size=(96, 96)"
            )

    def _tell(self) -> None:
        if self.options.progress is not None:
            self.options.progress(self.done, self.total)


_Result = tuple[Pixels, tuple[FileNote, ...], bool]


def _in_order(
    work: Callable[[str], _Result], files: list[tuple[str, str]], threads: int
) -> Iterator[tuple[tuple[str, str], Future[_Result]]]:
    """Yield each file with its future, in order, a few ahead so that memory stays small."""
    ahead = 8 * threads
    with ThreadPoolExecutor(threads, thread_name_prefix="variegate-decode") as pool:
        try:
            waiting = [pool.submit(work, path) for path, _ in files[:ahead]]
            for at, file in enumerate(files):
                yield file, waiting.pop(0)
                if at + ahead < len(files):
                    waiting.append(pool.submit(work, files[at + ahead][0]))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
