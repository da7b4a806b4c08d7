"""Turn pictures before and after into small PNG data URIs for the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from variegate.errors import InputError
from variegate.evaluate.names import clean

PER_ROW = 10
ROWS = 12
# The page may have 5 MB; charts and tables of 1000 classes need under 2.
BUDGET = 2_500_000
_SIDES = (128, 96, 64, 48, 32)


class Picture(TypedDict):
    """One embedded picture, its size in pixels as stored."""

    uri: str
    width: int
    height: int


class PictureRow(TypedDict):
    """The pictures under one title."""

    title: str
    pictures: list[Picture]


def embed_pictures(pictures: Mapping[str, Sequence[NDArray[np.uint8]]]) -> list[PictureRow]:
    """Embed at most 12 rows of 10 pictures; large ones shrink until all fit the budget."""
    rows = [(clean(title), list(row)[:PER_ROW]) for title, row in list(pictures.items())[:ROWS]]
    for title, row in rows:
        for place, image in enumerate(row):
            _check(image, f"pictures[{title!r}][{place}]")
    result: list[PictureRow] = []
    for side in _SIDES:
        result = [
            {"title": title, "pictures": [_embed(image, side) for image in row]}
            for title, row in rows
            if row
        ]
        if sum(len(p["uri"]) for row in result for p in row["pictures"]) <= BUDGET:
            break
    return result


def _check(image: object, where: str) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        got = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"{where}: expected a uint8 array, got {got}")
    if image.ndim not in (2, 3) or not image.size:
        raise InputError(f"{where}: expected (h, w) or (h, w, c) with pixels, got {image.shape}")


def _embed(image: NDArray[np.uint8], side: int) -> Picture:
    from PIL import Image

    if image.ndim == 3 and image.shape[2] not in (3, 4):
        image = image[:, :, 0]  # one channel, or a stack of which the first stands for all
    picture = Image.fromarray(np.ascontiguousarray(image))
    if max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return {
        "uri": f"data:image/png;base64,{text}",
        "width": picture.width,
        "height": picture.height,
    }
