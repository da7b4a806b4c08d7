"""The mixers under test, and pictures that tell where each pixel came from."""

from __future__ import annotations

from typing import Any

import numpy as np

import variegate as vg

# Mixers that show one image in each pixel, so that pixels can be counted.
HARD: dict[str, Any] = {
    "CutMix": vg.CutMix(),
    "CutMix, small alpha": vg.CutMix(alpha=0.3),
    "ResizeMix": vg.ResizeMix(),
    "GridMix": vg.GridMix(cells=(1, 6)),
    "FMix": vg.FMix(),
    "SaliencyMix": vg.SaliencyMix(),
    "SaliencyMix, spectral": vg.SaliencyMix(saliency="spectral_residual"),
    "Mosaic": vg.Mosaic(size=(21, 18)),
    "Mosaic, contained": vg.Mosaic(size=(21, 18), fit="contain", center=(0.0, 1.0)),
    "PuzzleMix": vg.PuzzleMix(levels=2, cells=(2, 4), eta=0.0),
    "one of": vg.OneOf([vg.CutMix(p=0.5), vg.FMix(), vg.ResizeMix(), vg.GridMix()]),
    "PuzzleMix at a border": vg.PuzzleMix(levels=2, cells=(5,), distance=0.1),
}
SOFT: dict[str, Any] = {
    "MixUp": vg.MixUp(),
    "PuzzleMix, three levels": vg.PuzzleMix(cells=(2, 4)),
    "MixUp twice": vg.SomeOf([vg.MixUp(), vg.CutMix()], 2),
}
MIXERS = HARD | SOFT
FILL = -1


def rough(images: np.ndarray, labels: Any) -> np.ndarray:
    """A saliency that differs from pixel to pixel, and from image to image."""
    return np.random.default_rng(5).random(images.shape[:3]) ** 4


def flat(count: int, size: tuple[int, int]) -> np.ndarray:
    """Images (count, h, w, 1) float32 whose level says which one it is; 0 is left for a fill."""
    level = (np.arange(count, dtype=np.float32) + 1) / count
    return np.tile(level.reshape(-1, 1, 1, 1), (1, *size, 1))


def origins(images: np.ndarray, count: int) -> np.ndarray:
    """Which image each pixel of images that were `flat` came from (n, h, w), FILL for none."""
    value = images[..., 0].astype(np.float64) * count
    found = np.rint(value).astype(int) - 1
    assert np.abs(value - found - 1).max() < 1e-3
    return found


def counted(origin: np.ndarray, count: int) -> np.ndarray:
    """(n, count) shares of pixels by where they came from, fill left out."""
    table = np.stack([(origin == image).sum(axis=(1, 2)) for image in range(count)], axis=1)
    return table / table.sum(axis=1, keepdims=True)
