"""TTA: a model that looks at several views of each image and merges what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.pipeline.invert import invert
from variegate.pipeline.pipeline import Pipeline
from variegate.plan.plan import Plan
from variegate.policy.policy import Policy, as_policy
from variegate.tta.fit import Fit, fit_views, merged_logs, merged_mean
from variegate.tta.io import tta_settings, tta_to_dict
from variegate.tta.merge import (
    MERGES,
    log_of,
    merge_boxes,
    merge_classes,
    merge_maps,
    merge_points,
    softmax,
)
from variegate.tta.models import as_model
from variegate.tta.report import TTAReport, report_of
from variegate.tta.views import as_views

Floats = npt.NDArray[np.float64]
TASKS = ("classification", "segmentation", "detection", "keypoints")


@dataclass(frozen=True)
class TTA:
    """Calls a model on several views of each image and merges the answers in the image's frame.

    model: a callable, a torch or Keras model or an ONNX file, see `variegate.tta.models.as_model`.
    views: the name of a set (none, flip, d4, shifts, shifts+flip, pool) or a list of policies; the
    first is what "one view" means, usually the image as it is. prepare: steps after each view, such
    as Resize and Normalize. task, and what the model gives for a batch of n images:
        classification: probabilities (n, classes), or logits with logits=True
        segmentation: maps (n, h, w, classes) in the view's frame, or (n, classes, h, w) with
            channels="first"
        detection: n dicts with boxes (k, 4) in the view's pixels, scores (k,), labels (k,)
        keypoints: (n, m, 2) in the view's pixels; keypoint_pairs: pairs that swap in a mirror image
    merge: mean, gmean or vote for classification. iou: when boxes are one. batch_size: images in
    one call of the model. A random view draws the same for the same place in a call each time.
    learned, alone: set by `fit`: what each view counts, and the view that the report compares with.
    """

    model: Any
    views: Any = "flip"
    prepare: Any = ()
    task: str = "classification"
    merge: str = "mean"
    logits: bool = False
    channels: str = "last"
    keypoint_pairs: tuple[tuple[int, int], ...] = ()
    iou: float = 0.55
    batch_size: int = 64
    seed: int = 0
    learned: Fit | None = None
    alone: Policy | None = None

    def __post_init__(self) -> None:
        for name, legal in (("task", TASKS), ("merge", MERGES), ("channels", ("last", "first"))):
            if getattr(self, name) not in legal:
                raise InputError(
                    f"{name}: expected one of {', '.join(legal)}, got {getattr(self, name)!r}"
                )
        object.__setattr__(self, "views", as_views(self.views))
        object.__setattr__(self, "prepare", as_policy(self.prepare))
        object.__setattr__(self, "alone", self.alone or self.views[0])
        if self.batch_size < 1:
            raise InputError(f"batch_size: expected at least 1, got {self.batch_size!r}")

    @property
    def passes(self) -> int:
        """Forward passes an image."""
        return len(self.views)

    def __call__(self, images: Any) -> Any:
        """The merged predictions for a batch (n, h, w, c) or a list of images.

        Returns probabilities (n, classes); maps, a list of (h, w, classes); n dicts of boxes,
        scores and labels; or keypoints (n, m, 2): all in the frames of `images`.
        """
        if self.task == "classification":
            return self.merged(self.predictions(images))
        parts = [self._viewed(images, view) for view in self.views]
        return [self._one([part[place] for part in parts], _size(images[place]))
                for place in range(len(images))]  # fmt: skip

    def predictions(self, images: Any) -> Floats:
        """Probabilities of every view (v, n, classes), for classification."""
        if self.task != "classification":
            raise InputError(f"predictions: for classification, this is {self.task}")
        found = []
        for view in self.views:
            parts = [np.asarray(own, dtype=np.float64) for _, _, own in self._calls(images, view)]
            joined = np.concatenate(parts)
            if joined.ndim != 2 or len(joined) != len(images):
                raise InputError(f"model: expected (n, classes), got {joined.shape}")
            found.append(softmax(joined) if self.logits else joined)
        return np.stack(found)

    def fit(self, images: Any, labels: Any, method: str = "greedy") -> TTA:
        """The same TTA with views and weights learned on held-out labeled images.

        method: "greedy" (views with replacement, by calibrated likelihood) or "weights" (per view,
        or per class and view). Half of the images teach, the other half must agree; where it does
        not, the first view alone is kept. Views that count nothing are left out.
        """
        known = np.asarray(labels)
        if known.shape != (len(images),) or known.dtype.kind not in "iu":
            raise InputError(f"labels: expected {len(images)} class indices, got {known.shape}")
        plain = replace(self, learned=None)
        return self.fit_to(plain.predictions(images), known.astype(np.int64), method)

    def fit_to(self, predictions: Floats, labels: Any, method: str = "greedy") -> TTA:
        """As `fit`, from the probabilities of the views (v, n, classes) that `predictions` gave."""
        if method not in ("greedy", "weights"):
            raise InputError(f"method: expected greedy or weights, got {method!r}")
        fit = fit_views(predictions, labels, method, self.seed)
        rows = fit.weights.reshape(len(self.views), -1).max(axis=1) > 1e-3
        views = tuple(view for view, own in zip(self.views, rows, strict=True) if own)
        weights = fit.weights[rows]
        kept = replace(fit, weights=weights / weights.sum(axis=0, keepdims=True))
        return replace(self, views=views, learned=kept)

    def to_dict(self) -> dict[str, Any]:
        """Views, preparation, weights and settings as JSON data; the model is no part of it."""
        return tta_to_dict(self)

    @staticmethod
    def from_dict(data: object, model: Any) -> TTA:
        """Reads what `to_dict` gave, for a model; raises PolicyError that names what is wrong."""
        return TTA(model, **tta_settings(data))

    def report(self, images: Any, labels: Any) -> TTAReport:
        """What merging changed against the first view alone, on labeled images."""
        alone = replace(self, views=(self.alone,), learned=None).predictions(images)[0]
        known = np.asarray(labels).astype(np.int64)
        return report_of(alone, self(images), known, self.passes)

    def merged(self, views: Floats) -> Floats:
        """One answer (n, classes) from the probabilities of the views (v, n, classes)."""
        fit = self.learned
        if fit is None:
            return merge_classes(views, self.merge)
        join = merged_logs if fit.kind in ("views", "classes") else merged_mean
        return softmax(log_of(join(views, fit.weights)), fit.temperature)

    def _calls(self, images: Any, view: Policy) -> Iterable[tuple[Plan, Pipeline, Any]]:
        """The model's answers for each batch of a view, with the plan that made it."""
        steps = Policy((*view.steps, *self.prepare.steps))
        aug = Pipeline(steps, seed=self.seed, keypoint_pairs=self.keypoint_pairs, bad_boxes="drop")
        model = as_model(self.model)
        for first in range(0, len(images), self.batch_size):
            batch = images[first : first + self.batch_size]
            plan = aug.draw(images=batch, index=range(first, first + len(batch)))
            yield plan, aug, model(aug.apply(plan, images=batch)["images"])

    def _viewed(self, images: Any, view: Policy) -> list[dict[str, Any]]:
        """Each image's answer of one view, taken back to the image's frame."""
        found: list[dict[str, Any]] = []
        for plan, aug, answer in self._calls(images, view):
            found += self._taken_back(plan, aug, answer)
        return found

    def _taken_back(self, plan: Plan, aug: Pipeline, answer: Any) -> list[dict[str, Any]]:
        if self.task == "segmentation":
            maps = np.asarray(answer)
            maps = np.moveaxis(maps, 1, -1) if self.channels == "first" else maps
            maps = softmax(maps.astype(np.float64)) if self.logits else maps
            return _rows(invert(plan, like=aug, images=maps), len(plan))
        if self.task == "keypoints":
            points = list(np.asarray(answer, dtype=np.float64))
            return _rows(invert(plan, like=aug, single=False, keypoints=points), len(plan))
        boxes = [np.asarray(own["boxes"], dtype=np.float64).reshape(-1, 4) for own in answer]
        rows = _rows(invert(plan, like=aug, single=False, boxes=boxes), len(plan))
        for row, own in zip(rows, answer, strict=True):
            row |= {name: np.asarray(own[name])[row["kept"]] for name in ("scores", "labels")}
        return rows

    def _one(self, rows: list[dict[str, Any]], size: tuple[int, int]) -> Any:
        if self.task == "segmentation":
            return merge_maps([r["images"] for r in rows], [r["seen"] for r in rows])[0]
        if self.task == "keypoints":
            return merge_points([r["keypoints"] for r in rows],
                                [r["keypoints_inside"] for r in rows])  # fmt: skip
        return merge_boxes(rows, size, self.iou)


def _rows(batch: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [{name: value[place] for name, value in batch.items()} for place in range(count)]


def _size(image: Any) -> tuple[int, int]:
    return int(image.shape[0]), int(image.shape[1])
