"""Compose: an Albumentations pipeline that runs here, called as theirs is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from variegate.adapters.albumentations.given import complete
from variegate.adapters.albumentations.read import Read, read_pipeline
from variegate.adapters.albumentations.targets import BOX_FORMATS, POINT_FORMATS, Rounds
from variegate.adapters.albumentations.transforms import Parameters, serialized
from variegate.adapters.report import Report
from variegate.errors import InputError, PolicyError
from variegate.ops.op import suggest
from variegate.pipeline import Pipeline

KINDS = ("image", "mask", "masks", "bboxes", "keypoints")


class Compose:
    """A pipeline of Albumentations transforms; call it with image=, mask=, masks=, bboxes=,
    keypoints= and the label fields, and it returns a dict of them.

    The arguments are Albumentations'. seed: as of a Pipeline, so that results do not depend on
    worker processes. report: a list that takes what is left out or changed; without it that is a
    PolicyError.
    """

    def __init__(
        self,
        transforms: Sequence[Any],
        bbox_params: Any = None,
        keypoint_params: Any = None,
        additional_targets: Mapping[str, str] | None = None,
        p: float = 1.0,
        is_check_shapes: bool = True,
        strict: bool = False,
        mask_interpolation: int | None = None,
        seed: int | None = None,
        save_applied_params: bool = False,
        *,
        report: list[str] | None = None,
    ) -> None:
        if save_applied_params:
            raise PolicyError("Compose: save_applied_params is not there; see Pipeline.draw")
        given = {
            "transforms": [serialized(item) for item in transforms],
            "bbox_params": _params("BboxParams", bbox_params),
            "keypoint_params": _params("KeypointParams", keypoint_params),
            "additional_targets": dict(additional_targets or {}),
            "p": p,
            "is_check_shapes": is_check_shapes,
            "strict": strict,
            "mask_interpolation": mask_interpolation,
        }
        self._data = {"__class_fullname__": "Compose", **given}
        notes = Report()
        self._read = read_pipeline(self._data, notes)
        self.pipeline = build(self._read, notes, seed)
        notes.close(report, "Compose")

    def data(self) -> dict[str, Any]:
        """The serialized form."""
        return dict(self._data)

    def to_dict(self) -> dict[str, Any]:
        """As Albumentations' to_dict."""
        from variegate.adapters.albumentations.given import VERSION

        return {"__version__": VERSION, "transform": self.data()}

    def __call__(self, **targets: Any) -> dict[str, Any]:
        """Augment one sample. Raises InputError for a name that is no target and no label field."""
        if "image" not in targets:
            raise InputError("pass image=")
        kinds = {name: name for name in KINDS} | dict(self._read.additional_targets)
        fields = self._fields()
        for name in targets:
            if name not in kinds and name not in fields:
                near = suggest(name, [*kinds, *fields])
                raise InputError(f"{name}: no target and no label field; {near}")
        rounds = Rounds(self._read, kinds, targets)
        plan = None
        for image, marks in rounds:
            if plan is None:
                plan = self.pipeline.draw(sizes=[rounds.size], **_seen(marks))
            rounds.take(self.pipeline.apply(plan, image=image, **marks))
        result = rounds.result
        if self._read.tensor:
            result = _tensors(result, result["image"].shape)
        return {name: result[name] for name in targets}

    def _fields(self) -> tuple[str, ...]:
        found: list[str] = []
        for params in (self._read.bbox_params, self._read.keypoint_params):
            found += list((params or {}).get("label_fields") or ())
        return tuple(found)


def _seen(marks: Mapping[str, Any]) -> dict[str, Any]:
    """What crops that look at boxes or at the mask are shown; of several masks, the first."""
    seen: dict[str, Any] = {}
    if "boxes" in marks:
        seen["boxes"] = [marks["boxes"]]
    if "mask" in marks:
        seen["masks"] = [marks["mask"][..., 0]]
    return seen


def build(read: Read, report: Report, seed: int | None = None) -> Pipeline:
    """The pipeline of what was read; formats that have no counterpart go to the report."""
    boxes, points = read.bbox_params, read.keypoint_params
    if boxes is not None and boxes["format"] not in BOX_FORMATS:
        raise PolicyError(f"BboxParams: expected one of {', '.join(BOX_FORMATS)}")
    if points is not None and points["format"] not in POINT_FORMATS:
        report.lost(f"KeypointParams: format={points['format']!r}: angles and scales of points")
    least = {"min_area": 0.0, "min_visibility": 0.0} | dict(boxes or {})
    return Pipeline(
        read.policy,
        seed=seed,
        keypoints="index",
        min_area=float(least["min_area"]),
        min_visibility=float(least["min_visibility"]),
    )


def _params(name: str, given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    if isinstance(given, Parameters):
        return dict(given.arguments)
    if isinstance(given, Mapping):
        return complete(name, given, name)
    raise InputError(f"expected A.{name}(...), got {given!r:.80}")


def _tensors(result: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """Images as tensors (c, h, w), masks as tensors in their own layout."""
    try:
        import torch
    except ImportError:
        raise PolicyError("ToTensorV2 needs torch: pip install 'variegate[train]'") from None
    out: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, np.ndarray) and value.shape[:2] == shape[:2] and value.ndim >= 2:
            array = value
            if value.ndim == 3 and value.shape == shape:
                array = value.transpose(2, 0, 1)
            out[name] = torch.from_numpy(np.ascontiguousarray(array))
        else:
            out[name] = value
    return out
