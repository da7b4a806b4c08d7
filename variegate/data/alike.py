"""Images that are the same picture: by a perceptual hash, then by their pixels.

The hash is the sign of the 64 lowest frequencies but the mean of a 32x32 gray thumbnail (pHash,
Zauner 2010). It finds the same picture at another size or compression. Small simple images, such as
digits, share hashes without being the same, so each pair is held against its thumbnails as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["alike", "perceptual_hash", "thumbnails"]

Pixels = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SIDE, KEPT = 32, 8
# Bits of 64 in which the hashes of one picture may differ: as much as JPEG at quality 60 does to
# smooth pictures. Two pictures that have nothing in common differ in 32, give or take 4.
BITS = 12
# Mean difference of the thumbnails' gray levels up to which two pictures are the same, as a share
# of how much the levels of the first one vary.
LEVELS = 0.05
BLOCK, PAIRS = 256, 4096


def thumbnails(images: Pixels) -> npt.NDArray[np.float32]:
    """Gray thumbnails float32 (n, 32, 32) of images uint8 (n, h, w, c), by area means."""
    from PIL import Image

    gray = images[..., :3].mean(axis=3, dtype=np.float32) if images.shape[3] > 2 else images[..., 0]
    out = np.empty((len(images), SIDE, SIDE), np.float32)
    for at, image in enumerate(gray):
        small = Image.fromarray(image.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BOX)
        out[at] = np.asarray(small)
    return out


def perceptual_hash(small: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """64-bit hashes (n,) of thumbnails (n, 32, 32)."""
    place = np.arange(SIDE)
    wave = np.cos(np.pi * (2 * place[None] + 1) * np.arange(KEPT)[:, None] / (2 * SIDE))
    low = np.einsum("ai,nij,bj->nab", wave, small.astype(np.float64), wave, optimize=True)
    flat = low.reshape(len(small), KEPT * KEPT)
    # The mean is left out of the middle: it says how bright the picture is, not what it shows.
    bits = flat > np.median(flat[:, 1:], axis=1, keepdims=True)
    weights = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))
    return np.asarray((bits * weights).sum(axis=1, dtype=np.uint64))


def alike(images: Pixels) -> list[tuple[int, int]]:
    """Pairs (first, second) of images uint8 (n, h, w, c) that show the same picture.

    All are compared with all, so the time grows with the square of their number. Flat images are
    left out: they are all alike.
    """
    if not len(images):
        return []
    small = thumbnails(images)
    spread = small.std(axis=(1, 2))
    usable = np.flatnonzero(spread > 1.0)
    found = []
    for pairs in _near(perceptual_hash(small[usable])):
        first, second = usable[pairs[:, 0]], usable[pairs[:, 1]]
        gap = np.abs(small[first] - small[second]).mean(axis=(1, 2))
        same = gap <= LEVELS * np.minimum(spread[first], spread[second])
        found += list(zip(first[same].tolist(), second[same].tolist(), strict=True))
    return sorted(found)


def _near(hashes: npt.NDArray[np.uint64]) -> Iterator[Ints]:
    """Pairs (k, 2) whose hashes differ in at most BITS bits, some thousand at a time."""
    place = np.arange(64, dtype=np.uint64)
    # The product of two rows of signs is 64 less twice the bits that differ.
    signs = ((hashes[:, None] >> place) & np.uint64(1)).astype(np.float32) * 2 - 1
    for start in range(0, len(signs), BLOCK):
        product = signs[start : start + BLOCK] @ signs[start:].T
        rows, columns = np.nonzero(np.triu(product >= 64 - 2 * BITS, k=1))
        pairs = np.stack([rows, columns], axis=1) + start
        for at in range(0, len(pairs), PAIRS):
            yield pairs[at : at + PAIRS]
