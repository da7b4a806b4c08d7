"""Grain, the loader of JAX programs: a random map keyed by element."""

from __future__ import annotations

from typing import Any

import grain
import numpy as np

from variegate.adapters.records import Fields, augment_records
from variegate.errors import InputError
from variegate.pipeline import Pipeline

__all__ = ["Augment"]


class Augment(grain.transforms.RandomMap):  # type: ignore[misc]
    """For `MapDataset.random_map` and a DataLoader's operations: augments an element.

    pipeline: a variegate Pipeline. fields: as of `Fields`: image="image", label, mask, boxes,
    box_labels, keypoints. Grain keys its generator by its own seed and the element's place, also
    over repeats, and that generator keys the draws: the same bytes for any number of workers.
    """

    def __init__(self, pipeline: Pipeline, **fields: str | None) -> None:
        self.pipeline, self.fields = pipeline, Fields(**fields)  # type: ignore[arg-type]
        if pipeline.mixes_labels:
            raise InputError("pipeline: a mix needs a batch, and Grain maps one element at a time")

    def random_map(self, element: Any, rng: np.random.Generator) -> Any:
        """The element, a dict of fields, augmented."""
        index = [int(rng.integers(2**63 - 1))]
        return augment_records([element], self.pipeline, self.fields, index)[0]
