"""Keras 3 preprocessing layers on the TensorFlow backend, in a compiled function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cases import Case
from .keras_run import all_makers, load_keras
from .run import versions as installed

keras = load_keras()
L = keras.layers
RANGE = (0, 255)
# Layers for batches: single images are not timed.
BATCHES_ONLY = True


def versions() -> dict[str, str]:
    """Of Keras and TensorFlow."""
    return {"keras": str(keras.__version__)} | installed("tensorflow-cpu")


def fixed(value: float) -> tuple[float, float]:
    """A range of one value."""
    return (float(value), float(value))


def side(case: Case) -> int:
    """The length of a side of the result."""
    return round(case.height * float(case.arguments["share"]))


PLAIN = {"fill_mode": "constant"}
OPS: dict[str, Callable[[Case], Any]] = {
    "HorizontalFlip": lambda c: L.RandomFlip("horizontal"),
    "VerticalFlip": lambda c: L.RandomFlip("vertical"),
    "Invert": lambda c: L.RandomInvert(1.0),
    "Posterize": lambda c: L.RandomPosterization(c.arguments["bits"]),
    "Solarize": lambda c: L.Solarization(0.0, fixed(0.5)),
    "Brightness": lambda c: L.RandomBrightness(fixed(0.3)),
    "Contrast": lambda c: L.RandomContrast(fixed(0.3)),
    "Color": lambda c: L.RandomColorDegeneration(fixed(0.3)),
    "Sharpness": lambda c: L.RandomSharpness(fixed(0.6)),
    "AutoContrast": lambda c: L.AutoContrast(),
    "Equalize": lambda c: L.Equalization(),
    "Grayscale": lambda c: L.RandomGrayscale(1.0),
    "ColorJitter": lambda c: L.RandomColorJitter(RANGE, 0.2, 0.2, 0.2, 0.03),
    "Rotate": lambda c: L.RandomRotation(fixed(c.arguments["angle"] / 360), **PLAIN),
    "ShearX": lambda c: L.RandomShear(x_factor=fixed(c.arguments["slope"]), **PLAIN),
    "ShearY": lambda c: L.RandomShear(y_factor=fixed(c.arguments["slope"]), **PLAIN),
    "TranslateX": lambda c: L.RandomTranslation(0.0, fixed(c.arguments["fraction"]), **PLAIN),
    "TranslateY": lambda c: L.RandomTranslation(fixed(c.arguments["fraction"]), 0.0, **PLAIN),
    "Zoom": lambda c: L.RandomZoom(fixed(-1 / 6), fixed(-1 / 6), **PLAIN),
    "Perspective": lambda c: L.RandomPerspective(1.0, c.arguments["distortion"]),
    "Elastic": lambda c: L.RandomElasticTransform(1.0, 1.0),
    "Resize": lambda c: L.Resizing(side(c), side(c), antialias=True),
    "CenterCrop": lambda c: L.CenterCrop(side(c), side(c)),
    "RandomCrop": lambda c: L.RandomCrop(side(c), side(c)),
    "GaussianBlur": lambda c: L.RandomGaussianBlur(1.0, 13, fixed(1.0)),
    "RandomErasing": lambda c: L.RandomErasing(1.0),
}
DRAWN = {"HorizontalFlip": "for half of the images", "VerticalFlip": "for half of the images"}
DRAWN["GaussianBlur"] = "sigma 1, its greatest"


def _rand(case: Case) -> Any:
    n = case.arguments
    return L.RandAugment(RANGE, n["num_ops"], n["magnitude"] / 30)


def mixers(case: Case) -> list[Any]:
    """CutMix, then MixUp, on a dict of images and labels."""
    return [L.CutMix(), L.MixUp(case.arguments["alpha"])]


def _one_mixer(case: Case) -> Any:
    return {"CutMix": L.CutMix, "MixUp": L.MixUp}[case.name]()


def geometry(case: Case) -> list[Any]:
    """Flip, rotation, zoom, shear and translation one after another, brightness and contrast."""
    n = case.arguments
    turn, slope, shift = n["angle"] / 360, n["shear"], n["translate"]
    return [
        L.RandomFlip("horizontal"),
        L.RandomRotation(turn, **PLAIN),
        L.RandomZoom(0.1, **PLAIN),
        L.RandomShear(x_factor=slope, **PLAIN),
        L.RandomTranslation(shift, shift, **PLAIN),
        L.RandomBrightness(n["light"]),
        L.RandomContrast(n["light"]),
    ]


MAKERS = all_makers(OPS, DRAWN, _rand, mixers, _one_mixer, geometry)
