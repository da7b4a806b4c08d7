"""What a KerasCV layer is here: steps, called on arrays or on KerasCV's dict of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from variegate.adapters.keras_cv.boxes import Boxes
from variegate.adapters.keras_cv.levels import (
    LEVELS,
    PRECISIONS,
    Span,
    read_span,
    read_values,
    settled_means,
    write_values,
)
from variegate.adapters.report import grouped, ops_of
from variegate.engine.engine import Images
from variegate.errors import InputError
from variegate.pipeline import Pipeline
from variegate.pipeline.buffers import Buffers
from variegate.plan.layout import lay_out
from variegate.policy.nodes import Node
from variegate.policy.policy import Policy

KEYS = ("images", "labels", "targets", "bounding_boxes", "segmentation_masks", "keypoints")
# Ops whose results hold no value that the images did not.
COPIES = frozenset(("CenterCrop", "ChannelShuffle", "CutMix", "HorizontalFlip", "VerticalFlip"))
# Mixes whose results are means of the images' values, with no fill, whatever range those are on.
MEANS = frozenset(("CutMix", "FMix", "MixUp"))


class Layer:
    """A preprocessing layer of KerasCV on NumPy arrays.

    Call it with images (h, w, c) or (n, h, w, c), or with a dict of `images` and, as there are,
    `labels` (or `targets`), `bounding_boxes` {boxes, classes}, `segmentation_masks` and
    `keypoints`; other keys pass through. Images are uint8, or floats in `value_range` (None where
    the layer has no such argument: 0..255). The caller's arrays and dict are never changed. `steps`
    are what it does, for a Policy; `inference` what it does where training is False, which is
    nothing for most.

    precision: "uint8" computes on floats rounded to whole levels, the arithmetic of 8-bit pictures
    and many times as fast; "float32" on floats; "auto" on bytes where that changes nothing: where
    all values are whole levels and every step only copies pixels. None: "uint8" where the layer was
    told value_range=(0, 255), else "auto".
    """

    copies = 1  # how many images come out for one

    def __init__(
        self,
        name: str,
        steps: Sequence[Node],
        *,
        seed: int | None = None,
        value_range: Sequence[float] | None = None,
        bounding_box_format: str | None = None,
        inference: Sequence[Node] = (),
    ) -> None:
        told = None if value_range is None else read_span(value_range, f"{name}.value_range")
        self.name, self.steps, self.inference = name, tuple(steps), tuple(inference)
        self.value_range, self.bounding_box_format = told, bounding_box_format
        self.precision: str | None = None
        self.pipeline = Pipeline(Policy(self.steps), seed=seed)
        self._still = Pipeline(Policy(self.inference), seed=0)
        self._buffers = Buffers()
        self._copies = COPIES.issuperset(ops_of(self.steps))
        self._means = MEANS.issuperset(ops_of(self.steps))
        self.mixes = self.pipeline.mixes_labels
        self.reads_labels = self.mixes or lay_out(self.pipeline.policy).needs_labels

    def node(self, p: float = 1.0) -> Node:
        """The layer as one node of a policy, applied with probability p."""
        made = grouped(list(self.steps), p)
        if made is None:
            raise InputError(f"{self.name}: it has no steps")
        return made

    def __call__(
        self, inputs: Any, training: bool = True, *, dtype: Any = None, **call: Any
    ) -> Any:
        """The inputs, augmented; dtype: of the images, by default as they came; index= and epoch=
        are as of a Pipeline.
        """
        if not training and not self.inference:
            return inputs
        pipeline = self.pipeline if training else self._still
        if isinstance(inputs, Mapping):
            return self._dict(pipeline, inputs, dtype, call)
        return self._dict(pipeline, {"images": inputs}, dtype, call)["images"]

    def _dict(
        self, pipeline: Pipeline, inputs: Mapping[str, Any], dtype: Any, call: Mapping[str, Any]
    ) -> dict[str, Any]:
        if "images" not in inputs:
            raise InputError(f"{self.name}: expected images, got {', '.join(inputs)}")
        single = getattr(inputs["images"], "ndim", 4) == 3
        if single and self.mixes:
            raise InputError(f"{self.name}: mixes images: expected a batch, got one image")
        given = {k: _one(k, v) for k, v in inputs.items() if k in KEYS} if single else dict(inputs)
        images, span = self._read(given["images"])
        sizes = [image.shape[:2] for image in images]
        batch: dict[str, Any] = {"images": images}
        boxes = None
        if given.get("bounding_boxes") is not None:
            boxes = Boxes(given["bounding_boxes"], self.bounding_box_format, sizes)
            batch |= {"boxes": boxes.corners, "box_labels": boxes.classes}
        for key, name in (("segmentation_masks", "masks"), ("keypoints", "keypoints")):
            if given.get(key) is not None:
                batch[name] = list(given[key])
        label = next((key for key in ("labels", "targets") if given.get(key) is not None), None)
        if self.reads_labels and label is not None:
            batch["labels"] = self._soft(given[label], label)
        out = pipeline(**batch, **call)
        if self._means and isinstance(images, Images):
            out["images"] = settled_means(out["images"], images, span, self.name)
        result = {**inputs, "images": self._written(out["images"], given["images"], span, dtype)}
        if boxes is not None:
            after = [image.shape[:2] for image in out["images"]]
            result["bounding_boxes"] = boxes.written(out["boxes"], out["box_labels"], after)
        for key, name in (("segmentation_masks", "masks"), ("keypoints", "keypoints")):
            if name in batch:
                result[key] = _as_given(out[name], given[key])
        if "labels" in batch and label is not None:
            result[label] = out["labels"].astype(np.asarray(given[label]).dtype)
        return {k: _first(k, v) if single and k in KEYS else v for k, v in result.items()}

    def _soft(self, labels: Any, key: str) -> Any:
        soft = np.asarray(labels)
        if not self.mixes:
            return soft
        if soft.dtype.kind != "f":
            raise InputError(
                f"{self.name}: {key}: expected one-hot floats (n, classes), got {soft.dtype} of "
                f"shape {soft.shape}"
            )
        return soft.astype(np.float32, copy=False)

    def _read(self, images: Any) -> tuple[Any, Span]:
        """Images as the pipeline takes them, bytes or floats, and the range that they are on."""
        default = "uint8" if self.value_range == LEVELS else "auto"
        precision = self.precision or default
        if precision == "auto" and not self._copies:
            precision = "float32"
        if precision not in PRECISIONS:
            legal = ", ".join(PRECISIONS)
            raise InputError(f"{self.name}.precision: expected one of {legal}, got {precision!r}")
        span, take = self.value_range or LEVELS, self._buffers.take
        if isinstance(images, np.ndarray) and images.dtype != object:
            values, on = read_values(images, span, precision, self.name, take, self._means)
            looked = len(values) > 0 and values.dtype == np.float32
            return Images.of(values) if looked else values, on
        # one dtype and range for all: whole levels in only some of them would make two
        kept = "float32" if precision == "auto" else precision
        read = [read_values(np.asarray(image), span, kept, self.name, take) for image in images]
        return [image for image, _ in read], next((on for _, on in read), span)

    def _written(self, images: Any, given: Any, span: Span, dtype: Any) -> Any:
        came = np.asarray(given[0]).dtype if len(given) else np.dtype(np.uint8)
        wanted, take = np.dtype(came if dtype is None else dtype), self._buffers.take
        spans = (span, self.value_range or LEVELS)
        if isinstance(images, np.ndarray):
            return write_values(images, came, spans, wanted, take)
        return [write_values(image, came, spans, wanted, take) for image in images]


def _one(key: str, value: Any) -> Any:
    """One sample's value as a batch of one."""
    if key == "bounding_boxes" and isinstance(value, Mapping):
        return {name: np.asarray(own)[None] for name, own in value.items()}
    return None if value is None else np.asarray(value)[None]


def _first(key: str, value: Any) -> Any:
    """The only sample of a batch of one."""
    if key == "bounding_boxes":
        return {name: own[0] for name, own in value.items()}
    return None if value is None else value[0]


def _as_given(values: Any, given: Any) -> Any:
    """An array where an array came and sizes agree, else a list."""
    same = isinstance(given, np.ndarray) and len({np.shape(v) for v in values}) == 1
    return np.stack([np.asarray(v) for v in values]) if same else list(values)
