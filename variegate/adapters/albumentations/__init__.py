"""Albumentations' class names and arguments (2.0.8), run by variegate.

    import variegate.adapters.albumentations as A
    aug = A.Compose([A.HorizontalFlip(p=0.5), A.Rotate(limit=30)],
                    bbox_params=A.BboxParams(format="coco", label_fields=["classes"]))
    out = aug(image=image, bboxes=boxes, classes=classes)

Defaults are Albumentations'. What has no counterpart is an error that names all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from variegate.adapters.albumentations.compose import Compose, build
from variegate.adapters.albumentations.given import signatures
from variegate.adapters.albumentations.read import TABLE, read_pipeline, read_source
from variegate.adapters.albumentations.transforms import ToTensorV2, constructor
from variegate.adapters.report import Report
from variegate.pipeline import Pipeline

__all__ = ["TABLE", "Compose", "ToTensorV2", "from_albumentations", "to_dict"]


def from_albumentations(
    source: Any, *, seed: int | None = None, report: list[str] | None = None
) -> Pipeline:
    """The Pipeline of a serialized Albumentations pipeline.

    source: what A.to_dict gives, or a file that A.save wrote (JSON, or YAML with PyYAML). seed: as
    of Pipeline. report: a list that takes what is left out or changed; without it, PolicyError
    names all of it. Boxes are then given in the pipeline's format: pascal_voc or coco or yolo; its
    `albumentations` format, shares of the sides, is read by adapters.albumentations.Compose only.
    """
    notes = Report()
    read = read_pipeline(read_source(source), notes)
    made = build(read, notes, seed)
    form = (read.bbox_params or {}).get("format", "xyxy")
    if form == "albumentations":
        notes.changed("BboxParams: boxes as shares of the sides; give the pipeline pixels")
        form = "xyxy"
    for key in ("min_width", "min_height", "max_accept_ratio"):
        if (read.bbox_params or {}).get(key):
            notes.changed(f"BboxParams: {key} is not checked")
    if read.tensor:
        notes.changed("ToTensorV2: the pipeline gives arrays")
    notes.close(report, "from_albumentations")
    targets = {**made.targets.to_dict(), "boxes": form}
    return Pipeline(made.policy, seed=made.seed, **targets)


def to_dict(transform: Any) -> dict[str, Any]:
    """As Albumentations' to_dict."""
    return dict(transform.to_dict())


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("_") or name not in signatures():
        raise AttributeError(f"module 'variegate.adapters.albumentations' has no {name!r}")
    made = constructor(name)
    globals()[name] = made
    return made


def __dir__() -> list[str]:
    return sorted({*globals(), *signatures()})
