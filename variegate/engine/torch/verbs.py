"""All verbs: what runs each on tensors, what its images must share to run together, and what its
rows are given beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.engine import codec as files
from variegate.engine.torch import neighbors, noises, points, sampling, shapes, statistics
from variegate.engine.torch.rows import Key, Rows
from variegate.engine.torch.warp_keys import warp_key
from variegate.plan.program import Verb

Array = npt.NDArray[Any]
Prepare = Callable[[dict[str, Array], tuple[int, int, int], bool], None]


def codec(image: Tensor, rows: Rows) -> Tensor:
    """Through a file and back: on the host, as no torch operation writes files."""
    there = list(image.cpu().numpy())
    pairs = [(int(quality), int(kind)) for quality, kind in rows.host["codec"]]
    back = files.there_and_back(there, pairs, torch.get_num_threads())
    return torch.from_numpy(np.stack(back)).to(image.device)


ON_HOST = (Verb.CODEC,)
VERBS: dict[Verb, Callable[[Tensor, Rows], Tensor]] = {
    Verb.WARP: sampling.warp,
    Verb.LOOKUP: points.lookup,
    Verb.CHANNELS: points.channels,
    Verb.TOWARD: points.toward,
    Verb.LUMA: points.luma,
    Verb.MEASURE: statistics.measure,
    Verb.BLUR: neighbors.blur,
    Verb.SMOOTH: neighbors.smooth,
    Verb.RECTANGLES: points.rectangles,
    Verb.GRID: points.grid,
    Verb.NOISE: noises.noise,
    Verb.KERNEL: neighbors.kernel,
    Verb.MEDIAN: neighbors.median,
    Verb.TILES: statistics.tiles,
    Verb.RESCALE: neighbors.rescale,
    Verb.ZOOM: neighbors.zoom,
    Verb.SCATTER: neighbors.scatter,
    Verb.SHAPES: shapes.shapes,
    Verb.LIGHTNESS: points.lightness,
    Verb.MATCH: statistics.match,
    Verb.SPECTRUM: statistics.spectrum,
    Verb.CELLS: points.cells,
    Verb.HSV: points.hsv,
    Verb.PICK: points.pick,
    Verb.CODEC: codec,
}


def _of(name: str, columns: slice = slice(None)) -> Key:
    """What must agree: some columns of a table."""
    return lambda host: host[name].reshape(len(host[name]), -1)[:, columns]


KEYS: dict[Verb, Key] = {
    Verb.WARP: warp_key,
    Verb.MEASURE: _of("measure", slice(1)),
    Verb.BLUR: neighbors.blur_key,
    Verb.NOISE: noises.noise_key,
    Verb.MEDIAN: _of("median"),
    Verb.TILES: _of("tiles", slice(2)),
    Verb.RESCALE: _of("rescale"),
    Verb.ZOOM: _of("zoom", slice(1, 2)),
    Verb.SCATTER: _of("scatter", slice(1, 2)),
    Verb.SPECTRUM: _of("spectrum"),
}
PREPARE: dict[Verb, Prepare] = {
    Verb.WARP: sampling.prepare_warp,
    Verb.BLUR: neighbors.prepare_blur,
    Verb.NOISE: noises.prepare_noise,
    Verb.KERNEL: neighbors.prepare_kernel,
    Verb.RESCALE: neighbors.prepare_rescale,
}
