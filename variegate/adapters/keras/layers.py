"""KerasCV's preprocessing layers as layers of Keras 3, and a policy as one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from variegate.adapters import keras_cv as arrays
from variegate.adapters.keras.layer import PACKAGE, Layer, layer_class
from variegate.adapters.keras.tensors import cast
from variegate.adapters.keras_cv.policies import standard_policy
from variegate.policy.nodes import Node
from variegate.policy.policy import Policy, as_policy

__all__ = [
    "AugMix",
    "Augmenter",
    "AutoContrast",
    "ChannelShuffle",
    "CutMix",
    "Equalization",
    "FourierMix",
    "Grayscale",
    "GridMask",
    "JitteredResize",
    "Layer",
    "MixUp",
    "Mosaic",
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
]

AugMix = layer_class(arrays.AugMix, __name__)
Augmenter = layer_class(arrays.Augmenter, __name__)
AutoContrast = layer_class(arrays.AutoContrast, __name__)
ChannelShuffle = layer_class(arrays.ChannelShuffle, __name__)
CutMix = layer_class(arrays.CutMix, __name__)
Equalization = layer_class(arrays.Equalization, __name__)
FourierMix = layer_class(arrays.FourierMix, __name__)
Grayscale = layer_class(arrays.Grayscale, __name__)
GridMask = layer_class(arrays.GridMask, __name__)
JitteredResize = layer_class(arrays.JitteredResize, __name__)
MixUp = layer_class(arrays.MixUp, __name__)
Mosaic = layer_class(arrays.Mosaic, __name__)
Posterization = layer_class(arrays.Posterization, __name__)
RandAugment = layer_class(arrays.RandAugment, __name__)
RandomApply = layer_class(arrays.RandomApply, __name__)
RandomAspectRatio = layer_class(arrays.RandomAspectRatio, __name__)
RandomAugmentationPipeline = layer_class(arrays.RandomAugmentationPipeline, __name__)
RandomBrightness = layer_class(arrays.RandomBrightness, __name__)
RandomChannelShift = layer_class(arrays.RandomChannelShift, __name__)
RandomChoice = layer_class(arrays.RandomChoice, __name__)
RandomColorDegeneration = layer_class(arrays.RandomColorDegeneration, __name__)
RandomColorJitter = layer_class(arrays.RandomColorJitter, __name__)
RandomContrast = layer_class(arrays.RandomContrast, __name__)
RandomCrop = layer_class(arrays.RandomCrop, __name__)
RandomCropAndResize = layer_class(arrays.RandomCropAndResize, __name__)
RandomCutout = layer_class(arrays.RandomCutout, __name__)
RandomFlip = layer_class(arrays.RandomFlip, __name__)
RandomGaussianBlur = layer_class(arrays.RandomGaussianBlur, __name__)
RandomHue = layer_class(arrays.RandomHue, __name__)
RandomJpegQuality = layer_class(arrays.RandomJpegQuality, __name__)
RandomRotation = layer_class(arrays.RandomRotation, __name__)
RandomSaturation = layer_class(arrays.RandomSaturation, __name__)
RandomSharpness = layer_class(arrays.RandomSharpness, __name__)
RandomShear = layer_class(arrays.RandomShear, __name__)
RandomTranslation = layer_class(arrays.RandomTranslation, __name__)
RandomZoom = layer_class(arrays.RandomZoom, __name__)
RepeatedAugmentation = layer_class(arrays.RepeatedAugmentation, __name__)
Resizing = layer_class(arrays.Resizing, __name__)
Solarization = layer_class(arrays.Solarization, __name__)


def _policy_layer(
    policy: Policy | Sequence[Node],
    value_range: Sequence[float] | None = None,
    seed: int | None = None,
    bounding_box_format: str | None = None,
) -> arrays.Layer:
    """Any policy as a layer: a Policy, such as a search has found, or a list of its steps."""
    return arrays.Layer(
        "PolicyLayer",
        as_policy(tuple(policy) if isinstance(policy, list) else policy).steps,
        seed=seed,
        value_range=value_range,
        bounding_box_format=bounding_box_format,
    )


PolicyLayer = layer_class(_policy_layer, __name__, "PolicyLayer")


def _get_standard_policy(
    value_range: Sequence[float],
    magnitude: float,
    magnitude_stddev: float,
    geometric: bool = True,
    seed: int | None = None,
) -> list[Layer]:
    """The ten layers (six without geometry) that RandAugment draws from, in KerasCV's order."""
    return [
        PolicyLayer(Policy((node,)), value_range=value_range, seed=seed)
        for node in standard_policy(magnitude, magnitude_stddev, geometric)
    ]


RandAugment.get_standard_policy = staticmethod(_get_standard_policy)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Rescaling(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """images * scale + offset, in training and out of it; other keys of a dict pass through."""

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = float(scale), float(offset)
        self.built = True
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def call(self, inputs: Any) -> Any:
        """An array or a tensor, or a dict with `images`."""
        if isinstance(inputs, Mapping):
            return {**inputs, "images": self.call(inputs["images"])}
        return cast(inputs, self.compute_dtype) * self.scale + self.offset

    def compute_output_spec(self, inputs: Any) -> Any:
        """The same shapes, in the layer's dtype."""
        if isinstance(inputs, Mapping):
            return {**inputs, "images": self.compute_output_spec(inputs["images"])}
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Keras' part, scale and offset."""
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
