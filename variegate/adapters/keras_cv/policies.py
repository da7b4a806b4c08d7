"""KerasCV's layers of layers, and those that mix images, by its own names and arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from variegate.adapters.keras_cv.factors import NormalFactorSampler
from variegate.adapters.keras_cv.layer import Layer
from variegate.errors import InputError, PolicyError
from variegate.policy.nodes import Node, OneOf, SomeOf, Step
from variegate.policy.nodes import Sequence as InOrder

REFLECT = {"border": "reflect"}


def RandAugment(
    value_range: Sequence[float],
    augmentations_per_image: int = 3,
    magnitude: float = 0.5,
    magnitude_stddev: float = 0.15,
    rate: float = 10 / 11,
    geometric: bool = True,
    seed: int | None = None,
    bounding_box_format: str | None = None,
) -> Layer:
    """`augmentations_per_image` times, with chance `rate`, one of KerasCV's ten ops for each image.

    Noise on the magnitude is theirs: Gaussian, cut off at 0 and 1. Masks, boxes and keypoints move
    with the image. Shears are about the center (there about a corner).
    """
    steps = standard_policy(magnitude, magnitude_stddev, geometric)
    return Layer(
        "RandAugment",
        [SomeOf(tuple(steps), augmentations_per_image, rate)],
        seed=seed,
        value_range=value_range,
        bounding_box_format=bounding_box_format,
    )


def standard_policy(magnitude: float, magnitude_stddev: float, geometric: bool) -> list[Node]:
    """The ops of KerasCV's RandAugment: six on levels and colors, four on places."""
    strength = NormalFactorSampler(magnitude, magnitude_stddev, 0.0, 1.0).strength()
    swing = (-magnitude, magnitude)
    steps: list[Node] = [
        Step("AutoContrast"),
        Step("Equalize"),
        InOrder(
            (
                Step("SolarizeAdd", {"threshold": (256.0, 256.0)}, magnitude=strength),
                Step("Solarize", magnitude=strength),
            )
        ),
        Step("ToGray", magnitude=strength),
        Step("Contrast", {"factor": (1 - magnitude, 1 + magnitude)}),
        Step("RandomBrightnessContrast", {"brightness": swing, "contrast": (0.0, 0.0)}),
    ]
    if geometric:
        steps += [
            Step("ShearX", REFLECT, magnitude=strength, strong={"slope": 1.0}),
            Step("ShearY", REFLECT, magnitude=strength, strong={"slope": 1.0}),
            Step("TranslateX", {"fraction": swing, **REFLECT}),
            Step("TranslateY", {"fraction": swing, **REFLECT}),
        ]
    return steps


def RandomAugmentationPipeline(
    layers: Sequence[Layer],
    augmentations_per_image: int,
    rate: float = 1.0,
    auto_vectorize: bool = False,
    seed: int | None = None,
) -> Layer:
    """`augmentations_per_image` times, with chance `rate`, one of the layers for each image."""
    name = "RandomAugmentationPipeline"
    nodes = _nodes(layers, name)
    steps = [SomeOf(nodes, augmentations_per_image, rate)] if nodes else []
    return Layer(name, steps, seed=seed, **_shared(layers, name))


def RandomChoice(
    layers: Sequence[Layer],
    auto_vectorize: bool = False,
    batchwise: bool = False,
    seed: int | None = None,
) -> Layer:
    """One of the layers for each image."""
    if batchwise:
        raise PolicyError("RandomChoice: batchwise=True has no counterpart; choices are per image")
    nodes = _nodes(layers, "RandomChoice")
    return Layer("RandomChoice", [OneOf(nodes)], seed=seed, **_shared(layers, "RandomChoice"))


def RandomApply(
    layer: Layer,
    rate: float = 0.5,
    batchwise: bool = False,
    auto_vectorize: bool = False,
    seed: int | None = None,
) -> Layer:
    """The layer, with chance `rate` for each image."""
    if batchwise:
        raise PolicyError("RandomApply: batchwise=True has no counterpart; choices are per image")
    nodes = [InOrder(_nodes([layer], "RandomApply"), rate)]
    return Layer("RandomApply", nodes, seed=seed, **_shared([layer], "RandomApply"))


def Augmenter(layers: Sequence[Layer], seed: int | None = None) -> Layer:
    """The layers in order, as one: geometry in a row is one resampling."""
    _nodes(layers, "Augmenter")
    steps = [step for layer in layers for step in layer.steps]
    still = [step for layer in layers for step in layer.inference]
    shared = _shared(layers, "Augmenter")
    return Layer("Augmenter", steps, seed=seed, inference=still, **shared)


class RepeatedAugmentation:
    """The batch through each of the augmenters, all results in one batch, shuffled or in turn."""

    inference = ()

    def __init__(
        self, augmenters: Sequence[Callable[..., Any]], shuffle: bool = True, seed: int = 0
    ) -> None:
        self.name = "RepeatedAugmentation"
        self.augmenters, self.shuffle = tuple(augmenters), shuffle
        self.copies = len(self.augmenters)
        self._seed, self._calls = seed, 0

    def __call__(self, inputs: Any, training: bool = True, **call: Any) -> Any:
        """A dict of arrays, or one array, as many times as long; `call` goes to the augmenters."""
        if not training:
            return inputs
        results = [augmenter(inputs, **call) for augmenter in self.augmenters]
        count = sum(len(r["images"] if isinstance(r, Mapping) else r) for r in results)
        order = np.arange(count)
        if self.shuffle:
            turn = call.get("epoch", self._calls)
            order = np.random.default_rng([self._seed, turn]).permutation(count)
            self._calls += 1
        return _together(results, order)


def _together(results: Sequence[Any], order: Any) -> Any:
    if isinstance(results[0], Mapping):
        return {key: _together([r[key] for r in results], order) for key in results[0]}
    return np.concatenate([np.asarray(r) for r in results])[order]


def _nodes(layers: Sequence[Layer], name: str) -> tuple[Node, ...]:
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InputError(f"{name}: expected layers of this module, got {layer!r:.80}")
    return tuple(layer.node() for layer in layers)


def _shared(layers: Sequence[Layer], name: str) -> dict[str, Any]:
    """What the layers agree on: their value range and box format."""
    ranges = {layer.value_range for layer in layers} - {None}
    formats = {layer.bounding_box_format for layer in layers} - {None}
    if len(ranges) > 1 or len(formats) > 1:
        raise PolicyError(f"{name}: its layers differ in value_range or bounding_box_format")
    return {
        "value_range": next(iter(ranges), None),
        "bounding_box_format": next(iter(formats), None),
    }
