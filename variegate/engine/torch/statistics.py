"""Verbs that go by an image's own statistics, or by a reference's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.engine import statistics as plain
from variegate.engine.torch.rows import Rows
from variegate.engine.torch.values import (
    blend,
    each,
    gray,
    is_bytes,
    levels,
    means,
    mirrored,
    over,
    rounded,
    through,
    with_rest,
)
from variegate.ops.entries import REACH, MeasureMode

Array = npt.NDArray[Any]


def measure(image: Tensor, rows: Rows) -> Tensor:
    """Stretch, equalize, scale about the mean, or add along the axes of color."""
    mode = MeasureMode(int(rows.host["measure"][0, 0]))
    if mode is MeasureMode.ABOUT_MEAN:
        light = gray(image)
        mean = means(light.to(torch.int64) if is_bytes(image) else light)
        flat = (mean + 0.5).floor() if is_bytes(image) else mean
        start = each(flat.to(torch.float32))
        return blend(start, image, rows["measure"][:, 1].to(torch.float32))
    if mode is MeasureMode.AXES:
        return along_axes(image, rows["measure"][:, 1:])
    return stretched(image) if mode is MeasureMode.STRETCH else equalized(image)


def stretched(image: Tensor) -> Tensor:
    """Each channel's darkest value becomes 0, its brightest full; a flat channel stays."""
    low, high = (own.to(torch.float64) for own in (image.amin((1, 2)), image.amax((1, 2))))
    flat = high <= low
    room = torch.where(flat, 1.0, high - low)
    if is_bytes(image):
        scale = (torch.full_like(room, 255.0) / room).unsqueeze(2)
        ramp = torch.arange(256, dtype=torch.float64, device=image.device)
        table = (ramp * scale - low.unsqueeze(2) * scale).clamp_(0, 255).to(torch.uint8)
        return through(image, torch.where(flat.unsqueeze(2), ramp.to(torch.uint8), table))
    value = (image.to(torch.float64) - low[:, None, None]) / room[:, None, None]
    return torch.where(flat[:, None, None], image, value.to(torch.float32))


def counted(level: Tensor) -> Tensor:
    """How often each of 256 levels comes (k, c, 256) in levels (k, h, w, c) int64."""
    count, channels = len(level), level.shape[3]
    first = torch.arange(count * channels, device=level.device).view(count, 1, 1, channels) * 256
    found = torch.bincount((level + first).reshape(-1), minlength=count * channels * 256)
    return found.view(count, channels, 256)


