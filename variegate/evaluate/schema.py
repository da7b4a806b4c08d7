"""The shapes of the plain data that a summary holds; the same for the CLI, JSON and HTML.

Accuracies and differences are shares (0.03 is 3 points); intervals are [low, high] at 95 %.
"""

from __future__ import annotations

from typing import Any, TypedDict


class DifferenceRow(TypedDict):
    """First arm minus `against`; `p` as tested, `corrected` after Holm (arms) or BH (classes)."""

    against: str
    value: float
    interval: list[float]
    p: float | None
    corrected: float | None
    seeds: int
    images: int
    verdict: str
    note: str


class ArmRow(TypedDict):
    """One arm: mean accuracy, its interval and what that covers, every seed, and differences."""

    arm: str
    mean: float
    interval: list[float]
    covers: str
    seeds: list[int]
    accuracies: list[float]
    epochs: int
    differences: list[DifferenceRow]


class ClassRow(TypedDict):
    """One class of a class table; `difference` is None where the test set has no image of it."""

    index: int
    name: str
    images: int
    baseline: float | None
    found: float | None
    difference: DifferenceRow | None


class ClassTable(TypedDict):
    """`arm` against `baseline`, class by class, harmed classes first.

    `visible` is the half width of the middle class interval: smaller changes cannot be seen.
    """

    arm: str
    baseline: str
    seeds: int
    rows: list[ClassRow]
    harmed: list[str]
    improved: list[str]
    visible: float | None


class CostRow(TypedDict):
    """Training seconds of one arm."""

    arm: str
    runs: int
    seconds: float
    seconds_per_run: float


class Cost(TypedDict):
    """What the evidence cost, in seconds.

    per_point: seconds of search for each point that the found arm is proven better than the
    reference, with the ends of its 95 % interval; None without a proven gain.
    """

    arms: list[CostRow]
    training_seconds: float
    search_seconds: float | None
    per_point: list[float] | None


class Summary(TypedDict):
    """Everything that is said about a comparison; all text in it is clean to print."""

    schema: str
    dataset: str
    images: int
    classes: list[str]
    reference: str
    found: str | None
    headline: str
    arms: list[ArmRow]
    missing: list[str]
    class_tables: list[ClassTable]
    cost: Cost
    method: str
    limits: list[str]
    settings: dict[str, Any]
    commands: list[str]
    versions: dict[str, Any]
