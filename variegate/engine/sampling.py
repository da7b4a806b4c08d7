"""WARP in plain NumPy: the meaning of resampling.

An output pixel takes its value at the point where its center comes from. With the border
`constant`, a point outside the frame takes the fill; a point inside never sees the fill: its taps
stop at the edge. Other borders continue the image (`reflect` about the frame's edge: c b a | a b
c).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.plan.program import Border, Resample, Tables

Image = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FAR = 1e9
BITS = 22


def warp(image: Image, tables: Tables, row: int, *, as_mask: bool = False) -> Image:
    """Resamples an image (h, w, c) by one row of the warp tables; as_mask: nearest, fill 0, any
    dtype.
    """
    resample, border, antialias, field = (int(v) for v in tables.warp_mode[row])
    matrix = np.asarray(tables.warp_matrix[row], dtype=np.float64).reshape(3, 3)
    size = (int(tables.warp_size[row, 0]), int(tables.warp_size[row, 1]))
    fill = np.asarray(tables.warp_fill[row, : image.shape[2]], dtype=np.float64)
    if as_mask:
        resample, fill = Resample.NEAREST, np.zeros(image.shape[2])
    fill = to_dtype(fill, image.dtype)
    smooth = antialias and resample != Resample.NEAREST
    if smooth and field < 0 and stretches(matrix):
        return separable(image, matrix, size, Resample(resample), Border(border), fill)
    frame = image.shape[:2]
    factors = (1, 1)
    x, y = source_points(matrix, size)
    if field >= 0:
        frame_size = (int(tables.warp_field_size[row, 0]), int(tables.warp_field_size[row, 1]))
        x, y = displace(x, y, tables.fields[field], frame_size)
        before = np.asarray(tables.warp_before[row], dtype=np.float64).reshape(3, 3)
        x, y = apply_matrix(before, x, y)
        matrix = product(before, matrix)
    if smooth:
        factors = reduction(matrix, size)
        image = reduce(image, factors)
    outside = (x < 0) | (x >= frame[1]) | (y < 0) | (y >= frame[0])
    out = sample(image, x / factors[1], y / factors[0], Resample(resample), Border(border))
    if border == Border.CONSTANT:
        out[outside] = fill
    return out


def to_dtype(value: Floats, dtype: Any) -> Image:
    """Levels on 0..255 in an image's dtype: uint8 to nearest, floats on 0..1, other dtypes as they
    are.
    """
    if dtype == np.uint8:
        return np.floor(np.clip(value, 0, 255) + 0.5).astype(np.uint8)
    if dtype == np.float32:
        return (value / 255.0).astype(np.float32)
    return value.astype(dtype)


def stretches(matrix: Floats) -> bool:
    """Whether rows and columns stay rows and columns, and any of them changes its scale."""
    if matrix[2, 0] or matrix[2, 1] or matrix[2, 2] != 1:
        return False
    if matrix[0, 1] == 0 and matrix[1, 0] == 0:
        scales = matrix[0, 0], matrix[1, 1]
    elif matrix[0, 0] == 0 and matrix[1, 1] == 0:
        scales = matrix[0, 1], matrix[1, 0]
    else:
        return False
    return any(abs(scale) != 1 for scale in scales)


def source_points(matrix: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Where the centers of an output (height, width) come from: x and y, each (height, width)."""
    columns = np.arange(0.5, size[1])[None, :]
    rows = np.arange(0.5, size[0])[:, None]
    return apply_matrix(matrix, columns, rows)


