"""An audit as one call: what each transformation does to each class, and the state of the data."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import InputError
from variegate.workflow.common import (
    Event,
    Interrupted,
    Options,
    Progress,
    Reading,
    about,
    need,
    open_data,
    prepare,
    settings_for,
    tell,
    understand,
    versions,
    write_json,
)
from variegate.workflow.guided import matching, pooled
from variegate.workflow.judge import PASSES, Job, judge
from variegate.workflow.probes import probes
from variegate.workflow.setup import seconds_each

if TYPE_CHECKING:
    from variegate.data import Dataset, Splits
    from variegate.search import FamilySpace
    from variegate.train import TrainSettings

__all__ = ["AuditResult", "audit"]

RECORD, SAFE, PAGE = "audit.json", "safe.json", "audit.html"
FOLDS, IMAGES = 3, 1500
SIDE = 64  # what files of different sizes are brought to where no size is given
# An audit asks what a net mistakes, not how good one can be: above this side it trains a narrow net
# on so many images in all, a tenth of a search's training and less.
SMALL_SIDE, WIDTH, TRAINED = 16, 12, 12_000
LIMITS = (
    (
        "Intervals cover the finite number of images. Each image was judged by one trained model; "
        "another training may see it otherwise."
    ),
    (
        "A model trained without augmentation may fail on an image that a person still recognizes: "
        "a low affinity says that the op changes much, not that it is useless in training. Look at "
        "the pictures."
    ),
    "A class with few recognized images may change its meaning without being proven to.",
)


@dataclass(frozen=True)
class AuditResult:
    """A finished audit: audit.json's content, and the folder with the files."""

    document: Mapping[str, Any]
    out: Path

    @property
    def page(self) -> Path:
        """The HTML page."""
        return self.out / PAGE

    @property
    def space(self) -> Path | None:
        """The file for `search --space`; None where no op is safe, or no model was trained."""
        return None if self.document["space"] is None else self.out / SAFE

    @property
    def severity(self) -> str:
        """The highest severity of the remarks on the data: error, warning, note or ""."""
        have = {concern["severity"] for concern in self.document["concerns"]}
        return next((level for level in ("error", "warning", "note") if level in have), "")

    def to_dict(self) -> dict[str, Any]:
        """The content of audit.json."""
        return dict(self.document)


@dataclass(frozen=True)
class _Ready:
    """The data as it was read, and what will be tried on it."""

    dataset: Dataset
    parts: Splits
    pool: Dataset
    settings: TrainSettings
    space: FamilySpace
    options: Options
    understood: str


def audit(
    data: str | Path | Dataset,
    *,
    ops: Sequence[str] | None = None,
    model: bool = True,
    diversity: bool = False,
    images: int = IMAGES,
    folds: int = FOLDS,
    keep: float = 0.6,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path = "runs/audit",
    progress: Progress | None = None,
    command: str = "",
    **reading: Unpack[Reading],
) -> AuditResult:
    """Check the data, and let models trained without augmentation judge every op class by class.

    Each image is judged by a model that never saw it: training and validation images are divided
    into `folds`. images: about so many are judged. ops: rows beside those of the search's space; by
    default all that fit. keep: the affinity down to which a magnitude is safe. diversity: train
    under each safe op too, and compare the losses. model: without it, only what needs no training.
    Writes audit.json, audit.html, safe.json and findings/*.png into `out`; the same call goes on
    where a stopped one was. The test split is looked through for copies and not used else. Bad
    files are skipped and listed. Raises DataError, InputError, StoreError, MissingExtra.
    """
    need("audit", "train", "search", "report")

    _check(images, folds, keep)
    started = time.perf_counter()
    ready = _read(data, Options.read({"on_error": "skip", **reading}), settings, progress)
    tried = probes(ready.pool, ready.space, ops)
    document = _head(ready, data, keep, command)
    spent = {"data": time.perf_counter() - started, "training": 0.0, "scoring": 0.0}
    folder = prepare(out)
    if model:
        length = ready.settings.epochs if epochs is None else epochs
        each = math.ceil(images / folds)
        train, validation = ready.parts.train, ready.parts.validation
        match = matching(train, validation, ready.settings, length, count=folds, images=each)
        total = 1 + sum(len(probe.steps) for probe in tried)
        count = len(match.folds)
        cost = about(count * seconds_each(match.folds[0][0], ready.settings, match.epochs))
        text = (
            f"{count} clean trainings of {match.epochs} epochs, about {cost}; "
            f"then {total} passes, kept in {folder}"
        )
        tell(progress, Event("plan", text))
        seed, found = ready.options.seed, document["hints"]
        job = Job(match, tried, ready.space, keep, seed, folder, progress, diversity, found)
        try:
            judged = judge(job)
        except KeyboardInterrupt:
            raise Interrupted(f"what was scored so far is in {folder / PASSES}") from None
        spent |= judged.pop("seconds")
        document |= {**judged, "limits": list(LIMITS)}
    return _write({**document, "seconds": {k: round(v, 2) for k, v in spent.items()}}, folder)


