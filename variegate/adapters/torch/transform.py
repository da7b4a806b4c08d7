"""A pipeline as `transform=` or `transforms=` of torchvision's data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from variegate.adapters.torch.dataset import alone, augmented, formed
from variegate.adapters.torch.images import write_image
from variegate.adapters.torch.samples import KEPT, read_sample
from variegate.errors import InputError
from variegate.pipeline import Pipeline


class Transform:
    """Calls a pipeline with one sample, as it comes: Pillow images, tensors (c, h, w), arrays (h,
    w, c) or tv_tensors, alone or with what belongs to them (see read_sample).

    The image comes out in the form in which it came; what Normalize made of a Pillow image is a
    tensor (c, h, w). A transform is told no index, so the pipeline counts: no two calls, workers or
    epochs draw the same. Dataset passes the index, so that results repeat.
    """

    def __init__(self, pipeline: Pipeline, *, keep: Sequence[str] = KEPT) -> None:
        self.pipeline = alone(pipeline)
        self.keep = tuple(keep)

    def __call__(self, *sample: Any) -> Any:
        """transform(image), transform(image, target) or transform(dict)."""
        if len(sample) not in (1, 2):
            raise InputError(f"transform: expected (image) or (image, target), got {len(sample)}")
        item = sample if len(sample) == 2 else sample[0]
        read = read_sample(item, self.pipeline.targets, self.keep)
        result = augmented(self.pipeline, [read], None, 0)[0]
        array, first = result["image"], self.pipeline.channels_first
        size = array.shape[1:] if first else array.shape[:2]
        return formed(read, write_image(array, read.kind, first), result, size)

    def __repr__(self) -> str:
        return f"Transform({self.pipeline.policy!r})"
