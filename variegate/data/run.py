"""A drawn plan carried out part by part, each image written to its place in the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.crop import needs, part_of, read_smaller
from variegate.engine.choose import choose
from variegate.engine.engine import Engine, Images
from variegate.errors import InputError
from variegate.ops.entries import Output
from variegate.pipeline.apply import Means, labels_after, run_images
from variegate.pipeline.buffers import Buffers
from variegate.pipeline.forms import Targets
from variegate.pipeline.pipeline import Pipeline
from variegate.plan.lower import lower
from variegate.plan.plan import Plan
from variegate.plan.program import Mixed, MixStage, Program, Stage
from variegate.targets.images import WIDE
from variegate.targets.labels import read_labels, soften

__all__ = ["Run"]

Image = npt.NDArray[Any]


class Run:
    """Takes the images of a batch in parts, in any order, from any thread.

    rows, factors: how many rows of each image are looked at, and by how much it may come
    shrunk. direct: whether `part` is done with its images when it returns; with other targets than
    labels, for uint16, and with a mix that must see all images as they are, those are kept, at full
    size, and the pipeline is applied at the end.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        plan: Plan,
        targets: Mapping[str, Any],
        form: tuple[np.dtype[Any], int],
        scaled: bool,
        buffers: Buffers,
    ) -> None:
        self._pipeline, self._plan, self._targets = pipeline, plan, targets
        wide = form[0] == WIDE
        dtype = np.dtype(np.float32) if wide else form[0]
        self._program = lower(plan, dtype, form[1], pipeline.kernels)
        plain = all(map(_is_plain, self._program.stages))
        self.direct = set(targets) <= {"labels"} and plain and not wide
        self.rows: list[int] = plan.sizes[:, 0].tolist()
        self.factors = [1] * len(plan)
        if not self.direct:
            self._images: list[Any] = [None] * len(plan)
            return
        self._engine: Engine = choose(pipeline.engine)
        first = self._program.stages[0]
        if not isinstance(first, Stage):
            raise InputError("the program begins with a mix, which needs a stage before it")
        self._first = first
        _check_sizes(np.asarray(self._program_sizes()))
        need = needs(first, scaled)
        self.rows, self.factors = need.rows.tolist(), need.factor.tolist()
        self._warp = need.warp
        self._output = self._program.output if len(self._program.stages) == 1 else None
        shape, dtype = _result_form(first, self._program.dtype, self._output)
        self._out = buffers.take(shape, dtype)
        # Read once for all parts, whose images mostly come shrunk as planned.
        ready = getattr(self._engine, "ready", None)
        planned = read_smaller(first, need.factor, self._warp)
        self._ready = None if ready is None else ready(planned, self._program.dtype, self._output)

    def _program_sizes(self) -> Any:
        return [stage for stage in self._program.stages if isinstance(stage, Stage)][-1].sizes_out

    def part(self, first: int, images: list[Image], factors: list[int]) -> None:
        """Carry out the first stage on some neighbors, which came shrunk by `factors`."""
        last = first + len(images)
        if not self.direct:
            self._images[first:last] = images
            return
        out = self._out[first:last]
        if self._ready is not None and self.factors[first:last] == factors:
            self._ready.run(first, images, out, 1)
            return
        stage = read_smaller(
            part_of(self._first, first, last), np.array(factors), self._warp[first:last]
        )
        self._engine.run_stage(stage, images, 1, self._output, out)

    def finish(self, threads: int) -> dict[str, Any]:
        """Do what needs the whole batch; the result as the pipeline gives it."""
        if not self.direct:
            result = self._pipeline.apply(self._plan, images=self._images, **self._targets)
            if not isinstance(result["images"], np.ndarray):
                _check_sizes(np.array([image.shape[:2] for image in result["images"]]))
            return result
        stages = self._program.stages[1:]
        images: Any = self._out
        if stages:
            rest = Program(self._program.dtype, stages, self._program.output)
            means = Means(self._engine, Targets(), None, threads)
            images = run_images(rest, Images.of(self._out), means)[0]
        result = {"images": images}
        if "labels" in self._targets:
            result["labels"] = self._labels(read_labels(self._targets["labels"], len(self._plan)))
        return result

    def _labels(self, labels: Any) -> Any:
        if self._pipeline.mixes_labels:
            labels = soften(labels, self._pipeline.classes)
        return labels_after(self._program.stages, labels)


def _is_plain(stage: Stage | Mixed) -> bool:
    """Whether each image keeps its size, and depends on the others only by a mix that is known."""
    if isinstance(stage, Stage):
        return True
    return isinstance(stage, MixStage) and np.array_equal(stage.sizes_in, stage.sizes_out)


def _check_sizes(sizes: npt.NDArray[np.int64]) -> None:
    """Raises InputError unless all (height, width) agree."""
    if not (sizes == sizes[0]).all():
        found = np.unique(sizes, axis=0)
        text = " and ".join(f"{high}x{wide}" for high, wide in found[:2].tolist())
        raise InputError(
            f"the pipeline gives images of different sizes ({text}), which do not fit into one "
            "batch: put Resize, CenterCrop or RandomResizedCrop into it"
        )


def _result_form(
    stage: Stage, dtype: np.dtype[Any], output: Output | None
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of what a stage, or a stage and the output, give for the batch."""
    height, width = (int(side) for side in stage.sizes_out[0])
    channels = stage.channels_out
    if output is None:
        return (len(stage.sizes_out), height, width, channels), np.dtype(dtype)
    shape = (channels, height, width) if output.layout == "NCHW" else (height, width, channels)
    return (len(stage.sizes_out), *shape), np.dtype(output.dtype)
