"""Albumentations 2.0.8, the last one under the MIT license."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import inputs
from .cases import MEAN, STD, Case
from .epoch import epochs
from .hand import SIGNED, levels_of
from .run import Maker, Run, Work, each_image, load, one_by_one
from .run import versions as installed

A = load("albumentations")
cv2 = load("cv2")
cv2.setNumThreads(1)
ONE = (1.0, 1.0)
OTHERWISE = {
    "Sharpness": "Sharpen: a 3x3 kernel",
    "HueSaturationValue": "adds to saturation and value",
    "GridMask": "GridDropout",
    "Elastic": "ElasticTransform: a smoothed field of every pixel",
    "Resize": "not antialiased",
    "RandomResizedCrop": "not antialiased",
}


def versions() -> dict[str, str]:
    """Of Albumentations and what it computes with."""
    return installed("albumentations", "albucore", "numpy") | {"opencv": str(cv2.__version__)}


def jitter(**ranges: Any) -> Any:
    """ColorJitter that leaves alone what is not named."""
    plain = {"brightness": ONE, "contrast": ONE, "saturation": ONE, "hue": (0.0, 0.0)}
    return A.ColorJitter(**{**plain, **ranges}, p=1)


def degrees(slope: float) -> float:
    """A slope as an angle."""
    return math.degrees(math.atan(slope))


def affine(**ranges: Any) -> Any:
    """Affine with what is named."""
    return A.Affine(**ranges, p=1)


def _fixed_color(n: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """Ops on levels and colors; fields of `n` are read when an op is made."""
    factor = n.get("factor", 1.0)
    return {
        "Invert": lambda: A.InvertImg(p=1),
        "Posterize": lambda: A.Posterize(num_bits=n["bits"], p=1),
        "Solarize": lambda: A.Solarize(threshold_range=(128 / 255, 128 / 255), p=1),
        "Brightness": lambda: jitter(brightness=(factor, factor)),
        "Contrast": lambda: jitter(contrast=(factor, factor)),
        "Color": lambda: jitter(saturation=(factor, factor)),
        "Sharpness": lambda: A.Sharpen(alpha=(0.3, 0.3), lightness=ONE, p=1),
        "Gamma": lambda: A.RandomGamma(gamma_limit=(100 * n["gamma"],) * 2, p=1),
        "AutoContrast": lambda: A.AutoContrast(method="pil", p=1),
        "Equalize": lambda: A.Equalize(mode="pil", p=1),
        "Grayscale": lambda: A.ToGray(p=1),
        "HueSaturationValue": lambda: A.HueSaturationValue((10, 10), (20, 20), (10, 10), p=1),
        "ColorJitter": lambda: jitter(
            brightness=(n["brightness"],) * 2,
            contrast=(n["contrast"],) * 2,
            saturation=(n["saturation"],) * 2,
            hue=(n["hue"] / 360,) * 2,
        ),
        "GaussianBlur": lambda: A.GaussianBlur(0, (n["sigma"],) * 2, p=1),
        "Blur": lambda: A.Blur((2 * n["radius"] + 1,) * 2, p=1),
        "MedianBlur": lambda: A.MedianBlur((2 * n["radius"] + 1,) * 2, p=1),
        "MotionBlur": lambda: A.MotionBlur(
            (n["length"],) * 2,
            angle_range=(n["angle"],) * 2,
            direction_range=(n["direction"],) * 2,
            p=1,
        ),
        "Sharpen": lambda: A.Sharpen((n["alpha"],) * 2, (n["lightness"],) * 2, p=1),
        "CLAHE": lambda: A.CLAHE((n["clip_limit"],) * 2, p=1),
        "Downscale": lambda: A.Downscale((n["scale"],) * 2, p=1),
        "GaussianNoise": lambda: A.GaussNoise((n["sigma"],) * 2, p=1),
        "JpegCompression": lambda: A.ImageCompression(quality_range=(n["quality"],) * 2, p=1),
        "Normalize": lambda: A.Normalize(MEAN, STD, p=1),
    }


def _fixed_geometry(case: Case) -> dict[str, Callable[[], Any]]:
    """Ops that move pixels or hide them."""
    n = case.arguments
    side = round(case.height * n.get("share", 1.0))
    return {
        "HorizontalFlip": lambda: A.HorizontalFlip(p=1),
        "VerticalFlip": lambda: A.VerticalFlip(p=1),
        "Rotate": lambda: A.Rotate(limit=(n["angle"],) * 2, p=1),
        "ShearX": lambda: affine(shear={"x": (degrees(n["slope"]),) * 2, "y": (0, 0)}),
        "ShearY": lambda: affine(shear={"x": (0, 0), "y": (degrees(n["slope"]),) * 2}),
        "TranslateX": lambda: affine(translate_percent={"x": (n["fraction"],) * 2, "y": (0, 0)}),
        "TranslateY": lambda: affine(translate_percent={"x": (0, 0), "y": (n["fraction"],) * 2}),
        "Zoom": lambda: affine(scale=(n["factor"],) * 2),
        "Affine": lambda: affine(
            rotate=(n["angle"],) * 2,
            scale=(n["scale"],) * 2,
            shear={"x": (degrees(n["shear"]),) * 2, "y": (0, 0)},
            translate_percent={"x": (n["translate_x"],) * 2, "y": (n["translate_y"],) * 2},
        ),
        "Perspective": lambda: A.Perspective((n["distortion"] / 2,) * 2, p=1),
        "Elastic": lambda: A.ElasticTransform(40, 6, p=1),
        "Resize": lambda: A.Resize(side, side, p=1),
        "CenterCrop": lambda: A.CenterCrop(side, side, p=1),
        "RandomCrop": lambda: A.RandomCrop(side, side, p=1),
        "RandomResizedCrop": lambda: A.RandomResizedCrop((side, side), p=1),
        "Pad": lambda: A.Pad(n["pixels"], p=1),
        "Cutout": lambda: A.CoarseDropout((1, 1), (n["size"],) * 2, (n["size"],) * 2, p=1),
        "RandomErasing": lambda: A.Erasing(p=1),
        "GridMask": lambda: A.GridDropout(ratio=n["ratio"], p=1),
    }


def _op(case: Case) -> Work:
    made = {**_fixed_color(case.arguments), **_fixed_geometry(case)}[case.name]()
    pipeline = A.Compose([made])
    if case.name == "Normalize":
        return lambda image: np.ascontiguousarray(pipeline(image=image)["image"].transpose(2, 0, 1))
    return lambda image: pipeline(image=image)["image"]


OPS = [*_fixed_color({}), *_fixed_geometry(Case("", "", 1, 1, 1, 1, ""))]


def _signed(value: float) -> tuple[float, float]:
    return (-value, value)


def _rand_augment(case: Case) -> Work:
    """SomeOf the 14 ops; the sign is drawn as a range from -strength to strength."""
    v = levels_of(case.arguments)
    span = {name: _signed(v[name]) for name in SIGNED}
    factors = {name: (1 - v[name], 1 + v[name]) for name in ("Brightness", "Contrast", "Color")}
    ops = [
        affine(rotate=span["Rotate"]),
        affine(shear={"x": _signed(degrees(v["ShearX"])), "y": (0, 0)}),
        affine(shear={"x": (0, 0), "y": _signed(degrees(v["ShearY"]))}),
        affine(translate_percent={"x": span["TranslateX"], "y": (0, 0)}),
        affine(translate_percent={"x": (0, 0), "y": span["TranslateY"]}),
        jitter(brightness=factors["Brightness"]),
        jitter(contrast=factors["Contrast"]),
        jitter(saturation=factors["Color"]),
        A.Sharpen(alpha=(0.0, v["Sharpness"]), lightness=ONE, p=1),
        A.Posterize(num_bits=int(v["Posterize"]), p=1),
        A.Solarize(threshold_range=(v["Solarize"] / 255,) * 2, p=1),
        A.AutoContrast(method="pil", p=1),
        A.Equalize(mode="pil", p=1),
        A.NoOp(p=1),
    ]
    pipeline = A.Compose([A.SomeOf(ops, n=case.arguments["num_ops"], replace=True)])
    return lambda image: pipeline(image=image)["image"]


def _around(value: float) -> tuple[float, float]:
    return 1 - value, 1 + value


def classify(n: Mapping[str, Any]) -> Any:
    """Random resized crop, flip, jitter, normalize; the result is still channels-last."""
    light = {key: _around(n[key]) for key in ("brightness", "contrast", "saturation")}
    crop = A.RandomResizedCrop(
        (n["size"], n["size"]), scale=tuple(n["scale"]), ratio=tuple(n["ratio"]), p=1
    )
    flip = A.HorizontalFlip(p=0.5)
    return A.Compose([crop, flip, jitter(**light, hue=_signed(n["hue"])), A.Normalize(MEAN, STD)])


def _classify(case: Case) -> Work:
    pipeline = classify(case.arguments)
    return lambda image: pipeline(image=image)["image"].transpose(2, 0, 1)


def geometry(n: Mapping[str, Any]) -> list[Any]:
    """Flip, affine, brightness and contrast."""
    slope, shift = degrees(n["shear"]), _signed(n["translate"])
    moved = affine(
        rotate=_signed(n["angle"]),
        scale=tuple(n["scale"]),
        shear={"x": _signed(slope), "y": (0, 0)},
        translate_percent={"x": shift, "y": shift},
    )
    light = _around(n["light"])
    return [A.HorizontalFlip(p=0.5), moved, jitter(brightness=light, contrast=light)]


def _geometry(case: Case) -> Work:
    pipeline = A.Compose(geometry(case.arguments))
    return lambda image: pipeline(image=image)["image"]


def _annotated(case: Case) -> Run:
    n, size = case.arguments, case.height
    pipeline = A.Compose(
        geometry(n),
        bbox_params=A.BboxParams(format="pascal_voc", label_fields=["classes"]),
        keypoint_params=A.KeypointParams(format="xy", remove_invisible=False),
    )
    samples = [
        {
            "image": image,
            "mask": inputs.mask(size),
            "bboxes": inputs.boxes(n["boxes"], size, place),
            "classes": inputs.labels(n["boxes"]),
            "keypoints": inputs.keypoints(20, size, place),
        }
        for place, image in enumerate(inputs.of(case))
    ]
    return one_by_one(case, lambda sample: pipeline(**sample), samples)


def _files(case: Case) -> Run:
    pipeline = classify(case.arguments)

    def read(path: str) -> Any:
        image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        return np.ascontiguousarray(pipeline(image=image)["image"].transpose(2, 0, 1))

    return epochs(case, read, "a PyTorch DataLoader with 2 workers; OpenCV decodes")


def _makers() -> dict[str, Maker]:
    out = {f"ops/{name}": each_image(_op, OTHERWISE.get(name, "")) for name in OPS}
    out["pipelines/RandAugment3"] = each_image(_rand_augment)
    out["pipelines/Classify"] = each_image(_classify, "in 2 processes; not antialiased")
    out["pipelines/Geometry"] = each_image(_geometry)
    out["files/Classify"] = _files
    for count in (1, 20, 200):
        out[f"annotated/Boxes{count}"] = _annotated
    return out


MAKERS = _makers()
