"""WebDataset: a function for `.map`, keyed by each sample's `__key__`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from variegate.adapters.records import Fields, augment_records, field_of, key_of
from variegate.adapters.torch.epoch import Epoch
from variegate.pipeline import Pipeline

__all__ = ["Augment"]

KEY = "__key__"


class Augment:
    """For `WebDataset(...).decode("rgb8").map(...)`: augments a sample, a dict by file extension.

    pipeline: a variegate Pipeline. fields: as of `Fields`: image="jpg", label="cls", mask="png",
    boxes="json.boxes", box_labels. A sample is the same for the same seed, epoch and `__key__`,
    whichever worker or shard it comes from; set_epoch reaches running workers too.
    """

    def __init__(
        self, pipeline: Pipeline, *, image: str = "jpg", key: str = KEY, **fields: str | None
    ) -> None:
        self.pipeline, self.key = pipeline, key
        self.fields = Fields(image=image, **fields)
        self._epoch = Epoch()

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the draws, in running workers too."""
        self._epoch.set(epoch)

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample, augmented; other fields as they were."""
        index = [key_of(field_of(sample, self.key))]
        return augment_records([sample], self.pipeline, self.fields, index, self._epoch.get())[0]
