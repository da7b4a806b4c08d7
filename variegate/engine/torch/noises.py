"""NOISE: random numbers at values or pixels, each a pure function of the key and its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.engine import noises as plain
from variegate.engine.torch.rows import Rows
from variegate.engine.torch.values import (
    GOLDEN,
    each,
    is_bytes,
    levels,
    own_fill,
    random_levels,
    random_parts,
    rounded,
    taken,
    with_rest,
)
from variegate.ops.entries import NoiseFlag, NoiseMode
from variegate.plan.normal import normal_table

Array = npt.NDArray[Any]
MOST_COUNTS = 256  # entries of a table of Poisson's, a power of two
NEVER = 1 << 17


def noise_key(host: dict[str, Array]) -> Array:
    """Noise of one mode, and of its flags where it has any, runs together."""
    mode = host["noise"][:, 0]
    flagged = (mode == NoiseMode.MULTIPLY) | (mode == NoiseMode.IMPULSE)
    return np.stack([mode, np.where(flagged, host["noise"][:, 3], 0)], axis=1)


def prepare_noise(host: dict[str, Array], shape: tuple[int, int, int], whole: bool) -> None:
    """Adds the table that each image's noise goes through."""
    numbers = host["noise"]
    table = normal_table().astype(np.float64)
    mode = NoiseMode(int(numbers[0, 0]))
    if mode is NoiseMode.GAUSS:
        steps = table * (numbers[:, 1:2] * 255.0)
        host["noise_steps"] = (
            np.floor(steps + 0.5).clip(-256, 256).astype(np.int16) if whole else steps
        )
    elif mode is NoiseMode.ISO:
        host["noise_normal"] = table
    elif mode is NoiseMode.SHOT:
        host["noise_normal"] = table
        _prepare_shot(host)


def _prepare_shot(host: dict[str, Array]) -> None:
    """Adds, for each level, its mean count, Poisson's thresholds, and the level of each count."""
    count = len(host["noise"])
    means = np.zeros((count, 256))
    thresholds = np.full((count, 256, MOST_COUNTS), NEVER, dtype=np.int32)
    shown = []
    for row, scale in enumerate(host["noise"][:, 1].tolist()):
        if scale < plain.LEAST_SCALE:
            shown.append(np.zeros(1))
            continue
        shown.append(plain.levels_of_counts(scale))
        for level in range(256):
            mean = (level / 255.0) ** plain.GAMMA / scale
            means[row, level] = mean
            if mean < plain.FEW_COUNTS:
                own = plain.thresholds(mean)
                thresholds[row, level, : len(own)] = own
    host["noise_means"], host["noise_thresholds"] = means, thresholds
    host["noise_shown_start"] = np.cumsum([0, *map(len, shown)])[:-1]
    host["noise_shown_last"] = np.array([len(own) - 1 for own in shown])
    host["noise_shown"] = np.concatenate(shown)


def noise(image: Tensor, rows: Rows) -> Tensor:
    """The noise of the rows' mode; see ops.entries.Noise."""
    return MODES[NoiseMode(int(rows.host["noise"][0, 0]))](image, rows)


def _own(table: Tensor, index: Tensor) -> Tensor:
    """Entries of each image's own table (k, t) at index (k, ...)."""
    first = torch.arange(len(table), dtype=index.dtype, device=table.device) * table.shape[1]
    return taken(table.reshape(-1), index + first.view(-1, *[1] * (index.ndim - 1)))


def gauss(image: Tensor, rows: Rows) -> Tensor:
    """Add sigma times a standard normal number."""
    entries = random_parts(rows["noise_key"], tuple(image.shape[1:]), 16) >> 4
    step = _own(rows["noise_steps"], entries)
    if is_bytes(image):
        return (image.to(torch.int16) + step).clamp_(0, 255).to(torch.uint8)
    return rounded(levels(image) + step, image.dtype)


