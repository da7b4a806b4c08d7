"""What to know about a data set before training: files, copies, balance, sizes, orientation."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from variegate.data.alike import alike
from variegate.data.codes import BadFile, FileNote
from variegate.data.dataset import Dataset

__all__ = ["Concern", "FileFacts", "check_files", "check_images", "file_facts", "files_of"]

# A class with so many times fewer images than the largest is scarce; with so few it is judged by
# luck; a picture whose aspect differs by this factor from the usual one is cut or distorted much.
SCARCE, FEW, ASPECT = 10, 20, 1.5
SHOWN = 20


@dataclass(frozen=True)
class Concern:
    """One remark: severity "error", "warning" or "note", kind, how many, a sentence, examples."""

    severity: str
    kind: str
    count: int
    text: str
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The concern as JSON values."""
        return {**vars(self), "examples": list(self.examples)}


@dataclass(frozen=True)
class FileFacts:
    """What the header of one image file says: width and height as stored, EXIF orientation."""

    path: str
    width: int
    height: int
    orientation: int


def file_facts(paths: Sequence[str]) -> list[FileFacts]:
    """The facts of files, from their headers; a file that has none readable is left out."""
    from PIL import Image

    found = []
    for path in paths:
        try:
            with Image.open(path) as image:
                turned = image.getexif().get(0x0112, 1)
                found.append(FileFacts(path, image.width, image.height, _turn(turned)))
        except (OSError, ValueError, SyntaxError):
            continue  # the reader names a bad file, with its reason
    return found


