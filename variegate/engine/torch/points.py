"""Verbs that change each value for itself: tables, color, lightness, fills."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from variegate.engine.torch.rows import Rows
from variegate.engine.torch.values import (
    blend,
    each,
    filled,
    gray,
    is_bytes,
    levels,
    over,
    own_fill,
    random_levels,
    rounded,
    through,
    with_rest,
)


def lookup(image: Tensor, rows: Rows) -> Tensor:
    """uint8 through 256 entries; float32 linearly between entries over 0..1."""
    return through(image, rows["lookup"])


def channels(image: Tensor, rows: Rows) -> Tensor:
    """A channel matrix; sums in one order, in single precision."""
    matrix = rows["channels"].to(torch.float32).view(-1, 3, 4, 1, 1).unbind(1)
    planes = image.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    planes = planes if is_bytes(image) else planes * 255
    parts = [planes[:, min(k, image.shape[3] - 1)] for k in range(3)]
    color = [
        parts[0] * own[:, 0] + parts[1] * own[:, 1] + parts[2] * own[:, 2] + own[:, 3] * 255
        for own in matrix
    ]
    if image.shape[3] == 1:
        red, green, blue = (plane.clamp_(0, 255) for plane in color)
        luma = red * 0.299 + green * 0.587 + blue * 0.114
        return rounded(luma.unsqueeze(3), image.dtype)
    return with_rest(torch.stack([rounded(plane, image.dtype) for plane in color], 3), image)


def toward(image: Tensor, rows: Rows) -> Tensor:
    """Blend with the gray; a fourth channel stays."""
    if image.shape[3] == 1:
        return image
    return with_rest(blend(gray(image), image[..., :3], rows["toward"]), image)


def luma(image: Tensor, rows: Rows) -> Tensor:
    """The gray alone, as one channel."""
    return gray(image).to(image.dtype)


def lightness(image: Tensor, rows: Rows) -> Tensor:
    """Multiply HLS's lightness below a threshold; see the reference."""
    threshold, factor = (each(number) for number in rows["lightness"].unbind(1))
    value = levels(image)
    color, shared = value, value
    if image.shape[3] in (3, 4):
        color = value[..., :3]
        shared = (color.amax(3, keepdim=True) + color.amin(3, keepdim=True)) * 0.5
    moved = (shared * factor).clamp_(max=255.0)
    room = 255.0 - (2.0 * shared - 255.0).abs()
    left = 255.0 - (2.0 * moved - 255.0).abs()
    scale = torch.where(room > 0, left / torch.where(room > 0, room, 1.0), 1.0)
    changed = torch.where(shared < threshold, moved + (color - shared) * scale, color)
    return with_rest(rounded(changed, image.dtype), image)


def hsv(image: Tensor, rows: Rows) -> Tensor:
    """Turn the hue and change saturation and value of HSV; see the reference."""
    degrees, saturation, value, more, brighter = (each(number) for number in rows["hsv"].unbind(1))
    color = levels(image[..., :3])
    high = color.amax(3, keepdim=True)
    top = (high * value + brighter).clamp_(0, 255)
    if image.shape[3] == 1:
        return rounded(top, image.dtype)
    apart = high - color.amin(3, keepdim=True)
    red, green, blue = (color[..., k : k + 1] for k in range(3))
    ahead = torch.where(high == green, blue - red, red - green)
    ahead = torch.where(high == red, green - blue, ahead)
    first = torch.where(high == red, 0.0, torch.where(high == green, 2.0, 4.0))
    turn = over(degrees, 60.0)
    hue = torch.remainder(first + ahead / torch.where(apart > 0, apart, 1.0) + turn, 6.0)
    own = torch.where(high > 0, apart / torch.where(high > 0, high, 1.0), 0.0)
    chroma = top * (own * saturation + over(more, 255.0)).clamp_(0, 1)
    shares = [(hue - 3).abs() - 1, 2 - (hue - 2).abs(), 2 - (hue - 4).abs()]
    share = torch.cat(shares, 3).clamp_(0, 1)
    out = with_rest(rounded(top - chroma * (1 - share), image.dtype), image)
    still = (rows["hsv"][:, 0] % 360 == 0) & (rows["hsv"][:, 1:3] == 1).all(1)
    still = still & (rows["hsv"][:, 3:] == 0).all(1)
    return torch.where(each(still), image, out)


