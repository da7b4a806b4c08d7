"""Kornia on float32 batches in [0, 1], channels first: its own form, made beforehand."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import inputs
from .cases import MEAN, STD, Case
from .run import Maker, Run, load, makers
from .run import versions as installed

torch = load("torch")
K = load("kornia.augmentation")
ONE = (1.0, 1.0)
NOTE = "float32 in and out, the whole batch in one call"


def versions() -> dict[str, str]:
    """Of Kornia and PyTorch."""
    return installed("kornia", "torch")


def degrees(slope: float) -> float:
    """A slope as an angle."""
    return math.degrees(math.atan(slope))


def fixed(value: float) -> tuple[float, float]:
    """A range of one value."""
    return (float(value), float(value))


def jitter(n: Mapping[str, Any]) -> Any:
    """Fixed brightness, contrast, saturation and hue."""
    return K.ColorJitter(
        fixed(n["brightness"]),
        fixed(n["contrast"]),
        fixed(n["saturation"]),
        fixed(n["hue"] / 360),
        p=1,
    )


def _translate(n: Mapping[str, Any], axis: int) -> Any:
    moved = [(0.0, 0.0), (0.0, 0.0)]
    moved[axis] = fixed(n["fraction"])
    return K.RandomTranslate(moved[0], moved[1], p=1)


OPS: dict[str, Callable[[Any, int], Any]] = {
    "HorizontalFlip": lambda n, s: K.RandomHorizontalFlip(p=1),
    "VerticalFlip": lambda n, s: K.RandomVerticalFlip(p=1),
    "Invert": lambda n, s: K.RandomInvert(p=1),
    "Posterize": lambda n, s: K.RandomPosterize(fixed(n["bits"]), p=1),
    "Solarize": lambda n, s: K.RandomSolarize(fixed(128 / 255), (0.0, 0.0), p=1),
    "SolarizeAdd": lambda n, s: K.RandomSolarize(fixed(128 / 255), fixed(40 / 255), p=1),
    "Brightness": lambda n, s: K.RandomBrightness(fixed(n["factor"]), p=1),
    "Contrast": lambda n, s: K.RandomContrast(fixed(n["factor"]), p=1),
    "Color": lambda n, s: K.RandomSaturation(fixed(n["factor"]), p=1),
    "Sharpness": lambda n, s: K.RandomSharpness(fixed(n["factor"]), p=1),
    "Gamma": lambda n, s: K.RandomGamma(fixed(n["gamma"]), ONE, p=1),
    "AutoContrast": lambda n, s: K.RandomAutoContrast(p=1),
    "Equalize": lambda n, s: K.RandomEqualize(p=1),
    "Grayscale": lambda n, s: K.RandomGrayscale(p=1),
    "ColorJitter": lambda n, s: jitter(n),
    "Rotate": lambda n, s: K.RandomRotation(fixed(n["angle"]), p=1),
    "ShearX": lambda n, s: K.RandomShear((*fixed(degrees(n["slope"])), 0.0, 0.0), p=1),
    "ShearY": lambda n, s: K.RandomShear((0.0, 0.0, *fixed(degrees(n["slope"]))), p=1),
    "TranslateX": lambda n, s: _translate(n, 0),
    "TranslateY": lambda n, s: _translate(n, 1),
    "Zoom": lambda n, s: K.RandomAffine(0.0, scale=fixed(n["factor"]), p=1),
    "Affine": lambda n, s: K.RandomAffine(
        fixed(n["angle"]),
        (n["translate_x"], n["translate_y"]),
        fixed(n["scale"]),
        fixed(degrees(n["shear"])),
        p=1,
    ),
    "Perspective": lambda n, s: K.RandomPerspective(n["distortion"], p=1),
    "Elastic": lambda n, s: K.RandomElasticTransform((37, 37), (6.0, 6.0), (1.0, 1.0), p=1),
    "Resize": lambda n, s: K.Resize((round(s * n["share"]),) * 2, antialias=True, p=1),
    "CenterCrop": lambda n, s: K.CenterCrop(round(s * n["share"]), p=1),
    "RandomCrop": lambda n, s: K.RandomCrop((round(s * n["share"]),) * 2, p=1),
    "RandomResizedCrop": lambda n, s: K.RandomResizedCrop((s, s), p=1),
    "Pad": lambda n, s: K.PadTo((s + 2 * n["pixels"],) * 2),
    "GaussianBlur": lambda n, s: K.RandomGaussianBlur((13, 13), fixed(n["sigma"]), p=1),
    "GaussianNoise": lambda n, s: K.RandomGaussianNoise(std=n["sigma"], p=1),
    "RandomErasing": lambda n, s: K.RandomErasing(p=1),
    "JpegCompression": lambda n, s: K.RandomJPEG(fixed(n["quality"]), p=1),
    "MixUp": lambda n, s: K.RandomMixUpV2(p=1, data_keys=["input"]),
    "CutMix": lambda n, s: K.RandomCutMixV2(p=1, data_keys=["input"]),
    "Normalize": lambda n, s: K.Normalize(torch.tensor(MEAN), torch.tensor(STD), p=1),
}
OTHERWISE = {
    "Brightness": "adds",
    "Pad": "on the right and at the bottom",
    "SolarizeAdd": "inverts what it has added to",
}


def tensor(images: Any) -> Any:
    """float32 in [0, 1], channels first, on the device that VARIEGATE_DEVICE names."""
    moved = np.ascontiguousarray(np.moveaxis(images, -1, -3))
    device = os.environ.get("VARIEGATE_DEVICE", "cpu")
    return torch.from_numpy(moved).to(device).to(torch.float32) / 255


def _around(value: float) -> tuple[float, float]:
    return 1 - value, 1 + value


def classify(n: Mapping[str, Any]) -> list[Any]:
    """Random resized crop, flip, jitter, normalize."""
    size = (n["size"], n["size"])
    return [
        K.RandomResizedCrop(size, tuple(n["scale"]), tuple(n["ratio"]), p=1),
        K.RandomHorizontalFlip(p=0.5),
        K.ColorJitter(n["brightness"], n["contrast"], n["saturation"], n["hue"], p=1),
        K.Normalize(torch.tensor(MEAN), torch.tensor(STD), p=1),
    ]


def geometry(n: Mapping[str, Any]) -> list[Any]:
    """Flip, affine, brightness and contrast."""
    light, slope, shift = _around(n["light"]), degrees(n["shear"]), n["translate"]
    moved = K.RandomAffine(n["angle"], (shift, shift), tuple(n["scale"]), (-slope, slope), p=1)
    return [K.RandomHorizontalFlip(p=0.5), moved, K.ColorJitter(light, light, p=1)]


def mixers() -> list[Any]:
    """CutMix, then MixUp."""
    return [K.RandomCutMixV2(p=1, data_keys=["input"]), K.RandomMixUpV2(p=1, data_keys=["input"])]


def rand_augment(n: Mapping[str, Any]) -> Any:
    """Kornia's own."""
    return load("kornia.augmentation.auto").RandAugment(n=n["num_ops"], m=n["magnitude"])


