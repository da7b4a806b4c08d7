"""What a geometric policy does to images of one size, as a table: which pixels each output pixel
is made of, and how much of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import PolicyError
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.pipeline import Pipeline
from variegate.policy.policy import Policy, walk

__all__ = ["Taps", "check_geometric", "taps_of"]

Floats = npt.NDArray[np.float32]
LINEAR = (Kind.MATRIX, Kind.FIELD)
LEAST = 1e-5  # weights below are what rounding leaves
PERIODS = (8, 16, 32)
# Levels of the dark and the light, so that weights below 0 are not cut off at black.
DARK, STEP = np.float32(0.25), np.float32(0.5)
PROBES = 64  # images in one call


@dataclass(frozen=True)
class Taps:
    """Output pixel i of an image flattened to pixels (m, c) on 0..1: sum over k of weights[i, k] *
    pixels[places[i, k]] + offset[i], cut to 0..1. size: (height, width) of the output.
    """

    places: npt.NDArray[np.int64]
    weights: Floats
    offset: Floats
    size: tuple[int, int]

    @property
    def exact(self) -> bool:
        """Whether pixels are only moved."""
        whole = self.weights.shape[1] == 1 and bool((self.weights == 1).all())
        return whole and not self.offset.any()

    def __call__(self, pixels: Any) -> Floats:
        """Images (n, height, width, c) on 0..1, from images on 0..1 of the size it was made for."""
        flat = np.asarray(pixels, dtype=np.float32).reshape(len(pixels), -1, pixels.shape[-1])
        taken = (flat[:, self.places] * self.weights[..., None]).sum(axis=2)
        made = np.clip(taken + self.offset[:, None], 0, 1)
        return np.asarray(made.reshape(len(pixels), *self.size, pixels.shape[-1]))


def check_geometric(policy: Policy, where: str) -> None:
    """Raises PolicyError that names all steps that are no geometry."""
    other = sorted({s.op for s, _ in walk(policy.steps) if get(s.op).kind not in LINEAR})
    if other:
        raise PolicyError(f"{where}: {', '.join(other)}: only geometry can be written as a graph")


def taps_of(policy: Policy, size: tuple[int, int], seed: int = 0) -> Taps:
    """The taps of a policy whose steps are geometry and leave nothing to chance, for images of
    `size` (height, width).

    Found by asking the pipeline about points of light on a lattice, whose answers tell how much
    (the first ask) and of which (the second). Raises PolicyError for other steps, and for a policy
    that draws.
    """
    check_geometric(policy, "view")
    pipeline = Pipeline(policy, seed=seed)
    random = np.random.Generator(np.random.PCG64(0)).random((1, *size, 1)).astype(np.float32)
    seen = [pipeline(images=random, index=[n])["images"] for n in (0, 1, 2**40)]
    if any(not np.array_equal(seen[0], other) for other in seen[1:]):
        raise PolicyError("view: it draws at random; a graph does the same to every image")
    for period in PERIODS:
        found = _asked(pipeline, size, period)
        if np.abs(found(random) - seen[0]).max() < 1e-4:
            return found
    raise PolicyError(
        "view: it is no weighted sum of pixels that lie near each other; cubic resizes are none: "
        "they cut levels between rows and columns"
    )


def _asked(pipeline: Pipeline, size: tuple[int, int], period: int) -> Taps:
    height, width = size

    def answers(images: Floats) -> Floats:
        parts = [
            np.asarray(pipeline(images=part[..., None], index=np.zeros(len(part), int))["images"])
            for part in np.array_split(images, -(-len(images) // PROBES))
        ]
        return np.concatenate(parts)[..., 0]

    dark = answers(np.full((1, height, width), DARK, np.float32))[0]
    rows, columns = np.mgrid[:height, :width]
    number = (rows // period) * (width // period + 1) + columns // period + 1
    group = (rows % period) * period + columns % period
    lights = (group == np.arange(period * period)[:, None, None]).astype(np.float32)
    share = (number / number.max()).astype(np.float32)
    weight = (answers(DARK + STEP * lights) - dark) / STEP
    which = (answers(DARK + STEP * lights * share) - dark) / STEP
    lit = np.abs(weight) > LEAST
    ratio = np.where(lit, which / np.where(lit, weight, 1), 0)
    cell = np.rint(ratio * number.max()).astype(np.int64) - 1
    across = width // period + 1
    base = np.arange(period * period)[:, None, None]
    place_row = cell // across * period + base // period
    place_column = cell % across * period + base % period
    place = np.clip(place_row, 0, height - 1) * width + np.clip(place_column, 0, width - 1)
    order = np.argsort(~lit, axis=0, kind="stable")[: max(1, int(lit.sum(axis=0).max()))]
    weights = np.take_along_axis(np.where(lit, weight, 0), order, axis=0)
    places = np.take_along_axis(np.where(lit, place, 0), order, axis=0)
    count, kept = len(order), dark - DARK * weights.sum(axis=0)
    offset = np.where(np.abs(kept) > LEAST, kept, 0)
    return Taps(
        places.reshape(count, -1).T.copy(),
        weights.reshape(count, -1).T.astype(np.float32).copy(),
        offset.reshape(-1).astype(np.float32),
        (int(dark.shape[0]), int(dark.shape[1])),
    )
