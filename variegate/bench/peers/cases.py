"""The cases that are timed: what each does, in words and in numbers that every library gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CORES = 2


@dataclass(frozen=True)
class Case:
    """One thing to time: `batch` images of `height` x `width` uint8 RGB in one call.

    threads: what a library may use, as threads or as processes. arguments: the numbers of the op or
    pipeline, the same for all. does: the work in words.
    """

    suite: str
    name: str
    height: int
    width: int
    batch: int
    threads: int
    does: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """For instance ops/Rotate/224x224/64."""
        return f"{self.suite}/{self.name}/{self.height}x{self.width}/{self.batch}"

    @property
    def kind(self) -> str:
        """What a library looks up: suite and name."""
        return f"{self.suite}/{self.name}"


# Op -> its fixed numbers (see the ops' own documentation for units) and the work in words.
OPS: dict[str, tuple[dict[str, Any], str]] = {
    "HorizontalFlip": ({}, "mirror left and right"),
    "VerticalFlip": ({}, "mirror top and bottom"),
    "Invert": ({}, "255 minus each level"),
    "Posterize": ({"bits": 4}, "keep 4 bits"),
    "Solarize": ({"threshold": 128}, "invert from level 128 on"),
    "SolarizeAdd": ({"add": 40, "threshold": 128}, "add 40 to the levels below 128"),
    "Brightness": ({"factor": 1.3}, "levels times 1.3"),
    "Contrast": ({"factor": 1.3}, "away from the mean gray, times 1.3"),
    "Color": ({"factor": 1.3}, "away from the pixel's gray, times 1.3"),
    "Sharpness": ({"factor": 1.6}, "away from the smoothed image, times 1.6"),
    "Gamma": ({"gamma": 1.4}, "levels to the power of 1.4"),
    "AutoContrast": ({}, "stretch each channel to 0..255"),
    "Equalize": ({}, "flatten each channel's histogram"),
    "Grayscale": ({}, "gray in three channels"),
    "HueSaturationValue": (
        {"hue": 20, "saturation": 1.2, "value": 1.1},
        "hue by 20 degrees, saturation times 1.2, value times 1.1",
    ),
    "ColorJitter": (
        {"brightness": 1.2, "contrast": 1.2, "saturation": 1.2, "hue": 10},
        "brightness, contrast and saturation times 1.2, hue by 10 degrees",
    ),
    "Rotate": ({"angle": 15}, "15 degrees, bilinear, fill 0"),
    "ShearX": ({"slope": 0.2}, "slope 0.2, bilinear, fill 0"),
    "ShearY": ({"slope": 0.2}, "slope 0.2, bilinear, fill 0"),
    "TranslateX": ({"fraction": 0.1}, "a tenth of the width, bilinear, fill 0"),
    "TranslateY": ({"fraction": 0.1}, "a tenth of the height, bilinear, fill 0"),
    "Zoom": ({"factor": 1.2}, "1.2 times larger, bilinear"),
    "Affine": (
        {"angle": 10, "scale": 1.1, "shear": 0.1, "translate_x": 0.05, "translate_y": 0.05},
        "10 degrees, scale 1.1, slope 0.1, shift 0.05, bilinear, fill 0",
    ),
    "Perspective": ({"distortion": 0.3}, "corners moved by up to 0.3 of half a side, bilinear"),
    "Elastic": ({"amount": 0.03}, "a smooth random field, bilinear"),
    "Resize": ({"share": 5 / 7}, "to 5/7 of each side, bilinear"),
    "CenterCrop": ({"share": 5 / 7}, "5/7 of each side"),
    "RandomCrop": ({"share": 5 / 7}, "5/7 of each side, drawn place"),
    "RandomResizedCrop": ({"share": 1.0}, "8 to 100 % of the area, to the full size, bilinear"),
    "Pad": ({"pixels": 16}, "16 pixels of 0 on each side"),
    "GaussianBlur": ({"sigma": 1.5}, "sigma 1.5 pixels"),
    "Blur": ({"radius": 2}, "the mean of 5x5 pixels"),
    "MedianBlur": ({"radius": 2}, "the median of 5x5 pixels"),
    "MotionBlur": (
        {"length": 7, "angle": 30, "direction": 0},
        "along a line of 7 pixels at 30 degrees",
    ),
    "Sharpen": ({"alpha": 0.4, "lightness": 1}, "0.4 of the 3x3 edges added"),
    "CLAHE": ({"clip_limit": 2}, "8x8 tiles, limit 2, on the luma"),
    "Downscale": ({"scale": 0.25}, "to a quarter of each side and back, nearest"),
    "GaussianNoise": ({"sigma": 0.05}, "sigma 0.05 of the range"),
    "Cutout": ({"size": 0.3}, "one square of 0.3 of a side set to 0"),
    "RandomErasing": ({}, "one rectangle of 2 to 33 % of the area set to 0"),
    "GridMask": ({"ratio": 0.5}, "a grid of squares set to 0, half of each period"),
    "HideAndSeek": ({"share": 0.3}, "0.3 of 4x4 cells set to 0"),
    "JpegCompression": ({"quality": 60}, "encode as JPEG of quality 60 and decode"),
    "MixUp": ({"alpha": 1.0}, "blend with another image of the batch"),
    "CutMix": ({"alpha": 1.0}, "paste a rectangle of another image of the batch"),
    "Normalize": ({}, "to float32, minus mean, by deviation, channels first"),
}
NEEDS_BATCH = ("MixUp", "CutMix")

RAND = {"num_ops": 3, "magnitude": 9}  # of 30
CROP = {"scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3)}
JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.05}
AFFINE = {"angle": 15.0, "scale": (0.9, 1.1), "shear": 0.1, "translate": 0.1, "light": 0.2}
MIX = {"alpha": 1.0}

CLASSIFY = (
    "random resized crop, flip, color jitter (0.4, 0.4, 0.4, hue 0.05), normalize to channels-first"
    " float32"
)
GEOMETRY = "flip, affine (15 degrees, 0.9..1.1, slope 0.1, shift 0.1), brightness and contrast 0.2"
PIPELINES: dict[str, tuple[dict[str, Any], str]] = {
    "RandAugment3": (RAND, "RandAugment of 3 ops at magnitude 9 of 30"),
    "Classify": (CROP | JITTER, CLASSIFY),
    "Geometry": (AFFINE, GEOMETRY),
    "Mix": (MIX, "CutMix, then MixUp"),
    "RandAugment3Mix": (RAND | MIX, "RandAugment of 3 ops, CutMix, MixUp"),
    "RandAugment3Levels": (RAND, "RandAugment of 3 ops out of those on levels, no geometry"),
}
# The ops of RandAugment that change levels and move nothing.
LEVELS = ("Identity", "AutoContrast", "Equalize", "Solarize", "Posterize", "Contrast", "Brightness")
POINTWISE = {"brightness": 1.2, "bits": 6, "gamma": 0.9}


def op_cases(quick: bool) -> list[Case]:
    """Every op alone, one thread: a batch of 224x224 and of 32x32, and single images."""
    forms = ((224, 64), (224, 1), (32, 256), (32, 1))
    out = []
    for name, (arguments, does) in OPS.items():
        for size, batch in forms[: 1 if quick else None]:
            if batch > 1 or name not in NEEDS_BATCH:
                out.append(Case("ops", name, size, size, batch, 1, does, arguments))
    return out


def pipeline_cases(quick: bool) -> list[Case]:
    """Whole pipelines on both cores; Classify starts from 500x375 where 224 comes out."""
    out = []
    for size, batch in ((224, 64), (32, 256)):
        for name, (arguments, does) in PIPELINES.items():
            height, width = (375, 500) if (name, size) == ("Classify", 224) else (size, size)
            numbers = {**arguments, "size": size}
            out.append(Case("pipelines", name, height, width, batch, CORES, does, numbers))
    return out[:3] if quick else out


def annotated_cases(quick: bool) -> list[Case]:
    """The geometry pipeline with boxes, 20 keypoints and a mask on every image."""
    does = f"{GEOMETRY}; 20 keypoints, a mask and boxes:"
    return [
        Case(
            "annotated", f"Boxes{count}", 224, 224, 16, CORES, f"{does} {count}",
            {**AFFINE, "size": 224, "boxes": count, "keypoints": 20},
        )
        for count in ((20,) if quick else (1, 20, 200))
    ]  # fmt: skip


def file_cases(quick: bool) -> list[Case]:
    """From JPEG files to normalized batches, and the decoding alone."""
    count = 64 if quick else 512
    numbers = {**CROP, **JITTER, "size": 224}
    does = f"{count} JPEG files (quality 90, 4:2:0): decode, {CLASSIFY}; batches of 64"
    alone = f"{count} JPEG files: decode at full size, nothing else"
    parts = f"{count} JPEG files: decode what the first case needs of them, nothing else"
    return [
        Case("files", "Classify", 375, 500, count, CORES, does, numbers),
        Case("files", "Decode", 375, 500, count, CORES, alone, numbers),
        Case("files", "DecodeParts", 375, 500, count, CORES, parts, numbers),
    ]


def limit_cases(quick: bool) -> list[Case]:
    """What the speed is made of: memory copies, lookups, warps, calls, growth with size."""
    tiny = f"{GEOMETRY}, on images of 2x2"
    flat = [
        Case("limits", name, 2, 2, batch, 1, tiny + part, AFFINE)
        for name, part in (("Overhead", ""), ("OverheadEngine", ": the engine's part alone"))
        for batch in (1, 256)
    ]
    points = Case("limits", "Pointwise", 224, 224, 64, 1, "brightness, posterize, gamma", POINTWISE)
    copy = Case("limits", "Copy", 224, 224, 64, 1, "copy the bytes into memory in use", {})
    table = Case("limits", "Lookup", 224, 224, 64, 1, "one table of 256 levels a channel", {})
    warp = Case("limits", "Warp", 224, 224, 64, 1, "rotate by 13 degrees, bilinear", {"angle": 13})
    out = [*flat, points, copy, table, warp]
    numbers = {**AFFINE, "size": 0}
    if not quick:
        batches, sides = (1, 4, 16, 64, 256), (64, 128, 256, 512, 1024)
        out += [Case("limits", "ByBatch", 128, 128, n, 1, GEOMETRY, numbers) for n in batches]
        out += [Case("limits", "ByPixels", n, n, 4, 1, GEOMETRY, numbers) for n in sides]
    return out


SUITES = {
    "ops": op_cases,
    "pipelines": pipeline_cases,
    "annotated": annotated_cases,
    "files": file_cases,
    "limits": limit_cases,
}


def cases(suite: str, quick: bool = False) -> list[Case]:
    """The cases of one suite; quick: the few that tell most."""
    return SUITES[suite](quick)
