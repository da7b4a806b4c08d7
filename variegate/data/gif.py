"""Check a GIF file: sizes, color table, frames, and whether the first frame is complete."""

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
            _, at, whole = _blocks(data, at + 2)
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
    coded, at, whole = _blocks(data, at + 1)
    if first:
        if not whole:
            raise FormatError("E103", "the file ends inside the first frame")
        if not 1 <= bits <= 8:
            raise FormatError("E106", f"first frame with codes of {bits} bits")
        count = _count_pixels(coded, bits, width * height)
        if count < width * height:
            raise FormatError("E103", f"{count} of {width * height} pixels")
    return at, whole


def _two(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _color_table(data: bytes, flags_at: int, at: int) -> tuple[bool, int]:
    """Return whether a color table stands at `at`, and the position after it."""
    flags = data[flags_at]
    return (True, at + 3 * (2 << (flags & 7))) if flags & 0x80 else (False, at)


def _blocks(data: bytes, at: int) -> tuple[bytes, int, bool]:
    """Return the joined sub-blocks from `at`, the position after them, and if they end well."""
    parts: list[bytes] = []
    while at < len(data) and data[at]:
        end = at + 1 + data[at]
        if end > len(data):
            return b"".join(parts), len(data), False
        parts.append(data[at + 1 : end])
        at = end
    return b"".join(parts), at + 1, at < len(data)


def _count_pixels(coded: bytes, bits: int, wanted: int) -> int:
    """Return how many pixels an LZW stream holds; counting stops at `wanted`.

    Only the length of each table entry is kept, so this needs no pixels.
    """
    clear = 1 << bits
    size, count, at = bits + 1, 0, 0
    lengths = [1] * (clear + 2)
    store = held = last = 0
    while count < wanted:
        while held < size:
            if at >= len(coded):
                return count
            store |= coded[at] << held
            held += 8
            at += 1
        code = store & ((1 << size) - 1)
        store >>= size
        held -= size
        if code == clear:
            size, last = bits + 1, 0
            del lengths[clear + 2 :]
            continue
        if code == clear + 1 or code > len(lengths) or (code == len(lengths) and not last):
            return count
        length = lengths[code] if code < len(lengths) else last + 1
        if last and len(lengths) < 4096:
            lengths.append(last + 1)
            if len(lengths) == 1 << size and size < 12:
                size += 1
        count += length
        last = length
    return count
