"""Connected parts of a mask: pixels of one value that touch each other, at corners too."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.plan.regions import runs_of

Ints = npt.NDArray[np.int64]


def parts_of(mask: npt.NDArray[Any]) -> Ints:
    """Which connected part each pixel of a mask (h, w, c) belongs to, from 1 in reading order, 0
    where the mask is 0 (h, w). Of several channels it only counts whether any is not 0.
    """
    height, width = mask.shape[:2]
    boxes, value = runs_of(mask[..., 0] if mask.shape[2] == 1 else mask)
    x1, y, x2 = boxes[:, 0].astype(np.int64), boxes[:, 1].astype(np.int64), boxes[:, 2]
    line = width + 2
    starts, ends = y * line + x1, y * line + x2.astype(np.int64)
    low = np.searchsorted(ends, starts + line)
    high = np.searchsorted(starts, ends + line, side="right")
    counts = np.maximum(high - low, 0)
    above = np.repeat(np.arange(len(y)), counts)
    first = np.cumsum(counts) - counts
    below = np.arange(len(above)) - np.repeat(first - low, counts)
    same = value[above] == value[below]
    part = _joined(len(y), above[same], below[same])
    number = np.unique(part, return_inverse=True)[1].reshape(-1) + 1
    labels = np.zeros(height * width, dtype=np.int64)
    lengths = (ends - starts).astype(np.int64)
    labels[_places(y * width + x1, lengths)] = np.repeat(number, lengths)
    return labels.reshape(height, width)


def _places(first: Ints, lengths: Ints) -> Ints:
    """The whole numbers first[i] .. first[i] + lengths[i] - 1, one range after the other."""
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) + np.repeat(first - before, lengths))


def _joined(count: int, one: Ints, other: Ints) -> Ints:
    """The smallest member of each element's set (count,), where pairs are in one set."""
    root = np.arange(count)
    while True:
        least = np.minimum(root[one], root[other])
        before = root.copy()
        np.minimum.at(root, root[one], least)
        np.minimum.at(root, root[other], least)
        while True:
            next_root = root[root]
            if np.array_equal(next_root, root):
                break
            root = next_root
        if np.array_equal(before, root):
            return root
