"""The reference engine: the meaning of every verb, in plain NumPy, one image at a time.

How values become pixels is said in values.py; some verbs have modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from variegate.engine.codec import plain_reader, through_file
from variegate.engine.engine import Images, numbers_of
from variegate.engine.neighbors import blur, kernel, median, rescale, scatter, smooth, tiles, zoom
from variegate.engine.noises import noise
from variegate.engine.sampling import warp
from variegate.engine.shapes import shapes
from variegate.engine.statistics import along_axes, cells, hsv, lightness, match, spectrum
from variegate.engine.values import (
    Floats,
    Image,
    blend,
    gray,
    levels,
    own_fill,
    random_levels,
    rounded,
    through,
)
from variegate.ops.entries import MeasureMode, Output
from variegate.plan.program import MixStage, Stage, Tables, Verb

name = "reference"


def run_stage(
    stage: Stage,
    images: Sequence[Image] | Images,
    threads: int = 1,
    output: Output | None = None,
    out: Image | None = None,
    beside: Callable[[], None] | None = None,
) -> Images:
    """Runs each sample's entries in order, then the output. images: n arrays (h, w, c); returns
    new arrays, never views of them, or `out`.
    """
    if beside is not None:
        beside()
    results = []
    for sample, given in enumerate(images):
        image = given
        for entry in range(int(stage.start[sample]), int(stage.start[sample + 1])):
            image = VERBS[Verb(int(stage.verb[entry]))](image, stage.tables, int(stage.row[entry]))
        results.append(image.copy() if np.may_share_memory(image, given) else image)
    if output is not None:
        nchw = output.layout == "NCHW"
        results = [
            run_output(one[None], *numbers_of(output, one.shape[2]), nchw, output.dtype)[0]
            for one in results
        ]
    if out is None:
        return gathered(results)
    for place, result in enumerate(results):
        out[place] = result
    return Images.of(out)


def gathered(images: list[Image]) -> Images:
    """The images as slices of one array where their sizes agree."""
    if len({image.shape for image in images}) == 1:
        return Images.of(np.stack(images))
    return Images(images)


def run_masks(stage: Stage, masks: list[Image], threads: int = 1) -> list[Image]:
    """Runs the WARP and CELLS entries alone on masks (h, w, c): any dtype, nearest, outside 0."""
    results = []
    for sample, given in enumerate(masks):
        mask = given
        for entry in range(int(stage.start[sample]), int(stage.start[sample + 1])):
            if stage.verb[entry] == Verb.WARP:
                mask = warp(mask, stage.tables, int(stage.row[entry]), as_mask=True)
            elif stage.verb[entry] == Verb.CELLS:
                mask = cells(mask, stage.tables, int(stage.row[entry]))
        results.append(mask.copy() if mask is given else mask)
    return results


def run_mixes(
    mixes: Sequence[MixStage],
    images: Sequence[Image] | Images,
    threads: int = 1,
    out: Image | None = None,
) -> Images:
    """Mixes images (h, w, c), one mix after the other: layers are blended in real numbers, bottom
    first, and the result is rounded once. Floats may be on any range: a mean lies between its
    parts, so nothing is clipped. Returns new arrays, or `out`.
    """
    current = [image.copy() for image in images]
    for mix in mixes:
        tiles: list[Image] = []
        for stage in mix.tiles:
            sources = mix.tile_source[len(tiles) : len(tiles) + len(stage.sizes_in)]
            tiles += run_stage(stage, [current[sample] for sample in sources])
        current = [_laid(mix, sample, [*current, *tiles]) for sample in range(len(current))]
    if out is None:
        return gathered(current)
    for place, result in enumerate(current):
        out[place] = result
    return Images.of(out)


def _laid(mix: MixStage, sample: int, pictures: list[Image]) -> Image:
    """One sample of a mix, from all samples and tiles."""
    like, base = pictures[sample], int(mix.base[sample])
    height, width = (int(side) for side in mix.sizes_out[sample])
    if base < 0:
        value = np.empty((height, width, like.shape[2]))
        value[...] = mix.fill[sample, : like.shape[2]]
    else:
        value = levels(pictures[base])
    for layer in range(int(mix.start[sample]), int(mix.start[sample + 1])):
        y1, x1, y2, x2 = mix.place[layer]
        y, x = mix.origin[layer]
        source = int(mix.source[layer])
        if source < 0:
            shown = mix.fill[sample, : like.shape[2]].astype(np.float64)
        else:
            shown = levels(pictures[source][y : y + y2 - y1, x : x + x2 - x1])
        share = np.full((y2 - y1, x2 - x1, 1), float(mix.weight[layer]))
        if mix.mask[layer] >= 0:
            share = share * mix.masks[mix.mask[layer], y1:y2, x1:x2, None]
        below = value[y1:y2, x1:x2]
        value[y1:y2, x1:x2] = below * (1 - share) + shown * share
    return rounded(value, like) if like.dtype == np.uint8 else (value / 255.0).astype(np.float32)


def run_output(
    images: Image, mean: Floats, std: Floats, nchw: bool, dtype: str, threads: int = 1
) -> Image:
    """(value on 0..1 - mean) / std in float32 arithmetic, one multiply and one add per value.

    images (n, h, w, c); mean, std (c,).
    """
    full = 255.0 if images.dtype == np.uint8 else 1.0
    scale = (1.0 / (full * std)).astype(np.float32)
    offset = (-mean / std).astype(np.float32)
    out = images.astype(np.float32) * scale + offset
    out = np.moveaxis(out, 3, 1) if nchw else out
    return np.ascontiguousarray(out, dtype=dtype)


def lookup(image: Image, tables: Tables, row: int) -> Image:
    """uint8 through 256 entries; float32 linearly between KNOTS entries over 0..1."""
    return through(image, tables.lookup[row])


def channels(image: Image, tables: Tables, row: int) -> Image:
    """Rounded. One channel counts as three equal ones and gives their luma; a fourth channel
    stays.
    """
    matrix = np.asarray(tables.channels[row], dtype=np.float64).reshape(3, 4)
    value = levels(image)
    color = np.repeat(value, 3, axis=2) if image.shape[2] == 1 else value[..., :3]
    moved = color @ matrix[:, :3].T + matrix[:, 3] * 255.0
    if image.shape[2] == 1:
        luma = np.clip(moved, 0, 255) @ np.array([0.299, 0.587, 0.114])
        return rounded(luma[..., None], image)
    return np.concatenate([rounded(moved, image), image[..., 3:]], axis=2)


def toward(image: Image, tables: Tables, row: int) -> Image:
    """Blend with the gray; a fourth channel stays."""
    if image.shape[2] == 1:
        return image
    color = blend(gray(image), image[..., :3], np.float32(tables.toward[row]))
    return np.concatenate([color, image[..., 3:]], axis=2)


def pick(image: Image, tables: Tables, row: int) -> Image:
    """Each channel becomes one of the image's, or its fill."""
    depth = image.shape[2]
    own = np.asarray(tables.pick[row, :depth], dtype=np.int64)
    return np.where(own < 0, own_fill(tables.pick_fill[row], image), image[..., np.maximum(own, 0)])


