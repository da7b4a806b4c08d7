"""Check a TIFF that Pillow has opened but not decoded yet."""

from __future__ import annotations

from typing import Any

from variegate.data.codes import FormatError
from variegate.data.header import Header, check_profile

__all__ = ["check_tiff"]

_WIDTH, _LENGTH, _COMPRESSION, _PHOTOMETRIC = 256, 257, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 322, 323, 324
_BITS, _PLANAR, _SAMPLE_FORMAT, _ICC, _ORIENTATION = 258, 284, 339, 34675, 274


def check_tiff(image: Any, header: Header) -> None:
    """Check an opened TIFF's tags. Raises FormatError E103, E108, E109 or E110."""
    tags = image.tag_v2
    forms = _several(tags.get(_SAMPLE_FORMAT, 1))
    if any(form != 1 for form in forms):
        raise FormatError("E108", "signed or float samples")
    if tags.get(_PHOTOMETRIC) in (8, 9, 10):
        raise FormatError("E110", "LAB")
    bits = _several(tags.get(_BITS, 1))
    if max(bits) > 16:
        raise FormatError("E108", f"{max(bits)} bits a sample")
    orientation = tags.get(_ORIENTATION, 1)
    if orientation not in range(1, 9):
        header.note("W206", f"orientation {orientation}, legal are 1 to 8")
    if max(bits) == 16 and len(bits) > 1:
        header.note("W212", "16-bit color TIFF")
    if isinstance(tags.get(_ICC), bytes):
        check_profile(header, tags[_ICC])
    _check_strips(tags, bits)
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1:
        header.note("W210", f"{frames} pages")
        image.seek(0)


def _check_strips(tags: Any, bits: list[int]) -> None:
    """Refuse a file whose strips or tiles do not cover the image."""
    # stored sides: Pillow's size is already turned by the orientation
    width, height = int(tags.get(_WIDTH, 0)), int(tags.get(_LENGTH, 0))
    planes = int(tags.get(_SAMPLES, 1)) if tags.get(_PLANAR) == 2 else 1
    if _TILE_OFFSETS in tags:
        across = -(-width // max(1, int(tags.get(_TILE_WIDTH, 1))))
        down = -(-height // max(1, int(tags.get(_TILE_LENGTH, 1))))
        found, needed = len(_several(tags[_TILE_OFFSETS])), across * down * planes
    else:
        high = max(1, int(tags.get(_ROWS_PER_STRIP, height)))
        found = len(_several(tags.get(_STRIP_OFFSETS, ())))
        needed = -(-height // high) * planes
        if tags.get(_COMPRESSION, 1) == 1 and _STRIP_BYTES in tags:
            samples = 1 if planes > 1 else int(tags.get(_SAMPLES, 1))
            row = (width * samples * max(bits) + 7) // 8
            wanted = row * height * planes
            total = sum(_several(tags[_STRIP_BYTES]))
            if total < wanted:
                raise FormatError("E103", f"{total} of {wanted} bytes of pixels")
    if found < needed:
        raise FormatError("E103", f"{found} of {needed} strips or tiles")


def _several(value: Any) -> list[int]:
    """Return a tag's value as a list of whole numbers."""
    return [int(v) for v in value] if isinstance(value, tuple | list) else [int(value)]
