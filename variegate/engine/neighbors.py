"""The verbs that look at a pixel's neighbors: blurs, kernels, medians, tiles, and resampling that
moves nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.sampling import sample, separable, source_points
from variegate.engine.values import (
    Floats,
    Image,
    blend,
    gray,
    levels,
    mirrored,
    random_parts,
    rounded,
)
from variegate.ops.entries import Window
from variegate.plan.program import Border, Resample, Tables

ROUND = np.uint64(0x9E3779B97F4A7C15)  # from one round of SCATTER to the next
AT_ONCE = 1 << 20  # values that are gathered at once


def blur(image: Image, tables: Tables, row: int) -> Image:
    """Separable, border mirrored about the outer pixel's center; rounded once (see ops.entries.Blur
    and Unsharp).
    """
    window, width, amount, threshold = (float(number) for number in tables.blur[row])
    weights = window_weights(Window(int(window)), width)
    if len(weights) == 1:
        return image
    value = levels(image)
    smooth = smoothed(value, weights)
    if amount == -1:
        return rounded(smooth, image)
    away = value - smooth
    share = np.clip(np.abs(away) / threshold - 1, 0, 1) if threshold > 0 else 1.0
    return rounded(value + amount * share * away, image)


def smoothed(value: Floats, weights: Floats) -> Floats:
    """Numbers (h, w, c) through a window of these weights in both axes, borders as for `blur`."""
    for axis in (1, 0):
        reach = len(weights) // 2
        taps = mirrored(np.arange(-reach, value.shape[axis] + reach), value.shape[axis])
        wide = np.take(value, taps, axis=axis)
        windows = np.lib.stride_tricks.sliding_window_view(wide, len(weights), axis=axis)
        value = windows @ weights
    return value


def window_weights(window: Window, width: float) -> Floats:
    """Weights that sum to 1, an odd number of them."""
    if window is Window.GAUSSIAN:
        radius = int(np.ceil(3 * width))
        away = np.arange(-radius, radius + 1) / (width if radius else 1.0)
        weights = np.exp(-0.5 * away**2)
    else:
        radius = int(np.ceil(width))
        weights = np.ones(2 * radius + 1)
        if radius:
            weights[[0, -1]] = width - (radius - 1)
    return np.asarray(weights / weights.sum())


def smooth(image: Image, tables: Tables, row: int) -> Image:
    """Blend with Pillow's SMOOTH (1 1 1, 1 5 1, 1 1 1 over 13); the outermost pixels stay."""
    factor = np.float32(tables.smooth[row])
    height, width = image.shape[:2]
    if height < 3 or width < 3:
        return image
    value = image.astype(np.float32)
    side, middle = np.float32(1 / 13), np.float32(5 / 13)
    total = np.full_like(value[1:-1, 1:-1], 0.5 if image.dtype == np.uint8 else 0.0)
    for shift, center in ((2, side), (1, middle), (0, side)):
        line = value[shift : shift + height - 2]
        total = total + ((line[:, :-2] * side + line[:, 1:-1] * center) + line[:, 2:] * side)
    degenerate = value.copy()
    if image.dtype == np.uint8:
        total = np.floor(np.clip(total, 0, 255))
    degenerate[1:-1, 1:-1] = total
    return blend(degenerate, image, factor)


