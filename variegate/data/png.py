"""Check a PNG file: chunks, checksums, palette, and whether all pixels are there."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from variegate.data.codes import FormatError
from variegate.data.header import Header, check_profile, check_size, read_exif

__all__ = ["Png", "inspect_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))  # fmt: skip
_STEP = 1 << 20


@dataclass
class Png:
    """A checked PNG: its header, and for 16-bit color two 8-bit PNGs (high and low bytes)."""

    header: Header
    low: bytes | None = None
    palette: int = 0


@dataclass
class _Chunks:
    """The chunks of a PNG that matter for pixels."""

    ihdr: bytes = b""
    plte: bytes | None = None
    trns: bytes | None = None
    idat: list[bytes] = field(default_factory=list)


def inspect_png(data: bytes, max_pixels: int) -> Png:
    """Return the checked PNG, cut down to the chunks that pixels need.

    Raises FormatError E103, E104, E105, E106 or E107.
    """
    header = Header(b"", 0, 0)
    chunks = _read_chunks(data, header, max_pixels)
    depth, color, interlace = chunks.ihdr[8], chunks.ihdr[9], chunks.ihdr[12]
    if not chunks.idat:
        raise FormatError("E103", "no pixel data (IDAT)")
    if color == 3 and not chunks.plte:
        raise FormatError("E107", "a palette image without PLTE")
    bits = depth * _CHANNELS[color]
    rows = list(_passes(header.width, header.height, bits, interlace))
    split = depth == 16 and color != 0
    pixels = _inflate(chunks.idat, sum((size + 1) * count for size, count in rows), header, split)
    png = Png(header, palette=len(chunks.plte or b"") // 3 if color == 3 else 0)
    if not split:
        header.data = _build(chunks, chunks.ihdr, b"".join(chunks.idat))
        return png
    # PNG filters work on each byte of a pixel alone, so 16-bit rows fall apart into two 8-bit
    # images with the same filters: exact, where Pillow keeps the high bytes only
    if chunks.trns is not None:
        header.note("W207", "color key of a 16-bit image ignored")
        chunks.trns = None
    ihdr = chunks.ihdr[:8] + b"\x08" + chunks.ihdr[9:]
    header.data = _build(chunks, ihdr, zlib.compress(_lane(pixels, rows, 0), 1))
    png.low = _build(chunks, ihdr, zlib.compress(_lane(pixels, rows, 1), 1))
    return png


def _read_chunks(data: bytes, header: Header, max_pixels: int) -> _Chunks:
    """Collect the chunks; check length, order and the checksum of those that matter."""
    chunks = _Chunks()
    at, ended = len(_SIGNATURE), False
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if at + 12 + length > len(data):
            if name == b"IEND" or (chunks.idat and name != b"IDAT"):
                break
            raise FormatError("E103", f"the file ends inside {name.decode('ascii', 'replace')}")
        matters = name in (b"IHDR", b"PLTE", b"IDAT", b"tRNS")
        checksum = int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        if matters and zlib.crc32(body, zlib.crc32(name)) != checksum:
            raise FormatError("E106", f"checksum of {name.decode()}")
        at += 12 + length
        if not chunks.ihdr and name != b"IHDR":
            raise FormatError("E106", "IHDR is not the first chunk")
        if name == b"IEND":
            ended = True
            break
        _take_chunk(chunks, name, body, header, max_pixels)
    if not chunks.ihdr:
        raise FormatError("E103", "the file ends before IHDR")
    if not ended:
        header.note("W201", "no IEND")
    elif at < len(data):
        header.note("W203", f"{len(data) - at} bytes")
    return chunks


def _take_chunk(chunks: _Chunks, name: bytes, body: bytes, header: Header, limit: int) -> None:
    """Take over what one chunk says; text and the like are ignored."""
    if name == b"IHDR" and not chunks.ihdr:
        if len(body) != 13:
            raise FormatError("E106", f"IHDR of {len(body)} bytes")
        header.width, header.height, depth, color, method, kind, lace = struct.unpack(
            ">IIBBBBB", body
        )
        check_size(header.width, header.height, limit)
        if depth not in _DEPTHS.get(color, ()) or method or kind or lace > 1:
            raise FormatError("E106", f"IHDR with color type {color} at {depth} bits")
        chunks.ihdr = body
    elif name == b"PLTE":
        chunks.plte = body
    elif name == b"tRNS":
        chunks.trns = body
    elif name == b"IDAT":
        chunks.idat.append(body)
    elif name == b"eXIf":
        read_exif(header, body)
    elif name == b"iCCP":
        check_profile(header, body)
    elif name == b"acTL":
        header.note("W210", f"{int.from_bytes(body[:4], 'big')} frames")


def _passes(width: int, height: int, bits: int, interlace: int) -> Iterator[tuple[int, int]]:
    """Yield (bytes a row without its filter byte, rows) for each pass."""
    for x, y, dx, dy in _ADAM7 if interlace else ((0, 0, 1, 1),):
        across, down = -(-(width - x) // dx), -(-(height - y) // dy)
        if across > 0 and down > 0:
            yield (across * bits + 7) // 8, down


def _inflate(idat: list[bytes], expected: int, header: Header, keep: bool) -> bytes:
    """Unpack the pixel stream in steps and count it; the bytes are kept only if `keep`."""
    unpack = zlib.decompressobj()
    total, kept = 0, []
    try:
        for part in idat:
            rest = part
            while total <= expected and not unpack.eof:
                out = unpack.decompress(rest, _STEP)
                rest = unpack.unconsumed_tail
                total += len(out)
                if keep:
                    kept.append(out)
                if not out and not rest:
                    break
    except zlib.error as error:
        raise FormatError("E106", f"pixel data: {error}") from error
    if total < expected:
        raise FormatError("E103", f"{total} of {expected} bytes of pixels")
    if total > expected:
        header.note("W203", "more pixel data than the image has")
    return b"".join(kept)[:expected]


def _lane(pixels: bytes, rows: list[tuple[int, int]], lane: int) -> bytes:
    """Return the high (0) or low (1) bytes of 16-bit rows, each with its filter byte."""
    out, at = bytearray(), 0
    for size, count in rows:
        for _ in range(count):
            out += pixels[at : at + 1]
            out += pixels[at + 1 + lane : at + 1 + size : 2]
            at += size + 1
    return bytes(out)


def _build(chunks: _Chunks, ihdr: bytes, idat: bytes) -> bytes:
    """Write a PNG of the needed chunks only."""
    parts = [(b"IHDR", ihdr), (b"PLTE", chunks.plte), (b"tRNS", chunks.trns), (b"IDAT", idat)]
    out = [_SIGNATURE]
    for name, body in [*parts, (b"IEND", b"")]:
        if body is not None:
            checksum = zlib.crc32(body, zlib.crc32(name))
            out += [len(body).to_bytes(4, "big"), name, body, checksum.to_bytes(4, "big")]
    return b"".join(out)