def shot(image: Tensor, rows: Rows) -> Tensor:
    """Count photons in linear light; see the reference."""
    scale = each(rows["noise"][:, 1])
    parts = random_parts(rows["noise_key"], tuple(image.shape[1:]), 16)
    value = levels(image)
    nearest = (value.clamp(0, 255) + 0.5).floor_()
    level = nearest.to(torch.int64)
    row = torch.arange(len(image), device=image.device)
    line = (level + each(row) * 256) * MOST_COUNTS
    flat = rows["noise_thresholds"].reshape(-1)
    few = torch.zeros_like(level)
    step = MOST_COUNTS // 2
    while step:  # how many thresholds do not lie above the number, by halves
        few += torch.where(flat[line + few + (step - 1)] <= parts, step, 0)
        step //= 2
    mean = _own(rows["noise_means"], level)
    z = rows["noise_normal"][parts >> 4]
    many = (mean + mean.sqrt() * z + (z * z - 1.0) / 6.0 + 0.5).floor_().to(torch.int64)
    count = torch.where(mean < plain.FEW_COUNTS, few, many)
    last = each(rows["noise_shown_last"])
    count = torch.minimum(count.clamp_(min=0), last) + each(rows["noise_shown_start"])
    seen = rows["noise_shown"][count]
    out = rounded(seen if is_bytes(image) else value + (seen - nearest), image.dtype)
    return torch.where(scale < plain.LEAST_SCALE, image, out)


def drawn(image: Tensor, rows: Rows, flags: NoiseFlag, bits: int) -> Tensor:
    """Random numbers (k, h or 1, w or 1, c or 1) that spread over the images."""
    height, width, depth = image.shape[1:]
    frame = (height, width) if NoiseFlag.PIXELS in flags else (1, 1)
    deep = depth if NoiseFlag.CHANNELS in flags else 1
    return random_parts(rows["noise_key"], (*frame, deep), bits)


def multiply(image: Tensor, rows: Rows) -> Tensor:
    """Multiply by low + share * (high - low), the share the middle of 16 bits; rounded."""
    low, high = each(rows["noise"][:, 1]), each(rows["noise"][:, 2])
    parts = drawn(image, rows, NoiseFlag(int(rows.host["noise"][0, 3])), 16)
    share = (parts.to(torch.float64) + 0.5) / 65536
    return rounded(levels(image) * (low + share * (high - low)), image.dtype)


def impulse(image: Tensor, rows: Rows) -> Tensor:
    """Replace a share of the pixels or values by the fill, and another share by white."""
    marks = NoiseFlag(int(rows.host["noise"][0, 3]))
    part = drawn(image, rows, marks | NoiseFlag.PIXELS, 32)
    first, second = rows["noise"][:, 1], rows["noise"][:, 2]
    end, last = (
        each(((share * 2.0**32) + 0.5).floor().to(torch.int64)) for share in (first, first + second)
    )
    fill = own_fill(rows["noise_fill"], image)
    if NoiseFlag.LEVELS in marks:
        fill = random_levels(rows["noise_key"] ^ GOLDEN, image)
    white = torch.full((), 255 if is_bytes(image) else 1, dtype=image.dtype, device=image.device)
    return torch.where(part < end, fill, torch.where(part < last, white, image))


def iso(image: Tensor, rows: Rows) -> Tensor:
    """Turn a pixel's color about its gray, then add the same number to all of its channels."""
    bright, turn = each(rows["noise"][:, 1]), each(rows["noise"][:, 2])
    pairs = random_parts(rows["noise_key"], (*image.shape[1:3], 2), 16)
    z = rows["noise_normal"][pairs >> 4]
    step = z[..., :1] * (bright * 255.0)
    value = levels(image)
    if image.shape[3] not in (3, 4):
        return rounded(value + step, image.dtype)
    color = value[..., :3]
    half = z[..., 1:] * (turn / 2)
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    gray = weighted(color, plain.TO_YIQ[0])
    across = torch.cat([weighted(color, line) for line in plain.QUARTER], 3)
    turned = gray + cosine * (color - gray) + sine * across
    return with_rest(rounded(turned + step, image.dtype), image)


def weighted(color: Tensor, weights: Array) -> Tensor:
    """The weighted sum of three channels (k, h, w, 1)."""
    first, second, third = (float(weight) for weight in weights)
    total = color[..., 0] * first + color[..., 1] * second + color[..., 2] * third
    return total.unsqueeze(3)


MODES = {
    NoiseMode.GAUSS: gauss,
    NoiseMode.SHOT: shot,
    NoiseMode.MULTIPLY: multiply,
    NoiseMode.IMPULSE: impulse,
    NoiseMode.ISO: iso,
}
