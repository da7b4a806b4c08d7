"""WARP and the resizes: the reference's sampling on k images at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.engine import sampling as plain
from variegate.engine.torch.rows import Rows
from variegate.engine.torch.values import is_bytes, over, packed, rounded, taken, unpacked
from variegate.engine.torch.warp_keys import WHOLE, warp_key
from variegate.plan.program import Border, Resample

Array = npt.NDArray[Any]
FAR = plain.FAR
HALF = 1 << (plain.BITS - 1)
KEYED = ("warp_mode", "warp_matrix", "warp_before", "warp_size")  # what a warp's key is made of
MOST_SINGLE = 2048  # pixels of a side along which single precision tells points apart


def prepare_warp(host: dict[str, Array], shape: tuple[int, int, int], whole: bool) -> None:
    """Adds the taps of resizes to a step's rows, which all have one key."""
    some = {name: host[name][:1] for name in KEYED}
    host["warp_key"] = key = warp_key(some)
    if not len(key) or not key[0, 3]:
        return
    turned = key[0, 3] == 2
    resample, border = Resample(int(key[0, 0])), Border(int(key[0, 1]))
    matrix = host["warp_matrix"].reshape(-1, 3, 3)
    matrix = matrix[:, [1, 0, 2]] if turned else matrix
    sides = (shape[1], shape[0]) if turned else shape[:2]
    size = host["warp_size"][0]
    for name, axis, length, count in (
        ("across", 0, sides[1], size[1]),
        ("down", 1, sides[0], size[0]),
    ):
        parts = taps(
            matrix[:, axis, axis], matrix[:, axis, 2], int(length), int(count), resample, border
        )
        add_taps(host, name, parts, whole)


def add_taps(
    host: dict[str, Array], name: str, parts: tuple[Array, Array, Array], whole: bool
) -> None:
    """Adds taps to rows: places, weights as the dtype needs them, and what lies inside."""
    index, weight, inside = parts
    if whole:
        fixed = np.trunc(weight * (1 << plain.BITS) + np.copysign(0.5, weight))
        host[f"{name}_weight"] = fixed.astype(np.int32)
    else:
        host[f"{name}_weight"] = weight.astype(np.float32)
    host[f"{name}_index"], host[f"{name}_inside"] = index, inside


def taps(
    scale: Array, offset: Array, length: int, count: int, resample: Resample, border: Border
) -> tuple[Array, Array, Array]:
    """Places and weights (k, count, t) of one axis, and what comes from inside the frame (k,
    count): the reference's weights without their zeros.
    """
    kernel, reach = plain.KERNELS[resample]
    center = scale[:, None] * (np.arange(count) + 0.5) + offset[:, None]
    widen = np.maximum(1.0, np.abs(scale))[:, None]
    middle = np.clip(center, -FAR, FAR)
    first = np.floor(middle - reach * widen + 0.5).astype(np.int64)
    last = np.floor(middle + reach * widen + 0.5).astype(np.int64)
    if border is Border.CONSTANT:
        first, last = np.maximum(first, 0), np.minimum(last, length)
    number = np.arange(max(1, int((last - first).max(initial=1))))
    place = first[..., None] + number
    value = np.where(
        place < last[..., None], kernel((place - middle[..., None] + 0.5) / widen[..., None]), 0.0
    )
    total = value.sum(axis=2, keepdims=True)
    weight = np.where(total != 0, value / np.where(total != 0, total, 1.0), 0.0)
    if border is Border.CONSTANT:
        return np.clip(place, 0, length - 1), weight, (center >= 0) & (center < length)
    index = plain.continued(place, length, border)
    return index, _merged(index, weight), (center >= 0) & (center < length)


def _merged(index: Array, weight: Array) -> Array:
    """Weights of taps that fall on one place, summed into the first of them."""
    merged = np.zeros_like(weight)
    seen = np.zeros(weight.shape[:2], dtype=np.bool_)
    for one in range(weight.shape[2]):
        own = index[..., one]
        seen[:] = False
        for other in range(one):
            seen |= index[..., other] == own
        for other in range(one, weight.shape[2]):
            same = ~seen & (index[..., other] == own)
            merged[..., one] += np.where(same, weight[..., other], 0.0)
    return merged


