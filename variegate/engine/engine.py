"""What an engine is: the functions that carry out a program's stages."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from variegate.plan.program import MixStage, Stage

Image = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Images(list[Image]):
    """The images of a batch, each (h, w, c); a list that is read, not changed.

    batch: the same memory as one array (n, h, w, c) where all images have one size, else None.
    """

    batch: Image | None = None

    @classmethod
    def of(cls, batch: Image) -> Images:
        """The images of an array (n, h, w, c), as views of it."""
        images = cls(batch)
        images.batch = batch if len(batch) else None
        return images


class Engine(Protocol):
    """Carries out stages, mixes and outputs; variegate.engine.reference is the meaning of each.

    A module with these names is an engine. Inputs are never written to; results are fresh arrays.
    Raises EngineError where a stage cannot be carried out.
    """

    name: str

    def run_stage(self, stage: Stage, images: list[Image], threads: int = 1) -> Images:
        """Runs each sample's entries. images: n arrays (h, w, c) of one dtype, views welcome."""

    def run_masks(self, stage: Stage, masks: list[Image], threads: int = 1) -> list[Image]:
        """Runs the WARP entries alone on masks (h, w, c) of any dtype: nearest, outside 0."""

    def run_mix(self, mix: MixStage, images: Image, threads: int = 1) -> Image:
        """Mixes a batch (n, h, w, c)."""

    def run_output(
        self, images: Image, mean: Floats, std: Floats, nchw: bool, dtype: str, threads: int = 1
    ) -> Image:
        """Normalizes a batch (n, h, w, c). mean, std (c,); dtype: float32 or float16."""
