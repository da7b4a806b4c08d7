"""Random blobs: the outlines along which FMix cuts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import Ints
from variegate.ops.layers import Blobs, Layers
from variegate.ops.mixing import one_layer, whole_frame
from variegate.plan.counter import hashes

CYCLES = 32  # of the highest frequency over the frame; beyond it there is next to nothing left


def blob_layers(entry: Blobs, sizes: Ints) -> Layers:
    """The layers of the partners around the blobs of images that all have one size."""
    masks = np.zeros((len(sizes), *(int(side) for side in sizes.max(axis=0))), dtype=np.bool_)
    for place, (key, share) in enumerate(zip(entry.key, entry.share.tolist(), strict=True)):
        masks[place] = around_blobs(key, masks.shape[1:], entry.decay, share)
    return one_layer(whole_frame(sizes), masks=masks)


def around_blobs(
    key: Any, size: tuple[int, ...], decay: float, share: float
) -> npt.NDArray[np.bool_]:
    """(h, w): all but the brightest `share` of the pixels of smooth noise."""
    height, width = size
    across = min(width // 2, CYCLES) + 1
    down = np.fft.fftfreq(height)
    rows = np.flatnonzero(np.abs(down) * height <= CYCLES)
    frequency = np.hypot(down[rows, None], np.fft.rfftfreq(width)[None, :across])
    amplitude = 1 / np.maximum(frequency, 1 / max(size)) ** decay
    words = hashes(np.array([key], dtype=np.uint64), np.arange(2 * amplitude.size, dtype=np.uint64))
    uniform = ((words[:, 0] >> np.uint64(11)) + 0.5) * 2.0**-53
    first, second = uniform.reshape(2, *amplitude.shape)
    normal = np.sqrt(-2 * np.log(first)) * np.exp(2j * np.pi * second)
    spectrum = np.zeros((height, width // 2 + 1), dtype=np.complex128)
    spectrum[rows, :across] = normal * amplitude
    bright = np.fft.irfft2(spectrum, s=(height, width)).reshape(-1)
    covered = np.ones(height * width, dtype=np.bool_)
    stays = int(share * height * width + 0.5)
    if stays:
        covered[np.argpartition(bright, -stays)[-stays:]] = False
    return covered.reshape(height, width)
