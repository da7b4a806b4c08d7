"""What a JPEG's header says of its pixels, read without touching the scan."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from variegate.data.header import exif_orientation

__all__ = ["Frame", "read_frame"]

_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF}
_BARE = {0x00, 0x01, *range(0xD0, 0xDA)}  # marks that have no place before the first scan


@dataclass(frozen=True)
class Frame:
    """Sides in pixels as stored, components, EXIF orientation 1..8.

    block_rows: pixel rows that are coded together. height_at: where the two bytes of the height
    stand. in_order: whether the scan holds the rows from top to bottom, all components at once.
    """

    height: int
    width: int
    components: int
    orientation: int
    block_rows: int
    height_at: int
    in_order: bool

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) once turned upright."""
        turned = self.orientation >= 5
        return (self.width, self.height) if turned else (self.height, self.width)


def read_frame(data: bytes, max_pixels: int) -> Frame | None:
    """Return the Frame of an ordinary 8-bit JPEG; None for all else, which the decoder judges."""
    at, orientation = 2, 1
    frame: tuple[int, bytes, int] | None = None
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _BARE or marker in _OTHER_FRAMES or end < at + 4 or end > len(data):
            return None
        if marker in _FRAMES:
            frame = marker, data[at + 4 : end], at + 5  # after the bits
        elif marker == 0xE1 and data.startswith(b"Exif\0\0", at + 4):
            orientation = _orientation(data[at + 4 : end], orientation)
        elif marker == 0xDA:
            if frame is None or end < at + 5:
                return None
            return _checked(*frame, orientation, data[at + 4], max_pixels)
        at = end
    return None


def _orientation(blob: bytes, known: int) -> int:
    """The block's orientation; a damaged block changes nothing."""
    try:
        return exif_orientation(blob)
    except ValueError:
        return known


def _checked(
    marker: int, body: bytes, height_at: int, orientation: int, scanned: int, max_pixels: int
) -> Frame | None:
    """The frame header's content, None where it is not an ordinary one."""
    if len(body) < 6:
        return None
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    if bits != 8 or not 1 <= height * width <= max_pixels or count not in (1, 3):
        return None
    if len(body) < 6 + 3 * count:
        return None
    # one component alone is coded block by block, whatever its sampling says
    high = max(body[7 + 3 * k] & 15 for k in range(count)) if count > 1 else 1
    in_order = marker != 0xC2 and scanned == count and high > 0
    return Frame(height, width, count, orientation, 8 * high, height_at, in_order)
