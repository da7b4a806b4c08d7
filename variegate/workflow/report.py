"""The report as one call: what a comparison found, the search behind it, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.errors import StoreError, VariegateError
from variegate.policy import Policy
from variegate.workflow.common import Event, Options, Progress, need, open_data, read_json, tell
from variegate.workflow.compare import RECORD
from variegate.workflow.search import RECORD as SEARCHED
from variegate.workflow.search import SCHEMA as SEARCH_SCHEMA

if TYPE_CHECKING:
    from variegate.data import Dataset
    from variegate.evaluate import Comparison, Summary

PICTURES = 8
# Rows of pictures: the originals, then what each of these arms makes of them.
SHOWN = ("found", "flip+crop", "trivial", "randaugment")


@dataclass(frozen=True)
class ReportResult:
    """The files of a report, the page first, and what it says."""

    paths: tuple[Path, ...]
    summary: Summary

    @property
    def page(self) -> Path:
        """The HTML page."""
        return self.paths[0]

    def to_dict(self) -> dict[str, Any]:
        """The headline and the files as JSON values."""
        return {
            "schema": "variegate.report/1",
            "headline": self.summary["headline"],
            "summary": self.summary,
            "files": [str(path) for path in self.paths],
        }


def report(
    out: str | Path, *, data: str | Path | Dataset | None = None, progress: Progress | None = None
) -> ReportResult:
    """Write report.html, report.json, per_class.csv and PNG plots into the folder of a comparison.

    data: where the images are, if not where they were. Without them the page has no pictures.
    Raises StoreError where the folder has no comparison.
    """
    need("report", "report")
    from variegate.evaluate import Comparison, summary, write_report

    folder = Path(out)
    path = folder / RECORD
    if not path.exists():
        raise StoreError(
            f"{path}: no comparison here. Make one: variegate compare DATA --out {folder}"
        )
    record = Comparison.load(path)
    tell(progress, Event("understood", f"{record.dataset}: {len(record.runs)} runs in {path}"))
    history, seconds, learned = _history(folder)
    said = summary(record, search_seconds=seconds)
    policies = dict(record.settings.get("arms", {}))
    found = policies.get("found")
    pictures = _pictures(record, policies, data, progress)
    paths = write_report(said, history, pictures, found, folder, learned)
    return ReportResult(tuple(paths), said)


def _history(folder: Path) -> tuple[Sequence[Mapping[str, Any]], float | None, Any]:
    """The trials of the search in this folder, if there was one, its seconds, what it learned."""
    path = folder / SEARCHED
    if not path.exists():
        return (), None, None
    content = read_json(path, SEARCH_SCHEMA)
    return content.get("history", ()), content.get("seconds"), content.get("learned")


def _pictures(
    record: Comparison,
    policies: Mapping[str, Any],
    data: Any,
    progress: Progress | None,
) -> dict[str, list[npt.NDArray[np.uint8]]]:
    described = dict(record.settings.get("data", {}))
    source = data if data is not None else described.get("source")
    if source is None:
        tell(progress, Event("remark", "no pictures: the comparison's data is not on file"))
        return {}
    options = dict(described.get("options", {}))
    if options.get("size"):
        options["size"] = tuple(options["size"])
    try:
        _, parts = open_data(source, Options(**options), progress)
    except (VariegateError, TypeError) as error:
        tell(progress, Event("remark", f"no pictures: {error}"))
        return {}
    train = parts.train
    images, labels = sample(train, PICTURES)
    rows = {"original": list(images)}
    for name in SHOWN:
        if policies.get(name) is not None:
            policy = Policy.from_dict(policies[name])
            rows[name] = after(policy, images, labels, len(train.classes))
    return rows


def sample(dataset: Dataset, count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The first image of each class, then the second of each, until there are `count`."""
    order: list[tuple[int, int, int]] = []
    seen: dict[int, int] = {}
    for place, label in enumerate(dataset.labels.tolist()):
        seen[label] = seen.get(label, -1) + 1
        order.append((seen[label], label, place))
    picked = [place for _, _, place in sorted(order)[:count]]
    return dataset.images[picked], dataset.labels[picked]


def after(
    policy: Policy, images: Any, labels: Any, classes: int, *, seed: int = 0, epoch: int = 0
) -> list[npt.NDArray[np.uint8]]:
    """What a policy makes of images, as uint8 pictures; a last Normalize is left out."""
    from variegate.ops.op import Kind
    from variegate.ops.registry import get
    from variegate.pipeline import Pipeline
    from variegate.policy.nodes import Step

    steps = policy.steps
    if steps and isinstance(steps[-1], Step) and get(steps[-1].op).kind is Kind.OUTPUT:
        steps = steps[:-1]
    run = Pipeline(Policy(steps), seed=seed, classes=classes)
    out = run(images=images, labels=labels, index=np.arange(len(images)), epoch=epoch)
    return [np.asarray(image) for image in out["images"]]