def warp(image: Tensor, rows: Rows) -> Tensor:
    """Resamples images by rows with one key."""
    resample, border, bent, resize, down, across, straight = (
        int(number) for number in rows.host["warp_key"][0, :7]
    )
    size = (int(rows.host["warp_size"][0, 0]), int(rows.host["warp_size"][0, 1]))
    channels = image.shape[3]
    fill = rounded(rows["warp_fill"][:, :channels].to(torch.float64), image.dtype)[:, None, None, :]
    outer = Border(border)
    if resize:
        return separable(image, rows, resize == 2, fill if outer is Border.CONSTANT else None)
    if straight == WHOLE:
        return moved_whole(image, rows.host["warp_key"][0, 7:11], size, outer, fill)
    x, y = source_points(rows["warp_matrix"], size, bool(straight))
    if bent:
        frame = rows["warp_field_size"].to(torch.float64)
        x, y = displaced(x, y, rows["fields"], frame)
        flat = bool((rows.host["warp_before"].reshape(-1, 3, 3)[:, 2] == (0, 0, 1)).all())
        x, y = through_matrix(rows["warp_before"], x, y, flat)
    height, width = image.shape[1:3]
    outside = None
    if outer is Border.CONSTANT:
        outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    if down > 1 or across > 1:
        image = reduced(image, down, across)
        x, y = over(x, across), over(y, down)
    if resample == Resample.BILINEAR and outer is not Border.WRAP:
        return bilinear(image, x, y, outer, outside, fill)
    out = sampled(image, x, y, Resample(resample), outer)
    return out if outside is None else torch.where(outside.unsqueeze(3), fill, out)