def _check(images: int, folds: int, keep: float) -> None:
    from variegate.search.schedule import check_whole

    check_whole("images", images, 10)
    check_whole("folds", folds, 2)
    if not 0 < keep < 1:
        raise InputError(f"keep: expected a share between 0 and 1, got {keep!r}")


def _read(
    data: str | Path | Dataset,
    options: Options,
    changes: Mapping[str, Any] | None,
    progress: Progress | None,
) -> _Ready:
    from variegate.search import default_space
    from variegate.search.space import FamilySpace

    options = _sized(data, options, progress)
    dataset, parts = open_data(data, options, progress)
    settings = settings_for(parts.train, quick(parts.train) | dict(changes or {}))
    info = understand(dataset, parts, settings, options.seed)
    tell(progress, Event("understood", str(info)))
    space = default_space("tpe", channels=info.channels)
    if not isinstance(space, FamilySpace):
        raise TypeError(type(space).__name__)
    pool = pooled(parts.train, parts.validation)
    return _Ready(dataset, parts, pool, settings, space, options, str(info))


def quick(train: Dataset) -> dict[str, int]:
    """Settings of clean trainings that take about a minute on two cores, from the size and the
    number of the images alone: the same on any machine.
    """
    if max(train.images.shape[1:3]) <= SMALL_SIDE:
        return {}
    return {"width": WIDTH, "epochs": min(40, max(6, round(TRAINED / max(1, len(train)))))}


def _sized(data: Any, options: Options, progress: Progress | None) -> Options:
    """The options with a size, where a folder's images have several and none was asked for."""
    from variegate.data import Dataset
    from variegate.data.folder import list_files
    from variegate.data.health import file_facts
    from variegate.data.idx import has_idx

    folder = not isinstance(data, Dataset) and data != "digits" and Path(data).is_dir()
    if not folder or options.size is not None or has_idx(Path(data)):
        return options
    facts = file_facts(list_files(Path(data).resolve())[0])
    if len({(each.width, each.height) for each in facts}) <= 1:
        return options
    text = f"the images differ in size and are brought to {SIDE} x {SIDE}; size says otherwise"
    tell(progress, Event("remark", text))
    return replace(options, size=(SIDE, SIDE))


def _head(ready: _Ready, data: str | Path | Dataset, keep: float, command: str) -> dict[str, Any]:
    """What an audit says without a model."""
    from variegate.data.health import check_files, check_images, file_facts, files_of
    from variegate.evaluate.audit import hints
    from variegate.evaluate.names import clean_data

    dataset = ready.dataset
    parts = {name: getattr(ready.parts, name) for name in ("train", "validation", "test")}
    facts = file_facts(files_of(parts))
    concerns = check_files(dataset.problems, dataset.notes, facts) + check_images(parts)
    found = hints(ready.pool.classes, ready.pool.images, ready.pool.labels)
    return {
        "schema": "variegate.audit/1",
        "data": {
            "source": str(data) if isinstance(data, str | Path) else None,
            "name": dataset.name,
            "understood": ready.understood,
            "options": ready.options.to_dict(),
            "settings": ready.settings.to_dict(),
            "command": command,
            "versions": versions(),
        },
        "classes": list(dataset.classes),
        "keep": keep,
        "concerns": [clean_data(concern.to_dict()) for concern in concerns],
        "hints": [hint.to_dict() for hint in found],
        "clean": None,
        "rows": [],
        "safe": [],
        "findings": [],
        "diversity": [],
        "space": None,
        "limits": [],
    }


def _write(document: dict[str, Any], folder: Path) -> AuditResult:
    """Check the document, then write it, the space and the page."""
    from variegate.evaluate.audit import audit_page, check_audit, confirmed
    from variegate.evaluate.files import write_atomic

    known = document["clean"] is not None
    document["hints"] = [
        {**hint, "seen": confirmed(hint, document["findings"]) if known else None}
        for hint in document["hints"]
    ]
    check_audit(document)
    write_json(folder / RECORD, document)
    safe = folder / SAFE
    if document["space"] is not None:
        write_json(safe, document["space"])
    elif known and safe.exists():
        safe.unlink()  # an older one would be taken for this audit's
    write_atomic(folder / PAGE, audit_page(document, folder))
    return AuditResult(document, folder)
