"""One image file to one uint8 array, or a DataError that says why not.

Pillow decodes; the checks around it see to it that no file yields black, white or gray filler in
place of pixels. Known limit: a JPEG has no checksum, so flipped bytes inside a scan of full length
pass, and so does a JPEG above 512 x 512 that lacks only its last block.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from variegate.data.codes import FileNote, FormatError, file_error
from variegate.data.gif import inspect_gif
from variegate.data.header import MAX_PIXELS, Header, check_size
from variegate.data.jpeg import inspect_jpeg, rows_missing
from variegate.data.png import inspect_png
from variegate.data.simple import inspect_bmp, inspect_ppm, inspect_webp
from variegate.data.sniff import EXTENSIONS, sniff
from variegate.data.tiff import check_tiff
from variegate.engine import compiled
from variegate.errors import DataError, InputError

__all__ = [
    "BACKGROUND",
    "MAX_BYTES",
    "Decoded",
    "decode_bytes",
    "decode_file",
    "read_file",
    "turn_upright",
]

Pixels = npt.NDArray[np.uint8]

BACKGROUND = 255
MAX_BYTES = 256 << 20
READ_AT_ONCE = 1 << 20
MAX_TOGETHER = 4 << 20  # bytes of a file that is read with others
_ASPECT = 32
_CUT_WORDS = ("truncated", "not enough", "unexpected end", "end of file", "broken data stream")


@dataclass(frozen=True)
class Decoded:
    """One decoded file: image uint8 (h, w, c), the format by content, remarks (W2xx)."""

    image: Pixels
    format: str
    notes: tuple[FileNote, ...]


def decode_file(
    path: str | Path,
    *,
    channels: int | None = None,
    background: int = BACKGROUND,
    max_pixels: int = MAX_PIXELS,
) -> Decoded:
    """Decode one image file to uint8 (h, w, c), turned upright by its EXIF orientation.

    `channels`: 1 gray, 3 RGB, 4 RGBA, None for 1 or 3 as the file has it. With 1 or 3,
    transparency is flattened on the gray level `background`. 16-bit values are divided by 257.
    Raises DataError with path, code (E101 to E111), reason and next step.
    """
    text = os.fspath(path)
    data = read_file(text)
    return decode_bytes(
        data, path=text, channels=channels, background=background, max_pixels=max_pixels
    )


def read_files(paths: list[str]) -> list[bytes | None]:
    """The contents of files that are ordinary and not large; None for any other, of which
    `read_file` tells what is wrong.
    """
    try:
        names = [os.fsencode(path) for path in paths]
    except ValueError:
        return [None] * len(paths)
    return compiled.read_files(names, MAX_TOGETHER) if compiled.available() else [None] * len(paths)


def read_file(path: str) -> bytes:
    """Return the content of a regular file. Raises DataError with path, E105 or E111."""
    try:
        return _read(path)
    except FormatError as refusal:
        raise file_error(path, refusal.code, refusal.reason) from None
    except (OSError, ValueError) as error:
        raise file_error(path, "E111", _first_line(error)) from error


def decode_bytes(
    data: bytes,
    *,
    path: str = "<bytes>",
    channels: int | None = None,
    background: int = BACKGROUND,
    max_pixels: int = MAX_PIXELS,
) -> Decoded:
    """Decode the content of one image file; `path` is used in messages. See `decode_file`."""
    if channels not in (None, 1, 3, 4):
        raise InputError(f"channels: expected 1, 3, 4 or None, got {channels!r}")
    if not 0 <= background <= 255:
        raise InputError(f"background: expected a gray level 0 to 255, got {background!r}")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise DataError(
            f"{path!r}: PIL.ImageFile.LOAD_TRUNCATED_IMAGES is on, so missing pixels would go "
            "unseen; set it to False"
        )
    try:
        kind = sniff(data)
        header, image = _decode(data, kind, channels, background, max_pixels)
    except FormatError as refusal:
        raise file_error(path, refusal.code, refusal.reason) from None
    except MemoryError as error:
        raise file_error(path, "E105", "not enough memory for its pixels") from error
    height, width = image.shape[:2]
    if max(height, width) > _ASPECT * min(height, width):
        header.note("W208", f"{width} x {height} pixels")
    suffix = PurePath(path).suffix.lower().lstrip(".")
    if EXTENSIONS.get(suffix, kind) != kind:
        header.note("W209", f"the content is {kind}")
    notes = tuple(FileNote(path, code, reason) for code, reason in header.notes)
    return Decoded(np.ascontiguousarray(image), kind, notes)


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(path: str) -> bytes:
    """Read a regular file of a legal size; a pipe or device is never waited on.

    Without a file object, whose own calls to the system take longer than these.
    """
    file = _open_at_once(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode):
            raise FormatError("E111", "not a regular file")
        if info.st_size > MAX_BYTES:
            raise FormatError("E105", f"{info.st_size} bytes, the limit is {MAX_BYTES}")
        # one more than there is: a file that is read in parts, or grows, has more to give
        data = os.read(file, info.st_size + 1)
        if len(data) == info.st_size:
            return data
        parts = [data]
        while parts[-1] and sum(map(len, parts)) <= MAX_BYTES:
            parts.append(os.read(file, READ_AT_ONCE))
        return b"".join(parts)
    finally:
        os.close(file)


def _decode(
    data: bytes, kind: str, channels: int | None, background: int, max_pixels: int
) -> tuple[Header, Pixels]:
    """Check, decode, convert and turn upright."""
    low = None
    palette = 0
    if kind == "PNG":
        png = inspect_png(data, max_pixels)
        header, low, palette = png.header, png.low, png.palette
    elif kind == "TIFF":
        header = Header(data, 0, 0)
    else:
        inspect = {
            "JPEG": inspect_jpeg, "GIF": inspect_gif, "BMP": inspect_bmp, "PPM": inspect_ppm,
            "WEBP": inspect_webp,
        }[kind]  # fmt: skip
        header = inspect(data, max_pixels)
    image = _open(header, kind, max_pixels)
    if palette and image.mode == "P":
        used = int(image.getextrema()[1])
        if used >= palette:
            raise FormatError("E107", f"{palette} colors, a pixel names color {used}")
    if kind == "JPEG" and rows_missing(header, _raw(image), _open_raw):
        raise FormatError("E103", f"fewer rows than the {header.height} declared")
    if low is not None:
        pixels = _sixteen(_raw(image), _raw(_open(Header(low, 0, 0), kind, max_pixels)))
    else:
        pixels = _values(image, header)
    return header, turn_upright(
        _as_channels(pixels, channels, background, header), header.orientation
    )


def _open(header: Header, kind: str, max_pixels: int) -> Any:
    """Let Pillow decode the checked bytes of one format."""
    try:
        image = Image.open(io.BytesIO(header.data), formats=[kind])
        check_size(*image.size, max_pixels)
        if kind == "TIFF":
            header.width, header.height = image.size
            check_tiff(image, header)
        image.load()
    except (FormatError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise FormatError("E105", _first_line(error)) from error
    except Exception as error:  # Pillow raises more kinds than it names
        reason = _first_line(error)
        cut = any(word in reason.lower() for word in _CUT_WORDS)
        raise FormatError("E103" if cut else "E106", reason) from error
    return image


def _open_raw(data: bytes) -> Pixels:
    """Decode JPEG bytes without any check."""
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        return _raw(image)


def _raw(image: Any) -> Pixels:
    """Return the values of a Pillow image as (h, w, c), no conversion."""
    values = np.asarray(image)
    return values[:, :, None] if values.ndim == 2 else values


def _values(image: Any, header: Header) -> Pixels:
    """Return uint8 (h, w, c) with c = 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA."""
    mode: str = image.mode
    if mode.startswith("I;16") or (mode == "I" and image.format == "PPM"):
        wide = _raw(image).astype(np.uint32)
        return ((wide + 128) // 257).astype(np.uint8)
    if mode in ("F", "I"):
        raise FormatError("E108", f"32-bit values (mode {mode})")
    if mode in ("LAB", "HSV"):
        raise FormatError("E110", mode)
    clear = "transparency" in image.info
    if mode == "CMYK":
        header.note("W205", "CMYK")
    if mode in ("P", "PA") or (clear and mode == "RGB"):
        target = "RGBA" if clear or mode == "PA" else "RGB"
    else:
        target = {"1": "L", "L": "L", "La": "LA", "LA": "LA", "RGBA": "RGBA", "RGBa": "RGBA"}.get(
            mode, "RGB"
        )
        target = "LA" if clear and target == "L" else target
    if target == "LA" and mode in ("1", "L"):
        rgba = _raw(image.convert("RGBA"))
        return rgba[:, :, [0, 3]]
    return _raw(image.convert(target) if target != mode else image)


def _sixteen(high: Pixels, low: Pixels) -> Pixels:
    """Join high and low bytes and divide by 257, rounded."""
    wide = high.astype(np.uint32) * 256 + low
    return ((wide + 128) // 257).astype(np.uint8)


def _as_channels(pixels: Pixels, channels: int | None, background: int, header: Header) -> Pixels:
    """Turn 1 to 4 channels into what was asked for."""
    count = pixels.shape[2]
    alpha = pixels[:, :, -1:] if count in (2, 4) else None
    color = pixels[:, :, : count - 1] if alpha is not None else pixels
    if channels == 4:
        full = np.full_like(color[:, :, :1], 255) if alpha is None else alpha
        return np.concatenate([np.broadcast_to(color, (*color.shape[:2], 3)), full], axis=2)
    if alpha is not None:
        header.note("W207", f"background {background}")
        part = alpha.astype(np.uint32)
        mixed = color * part + background * (255 - part)
        color = ((mixed + 127) // 255).astype(np.uint8)
    if channels == 3 and color.shape[2] == 1:
        return np.repeat(color, 3, axis=2)
    if channels == 1 and color.shape[2] == 3:
        return _raw(Image.fromarray(np.ascontiguousarray(color)).convert("L"))
    return color


def turn_upright(image: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation 1..8 on (h, w, c)."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's text without its path, at most 200 characters."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text.strip().splitlines() or [type(error).__name__])[0][:200]
