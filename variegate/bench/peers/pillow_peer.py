"""Pillow. Its images are made before the clock starts where one op is timed; pipelines start and
end with arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import inputs
from .cases import LEVELS as NAMES
from .cases import MEAN, STD, Case
from .hand import Draws, crop_place, geometry_draw, mix_batch, rand_augment
from .run import Maker, Run, Work, each_image, load, one_by_one
from .run import versions as installed

Image, Ops = load("PIL.Image"), load("PIL.ImageOps")
Enhance, Filter = load("PIL.ImageEnhance"), load("PIL.ImageFilter")
BILINEAR = Image.Resampling.BILINEAR
LEVELS = np.arange(256)


def versions() -> dict[str, str]:
    """Of Pillow."""
    return installed("pillow", "numpy")


def table(levels: Any) -> Work:
    """One table for all channels."""
    values = np.clip(np.rint(levels), 0, 255).astype(int).tolist() * 3
    return lambda image: image.point(values)


def affine(image: Any, linear: Any, shift: tuple[float, float] = (0.0, 0.0)) -> Any:
    """A linear map about the center, then a shift; bilinear, fill 0."""
    wide, high = image.size
    back = np.linalg.inv(np.asarray(linear, dtype=float))
    center = np.array([wide / 2, high / 2])
    offset = center - back @ (center + np.array(shift))
    data = (*back[0].tolist(), offset[0].item(), *back[1].tolist(), offset[1].item())
    return image.transform(image.size, Image.Transform.AFFINE, data, BILINEAR)


def turn(image: Any, degrees: float) -> Any:
    """Counter-clockwise."""
    return image.rotate(degrees, BILINEAR)


def hue(image: Any, degrees: float, saturation: float = 1.0, value: float = 1.0) -> Any:
    """Through HSV, with one table a channel."""
    tables = [(LEVELS + degrees * 256 / 360) % 256, LEVELS * saturation, LEVELS * value]
    flat = np.clip(np.concatenate(tables), 0, 255).astype(int).tolist()
    return image.convert("HSV").point(flat).convert("RGB")


def jitter(image: Any, light: float, chroma: float, saturation: float, turned: float) -> Any:
    """Brightness, contrast, saturation and hue, in this order."""
    image = Enhance.Brightness(image).enhance(light)
    image = Enhance.Contrast(image).enhance(chroma)
    return hue(Enhance.Color(image).enhance(saturation), turned)


def jpeg(image: Any, quality: int) -> Any:
    """Encode and decode."""
    import io

    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    out = Image.open(buffer)
    out.load()
    return out


def square(image: Any, draws: Draws, share: float) -> Any:
    """One square set to 0."""
    side = round(share * min(image.size))
    left, top = draws.below(image.width - side), draws.below(image.height - side)
    out = image.copy()
    out.paste((0, 0, 0), (left, top, left + side, top + side))
    return out


def erase(image: Any, draws: Draws) -> Any:
    """One rectangle of 2 to 33 % of the area set to 0."""
    top, left, high, wide = crop_place(draws, image.height, image.width, (0.02, 0.33), (0.3, 3.3))
    out = image.copy()
    out.paste((0, 0, 0), (left, top, left + wide, top + high))
    return out


def resized_crop(image: Any, draws: Draws, size: int, scale: Any, ratio: Any) -> Any:
    """A drawn part at a fixed size, antialiased."""
    top, left, high, wide = crop_place(draws, image.height, image.width, scale, ratio)
    return image.resize((size, size), BILINEAR, box=(left, top, left + wide, top + high))


def normalize(image: Any) -> Any:
    """Channels-first float32."""
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
    out: Any = np.asarray(image, dtype=np.float32)
    out = (out - np.float32(255) * mean) / (np.float32(255) * std)
    return np.ascontiguousarray(out.transpose(2, 0, 1))


def _size(case: Case) -> tuple[int, int]:
    share = case.arguments["share"]
    return round(case.width * share), round(case.height * share)


def _center(case: Case) -> Work:
    wide, high = _size(case)
    left, top = (case.width - wide) // 2, (case.height - high) // 2
    return lambda image: image.crop((left, top, left + wide, top + high))


def _random_crop(case: Case) -> Work:
    (wide, high), draws = _size(case), Draws()

    def work(image: Any) -> Any:
        left, top = draws.below(case.width - wide), draws.below(case.height - high)
        return image.crop((left, top, left + wide, top + high))

    return work


def _drawn(work: Callable[[Any, Draws, Any], Any]) -> Callable[[Case], Work]:
    def make(case: Case) -> Work:
        draws = Draws()
        return lambda image: work(image, draws, case.arguments)

    return make


def _fixed(work: Callable[[Any, Any], Any]) -> Callable[[Case], Work]:
    return lambda case: lambda image: work(image, case.arguments)


def _affine_matrix(n: Any) -> Any:
    angle = math.radians(n["angle"])
    c, s = n["scale"] * math.cos(angle), n["scale"] * math.sin(angle)
    return np.array([[c, s], [-s, c]]) @ np.array([[1, n["shear"]], [0, 1]])


# RandAugment's ops, each of an image and a strength.
STRENGTHS: dict[str, Callable[[Any, float], Any]] = {
    "Rotate": turn,
    "ShearX": lambda image, v: affine(image, [[1, v], [0, 1]]),
    "ShearY": lambda image, v: affine(image, [[1, 0], [v, 1]]),
    "TranslateX": lambda image, v: affine(image, np.eye(2), (v * image.width, 0.0)),
    "TranslateY": lambda image, v: affine(image, np.eye(2), (0.0, v * image.height)),
    "Brightness": lambda image, v: Enhance.Brightness(image).enhance(1 + v),
    "Contrast": lambda image, v: Enhance.Contrast(image).enhance(1 + v),
    "Color": lambda image, v: Enhance.Color(image).enhance(1 + v),
    "Sharpness": lambda image, v: Enhance.Sharpness(image).enhance(1 + v),
    "Posterize": lambda image, v: Ops.posterize(image, int(v)),
    "Solarize": lambda image, v: Ops.solarize(image, int(v)),
    "AutoContrast": lambda image, v: Ops.autocontrast(image),
    "Equalize": lambda image, v: Ops.equalize(image),
    "Identity": lambda image, v: image,
}

WORKS: dict[str, Callable[[Case], Work]] = {
    "HorizontalFlip": _fixed(lambda image, n: Ops.mirror(image)),
    "VerticalFlip": _fixed(lambda image, n: Ops.flip(image)),
    "Invert": _fixed(lambda image, n: Ops.invert(image)),
    "Posterize": _fixed(lambda image, n: Ops.posterize(image, n["bits"])),
    "Solarize": _fixed(lambda image, n: Ops.solarize(image, n["threshold"])),
    "SolarizeAdd": lambda c: table(np.where(LEVELS < 128, LEVELS + 40, LEVELS)),
    "Brightness": _fixed(lambda image, n: Enhance.Brightness(image).enhance(n["factor"])),
    "Contrast": _fixed(lambda image, n: Enhance.Contrast(image).enhance(n["factor"])),
    "Color": _fixed(lambda image, n: Enhance.Color(image).enhance(n["factor"])),
    "Sharpness": _fixed(lambda image, n: Enhance.Sharpness(image).enhance(n["factor"])),
    "Gamma": lambda c: table(255 * (LEVELS / 255) ** c.arguments["gamma"]),
    "AutoContrast": _fixed(lambda image, n: Ops.autocontrast(image)),
    "Equalize": _fixed(lambda image, n: Ops.equalize(image)),
    "Grayscale": _fixed(lambda image, n: image.convert("L").convert("RGB")),
    "HueSaturationValue": _fixed(
        lambda image, n: hue(image, n["hue"], n["saturation"], n["value"])
    ),
    "ColorJitter": _fixed(
        lambda image, n: jitter(image, n["brightness"], n["contrast"], n["saturation"], n["hue"])
    ),
    "Rotate": _fixed(lambda image, n: turn(image, n["angle"])),
    "ShearX": _fixed(lambda image, n: affine(image, [[1, n["slope"]], [0, 1]])),
    "ShearY": _fixed(lambda image, n: affine(image, [[1, 0], [n["slope"], 1]])),
    "TranslateX": _fixed(
        lambda image, n: affine(image, np.eye(2), (n["fraction"] * image.width, 0.0))
    ),
    "TranslateY": _fixed(
        lambda image, n: affine(image, np.eye(2), (0.0, n["fraction"] * image.height))
    ),
    "Zoom": _fixed(lambda image, n: affine(image, np.eye(2) * n["factor"])),
    "Affine": _fixed(
        lambda image, n: affine(
            image,
            _affine_matrix(n),
            (n["translate_x"] * image.width, n["translate_y"] * image.height),
        )
    ),
    "Resize": lambda c: lambda image: image.resize(_size(c), BILINEAR),
    "CenterCrop": _center,
    "RandomCrop": _random_crop,
    "RandomResizedCrop": _drawn(
        lambda image, draws, n: resized_crop(image, draws, image.width, (0.08, 1), (3 / 4, 4 / 3))
    ),
    "Pad": _fixed(lambda image, n: Ops.expand(image, n["pixels"])),
    "GaussianBlur": _fixed(lambda image, n: image.filter(Filter.GaussianBlur(n["sigma"]))),
    "Blur": _fixed(lambda image, n: image.filter(Filter.BoxBlur(n["radius"]))),
    "MedianBlur": _fixed(lambda image, n: image.filter(Filter.MedianFilter(2 * n["radius"] + 1))),
    "Cutout": _drawn(lambda image, draws, n: square(image, draws, n["size"])),
    "RandomErasing": _drawn(lambda image, draws, n: erase(image, draws)),
    "JpegCompression": _fixed(lambda image, n: jpeg(image, n["quality"])),
    "Normalize": _fixed(lambda image, n: normalize(image)),
}
OTHERWISE = {"GaussianBlur": "box blurs in a row", "JpegCompression": "through a file in memory"}


def _op(name: str) -> Maker:
    def make(case: Case) -> Run:
        images = [Image.fromarray(image) for image in inputs.of(case)]
        return one_by_one(case, WORKS[name](case), images, OTHERWISE.get(name, ""))

    return make


def _classify(case: Case) -> Work:
    n, draws = case.arguments, Draws()

    def work(array: Any) -> Any:
        image = resized_crop(Image.fromarray(array), draws, n["size"], n["scale"], n["ratio"])
        if draws.one() < 0.5:
            image = Ops.mirror(image)
        light, chroma, color = (
            draws.one(1 - n[key], 1 + n[key]) for key in ("brightness", "contrast", "saturation")
        )
        turned = 360 * draws.one(-n["hue"], n["hue"])
        return normalize(jitter(image, light, chroma, color, turned))

    return work


def _geometry(case: Case) -> Work:
    n, draws = case.arguments, Draws()

    def work(array: Any) -> Any:
        image = Image.fromarray(array)
        linear, shift, mirrored = geometry_draw(draws, n, case.width)
        image = affine(Ops.mirror(image) if mirrored else image, linear, shift)
        light, chroma = (draws.one(1 - n["light"], 1 + n["light"]) for _ in range(2))
        image = Enhance.Brightness(image).enhance(light)
        return np.asarray(Enhance.Contrast(image).enhance(chroma))

    return work


def _rand_augment(case: Case) -> Work:
    among = NAMES if case.name == "RandAugment3Levels" else ()
    work = rand_augment(STRENGTHS, case.arguments, among)
    return lambda array: np.asarray(work(Image.fromarray(array)))


def _blend(a: Any, b: Any, weight: float, out: Any) -> None:
    out[:] = Image.blend(Image.fromarray(b), Image.fromarray(a), weight)


def _mixing(case: Case) -> Run:
    images, draws, alpha = inputs.of(case), Draws(), case.arguments["alpha"]
    if case.name == "Mix":
        return Run(lambda: mix_batch(images, draws, alpha, _blend), "in 1 process")
    before = each_image(_rand_augment)(case)
    return Run(
        lambda: mix_batch(before.call(), draws, alpha, _blend),
        "RandAugment in 2 processes, mixing in 1",
        before.close,
    )


MAKERS: dict[str, Maker] = {f"ops/{name}": _op(name) for name in WORKS} | {
    "pipelines/RandAugment3": each_image(_rand_augment),
    "pipelines/RandAugment3Levels": each_image(_rand_augment),
    "pipelines/Classify": each_image(_classify),
    "pipelines/Geometry": each_image(_geometry),
    "pipelines/Mix": _mixing,
    "pipelines/RandAugment3Mix": _mixing,
}