def luma(image: Image, tables: Tables, row: int) -> Image:
    """The gray alone, as one channel."""
    return gray(image).astype(image.dtype)


def measure(image: Image, tables: Tables, row: int) -> Image:
    """Stretch, equalize or scale about the mean by a table of the image's own statistics."""
    mode, factor = MeasureMode(int(tables.measure[row, 0])), tables.measure[row, 1]
    if mode is MeasureMode.ABOUT_MEAN:
        mean = np.mean(gray(image), dtype=np.float64)
        flat = np.floor(mean + 0.5) if image.dtype == np.uint8 else mean
        return blend(np.full((1, 1, 1), flat, dtype=np.float32), image, np.float32(factor))
    if mode is MeasureMode.AXES:
        return along_axes(image, np.asarray(tables.measure[row, 1:], dtype=np.float64))
    work = stretched if mode is MeasureMode.STRETCH else equalized
    return np.stack([work(image[..., c]) for c in range(image.shape[2])], axis=2)


def stretched(channel: Image) -> Image:
    """The darkest value becomes 0, the brightest full; a flat channel stays. Truncated."""
    low, high = float(channel.min()), float(channel.max())
    if high <= low:
        return channel
    if channel.dtype == np.uint8:
        scale = 255.0 / (high - low)
        table = np.clip(np.arange(256) * scale - low * scale, 0, 255).astype(np.uint8)
        return np.asarray(table[channel])
    return ((channel.astype(np.float64) - low) / (high - low)).astype(np.float32)


