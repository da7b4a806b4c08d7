"""What the calls share: events, the data as it was understood, fingerprints, versions, files."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from variegate.errors import InputError, StoreError, VariegateError
from variegate.ops.op import suggest
from variegate.search.executors import check_executor, split_executor

if TYPE_CHECKING:
    from variegate.data import Dataset, Splits
    from variegate.train import TrainSettings

# What each extra of the package brings, by the name it is imported under.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "train": ("torch",),
    "search": ("optuna",),
    "report": ("matplotlib", "scipy", "statsmodels"),
    "data": ("sklearn",),
    "tta": ("ensemble_boxes", "onnxruntime"),
    "onnx": ("onnx",),
    "keras": ("keras",),
    "ray": ("ray",),
    "mlflow": ("mlflow",),
    "tensorboard": ("tensorboard",),
}
# Where the name on import is not the name to install.
INSTALLED_AS = {"sklearn": "scikit-learn", "PIL": "pillow", "ensemble_boxes": "ensemble-boxes"}


@dataclass(frozen=True)
class Event:
    """What a progress callback gets.

    kind: "understood" (the data, once), "plan" (what it will cost), "progress" or "remark".
    done, total and seconds_left are set where there is something to count.
    """

    kind: str
    text: str
    done: float = 0.0
    total: float = 0.0
    seconds_left: float | None = None


Progress = Callable[[Event], object]


class MissingExtra(VariegateError):
    """An optional package is not installed; the message gives the command that installs it."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after what is finished has been saved; `saved` says what."""

    def __init__(self, saved: str) -> None:
        super().__init__(saved)
        self.saved = saved


@dataclass(frozen=True)
class DataInfo:
    """The data as it was understood: numbers of images, in all and in use; size (height, width)."""

    name: str
    size: tuple[int, int]
    channels: int
    classes: int
    images: int
    train: int
    validation: int
    test: int
    device: str
    seed: int
    skipped: int = 0

    def __str__(self) -> str:
        height, width = self.size
        skipped = f", {self.skipped} bad files skipped" if self.skipped else ""
        return (
            f"{self.name}: {self.images:,} images, {height} x {width} pixels, "
            f"{self.channels} channel{'' if self.channels == 1 else 's'}, {self.classes} classes; "
            f"train {self.train:,}, validation {self.validation:,}, test {self.test:,}{skipped}; "
            f"device {self.device}; seed {self.seed}"
        )


class Reading(TypedDict, total=False):
    """How the data is read and divided: arguments of `data.load` and `data.split`.

    seed (0) divides the data and starts every draw. train_per_class: exactly so many training
    images of each class. size: (height, width) for all images. limit_per_class: read at most so
    many. channels: 1, 3 or 4. on_error: "stop" or "skip" bad files. validation, test: shares (0.2).
    """

    seed: int
    train_per_class: int | None
    size: tuple[int, int] | None
    limit_per_class: int | None
    channels: int | None
    on_error: str
    validation: float
    test: float


@dataclass(frozen=True)
class Options:
    """The values of `Reading`, with its defaults."""

    seed: int = 0
    train_per_class: int | None = None
    size: tuple[int, int] | None = None
    limit_per_class: int | None = None
    channels: int | None = None
    on_error: str = "stop"
    validation: float = 0.2
    test: float = 0.2

    @staticmethod
    def read(given: Mapping[str, Any]) -> Options:
        """The options of keyword arguments; raises InputError for an unknown one."""
        known = list(Options.__dataclass_fields__)
        for name in given:
            if name not in known:
                raise InputError(f"unknown argument {name!r}; {suggest(name, known)}")
        return Options(**given)

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def tell(progress: Progress | None, event: Event) -> None:
    """Pass an event on, if anyone listens."""
    if progress is not None:
        progress(event)


