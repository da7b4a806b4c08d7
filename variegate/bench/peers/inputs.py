"""What every library works on: the same pictures, annotations and files, made from a seed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .cases import Case

Pixels = npt.NDArray[Any]
KNOTS = 9
NOISE = 6.0


def pictures(count: int, height: int, width: int, seed: int = 0) -> Pixels:
    """Smooth pictures with a little noise (count, height, width, 3) uint8."""
    generator = np.random.default_rng([seed, count, height, width])
    coarse = generator.uniform(20, 235, (count, KNOTS, KNOTS, 3))
    noise = generator.normal(0, NOISE, (height, width, 3))
    down, across = _between(height), _between(width)
    out = np.empty((count, height, width, 3), dtype=np.uint8)
    for place in range(count):
        smooth = np.einsum("hk,klc,wl->hwc", down, coarse[place], across, optimize=True)
        rolled = np.roll(noise, 7 * place, axis=1)
        out[place] = np.clip(smooth + rolled, 0, 255)
    return out


def of(case: Case) -> Pixels:
    """The batch of a case."""
    return pictures(case.batch, case.height, case.width)


def labels(count: int) -> Pixels:
    """Class indices (count,) of 10 classes."""
    return np.arange(count, dtype=np.int64) % 10


def boxes(count: int, size: int, seed: int = 0) -> Pixels:
    """Boxes (count, 4) float32 x1 y1 x2 y2 in pixels, at least 8 pixels wide and high."""
    generator = np.random.default_rng([seed, count, size])
    corner = generator.uniform(0, size * 0.7, (count, 2))
    extent = generator.uniform(8, size * 0.3, (count, 2))
    return np.concatenate([corner, corner + extent], axis=1).astype(np.float32)


def keypoints(count: int, size: int, seed: int = 0) -> Pixels:
    """Points (count, 2) float32 x y."""
    generator = np.random.default_rng([seed, count, size, 1])
    points: Pixels = generator.uniform(1, size - 1, (count, 2)).astype(np.float32)
    return points


def mask(size: int) -> Pixels:
    """A disk of 1 on 0 (size, size) uint8."""
    rows, columns = np.mgrid[:size, :size] + 0.5 - size / 2
    disk: Pixels = (rows**2 + columns**2 < (size / 3) ** 2).astype(np.uint8)
    return disk


def jpeg_files(folder: Path, count: int, height: int, width: int) -> list[Path]:
    """Write JPEG files (quality 90, 4:2:0) once, one folder a class, and return their paths."""
    paths = [folder / f"class{i % 4}" / f"{i:05d}.jpg" for i in range(count)]
    if all(path.is_file() for path in paths):
        return paths
    from PIL import Image

    for path, image in zip(paths, pictures(count, height, width), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=90, subsampling="4:2:0")
        path.write_bytes(buffer.getvalue())
    return paths


def _between(length: int) -> Pixels:
    """Weights (length, KNOTS) that draw straight lines between knots."""
    places = np.linspace(0, KNOTS - 1, length)
    weights: Pixels = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(KNOTS)))
    return weights
