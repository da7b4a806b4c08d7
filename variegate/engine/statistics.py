"""Verbs of the reference engine that know an image's color, its statistics or a reference."""

from __future__ import annotations

import numpy as np

from variegate.engine.values import Floats, Image, levels, rounded
from variegate.ops.entries import REACH
from variegate.plan.program import Tables

LEAST_AMPLITUDE = 1e-3  # levels; a frequency that is weaker has no phase
SWEEPS = 12
NEGLIGIBLE = 1e-30  # what two axes of values on 0..1 may still share


def lightness(image: Image, tables: Tables, row: int) -> Image:
    """Where HLS's lightness (largest + smallest) / 2 is below a threshold, multiply it by a factor,
    up to white; hue and saturation stay. Rounded.

    Of 4 channels the last stays; of others than 3 or 4 each is a gray by itself.
    """
    threshold, factor = (float(v) for v in tables.lightness[row])
    value = levels(image)
    color, shared = value, value
    if image.shape[2] in (3, 4):
        color = value[..., :3]
        shared = (color.max(axis=2, keepdims=True) + color.min(axis=2, keepdims=True)) * 0.5
    moved = np.minimum(shared * factor, 255.0)
    room = 255.0 - np.abs(2.0 * shared - 255.0)
    left = 255.0 - np.abs(2.0 * moved - 255.0)
    scale = np.where(room > 0, left / np.where(room > 0, room, 1.0), 1.0)
    changed = np.where(shared < threshold, moved + (color - shared) * scale, color)
    return np.concatenate([rounded(changed, image), image[..., color.shape[2] :]], axis=2)


def hsv(image: Image, tables: Tables, row: int) -> Image:
    """Turn the hue and change saturation and value (see ops.entries.Hsv). Rounded.

    One channel is a value alone; channels behind the third stay.
    """
    degrees, saturation, value, more, brighter = (float(v) for v in tables.hsv[row])
    if degrees % 360 == 0 and saturation == value == 1 and more == brighter == 0:
        return image
    color = levels(image[..., :3])
    high = color.max(axis=2, keepdims=True)
    top = np.clip(high * value + brighter, 0, 255)
    if image.shape[2] == 1:
        return rounded(top, image)
    apart = high - color.min(axis=2, keepdims=True)
    red, green, blue = np.split(color, 3, axis=2)
    ahead = np.where(high == red, green - blue, np.where(high == green, blue - red, red - green))
    first = np.where(high == red, 0.0, np.where(high == green, 2.0, 4.0))
    hue = np.mod(first + ahead / np.where(apart > 0, apart, 1.0) + degrees / 60.0, 6.0)
    own = np.where(high > 0, apart / np.where(high > 0, high, 1.0), 0.0)
    chroma = top * np.clip(own * saturation + more / 255.0, 0, 1)
    shares = [np.abs(hue - 3) - 1, 2 - np.abs(hue - 2), 2 - np.abs(hue - 4)]
    share = np.clip(np.concatenate(shares, axis=2), 0, 1)
    return np.concatenate([rounded(top - chroma * (1 - share), image), image[..., 3:]], axis=2)


def along_axes(image: Image, amounts: Floats) -> Image:
    """Add amounts[i] times the variance along the i-th principal axis of the colors, on values
    0..1, in its direction. Rounded.

    Of 4 channels the last stays; of others than 3 or 4 each has its own axis and the first amount.
    """
    value = levels(image) / 255.0
    if image.shape[2] not in (3, 4):
        step = amounts[0] * value.var(axis=(0, 1))
        return rounded(levels(image) + step * 255.0, image)
    color = value[..., :3].reshape(-1, 3)
    centered = color - color.mean(axis=0)
    variances, axes = principal_axes(centered.T @ centered / len(color))
    step = axes @ (amounts * variances) * 255.0
    moved = rounded(levels(image[..., :3]) + step, image)
    return np.concatenate([moved, image[..., 3:]], axis=2)