def _run(case: Case, steps: list[Any], note: str = NOTE) -> Run:
    torch.set_num_threads(case.threads)
    batch = tensor(inputs.of(case))

    def call() -> Any:
        out = batch
        with torch.no_grad():
            for step in steps:
                out = step(out)
        return out

    return Run(call, note)


def _op(case: Case) -> Run:
    steps = [OPS[case.name](case.arguments, case.height)]
    other = OTHERWISE.get(case.name)
    return _run(case, steps, f"{NOTE}; {other}" if other else NOTE)


def _pipeline(case: Case) -> Run:
    n = case.arguments
    if case.name == "Classify":
        return _run(case, classify(n))
    if case.name == "Geometry":
        return _run(case, geometry(n))
    if case.name == "Mix":
        return _run(case, mixers())
    steps = [rand_augment(n), *(mixers() if case.name == "RandAugment3Mix" else [])]
    return _run(case, steps, f"{NOTE}; the same ops for the whole batch")


def _annotated(case: Case) -> Run:
    n, size, count = case.arguments, case.height, case.batch
    torch.set_num_threads(case.threads)
    keys = ["input", "mask", "bbox_xyxy", "keypoints"]
    transform = K.AugmentationSequential(*geometry(n), data_keys=keys)
    batch = tensor(inputs.of(case))
    masks = torch.from_numpy(np.stack([inputs.mask(size)] * count)[:, None]).to(torch.float32)
    corners = np.stack([inputs.boxes(n["boxes"], size, i) for i in range(count)])
    points = np.stack([inputs.keypoints(20, size, i) for i in range(count)])
    boxes, keypoints = torch.from_numpy(corners), torch.from_numpy(points)

    def call() -> Any:
        with torch.no_grad():
            return transform(batch, masks, boxes.clone(), keypoints.clone())

    return Run(call, NOTE)


NAMES = ("RandAugment3", "Classify", "Geometry", "Mix", "RandAugment3Mix")
MAKERS: dict[str, Maker] = (
    makers("ops", OPS, _op)
    | makers("pipelines", NAMES, _pipeline)
    | makers("annotated", ("Boxes1", "Boxes20", "Boxes200"), _annotated)
)