def _turn(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def check_files(
    bad: Sequence[BadFile], notes: Sequence[FileNote], facts: Sequence[FileFacts]
) -> list[Concern]:
    """Concerns about files: refused ones, remarks of the reader, sizes and orientation."""
    found = []
    if bad:
        codes = Counter(each.code for each in bad)
        said = ", ".join(f"{count} x {code}" for code, count in sorted(codes.items()))
        shown = tuple(f"{each.path}: {each.code} {each.reason}" for each in bad[:SHOWN])
        text = f"{_files(len(bad))} cannot be used ({said}); copy them again or remove them"
        found.append(Concern("error", "corrupt", len(bad), text, shown))
    for code in sorted({note.code for note in notes}):
        own = [note for note in notes if note.code == code]
        shown = tuple(note.path for note in own[:SHOWN])
        text = f"{_files(len(own))}: {code} {own[0].reason}"
        found.append(Concern("note", "remark", len(own), text, shown))
    return found + _turned(facts) + _sizes(facts)


def _turned(facts: Sequence[FileFacts]) -> list[Concern]:
    turned = [each for each in facts if each.orientation != 1]
    if not turned:
        return []
    text = (
        f"{_files(len(turned))} of {len(facts)} are stored turned, with an EXIF orientation; they "
        "are read upright here, and a training that ignores the mark sees them turned"
    )
    shown = tuple(f"{each.path}: orientation {each.orientation}" for each in turned[:SHOWN])
    return [Concern("warning", "orientation", len(turned), text, shown)]


def _sizes(facts: Sequence[FileFacts]) -> list[Concern]:
    if not facts:
        return []
    sides = np.array([_upright(each) for each in facts])
    middle = np.median(sides, axis=0)
    area = sides.prod(axis=1)
    usual = np.median(area)
    aspect = np.log(sides[:, 0] / sides[:, 1])
    odd = np.abs(aspect - np.median(aspect)) > np.log(ASPECT)
    small, large = area * 16 < usual, area > 16 * usual
    found = []
    for kind, mask, what in (
        ("aspect", odd, f"have an aspect ratio over {ASPECT:g} times off the usual one"),
        ("small", small, "have under a sixteenth of the usual number of pixels"),
        ("large", large, "have over 16 times the usual number of pixels"),
    ):
        own = np.flatnonzero(mask)
        if len(own):
            shown = tuple(
                f"{facts[i].path}: {facts[i].width} x {facts[i].height}" for i in own[:SHOWN]
            )
            size = f"usual: {middle[0]:.0f} x {middle[1]:.0f}"
            text = f"{_files(len(own))} of {len(facts)} {what} ({size})"
            found.append(Concern("warning", kind, len(own), text, shown))
    return found


def _upright(each: FileFacts) -> tuple[int, int]:
    """Width and height once the picture is turned."""
    if each.orientation >= 5:
        return each.height, each.width
    return each.width, each.height


def check_images(parts: Mapping[str, Dataset]) -> list[Concern]:
    """Concerns about the images of parts (train, validation, test): balance, flat ones, copies."""
    return [*_balance(parts), *_flat(parts), *_copies(parts)]


def _balance(parts: Mapping[str, Dataset]) -> list[Concern]:
    train = parts["train"]
    counts = train.counts()
    order = np.argsort(counts, kind="stable")
    least, most = int(order[0]), int(order[-1])
    found = []
    if counts[least] * SCARCE <= counts[most]:
        ratio = counts[most] / max(1, counts[least])
        text = (
            f"{train.classes[least]!r} has {counts[least]} training images, "
            f"{train.classes[most]!r} {counts[most]}: 1 to {ratio:.0f}. Judge by class, not by the "
            "mean accuracy"
        )
        scarce = [i for i in order.tolist() if counts[i] * SCARCE <= counts[most]]
        found.append(Concern("warning", "balance", len(scarce), text, _named(train, scarce)))
    few = [i for i in order.tolist() if counts[i] < FEW]
    if few:
        text = f"{len(few)} of {len(counts)} classes have under {FEW} training images"
        found.append(Concern("note", "few", len(few), text, _named(train, few)))
    return found


def _named(train: Dataset, classes: Sequence[int]) -> tuple[str, ...]:
    counts = train.counts()
    return tuple(f"{train.classes[i]}: {counts[i]}" for i in classes[:SHOWN])


def _flat(parts: Mapping[str, Dataset]) -> list[Concern]:
    found = []
    for key, part in parts.items():
        rows = part.images.reshape(len(part), -1)
        flat = np.flatnonzero(rows.min(axis=1, initial=255) == rows.max(axis=1, initial=0))
        found += [_label(key, part, int(i)) for i in flat]
    if not found:
        return []
    text = f"{len(found)} images show one level only"
    return [Concern("warning", "flat", len(found), text, tuple(found[:SHOWN]))]


def _copies(parts: Mapping[str, Dataset]) -> list[Concern]:
    """Copies across parts leak; copies under two labels contradict; copies within a part weigh."""
    images = np.concatenate([part.images for part in parts.values()])
    labels = np.concatenate([part.labels for part in parts.values()])
    home = np.repeat(np.arange(len(parts)), [len(part) for part in parts.values()])
    names = [_label(key, part, i) for key, part in parts.items() for i in range(len(part))]
    pairs = alike(images)
    same = {pair: np.array_equal(images[pair[0]], images[pair[1]]) for pair in pairs}
    kinds: dict[str, list[tuple[int, int]]] = {"leak": [], "contradiction": [], "copy": []}
    for first, second in pairs:
        if labels[first] != labels[second]:
            kinds["contradiction"].append((first, second))
        elif home[first] != home[second]:
            kinds["leak"].append((first, second))
        else:
            kinds["copy"].append((first, second))
    said = {
        "leak": ("error", "in two parts, which a model then knows before its test"),
        "contradiction": ("warning", "under two labels"),
        "copy": ("note", "in one part, which weigh twice"),
    }
    found = []
    for kind, own in kinds.items():
        if own:
            severity, where = said[kind]
            exact = sum(same[pair] for pair in own)
            shown = tuple(f"{names[a]} = {names[b]}" for a, b in own[:SHOWN])
            many = "1 pair" if len(own) == 1 else f"{len(own)} pairs"
            nearly = "" if exact else "nearly "
            sentence = f"{many} of {nearly}one picture {where} ({exact} equal byte for byte)"
            if severity == "error" and not exact:
                severity = "warning"  # simple pictures may be as near without being copies
            found.append(Concern(severity, kind, len(own), sentence, shown))
    return found


def _label(key: str, part: Dataset, place: int) -> str:
    name = part.classes[part.labels[place]]
    if part.paths is not None:
        return part.paths[place]
    return f"{key}[{place}] ({name})"


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def files_of(parts: Mapping[str, Dataset]) -> list[str]:
    """The files behind the images, where there are any."""
    return [os.fspath(Path(path)) for part in parts.values() for path in part.paths or ()]
