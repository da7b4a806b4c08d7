"""KerasCV 0.9's preprocessing layers by name, argument and dict format, on NumPy arrays.

    from variegate.adapters import keras_cv
    layer = keras_cv.RandAugment(value_range=(0, 255), magnitude=0.4, seed=7)
    out = layer({"images": images, "labels": one_hot, "segmentation_masks": masks})

No framework is loaded. What differs from KerasCV is in each layer's help and in
docs/coming-from.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from variegate.adapters.keras_cv.factors import (
    ConstantFactorSampler,
    NormalFactorSampler,
    UniformFactorSampler,
)
from variegate.adapters.keras_cv.geometry import (
    JitteredResize,
    RandomAspectRatio,
    RandomCrop,
    RandomCropAndResize,
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    Resizing,
)
from variegate.adapters.keras_cv.layer import Layer
from variegate.adapters.keras_cv.mixing import AugMix, CutMix, FourierMix, MixUp, Mosaic
from variegate.adapters.keras_cv.pixels import (
    AutoContrast,
    ChannelShuffle,
    Equalization,
    Grayscale,
    GridMask,
    Posterization,
    RandomBrightness,
    RandomChannelShift,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomCutout,
    RandomGaussianBlur,
    RandomHue,
    RandomJpegQuality,
    RandomSaturation,
    RandomSharpness,
    Solarization,
)
from variegate.adapters.keras_cv.policies import (
    Augmenter,
    RandAugment,
    RandomApply,
    RandomAugmentationPipeline,
    RandomChoice,
    RepeatedAugmentation,
)

__all__ = [
    "AugMix",
    "Augmenter",
    "AutoContrast",
    "ChannelShuffle",
    "ConstantFactorSampler",
    "CutMix",
    "Equalization",
    "FourierMix",
    "Grayscale",
    "GridMask",
    "JitteredResize",
    "Layer",
    "MixUp",
    "Mosaic",
    "NormalFactorSampler",
    "Posterization",
    "RandAugment",
    "RandomApply",
    "RandomAspectRatio",
    "RandomAugmentationPipeline",
    "RandomBrightness",
    "RandomChannelShift",
    "RandomChoice",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomCropAndResize",
    "RandomCutout",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomHue",
    "RandomJpegQuality",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "RepeatedAugmentation",
    "Rescaling",
    "Resizing",
    "Solarization",
    "UniformFactorSampler",
]


class Rescaling:
    """images * scale + offset, as float32; other keys pass through."""

    def __init__(self, scale: float, offset: float = 0.0) -> None:
        self.scale, self.offset = float(scale), float(offset)

    def __call__(self, inputs: Any, training: bool = True) -> Any:
        """An array, or a dict with `images`; also where training is False."""
        if isinstance(inputs, dict):
            return {**inputs, "images": self(inputs["images"])}
        return (np.asarray(inputs) * self.scale + self.offset).astype(np.float32)