def about(seconds: float) -> str:
    """A rough time for a person."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def need(what: str, *extras: str) -> None:
    """Raise MissingExtra unless the modules of these extras can be imported."""
    for extra in extras:
        for module in EXTRAS[extra]:
            if util.find_spec(module) is None:
                raise MissingExtra(
                    f"{what} needs {INSTALLED_AS.get(module, module)}, which is not installed. "
                    f"Install it: pip install 'variegate[{extra}]'"
                )


def check_where(executor: object, workers: object) -> None:
    """Raise InputError or MissingExtra, before anything is read, where no training could run."""
    check_executor(executor, workers)
    if split_executor(executor)[0] == "ray":
        need("executor ray", "ray")


def open_data(data: Any, options: Options, progress: Progress | None) -> tuple[Dataset, Splits]:
    """Read a data set (a source of `data.load`, or a Dataset) and divide it."""
    from variegate.data import Dataset, load, split

    if isinstance(data, Dataset):
        dataset = data
    else:
        tell(progress, Event("progress", f"reading {data}"))
        dataset = load(
            data,
            size=options.size,
            limit_per_class=options.limit_per_class,
            channels=options.channels,
            on_error=options.on_error,
            progress=lambda done, total: tell(
                progress, Event("progress", "reading files", done, total)
            ),
        )
    for bad in dataset.problems:
        tell(progress, Event("remark", f"skipped {bad.path}: {bad.code} {bad.reason}"))
    for remark in dataset.remarks[:5]:
        tell(progress, Event("remark", remark))
    parts = split(
        dataset,
        seed=options.seed,
        train_per_class=options.train_per_class,
        validation=options.validation,
        test=options.test,
    )
    return dataset, parts


def understand(dataset: Dataset, parts: Splits, settings: TrainSettings, seed: int) -> DataInfo:
    """The data as it was understood."""
    from variegate.train.settings import resolve_device

    _, height, width, channels = parts.train.images.shape
    return DataInfo(
        name=dataset.name,
        size=(height, width),
        channels=channels,
        classes=len(dataset.classes),
        images=sum(len(own) for own in (dataset, dataset.test, dataset.validation) if own),
        train=len(parts.train),
        validation=len(parts.validation),
        test=len(parts.test),
        device=str(resolve_device(settings)),
        seed=seed,
        skipped=len(dataset.problems),
    )


def settings_for(train: Dataset, changes: Mapping[str, Any] | None) -> TrainSettings:
    """Training settings that suit the data, with the changes a user asked for."""
    from variegate.train import TrainSettings

    return TrainSettings.for_data(train, **dict(changes or {}))


def fingerprint(sets: Iterable[Dataset], settings: TrainSettings) -> str:
    """16 hex digits that change with the images, labels, classes or training settings.

    Threads and device are left out: a search may go on with other cores. So are the built-in model
    and a balance of 0, which had no name once.
    """
    digest = hashlib.sha256()
    for part in sets:
        digest.update(repr((part.images.shape, part.classes)).encode())
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
    left_out = {"threads", "device", *(["model"] if settings.model == "residual" else [])}
    left_out |= set() if settings.balance else {"balance"}
    chosen = {k: v for k, v in settings.to_dict().items() if k not in left_out}
    digest.update(json.dumps(chosen, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version(), "variegate": own_version()}
    for name in ("numpy", "pillow", "torch", "optuna", "scipy", "statsmodels"):
        if (version := version_of(name)) is not None:
            found[name] = version
    return found


def own_version() -> str:
    """This package's version, also where it runs from its source folder."""
    return str(getattr(sys.modules["variegate"], "__version__", "unknown"))


def version_of(name: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def prepare(out: str | Path) -> Path:
    """Make the output folder; raises StoreError where nothing can be written."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: the folder cannot be made ({error.strerror}); name another one with out"
        ) from error
    if not os.access(folder, os.W_OK):
        raise StoreError(f"{folder}: cannot be written to; name another folder with out")
    return folder


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a document, whole or not at all; raises StoreError with the path."""
    from variegate.evaluate.files import write_atomic

    try:
        return write_atomic(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); free space or name another folder"
        ) from error


def read_json(path: Path, schema: str) -> dict[str, Any]:
    """Read a document that `write_json` wrote; raises StoreError where it is not of this schema."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path}: cannot be read as JSON: {error}; move it away and make it again"
        ) from error
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise StoreError(f"{path}: expected a document of schema {schema!r}; move it away")
    return content
