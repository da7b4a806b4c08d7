"""A sample of a PyTorch data set as targets of a pipeline, and the result in the sample's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from variegate.adapters.torch import tv
from variegate.adapters.torch.images import Kind, as_array, is_pillow, read_image
from variegate.errors import InputError
from variegate.ops.op import suggest
from variegate.pipeline.forms import Targets
from variegate.pipeline.marks import MARKS

NAMES = ("image", "label", "mask", *(name for name in MARKS if name != "masks"))
KEPT = ("image_id",)
Size = tuple[int, int]
Write = Callable[[Mapping[str, Any], Size], Any]


@dataclass(frozen=True)
class Sample:
    """targets: what a pipeline is given of a sample, `image` (h, w, c) among them. kind: how its
    image came. form: image (alone), pair (with a label), target (with something else) or mapping.
    rest: from a result and its image's size to what stood beside the image.
    """

    targets: dict[str, Any]
    kind: Kind
    form: str
    rest: Write = field(default=lambda result, size: None)


def read_sample(item: Any, form: Targets, keep: Sequence[str] = KEPT) -> Sample:
    """Reads an image; (image, label); (image, mask) where the mask is a Pillow image or a
    tv_tensor; (image, target) or a dict with tv_tensors; or a dict by the pipeline's own names.

    keep: names of a dict that go along untouched. Raises InputError for what it cannot read.
    """
    if isinstance(item, Mapping):
        if "image" not in item:
            raise InputError(f"sample: expected a dict with 'image', got {sorted(item)}")
        image, kind = read_image(item["image"])
        others = {name: value for name, value in item.items() if name != "image"}
        if tv.has_any(others):
            targets, rest = tv.read_target(others, form, keep, image.shape[:2])
        else:
            targets, rest = _read_named(others, keep)
        return Sample({"image": image, **targets}, kind, "mapping", rest)
    if isinstance(item, (tuple, list)):
        if len(item) != 2:
            raise InputError(
                f"sample: expected (image, label) or a dict, got {len(item)} things; pass a dict "
                "such as {'image': ..., 'mask': ...}"
            )
        image, kind = read_image(item[0])
        targets, rest, name = _read_second(item[1], form, keep, image.shape[:2])
        return Sample({"image": image, **targets}, kind, name, rest)
    image, kind = read_image(item)
    return Sample({"image": image}, kind, "image")


def _read_second(
    second: Any, form: Targets, keep: Sequence[str], size: Size
) -> tuple[dict[str, Any], Write, str]:
    """What stands behind an image, and what a sample with it is called."""
    if isinstance(second, Mapping):
        if tv.has_any(second):
            return (*tv.read_target(second, form, keep, size), "target")
        return (*_read_named(second, keep), "target")
    if tv.has_any({"": second}):
        targets, rest = tv.read_target({"": second}, form, keep, size)
        return targets, lambda result, after: rest(result, after)[""], "target"
    if is_pillow(second):
        from PIL import Image

        mask, palette = np.asarray(second), second.getpalette()

        def written(result: Mapping[str, Any], after: Size) -> Any:
            image = Image.fromarray(result["mask"])
            if palette is not None and second.mode == "P":
                image.putpalette(palette)
            return image

        return {"mask": mask}, written, "target"
    label, written_label = _read_label(second)
    return {"label": label}, written_label, "pair"


def _read_label(value: Any) -> tuple[Any, Write]:
    """A class index, or shares of the classes."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value), lambda result, after: int(result["label"])
    array = as_array(value) if isinstance(value, torch.Tensor) else np.asarray(value)
    whole = array.ndim == 0 and array.dtype.kind in "iu"
    if not whole and not (array.ndim == 1 and array.dtype.kind == "f"):
        raise InputError(
            f"label: expected a class index or shares of classes, got {type(value).__name__} of "
            f"shape {array.shape}; pass a dict such as {{'image': ..., 'mask': ...}} for the rest"
        )
    label = int(array) if whole else array
    return label, lambda result, after: torch.as_tensor(result["label"])


def _read_named(others: Mapping[str, Any], keep: Sequence[str]) -> tuple[dict[str, Any], Write]:
    """Targets by the pipeline's own names; tensors come back as tensors."""
    targets: dict[str, Any] = {}
    for name, value in others.items():
        if name in keep:
            continue
        if name not in NAMES:
            near = suggest(str(name), list(NAMES))
            raise InputError(
                f"sample: unknown name {name!r}; {near}; what may stay as it is goes into "
                f"keep=({name!r},)"
            )
        targets[name] = plain(value)
    tensors = {name for name, value in others.items() if isinstance(value, torch.Tensor)}

    def rest(result: Mapping[str, Any], after: Size) -> dict[str, Any]:
        moved = {
            name: torch.as_tensor(np.ascontiguousarray(value)) if name in tensors else value
            for name, value in result.items()
            if name != "image"
        }
        return {**others, **moved}

    return targets, rest


def plain(value: Any) -> Any:
    """Tensors as arrays, in mappings too."""
    if isinstance(value, torch.Tensor):
        return as_array(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return value