def bilinear(
    image: Tensor, x: Tensor, y: Tensor, border: Border, outside: Tensor | None, fill: Tensor
) -> Tensor:
    """Values at points, which it may change, by torch's own sampling, a plane for each channel.
    Points are brought into the frame first, so that single precision is enough for bytes; floats
    are sampled in double.
    """
    height, width = image.shape[1:3]
    single = is_bytes(image) and max(height, width) <= MOST_SINGLE
    kind = torch.float32 if single else torch.float64
    grid = torch.empty((*x.shape, 2), dtype=kind, device=image.device)
    grid[..., 0], grid[..., 1] = inward(x, width, border), inward(y, height, border)
    planes = image.permute(0, 3, 1, 2).to(kind)
    value = torch.nn.functional.grid_sample(
        planes, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    # A byte is a value without what is behind its point.
    value = value.clamp_(0, 255).add_(0.5) if is_bytes(image) else value.clamp_(0, 1)
    value = value.to(torch.float32)
    if outside is not None:
        value = torch.where(outside.unsqueeze(1), fill.permute(0, 3, 1, 2).to(value.dtype), value)
    out = torch.empty((*x.shape, image.shape[3]), dtype=image.dtype, device=image.device)
    out.copy_(value.permute(0, 2, 3, 1))
    return out


def inward(points: Tensor, length: int, border: Border) -> Tensor:
    """Coordinates along a side of the frame, brought inside by the border's rule, on -1..1, where
    they were.
    """
    if border is Border.REFLECT:
        points.remainder_(2 * length)
        torch.minimum(points, 2 * length - points, out=points)
    return points.clamp_(0, length).mul_(2 / length).sub_(1)


def moved_whole(
    image: Tensor, place: Array, size: tuple[int, int], border: Border, fill: Tensor
) -> Tensor:
    """Shifts by whole pixels and mirrors, the same for all images: place, sign and shift along x
    and along y. The center of pixel i comes from sign * (i + 1/2) + shift.
    """
    parts, inside = [], []
    for axis in (1, 0):
        sign, shift = (int(number) for number in place[2 * (1 - axis) : 2 * (1 - axis) + 2])
        index = sign * np.arange(size[axis]) + shift - (sign < 0)
        parts.append(index)
        inside.append(index.min() >= 0 and index.max() < image.shape[1 + axis])
    if all(inside):
        (x, y), backwards = parts, [2 - k for k in (0, 1) if place[2 * k] < 0]
        out = image[:, y.min() : y.max() + 1, x.min() : x.max() + 1]
        return out.flip(backwards) if backwards else out.contiguous()
    out, outside = image, None
    for dim, index in ((1, parts[1]), (2, parts[0])):
        there = torch.from_numpy(index).to(image.device)
        length = image.shape[dim]
        out = out.index_select(dim, continued(there, length, border))
        beyond = ((there < 0) | (there >= length)).view(*[-1 if k == dim else 1 for k in range(4)])
        outside = beyond if outside is None else outside | beyond
    return (
        out if border is not Border.CONSTANT or outside is None else torch.where(outside, fill, out)
    )


def source_points(matrix: Tensor, size: tuple[int, int], straight: bool) -> tuple[Tensor, Tensor]:
    """Where the centers of an output (height, width) come from: x and y (k, height, width).

    matrix (k, 9); straight: none of them has a perspective.
    """
    at: Any = {"dtype": torch.float64, "device": matrix.device}
    columns = torch.arange(size[1], **at).add_(0.5)[None, None, :]
    lines = torch.arange(size[0], **at).add_(0.5)[None, :, None]
    return through_matrix(matrix, columns, lines, straight)


def through_matrix(matrix: Tensor, x: Tensor, y: Tensor, straight: bool) -> tuple[Tensor, Tensor]:
    """Points through matrices (k, 9), in the reference's order of operations."""
    m = [number.view(-1, 1, 1) for number in matrix.unbind(1)]
    u = m[0] * x + (m[1] * y + m[2])
    v = m[3] * x + (m[4] * y + m[5])
    if not straight:
        w = m[6] * x + (m[7] * y + m[8])
        plane = (m[6] == 0) & (m[7] == 0) & (m[8] == 1)
        front = (w > 0) | plane
        safe = torch.where(front & ~plane, w, 1.0)
        u, v = torch.where(front, u / safe, -FAR), torch.where(front, v / safe, -FAR)
    return u.clamp_(-FAR, FAR), v.clamp_(-FAR, FAR)


def displaced(x: Tensor, y: Tensor, field: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Adds the displacement (k, gh, gw, 2) of frames (k, 2) at each point, bilinear."""
    count, down, across = field.shape[:3]
    gx = (x * (torch.full_like(size[:, 1], across - 1) / size[:, 1]).view(-1, 1, 1)).clamp_(
        0, across - 1
    )
    gy = (y * (torch.full_like(size[:, 0], down - 1) / size[:, 0]).view(-1, 1, 1)).clamp_(
        0, down - 1
    )
    j, i = gx.floor().clamp_(max=across - 2), gy.floor().clamp_(max=down - 2)
    tx, ty = (gx - j).unsqueeze(3), (gy - i).unsqueeze(3)
    first = (torch.arange(count, device=field.device) * (down * across)).view(-1, 1, 1)
    node = first + i.to(torch.int64) * across + j.to(torch.int64)
    flat = field.reshape(-1, 2)
    upper, lower = flat[node], flat[node + across]
    top = upper + tx * (flat[node + 1] - upper)
    bottom = lower + tx * (flat[node + across + 1] - lower)
    shift = top + ty * (bottom - top)
    return x + shift[..., 0], y + shift[..., 1]


def reduced(image: Tensor, down: int, across: int) -> Tensor:
    """Means over blocks of (down, across) pixels, rounded; the last blocks take what is there."""
    count, height, width, channels = image.shape
    tall, wide = -(-height // down), -(-width // across)
    whole = is_bytes(image)
    value = image.to(torch.int32 if whole else torch.float64)
    missing = (0, 0, 0, wide * across - width, 0, tall * down - height)
    blocks = torch.nn.functional.pad(value, missing)
    blocks = blocks.view(count, tall, down, wide, across, channels)
    total = torch.zeros(count, tall, wide, channels, dtype=value.dtype, device=image.device)
    for row in range(down):
        for column in range(across):
            total += blocks[:, :, row, :, column]
    lines = torch.full((tall,), float(down), dtype=torch.float64, device=image.device)
    columns = torch.full((wide,), float(across), dtype=torch.float64, device=image.device)
    lines[-1], columns[-1] = height - down * (tall - 1), width - across * (wide - 1)
    mean = total.to(torch.float64) / (lines[:, None] * columns[None, :]).unsqueeze(2)
    return (mean + 0.5).floor_().to(torch.uint8) if whole else mean.to(torch.float32)


def continued(index: Tensor, length: int, border: Border) -> Tensor:
    """Places outside 0..length-1 brought inside by the border's rule."""
    if border is Border.REFLECT:
        index = index % (2 * length)
        return torch.minimum(index, 2 * length - 1 - index)
    if border is Border.WRAP:
        return index % length
    return index.clamp(0, length - 1)


def sampled(image: Tensor, x: Tensor, y: Tensor, resample: Resample, border: Border) -> Tensor:
    """Values at points (k, height, width); weights in single precision, places in double."""
    count, height, width, channels = image.shape
    flat = packed(image.reshape(-1, channels))
    first = (torch.arange(count, device=image.device) * (height * width)).view(-1, 1, 1)

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return unpacked(taken(flat, rows + columns), image.dtype, channels)

    if resample is Resample.NEAREST:
        rows = continued(y.floor().to(torch.int64), height, border)
        return at(first + rows * width, continued(x.floor().to(torch.int64), width, border))
    reach = 1 if resample is Resample.BILINEAR else 2
    left, top = (x - 0.5).floor_(), (y - 0.5).floor_()
    weight_x = kernel_weights((x - 0.5).sub_(left), resample)
    weight_y = kernel_weights((y - 0.5).sub_(top), resample)
    left, top = left.to(torch.int64), top.to(torch.int64)
    shifts = range(1 - reach, reach + 1)
    columns = [continued(left + shift, width, border) for shift in shifts]
    total = torch.zeros((), device=image.device)
    for shift, down in zip(shifts, weight_y, strict=True):
        rows = first + continued(top + shift, height, border) * width
        line = torch.zeros((), device=image.device)
        for column, along in zip(columns, weight_x, strict=True):
            line = line + at(rows, column).to(torch.float32).mul_(along)
        total = total + line.mul_(down)
    return settled(total, image.dtype)


def kernel_weights(share: Tensor, resample: Resample) -> list[Tensor]:
    """The weights of the taps of points that lie `share` behind a pixel's center, (..., 1)."""
    t = share.to(torch.float32).unsqueeze(-1)
    if resample is Resample.BILINEAR:
        return [1 - t, t]
    found = []
    for tap in (-1, 0, 1, 2):
        away = (t - tap).abs()
        near = (1.5 * away - 2.5) * away * away + 1
        far = ((-0.5 * away + 2.5) * away - 4) * away + 2
        found.append(torch.where(away < 1, near, torch.where(away < 2, far, 0.0)))
    return found


def settled(value: Tensor, dtype: torch.dtype) -> Tensor:
    """Interpolated values in the image's dtype, clipped; uint8 to the nearest level."""
    if dtype == torch.uint8:
        return value.clamp_(0, 255).add_(0.5).to(torch.uint8)
    return value.clamp_(0, 1).to(torch.float32)


def separable(image: Tensor, rows: Rows, turned: bool, fill: Tensor | None) -> Tensor:
    """Pillow's two-pass resize, along rows and then along columns; fill (k, 1, 1, c): of what lies
    outside.
    """
    if turned:
        image = image.transpose(1, 2)
    out = two_passes(image, rows, "across", "down")
    if fill is not None:
        inside = rows["down_inside"][:, :, None] & rows["across_inside"][:, None, :]
        out = torch.where(inside.unsqueeze(3), out, fill)
    return out


def two_passes(image: Tensor, rows: Rows, across: str, down: str) -> Tensor:
    """Both axes by taps; only the lines that the second pass looks at go through the first."""
    low = int(rows.host[f"{down}_index"].min())
    high = int(rows.host[f"{down}_index"].max()) + 1
    image = image[:, low:high]
    count, height, width, channels = image.shape
    lines = image.transpose(1, 2).reshape(count, width, height * channels)
    lines = one_pass(lines, rows[f"{across}_index"], rows[f"{across}_weight"])
    wide = lines.shape[1]
    lines = lines.view(count, wide, height, channels).transpose(1, 2)
    lines = lines.reshape(count, height, wide * channels)
    lines = one_pass(lines, rows[f"{down}_index"] - low, rows[f"{down}_weight"])
    return lines.view(count, -1, wide, channels)


def one_pass(lines: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Weighted sums of lines (k, length, any) at index (k or 1, count, t); bytes in fixed point."""
    count, length, size = lines.shape
    first = (torch.arange(count, device=lines.device) * length).view(-1, 1)
    flat, whole = lines.reshape(-1, size), lines.dtype == torch.uint8
    kind = torch.int32 if whole else torch.float32
    total = torch.full((), HALF if whole else 0, dtype=kind, device=lines.device)
    for tap in range(index.shape[2]):
        place = (first + index[:, :, tap]).reshape(-1)
        value = flat.index_select(0, place).view(count, -1, size).to(kind)
        total = total + value.mul_(weight[:, :, tap].unsqueeze(2))
    if whole:
        return (total >> plain.BITS).clamp_(0, 255).to(torch.uint8)
    return total.clamp_(0, 1)
