"""What can be wrong with an image file: one table of codes, used by every reader."""

from __future__ import annotations

from dataclasses import dataclass

from variegate.errors import DataError

__all__ = ["ERRORS", "WARNINGS", "BadFile", "FileNote", "FormatError", "file_error"]

# code: (what it is, what the user can do)
ERRORS: dict[str, tuple[str, str]] = {
    "E101": ("empty file", "copy the file again or remove it"),
    "E102": ("not an image", "remove the file or save it as JPEG or PNG"),
    "E103": ("truncated: pixels are missing", "copy the file again or remove it"),
    "E104": ("a side of zero or negative length", "remove the file"),
    "E105": ("too large", "shrink the image, or raise max_pixels if you trust the file"),
    "E106": ("damaged", "copy the file again or remove it"),
    "E107": ("palette missing or too short", "save the image again as RGB"),
    "E108": ("values without a declared range", "scale the values and save as 8 or 16 bit"),
    "E109": ("format not allowed", "save the image as JPEG, PNG, WebP, BMP, TIFF, GIF or PPM"),
    "E110": ("color space not supported", "convert the image to RGB"),
    "E111": ("not a readable file", "check the path and its permissions"),
}

WARNINGS: dict[str, str] = {
    "W201": "the end mark is missing, the pixels are complete",
    "W203": "bytes after the end of the image are ignored",
    "W204": "a quantization table holds only zeros, the image is flat",
    "W205": "CMYK converted to RGB",
    "W206": "the EXIF orientation is not valid and is ignored",
    "W207": "transparency is flattened on the background",
    "W208": "extreme aspect ratio",
    "W209": "the extension differs from the content",
    "W210": "more than one frame: the first is used",
    "W211": "the color profile is ignored",
    "W212": "16-bit colors read through their high byte, within 1 level",
}


@dataclass(frozen=True)
class BadFile:
    """One file that was refused and left out: its path, code (E1xx) and reason."""

    path: str
    code: str
    reason: str


@dataclass(frozen=True)
class FileNote:
    """One remark on a file that was accepted: its path, code (W2xx) and reason."""

    path: str
    code: str
    reason: str


class FormatError(Exception):
    """Raised by the format checks, which do not know the path; `file_error` adds it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def file_error(path: str, code: str, reason: str) -> DataError:
    """Return the DataError for one file: path, code, what is wrong, what to do."""
    title, step = ERRORS[code]
    # repr keeps control characters in a file name away from the terminal
    error = DataError(f"{path!r}: {code} {title}: {reason}; {step}")
    error.path, error.code, error.reason = path, code, f"{title}: {reason}"
    return error