def kernel(image: Image, tables: Tables, row: int) -> Image:
    """The weighted sum of the pixels at the taps, border mirrored about the outer pixel's center.

    uint8: whole numbers, to the nearest level, halves up. float32: clipped to 0..1.
    """
    first, last = (int(place) for place in tables.kernel_start[row : row + 2])
    bits = int(tables.kernel_bits[row])
    whole = image.dtype == np.uint8
    height, width = image.shape[:2]
    value: Image = image.astype(np.int64 if whole else np.float64)
    total: Image = np.zeros_like(value)
    at_once = max(1, AT_ONCE // value.size)
    for start in range(first, last, at_once):
        down, across, weights = tables.kernel[start : min(start + at_once, last)].T
        rows = mirrored(np.arange(height) + down[:, None], height)
        columns = mirrored(np.arange(width) + across[:, None], width)
        total += np.tensordot(
            weights.astype(value.dtype), value[rows[:, :, None], columns[:, None, :]], axes=1
        )
    if whole:
        return np.asarray(np.clip((total + (1 << bits >> 1)) >> bits, 0, 255), dtype=np.uint8)
    return np.asarray(np.clip(total / (1 << bits), 0, 1), dtype=np.float32)


def median(image: Image, tables: Tables, row: int) -> Image:
    """The median of a square, each channel for itself; the border repeats."""
    radius = int(tables.median[row])
    side = 2 * radius + 1
    wide = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    out = np.empty_like(image)
    for place in range(image.shape[0]):  # a row at once: windows of a whole image are large
        windows = np.lib.stride_tricks.sliding_window_view(
            wide[place : place + side], (side, side), axis=(0, 1)
        )
        flat = windows.reshape(*image.shape[1:], side * side)
        out[place] = np.partition(flat, side * side // 2, axis=-1)[..., side * side // 2]
    return out


def tiles(image: Image, tables: Tables, row: int) -> Image:
    """OpenCV's CLAHE: of gray images, and of each channel where they are not 1, 3 or 4; 3 or 4
    change by the luma alone (see gray), the same amount added to red, green and blue.
    """
    rows, columns, clip = tables.tiles[row]
    grid, color = (int(rows), int(columns)), image.shape[2] in (3, 4)
    base = gray(image).astype(image.dtype) if color else image
    parts = [tiled(base[..., c], grid, float(clip)) for c in range(base.shape[2])]
    moved = np.stack(parts, axis=2)
    if not color:
        return moved
    step = moved.astype(np.float64) - base
    top = 255 if image.dtype == np.uint8 else 1
    out = np.clip(image[..., :3] + step, 0, top).astype(image.dtype)
    return np.concatenate([out, image[..., 3:]], axis=2)


def tiled(channel: Image, grid: tuple[int, int], clip: float) -> Image:
    """One channel (h, w) through the tables of its tiles, blended in single precision.

    An image that the grid does not divide is continued at the right and at the bottom, mirrored
    about the outer pixel's center, by what is missing to the next multiple of the grid (OpenCV adds
    a whole one along the side that needs none). Floats: tables of the nearest levels, linear
    between entries.
    """
    height, width = channel.shape
    whole = channel.dtype == np.uint8
    level = channel if whole else np.floor(channel.astype(np.float64) * 255 + 0.5)
    level = level.astype(np.int64)
    size = [height, width]
    if height % grid[0] or width % grid[1]:
        size = [side + many - side % many for side, many in zip(size, grid, strict=True)]
    y, x = (mirrored(np.arange(s), side) for s, side in zip(size, channel.shape, strict=True))
    side_y, side_x = size[0] // grid[0], size[1] // grid[1]
    wide = level[y[:, None], x[None, :]].reshape(grid[0], side_y, grid[1], side_x)
    boxes = wide.transpose(0, 2, 1, 3).reshape(grid[0], grid[1], -1)
    table = np.array([[equalizing(box, clip) for box in line] for line in boxes])
    top, bottom, down = _between(height, side_y, grid[0])
    left, right, across = _between(width, side_x, grid[1])

    def at(rows: Any, columns: Any) -> Floats:
        rows, columns = rows[:, None], columns[None, :]
        if whole:
            return np.asarray(table[rows, columns, level].astype(np.float32))
        place = channel.astype(np.float64) * 255
        low = np.clip(np.floor(place), 0, 254).astype(np.int64)
        start, end = table[rows, columns, low], table[rows, columns, low + 1]
        return np.asarray(start + (place - low) * (end - start))

    across, down = across[None, :], down[:, None]
    one = np.float32(1)
    upper = at(top, left) * (one - across) + at(top, right) * across
    lower = at(bottom, left) * (one - across) + at(bottom, right) * across
    out = upper * (one - down) + lower * down
    return np.asarray(np.rint(out) if whole else out / 255.0, dtype=channel.dtype)


def _between(length: int, side: int, count: int) -> tuple[Any, Any, Any]:
    """For each place the tiles before and behind it, and the share of the second, float32."""
    place = np.arange(length).astype(np.float32) * np.float32(1 / side) - np.float32(0.5)
    first = np.floor(place)
    share = place - first
    first = first.astype(np.int64)
    return np.maximum(first, 0), np.minimum(first + 1, count - 1), share


def equalizing(level: npt.NDArray[np.int64], clip: float) -> npt.NDArray[np.int64]:
    """OpenCV's table (256,) of one tile: no level counts more than `clip` times the mean, and what
    is cut off is given to all levels alike.
    """
    counts = np.bincount(level, minlength=256)
    most = max(int(clip * level.size / 256), 1)
    over = int(np.maximum(counts - most, 0).sum())
    counts = np.minimum(counts, most) + over // 256
    rest = over % 256
    if rest:
        counts[:: max(256 // rest, 1)][:rest] += 1
    scale = np.float32(255.0) / np.float32(level.size)
    table = np.minimum(np.rint(np.cumsum(counts).astype(np.float32) * scale), 255)
    return np.asarray(table, dtype=np.int64)


def rescale(image: Image, tables: Tables, row: int) -> Image:
    """Resized and resized back, antialiased, as WARP resizes; nothing moves."""
    height, width, down, up = (int(number) for number in tables.rescale[row])
    small = resized(image, (height, width), Resample(down))
    return resized(small, image.shape[:2], Resample(up))


def resized(image: Image, size: tuple[int, int], resample: Resample) -> Image:
    """An image at another (height, width); new memory only where that differs."""
    if image.shape[:2] == size:
        return image
    matrix = np.diag([image.shape[1] / size[1], image.shape[0] / size[0], 1.0])
    if resample is Resample.NEAREST:
        x, y = np.broadcast_arrays(*source_points(matrix, size))
        return sample(image, x, y, resample, Border.EDGE)
    fill = np.zeros(image.shape[2], dtype=image.dtype)
    return separable(image, matrix, size, resample, Border.CONSTANT, fill)


def zoom(image: Image, tables: Tables, row: int) -> Image:
    """The mean of the image and of itself enlarged about its center, each bilinear and rounded; the
    mean of uint8 to the nearest, halves up.
    """
    step, count = float(tables.zoom[row, 0]), int(tables.zoom[row, 1])
    height, width = image.shape[:2]
    total = image.astype(np.float64)
    for place in range(1, count):
        matrix = zooming(1 + place * step, height, width)
        x, y = np.broadcast_arrays(*source_points(matrix, (height, width)))
        total += sample(image, x, y, Resample.BILINEAR, Border.EDGE)
    mean = total / count
    if image.dtype == np.uint8:
        return np.asarray(np.floor(mean + 0.5), dtype=np.uint8)
    return mean.astype(np.float32)


def zooming(factor: float, height: int, width: int) -> Floats:
    """Output to source, enlarged about the center."""
    scale = 1 / factor
    shift = (1 - scale) / 2
    return np.array([[scale, 0, width * shift], [0, scale, height * shift], [0, 0, 1]])


def scatter(image: Image, tables: Tables, row: int) -> Image:
    """Each pixel becomes one at most `distance` rows and columns away, the border repeated.

    A round's random numbers are 16 bits a pixel (see random_parts): the upper byte, times the
    number of rows, without its lower byte, picks the row; the lower byte the column. The next round
    has the next key.
    """
    distance, rounds = (int(number) for number in tables.scatter[row])
    key = np.uint64(tables.scatter_key[row])
    height, width = image.shape[:2]
    places = np.arange(height)[:, None], np.arange(width)[None, :]
    for _ in range(rounds):
        parts = random_parts(key, image[..., :1], 16)[..., 0]
        down, across = (
            ((byte * (2 * distance + 1)) >> 8) - distance for byte in (parts >> 8, parts & 255)
        )
        rows = np.clip(places[0] + down, 0, height - 1)
        image = image[rows, np.clip(places[1] + across, 0, width - 1)]
        with np.errstate(over="ignore"):
            key = key + ROUND
    return image
