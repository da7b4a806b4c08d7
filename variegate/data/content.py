"""One image on its way from a file or an array to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.data.codes import file_error
from variegate.data.decode import decode_bytes, read_file, read_files, turn_upright
from variegate.data.jpeg_fast import can_decode, decode_part, rows_to_decode
from variegate.data.jpeg_frame import Frame, read_frame
from variegate.data.samples import Samples
from variegate.errors import InputError
from variegate.targets.images import MAX_SIDE, check_image

__all__ = ["Content", "Reading", "open_image", "pixels_of", "read_contents"]

Image = npt.NDArray[Any]
Take = Callable[[int], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Reading:
    """How files are decoded; the names are those of a Loader's arguments."""

    channels: int
    background: int
    max_pixels: int


@dataclass(frozen=True)
class Content:
    """size (height, width), upright; the pixels where they are known, else what they come from."""

    name: str
    size: tuple[int, int]
    pixels: Image | None = None
    data: bytes = b""
    frame: Frame | None = None


def read_contents(samples: Samples, places: list[int]) -> list[bytes | None]:
    """What is in the files of some images; None for arrays, and for files that `open_image` has to
    read itself.
    """
    if not samples.files:
        return [None] * len(places)
    return read_files([samples.name(place) for place in places])


def open_image(
    samples: Samples, place: int, reading: Reading, data: bytes | None = None
) -> Content:
    """Read one image's file as far as its size; files other than ordinary JPEGs are decoded here.
    data: the file's content, where it has been read.

    Raises DataError with path, code and reason, and InputError for an array that is no image.
    """
    name = samples.name(place)
    if not samples.files:
        image = samples.images[place]
        if not isinstance(image, np.ndarray) or image.ndim != 3:
            got = image.shape if isinstance(image, np.ndarray) else type(image).__name__
            raise InputError(f"{name}: expected an array (height, width, channels), got {got}")
        check_image(image, name, image.shape)
        return Content(name, image.shape[:2], image)
    data = read_file(name) if data is None else data
    frame = read_frame(data, reading.max_pixels) if data[:3] == b"\xff\xd8\xff" else None
    if frame is not None and can_decode(frame, reading.channels):
        content = Content(name, frame.size, None, data, frame)
    else:
        pixels = _decoded(name, data, reading)
        content = Content(name, (pixels.shape[0], pixels.shape[1]), pixels)
    if max(content.size) > MAX_SIDE:
        high, wide = content.size
        raise file_error(name, "E105", f"{wide} x {high} pixels, a side is at most {MAX_SIDE}")
    return content


def pixels_of(
    content: Content, reading: Reading, factor: int, rows: int, take: Take
) -> tuple[Image, int]:
    """Decode at least the first `rows` rows, shrunk by `factor` or not: pixels and the factor used.

    take: gives a flat uint8 array of at least so many bytes. Raises DataError.
    """
    frame = content.frame
    if content.pixels is not None:
        return content.pixels, 1
    if frame is None:
        raise file_error(content.name, "E106", "no pixels and no frame header")
    if frame.orientation != 1:
        factor, rows = 1, frame.height
    rows = rows_to_decode(frame, rows)
    size = -(-rows // factor) * -(-frame.width // factor) * reading.channels
    part = decode_part(content.data, frame, reading.channels, factor, rows, take(size))
    if part is not None:
        return turn_upright(part, frame.orientation), factor
    whole = _decoded(content.name, content.data, reading)
    if whole.shape[:2] != content.size:
        found = f"{whole.shape[1]} x {whole.shape[0]}"
        high, wide = content.size
        raise file_error(content.name, "E106", f"{wide} x {high} in the header, {found} decoded")
    return whole, 1


def _decoded(name: str, data: bytes, reading: Reading) -> Image:
    return decode_bytes(
        data,
        path=name,
        channels=reading.channels,
        background=reading.background,
        max_pixels=reading.max_pixels,
    ).image