def principal_axes(matrix: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues of a symmetric (3, 3) matrix, the largest first, and eigenvectors as columns, the
    largest component of each positive. Jacobi's turns in one fixed order.
    """
    matrix, axes = matrix.copy(), np.eye(3)
    for _ in range(SWEEPS):
        for p, q in ((0, 1), (0, 2), (1, 2)):
            if abs(matrix[p, q]) <= NEGLIGIBLE:
                continue
            theta = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
            sign = -1.0 if theta < 0 else 1.0
            tangent = sign / (abs(theta) + np.sqrt(theta * theta + 1.0))
            cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
            turn = np.array([[cosine, tangent * cosine], [-tangent * cosine, cosine]])
            matrix[:, [p, q]] = matrix[:, [p, q]] @ turn
            matrix[[p, q]] = turn.T @ matrix[[p, q]]
            axes[:, [p, q]] = axes[:, [p, q]] @ turn
    order = np.argsort(-np.diag(matrix), kind="stable")
    axes = axes[:, order]
    largest = np.abs(axes).argmax(axis=0)
    return np.diag(matrix)[order], axes * np.where(axes[largest, range(3)] < 0, -1.0, 1.0)


def match(image: Image, tables: Tables, row: int) -> Image:
    """Give each channel the distribution of a reference's levels, or go a part of the way there.

    A level becomes the reference's level with the same share of values at or below it, linear
    between the levels that the reference has. Floats count at their nearest level and are linear
    between levels. Rounded.
    """
    first, ratio = int(tables.match_counts_start[row]), float(tables.match[row])
    value, ramp = levels(image), np.arange(256.0)
    nearest = np.floor(np.clip(value, 0, 255) + 0.5).astype(np.int64)
    low = np.minimum(value, 254).astype(np.int64)
    out = np.empty_like(value)
    for k in range(image.shape[2]):
        wanted = np.asarray(tables.match_counts[first + k], dtype=np.int64)
        filled = np.flatnonzero(wanted)
        shares = np.cumsum(wanted[filled]) / wanted.sum()
        counts = np.bincount(nearest[..., k].ravel(), minlength=256)
        found = np.interp(np.cumsum(counts) / counts.sum(), shares, filled.astype(np.float64))
        targets = ramp + ratio * (found - ramp)
        start, end = targets[low[..., k]], targets[low[..., k] + 1]
        out[..., k] = start + (value[..., k] - low[..., k]) * (end - start)
    return rounded(out, image)


def spectrum(image: Image, tables: Tables, row: int) -> Image:
    """Give the frequencies up to a share beta of the shorter side, at most REACH to each side, the
    amplitudes of a reference; the phases stay. What the image or the reference lacks stays.
    Rounded.
    """
    height, width, depth = image.shape
    side = min(height, width)
    band = min(int(np.floor(float(tables.spectrum[row]) * side)), (side - 1) // 2, REACH)
    if band < 0:
        return image
    first = int(tables.amplitudes_start[row])
    down, along = np.arange(band + 1)[:, None], np.arange(-band, band + 1)[None, :]
    value = levels(image)
    out = np.empty_like(value)
    for k in range(depth):
        own = first + k * (REACH + 1)
        wanted = np.asarray(tables.amplitudes[own : own + REACH + 1], dtype=np.float64)
        waves = np.fft.fft2(value[..., k]) / (height * width)
        found = waves[down, along]
        size = np.abs(found)
        amplitude = wanted[down, along + REACH]
        has = (size >= LEAST_AMPLITUDE) & (amplitude >= 0)
        found = np.where(has, found * (amplitude / np.where(has, size, 1.0)), found)
        waves[down, along] = found
        waves[-down, -along] = np.conj(found)
        out[..., k] = np.fft.ifft2(waves * (height * width)).real
    return rounded(out, image)


def cells(image: Image, tables: Tables, row: int) -> Image:
    """Rectangles change places: each takes its pixels from where they were at the start. What does
    not lie inside the frame is left out.
    """
    out = image.copy()
    frame = image.shape[:2]
    for place in range(int(tables.cells_start[row]), int(tables.cells_start[row + 1])):
        y1, x1, y2, x2, y, x = (int(v) for v in tables.cells[place])
        lowest, right, bottom = min(y1, x1, y, x), max(x2, x + x2 - x1), max(y2, y + y2 - y1)
        if lowest < 0 or y2 < y1 or x2 < x1 or bottom > frame[0] or right > frame[1]:
            continue
        out[y1:y2, x1:x2] = image[y : y + y2 - y1, x : x + x2 - x1]
    return out
