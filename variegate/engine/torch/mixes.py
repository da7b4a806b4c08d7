"""Mixes: layers laid over images in real numbers and rounded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variegate.engine.torch.values import rounded
from variegate.plan.program import MixStage, Stage

Run = Callable[[Stage, list[Tensor]], Sequence[Tensor]]


def mixed(mix: MixStage, images: Sequence[Tensor] | Tensor, run: Run) -> list[Tensor] | Tensor:
    """One mix of images (h, w, c), a batch of one size as one tensor. run: makes tiles."""
    if isinstance(images, Tensor) and _is_plain(mix):
        return _together(mix, images)
    tiles: list[Tensor] = []
    for stage in mix.tiles:
        sources = mix.tile_source[len(tiles) : len(tiles) + len(stage.sizes_in)]
        tiles += run(stage, [images[int(sample)] for sample in sources])
    pictures = [*images, *tiles]
    return [_laid(mix, sample, pictures) for sample in range(len(images))]


def _is_plain(mix: MixStage) -> bool:
    """Whether each image lies below itself and takes at most one layer, in its own place."""
    own = np.array_equal(mix.base, np.arange(len(mix.base))) and not mix.tiles
    one = bool((mix.start[1:] - mix.start[:-1] <= 1).all())
    same = bool((mix.sizes_out == mix.sizes_in).all())
    shown = bool((mix.source >= 0).all())
    return own and one and same and shown and bool((mix.place[:, :2] == mix.origin).all())


def _settled(mean: Tensor, images: Tensor) -> Tensor:
    """Means of values of the images in their dtype; floats lie between those, on whatever range."""
    if images.dtype == torch.uint8:
        return rounded(mean, images.dtype)
    return mean.to(torch.float32).clamp_(*images.aminmax())


def _together(mix: MixStage, images: Tensor) -> Tensor:
    """All samples at once: what a layer adds is its share of the difference."""
    device = images.device
    rows = np.flatnonzero(mix.start[1:] > mix.start[:-1])
    layer = mix.start[rows]
    if not len(rows):
        return images.clone()
    height, width = images.shape[1:3]
    y1, x1, y2, x2 = (
        torch.from_numpy(np.ascontiguousarray(mix.place[layer, k], dtype=np.int64))
        .to(device)
        .view(-1, 1, 1)
        for k in range(4)
    )
    y, x = torch.arange(height, device=device)[:, None], torch.arange(width, device=device)
    share = torch.from_numpy(mix.weight[layer].astype(np.float32)).to(device).view(-1, 1, 1)
    inside = (y >= y1) & (y < y2) & (x >= x1) & (x < x2)
    mask = mix.mask[layer]
    if (mask >= 0).any():
        covers = torch.from_numpy(np.ascontiguousarray(mix.masks[np.maximum(mask, 0)])).to(device)
        free = torch.from_numpy(mask < 0).to(device).view(-1, 1, 1)
        inside = inside & (covers.to(torch.bool) | free)
    share = torch.where(inside, share, 0.0).unsqueeze(3)
    source = torch.from_numpy(np.ascontiguousarray(mix.source[layer])).to(device)
    whole = len(rows) == len(images)
    number = torch.from_numpy(rows).to(device)
    below = (images if whole else images.index_select(0, number)).to(torch.float32)
    shown = images.index_select(0, source).to(torch.float32)
    out = _settled(below * (1 - share) + shown * share, images)
    if whole:
        return out
    return images.clone().index_copy_(0, number, out)


def _laid(mix: MixStage, sample: int, pictures: list[Tensor]) -> Tensor:
    """One sample of a mix, from all samples and tiles."""
    like, base = pictures[sample], int(mix.base[sample])
    height, width = (int(side) for side in mix.sizes_out[sample])
    full = 1.0 if like.dtype == torch.uint8 else 255.0
    level = mix.fill[sample, : like.shape[2]].astype(np.float64) / full
    fill = torch.from_numpy(level).to(like.device)
    below = fill.expand(height, width, -1) if base < 0 else pictures[base]
    value = below.to(torch.float64, copy=True)
    for layer in range(int(mix.start[sample]), int(mix.start[sample + 1])):
        y1, x1, y2, x2 = (int(side) for side in mix.place[layer])
        y, x = (int(corner) for corner in mix.origin[layer])
        source = int(mix.source[layer])
        shown = fill
        if source >= 0:
            picture = pictures[source][y : y + y2 - y1, x : x + x2 - x1]
            shown = picture.to(torch.float64)
        share: Any = float(mix.weight[layer])
        if mix.mask[layer] >= 0:
            cover = np.ascontiguousarray(mix.masks[mix.mask[layer], y1:y2, x1:x2, None])
            share = torch.from_numpy(cover).to(like.device).to(torch.float64) * share
        below = value[y1:y2, x1:x2]
        value[y1:y2, x1:x2] = below * (1 - share) + shown * share
    return rounded(value, like.dtype) if full == 1 else value.to(torch.float32)
