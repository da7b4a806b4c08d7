"""The main job on data that needs no file: digits, 20 training images a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from variegate.workflow.common import Progress
from variegate.workflow.compare import CompareResult, compare
from variegate.workflow.report import ReportResult, report
from variegate.workflow.search import SearchResult, search

SCHEMA = "variegate.demo/1"
PER_CLASS, TRIALS, SEEDS = 20, 20, 5
# Only 200 images are trained on, so most of the rest can judge: narrower intervals.
TEST = 0.6


@dataclass(frozen=True)
class DemoResult:
    """The three results, in order."""

    search: SearchResult
    compare: CompareResult
    report: ReportResult

    def to_dict(self) -> dict[str, Any]:
        """The three results as JSON values."""
        return {
            "schema": SCHEMA,
            "search": self.search.to_dict(),
            "compare": self.compare.to_dict(),
            "report": self.report.to_dict(),
        }


def demo(
    *,
    trials: int = TRIALS,
    seeds: int = SEEDS,
    epochs: int | None = None,
    train_per_class: int = PER_CLASS,
    seed: int = 0,
    workers: int | None = 1,
    out: str | Path = "runs/demo",
    progress: Progress | None = None,
    command: str = "variegate demo",
) -> DemoResult:
    """Search, compare and report on scikit-learn's handwritten digits; the same call resumes.

    workers: processes of the comparison; None: one a core.
    """
    found = search(
        "digits",
        trials=trials,
        epochs=epochs,
        seed=seed,
        train_per_class=train_per_class,
        test=TEST,
        out=out,
        progress=progress,
        command=command,
    )
    compared = compare(
        "digits",
        policy=found.best,
        seeds=seeds,
        confirm=0,
        epochs=epochs,
        seed=seed,
        train_per_class=train_per_class,
        test=TEST,
        executor="processes",
        workers=workers,
        out=out,
        progress=progress,
        command=command,
    )
    return DemoResult(found, compared, report(out, progress=progress))
