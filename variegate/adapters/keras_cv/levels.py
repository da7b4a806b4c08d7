"""Pixel values of the field's float images: levels 0..255 or a range of their own, as the engine
takes them and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine import compiled
from variegate.engine.engine import Images
from variegate.errors import InputError
from variegate.pipeline.stream import default_threads

LEVELS = (0.0, 255.0)
UNIT = (0.0, 1.0)
PRECISIONS = ("auto", "uint8", "float32")

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Span = tuple[float, float]
Take = Callable[[tuple[int, ...], Any], Array]  # an array to be filled, as Buffers gives it

BYTES = np.dtype(np.uint8)
HALF = np.float32(0.5)
# Floats that are not negative sort as their bits do, so one maximum finds what is too high, what is
# negative and what is not a number.
ABOVE = int(np.float32(256.0).view(np.uint32))
# Resampling in single precision leaves the range by rounding; this share of it is cut off.
SLACK = 1 / 510


def read_span(value_range: Sequence[float], where: str) -> Span:
    """value_range as (low, high). Raises InputError."""
    try:
        low, high = (float(value) for value in value_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high:
        raise InputError(f"{where}: expected (low, high), got {value_range!r}")
    return low, high


def read_values(
    images: Array, span: Span, precision: str, where: str, take: Take, means: bool = False
) -> tuple[Array, Span]:
    """Images (h, w, c) or (n, h, w, c) as uint8 or float32, and the range that they are on now.

    uint8 stays. Floats in `span` are rounded to whole levels where precision is "uint8", and
    scaled to 0..1 where it is "float32"; "auto" takes the first way only where nothing is lost by
    it: where all values are whole levels and some are above 1. means: the results are means of
    values, which are right on any range, so only "uint8" changes anything, and `settled_means` has
    the last look. Raises InputError outside the span.
    """
    if images.dtype == BYTES:
        return images, LEVELS
    if images.dtype.kind != "f":
        raise InputError(f"{where}: images: expected uint8 or floats, got {images.dtype}")
    floats: Floats = np.ascontiguousarray(images, dtype=np.float32)
    found: Bytes | None = None
    if span == LEVELS and precision == "uint8":
        found = _rounded(floats, take)
    elif span == LEVELS and precision == "auto" and not means:
        found = _whole(floats, take)
    if found is not None:
        return found, LEVELS
    return (floats, span) if means else _scaled(floats, span, where, take)


def write_values(
    images: Array, came: np.dtype[Any], spans: tuple[Span, Span], dtype: np.dtype[Any], take: Take
) -> Array:
    """What the engine made of images that came as dtype `came`, as `dtype`. spans: the range that
    it is on and the images' own.

    Raises InputError where uint8 is asked for and the range is not that of bytes.
    """
    (_, full), (low, high) = spans
    if images.dtype == BYTES:  # levels 0..255, as they came
        if dtype == BYTES:
            return images
        return _stretched(images, 1, 0, take).astype(dtype, copy=False)
    if dtype == BYTES and spans[1] != LEVELS and came != BYTES:
        raise InputError(f"images: value_range {low:g}..{high:g} cannot be written as uint8")
    same = spans[0] == spans[1]
    wide = images if same else _stretched(images, (high - low) / full, low, take)
    return np.rint(wide).astype(np.uint8) if dtype == BYTES else wide.astype(dtype, copy=False)


def _stretched(images: Array, factor: float, offset: float, take: Take) -> Floats:
    """images * factor + offset in single precision."""
    out = take(images.shape, np.float32)
    if compiled.available() and images.size:
        batch, into = (images, out) if images.ndim == 4 else (images[None], out[None])
        batch = np.ascontiguousarray(batch)
        compiled.stretch(batch, factor, offset, into, default_threads())
        return out
    for image, into in zip(_parts(images), _parts(out), strict=True):
        np.multiply(image, np.float32(factor), out=into)
        np.add(into, np.float32(offset), out=into)
    return out


def _parts(images: Array) -> Iterator[Array]:
    """Images one at a time: what a pass leaves in the cache the next one finds there."""
    return iter(images if images.ndim == 4 else images[None])


def _rounded(images: Floats, take: Take) -> Bytes | None:
    """The nearest whole levels; None where a value is not within half a level of 0..255."""
    out = take(images.shape, np.uint8)
    if compiled.available():
        return out if compiled.round_levels(images, out, default_threads()) else None
    scratch = np.empty(images.shape[-3:], np.float32)
    for image, into in zip(_parts(images), _parts(out), strict=True):
        np.add(image, HALF, out=scratch)
        if scratch.size and int(scratch.view(np.uint32).max()) >= ABOVE:
            return None
        np.copyto(into, scratch, casting="unsafe")  # cuts off behind the point
    return out


def _whole(images: Floats, take: Take) -> Bytes | None:
    """The levels, where all are whole and some above 1; else None."""
    out = take(images.shape, np.uint8)
    scratch = np.empty(images.shape[-3:], np.float32)
    flat = scratch.reshape(-1)
    with np.errstate(invalid="ignore", over="ignore"):  # those values show as a difference
        for image, into in zip(_parts(images), _parts(out), strict=True):
            np.copyto(into, image, casting="unsafe")
            np.subtract(image, into, out=scratch)
            if float(flat @ flat) != 0:  # not a number is not 0 either
                return None
    return out if out.size and int(out.max()) > 1 else None


def _scaled(images: Floats, span: Span, where: str, take: Take) -> tuple[Floats, Span]:
    """Images on 0..1, or as they are where that will do, and their range."""
    low, high = span
    if not images.size:
        return images, UNIT
    if _lies_inside(_extent(images), span, where) and span == UNIT:
        return images, UNIT
    out = _stretched(images, 1 / (high - low), -low / (high - low), take)
    return np.clip(out, 0, 1, out=out), UNIT


def settled_means(means: Array, images: Images, span: Span, where: str) -> Array:
    """Means of floats that came unseen, cut off where rounding had left the span. Raises InputError
    where a float was outside the span.
    """
    if not images.count or images.batch is None or means.dtype == BYTES:
        return means
    seen = images.seen or _extent(images.batch)
    return means if _lies_inside(seen, span, where) else np.clip(means, *span, out=means)


def _lies_inside(extent: Span, span: Span, where: str) -> bool:
    """Whether values lie in the span without a rounding's slack. Raises InputError outside that."""
    (least, most), (low, high) = extent, span
    slack = SLACK * (high - low)
    if not (least >= low - slack and most <= high + slack):
        raise InputError(
            f"{where}: images: expected values in value_range {low:g}..{high:g}, got "
            f"{least:g}..{most:g}"
        )
    return least >= low and most <= high


def _extent(images: Floats) -> Span:
    """The least and the highest value; not numbers where one is none."""
    if compiled.available():
        return compiled.extent(images, default_threads())
    return float(images.min()), float(images.max())
