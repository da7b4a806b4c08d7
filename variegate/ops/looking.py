"""Crops that look at boxes or at a mask before they draw their window.

`window` sees the targets as they are at the op's place; it runs once, when the plan is drawn, and
the plan keeps the windows. Windows are x1 y1 x2 y2 in whole pixels.
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints, Looked
from variegate.ops.frames import crop_at, place, stretch, tile_size
from variegate.ops.geometry import translation
from variegate.ops.op import Draw, Kind, Setting, declare
from variegate.ops.settings import ANTIALIAS, RESAMPLE, SAMPLING, SIZE, number, pair

ALBUMENTATIONS = "Albumentations"


def _share(name: str, what: str) -> Setting:
    return Setting(name, lambda value: number(value, 0, 1), f"a share 0..1: {what}", 0.0)


EROSION = _share("erosion_rate", "how much of the boxes may be lost at each side")
CORNERS = (Draw("before", 2), Draw("after", 2))


def _safe_window(seen: Looked, erosion_rate: float, before: Floats, after: Floats) -> Floats:
    """Around all boxes of an image, or around the image where it has none, each less the share
    that may be lost; how far beyond is drawn for each side.
    """
    frame = seen.sizes[:, ::-1].astype(np.float64)
    low, high = np.zeros_like(frame), frame.copy()
    some = np.flatnonzero(np.diff(seen.first))
    if len(some):
        low[some] = np.minimum.reduceat(seen.boxes[:, :2], seen.first[some], axis=0)
        high[some] = np.maximum.reduceat(seen.boxes[:, 2:], seen.first[some], axis=0)
    lost = np.minimum(erosion_rate, 0.5) * (high - low)
    low, high = low + lost, high - lost
    last, first = np.floor(low), np.ceil(high)
    start = np.minimum(np.floor(before * (last + 1)), np.minimum(last, frame - 1))
    end = np.minimum(first + np.floor(after * (frame - first + 1)), frame)
    end = np.maximum(end, start + 1)
    return np.concatenate([start, end], axis=1)


@declare(
    Kind.MATRIX,
    source=ALBUMENTATIONS,
    settings=(EROSION,),
    draws=CORNERS,
    reframes=True,
    looks="boxes",
    window=_safe_window,
)
def bbox_safe_random_crop(sizes: Ints, window: Floats) -> Geometry:
    """Cut out a random part that holds all boxes."""
    return _cut(window)


def _cut(window: Floats) -> Geometry:
    size = np.stack([window[:, 3] - window[:, 1], window[:, 2] - window[:, 0]], axis=1)
    return Geometry(translation(-window[:, 0], -window[:, 1]), size.astype(np.int64))


@declare(
    Kind.MATRIX,
    source=ALBUMENTATIONS,
    settings=(SIZE, EROSION, RESAMPLE, ANTIALIAS),
    draws=CORNERS,
    example={"size": (7, 5)},
    looks="boxes",
    window=_safe_window,
)
def random_sized_bbox_safe_crop(sizes: Ints, size: tuple[int, int], window: Floats) -> Geometry:
    """Cut out a random part that holds all boxes, and resize it."""
    return stretch(window, tile_size(size, len(window)))


def _window_of(left: Floats, top: Floats, size: tuple[int, int]) -> Floats:
    return np.stack([left, top, left + size[1], top + size[0]], axis=1)


def _around(uniform: Floats, low: Floats, high: Floats, room: Floats, side: int) -> Floats:
    """A whole start of windows of `side` pixels that hold low..high, or lie within it, and stay in
    the image as far as it goes; room: the image's side less the window's.
    """
    first, last = np.minimum(high - side, low), np.maximum(high - side, low)
    fits = high - low <= side
    first = np.where(fits, np.ceil(high - side), np.floor(first))
    last = np.where(fits, np.floor(low), np.ceil(last))
    first = np.maximum(first, np.minimum(room, 0))
    last = np.minimum(last, np.maximum(room, 0))
    last = np.maximum(first, last)
    return np.asarray(first + np.minimum(np.floor(uniform * (last - first + 1)), last - first))


def _random_window(seen: Looked, size: tuple[int, int], left: Floats, top: Floats) -> Floats:
    room = seen.sizes - np.array(size)
    return _window_of(place(left, room[:, 1]), place(top, room[:, 0]), size)


def _one_box_window(
    seen: Looked,
    size: tuple[int, int],
    erosion_rate: float,
    box: Floats,
    left: Floats,
    top: Floats,
) -> Floats:
    """Around one box, each equally likely; anywhere where there is none."""
    window = _random_window(seen, size, left, top)
    counts = np.diff(seen.first)
    some = np.flatnonzero(counts)
    count = counts[some]
    chosen = seen.first[some] + np.minimum(np.floor(box[some] * count), count - 1).astype(np.int64)
    own, room = seen.boxes[chosen], seen.sizes[some] - np.array(size)
    lost = (own[:, 2:] - own[:, :2]) * erosion_rate / 2
    low, high = own[:, :2] + lost, own[:, 2:] - lost
    x = _around(left[some], low[:, 0], high[:, 0], room[:, 1], size[1])
    y = _around(top[some], low[:, 1], high[:, 1], room[:, 0], size[0])
    window[some] = _window_of(x, y, size)
    return window


@declare(
    Kind.MATRIX,
    source=ALBUMENTATIONS,
    settings=(SIZE, EROSION, *SAMPLING[1:3]),
    draws=(Draw("box"), Draw("left"), Draw("top")),
    example={"size": (7, 5)},
    looks="boxes",
    window=_one_box_window,
)
def at_least_one_bbox_random_crop(sizes: Ints, size: tuple[int, int], window: Floats) -> Geometry:
    """Cut a window out that holds one of the boxes, or lies in it where it is the larger."""
    return crop_at(sizes, window[:, 0], window[:, 1], size)


TRIES = 10


def _pixel_window(seen: Looked, size: tuple[int, int], left: Floats, top: Floats) -> Floats:
    """Around a pixel of the mask; anywhere where there is none."""
    window = _random_window(seen, size, left, top)
    there = np.isfinite(seen.points[..., 0])
    some = np.flatnonzero(there.any(axis=1))
    pixel = np.floor(seen.points[some, np.argmax(there[some], axis=1)])
    room = seen.sizes[some] - np.array(size)
    x = _around(left[some], pixel[:, 0], pixel[:, 0] + 1, room[:, 1], size[1])
    y = _around(top[some], pixel[:, 1], pixel[:, 1] + 1, room[:, 0], size[0])
    window[some] = _window_of(x, y, size)
    return window


def _values(value: object) -> tuple[float, ...]:
    if not isinstance(value, (tuple, list)):
        raise ValueError
    return tuple(number(item, -1e18, 1e18) for item in value)


IGNORED = Setting("ignore_values", _values, "a list of mask values that count as empty", ())


@declare(
    Kind.MATRIX,
    source=ALBUMENTATIONS,
    settings=(SIZE, IGNORED, *SAMPLING[1:3]),
    draws=(Draw("pixel", TRIES), Draw("left"), Draw("top")),
    example={"size": (7, 5)},
    looks="mask",
    window=_pixel_window,
)
def crop_non_empty_mask_if_exists(sizes: Ints, size: tuple[int, int], window: Floats) -> Geometry:
    """Cut a window out that holds a random pixel of the mask that is not 0, if there is one."""
    return crop_at(sizes, window[:, 0], window[:, 1], size)


ROUNDS, TRIALS = 5, 40
NUMBERS = 4  # width, height, left and top of one trial


def _options(value: object) -> tuple[float, ...]:
    if not isinstance(value, (tuple, list)) or not value:
        raise ValueError
    return tuple(number(item, 0, 10) for item in value)


IOU_SETTINGS = (
    Setting("scale", pair(0.01, 1), "a pair (low, high) of shares of each side", (0.3, 1.0)),
    Setting("ratio", pair(0.01, 100), "a pair (low, high) of width / height", (0.5, 2.0)),
    Setting(
        "options",
        _options,
        "least overlaps (IoU) to choose from; 1 and more: no crop",
        (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
    ),
)


def _iou_window(
    seen: Looked,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    options: tuple[float, ...],
    option: Floats,
    trial: Floats,
) -> Floats:
    """For each image, in up to 5 rounds: an option is drawn, then up to 40 windows; the first whose
    overlap with some box, whose center it holds, is enough. The whole image where none is.
    """
    windows = np.zeros((len(seen.sizes), 4))
    windows[:, 2:] = seen.sizes[:, ::-1]
    pick = np.minimum((option * len(options)).astype(np.int64), len(options) - 1)
    trial = trial.reshape(len(seen.sizes), ROUNDS, TRIALS, NUMBERS)
    for image, (height, width) in enumerate(seen.sizes.tolist()):
        boxes = seen.boxes[seen.first[image] : seen.first[image + 1]]
        for turn in range(ROUNDS if len(boxes) else 0):
            least = options[pick[image, turn]]
            if least >= 1:
                break
            window = _trials(trial[image, turn], height, width, scale)
            fits = _overlaps(window, boxes) >= least
            wide, tall = window[:, 2] - window[:, 0], window[:, 3] - window[:, 1]
            fits &= (wide >= ratio[0] * tall) & (wide <= ratio[1] * tall)
            if fits.any():
                windows[image] = window[np.argmax(fits)]
                break
    return windows


def _trials(uniform: Floats, height: int, width: int, scale: tuple[float, float]) -> Floats:
    low, high = scale
    frame = np.array([width, height])
    side = np.maximum(np.floor(frame * (low + uniform[:, :2] * (high - low))), 1)
    start = np.floor((frame - side) * uniform[:, 2:])
    return np.concatenate([start, start + side], axis=1)


def _overlaps(window: Floats, boxes: Floats) -> Floats:
    """The largest IoU of each window (t, 4) with the boxes whose center it holds; -1 for none."""
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    holds = ((center > window[:, None, :2]) & (center < window[:, None, 2:])).all(axis=2)
    shared = np.minimum(boxes[:, 2:], window[:, None, 2:])
    shared = np.prod(np.maximum(shared - np.maximum(boxes[:, :2], window[:, None, :2]), 0), axis=2)
    own = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    whole = np.prod(window[:, 2:] - window[:, :2], axis=1)[:, None] + own - shared
    return np.asarray(np.where(holds, shared / whole, -1.0).max(axis=1))


@declare(
    Kind.MATRIX,
    source="Liu et al. 2016, SSD, section 2.2; drawn as torchvision does, in at most 5 rounds",
    settings=IOU_SETTINGS,
    draws=(Draw("option", ROUNDS), Draw("trial", ROUNDS * TRIALS * NUMBERS)),
    reframes=True,
    looks="boxes",
    window=_iou_window,
)
def random_iou_crop(sizes: Ints, window: Floats) -> Geometry:
    """Cut out a random part that overlaps some box by at least a drawn share (IoU)."""
    return _cut(window)
