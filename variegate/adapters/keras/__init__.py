"""KerasCV's preprocessing layers as layers of Keras 3, on TensorFlow, JAX and torch.

    import variegate.adapters.keras as keras_cv
    rand_augment = keras_cv.layers.RandAugment(value_range=(0, 255), magnitude=0.3)
    train = train.map(lambda batch: rand_augment(batch, training=True))

Importing it imports Keras. What the layers compute is in `variegate.adapters.keras_cv`, which has
them on NumPy arrays. docs/keras.md says more.
"""

from __future__ import annotations

from importlib.util import find_spec

from variegate.errors import InputError

if find_spec("keras") is None:
    raise InputError(
        "variegate.adapters.keras: keras is not installed. Install it, and a backend: "
        "pip install 'variegate[keras]'"
    )

from variegate.adapters.keras import core as core
from variegate.adapters.keras import layers as layers
from variegate.adapters.keras.core import (
    ConstantFactorSampler,
    NormalFactorSampler,
    UniformFactorSampler,
)
from variegate.adapters.keras.dataset import Dataset
from variegate.adapters.keras.layers import (
    Augmenter,
    AugMix,
    AutoContrast,
    ChannelShuffle,
    CutMix,
    Equalization,
    FourierMix,
    Grayscale,
    GridMask,
    JitteredResize,
    Layer,
    MixUp,
    Mosaic,
    PolicyLayer,
    Posterization,
    RandAugment,
    RandomApply,
    RandomAspectRatio,
    RandomAugmentationPipeline,
    RandomBrightness,
    RandomChannelShift,
    RandomChoice,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomCrop,
    RandomCropAndResize,
    RandomCutout,
    RandomFlip,
    RandomGaussianBlur,
    RandomHue,
    RandomJpegQuality,
    RandomRotation,
    RandomSaturation,
    RandomSharpness,
    RandomShear,
    RandomTranslation,
    RandomZoom,
    RepeatedAugmentation,
    Rescaling,
    Resizing,
    Solarization,
)

__all__ = [
    "AugMix",
    "Augmenter",
    "AutoContrast",
    "ChannelShuffle",
    "ConstantFactorSampler",
    "CutMix",
    "Dataset",
    "Equalization",
    "FourierMix",
    "Grayscale",
    "GridMask",
    "JitteredResize",
    "Layer",
    "MixUp",
    "Mosaic",
    "NormalFactorSampler",
    "PolicyLayer",
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
    "core",
    "layers",
]
