"""Common corruptions at five severities, to see what a trained model does on worse images.

In the manner of Hendrycks and Dietterich (2019): noise, blur, weather and digital. The values are
this project's own, for its own ops, and lengths are shares of the shorter side, so that small and
large images suffer alike. Each image has its own draws, the same for every model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import InputError
from variegate.ops.op import suggest
from variegate.pipeline import Pipeline
from variegate.policy.nodes import Step

__all__ = ["CORRUPTIONS", "SEVERITIES", "CorruptedImages", "corrupt", "disjoint"]

Image = npt.NDArray[np.uint8]
SEVERITIES = 5

_NOISE = (
    "GaussianNoise", "ISONoise", "ShotNoise", "MultiplicativeNoise", "SaltAndPepper",
    "PixelDropout",
)  # fmt: skip
_BLUR = (
    "Blur", "GaussianBlur", "MedianBlur", "MotionBlur", "Defocus", "ZoomBlur", "GlassBlur",
    "Sharpness", "RandomRain",
)  # fmt: skip
_LIGHT = (
    "Brightness", "Contrast", "Gamma", "RandomGamma", "RandomBrightnessContrast", "ColorJitter",
    "RandomPhotometricDistort", "RandomToneCurve", "HueSaturationValue", "AutoContrast", "Equalize",
    "CLAHE", "Illumination", "Vignetting", "RandomShadow", "HistogramMatching", "FDA",
)  # fmt: skip
_WEATHER = ("RandomFog", "RandomSnow", "RandomRain", "RandomSunFlare")
_BEND = (
    "Elastic", "GridDistortion", "ThinPlateSpline", "PiecewiseAffine", "OpticalDistortion",
    "Fisheye",
)  # fmt: skip
_COARSE = ("Pixelate", "Downscale")
_CODEC = ("JpegCompression", "ImageCompression")


@dataclass(frozen=True)
class Corruption:
    """One corruption. values: of `param`, from severity 1 to 5; shares of the side if `share`.

    also: what holds at every severity. like: ops that make the same kind of change; who trained
    with one of them has seen it.
    """

    kind: str
    op: str
    param: str
    values: tuple[float, float, float, float, float]
    like: tuple[str, ...]
    share: bool = False
    also: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def step(self, severity: int, side: int) -> Step:
        """The corruption as a step, for images whose shorter side has so many pixels."""
        value = self.values[severity - 1] * (side if self.share else 1)
        param = next(p for p in _get(self.op).params if p.name == self.param)
        value = min(max(value, param.low), param.high)
        return Step(self.op, {self.param: (value, value), **self.also})


def _get(name: str) -> Any:
    from variegate.ops.registry import get

    return get(name)


CORRUPTIONS = {
    "gaussian noise": Corruption(
        "noise", "GaussianNoise", "sigma", (0.04, 0.08, 0.12, 0.18, 0.26), _NOISE
    ),
    "shot noise": Corruption("noise", "ShotNoise", "scale", (0.01, 0.03, 0.06, 0.12, 0.2), _NOISE),
    "impulse noise": Corruption(
        "noise", "SaltAndPepper", "amount", (0.02, 0.05, 0.09, 0.15, 0.25), _NOISE
    ),
    "defocus": Corruption(
        "blur", "Defocus", "radius", (0.02, 0.035, 0.05, 0.07, 0.1), _BLUR, share=True
    ),
    "motion blur": Corruption(
        "blur", "MotionBlur", "length", (0.08, 0.14, 0.2, 0.28, 0.38), _BLUR, share=True
    ),
    "zoom blur": Corruption("blur", "ZoomBlur", "max_factor", (1.05, 1.1, 1.15, 1.22, 1.3), _BLUR),
    "fog": Corruption("weather", "RandomFog", "fog_coef", (0.2, 0.35, 0.5, 0.7, 1.0), _WEATHER),
    "snow": Corruption(
        "weather", "RandomSnow", "brightness_coeff", (1.15, 1.3, 1.5, 1.75, 2.0), _WEATHER,
        also={"snow_point": (0.4, 0.4)},
    ),
    "brightness": Corruption(
        "weather", "Brightness", "factor", (1.2, 1.4, 1.65, 2.0, 2.5), _LIGHT
    ),
    "contrast": Corruption("digital", "Contrast", "factor", (0.7, 0.5, 0.35, 0.22, 0.12), _LIGHT),
    "elastic": Corruption("digital", "Elastic", "amount", (0.02, 0.04, 0.06, 0.08, 0.11), _BEND),
    "pixelate": Corruption(
        "digital", "Downscale", "scale", (0.8, 0.65, 0.5, 0.4, 0.3), _COARSE
    ),
    "jpeg": Corruption(
        "digital", "JpegCompression", "quality", (40.0, 25.0, 15.0, 10.0, 6.0), _CODEC
    ),
}  # fmt: skip


def disjoint(used: Collection[str]) -> list[str]:
    """The corruptions that are unlike every op of these names."""
    return [name for name, each in CORRUPTIONS.items() if not set(each.like) & set(used)]


def corrupt(images: Image, name: str, severity: int, *, seed: int = 0, start: int = 0) -> Image:
    """Give uint8 images (n, h, w, c) under a corruption; the first is number `start` of its set.

    Raises InputError for an unknown name or a severity that is not 1 to 5.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"corruption: no {name!r}; {suggest(name, list(CORRUPTIONS))}")
    if severity not in range(1, SEVERITIES + 1):
        raise InputError(f"severity: expected 1..{SEVERITIES}, got {severity!r}")
    step = CORRUPTIONS[name].step(severity, min(images.shape[1:3]))
    index = np.arange(start, start + len(images), dtype=np.int64)
    out: Image = Pipeline([step], seed=seed, threads=1)(images=images, index=index, epoch=0)[
        "images"
    ]
    return out


class CorruptedImages:
    """A test set, then the same under each corruption and severity, made slice by slice.

    Looks like an array uint8 (n, h, w, c) to whoever takes slices of it, so that no copy of all of
    it is ever in memory. picked: which test images are corrupted.
    """

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, images: Image, picked: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        self.images, self.picked, self.names = images, picked, tuple(names)
        self.parts = [(name, s) for name in self.names for s in range(1, SEVERITIES + 1)]

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""
        return (len(self.images) + len(self.parts) * len(self.picked), *self.images.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> Image:
        first, last, step = part.indices(len(self))
        if step != 1:
            raise InputError(f"images: expected a slice without a step, got {part}")
        found = [self.images[first : min(last, len(self.images))]]
        at = max(first, len(self.images))
        while at < last:
            number, place = divmod(at - len(self.images), len(self.picked))
            count = min(last - at, len(self.picked) - place)
            some = self.images[self.picked[place : place + count]]
            name, severity = self.parts[number]
            found.append(corrupt(some, name, severity, start=place))
            at += count
        return np.concatenate(found)

    def accuracies(
        self, predictions: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
    ) -> dict[str, tuple[float, ...]]:
        """By corruption, the share of right predictions at each severity; all of len(self)."""
        rest = predictions[len(self.images) :].reshape(len(self.names), SEVERITIES, -1)
        right = (rest == labels[self.picked]).mean(axis=2)
        return {name: tuple(row.tolist()) for name, row in zip(self.names, right, strict=True)}
