"""The lowered form of a plan: what an engine runs. It knows verbs, never op names.

A Program is a list of stages, mixes and one output. A Stage is a list of entries for each sample,
run in order; an entry is a verb and a row of that verb's table. Tables are plain C-ordered arrays,
one row per entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import Output
from variegate.ops.layers import Erased, Pasted, Puzzle, Salient

Array: TypeAlias = npt.NDArray[np.generic]
Numbers: TypeAlias = npt.NDArray[Any]
KNOTS = 255 * 16 + 1


class Verb(IntEnum):
    """What an entry does. The reference engine's function of the same name is the meaning."""

    WARP = 0
    LOOKUP = 1
    CHANNELS = 2
    TOWARD = 3
    LUMA = 4
    MEASURE = 5
    BLUR = 6
    SMOOTH = 7
    RECTANGLES = 8
    GRID = 9
    NOISE = 10
    KERNEL = 11
    MEDIAN = 12
    TILES = 13
    RESCALE = 14
    ZOOM = 15
    SCATTER = 16
    SHAPES = 17
    LIGHTNESS = 18
    MATCH = 19
    SPECTRUM = 20
    CELLS = 21
    HSV = 22
    PICK = 23
    CODEC = 24


class Resample(IntEnum):
    """How a value between pixels is found."""

    NEAREST = 0
    BILINEAR = 1
    BICUBIC = 2
    BOX = 3  # the mean of the pixels that an output pixel covers; in RESCALE alone


WARP_WAYS = (Resample.NEAREST, Resample.BILINEAR, Resample.BICUBIC)


class Border(IntEnum):
    """What lies outside the frame."""

    CONSTANT = 0
    REFLECT = 1
    EDGE = 2
    WRAP = 3


@dataclass(frozen=True)
class Tables:
    """The rows of each verb, all C-ordered; k differs from verb to verb.

    warp_matrix (k, 9) float64: output (x, y, 1) to the source, or to the frame of the field where
    there is one.
    warp_forward (k, 9) float64: input to output, for boxes and points. With a field: input to the
        field's frame, and warp_after (k, 9) float64: from there to the output (identity without a
        field).
    warp_before (k, 9) float64: the field's frame to the source; used only with a field.
    warp_size (k, 2) int32: output (height, width). warp_field_size (k, 2) int32: the field's frame
    (height, width).
    warp_mode (k, 4) int32: Resample, Border, antialias 0/1, row of `fields` or -1.
    warp_fill (k, 16) float32: levels 0..255 for each channel.
    fields (f, gh, gw, 2) float64: displacements (dx, dy) at the nodes of a regular grid over the
        frame, corners included: node (i, j) lies at y = i * height / (gh - 1), x = j * width / (gw
        - 1).
    lookup (k, 256) uint8 for uint8 images, or (k, KNOTS) float32 on 0..1 for float32 images.
    channels (k, 12) float64: 3 rows of (r, g, b, 1), values on 0..1.
    toward, smooth (k,) float32: factors. measure (k, 4) float64: MeasureMode and its
        numbers.
    blur (k, 4) float64: Window, width in pixels, amount, threshold in levels. Amount -1 is the blur
        itself, others add so much of the difference from it (see ops.entries.Unsharp).
    kernel_start (k + 1,) int64 into kernel (t, 3) int32: row and column away from the pixel, and
        weight in units of 1 / 2^bits; kernel_bits (k,) int32.
    median (k,) int32: radius in pixels. tiles (k, 3) float64: rows, columns, clip.
    rescale (k, 4) int32: height, width, Resample down, Resample up.
    zoom (k, 2) float64: step, count. scatter (k, 2) int32: distance, rounds; scatter_key (k,)
        uint64.
    rectangles_start (k + 1,) int64 into rectangles (r, 4) int32 y1 x1 y2 x2. rectangles_fill (k,
    16) float32.
    rectangles_noise (k,) uint64: key of random levels, or 0 for the fill.
    grid (k, 6) float64, see ops.entries.Grid; grid_fill (k, 16) float32.
    noise (k, 4) float64: NoiseMode and its numbers, see ops.entries.Noise; noise_fill (k, 16)
        float32; noise_key (k,) uint64.
    shapes_start (k + 1,) int64 into shapes (s, 8) float64, see ops.entries.Shapes; shapes_gain and
        shapes_shift (k, 16) float32, shapes_outside (k,) int32.
    lightness (k, 2) float64: threshold, factor.
    match (k,) float64: share of the way; match_counts_start (k + 1,) int64 into match_counts (t,
        256) int32, one row for each channel.
    spectrum (k,) float64: beta; amplitudes_start (k + 1,) int64 into amplitudes (t, 2 REACH + 1)
        float32, REACH + 1 rows for each channel.
    cells_size (k, 2) int32: the frame; cells_start (k + 1,) int64 into cells (t, 6) int32 y1 x1 y2
        x2 and the source's corner y x.
    hsv (k, 5) float64: degrees, then times and shifts of saturation and value (levels), see
        ops.entries.Hsv.
    pick (k, 16) int32: the channel that each becomes, or -1 for that of pick_fill (k, 16) float32.
    codec (k, 2) int32: quality, FileFormat.
    """

    warp_matrix: Array
    warp_forward: Array
    warp_before: Array
    warp_after: Array
    warp_size: Array
    warp_field_size: Array
    warp_mode: Array
    warp_fill: Array
    fields: Array
    lookup: Array
    channels: Array
    toward: Array
    measure: Array
    blur: Array
    smooth: Array
    rectangles_start: Array
    rectangles: Array
    rectangles_fill: Array
    rectangles_noise: Array
    grid: Array
    grid_fill: Array
    noise: Array
    noise_fill: Array
    noise_key: Array
    kernel_start: Array
    kernel: Array
    kernel_bits: Array
    median: Array
    tiles: Array
    rescale: Array
    zoom: Array
    scatter: Array
    scatter_key: Array
    shapes_start: Array
    shapes: Array
    shapes_gain: Array
    shapes_shift: Array
    shapes_outside: Array
    lightness: Array
    match: Array
    match_counts_start: Array
    match_counts: Array
    spectrum: Array
    amplitudes_start: Array
    amplitudes: Array
    cells_size: Array
    cells_start: Array
    cells: Array
    hsv: Array
    pick: Array
    pick_fill: Array
    codec: Array


