"""Check BMP, PPM and WebP files before Pillow sees them."""

from __future__ import annotations

import re

from variegate.data.codes import FormatError
from variegate.data.header import Header, check_profile, check_size, read_exif

__all__ = ["inspect_bmp", "inspect_ppm", "inspect_webp"]

_GAP = rb"(?:\s|#[^\n]{0,1000}\n){1,100}"
_PPM = re.compile(rb"P([1-6])" + _GAP + rb"(-?\d{1,12})" + _GAP + rb"(-?\d{1,12})")
_WEBP_HEADS = (b"VP8X", b"VP8L", b"VP8 ")
_MAXVAL = re.compile(_GAP + rb"(\d{1,12})\s")


def inspect_bmp(data: bytes, max_pixels: int) -> Header:
    """Return the Header of a BMP. Raises FormatError E103, E104, E105 or E106."""
    if len(data) < 26:
        raise FormatError("E103", "the file ends inside the header")
    if int.from_bytes(data[14:18], "little") == 12:
        width, height = (int.from_bytes(data[k : k + 2], "little") for k in (18, 20))
    else:
        width, height = (int.from_bytes(data[k : k + 4], "little", signed=True) for k in (18, 22))
    # a negative height is legal: rows from the top down
    check_size(width, abs(height), max_pixels)
    return Header(data, width, abs(height))


def inspect_ppm(data: bytes, max_pixels: int) -> Header:
    """Return the Header of a PBM, PGM or PPM. Raises FormatError E103, E104, E105 or E106."""
    match = _PPM.match(data)
    if match is None:
        raise FormatError("E106", "the header has no width and height")
    kind, width, height = int(match[1]), int(match[2]), int(match[3])
    check_size(width, height, max_pixels)
    header = Header(data, width, height)
    at, sample = match.end() + 1, 1
    if kind not in (1, 4):
        limit = _MAXVAL.match(data, match.end())
        if limit is None or not 1 <= int(limit[1]) <= 65535:
            raise FormatError("E106", "the header has no highest value in 1 to 65535")
        at, sample = limit.end(), 1 + (int(limit[1]) > 255)
    row = (width + 7) // 8 if kind == 4 else width * (3 if kind in (3, 6) else 1) * sample
    if kind >= 4 and len(data) - at < row * height:
        raise FormatError("E103", f"{len(data) - at} of {row * height} bytes of pixels")
    if kind >= 4 and len(data) - at > row * height:
        header.note("W203", f"{len(data) - at - row * height} bytes")
    return header


def inspect_webp(data: bytes, max_pixels: int) -> Header:
    """Return the Header of a WebP. Raises FormatError E103, E104, E105 or E106."""
    size = int.from_bytes(data[4:8], "little") + 8
    if size > len(data):
        raise FormatError("E103", f"{len(data)} of {size} bytes")
    header = Header(data[:size], 0, 0)
    if size < len(data):
        header.note("W203", f"{len(data) - size} bytes")
    at, frames = 12, 0
    while at + 8 <= size:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : min(at + 8 + length, size)]
        if len(body) < length:
            raise FormatError("E103", f"the file ends inside {name.decode('ascii', 'replace')}")
        if name == b"EXIF":
            read_exif(header, body)
        elif name == b"ICCP":
            check_profile(header, body)
        elif name == b"ANMF":
            frames += 1
        elif not header.width:
            _webp_size(header, name, body)
            if name in _WEBP_HEADS:
                check_size(header.width, header.height, max_pixels)
        at += 8 + length + length % 2
    if not header.width:
        raise FormatError("E103", "no pixel data")
    if frames > 1:
        header.note("W210", f"{frames} frames")
    return header


def _webp_size(header: Header, name: bytes, body: bytes) -> None:
    """Read width and height from the first chunk that has them."""
    if name == b"VP8X" and len(body) >= 10:
        header.width, header.height = (
            1 + int.from_bytes(body[k : k + 3], "little") for k in (4, 7)
        )
    elif name == b"VP8L" and len(body) >= 5:
        packed = int.from_bytes(body[1:5], "little")
        header.width, header.height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    elif name == b"VP8 " and len(body) >= 10:
        header.width, header.height = (
            int.from_bytes(body[k : k + 2], "little") & 0x3FFF for k in (6, 8)
        )
    elif name in _WEBP_HEADS:
        raise FormatError("E103", "the file ends inside the picture header")
