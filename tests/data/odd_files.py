"""Odd image files made in code, each with the outcome that the reader owes it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 64


@dataclass(frozen=True)
class Odd:
    """A file name, its bytes, and either the error code or the codes of remarks and the shape."""

    name: str
    data: bytes
    error: str | None = None
    notes: tuple[str, ...] = ()
    shape: tuple[int, int, int] = (HEIGHT, WIDTH, 3)
    mean: float | None = None
    like: str | None = None


def scene(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A picture with a gradient, a bright block at the end and some texture; (h, w, 3)."""
    rows, cols = np.mgrid[0:height, 0:width]
    image = np.stack([rows * 255 // height, cols * 255 // width, (rows * 7 + cols * 3) % 200], 2)
    image[-height // 4 :, -width // 4 :] = (250, 30, 60)
    return image.astype(np.uint8)


def save(image: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, color: int, raw: bytes, *extra: bytes) -> bytes:
    """A PNG written by hand from filtered rows."""
    ihdr = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [chunk(b"IHDR", ihdr), *extra, chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def add_chunk(data: bytes, name: bytes, body: bytes) -> bytes:
    """Put a chunk right after IHDR."""
    return data[:33] + chunk(name, body) + data[33:]


def exif(orientation: int, kind: int = 3) -> bytes:
    entry = struct.pack(">HHIHH", 0x0112, kind, 1, orientation, 0)
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + b"\0\0\0\0"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def after_soi(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


def patch_sof(data: bytes, height: int | None = None, width: int | None = None) -> bytes:
    """Change the sizes in the frame header of a JPEG."""
    at = next(k for m in (0xC0, 0xC2) if (k := data.find(bytes((0xFF, m)))) > 0)
    out = bytearray(data)
    if height is not None:
        out[at + 5 : at + 7] = struct.pack(">H", height)
    if width is not None:
        out[at + 7 : at + 9] = struct.pack(">H", width)
    return bytes(out)


def zero_tables(data: bytes) -> bytes:
    """Set all quantization tables to zero."""
    out, at = bytearray(data), data.find(b"\xff\xdb")
    while at > 0:
        length = struct.unpack(">H", data[at + 2 : at + 4])[0]
        for k in range(at + 4, at + 2 + length):
            if (k - at - 4) % 65:
                out[k] = 0
        at = data.find(b"\xff\xdb", at + 2 + length)
    return bytes(out)


def short_scan(data: bytes, keep: float) -> bytes:
    """Cut the coded bytes of the last scan but keep the end mark."""
    start = data.rfind(b"\xff\xda") + 14
    end = start + int((len(data) - 2 - start) * keep)
    while data[end - 1] == 0xFF:
        end -= 1
    return data[:end] + b"\xff\xd9"


def _jpegs(good: bytes) -> list[Odd]:
    rgb = scene()
    gray = Image.fromarray(rgb).convert("L")
    cmyk = Image.fromarray(rgb).convert("CMYK")
    progressive = save(rgb, "JPEG", quality=90, progressive=True)
    restarts = save(rgb, "JPEG", quality=90, restart_marker_blocks=4)
    table_at = good.find(b"\xff\xc4")
    icc = b"ICC_PROFILE\0\x01\x01" + b"\x07" * 60
    half = len(good) // 2
    return [
        Odd("soi_only.jpg", b"\xff\xd8", "E103"),
        Odd("soi_and_marker.jpg", b"\xff\xd8\xff\xe0", "E103"),
        Odd("header_only.jpg", good[:200], "E103"),
        Odd("no_scan.jpg", good[: good.find(b"\xff\xda")], "E103"),
        Odd("half.jpg", good[:half], "E103"),
        Odd("ninety.jpg", good[: len(good) * 9 // 10], "E103"),
        Odd("no_eoi.jpg", good[:-2], notes=("W201",), like="good.jpg"),
        Odd("trailing.jpg", good + b"garbage" * 9, notes=("W203",), like="good.jpg"),
        Odd("two.jpg", good + save(255 - rgb, "JPEG"), notes=("W203",), like="good.jpg"),
        Odd("garbage_before.jpg", b"abc\1\2\3" + good, "E102"),
        Odd("zero_tables.jpg", zero_tables(good), notes=("W204",)),
        Odd("height0.jpg", patch_sof(good, height=0), "E104"),
        Odd("width0.jpg", patch_sof(good, width=0), "E104"),
        Odd("sof_65500.jpg", patch_sof(good, 65500, 65500), "E105"),
        Odd("taller_than_data.jpg", patch_sof(good, height=480), "E103"),
        Odd("taller_by_one_block_row.jpg", patch_sof(good, height=56), "E103"),
        Odd("scan_60_with_eoi.jpg", short_scan(good, 0.6), "E103"),
        Odd("taller_progressive.jpg", patch_sof(progressive, height=480), "E103"),
        Odd("taller_restarts.jpg", patch_sof(restarts, height=480), "E103"),
        Odd("taller_gray.jpg", patch_sof(save(gray, "JPEG"), height=200), "E103"),
        Odd("taller_cmyk.jpg", patch_sof(save(cmyk, "JPEG"), height=200), "E103"),
        Odd("nul_from_middle.jpg", good[:half] + bytes(half), "E103"),
        Odd("cmyk.jpg", save(cmyk, "JPEG", quality=95), notes=("W205",), mean=rgb.mean()),
        Odd("gray.jpg", save(gray, "JPEG"), shape=(HEIGHT, WIDTH, 1)),
        Odd("progressive.jpg", progressive, like="good.jpg"),
        Odd("restarts.jpg", restarts, like="good.jpg"),
        Odd("progressive_half.jpg", progressive[: len(progressive) // 2], "E103"),
        Odd("odd_420.jpg", save(scene(47, 63), "JPEG", subsampling=2), shape=(47, 63, 3)),
        Odd("arithmetic.jpg", good.replace(b"\xff\xc0", b"\xff\xc9"), "E109"),
        Odd("twelve_bit.jpg", good.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), "E109"),
        Odd("cut_in_table.jpg", good[: table_at + 6], "E103"),
        Odd("exif_99.jpg", after_soi(good, segment(0xE1, exif(99))), notes=("W206",)),
        Odd(
            "exif_garbage.jpg",
            after_soi(good, segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff")),
            notes=("W206",),
            like="good.jpg",
        ),
        Odd("icc_garbage.jpg", after_soi(good, segment(0xE2, icc)), notes=("W211",)),
        Odd("png_content.jpg", save(rgb, "PNG"), notes=("W209",), like="good.png"),
    ]


def _bad_pngs(good: bytes) -> list[Odd]:
    rows = b"".join(b"\0" + row.tobytes() for row in scene())
    flipped, bad_ihdr = bytearray(good), bytearray(good)
    flipped[good.find(b"IDAT") + 40] ^= 0x10
    bad_ihdr[30] ^= 0xFF
    not_zlib = good[:33] + chunk(b"IDAT", b"no zlib at all") + chunk(b"IEND", b"")
    four_colors = chunk(b"PLTE", bytes(range(12)))
    return [
        Odd("half.png", good[: len(good) // 2], "E103"),
        Odd("bad_crc_ihdr.png", bytes(bad_ihdr), "E106"),
        Odd("bitflip_idat.png", bytes(flipped), "E106"),
        Odd("not_zlib.png", not_zlib, "E106"),
        Odd("width0.png", png(0, 8, 8, 2, b""), "E104"),
        Odd("height0.png", png(8, 0, 8, 2, b""), "E104"),
        Odd("bomb_50000.png", png(50000, 50000, 8, 2, b"\0"), "E105"),
        Odd("bomb_gray.png", png(30000, 20000, 8, 0, bytes(600_020)), "E105"),
        Odd("dim_max.png", png(2**31 - 1, 2**31 - 1, 8, 2, b"\0"), "E105"),
        Odd("short_idat.png", png(WIDTH, HEIGHT, 8, 2, rows[:300]), "E103"),
        Odd("one_row_short.png", png(WIDTH, HEIGHT, 8, 2, rows[: -WIDTH * 3 - 1]), "E103"),
        Odd("no_idat.png", good[:33] + chunk(b"IEND", b""), "E103"),
        Odd("no_plte.png", png(8, 8, 8, 3, b"\0" * 72), "E107"),
        Odd("short_plte.png", png(8, 8, 8, 3, (b"\0" + b"\x09" * 8) * 8, four_colors), "E107"),
        Odd("bad_filter.png", png(8, 8, 8, 0, (b"\x09" + b"\x01" * 8) * 8), "E106"),
        Odd("svg.png", b'<?xml version="1.0"?><svg xmlns="x"/>', "E102"),
    ]


def _odd_pngs(good: bytes) -> list[Odd]:
    rgb = scene()
    ramp = np.linspace(0, 65535, HEIGHT * WIDTH).astype(">u2").reshape(HEIGHT, WIDTH)
    ramp_rows = b"".join(b"\0" + row.tobytes() for row in ramp)
    wide = np.repeat(ramp[:, :, None], 3, axis=2)
    wide_rows = b"".join(b"\0" + row.tobytes() for row in wide)
    alpha = np.dstack([rgb, np.full((HEIGHT, WIDTH), 255, np.uint8)])
    gray_alpha = Image.fromarray(alpha).convert("LA")
    palette = Image.fromarray(rgb).quantize(64)
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80 << 20)))
    frames = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]
    apng = save(frames[0], "PNG", save_all=True, append_images=frames[1:])
    icc = add_chunk(good, b"iCCP", b"x\0\0" + zlib.compress(b"none"))
    gray = (HEIGHT, WIDTH, 1)
    return [
        Odd("no_iend.png", good[:-12], notes=("W201",), like="good.png"),
        Odd("trailing.png", good + b"xyz", notes=("W203",), like="good.png"),
        Odd("gray16.png", png(WIDTH, HEIGHT, 16, 0, ramp_rows), shape=gray, mean=127.5),
        Odd("rgb16.png", png(WIDTH, HEIGHT, 16, 2, wide_rows), mean=127.5),
        Odd("one_bit.png", save(Image.fromarray(rgb).convert("1"), "PNG"), shape=gray),
        Odd("palette.png", save(palette, "PNG"), mean=float(np.mean(palette.convert("RGB")))),
        Odd("palette_trns.png", save(palette, "PNG", transparency=3), notes=("W207",)),
        Odd("rgba.png", save(alpha, "PNG"), notes=("W207",), like="good.png"),
        Odd("gray_alpha.png", save(gray_alpha, "PNG"), notes=("W207",), shape=gray),
        Odd("huge_text.png", good[:33] + text + good[33:], like="good.png"),
        Odd("one_pixel.png", png(1, 1, 8, 0, b"\0\x02"), shape=(1, 1, 1), mean=2),
        Odd("thin.png", save(scene(4000, 1), "PNG"), notes=("W208",), shape=(4000, 1, 3)),
        Odd("wide.png", save(scene(1, 4000), "PNG"), notes=("W208",), shape=(1, 4000, 3)),
        Odd("jpeg_content.png", save(rgb, "JPEG"), notes=("W209",)),
        Odd("animated.png", apng, notes=("W210",), like="good.png"),
        Odd("icc.png", icc, notes=("W211",), like="good.png"),
    ]


def _foreign() -> list[Odd]:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
    return [
        Odd("empty.jpg", b"", "E101"),
        Odd("one_byte.jpg", b"\xff", "E102"),
        Odd("text.jpg", b"these are not pixels\n" * 4, "E102"),
        Odd("html.jpg", b"<!DOCTYPE html><html><body>404</body></html>", "E102"),
        Odd("drawing.svg", b"<svg xmlns='x'/>", "E102"),
        Odd("eps.jpg", eps, "E109"),
        Odd("pdf.jpg", b"%PDF-1.7\n", "E102"),
        Odd("zip.jpg", b"PK\x03\x04" + bytes(30), "E102"),
        Odd("icon.ico", save(Image.fromarray(scene()), "ICO"), "E109"),
        Odd("jpeg2000.jpg", b"\0\0\0\x0cjP  \r\n\x87\n", "E109"),
        Odd("heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0", "E109"),
        Odd("float.pfm", b"Pf\n2 2\n-1.0\n" + bytes(16), "E108"),
    ]


def _short_lzw() -> bytes:
    """A GIF whose one frame holds 2 of 256 pixels and then ends in good order."""
    screen = struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + bytes((0, 0, 0, 255, 255, 255))
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 16, 16, 0)
    # codes of 3 bits: clear (4), 1, 1, end (5)
    bits = 4 | 1 << 3 | 1 << 6 | 5 << 9
    return b"GIF89a" + screen + frame + b"\x02\x02" + struct.pack("<H", bits) + b"\0\x3b"


def _gifs_and_tiffs() -> list[Odd]:
    rgb = scene()
    picture, other = Image.fromarray(rgb), Image.fromarray(255 - rgb)
    gif, tif = save(picture, "GIF"), save(rgb, "TIFF")
    packed = save(rgb, "TIFF", compression="tiff_adobe_deflate")
    at = max(packed.rfind(struct.pack("<HHI", 257, kind, 1)) + 8 for kind in (3, 4))
    table = 3 * (2 << (gif[10] & 7))
    two_frames = save(picture, "GIF", save_all=True, append_images=[other])
    two_pages = save(picture, "TIFF", save_all=True, append_images=[other])
    lab = Image.merge("LAB", picture.split())
    ramp = np.linspace(0, 65535, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    rows_at = tif.rindex(struct.pack("<HHI", 257, 4, 1)) + 8
    taller = tif[:rows_at] + struct.pack("<I", 480) + tif[rows_at + 4 :]
    strip_at = tif.rindex(struct.pack("<HHI", 278, 4, 1)) + 8
    one_strip = taller[:strip_at] + struct.pack("<I", 480) + taller[strip_at + 4 :]
    signed = save(Image.fromarray(rgb[..., 0]), "TIFF", tiffinfo={339: 2})
    return [
        Odd("plain.gif", gif),
        Odd("animated.gif", two_frames, notes=("W210",)),
        Odd("half.gif", gif[: len(gif) // 2], "E103"),
        Odd("screen0.gif", gif[:6] + bytes(4) + gif[10:], "E104"),
        Odd("short_lzw.gif", _short_lzw(), "E103"),
        Odd(
            "no_colors.gif",
            gif[:10] + bytes((gif[10] & 0x7F,)) + gif[11:13] + gif[13 + table :],
            "E107",
        ),
        Odd("no_trailer.gif", gif[:-1], notes=("W201",)),
        Odd("pages.tif", two_pages, notes=("W210",), like="good.png"),
        Odd("half.tif", tif[: len(tif) // 2], "E103"),
        Odd("float.tif", save(Image.fromarray(ramp.astype(np.float32) / 65535), "TIFF"), "E108"),
        Odd("int32.tif", save(Image.fromarray(ramp.astype(np.int32) * 9), "TIFF"), "E108"),
        Odd("signed.tif", signed, "E108"),
        Odd(
            "gray16.tif", save(Image.fromarray(ramp), "TIFF"), shape=(HEIGHT, WIDTH, 1), mean=127.5
        ),
        Odd("cmyk.tif", save(picture.convert("CMYK"), "TIFF"), notes=("W205",), like="good.png"),
        Odd("ifd_outside.tif", b"II*\0\xff\xff\xff\x7f" + bytes(20), "E106"),
        Odd("taller.tif", taller, "E103"),
        Odd("taller_with_bytes_behind.tif", one_strip + bytes(100_000), "E103"),
        Odd("taller_deflate.tif", packed[:at] + struct.pack("<I", 480) + packed[at + 4 :], "E103"),
        Odd("lab.tif", save(lab, "TIFF"), "E110"),
        Odd("deflate.tif", packed, like="good.png"),
    ]


def _others() -> list[Odd]:
    rgb = scene()
    bmp, webp = save(rgb, "BMP"), save(rgb, "WEBP", lossless=True)
    other = Image.fromarray(255 - rgb)
    moving = save(Image.fromarray(rgb), "WEBP", save_all=True, append_images=[other], lossless=True)
    negative = bmp[:18] + struct.pack("<i", -64) + bmp[22:]
    huge = bmp[:18] + struct.pack("<ii", 60000, 60000) + bmp[26:]
    top_down = bytearray(bmp[:22] + struct.pack("<i", -HEIGHT) + bmp[26:])
    start = struct.unpack("<I", bmp[10:14])[0]
    top_down[start:] = np.ascontiguousarray(rgb[:, :, ::-1]).tobytes()
    ramp = np.linspace(0, 65535, HEIGHT * WIDTH).astype(">u2")
    wide_pgm = b"P5\n64 48\n65535\n" + ramp.tobytes()
    return [
        Odd("lossless.webp", webp, like="good.png"),
        Odd("half.webp", webp[: len(webp) // 2], "E103"),
        Odd("animated.webp", moving, notes=("W210",), like="good.png"),
        Odd("plain.bmp", bmp, like="good.png"),
        Odd("half.bmp", bmp[: len(bmp) // 2], "E103"),
        Odd("negative_width.bmp", negative, "E104"),
        Odd("top_down.bmp", bytes(top_down), like="good.png"),
        Odd("bomb.bmp", huge, "E105"),
        Odd("negative.ppm", b"P6\n-8 8\n255\n" + bytes(192), "E104"),
        Odd("short.ppm", b"P6\n8 8\n255\n" + bytes(100), "E103"),
        Odd("bomb.ppm", b"P6\n99999 99999\n255\n" + bytes(100), "E105"),
        Odd("plain_short.pgm", b"P2\n4 4\n255\n1 2 3\n", "E103"),
        Odd("gray16.pgm", wide_pgm, shape=(HEIGHT, WIDTH, 1), mean=127.5),
    ]


def odd_files() -> list[Odd]:
    """Every odd file, the good ones first."""
    rgb = scene()
    good_jpeg = save(rgb, "JPEG", quality=90)
    good_png = save(rgb, "PNG")
    files = [
        Odd("good.jpg", good_jpeg, mean=float(rgb.mean())),
        Odd("good.png", good_png, mean=float(rgb.mean())),
    ]
    files += _jpegs(good_jpeg) + _bad_pngs(good_png) + _odd_pngs(good_png)
    return files + _foreign() + _gifs_and_tiffs() + _others()


Saver = Callable[[np.ndarray, int], bytes]


def oriented(image: np.ndarray) -> dict[str, Saver]:
    """Writers that store an EXIF orientation, by format."""
    block = Image.Exif()

    def with_exif(kind: str, **options: Any) -> Saver:
        def write(pixels: np.ndarray, orientation: int) -> bytes:
            block[0x0112] = orientation
            return save(pixels, kind, exif=block.tobytes(), **options)

        return write

    return {
        "JPEG": with_exif("JPEG", quality=100, subsampling=0),
        "PNG": with_exif("PNG"),
        "WEBP": with_exif("WEBP", lossless=True),
        "TIFF": with_exif("TIFF"),
    }