def equalized(channel: Image) -> Image:
    """Pillow's equalize. Floats: the table of the nearest levels, linear between its entries."""
    whole = (
        channel if channel.dtype == np.uint8 else np.floor(channel.astype(np.float64) * 255 + 0.5)
    )
    counts = np.bincount(whole.astype(np.int64).ravel(), minlength=256)
    filled = counts[counts > 0]
    step = int(filled.sum() - filled[-1]) // 255
    if len(filled) <= 1 or step == 0:
        return channel
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    table = np.minimum((step // 2 + before) // step, 255)
    if channel.dtype == np.uint8:
        return np.asarray(table.astype(np.uint8)[channel])
    return through(channel, table / 255.0)


def rectangles(image: Image, tables: Tables, row: int) -> Image:
    """Fill rectangles with a level or with random levels, each a pure function of the key and the
    value's place.
    """
    out = image.copy()
    key = tables.rectangles_noise[row]
    fill = own_fill(tables.rectangles_fill[row], image)
    for place in range(int(tables.rectangles_start[row]), int(tables.rectangles_start[row + 1])):
        y1, x1, y2, x2 = tables.rectangles[place]
        out[y1:y2, x1:x2] = random_levels(key, image)[y1:y2, x1:x2] if key else fill
    return out


def grid(image: Image, tables: Tables, row: int) -> Image:
    """Hide the squares of a turned grid (see ops.entries.Grid)."""
    period, side, offset_u, offset_v, cos, sin = tables.grid[row]
    height, width = image.shape[:2]
    y = (np.arange(height) + 0.5 - height / 2)[:, None]
    x = (np.arange(width) + 0.5 - width / 2)[None, :]
    u, v = cos * x - sin * y + offset_u, sin * x + cos * y + offset_v
    hidden = (u - np.floor(u / period) * period < side) & (v - np.floor(v / period) * period < side)
    out = image.copy()
    out[hidden] = own_fill(tables.grid_fill[row], image)
    return out


def codec(image: Image, tables: Tables, row: int) -> Image:
    """A JPEG or WebP through Pillow (see codec.through_file)."""
    quality, kind = (int(value) for value in tables.codec[row])
    return through_file(image, (quality, kind), plain_reader)


VERBS = {
    Verb.WARP: warp,
    Verb.LOOKUP: lookup,
    Verb.CHANNELS: channels,
    Verb.TOWARD: toward,
    Verb.LUMA: luma,
    Verb.MEASURE: measure,
    Verb.BLUR: blur,
    Verb.SMOOTH: smooth,
    Verb.RECTANGLES: rectangles,
    Verb.GRID: grid,
    Verb.NOISE: noise,
    Verb.KERNEL: kernel,
    Verb.MEDIAN: median,
    Verb.TILES: tiles,
    Verb.RESCALE: rescale,
    Verb.ZOOM: zoom,
    Verb.SCATTER: scatter,
    Verb.SHAPES: shapes,
    Verb.LIGHTNESS: lightness,
    Verb.MATCH: match,
    Verb.SPECTRUM: spectrum,
    Verb.CELLS: cells,
    Verb.HSV: hsv,
    Verb.PICK: pick,
    Verb.CODEC: codec,
}
