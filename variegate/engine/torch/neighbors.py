"""Verbs that look at a pixel's neighbors, and resampling that moves nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.engine import neighbors as plain
from variegate.engine.torch import sampling
from variegate.engine.torch.rows import Rows
from variegate.engine.torch.values import (
    blend,
    each,
    is_bytes,
    levels,
    mirrored,
    over,
    random_parts,
    rounded,
)
from variegate.ops.entries import Window
from variegate.plan.program import Border, Resample

Array = npt.NDArray[Any]
ROUND = int(plain.ROUND) - 2**64
SORTED = 1 << 24  # values that are sorted at once


def blur_key(host: dict[str, Array]) -> Array:
    """Blurs of one reach and kind run together."""
    window, width = host["blur"][:, 0], host["blur"][:, 1]
    reach = np.ceil(np.where(window == Window.GAUSSIAN, 3 * width, width))
    return np.stack([reach, host["blur"][:, 2] == -1, host["blur"][:, 3] > 0], axis=1)


def prepare_blur(host: dict[str, Array], shape: tuple[int, int, int], whole: bool) -> None:
    """Adds the weights (k, t)."""
    host["blur_weight"] = np.stack(
        [plain.window_weights(Window(int(row[0])), float(row[1])) for row in host["blur"]]
    )


def blur(image: Tensor, rows: Rows) -> Tensor:
    """Separable, border mirrored about the outer pixel's center; rounded once."""
    weights = rows["blur_weight"]
    if weights.shape[1] == 1:
        return image
    alone = rows.host["blur"][0, 2] == -1
    value = levels(image)
    smooth = smoothed(value.to(torch.float32) if alone else value, weights)
    amount, threshold = rows["blur"][:, 2], rows["blur"][:, 3]
    if alone:
        return rounded(smooth, image.dtype)
    away = value - smooth
    share: Any = 1.0
    if rows.host["blur"][0, 3] > 0:
        share = (away.abs() / each(threshold) - 1).clamp_(0, 1)
    return rounded(value + each(amount) * share * away, image.dtype)


def smoothed(value: Tensor, weights: Tensor) -> Tensor:
    """Numbers (k, h, w, c) through windows (k, t) in both axes."""
    reach = weights.shape[1] // 2
    for axis in (2, 1):
        length = value.shape[axis]
        places = torch.arange(-reach, length + reach, device=value.device)
        wide = value.index_select(axis, mirrored(places, length))
        total = torch.zeros_like(value)
        for tap in range(weights.shape[1]):
            total.addcmul_(wide.narrow(axis, tap, length), each(weights[:, tap]).to(value.dtype))
        value = total
    return value


def smooth(image: Tensor, rows: Rows) -> Tensor:
    """Blend with Pillow's SMOOTH; the outermost pixels stay."""
    height, width = image.shape[1:3]
    if height < 3 or width < 3:
        return image
    value = image.to(torch.float32)
    at: Any = {"dtype": torch.float32, "device": image.device}
    side, middle = (torch.tensor(np.float32(share), **at) for share in (1 / 13, 5 / 13))
    total = torch.full_like(value[:, 1:-1, 1:-1], 0.5 if is_bytes(image) else 0.0)
    for shift, center in ((2, side), (1, middle), (0, side)):
        line = value[:, shift : shift + height - 2]
        own = (line[:, :, :-2] * side + line[:, :, 1:-1] * center) + line[:, :, 2:] * side
        total = total + own
    if is_bytes(image):
        total = total.clamp_(0, 255).floor_()
    degenerate = value.clone()
    degenerate[:, 1:-1, 1:-1] = total
    return blend(degenerate, image, rows["smooth"])


def prepare_kernel(host: dict[str, Array], shape: tuple[int, int, int], whole: bool) -> None:
    """Adds the different taps (t, 2), rows and columns away, and each image's weight at each (k,
    t).
    """
    places, number = np.unique(host["kernel"][:, :2], axis=0, return_inverse=True)
    weight = np.zeros((len(host["kernel_bits"]), len(places)))
    np.add.at(weight, (host["kernel_owner"], number.reshape(-1)), host["kernel"][:, 2])
    host["kernel_taps"], host["kernel_weight"] = places, weight


def kernel(image: Tensor, rows: Rows) -> Tensor:
    """The weighted sum of the pixels at the taps. Doubles hold whole sums exactly."""
    height, width = image.shape[1:3]
    value = image.to(torch.float64)
    total = torch.zeros_like(value)
    down = torch.arange(height, device=image.device)
    across = torch.arange(width, device=image.device)
    lines, before = value, None
    for tap, (y, x) in enumerate(rows.host["kernel_taps"].tolist()):
        if y != before:
            lines, before = value.index_select(1, mirrored(down + y, height)), y
        moved = lines.index_select(2, mirrored(across + x, width))
        total += moved * each(rows["kernel_weight"][:, tap])
    scale = each(torch.pow(2.0, rows["kernel_bits"].to(torch.float64)))
    if is_bytes(image):
        half = torch.where(scale > 1, scale / 2, 0.0)
        return ((total + half) / scale).floor_().clamp_(0, 255).to(torch.uint8)
    return (total / scale).clamp_(0, 1).to(torch.float32)


