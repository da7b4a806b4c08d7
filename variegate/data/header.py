"""What a format check hands to the decoder, and the checks that all formats share."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from variegate.data.codes import FormatError

__all__ = ["MAX_PIXELS", "Header", "check_profile", "check_size", "exif_orientation", "read_exif"]

# Pillow's own warning limit: below it a decode stays under 512 MB
MAX_PIXELS = 89_478_485

_ORIENTATION = 0x0112


@dataclass
class Header:
    """One image file after its format check.

    `data` is what Pillow gets: the file without the parts that are not needed for pixels.
    """

    data: bytes
    width: int
    height: int
    orientation: int = 1
    notes: list[tuple[str, str]] = field(default_factory=list)

    def note(self, code: str, reason: str) -> None:
        """Add a remark (W2xx), once a code."""
        if all(code != known for known, _ in self.notes):
            self.notes.append((code, reason))


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse sides below 1 (E104) and more than `max_pixels` (E105) before any allocation."""
    if width < 1 or height < 1:
        raise FormatError("E104", f"width {width}, height {height}")
    if width * height > max_pixels:
        raise FormatError("E105", f"{width} x {height} pixels, the limit is {max_pixels}")


def check_profile(header: Header, profile: bytes) -> None:
    """Note a color profile other than sRGB: pixels are used as they are."""
    if b"sRGB" not in profile and "sRGB".encode("utf-16-be") not in profile:
        header.note("W211", f"profile of {len(profile)} bytes")


def exif_orientation(blob: bytes) -> int:
    """Return the orientation 1..8 of an EXIF block, 1 where it has none.

    Raises ValueError where the block is damaged or the value is not 1..8.
    """
    blob = blob.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(blob[:2])
    if order is None:
        raise ValueError("no byte order mark")
    try:
        (start,) = struct.unpack_from(order + "I", blob, 4)
        (count,) = struct.unpack_from(order + "H", blob, start)
        for entry in range(count):
            at = start + 2 + 12 * entry
            tag, kind = struct.unpack_from(order + "HH", blob, at)
            if tag == _ORIENTATION:
                layout = "H" if kind == 3 else "I"
                (value,) = struct.unpack_from(order + layout, blob, at + 8)
                if not 1 <= value <= 8:
                    raise ValueError(f"orientation {value}, legal are 1 to 8")
                return int(value)
    except struct.error as error:
        raise ValueError("the block is cut off") from error
    return 1


def read_exif(header: Header, blob: bytes) -> None:
    """Set the header's orientation from an EXIF block, or note W206."""
    try:
        header.orientation = exif_orientation(blob)
    except ValueError as error:
        header.note("W206", str(error))
