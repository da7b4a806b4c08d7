"""Check a JPEG file before and after decoding.

A JPEG has no checksum. A scan that ends early is filled with mid gray by the decoder without a
word, so the end of the scan is tested here: see `rows_missing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from variegate.data.codes import FormatError
from variegate.data.header import Header, check_profile, check_size, read_exif

__all__ = ["inspect_jpeg", "rows_missing"]

_SCAN_END = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SOF_READ = {0xC0, 0xC1, 0xC2}
_SOF_OTHER = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_KEPT_APPS = {0xE0, 0xEE}  # JFIF and Adobe say how colors are coded; no other APP does
_GRAY_SLACK = 3
_ALWAYS_TESTED = 1 << 18  # pixels: one block is under 0.1 % of a larger image
_NULS = 16


def inspect_jpeg(data: bytes, max_pixels: int) -> Header:
    """Walk the markers of a JPEG and return its Header.

    Raises FormatError E103, E104, E105, E106 or E109.
    """
    header = Header(b"", 0, 0)
    kept = [b"\xff\xd8"]
    at, scans = 2, 0
    while True:
        at, marker = _next_marker(data, at, scans)
        if marker is None or marker == 0xD9:
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        body, end = _segment(data, at)
        _read_segment(header, marker, body, max_pixels)
        if (not 0xE0 <= marker <= 0xEF and marker != 0xFE) or marker in _KEPT_APPS:
            kept.append(data[at - 2 : end])
        at = end
        if marker == 0xDA:
            if not header.width:
                raise FormatError("E106", "a scan comes before the frame header")
            scans += 1
            found = _SCAN_END.search(data, end)
            at = found.start() if found else len(data)
            kept.append(data[end:at])
    if not scans:
        raise FormatError("E103", "the file ends before the pixels")
    if marker is None:
        _check_no_end(header, kept)
    elif at < len(data):
        header.note("W203", f"{len(data) - at} bytes")
    header.data = b"".join([*kept, b"\xff\xd9"])
    return header


def _check_no_end(header: Header, kept: list[bytes]) -> None:
    """Accept a file without end mark only where `rows_missing` can tell if it is complete."""
    if any(part.startswith(b"\xff\xc2") for part in kept):
        raise FormatError("E103", "no end mark, later scans of a progressive JPEG are missing")
    if kept[-1].endswith(bytes(_NULS)):
        raise FormatError("E103", "no end mark, the file ends in NUL bytes")
    kept[-1] = kept[-1].rstrip(b"\xff")
    header.note("W201", "no end mark")


def _next_marker(data: bytes, at: int, scans: int) -> tuple[int, int | None]:
    """Return the position after the next marker and its code, None at the end of the file."""
    start = data.find(b"\xff", at)
    while start >= 0 and start + 1 < len(data) and data[start + 1] in (0x00, 0xFF):
        start = data.find(b"\xff", start + 1)
    if start < 0 or start + 1 >= len(data):
        if not scans:
            raise FormatError("E103", "the file ends inside the header")
        return len(data), None
    return start + 2, data[start + 1]


def _segment(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the body of the segment whose length stands at `at`, and where it ends."""
    length = int.from_bytes(data[at : at + 2], "big")
    if at + 2 > len(data) or at + length > len(data):
        raise FormatError("E103", "the file ends inside a header segment")
    if length < 2:
        raise FormatError("E106", f"a header segment of length {length}")
    return data[at + 2 : at + length], at + length


def _read_segment(header: Header, marker: int, body: bytes, max_pixels: int) -> None:
    """Take over what one segment says."""
    if marker in _SOF_OTHER:
        raise FormatError("E109", "arithmetic, lossless or hierarchical JPEG")
    if marker in _SOF_READ:
        if len(body) < 6:
            raise FormatError("E106", "the frame header is too short")
        if body[0] != 8:
            raise FormatError("E109", f"JPEG with {body[0]} bits a channel")
        header.height, header.width = (int.from_bytes(body[k : k + 2], "big") for k in (1, 3))
        check_size(header.width, header.height, max_pixels)
    elif marker == 0xDB and _has_zero_table(body):
        header.note("W204", "quantization table of zeros")
    elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
        read_exif(header, body)
    elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and body[12:13] == b"\x01":
        check_profile(header, body[14:])


def _has_zero_table(body: bytes) -> bool:
    """Tell whether a DQT segment has a table of zeros only."""
    at = 0
    while at < len(body):
        size = 128 if body[at] >> 4 else 64
        table = body[at + 1 : at + 1 + size]
        if len(table) == size and not any(table):
            return True
        at += 1 + size
    return False


def rows_missing(
    header: Header,
    raw: npt.NDArray[np.uint8],
    decode: Callable[[bytes], npt.NDArray[np.uint8]],
) -> bool:
    """Tell whether the scan ended before the last pixel and the rest is filler.

    `raw` is (h, w, c) as decoded from `header.data`, before any color conversion of CMYK. Noise is
    put behind each scan and the image is decoded again: a complete scan ignores what follows it;
    one that is short takes the noise for pixels, and the image changes. Missing blocks decode to
    mid gray, all but the first, so a large image is tested only where it ends in mid gray.
    """
    no_end = any(code == "W201" for code, _ in header.notes)
    if raw.shape[0] * raw.shape[1] > _ALWAYS_TESTED and not no_end:
        corner = raw[-1, -1].astype(np.float64)
        level = corner @ (0.299, 0.587, 0.114) if corner.size == 3 else corner
        if np.any(np.abs(level - 128) > _GRAY_SLACK):
            return False
    steps = (37, 101) if no_end else (37,)
    return any(_changes(noisy, raw, decode) for noisy in _with_noise(header.data, steps))


def _changes(
    noisy: bytes, raw: npt.NDArray[np.uint8], decode: Callable[[bytes], npt.NDArray[np.uint8]]
) -> bool:
    """Tell whether a noisy copy decodes to other pixels; one that fails says nothing."""
    try:
        return not np.array_equal(decode(noisy), raw)
    except Exception:  # Pillow raises more kinds than it names
        return False


def _with_noise(data: bytes, steps: tuple[int, ...]) -> Iterator[bytes]:
    """Yield copies of a JPEG with noise behind each scan, bare and after a restart mark."""
    scans = _scans(data)
    last = [_RESTART.findall(data, start, end)[-1:] for start, end in scans]
    for step in steps:
        # values below 251: no 0xFF, so no marker
        noise = bytes((k * k * step + 7 * k + step) % 251 for k in range(1, 257))
        for restart in (False, True) if b"\xff\xdd" in data[: scans[0][0]] else (False,):
            parts, at = [], 0
            for (_, end), marks in zip(scans, last, strict=True):
                following = (marks[0][1] - 0xD0 + 1) % 8 if marks else 0
                mark = bytes((0xFF, 0xD0 + following)) if restart else b""
                parts += [data[at:end], mark, noise]
                at = end
            yield b"".join([*parts, data[at:]])


def _scans(data: bytes) -> list[tuple[int, int]]:
    """Return (start, end) of the coded bytes of each scan of a file that passed the check."""
    found: list[tuple[int, int]] = []
    at = 2
    while True:
        at, marker = _next_marker(data, at, 1)
        if marker is None or marker == 0xD9:
            return found
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        _, at = _segment(data, at)
        if marker == 0xDA:
            match = _SCAN_END.search(data, at)
            end = match.start() if match else len(data)
            found.append((at, end))
            at = end
