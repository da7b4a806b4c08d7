"""Random mixes for the tests of the engines."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.build import Generator, Size
from variegate.ops.layers import NOTHING, Layers
from variegate.ops.mixing import one_layer
from variegate.plan.mixes import mix_stage
from variegate.plan.program import MixStage


def random_mix(seed: Generator, count: int, size: Size) -> MixStage:
    """Blends, rectangles and masks of partners, some of them the sample itself."""
    frame = np.tile([0, 0, *size], (count, 1))
    place = np.where(seed.random((count, 1)) < 0.5, frame, random_rects(seed, count, size))
    masked = count > 0 and seed.random() < 0.3
    return lay(
        seed.integers(0, max(count, 1), count),
        place,
        np.where(seed.random(count) < 0.4, 1.0, seed.random(count)),
        size,
        seed.random((count, *size)) < 0.6 if masked else None,
    )


def random_rects(seed: Generator, count: int, size: Size) -> Any:
    """Rectangles y1 x1 y2 x2 within a frame, empty ones among them."""
    corner = np.stack([seed.integers(0, side + 1, (count, 2)) for side in size], axis=2)
    return np.concatenate([corner.min(axis=1), corner.max(axis=1)], axis=1)


def lay(partner: Any, place: Any, weight: Any, size: Size, masks: Any = None) -> MixStage:
    """A mix of one layer of a partner (n,) over each image of a batch of one size."""
    count = len(partner)
    layers = one_layer(np.asarray(place, dtype=np.int64), np.asarray(weight), masks=masks)
    sizes = np.tile(np.array(size, dtype=np.int64), (count, 1))
    return mix_stage(layers, np.arange(count), np.asarray(partner)[:, None], sizes)


def deep_mix(seed: Generator, count: int, size: Size, layers: int) -> MixStage:
    """Blended and masked layers over each other, each taken from a random place of its picture, or
    nothing but the fill.
    """
    rects = random_rects(seed, count * layers, size)
    room = np.array(size) - (rects[:, 2:] - rects[:, :2])
    origin = (seed.random((len(rects), 2)) * (room + 1)).astype(np.int64)
    laid = Layers(
        seed.integers(NOTHING, 3, (count, layers)),
        rects.reshape(count, layers, 4),
        np.where(seed.random((count, layers)) < 0.4, 1.0, seed.random((count, layers))),
        origin.reshape(count, layers, 2),
        seed.random((count, *size)) < 0.7 if seed.random() < 0.5 else None,
    )
    sizes = np.tile(np.array(size, dtype=np.int64), (count, 1))
    partner, fill = seed.integers(0, count, (count, 3)), seed.uniform(0, 255, 16)
    return mix_stage(laid, np.arange(count), partner, sizes, fill=fill)