def equalized(image: Tensor) -> Tensor:
    """Pillow's equalize, each channel for itself."""
    whole = image if is_bytes(image) else (image.to(torch.float64) * 255 + 0.5).floor_()
    counts = counted(whole.to(torch.int64))
    ramp = torch.arange(256, device=image.device)
    last = torch.where(counts > 0, ramp, 0).amax(2, keepdim=True)
    step = (counts.sum(2, keepdim=True) - counts.gather(2, last)) // 255
    stays = ((counts > 0).sum(2, keepdim=True) <= 1) | (step == 0)
    before = counts.cumsum(2) - counts
    some = torch.where(stays, 1, step)
    table = ((step // 2 + before) // some).clamp_(max=255)
    if is_bytes(image):
        return through(image, torch.where(stays, ramp, table).to(torch.uint8))
    out = through(image, over(table.to(torch.float64), 255.0))
    return torch.where(stays[:, None, None, :, 0], image, out)


def along_axes(image: Tensor, amounts: Tensor) -> Tensor:
    """Add amounts (k, 3) of the variances along the principal axes of the colors."""
    value = over(levels(image), 255.0)
    if image.shape[3] not in (3, 4):
        centered = value - means(value)[:, None, None]
        step = amounts[:, :1] * means(centered * centered)
        return rounded(levels(image) + step[:, None, None] * 255.0, image.dtype)
    color = value[..., :3]
    centered = color - means(color)[:, None, None]
    spread = means(centered.unsqueeze(4) * centered.unsqueeze(3))
    variances, axes = principal_axes(spread)
    step = (axes * (amounts * variances).unsqueeze(1)).sum(2) * 255.0
    moved = rounded(levels(image[..., :3]) + step[:, None, None], image.dtype)
    return with_rest(moved, image)


def principal_axes(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (k, 3) of symmetric (k, 3, 3), the largest first, and eigenvectors as columns:
    the reference's turns of Jacobi.
    """
    axes = torch.eye(3, dtype=matrix.dtype, device=matrix.device).repeat(len(matrix), 1, 1)
    for _ in range(plain.SWEEPS):
        for p, q in ((0, 1), (0, 2), (1, 2)):
            off = matrix[:, p, q]
            some = off.abs() > plain.NEGLIGIBLE
            theta = (matrix[:, q, q] - matrix[:, p, p]) / (2.0 * torch.where(some, off, 1.0))
            sign = torch.where(theta < 0, -1.0, 1.0).to(matrix.dtype)
            tangent = sign / (theta.abs() + (theta * theta + 1.0).sqrt())
            cosine = 1.0 / (tangent * tangent + 1.0).sqrt()
            sine = torch.where(some, tangent * cosine, 0.0)
            cosine = torch.where(some, cosine, 1.0)
            matrix = _turned(_turned(matrix, p, q, cosine, sine).mT, p, q, cosine, sine).mT
            axes = _turned(axes, p, q, cosine, sine)
    values = matrix.diagonal(dim1=1, dim2=2)
    order = torch.argsort(-values, dim=1, stable=True)
    axes = axes.gather(2, order.unsqueeze(1).expand(-1, 3, -1))
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return values.gather(1, order), axes * torch.where(largest < 0, -1.0, 1.0).to(axes.dtype)


def _turned(matrix: Tensor, p: int, q: int, cosine: Tensor, sine: Tensor) -> Tensor:
    """Columns p and q times [[c, s], [-s, c]]."""
    first, second = matrix[:, :, p], matrix[:, :, q]
    c, s = cosine.unsqueeze(1), sine.unsqueeze(1)
    columns = [matrix[:, :, k] for k in range(3)]
    columns[p], columns[q] = first * c - second * s, first * s + second * c
    return torch.stack(columns, 2)


def tiles(image: Tensor, rows: Rows) -> Tensor:
    """OpenCV's CLAHE; see the reference."""
    down, across = (int(number) for number in rows.host["tiles"][0, :2])
    color = image.shape[3] in (3, 4)
    base = gray(image).to(image.dtype) if color else image
    moved = tiled(base, (down, across), rows["tiles"][:, 2])
    if not color:
        return moved
    step = moved.to(torch.float64) - base.to(torch.float64)
    top = 255 if is_bytes(image) else 1
    return with_rest((image[..., :3] + step).clamp_(0, top).to(image.dtype), image)


def tiled(base: Tensor, grid: tuple[int, int], clip: Tensor) -> Tensor:
    """Each channel through the tables of its tiles, blended in single precision."""
    count, height, width, channels = base.shape
    whole = is_bytes(base)
    place = base.to(torch.float64) * 255
    level = (base if whole else (place + 0.5).floor()).to(torch.int64)
    size = [height, width]
    if height % grid[0] or width % grid[1]:
        size = [side + many - side % many for side, many in zip(size, grid, strict=True)]
    y, x = (torch.arange(side, device=base.device) for side in size)
    wide = level.index_select(1, mirrored(y, height)).index_select(2, mirrored(x, width))
    side_y, side_x = size[0] // grid[0], size[1] // grid[1]
    boxes = wide.view(count, grid[0], side_y, grid[1], side_x, channels)
    boxes = boxes.permute(0, 1, 3, 2, 4, 5).reshape(-1, side_y * side_x, 1, channels)
    each_clip = clip.repeat_interleave(grid[0] * grid[1]).view(-1, 1)
    table = equalizing(counted(boxes), side_y * side_x, each_clip)
    flat = table.reshape(-1)
    first = torch.arange(count, device=base.device).view(-1, 1, 1, 1) * grid[0]
    deep = torch.arange(channels, device=base.device) * 256
    top, bottom, down = _between(height, side_y, grid[0], base.device)
    left, right, along = _between(width, side_x, grid[1], base.device)

    def at(lines: Tensor, columns: Tensor) -> Tensor:
        own = (first + lines[None, :, None, None]) * grid[1] + columns[None, None, :, None]
        own = own * (256 * channels) + deep
        if whole:
            return flat[own + level].to(torch.float32)
        low = place.floor().clamp_(0, 254)
        index = own + low.to(torch.int64)
        start, end = flat[index].to(torch.float64), flat[index + 1].to(torch.float64)
        return start + (place - low) * (end - start)

    across, below = along[None, None, :, None], down[None, :, None, None]
    upper = at(top, left) * (1 - across) + at(top, right) * across
    lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
    out = upper * (1 - below) + lower * below
    return (out.round_() if whole else over(out, 255.0)).to(base.dtype)


def _between(length: int, side: int, count: int, device: Any) -> tuple[Tensor, Tensor, Tensor]:
    """For each place the tiles before and behind it, and the share of the second, float32."""
    scale = torch.tensor(np.float32(1 / side), device=device)
    place = torch.arange(length, dtype=torch.float32, device=device) * scale - 0.5
    first = place.floor()
    share, first = place - first, first.to(torch.int64)
    return first.clamp(min=0), (first + 1).clamp(max=count - 1), share


def equalizing(counts: Tensor, size: int, clip: Tensor) -> Tensor:
    """OpenCV's tables (t, c, 256) of tiles of `size` pixels, clip (t, 1)."""
    most = ((clip * size) / 256).to(torch.int64).clamp_(min=1).unsqueeze(2)
    over = (counts - most).clamp_(min=0).sum(2, keepdim=True)
    counts = torch.minimum(counts, most) + over // 256
    rest = over % 256
    step = (256 // rest.clamp(min=1)).clamp_(min=1)
    ramp = torch.arange(256, device=counts.device)
    counts = counts + ((ramp % step == 0) & (ramp // step < rest)).to(torch.int64)
    scale = torch.tensor(np.float32(255.0) / np.float32(size), device=counts.device)
    return (counts.cumsum(2).to(torch.float32) * scale).round_().clamp_(max=255).to(torch.int64)


def match(image: Tensor, rows: Rows) -> Tensor:
    """Give each channel the distribution of a reference's levels, or go a part of the way there."""
    count, channels = len(image), image.shape[3]
    first = rows["match_counts_start"][:-1, None]
    own = first + torch.arange(channels, device=image.device)
    wanted = rows["match_counts"][own].to(torch.int64)
    value = levels(image)
    nearest = (value.clamp(0, 255) + 0.5).floor_().to(torch.int64)
    counts = counted(nearest)
    ramp = torch.arange(256, dtype=torch.float64, device=image.device)
    share = counts.cumsum(2).to(torch.float64) / counts.sum(2, keepdim=True)
    found = interpolated(share, wanted, ramp)
    targets = (ramp + rows["match"].view(-1, 1, 1) * (found - ramp)).reshape(-1)
    low = value.clamp(max=254).to(torch.int64)
    rows_of = torch.arange(count * channels, device=image.device).view(count, 1, 1, channels) * 256
    start, end = targets[low + rows_of], targets[low + rows_of + 1]
    return rounded(start + (value - low) * (end - start), image.dtype)


def interpolated(share: Tensor, wanted: Tensor, ramp: Tensor) -> Tensor:
    """The levels at shares (k, c, 256) of all values of counts (k, c, 256), linear between the
    levels that there are, as np.interp has it.
    """
    there = wanted > 0
    order = torch.argsort(torch.where(there, 0, 1), dim=2, stable=True)
    xs = (wanted.cumsum(2).to(torch.float64) / wanted.sum(2, keepdim=True)).gather(2, order)
    number = there.sum(2, keepdim=True)
    ys = ramp.expand(*wanted.shape).gather(2, order)
    behind = torch.arange(256, device=share.device) >= number
    xs = torch.where(behind, 2.0, xs)
    low = torch.searchsorted(xs, share.contiguous(), right=True) - 1
    before, last = low < 0, low >= number - 1
    index = torch.minimum(low.clamp(min=0), (number - 2).clamp(min=0))
    x1, x2 = xs.gather(2, index), xs.gather(2, (index + 1).clamp(max=255))
    y1, y2 = ys.gather(2, index), ys.gather(2, (index + 1).clamp(max=255))
    slope = (y2 - y1) / (x2 - x1)
    inner = slope * (share - x1) + y1
    final = ys.gather(2, number - 1).expand_as(inner)
    return torch.where(before, ys[..., :1], torch.where(last, final, inner))


def spectrum(image: Tensor, rows: Rows) -> Tensor:
    """Give low frequencies the amplitudes of a reference; see the reference engine."""
    _, height, width, channels = image.shape
    side = min(height, width)
    beta = float(rows.host["spectrum"][0])
    band = min(int(np.floor(beta * side)), (side - 1) // 2, REACH)
    if band < 0:
        return image
    at: Any = {"device": image.device}
    own = rows["amplitudes_start"][:-1, None] + torch.arange(channels, **at) * (REACH + 1)
    lines = own.unsqueeze(2) + torch.arange(band + 1, **at)
    wanted = rows["amplitudes"][lines][..., REACH - band : REACH + band + 1].to(torch.float64)
    down = torch.arange(band + 1, **at)[:, None]
    along = torch.arange(-band, band + 1, **at)[None, :]
    value = levels(image).permute(0, 3, 1, 2)
    waves = torch.fft.fft2(value) / (height * width)
    found = waves[:, :, down, along]
    size = found.abs()
    has = (size >= plain.LEAST_AMPLITUDE) & (wanted >= 0)
    found = torch.where(has, found * (wanted / torch.where(has, size, 1.0)), found)
    waves[:, :, down, along] = found
    waves[:, :, -down, -along] = found.conj()
    out = torch.fft.ifft2(waves * (height * width)).real
    return rounded(out.permute(0, 2, 3, 1), image.dtype)
