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


class ColumnDifference(TypedDict):
    """An arm's column minus that of `against`, paired by seed; no interval with one seed."""

    against: str
    value: float
    interval: list[float] | None
    seeds: int


class Column(TypedDict):
    """A mean over the seeds; the intervals, at 95 %, cover training noise only."""

    value: float
    interval: list[float] | None
    differences: list[ColumnDifference]


class Columns(TypedDict):
    """What is measured beside the accuracy; None where the runs do not have it.

    calibration: expected calibration error on 0..1, in `bins` bins of equal numbers of images.
    corrupted: mean accuracy over all `corruptions` and severities; those: by name, the mean at each
    severity.
    """

    bins: int
    calibration: Column | None
    corrupted: Column | None
    corruptions: dict[str, list[float]]


class ArmRow(TypedDict):
    """One arm: mean accuracy, its interval and what that covers, every seed, and differences.

    groups: mean accuracy over the classes with many, medium and few training images, where classes
    differ in that; `columns`: what is measured beside the accuracy.
    """

    arm: str
    mean: float
    interval: list[float]
    covers: str
    seeds: list[int]
    accuracies: list[float]
    epochs: int
    differences: list[DifferenceRow]
    groups: dict[str, Column]
    columns: Columns


class Shrunk(TypedDict):
    """A difference drawn toward the mean of all classes, as far as noise explains its distance."""

    value: float
    interval: list[float]


class Confirmation(TypedDict):
    """The difference again, on seeds that had no part in calling the class harmed or helped.

    `p` is one-sided, in the direction that was called, and `corrected` by Holm over the called
    classes. verdict: confirmed or not confirmed.
    """

    seeds: int
    value: float
    interval: list[float]
    p: float | None
    corrected: float | None
    verdict: str


class Pair(TypedDict):
    """The share of the images of class `true` that are taken for `named`, and its change."""

    true: str
    named: str
    baseline: float
    found: float
    value: float
    interval: list[float]


class Growth(TypedDict):
    """False positives of a class: the share of all other classes' images that are taken for it.

    verdict: more, fewer or not proven (Benjamini-Hochberg over classes). pairs: where a proven
    growth comes from, largest first.
    """

    baseline: float
    found: float
    value: float
    interval: list[float]
    p: float | None
    corrected: float | None
    verdict: str
    pairs: list[Pair]


class ClassRow(TypedDict):
    """One class of a class table; `difference` is None where the test set has no image of it.

    goes_to: of a harmed class, what its images are taken for more often, largest first.
    """

    index: int
    name: str
    images: int
    baseline: float | None
    found: float | None
    difference: DifferenceRow | None
    shrunk: Shrunk | None
    confirmation: Confirmation | None
    false_positives: Growth | None
    goes_to: list[Pair]


class ClassTable(TypedDict):
    """`arm` against `baseline`, class by class, harmed classes first.

    `visible` is the half width of the middle class interval: smaller changes cannot be seen.
    `fresh`: seeds that confirm. `grown`: classes whose false positives are proven to grow.
    `findings`: a sentence for each class that is called.
    """

    arm: str
    baseline: str
    seeds: int
    rows: list[ClassRow]
    harmed: list[str]
    improved: list[str]
    visible: float | None
    fresh: int
    grown: list[str]
    findings: list[str]


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
