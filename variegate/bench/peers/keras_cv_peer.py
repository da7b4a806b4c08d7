"""KerasCV 0.9 layers (TensorFlow), in a compiled function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cases import Case
from .keras_run import all_makers, load_keras
from .run import load
from .run import versions as installed

keras = load_keras()
L = load("keras_cv.layers")
RANGE = (0, 255)
# Layers for batches: single images are not timed.
BATCHES_ONLY = True


def versions() -> dict[str, str]:
    """Of KerasCV, Keras and TensorFlow."""
    return installed("keras-cv", "keras", "tensorflow-cpu")


def fixed(value: float) -> tuple[float, float]:
    """A range of one value."""
    return (float(value), float(value))


PLAIN = {"fill_mode": "constant"}


def _jpeg(quality: int) -> Any:
    """Its range must not be one value."""
    return L.RandomJpegQuality((quality, quality + 1))


OPS: dict[str, Callable[[Case], Any]] = {
    "HorizontalFlip": lambda c: L.RandomFlip("horizontal", rate=1.0),
    "Posterize": lambda c: L.Posterization(RANGE, c.arguments["bits"]),
    "Solarize": lambda c: L.Solarization(RANGE, threshold_factor=fixed(0.5)),
    "Brightness": lambda c: L.RandomBrightness(fixed(0.3), RANGE),
    "Contrast": lambda c: L.RandomContrast(RANGE, fixed(0.65)),
    "Color": lambda c: L.RandomColorDegeneration(fixed(0.3)),
    "Sharpness": lambda c: L.RandomSharpness(fixed(0.8), RANGE),
    "AutoContrast": lambda c: L.AutoContrast(RANGE),
    "Equalize": lambda c: L.Equalization(RANGE),
    "Grayscale": lambda c: L.Grayscale(3),
    "ColorJitter": lambda c: L.RandomColorJitter(RANGE, 0.2, 0.2, 0.6, 0.03),
    "Rotate": lambda c: L.RandomRotation(fixed(c.arguments["angle"] / 360), **PLAIN),
    "ShearX": lambda c: L.RandomShear(x_factor=fixed(c.arguments["slope"]), **PLAIN),
    "TranslateX": lambda c: L.RandomTranslation(0.0, fixed(c.arguments["fraction"]), **PLAIN),
    "Zoom": lambda c: L.RandomZoom(fixed(-1 / 6), fixed(-1 / 6), **PLAIN),
    "RandomResizedCrop": lambda c: L.RandomCropAndResize(
        (c.height, c.width), (0.08, 1.0), (3 / 4, 4 / 3)
    ),
    "GaussianBlur": lambda c: L.RandomGaussianBlur(13, fixed(0.5)),
    "Cutout": lambda c: L.RandomCutout(fixed(c.arguments["size"]), fixed(c.arguments["size"])),
    "GridMask": lambda c: L.GridMask(fixed(c.arguments["ratio"])),
    "JpegCompression": lambda c: L.RandomJpegQuality(
        (c.arguments["quality"], c.arguments["quality"] + 1)
    ),
}


def _rand(case: Case) -> Any:
    n = case.arguments
    return L.RandAugment(
        RANGE,
        augmentations_per_image=n["num_ops"],
        magnitude=n["magnitude"] / 30,
        magnitude_stddev=0.0,
        rate=1.0,
    )


def mixers(case: Case) -> list[Any]:
    """CutMix, then MixUp, on a dict of images and labels."""
    return [L.CutMix(case.arguments["alpha"]), L.MixUp(case.arguments["alpha"])]


def _one_mixer(case: Case) -> Any:
    return {"CutMix": L.CutMix, "MixUp": L.MixUp}[case.name](case.arguments["alpha"])


def geometry(case: Case) -> list[Any]:
    """Flip, rotation, zoom, shear and translation one after another, brightness and contrast."""
    n = case.arguments
    turn, slope, shift = n["angle"] / 360, n["shear"], n["translate"]
    return [
        L.RandomFlip("horizontal"),
        L.RandomRotation(turn, **PLAIN),
        L.RandomZoom((-0.1, 0.1), **PLAIN),
        L.RandomShear(x_factor=slope, **PLAIN),
        L.RandomTranslation(shift, shift, **PLAIN),
        L.RandomBrightness(n["light"], RANGE),
        L.RandomContrast(RANGE, n["light"]),
    ]


MAKERS = all_makers(OPS, {}, _rand, mixers, _one_mixer, geometry)
