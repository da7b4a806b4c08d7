"""Tell an image format by its first bytes; the file name has no say in it."""

from __future__ import annotations

from variegate.data.codes import FormatError

__all__ = ["EXTENSIONS", "REFUSED_EXTENSIONS", "sniff"]

EXTENSIONS: dict[str, str] = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "png": "PNG", "apng": "PNG",
    "webp": "WEBP", "bmp": "BMP", "dib": "BMP", "tif": "TIFF", "tiff": "TIFF", "gif": "GIF",
    "ppm": "PPM", "pgm": "PPM", "pbm": "PPM", "pnm": "PPM",
}  # fmt: skip

# pictures that are not read: they are refused by name, for leaving them out would lose data
REFUSED_EXTENSIONS = frozenset(
    {"svg", "heic", "heif", "avif", "jp2", "j2k", "jxl", "eps", "ps", "ico", "pdf", "psd", "pfm"}
)

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)

_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"%!PS", "E109", "EPS or PostScript, which is a program and is never run"),
    (b"\xc5\xd0\xd3\xc6", "E109", "EPS, which is a program and is never run"),
    (b"\0\0\0\x0cjP  ", "E109", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "E109", "JPEG 2000"),
    (b"\0\0\1\0", "E109", "Windows icon"),
    (b"8BPS", "E109", "Photoshop file"),
    (b"\xff\x0a", "E109", "JPEG XL"),
    (b"%PDF", "E102", "looks like PDF"),
    (b"PK\3\4", "E102", "looks like a zip archive"),
    (b"\x1f\x8b", "E102", "looks like gzip"),
)


def sniff(data: bytes) -> str:
    """Return JPEG, PNG, WEBP, BMP, TIFF, GIF or PPM for the content of a file.

    Raises FormatError E101 (empty), E102 (no image), E103 (nothing after the start mark), E108
    (float map) or E109 (an image format that is not on the list).
    """
    if not data:
        raise FormatError("E101", "0 bytes")
    if data[:2] == b"\xff\xd8" and len(data) < 4:
        raise FormatError("E103", f"nothing after the JPEG start mark, {len(data)} bytes")
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if len(data) > 2 and data[:1] == b"P" and data[1:2] in b"123456" and data[2:3] in b" \t\r\n#":
        return "PPM"
    if data[:3] in (b"Pf\n", b"PF\n"):
        raise FormatError("E108", "a float map (PFM)")
    for magic, code, reason in _FOREIGN:
        if data.startswith(magic):
            raise FormatError(code, reason)
    if data[4:8] == b"ftyp":
        raise FormatError("E109", "HEIC, AVIF or a film (needs a plug-in such as pillow-heif)")
    raise FormatError("E102", _guess(data))


def _guess(data: bytes) -> str:
    """Say what a file that is no image looks like."""
    head = data[:512].lstrip().lower()
    if b"<svg" in head:
        return "looks like SVG, a drawing without pixels"
    if head.startswith((b"<!doctype html", b"<html")):
        return "looks like HTML, perhaps an error page saved by a download"
    if head.startswith(b"<"):
        return "looks like XML"
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head[:64]):
        return f"looks like text, {len(data)} bytes"
    return f"no known start mark in {len(data)} bytes"
