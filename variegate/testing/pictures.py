"""Small pictures that tell bugs apart, and the engines there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.choose import choose
from variegate.errors import EngineError

Image = npt.NDArray[Any]
KINDS = ("random", "low", "constant", "gradient")


def engines() -> tuple[str, ...]:
    """Names of the engines that work here: always the reference, native where it was built."""
    found = ["reference"]
    try:
        choose("native")
        found.append("native")
    except EngineError:
        pass
    return tuple(found)


def picture(kind: str, size: tuple[int, int], channels: int, seed: int = 0) -> Image:
    """One uint8 image (h, w, channels): random, low (few levels), constant or gradient."""
    generator = np.random.default_rng([seed, *size, channels, KINDS.index(kind)])
    shape = (*size, channels)
    if kind == "random":
        return generator.integers(0, 256, shape, dtype=np.uint8)
    if kind == "low":
        return generator.integers(97, 131, shape, dtype=np.uint8)
    if kind == "constant":
        level = generator.integers(0, 256, channels)
        return np.full(shape, level, dtype=np.uint8)
    rows, columns = np.mgrid[: size[0], : size[1]]
    slope = generator.uniform(0.3, 2.0, (2, channels))
    wave = rows[..., None] * slope[0] + columns[..., None] * slope[1]
    return np.asarray((wave * 255 / max(float(wave.max()), 1.0)), dtype=np.uint8)


def pictures(size: tuple[int, int], channels: int, seed: int = 0) -> Image:
    """One of each kind (4, h, w, channels), uint8."""
    return np.stack([picture(kind, size, channels, seed) for kind in KINDS])


def scenes(count: int, size: tuple[int, int], channels: int, seed: int = 0) -> Image:
    """Smooth pictures (count, h, w, channels) uint8 of a few blobs: a change shows."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    out = np.empty((count, *size, channels))
    for place in range(count):
        out[place] = generator.uniform(60, 120, channels)
        for _ in range(4):
            y, x = generator.uniform(0, size[0]), generator.uniform(0, size[1])
            reach = generator.uniform(0.1, 0.35) * min(size)
            blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * reach**2))
            out[place] += blob[..., None] * generator.uniform(-90, 130, channels)
    return np.clip(out, 0, 255).astype(np.uint8)


def as_float(images: Image) -> Image:
    """uint8 images as float32 in [0, 1]."""
    return (images / 255.0).astype(np.float32)


def stride_forms(images: Image) -> dict[str, Image]:
    """The same batch (n, h, w, c) in eight layouts in memory, and one read-only."""
    n, h, w, c = images.shape
    step = np.zeros((n, 2 * h, 2 * w, c), dtype=images.dtype)
    step[:, ::2, ::2] = images
    wide = np.zeros((n, h, w, c + 2), dtype=images.dtype)
    wide[..., 1:-1] = images
    inner = np.zeros((n, h + 4, w + 6, c), dtype=images.dtype)
    inner[:, 1 : h + 1, 2 : w + 2] = images
    frozen = images.copy()
    frozen.setflags(write=False)
    return {
        "rows reversed": images[:, ::-1].copy()[:, ::-1],
        "columns reversed": images[:, :, ::-1].copy()[:, :, ::-1],
        "channels reversed": images[..., ::-1].copy()[..., ::-1],
        "channels first": np.moveaxis(np.ascontiguousarray(np.moveaxis(images, 3, 1)), 1, 3),
        "Fortran order": np.asfortranarray(images),
        "every second pixel": step[:, ::2, ::2],
        "inside a larger one": inner[:, 1 : h + 1, 2 : w + 2],
        "some channels of more": wide[..., 1:-1],
        "read-only": frozen,
    }
