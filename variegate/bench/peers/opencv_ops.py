"""The ops that a person writes by hand around OpenCV; one uint8 RGB image at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .cases import MEAN, STD, Case
from .hand import Draws, crop_place
from .run import Work, load

cv2 = load("cv2")
cv2.setNumThreads(1)
LEVELS = np.arange(256)


def table(levels: Any) -> Any:
    """256 levels uint8 from numbers."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def lookup(levels: Any) -> Work:
    """A table made once and looked up."""
    fixed = table(levels)
    return lambda image: cv2.LUT(image, fixed)


def warp(image: Any, matrix: Any) -> Any:
    """Bilinear, fill 0; the matrix maps the source's pixel indices to the output's."""
    size = (image.shape[1], image.shape[0])
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)


def about_center(case: Case, linear: Any, shift: tuple[float, float] = (0.0, 0.0)) -> Any:
    """A 2x3 matrix in pixel indices from a linear map about the center and a shift in pixels."""
    center = np.array([(case.width - 1) / 2, (case.height - 1) / 2])
    linear = np.asarray(linear, dtype=float)
    return np.column_stack([linear, center - linear @ center + np.array(shift)])


def turn(degrees: float, scale: float = 1.0) -> Any:
    """A counter-clockwise turn as displayed, y down."""
    c, s = math.cos(math.radians(degrees)) * scale, math.sin(math.radians(degrees)) * scale
    return np.array([[c, s], [-s, c]])


def blend(image: Any, other: Any, factor: float) -> Any:
    """other + factor * (image - other)."""
    return cv2.addWeighted(image, factor, other, 1 - factor, 0)


def gray3(image: Any) -> Any:
    """Gray in three channels."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def contrast(image: Any, factor: float) -> Any:
    """Away from the mean gray."""
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    return cv2.convertScaleAbs(image, alpha=factor, beta=(1 - factor) * mean)


def sharpness(image: Any, factor: float) -> Any:
    """Away from the smoothed image."""
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=np.float32) / 13
    return blend(image, cv2.filter2D(image, -1, kernel), factor)


def hsv(image: Any, hue: float, saturation: float, value: float) -> Any:
    """Hue in degrees is added, the others are factors."""
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    tables = np.stack([(LEVELS + hue / 2) % 180, LEVELS * saturation, LEVELS * value], axis=1)
    return cv2.cvtColor(cv2.LUT(planes, table(tables)[:, None]), cv2.COLOR_HSV2RGB)


def jitter(image: Any, brightness: float, chroma: float, saturation: float, hue: float) -> Any:
    """Brightness, contrast, saturation and hue, in this order."""
    image = cv2.convertScaleAbs(image, alpha=brightness)
    image = contrast(image, chroma)
    return hsv(blend(image, gray3(image), saturation), hue, 1.0, 1.0)


def autocontrast(image: Any) -> Any:
    """Stretch each channel."""
    planes = [cv2.normalize(p, None, 0, 255, cv2.NORM_MINMAX) for p in cv2.split(image)]
    return cv2.merge(planes)


def equalize(image: Any) -> Any:
    """Each channel by itself."""
    return cv2.merge([cv2.equalizeHist(plane) for plane in cv2.split(image)])


SCALE = [np.float32(1 / (255 * s)) for s in STD]
SHIFT = [np.float32(-m / s) for m, s in zip(MEAN, STD, strict=True)]


def normalize(image: Any) -> Any:
    """Channels-first float32."""
    out = np.empty((3, *image.shape[:2]), dtype=np.float32)
    for channel, plane in enumerate(cv2.split(image)):
        np.multiply(plane, SCALE[channel], out=out[channel])
        out[channel] += SHIFT[channel]
    return out


def square(image: Any, draws: Draws, share: float) -> Any:
    """One square set to 0."""
    side = round(share * min(image.shape[:2]))
    top, left = draws.below(image.shape[0] - side), draws.below(image.shape[1] - side)
    out = image.copy()
    out[top : top + side, left : left + side] = 0
    return out


def erase(image: Any, draws: Draws) -> Any:
    """One rectangle of 2 to 33 % of the area set to 0."""
    top, left, high, wide = crop_place(
        draws, image.shape[0], image.shape[1], (0.02, 0.33), (0.3, 3.3)
    )
    out = image.copy()
    out[top : top + high, left : left + wide] = 0
    return out


def noise(image: Any, sigma: float) -> Any:
    """Gaussian noise on each value."""
    drawn = np.empty(image.shape, dtype=np.int16)
    cv2.randn(drawn, (0, 0, 0), (255 * sigma,) * 3)
    return cv2.add(image, drawn, dtype=cv2.CV_8U)


def jpeg(image: Any, quality: int) -> Any:
    """Encode and decode."""
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def by_kernel(weights: Any) -> Work:
    """A filter of small weights."""
    return lambda image: cv2.filter2D(image, -1, weights)


def line(length: int, degrees: float) -> Any:
    """A drawn line through the middle, as a kernel."""
    out, middle = np.zeros((length, length), dtype=np.float32), (length - 1) / 2
    reach = np.array([np.cos(np.deg2rad(degrees)), -np.sin(np.deg2rad(degrees))]) * middle
    ends = [tuple(int(v) for v in np.rint(middle + side * reach)) for side in (-1, 1)]
    cv2.line(out, ends[0], ends[1], 1)
    return out / out.sum()


def sharpening(alpha: float) -> Any:
    """The edges, times alpha, on top of the image."""
    weights = np.full((3, 3), -alpha, dtype=np.float32)
    weights[1, 1] = 1 + 8 * alpha
    return weights


def clahe(image: Any, clip: float) -> Any:
    """On the lightness of Lab."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clip, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def down_and_up(image: Any, scale: float) -> Any:
    """To a share of each side and back, nearest."""
    size = (image.shape[1], image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)


def resized_crop(image: Any, draws: Draws, size: int, scale: Any, ratio: Any) -> Any:
    """A drawn part at a fixed size; INTER_LINEAR, or INTER_AREA where it shrinks."""
    top, left, high, wide = crop_place(draws, image.shape[0], image.shape[1], scale, ratio)
    way = cv2.INTER_AREA if high > size and wide > size else cv2.INTER_LINEAR
    return cv2.resize(image[top : top + high, left : left + wide], (size, size), interpolation=way)