def pick(image: Tensor, rows: Rows) -> Tensor:
    """Each channel becomes one of the image's, or its fill."""
    own = rows["pick"][:, : image.shape[3]].to(torch.int64)[:, None, None, :]
    moved = image.gather(3, own.clamp(min=0).expand(image.shape))
    return torch.where(own < 0, own_fill(rows["pick_fill"], image), moved)


def rectangles(image: Tensor, rows: Rows) -> Tensor:
    """Fill rectangles with a level or random levels: on a CPU one after the other, elsewhere all at
    once.
    """
    key = rows["rectangles_noise"]
    fill = own_fill(rows["rectangles_fill"], image)
    if rows.host["rectangles_noise"].any():
        fill = torch.where(each(key) != 0, random_levels(key, image), fill)
    if image.device.type == "cpu":
        return painted(image, rows, fill)
    return filled(image, covered(image, rows), fill)


def painted(image: Tensor, rows: Rows, fill: Tensor) -> Tensor:
    """Rectangles one after the other; fill (k, 1, 1, c) or of the images' shape."""
    out = image.clone()
    fill = fill.expand(image.shape)
    for owner, corners in zip(
        rows.host["rectangles_owner"].tolist(), rows.host["rectangles"].tolist(), strict=True
    ):
        y1, x1, y2, x2 = (max(0, int(corner)) for corner in corners)
        out[owner, y1:y2, x1:x2] = fill[owner, y1:y2, x1:x2]
    return out


def covered(image: Tensor, rows: Rows) -> Tensor:
    """Which pixels (k, h, w, 1) lie in a rectangle, summed from the corners."""
    height, width = image.shape[1:3]
    corners = rows["rectangles"].to(torch.int64)
    owner = rows["rectangles_owner"]
    y1, x1, y2, x2 = (
        corners[:, k].clamp(0, side) for k, side in enumerate((height, width, height, width))
    )
    some = ((y2 > y1) & (x2 > x1)).to(torch.int32)
    rims = torch.zeros(len(image), height + 1, width + 1, dtype=torch.int32, device=image.device)
    for y, x, sign in ((y1, x1, 1), (y2, x2, 1), (y1, x2, -1), (y2, x1, -1)):
        rims.index_put_((owner, y, x), some * sign, accumulate=True)
    depth = rims.cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32)
    return (depth[:, :height, :width] > 0).unsqueeze(3)


def grid(image: Tensor, rows: Rows) -> Tensor:
    """Hide the squares of a turned grid (see ops.entries.Grid)."""
    height, width = image.shape[1:3]
    period, side, offset_u, offset_v, cos, sin = (
        number.view(-1, 1, 1) for number in rows["grid"].unbind(1)
    )
    at: Any = {"dtype": torch.float64, "device": image.device}
    y = (torch.arange(height, **at) + 0.5 - height / 2)[None, :, None]
    x = (torch.arange(width, **at) + 0.5 - width / 2)[None, None, :]
    u, v = cos * x - sin * y + offset_u, sin * x + cos * y + offset_v
    hidden = (u - (u / period).floor() * period < side) & (v - (v / period).floor() * period < side)
    return filled(image, hidden.unsqueeze(3), own_fill(rows["grid_fill"], image))


def cells(image: Tensor, rows: Rows) -> Tensor:
    """Rectangles change places; what does not lie inside the frame is left out."""
    count, height, width, depth = image.shape
    at: Any = {"device": image.device}
    r, c = torch.arange(height, **at)[:, None], torch.arange(width, **at)[None, :]
    source = (r * width + c).repeat(count, 1, 1)
    start = rows.host["cells_start"]
    for sample in range(count):
        for place in range(int(start[sample]), int(start[sample + 1])):
            y1, x1, y2, x2, y, x = (int(v) for v in rows.host["cells"][place])
            lowest, right, bottom = min(y1, x1, y, x), max(x2, x + x2 - x1), max(y2, y + y2 - y1)
            if lowest < 0 or y2 < y1 or x2 < x1 or bottom > height or right > width:
                continue
            own = r[y : y + y2 - y1] * width + c[:, x : x + x2 - x1]
            source[sample, y1:y2, x1:x2] = own
    source += (torch.arange(count, **at) * (height * width)).view(-1, 1, 1)
    flat = image.reshape(-1, depth)
    return flat.index_select(0, source.view(-1)).view(image.shape)
