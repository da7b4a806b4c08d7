"""How values become pixels, and random numbers for them, as in the reference engine's values.py.

Tensors hold k images (k, h, w, c) of one size. What a row of a table says for each image comes as
(k,) or (k, ...). Sums over an image are sums of whole numbers, so that they do not depend on how a
batch or a device divides them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15 - 2**64
FIRST = 0xBF58476D1CE4E5B9 - 2**64
SECOND = 0x94D049BB133111EB - 2**64
PARTS = {8: torch.uint8, 16: torch.int16, 32: torch.int32}
WIDEST = 4  # channels that are picked as one number
FIXED = float(1 << 32)  # how finely values on 0..1 are summed


def each(numbers: Tensor) -> Tensor:
    """One number for each image (k,) against images (k, h, w, c)."""
    return numbers.view(-1, 1, 1, 1)


def is_bytes(image: Tensor) -> bool:
    """Whether images are uint8."""
    return image.dtype == torch.uint8


def over(value: Tensor, number: float) -> Tensor:
    """value / number, rounded once on every device; torch multiplies by the reciprocal of a plain
    number on some.
    """
    return value / torch.full((), number, dtype=value.dtype, device=value.device)


def levels(image: Tensor) -> Tensor:
    """The images as float64 levels on 0..255."""
    value = image.to(torch.float64)
    return value if is_bytes(image) else value * 255.0


def rounded(value: Tensor, dtype: torch.dtype) -> Tensor:
    """Levels on 0..255 in an image's dtype: clipped, uint8 to the nearest level."""
    value = value.clamp(0, 255)
    if dtype == torch.uint8:
        return (value + 0.5).floor_().to(torch.uint8)
    return over(value, 255.0).to(torch.float32)


def blend(degenerate: Tensor, image: Tensor, factor: Tensor) -> Tensor:
    """degenerate + factor * (image - degenerate) in single precision, clipped, truncated; factors
    (k,) of 1 copy.
    """
    factor = each(factor)
    # Along whole rows of values torch is quicker than over three of them at a time.
    start = degenerate.to(torch.float32)
    start = start.expand(image.shape).contiguous() if start.shape[2] == image.shape[2] else start
    value = start + factor * (image.to(torch.float32) - start)
    if is_bytes(image):
        return torch.where(factor == 1, image, value.clamp_(0, 255).to(torch.uint8))
    return torch.where(factor == 1, image, value.clamp_(0, 1))


def gray(image: Tensor) -> Tensor:
    """(k, h, w, 1) float32 luma in the image's own range."""
    channels = image.shape[3]
    if channels == 1:
        return image.to(torch.float32)
    if channels in (3, 4):
        if is_bytes(image):
            part = image.to(torch.int32)
            whole = part[..., 0] * 19595 + part[..., 1] * 38470 + part[..., 2] * 7471 + 32768
            return (whole >> 16).to(torch.float32).unsqueeze(3)
        value = image.to(torch.float64)
        luma = value[..., 0] * (19595 / 65536) + value[..., 1] * (38470 / 65536)
        return (luma + value[..., 2] * (7471 / 65536)).to(torch.float32).unsqueeze(3)
    total = image[..., :1].to(torch.float64)
    for channel in range(1, channels):
        total = total + image[..., channel : channel + 1]
    mean = over(total, channels)
    return ((mean + 0.5).floor() if is_bytes(image) else mean).to(torch.float32)


def means(value: Tensor) -> Tensor:
    """The mean over the pixels of (k, h, w, ...) in float64, the same for any batch and device;
    exact for whole numbers. Other values must lie on -1..1.
    """
    count = value.shape[1] * value.shape[2]
    if value.dtype.is_floating_point:
        fixed = (value.to(torch.float64) * FIXED).round_().to(torch.int64)
        return over(fixed.sum(dim=(1, 2)).to(torch.float64) / FIXED, count)
    return over(value.sum(dim=(1, 2), dtype=torch.int64).to(torch.float64), count)


