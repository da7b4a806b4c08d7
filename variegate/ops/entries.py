"""What lowering gives: arrays of plan entries, one row per image, that say what an engine must do.

Sizes are (height, width). Coordinates are continuous: pixel (row r, column c) covers [r, r+1) x [c,
c+1). Levels are on 0..255 for every dtype; an engine scales them for float images.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

MAX_CHANNELS = 16
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Geometry:
    """matrix (k, 3, 3): moves input coordinates (x, y, 1) to output coordinates; size (k, 2): the
    output size.

    field (k, gh, gw, 2) or None: a displacement (dx, dy) in pixels of the output frame, given at
    the corners of a regular grid over that frame, bilinear between them; output point q takes its
    value from q + d(q) before the matrix is undone. backward (k, 3, 3) or None: the inverse matrix
    where the op knows it without rounding.
    """

    matrix: Floats
    size: Ints
    field: Floats | None = None
    backward: Floats | None = None


@dataclass(frozen=True)
class Looked:
    """What an op that looks at targets sees of k images, at its place among the ops.

    sizes (k, 2). first (k + 1,): whose boxes (m, 4) x1 y1 x2 y2 are whose. points (k, t, 2):
    centers of pixels of the mask that are not 0, drawn at random; NaN where one has left the frame.
    """

    sizes: Ints
    first: Ints
    boxes: Floats
    points: Floats


@dataclass(frozen=True)
class Toward:
    """Blend with the pixel's gray: out = gray + factor * (value - gray), as Pillow's
    ImageEnhance.Color.
    """

    factor: Floats


@dataclass(frozen=True)
class Luma:
    """The image becomes one channel, its gray."""

    rows: int


@dataclass(frozen=True)
class Channels:
    """matrix (k, 3, 4): out = matrix @ (r, g, b, 1) with values on 0..1, clipped, rounded to
    nearest.
    """

    matrix: Floats


@dataclass(frozen=True)
class Picked:
    """keys (k, m), of which as many count as an image has colors: 3 of 3 or 4 channels, else all.

    Without count the channels stand in the order of their keys; with it, the `count` (k,) channels
    of the smallest keys take the fill, as the step gives it.
    """

    keys: Floats
    count: Floats | None = None
    fill: float | tuple[float, ...] = 0.0


@dataclass(frozen=True)
class Hsv:
    """In HSV (Smith 1978): the hue turned by degrees (k,); saturation and value (k,) are
    multiplied, then add_saturation and add_value (k,), in levels, are added; both are clipped.

    A gray pixel has the hue 0, red. One channel is a value without color.
    """

    degrees: Floats
    saturation: Floats
    value: Floats
    add_saturation: Floats
    add_value: Floats


class MeasureMode(IntEnum):
    """Which table is made from the image's own statistics."""

    STRETCH = 0
    EQUALIZE = 1
    ABOUT_MEAN = 2
    AXES = 3


@dataclass(frozen=True)
class Measure:
    """A table measured on the image itself. value: the factor of ABOUT_MEAN (k,), the amounts along
    three axes of AXES (k, 3), unused otherwise.
    """

    mode: MeasureMode
    value: Floats


class Window(IntEnum):
    """How much a neighbor counts in a blur."""

    GAUSSIAN = 0
    BOX = 1


@dataclass(frozen=True)
class Blur:
    """width (k,) in pixels: sigma of a Gaussian of radius ceil(3 sigma), or a box of 2 width + 1
    pixels a side whose outer pixels count in part; border mirrored about the outer pixel's center.
    """

    width: Floats
    window: Window = Window.GAUSSIAN


@dataclass(frozen=True)
class Unsharp:
    """out = value + amount * (value - blurred), by a Gaussian of sigma (k,).

    threshold (k,) levels: differences up to it stay, from twice that on they count in full.
    """

    sigma: Floats
    amount: Floats
    threshold: Floats


@dataclass(frozen=True)
class Kernel:
    """weights (k, s, s), s odd: each pixel becomes the weighted sum of those around it, border
    mirrored about the outer pixel's center.
    """

    weights: Floats


@dataclass(frozen=True)
class Median:
    """radius (k,): the median of a square of 2 radius + 1 pixels a side; the border repeats."""

    radius: Ints


@dataclass(frozen=True)
class Tiles:
    """grid (k, 2) as (rows, columns) and clip (k,): each tile's histogram, clipped at `clip` times
    its mean, is equalized; between tiles the tables are blended. Color changes by its luma alone.
    """

    grid: Ints
    clip: Floats


@dataclass(frozen=True)
class Rescale:
    """The image at size (k, 2), by `down`, and at its own size again, by `up`."""

    size: Ints
    down: str
    up: str


@dataclass(frozen=True)
class Zoomed:
    """The mean of an image and of itself enlarged by 1 + step, 1 + 2 step, ...: count (k,) in
    all.
    """

    step: Floats
    count: Ints


@dataclass(frozen=True)
class Scatter:
    """Each pixel becomes one at most `distance` (k,) rows and columns away, `rounds` times."""

    distance: Ints
    rounds: int