def apply_matrix(matrix: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Points through a 3x3 matrix, in exactly this order of operations; points behind the eye go
    far outside.
    """
    u = matrix[0, 0] * x + (matrix[0, 1] * y + matrix[0, 2])
    v = matrix[1, 0] * x + (matrix[1, 1] * y + matrix[1, 2])
    if matrix[2, 0] == 0 and matrix[2, 1] == 0 and matrix[2, 2] == 1:
        return np.clip(u, -FAR, FAR), np.clip(v, -FAR, FAR)
    w = matrix[2, 0] * x + (matrix[2, 1] * y + matrix[2, 2])
    safe = np.where(w > 0, w, 1.0)
    u, v = np.where(w > 0, u / safe, -FAR), np.where(w > 0, v / safe, -FAR)
    return np.clip(u, -FAR, FAR), np.clip(v, -FAR, FAR)


def product(first: Floats, second: Floats) -> Floats:
    """The product of 3x3 matrices, in one order on every machine (a BLAS has its own)."""
    return (first[:, :1] * second[:1] + first[:, 1:2] * second[1:2]) + first[:, 2:] * second[2:]


def displace(x: Floats, y: Floats, field: Image, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Adds the displacement at each point, bilinear between nodes; beyond the frame the rim's
    holds.
    """
    nodes_y, nodes_x = field.shape[:2]
    gx = np.clip(x * ((nodes_x - 1) / size[1]), 0, nodes_x - 1)
    gy = np.clip(y * ((nodes_y - 1) / size[0]), 0, nodes_y - 1)
    j = np.minimum(np.floor(gx), nodes_x - 2).astype(np.int64)
    i = np.minimum(np.floor(gy), nodes_y - 2).astype(np.int64)
    tx, ty = (gx - j)[..., None], (gy - i)[..., None]
    top = field[i, j] + tx * (field[i, j + 1] - field[i, j])
    bottom = field[i + 1, j] + tx * (field[i + 1, j + 1] - field[i + 1, j])
    shift = top + ty * (bottom - top)
    return x + shift[..., 0], y + shift[..., 1]


def reduction(matrix: Floats, size: tuple[int, int]) -> tuple[int, int]:
    """Whole factors (down, across) by which the source is reduced first: source pixels per output
    pixel.
    """
    x, y = size[1] / 2.0, size[0] / 2.0
    u, v, w = (matrix[:, 0] * x + matrix[:, 1] * y) + matrix[:, 2]
    if w <= 0:
        return 1, 1
    across = np.hypot(matrix[0, 0] - u / w * matrix[2, 0], matrix[0, 1] - u / w * matrix[2, 1]) / w
    down = np.hypot(matrix[1, 0] - v / w * matrix[2, 0], matrix[1, 1] - v / w * matrix[2, 1]) / w
    return max(1, int(min(down, 1 << 20))), max(1, int(min(across, 1 << 20)))


def reduce(image: Image, factors: tuple[int, int]) -> Image:
    """Means over blocks of (down, across) pixels, rounded; the last blocks take what is there."""
    if factors == (1, 1):
        return image
    rows = np.arange(0, image.shape[0], factors[0])
    columns = np.arange(0, image.shape[1], factors[1])
    total = np.add.reduceat(
        np.add.reduceat(image.astype(np.float64), rows, axis=0), columns, axis=1
    )
    tall = np.diff(np.append(rows, image.shape[0]))
    wide = np.diff(np.append(columns, image.shape[1]))
    mean = total / (tall[:, None] * wide[None, :])[..., None]
    if image.dtype == np.uint8:
        return np.asarray(np.floor(mean + 0.5), dtype=np.uint8)
    return np.asarray(mean, dtype=np.float32)


def continued(index: Ints, length: int, border: Border) -> Ints:
    """Indices outside 0..length-1 brought inside by the border's rule."""
    if border is Border.REFLECT:
        index = index % (2 * length)
        return np.minimum(index, 2 * length - 1 - index)
    if border is Border.WRAP:
        return index % length
    return np.clip(index, 0, length - 1)


def cubic(t: Floats) -> Floats:
    """Keys' cubic kernel with a = -1/2, as Pillow's BICUBIC."""
    t = np.abs(t)
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def triangle(t: Floats) -> Floats:
    """The linear kernel."""
    return np.asarray(np.maximum(1 - np.abs(t), 0.0))


def box(t: Floats) -> Floats:
    """Pillow's BOX kernel."""
    return np.where((t > -0.5) & (t <= 0.5), 1.0, 0.0)


KERNELS = {
    Resample.BILINEAR: (triangle, 1.0),
    Resample.BICUBIC: (cubic, 2.0),
    Resample.BOX: (box, 0.5),
}


def sample(image: Image, x: Floats, y: Floats, resample: Resample, border: Border) -> Image:
    """Values at points (x, y); uint8 rounded, floats clipped to 0..1 where the kernel can
    overshoot.
    """
    height, width = image.shape[:2]
    if resample is Resample.NEAREST:
        rows = continued(np.floor(y).astype(np.int64), height, border)
        return np.asarray(image[rows, continued(np.floor(x).astype(np.int64), width, border)])
    kernel, reach = (triangle, 1) if resample is Resample.BILINEAR else (cubic, 2)
    left, top = np.floor(x - 0.5), np.floor(y - 0.5)
    total = np.zeros((*x.shape, image.shape[2]))
    for down in range(1 - reach, reach + 1):
        rows = continued(top.astype(np.int64) + down, height, border)
        line = np.zeros_like(total)
        for across in range(1 - reach, reach + 1):
            columns = continued(left.astype(np.int64) + across, width, border)
            line += kernel(x - 0.5 - left - across)[..., None] * image[rows, columns]
        total += kernel(y - 0.5 - top - down)[..., None] * line
    return settle(total, image.dtype)


def settle(value: Floats, dtype: Any) -> Image:
    """Interpolated values in the image's dtype: uint8 clipped and rounded, float32 clipped to
    0..1.
    """
    if dtype == np.uint8:
        return np.floor(np.clip(value, 0, 255) + 0.5).astype(np.uint8)
    return np.clip(value, 0, 1).astype(np.float32)


def separable(
    image: Image,
    matrix: Floats,
    size: tuple[int, int],
    resample: Resample,
    border: Border,
    fill: Image,
) -> Image:
    """Pillow's two-pass resize, along rows and then along columns, for any scale, mirroring and
    offset.
    """
    if matrix[0, 0] == 0:
        image = image.swapaxes(0, 1)
        matrix = matrix[[1, 0, 2]]
    across, inside_x = weights(
        matrix[0, 0], matrix[0, 2], image.shape[1], size[1], resample, border
    )
    down, inside_y = weights(matrix[1, 1], matrix[1, 2], image.shape[0], size[0], resample, border)
    out = one_pass(one_pass(image, across, 1), down, 0)
    if border is Border.CONSTANT:
        out[~inside_y] = fill
        out[:, ~inside_x] = fill
    return out


def weights(
    scale: float, offset: float, length: int, count: int, resample: Resample, border: Border
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The weights (count, length) of one axis, and which of the outputs (count,) come from inside
    the frame.

    The source point of output i is scale * (i + 1/2) + offset. Shrinking widens the kernel. With
    the border `constant`, taps outside the frame are dropped and the rest sums to 1.
    """
    kernel, reach = KERNELS[resample]
    center = scale * (np.arange(count) + 0.5) + offset
    widen = max(1.0, abs(scale))
    support = reach * widen
    table = np.zeros((count, length))
    for i, middle in enumerate(np.clip(center, -FAR, FAR)):
        taps = np.arange(
            int(np.floor(middle - support + 0.5)), int(np.floor(middle + support + 0.5))
        )
        if border is Border.CONSTANT:
            taps = taps[(taps >= 0) & (taps < length)]
        value = kernel((taps - middle + 0.5) / widen)
        if value.sum() != 0:
            np.add.at(table[i], continued(taps, length, border), value / value.sum())
    return table, (center >= 0) & (center < length)


def one_pass(image: Image, table: Floats, axis: int) -> Image:
    """Applies weights (count, length) along an axis; uint8 in 22-bit fixed point, as Pillow
    does.
    """
    if image.dtype != np.uint8:
        return settle(np.moveaxis(np.tensordot(table, image, axes=(1, axis)), 0, axis), image.dtype)
    fixed = np.trunc(table * (1 << BITS) + np.copysign(0.5, table)).astype(np.int64)
    total = np.moveaxis(np.tensordot(fixed, image.astype(np.int64), axes=(1, axis)), 0, axis)
    return np.asarray(np.clip((total + (1 << (BITS - 1))) >> BITS, 0, 255), dtype=np.uint8)
