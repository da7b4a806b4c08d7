"""What an engine is: the functions that carry out a program's stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import Output
from variegate.plan.program import MixStage, Stage

Image = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Form: TypeAlias = tuple[tuple[int, ...], np.dtype[Any]]


class Images:
    """The images of a batch, each (h, w, c); a sequence that is read, not changed.

    batch: all of them as one array (n, h, w, c) where they have one size and share memory, else
    None. seen: the least and the highest of floats, where an engine found them on its way.
    """

    __slots__ = ("_images", "batch", "count", "seen")

    def __init__(self, images: Iterable[Image] = (), batch: Image | None = None) -> None:
        self.batch = batch
        self._images: Sequence[Image] | Image = list(images) if batch is None else batch
        self.count = len(self._images)
        self.seen: tuple[float, float] | None = None

    @classmethod
    def of(cls, batch: Image) -> Images:
        """The images of an array (n, h, w, c), as views of it."""
        return cls(batch=batch if len(batch) else None)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> Image:
        return self._images[place]

    def __iter__(self) -> Iterator[Image]:
        return iter(self._images)


class Engine(Protocol):
    """Carries out stages, mixes and outputs; variegate.engine.reference is the meaning of each.

    A module with these names is an engine. Inputs are never written to; results are fresh arrays,
    or `out` where it is given: a C-ordered array for all results, of their shape and dtype. Raises
    EngineError where a stage cannot be carried out.
    """

    name: str

    def run_stage(
        self,
        stage: Stage,
        images: Sequence[Image] | Images,
        threads: int = 1,
        output: Output | None = None,
        out: Image | None = None,
        beside: Callable[[], None] | None = None,
    ) -> Images:
        """Runs each sample's entries. images: n arrays (h, w, c) of one dtype, views welcome. With
        an output the results are converted by it as they are written. beside: called once by this
        thread, where the engine has threads of its own while they work.
        """

    def run_masks(self, stage: Stage, masks: list[Image], threads: int = 1) -> list[Image]:
        """Runs the WARP and CELLS entries alone on masks (h, w, c): nearest, 0 outside."""

    def run_mixes(
        self,
        mixes: Sequence[MixStage],
        images: Sequence[Image] | Images,
        threads: int = 1,
        out: Image | None = None,
    ) -> Images:
        """Lays the layers of mixes over n images (h, w, c) of one dtype, one mix after the other.
        out: an array for the results, but not the images themselves.
        """

    def run_output(
        self, images: Image, mean: Floats, std: Floats, nchw: bool, dtype: str, threads: int = 1
    ) -> Image:
        """Normalizes a batch (n, h, w, c). mean, std (c,); dtype: float32 or float16."""


def numbers_of(output: Output, channels: int) -> tuple[Floats, Floats]:
    """The output's mean and standard deviation, (channels,) each."""
    mean = np.broadcast_to(np.array(output.mean, dtype=np.float64), (channels,))
    return mean, np.broadcast_to(np.array(output.std, dtype=np.float64), (channels,))


def converted_shape(shape: tuple[int, ...], output: Output | None) -> tuple[int, ...]:
    """The shape of an image (h, w, c) after the output."""
    if output is None or output.layout != "NCHW":
        return shape
    return shape[2], shape[0], shape[1]


def stage_form(stage: Stage, dtype: Any, output: Output | None) -> Form | None:
    """Shape and dtype of what a stage gives; None where the sizes differ or there are none."""
    sizes = np.asarray(stage.sizes_out)
    if len(sizes) == 0 or (len(sizes) > 1 and not (sizes == sizes[0]).all()):
        return None
    height, width = sizes[0].tolist()
    shape = converted_shape((height, width, stage.channels_out), output)
    return (len(sizes), *shape), np.dtype(dtype if output is None else output.dtype)