def through(image: Tensor, table: Tensor) -> Tensor:
    """Tables (k, entries), or (k, c, entries) for each channel, on values: bytes pick an entry,
    floats lie linearly between entries over 0..1.
    """
    entries = table.shape[-1]
    rows = torch.arange(table.numel() // entries, dtype=torch.int32, device=image.device)
    first = (rows * entries).view(len(image), 1, 1, -1)
    flat = table.reshape(-1)
    if is_bytes(image):
        return taken(flat, image.to(torch.int32).add_(first)).to(torch.uint8)
    wide = flat.to(torch.float64)
    steps = torch.diff(wide, append=wide[-1:])  # the last of a table is never asked for
    place = image.to(torch.float64).mul_(entries - 1)
    index = place.to(torch.int32).clamp_(max=entries - 2)
    place.sub_(index)
    index.add_(first)
    return place.mul_(taken(steps, index)).add_(taken(wide, index)).to(torch.float32)


def taken(flat: Tensor, index: Tensor) -> Tensor:
    """Entries of a table (t,) or (t, any) at an index of any shape."""
    found = flat.index_select(0, index.reshape(-1))
    return found.view(*index.shape, *flat.shape[1:])


def filled(image: Tensor, hidden: Tensor, fill: Tensor) -> Tensor:
    """Images with a fill (k, 1, 1, c), or one of their shape, where `hidden` (k, h, w, 1) is true;
    along whole rows, which is quicker than pixel by pixel.
    """
    count, height, width, channels = image.shape
    rows = (count, height, width * channels)
    mask = hidden.expand(image.shape).reshape(rows)
    if fill.shape[1] == 1:
        fill = fill.expand(-1, 1, width, -1)
    line = fill.reshape(count, -1, width * channels)
    return torch.where(mask, line, image.reshape(rows)).view(image.shape)


def mirrored(index: Tensor, length: int) -> Tensor:
    """Indices outside 0..length-1 reflected about the outer pixels' centers (c b a b c)."""
    if length == 1:
        return torch.zeros_like(index)
    period = 2 * (length - 1)
    index = index.abs() % period
    return torch.minimum(index, period - index)


def own_fill(fill: Tensor, image: Tensor) -> Tensor:
    """Levels (k, 16) in the image's dtype (k, 1, 1, c)."""
    value = fill[:, : image.shape[3]].to(torch.float64)
    return rounded(value, image.dtype)[:, None, None, :]


def shifted(value: Tensor, bits: int) -> Tensor:
    """A shift to the right of 64-bit words, zeros following."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def mix(value: Tensor) -> Tensor:
    """SplitMix64's finalizer on 64-bit words, as variegate.plan.counter has it."""
    value = (value ^ shifted(value, 30)) * FIRST
    value = (value ^ shifted(value, 27)) * SECOND
    return value ^ shifted(value, 31)


def random_parts(key: Tensor, shape: tuple[int, ...], bits: int) -> Tensor:
    """Random numbers (k, *shape) of 8 bits (uint8), 16 (int32) or 32 (int64) for keys (k,): see
    the reference.
    """
    size = math.prod(shape)
    places = torch.arange(-(-size * bits // 64), device=key.device)
    words = mix(mix(places * GOLDEN + GOLDEN) ^ key[:, None])
    parts = words.view(PARTS[bits])[:, :size]  # the lowest bits of a word come first in memory
    if bits == 32:
        parts = parts.to(torch.int64) & 0xFFFFFFFF
    elif bits == 16:
        parts = parts.to(torch.int32) & 0xFFFF
    return parts.reshape(len(key), *shape)


def random_levels(key: Tensor, image: Tensor) -> Tensor:
    """Uniform random levels in the image's shape and dtype."""
    parts = random_parts(key, tuple(image.shape[1:]), 8)
    if is_bytes(image):
        return parts
    return over(parts.to(torch.float64), 255.0).to(torch.float32)


def with_rest(color: Tensor, image: Tensor) -> Tensor:
    """Changed channels, and behind them those of the image that did not change."""
    channels = color.shape[3]
    return torch.cat([color, image[..., channels:]], 3) if channels < image.shape[3] else color


def packed(pixels: Tensor) -> Tensor:
    """Pixels (t, c) of up to four channels as one number each (t,), which are faster to pick."""
    channels = pixels.shape[1]
    if channels == 1 or channels > WIDEST:
        return pixels
    wide = torch.nn.functional.pad(pixels, (0, WIDEST - channels)) if channels < WIDEST else pixels
    kind = torch.int32 if pixels.dtype == torch.uint8 else torch.complex128
    return wide.contiguous().view(kind).view(-1)


def unpacked(pixels: Tensor, dtype: torch.dtype, channels: int) -> Tensor:
    """The reverse, (..., c)."""
    if channels == 1 or channels > WIDEST:
        return pixels
    return pixels.unsqueeze(-1).view(dtype)[..., :channels]