@dataclass  # not frozen: a part of one is made for every call
class Stage:
    """Entries for each sample: start (n + 1,) int64 into verb (m,) int32 and row (m,) int64.

    sizes_in, sizes_out (n, 2) int64. channels_in, channels_out: the image's channels before and
    after.
    """

    start: Array
    verb: Array
    row: Array
    tables: Tables
    sizes_in: Array
    sizes_out: Array
    channels_in: int
    channels_out: int


@dataclass(frozen=True)
class MixStage:
    """Layers that are laid over each sample, bottom first, in real numbers, and rounded once.

    sizes_in, sizes_out (n, 2) int64. base (n,) int64: the sample that lies below, or -1 for the
    fill. start (n + 1,) int64: each sample's layers among m of them. source (m,) int64: a sample of
    the batch, n + a tile, or -1 for the fill. place (m, 4) int32 y1 x1 y2 x2, within the result.
    origin (m, 2) int32: the pixel of the source at the place's upper left. weight (m,) float64:
    pixel = pixel + weight * (source - pixel). mask (m,) int64: which of masks (r, h, w) bool says
    what is covered, or -1 for the whole place. fill (n, 16) float32 levels.
    tiles: stages that make tiles, the first of all samples of the first stage, and so on; sample t
    among them is sample tile_source[t] of the batch on its way. share_start (n + 1,) int64,
    share_source, share (s,): which samples a result shows, and which share of its pixels each of
    them has; the shares of a result sum to 1. picked: for each layer the instances of its picture
    that come along, or None for all; empty: all of all layers.
    """

    sizes_in: Numbers
    sizes_out: Numbers
    base: Numbers
    start: Numbers
    source: Numbers
    place: Numbers
    origin: Numbers
    weight: Numbers
    mask: Numbers
    masks: Numbers
    fill: Numbers
    tiles: tuple[Stage, ...]
    tile_source: Numbers
    share_start: Numbers
    share_source: Numbers
    share: Numbers
    picked: tuple[Numbers | None, ...] = ()


@dataclass(frozen=True)
class OpenMix:
    """A mix that depends on the pixels or the targets.

    entry: what the op was lowered to for rows (k,); partner (k, p). sizes (n, 2), before and after.
    """

    op: str
    entry: Salient | Puzzle | Pasted | Erased
    rows: Numbers
    partner: Numbers
    sizes: Numbers


@dataclass(frozen=True)
class LateMix:
    """Mixes of other samples each, some open: they become one MixStage when all is known."""

    parts: tuple[MixStage | OpenMix, ...]
    sizes_out: Numbers


Mixed: TypeAlias = MixStage | LateMix


@dataclass
class Program:
    """Stages and mixes in order, then the output. dtype: uint8 or float32."""

    dtype: np.dtype[np.generic]
    stages: list[Stage | Mixed] = field(default_factory=list)
    output: Output | None = None
