"""The rows of the verbs that look at a pixel's neighbors, from the entries of their ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import (
    Blur,
    Kernel,
    Median,
    Rescale,
    Scatter,
    Tiles,
    Unsharp,
    Window,
    Zoomed,
)
from variegate.plan.drawn import Group
from variegate.plan.made import Columns, side_by_side
from variegate.plan.program import Resample, Verb

Array = npt.NDArray[Any]

FEWEST_BITS, MOST_BITS = 14, 20
LARGEST = 32767  # a weight that one 16-bit product takes
MOST_SUM = 1 << 22  # of a kernel's weights: 255 times that, and as much for rounding, fit 32 bits


def _blur(entry: Blur, group: Group, channels: int) -> Columns:
    numbers = side_by_side(float(entry.window), entry.width, -1.0, 0.0)
    return Columns(Verb.BLUR, {"blur": numbers})


def _unsharp(entry: Unsharp, group: Group, channels: int) -> Columns:
    gaussian = float(Window.GAUSSIAN)
    numbers = side_by_side(gaussian, entry.sigma, entry.amount, entry.threshold)
    return Columns(Verb.BLUR, {"blur": numbers})


def _kernel(entry: Kernel, group: Group, channels: int) -> Columns:
    weights, bits = whole_kernels(entry.weights)
    count, side, _ = weights.shape
    away = np.arange(side) - side // 2
    rows, columns = np.meshgrid(away, away, indexing="ij")
    taps: Array = np.empty((count, side, side, 3), dtype=np.int32)
    taps[..., 0], taps[..., 1], taps[..., 2] = rows, columns, weights
    taps = taps.reshape(count, -1, 3)
    return Columns(Verb.KERNEL, {"kernel_bits": bits}, {"kernel": (taps, taps[..., 2] != 0)})


def whole_kernels(weights: Array) -> tuple[Array, Array]:
    """Kernels (k, s, s) in whole units of 1 / 2^bits, and bits (k,).

    As fine as 16-bit products allow, and so that 32 bits hold every sum. What rounding leaves over
    goes to the center, so that flat images stay flat.
    """
    size = np.abs(weights)
    largest, total = size.max(axis=(1, 2)), _sums(size)
    bits = np.clip(np.floor(np.log2(LARGEST / largest)), FEWEST_BITS, MOST_BITS)
    bits = np.minimum(bits, np.floor(np.log2(MOST_SUM / 2 / total))).astype(np.int64)
    scale = np.exp2(bits)[:, None, None]
    whole = np.rint(weights * scale).astype(np.int64)
    middle = weights.shape[1] // 2
    wanted = np.rint(_sums(weights) * scale[:, 0, 0]).astype(np.int64)
    whole[:, middle, middle] += wanted - whole.sum(axis=(1, 2))
    return whole, bits


def _sums(weights: Array) -> Array:
    """Of each kernel, in order: zeros around a smaller one of the batch change no bit."""
    return np.asarray(np.cumsum(weights.reshape(len(weights), -1), axis=1)[:, -1])


def _median(entry: Median, group: Group, channels: int) -> Columns:
    return Columns(Verb.MEDIAN, {"median": entry.radius})


def _tiles(entry: Tiles, group: Group, channels: int) -> Columns:
    return Columns(Verb.TILES, {"tiles": side_by_side(*entry.grid.T, entry.clip)})


def _rescale(entry: Rescale, group: Group, channels: int) -> Columns:
    modes = [float(Resample[name.upper()]) for name in (entry.down, entry.up)]
    return Columns(Verb.RESCALE, {"rescale": side_by_side(*entry.size.T, *modes)})


def _zoomed(entry: Zoomed, group: Group, channels: int) -> Columns:
    return Columns(Verb.ZOOM, {"zoom": side_by_side(entry.step, entry.count)})


def _scatter(entry: Scatter, group: Group, channels: int) -> Columns:
    numbers = side_by_side(entry.distance, float(entry.rounds))
    return Columns(Verb.SCATTER, {"scatter": numbers, "scatter_key": group.values["key"]})


MAKERS: dict[type, Callable[[Any, Group, int], Columns]] = {
    Blur: _blur,
    Unsharp: _unsharp,
    Kernel: _kernel,
    Median: _median,
    Tiles: _tiles,
    Rescale: _rescale,
    Zoomed: _zoomed,
    Scatter: _scatter,
}
