"""Masks through a mix: of classes, and of instances."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.targets.mixed import Shown

Mask = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


def mix_masks(pictures: list[Mask], sizes: Ints, shown: list[Shown]) -> list[Mask]:
    """Masks (h, w, c) of the results, of these sizes (n, 2); 0 where nothing is seen.

    pictures: the masks of the images, then of the tiles. Only masks of floats may be blended.
    """
    like = pictures[0]
    channels = like.shape[2]
    results = [np.zeros((height, width, channels), like.dtype) for height, width in sizes.tolist()]
    for one in shown:
        _paste(results[one.result], pictures[one.picture], one)
    return results


def _paste(out: Mask, picture: Mask, one: Shown) -> None:
    """Adds what is seen of a picture (h, w, c)."""
    for piece in one.pieces:
        down, across = piece.shift
        for top, left, bottom, right in piece.rects.tolist():
            part = picture[top - down : bottom - down, left - across : right - across]
            if piece.share == 1:
                out[top:bottom, left:right] = part
            else:
                out[top:bottom, left:right] += (part * piece.share).astype(out.dtype)


def mix_instance_masks(
    pictures: list[Mask], sizes: Ints, shown: list[Shown], first: Ints, rows: Ints, begin: Ints
) -> list[Mask]:
    """Instance masks of the results: (k, h, w), or ids (h, w), as they came.

    first (n + 1,): where each result's instances begin; rows (k,): which instance of the pictures
    each is, and begin (p,): where those of each picture begin.
    """
    results = []
    groups: dict[int, list[Shown]] = {}
    for one in shown:
        groups.setdefault(one.result, []).append(one)
    for result, (height, width) in enumerate(sizes.tolist()):
        own = rows[first[result] : first[result + 1]]
        channels = pictures[0].ndim == 3
        shape = (len(own), height, width) if channels else (height, width)
        out = np.zeros(shape, dtype=pictures[0].dtype)
        for one in groups.get(result, []):
            low, high = begin[one.picture], begin[one.picture + 1]
            places = np.flatnonzero((own >= low) & (own < high))
            if len(places):
                _paste_instances(out, pictures[one.picture], one, places, own[places] - low)
        results.append(out)
    return results


def _paste_instances(out: Mask, picture: Mask, one: Shown, places: Ints, index: Ints) -> None:
    """Adds instances `index` of a picture as instances `places` of the result."""
    if picture.ndim == 3:
        chosen = picture[index]
    else:
        ids = np.zeros(int(max(picture.max(), index.max() + 1)) + 1, dtype=picture.dtype)
        ids[index + 1] = places + 1
        chosen = ids[picture]
    for piece in one.pieces:
        down, across = piece.shift
        for top, left, bottom, right in piece.rects.tolist():
            part = chosen[..., top - down : bottom - down, left - across : right - across]
            if out.ndim == 3:
                out[places, top:bottom, left:right] = part
            else:
                out[top:bottom, left:right] = part
