"""Test-time augmentation for a trained model: views chosen on validation, judged on test once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.ops.registry import get
from variegate.policy import Policy
from variegate.policy import steps as ops
from variegate.policy.nodes import Node, Step
from variegate.workflow.common import (
    Event,
    Options,
    Progress,
    Reading,
    need,
    open_data,
    prepare,
    tell,
    write_json,
)

if TYPE_CHECKING:
    from variegate.data import Dataset
    from variegate.evaluate.statistics import Difference
    from variegate.tta import TTA, TTAReport
    from variegate.tta.arms import Arm
    from variegate.tta.models import Taken

SCHEMA = "variegate.tta/1"
RECORD, CHOSEN = "tta-report.json", "tta.json"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ArmResult:
    """One way to take views, on the test images. difference: accuracy against one view, paired by
    image; loss, validation: on the half of the validation images that chose.
    """

    name: str
    report: TTAReport
    difference: Difference
    loss: float
    validation: float
    views: tuple[Policy, ...]
    weights: tuple[float, ...]

    def to_dict(self, classes: Sequence[str]) -> dict[str, Any]:
        """The result as JSON values."""
        own, moved = self.report, self.difference
        return {
            "arm": self.name,
            "passes": own.passes,
            "accuracy": own.after,
            "calibration_error": own.calibration_after,
            "against_none": [moved.value, moved.low, moved.high],
            "corrected": dict(zip(classes, own.corrected.tolist(), strict=True)),
            "corrupted": dict(zip(classes, own.corrupted.tolist(), strict=True)),
            "validation": {"loss": self.loss, "accuracy": self.validation},
            "views": [view.to_dict() for view in self.views],
            "weights": list(self.weights),
        }


@dataclass(frozen=True)
class TTAResult:
    """All arms on test, and the one that validation chose, saved in `path`."""

    arms: tuple[ArmResult, ...]
    chosen: str
    tta: TTA
    classes: tuple[str, ...]
    data: str
    images: Mapping[str, int]
    path: Path

    @property
    def best(self) -> ArmResult:
        """The arm that validation chose."""
        return next(arm for arm in self.arms if arm.name == self.chosen)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "schema": SCHEMA,
            "data": self.data,
            "images": dict(self.images),
            "chosen": self.chosen,
            "path": str(self.path),
            "arms": [arm.to_dict(self.classes) for arm in self.arms],
        }

    def lines(self) -> list[str]:
        """The result for a terminal."""
        head = (
            f"{'':12} {'passes':>6} {'accuracy':>8}  {'against none':22} {'calibration error':>17}"
        )
        rows = [head, *(_line(arm) for arm in self.arms)]
        best, own = self.best, self.best.report
        rows.append(f"validation chose {self.chosen}: {own.passes} forward passes an image")
        for view, weight in zip(best.views, best.weights, strict=True):
            rows.append(f"  {weight:.2f}  {_named(view)}")
        touched = np.flatnonzero(own.corrected + own.corrupted)
        order = sorted(touched, key=lambda c: int(own.corrected[c] - own.corrupted[c]))
        for c in order:
            kept = f"{own.corrected[c]} corrected, {own.corrupted[c]} corrupted"
            rows.append(f"  class {self.classes[c]}: {kept}")
        rows.append(f"{self.path}: views and weights, for vg.TTA.from_dict and variegate export")
        return rows


def tta(
    data: str | Path | Dataset,
    model: Any,
    *,
    views: Any = "pool",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    logits: bool | None = None,
    batch_size: int = 64,
    out: str | Path = "runs/tta",
    progress: Progress | None = None,
    **reading: Unpack[Reading],
) -> TTAResult:
    """Choose views for a trained classifier on validation images, and judge them on test images.

    model: a path (.onnx, .keras, .pt2, .pt), a torch or Keras model, or a callable on arrays; its
    classes in the order of the data's. It takes floats (value on 0..1 - mean) / std, or bytes where
    its input is uint8. views: a set by name or a list of policies, the image as it is first.
    logits: whether it gives logits; by default read off its answers. The model must not have seen
    the validation and test images: a folder's own val and test parts, or seed and shares as given
    to `data.split`. Writes tta.json (the choice) and tta-report.json to `out`. Raises InputError
    for a model that does not fit the data, and what `data.load` and `data.split` raise.
    """
    need("tta", "report")
    from variegate.tta.arms import choose_arm, make_arms

    folder = prepare(out)
    ready, taken = _opened(model)
    given: dict[str, Any] = {**reading}
    if taken.size is not None:
        given.setdefault("size", taken.size)
        given["size"] = given["size"] or taken.size
    if taken.channels in (1, 3) and given.get("channels") is None:
        given["channels"] = taken.channels
    dataset, parts = open_data(data, Options.read(given), progress)
    counts = {"validation": len(parts.validation), "test": len(parts.test)}
    tell(progress, Event("understood", _understood(dataset, parts, counts)))
    if dataset.validation is None:
        tell(progress, Event("remark", "validation images are a share of the training part: the "
                             "model must not have been trained on them"))  # fmt: skip
    pool = _pool(ready, taken, parts.validation, views, mean, std, logits, batch_size)
    known = parts.validation.labels
    tell(progress, Event("progress", f"{pool.passes} views of {counts['validation']} images"))
    arms = make_arms(pool, pool.predictions(parts.validation.images), known)
    chosen = choose_arm(arms)
    tell(progress, Event("progress", f"{pool.passes} views of {counts['test']} test images"))
    predictions, truth = pool.predictions(parts.test.images), parts.test.labels
    results = [_judged(arm, predictions, truth) for arm in arms]
    path = write_json(folder / CHOSEN, chosen.tta.to_dict())
    result = TTAResult(
        tuple(results), chosen.name, chosen.tta, dataset.classes, dataset.name, counts, path
    )
    write_json(folder / RECORD, result.to_dict())
    return result


def _judged(arm: Arm, predictions: Floats, truth: npt.NDArray[np.int64]) -> ArmResult:
    """An arm on the test images, from the probabilities of all views (v, n, classes)."""
    from variegate.evaluate.statistics import paired_difference
    from variegate.tta.report import report_of

    alone, merged = predictions[0], arm.merged(predictions)
    right = [(own.argmax(axis=1) == truth)[None] for own in (merged, alone)]
    report = report_of(alone, merged, truth, arm.tta.passes)
    difference = paired_difference(*right)
    views, weights = arm.tta.views, _weights(arm.tta)
    return ArmResult(arm.name, report, difference, arm.loss, arm.accuracy, views, weights)


def _opened(model: Any) -> tuple[Any, Taken]:
    from variegate.tta.models import open_model, taken_by

    if isinstance(model, str | Path):
        if str(model).endswith(".onnx"):
            need("an ONNX model", "tta")
        model = open_model(model)
    return model, taken_by(model)


def _pool(
    model: Any,
    taken: Taken,
    validation: Dataset,
    views: Any,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    logits: bool | None,
    batch_size: int,
) -> TTA:
    """A TTA over all views, once a few answers have shown that model and data fit."""
    from variegate.tta import TTA
    from variegate.tta.models import as_model

    channels = validation.images.shape[3]
    call, steps = as_model(model), Policy()
    if taken.dtype == "uint8":
        if mean is not None or std is not None:
            raise InputError("mean, std: the model takes bytes, which are not normalized")
    else:
        low, width = _each(mean, 0.0, channels, "mean"), _each(std, 1.0, channels, "std")
        steps = Policy((ops.Normalize(mean=low, std=width, layout=taken.layout),))
    few = validation.images[:batch_size]
    answers = np.asarray(TTA(call, "none", prepare=steps, batch_size=batch_size).predictions(few))
    classes = len(validation.classes)
    if answers.shape[2] != classes:
        raise InputError(
            f"model: it tells {answers.shape[2]} classes apart, the data has {classes}"
        )
    if logits is None:
        sums = answers.sum(axis=2)
        logits = bool((answers < 0).any() or np.abs(sums - 1).max() > 1e-3)
    return TTA(call, views, prepare=steps, logits=logits, batch_size=batch_size)


def _each(
    given: Sequence[float] | None, default: float, channels: int, name: str
) -> tuple[float, ...]:
    values = (default,) if given is None else tuple(float(v) for v in given)
    if len(values) not in (1, channels):
        raise InputError(f"{name}: expected 1 or {channels} numbers, got {len(values)}")
    return values * channels if len(values) == 1 else values


def _weights(tta: TTA) -> tuple[float, ...]:
    """What each view counts; of weights by class, their mean."""
    if tta.learned is None:
        return (1 / tta.passes,) * tta.passes
    weights = tta.learned.weights
    return tuple((weights if weights.ndim == 1 else weights.mean(axis=1)).tolist())


def _understood(dataset: Dataset, parts: Any, counts: Mapping[str, int]) -> str:
    height, width, channels = parts.test.images.shape[1:]
    return (
        f"{dataset.name}: {height} x {width} pixels, {channels} channels, "
        f"{len(dataset.classes)} classes; validation {counts['validation']:,}, "
        f"test {counts['test']:,}"
    )


def _line(arm: ArmResult) -> str:
    own, moved = arm.report, arm.difference
    points = f"{100 * moved.value:+.2f} [{100 * moved.low:+.2f}, {100 * moved.high:+.2f}]"
    return (
        f"{arm.name:12} {own.passes:6} {100 * own.after:8.2f}  {points:22} "
        f"{100 * own.calibration_after:17.2f}"
    )


def _named(view: Policy) -> str:
    """A view in a few words."""
    if not view.steps:
        return "as it is"
    return ", ".join(_step_named(step) for step in view.steps)


def _step_named(step: Node) -> str:
    if not isinstance(step, Step):
        return type(step).__name__
    ranges = {param.name for param in get(step.op).params}
    shown = {name: value[0] for name, value in step.arguments.items() if name in ranges}
    return " ".join([step.op, *(f"{name}={value:g}" for name, value in shown.items())])
