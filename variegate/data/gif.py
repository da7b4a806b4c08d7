"""Check a GIF file: sizes, color table, frames. Pillow refuses a frame with too few pixels."""

from __future__ import annotations

from variegate.data.codes import FormatError
from variegate.data.header import Header, check_size

__all__ = ["inspect_gif"]


def inspect_gif(data: bytes, max_pixels: int) -> Header:
    """Walk the blocks of a GIF and return its Header.

    Raises FormatError E103, E104, E105, E106 or E107.
    """
    if len(data) < 13:
        raise FormatError("E103", "the file ends inside the screen header")
    width, height = _two(data, 6), _two(data, 8)
    check_size(width, height, max_pixels)
    header = Header(data, width, height)
    has_table, at = _color_table(data, 10, 13)
    frames, ended = 0, False
    while at < len(data) and not ended:
        kind = data[at]
        if kind == 0x3B:
            ended, at = True, at + 1
        elif kind == 0x21:
            at, whole = _blocks(data, at + 2)
            if not whole:
                break
        elif kind == 0x2C:
            at, whole = _frame(data, at, frames == 0, has_table, max_pixels)
            if not whole:
                break
            frames += 1
        else:
            break
    if not frames:
        raise FormatError("E103", "the file ends before the first frame")
    if frames > 1:
        header.note("W210", f"{frames} frames")
    if not ended:
        header.note("W201", "no trailer")
    elif at < len(data):
        header.note("W203", f"{len(data) - at} bytes")
    return header


def _frame(data: bytes, at: int, first: bool, has_table: bool, max_pixels: int) -> tuple[int, bool]:
    """Walk over one frame; the first one is checked in full."""
    if at + 10 > len(data):
        return len(data), False
    width, height = _two(data, at + 5), _two(data, at + 7)
    right, bottom = _two(data, at + 1) + width, _two(data, at + 3) + height
    own_table, at = _color_table(data, at + 9, at + 10)
    bits = data[at] if at < len(data) else 0
    if first:
        check_size(width, height, max_pixels)
        check_size(right, bottom, max_pixels)
        if not (own_table or has_table):
            raise FormatError("E107", "no color table")
    at, whole = _blocks(data, at + 1)
    if first:
        if not whole:
            raise FormatError("E103", "the file ends inside the first frame")
        if not 1 <= bits <= 8:
            raise FormatError("E106", f"first frame with codes of {bits} bits")
    return at, whole


def _two(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _color_table(data: bytes, flags_at: int, at: int) -> tuple[bool, int]:
    """Return whether a color table stands at `at`, and the position after it."""
    flags = data[flags_at]
    return (True, at + 3 * (2 << (flags & 7))) if flags & 0x80 else (False, at)


def _blocks(data: bytes, at: int) -> tuple[int, bool]:
    """Return the position after the sub-blocks from `at`, and whether they end well."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data)), at < len(data)