def median(image: Tensor, rows: Rows) -> Tensor:
    """The median of a square, each channel for itself; the border repeats."""
    radius = int(rows.host["median"][0])
    if radius == 0:
        return image
    side, (height, width) = 2 * radius + 1, image.shape[1:3]
    down = torch.arange(-radius, height + radius, device=image.device).clamp_(0, height - 1)
    across = torch.arange(-radius, width + radius, device=image.device).clamp_(0, width - 1)
    wide = image.index_select(1, down).index_select(2, across)
    out = torch.empty_like(image)
    line = side * side * len(image) * width * image.shape[3]
    at_once = max(1, SORTED // line)
    for first in range(0, height, at_once):
        last = min(first + at_once, height)
        own = wide[:, first : last + 2 * radius].unfold(1, side, 1).unfold(2, side, 1)
        flat = own.reshape(len(image), last - first, width, image.shape[3], side * side)
        out[:, first:last] = flat.median(dim=4).values
    return out


def prepare_rescale(host: dict[str, Array], shape: tuple[int, int, int], whole: bool) -> None:
    """Adds the taps of both ways, which all images share."""
    height, width, down, up = (int(number) for number in host["rescale"][0])
    ways = (("small", shape[:2], (height, width), down), ("large", (height, width), shape[:2], up))
    for name, old, new, how in ways:
        if old == new or how == Resample.NEAREST:
            continue
        for axis, part in ((1, "across"), (0, "down")):
            scale = np.array([old[axis] / new[axis]])
            parts = sampling.taps(
                scale, np.zeros(1), old[axis], new[axis], Resample(how), Border.CONSTANT
            )
            sampling.add_taps(host, f"{name}_{part}", parts, whole)


def rescale(image: Tensor, rows: Rows) -> Tensor:
    """Resized and resized back, as WARP resizes; nothing moves."""
    size = (image.shape[1], image.shape[2])
    height, width, down, up = (int(number) for number in rows.host["rescale"][0])
    small = _resized(image, rows, "small", (height, width), down)
    return _resized(small, rows, "large", size, up)


def _resized(image: Tensor, rows: Rows, name: str, size: tuple[int, int], how: int) -> Tensor:
    old = (image.shape[1], image.shape[2])
    if old == size:
        return image
    if how != Resample.NEAREST:
        return sampling.two_passes(image, rows, f"{name}_across", f"{name}_down")
    for axis in (0, 1):
        place = np.floor(old[axis] / size[axis] * np.arange(0.5, size[axis]))
        index = np.clip(place.astype(np.int64), 0, old[axis] - 1)
        image = image.index_select(1 + axis, torch.from_numpy(index).to(image.device))
    return image


def zoom(image: Tensor, rows: Rows) -> Tensor:
    """The mean of the image and of itself enlarged about its center."""
    height, width = image.shape[1:3]
    count = int(rows.host["zoom"][0, 1])
    total = image.to(torch.float64)
    for place in range(1, count):
        matrices = np.stack(
            [plain.zooming(1 + place * float(step), height, width) for step, _ in rows.host["zoom"]]
        )
        matrix = torch.from_numpy(matrices.reshape(-1, 9)).to(image.device)
        x, y = sampling.source_points(matrix, (height, width), True)
        total = total + sampling.sampled(image, x, y, Resample.BILINEAR, Border.EDGE)
    mean = over(total, count)
    if is_bytes(image):
        return (mean + 0.5).floor_().to(torch.uint8)
    return mean.to(torch.float32)


def scatter(image: Tensor, rows: Rows) -> Tensor:
    """Each pixel becomes one at most `distance` rows and columns away; see the reference."""
    count, height, width, channels = image.shape
    distance = rows["scatter"][:, 0].to(torch.int64).view(-1, 1, 1)
    key = rows["scatter_key"]
    down = torch.arange(height, device=image.device).view(1, -1, 1)
    across = torch.arange(width, device=image.device).view(1, 1, -1)
    first = (torch.arange(count, device=image.device) * (height * width)).view(-1, 1, 1)
    for _ in range(int(rows.host["scatter"][0, 1])):
        parts = random_parts(key, (height, width), 16)
        y, x = (((byte * (2 * distance + 1)) >> 8) - distance for byte in (parts >> 8, parts & 255))
        lines, columns = (down + y).clamp_(0, height - 1), (across + x).clamp_(0, width - 1)
        place = (first + lines * width + columns).view(-1)
        image = image.reshape(-1, channels).index_select(0, place)
        image = image.view(count, height, width, channels)
        key = key + ROUND
    return image
