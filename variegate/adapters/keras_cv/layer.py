"""What a KerasCV layer is here: steps, called on arrays or on KerasCV's dict of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.adapters.keras_cv.boxes import Boxes
from variegate.adapters.report import grouped, ops_of
from variegate.errors import InputError
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.pipeline import Pipeline
from variegate.policy.nodes import Node
from variegate.policy.policy import Policy

KEYS = ("images", "labels", "targets", "bounding_boxes", "segmentation_masks", "keypoints")
LEVELS = (0.0, 255.0)


class Layer:
    """A preprocessing layer of KerasCV on NumPy arrays.

    Call it with images (h, w, c) or (n, h, w, c), or with a dict of `images` and, as there are,
    `labels` (or `targets`), `bounding_boxes` {boxes, classes}, `segmentation_masks` and
    `keypoints`; other keys pass through. Images are uint8, or floats in `value_range`. The caller's
    arrays and dict are never changed. training=False returns the inputs. `steps` are what it does,
    for a Policy.
    """

    def __init__(
        self,
        name: str,
        steps: Sequence[Node],
        *,
        seed: int | None = None,
        value_range: Sequence[float] = LEVELS,
        bounding_box_format: str | None = None,
    ) -> None:
        low, high = (float(v) for v in value_range)
        if not low < high:
            raise InputError(f"{name}.value_range: expected (low, high), got {value_range!r}")
        self.name, self.steps = name, tuple(steps)
        self.value_range, self.bounding_box_format = (low, high), bounding_box_format
        self.pipeline = Pipeline(Policy(self.steps), seed=seed)
        self.mixes = any(get(op).kind is Kind.MIX for op in ops_of(self.steps))

    def node(self, p: float = 1.0) -> Node:
        """The layer as one node of a policy, applied with probability p."""
        made = grouped(list(self.steps), p)
        if made is None:
            raise InputError(f"{self.name}: it has no steps")
        return made

    def __call__(self, inputs: Any, training: bool = True, **call: Any) -> Any:
        """The inputs, augmented; index= and epoch= are as of a Pipeline."""
        if not training:
            return inputs
        if isinstance(inputs, Mapping):
            return self._dict(inputs, call)
        return self._dict({"images": inputs}, call)["images"]

    def _dict(self, inputs: Mapping[str, Any], call: Mapping[str, Any]) -> dict[str, Any]:
        if "images" not in inputs:
            raise InputError(f"{self.name}: expected images, got {', '.join(inputs)}")
        single = np.ndim(inputs["images"]) == 3
        given = {k: _one(k, v) for k, v in inputs.items() if k in KEYS} if single else dict(inputs)
        images = self._read(given["images"])
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
        if self.mixes and label is not None:
            batch["labels"] = np.asarray(given[label], dtype=np.float32)
        out = self.pipeline(**batch, **call)
        result = {**inputs, "images": self._written(out["images"], given["images"])}
        if boxes is not None:
            after = [image.shape[:2] for image in out["images"]]
            result["bounding_boxes"] = boxes.written(out["boxes"], out["box_labels"], after)
        for key, name in (("segmentation_masks", "masks"), ("keypoints", "keypoints")):
            if name in batch:
                result[key] = _as_given(out[name], given[key])
        if "labels" in batch and label is not None:
            result[label] = out["labels"].astype(np.asarray(given[label]).dtype)
        return {k: _first(k, v) if single and k in KEYS else v for k, v in result.items()}

    def _read(self, images: Any) -> Any:
        """Images as the pipeline takes them: bytes as they are, floats on 0..1."""
        if isinstance(images, np.ndarray) and images.dtype != object:
            return self._scaled(images)
        return [self._scaled(np.asarray(image)) for image in images]

    def _scaled(self, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if images.dtype == np.uint8:
            return images
        if images.dtype.kind != "f":
            raise InputError(f"{self.name}: images: expected uint8 or floats, got {images.dtype}")
        low, high = self.value_range
        if images.size and not (images.min() >= low and images.max() <= high):
            raise InputError(
                f"{self.name}: images: expected values in value_range {low:g}..{high:g}, got "
                f"{images.min():g}..{images.max():g}"
            )
        return ((images - low) / (high - low)).astype(np.float32)

    def _written(self, images: Any, given: Any) -> Any:
        dtype = np.asarray(given[0]).dtype if len(given) else np.dtype(np.uint8)
        if dtype == np.uint8:
            return images
        low, high = self.value_range
        if isinstance(images, np.ndarray):
            return (images * (high - low) + low).astype(dtype)
        return [(image * (high - low) + low).astype(dtype) for image in images]


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
