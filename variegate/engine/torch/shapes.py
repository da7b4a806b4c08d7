"""SHAPES: a veil over the images, as thick as the shapes drawn on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.engine.torch.rows import Rows
from variegate.engine.torch.values import levels, rounded
from variegate.ops.entries import ShapeKind

Array = npt.NDArray[Any]


def shapes(image: Tensor, rows: Rows) -> Tensor:
    """value + cover * (gain * value + shift), rounded; see the reference."""
    depth = image.shape[3]
    clear = torch.stack(
        [
            clear_of(rows, int(first), int(last), (image.shape[1], image.shape[2]))
            for first, last in zip(
                rows.host["shapes_start"][:-1], rows.host["shapes_start"][1:], strict=True
            )
        ]
    )
    outside = rows["shapes_outside"].view(-1, 1, 1) != 0
    cover = torch.where(outside, clear, 1 - clear).unsqueeze(3)
    gain, shift = (
        rows[name][:, None, None, :depth].to(torch.float64)
        for name in ("shapes_gain", "shapes_shift")
    )
    value = levels(image)
    return rounded(value + cover * (gain * value + shift), image.dtype)


def clear_of(rows: Rows, first: int, last: int, size: tuple[int, int]) -> Tensor:
    """How much of each pixel of a frame the rows first to last - 1 leave clear, at the pixels'
    centers.
    """
    numbers = rows["shapes"]
    at: Any = {"dtype": torch.float64, "device": numbers.device}
    y, x = (torch.arange(side, **at) + 0.5 for side in size)
    x, y = x[None, :], y[:, None]
    clear = torch.ones(size, **at)
    host, place = rows.host["shapes"], first
    while place < last:
        kind = ShapeKind(int(host[place, 0]))
        end = place + 1
        if kind is ShapeKind.EDGE:
            while end < last and host[end, 0] == kind and host[end, 7] == host[place, 7]:
                end += 1
        alpha, softness = float(host[place, 1]), float(host[place, 2])
        lines, columns = _reached(kind, host[place:end, 3:], softness, size)
        own = COVERS[kind](x[:, columns], y[lines], host[place:end, 3:], softness)
        clear[lines, columns] *= 1 - alpha * own
        place = end
    return clear


def _reached(
    kind: ShapeKind, numbers: Array, softness: float, size: tuple[int, int]
) -> tuple[slice, slice]:
    """The lines and columns beyond which a shape covers nothing."""
    if kind in (ShapeKind.PLANE, ShapeKind.GAUSS):
        return slice(None), slice(None)
    half = {ShapeKind.DISC: numbers[0, 2], ShapeKind.SEGMENT: numbers[0, 4]}.get(kind, 0.0)
    room = float(half) + softness / 2 + 1
    points = numbers[:, :2] if kind is ShapeKind.DISC else numbers[:, :4].reshape(-1, 2)
    low, high = points.min(axis=0) - room, points.max(axis=0) + room
    first, last = (np.clip(np.floor(own), 0, size[::-1]).astype(int) for own in (low, high + 1))
    return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))


def _rim(distance: Tensor, softness: float) -> Tensor:
    return (0.5 - distance / softness).clamp_(0, 1)


def bell(x: Tensor, y: Tensor, numbers: Array, softness: float) -> Tensor:
    """1 at a point, falling off as a Gaussian along each axis."""
    center_x, center_y, sigma_x, sigma_y = numbers[0, :4].tolist()
    u, v = (x - center_x) / sigma_x, (y - center_y) / sigma_y
    both: Tensor = (u * u * -0.5).exp() * (v * v * -0.5).exp()
    return both


def disc(x: Tensor, y: Tensor, numbers: Array, softness: float) -> Tensor:
    """A disc with a soft rim."""
    center_x, center_y, radius = numbers[0, :3].tolist()
    return _rim(((x - center_x) ** 2 + (y - center_y) ** 2).sqrt() - radius, softness)


def plane(x: Tensor, y: Tensor, numbers: Array, softness: float) -> Tensor:
    """One side of a line."""
    along_x, along_y, offset = numbers[0, :3].tolist()
    return _rim(along_x * x + along_y * y - offset, softness)


def to_segment(x: Tensor, y: Tensor, ends: list[float]) -> Tensor:
    """The squared distance to a line segment x1 y1 x2 y2."""
    x1, y1, x2, y2 = ends
    along_x, along_y = x2 - x1, y2 - y1
    square = along_x * along_x + along_y * along_y
    scale = 1.0 / square if square > 0 else 0.0
    share = (((x - x1) * along_x + (y - y1) * along_y) * scale).clamp_(0, 1)
    return (x - x1 - share * along_x) ** 2 + (y - y1 - share * along_y) ** 2


def segment(x: Tensor, y: Tensor, numbers: Array, softness: float) -> Tensor:
    """A thick line."""
    *ends, half = numbers[0].tolist()
    return _rim(to_segment(x, y, ends).sqrt() - half, softness)


def polygon(x: Tensor, y: Tensor, numbers: Array, softness: float) -> Tensor:
    """What a closed line encloses, where a ray crosses it an odd number of times."""
    nearest = torch.full_like(x + y, np.inf)
    inside = torch.zeros_like(nearest, dtype=torch.bool)
    for x1, y1, x2, y2, _ in numbers.tolist():
        nearest = torch.minimum(nearest, to_segment(x, y, [x1, y1, x2, y2]))
        crossed = (y1 > y) != (y2 > y)
        slope = (x2 - x1) / (y2 - y1) if y2 != y1 else 0.0
        inside ^= crossed & (x < x1 + (y - y1) * slope)
    return _rim(torch.where(inside, -1.0, 1.0) * nearest.sqrt(), softness)


COVERS = {
    ShapeKind.DISC: disc,
    ShapeKind.SEGMENT: segment,
    ShapeKind.PLANE: plane,
    ShapeKind.GAUSS: bell,
    ShapeKind.EDGE: polygon,
}