@dataclass(frozen=True)
class Smooth:
    """Blend with Pillow's SMOOTH: out = smooth + factor * (value - smooth)."""

    factor: Floats


class FillMode(IntEnum):
    """What a hidden pixel becomes."""

    LEVEL = 0
    NOISE = 1


@dataclass(frozen=True)
class Rectangles:
    """rects (k, m, 4) as y1 x1 y2 x2, half open, empty ones allowed; fill as the step gives it."""

    rects: Ints
    fill: float | tuple[float, ...]
    mode: FillMode = FillMode.LEVEL


@dataclass(frozen=True)
class Grid:
    """A rotated grid of hidden squares: numbers (k, 6) = period, hidden side, offset u, offset v,
    cos, sin.

    With (x, y) a pixel's center relative to the image's center, u = cos x - sin y + offset u and v
    = sin x + cos y + offset v; the pixel is hidden where u mod period and v mod period are both
    below the side.
    """

    numbers: Floats
    fill: float | tuple[float, ...]


class NoiseMode(IntEnum):
    """What random numbers do to values."""

    GAUSS = 0
    SHOT = 1
    MULTIPLY = 2
    IMPULSE = 3
    ISO = 4


class NoiseFlag(IntFlag):
    """CHANNELS: each channel draws its own number. PIXELS: so does each pixel. LEVELS: what is
    replaced takes random levels.
    """

    CHANNELS = 1
    PIXELS = 2
    LEVELS = 4


@dataclass(frozen=True)
class Noise:
    """Noise of a mode. numbers (k, 3), by mode:

    GAUSS: the standard deviation as a share of the full range, 0, 0. SHOT: white over the photons
    that make it, 0, 0. MULTIPLY: lowest factor, highest, flags. IMPULSE: the share that becomes
    `fill`, the share that becomes white, flags. ISO: the standard deviations of the brightness as a
    share of the full range and of the hue in radians, 0.
    """

    mode: NoiseMode
    numbers: Floats
    fill: float | tuple[float, ...] = 0.0


class FileFormat(IntEnum):
    """A lossy file format."""

    JPEG = 0
    WEBP = 1


class ShapeKind(IntEnum):
    """A shape's five numbers. DISC: x, y, radius. SEGMENT, a thick line: x1, y1, x2, y2, half its
    width. PLANE, one side of a line: the line's normal x, y (of length 1, away from what is
    covered), the line's distance from 0 along it. GAUSS: x, y, sigma along x, along y. EDGE: x1,
    y1, x2, y2 and a number; edges of one number that follow each other are one
    polygon, which must be closed.
    """

    DISC = 0
    SEGMENT = 1
    PLANE = 2
    GAUSS = 3
    EDGE = 4


@dataclass(frozen=True)
class Shapes:
    """Shapes that lie over the image as a veil: out = value + cover * (gain * value + shift).

    rows (k, m, 8): ShapeKind, alpha, softness and the five numbers, in pixels of the frame; used
    (k, m): which rows there are. A shape covers alpha inside, nothing outside, and changes over
    `softness` pixels across its rim: alpha * clip(1/2 - distance / softness, 0, 1); a GAUSS covers
    alpha times itself. What shapes leave clear multiplies. outside: what they leave clear is
    covered instead. gain (k,); shift (k, 1), or (k, 3) for red, green and blue: then a fourth
    channel stays and one channel takes their luma.
    """

    rows: Floats
    used: npt.NDArray[np.bool_]
    gain: Floats
    shift: Floats
    outside: bool = False


@dataclass(frozen=True)
class Lightness:
    """threshold (k,), a level: lighter pixels stay, darker ones are multiplied by factor (k,)."""

    threshold: Floats
    factor: Floats


@dataclass(frozen=True)
class Match:
    """ratio (k,): how much of the way to a reference's levels; counts (k, c, 256) of these."""

    ratio: Floats
    counts: Floats


# Waves to each side of 0 whose amplitudes a reference keeps.
REACH = 32


@dataclass(frozen=True)
class Spectrum:
    """beta (k,): share of the shorter side up to which frequencies count, below 0 none.

    amplitudes (k, c, REACH + 1, 2 REACH + 1): of a reference in levels, waves down and along the
    image; below 0 where it has none.
    """

    beta: Floats
    amplitudes: Floats


@dataclass(frozen=True)
class Cells:
    """moves (k, m, 6): rectangles y1 x1 y2 x2 and the corner y x whence each takes its pixels; used
    (k, m): which there are. size (k, 2): the frame.
    """

    moves: Ints
    used: npt.NDArray[np.bool_]
    size: Ints


@dataclass(frozen=True)
class Codec:
    """quality (k,): a file of this format and quality, decoded again."""

    quality: Ints
    kind: FileFormat = FileFormat.JPEG


@dataclass(frozen=True)
class Output:
    """(value / full range - mean) / std, in `dtype` and `layout`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    layout: str
    dtype: str
