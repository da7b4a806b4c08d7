"""OpenCV, with the code that a person writes around it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import inputs
from . import opencv_ops as ops
from .cases import LEVELS as NAMES
from .cases import Case
from .hand import Draws, geometry_draw, mix_batch, rand_augment
from .run import Maker, Run, Work, each_image, load
from .run import versions as installed

cv2 = load("cv2")
cv2.setNumThreads(1)
LEVELS = np.arange(256)


def versions() -> dict[str, str]:
    """Of OpenCV."""
    return {"opencv": str(cv2.__version__)} | installed("numpy")


def fixed_warp(linear: Callable[[Any], Any], shift: Callable[[Case], Any] | None = None) -> Any:
    """A warp by a matrix that is made once."""

    def make(case: Case) -> Work:
        moved = (0.0, 0.0) if shift is None else shift(case)
        matrix = ops.about_center(case, linear(case.arguments), moved)
        return lambda image: ops.warp(image, matrix)

    return make


def _sized(case: Case) -> tuple[int, int]:
    share = case.arguments["share"]
    return round(case.height * share), round(case.width * share)


def _center(case: Case) -> Work:
    high, wide = _sized(case)
    top, left = (case.height - high) // 2, (case.width - wide) // 2
    return lambda image: image[top : top + high, left : left + wide].copy()


def _random_crop(case: Case) -> Work:
    (high, wide), draws = _sized(case), Draws()

    def work(image: Any) -> Any:
        top, left = draws.below(case.height - high), draws.below(case.width - wide)
        return image[top : top + high, left : left + wide].copy()

    return work


def _draw_crop(case: Case) -> Work:
    draws = Draws()
    return lambda image: ops.resized_crop(image, draws, case.height, (0.08, 1), (3 / 4, 4 / 3))


def _perspective(case: Case) -> Work:
    draws, limit = Draws(), case.arguments["distortion"] / 2
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.float32(case.width - 1)

    def work(image: Any) -> Any:
        moved = corners + draws.uniform(-limit, limit, (4, 2)) * case.width
        matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
        return cv2.warpPerspective(image, matrix, (case.width, case.height))

    return work


def _elastic(case: Case) -> Work:
    draws, reach = Draws(), case.arguments["amount"] * case.height
    rows, columns = np.mgrid[: case.height, : case.width].astype(np.float32)
    size = (case.width, case.height)

    def work(image: Any) -> Any:
        field = draws.uniform(-reach, reach, (8, 8, 2)).astype(np.float32)
        wide = cv2.resize(field, size, interpolation=cv2.INTER_CUBIC)
        return cv2.remap(image, columns + wide[..., 0], rows + wide[..., 1], cv2.INTER_LINEAR)

    return work


def _affine(case: Case) -> Work:
    n = case.arguments
    linear = ops.turn(n["angle"], n["scale"]) @ np.array([[1, n["shear"]], [0, 1]])
    matrix = ops.about_center(
        case, linear, (n["translate_x"] * case.width, n["translate_y"] * case.height)
    )
    return lambda image: ops.warp(image, matrix)


def _fixed(work: Callable[[Any, Any], Any]) -> Callable[[Case], Work]:
    """An op of the image and the case's numbers."""
    return lambda case: lambda image: work(image, case.arguments)


def _drawn(work: Callable[[Any, Draws, Any], Any]) -> Callable[[Case], Work]:
    """An op that draws as well."""

    def make(case: Case) -> Work:
        draws = Draws()
        return lambda image: work(image, draws, case.arguments)

    return make


def _moved(axis: int) -> Callable[[Case], Any]:
    def shift(case: Case) -> tuple[float, float]:
        far = case.arguments["fraction"] * (case.width, case.height)[axis]
        return (far, 0.0) if axis == 0 else (0.0, far)

    return shift


def _identity(numbers: Any) -> Any:
    return np.eye(2)


def _one_matrix(image: Any, linear: Any, shift: tuple[float, float] = (0.0, 0.0)) -> Any:
    case = Case("", "", image.shape[0], image.shape[1], 1, 1, "")
    return ops.warp(image, ops.about_center(case, linear, shift))


# RandAugment's ops, each of an image and a strength.
STRENGTHS: dict[str, Callable[[Any, float], Any]] = {
    "Rotate": lambda image, v: _one_matrix(image, ops.turn(v)),
    "ShearX": lambda image, v: _one_matrix(image, [[1, v], [0, 1]]),
    "ShearY": lambda image, v: _one_matrix(image, [[1, 0], [v, 1]]),
    "TranslateX": lambda image, v: _one_matrix(image, np.eye(2), (v * image.shape[1], 0.0)),
    "TranslateY": lambda image, v: _one_matrix(image, np.eye(2), (0.0, v * image.shape[0])),
    "Brightness": lambda image, v: cv2.convertScaleAbs(image, alpha=1 + v),
    "Contrast": lambda image, v: ops.contrast(image, 1 + v),
    "Color": lambda image, v: ops.blend(image, ops.gray3(image), 1 + v),
    "Sharpness": lambda image, v: ops.sharpness(image, 1 + v),
    "Posterize": lambda image, v: image & np.uint8(256 - (1 << (8 - int(v)))),
    "Solarize": lambda image, v: ops.lookup(np.where(v > LEVELS, LEVELS, 255 - LEVELS))(image),
    "AutoContrast": lambda image, v: ops.autocontrast(image),
    "Equalize": lambda image, v: ops.equalize(image),
    "Identity": lambda image, v: image,
}

# Op -> how to make its work on one image from a case.
WORKS: dict[str, Callable[[Case], Work]] = {
    "HorizontalFlip": _fixed(lambda image, n: cv2.flip(image, 1)),
    "VerticalFlip": _fixed(lambda image, n: cv2.flip(image, 0)),
    "Invert": _fixed(lambda image, n: cv2.bitwise_not(image)),
    "Posterize": _fixed(lambda image, n: cv2.bitwise_and(image, (240, 240, 240, 0))),
    "Solarize": lambda c: ops.lookup(np.where(LEVELS < 128, LEVELS, 255 - LEVELS)),
    "SolarizeAdd": lambda c: ops.lookup(np.where(LEVELS < 128, LEVELS + 40, LEVELS)),
    "Brightness": _fixed(lambda image, n: cv2.convertScaleAbs(image, alpha=n["factor"])),
    "Contrast": _fixed(lambda image, n: ops.contrast(image, n["factor"])),
    "Color": _fixed(lambda image, n: ops.blend(image, ops.gray3(image), n["factor"])),
    "Sharpness": _fixed(lambda image, n: ops.sharpness(image, n["factor"])),
    "Gamma": lambda c: ops.lookup(255 * (LEVELS / 255) ** c.arguments["gamma"]),
    "AutoContrast": _fixed(lambda image, n: ops.autocontrast(image)),
    "Equalize": _fixed(lambda image, n: ops.equalize(image)),
    "Grayscale": _fixed(lambda image, n: ops.gray3(image)),
    "HueSaturationValue": _fixed(
        lambda image, n: ops.hsv(image, n["hue"], n["saturation"], n["value"])
    ),
    "ColorJitter": _fixed(
        lambda image, n: ops.jitter(
            image, n["brightness"], n["contrast"], n["saturation"], n["hue"]
        )
    ),
    "Rotate": fixed_warp(lambda n: ops.turn(n["angle"])),
    "ShearX": fixed_warp(lambda n: [[1, n["slope"]], [0, 1]]),
    "ShearY": fixed_warp(lambda n: [[1, 0], [n["slope"], 1]]),
    "TranslateX": fixed_warp(_identity, _moved(0)),
    "TranslateY": fixed_warp(_identity, _moved(1)),
    "Zoom": fixed_warp(lambda n: np.eye(2) * n["factor"]),
    "Affine": _affine,
    "Perspective": _perspective,
    "Elastic": _elastic,
    "Resize": lambda c: lambda image: cv2.resize(image, _sized(c)[::-1]),
    "CenterCrop": _center,
    "RandomCrop": _random_crop,
    "RandomResizedCrop": _draw_crop,
    "Pad": _fixed(
        lambda image, n: cv2.copyMakeBorder(image, *(n["pixels"],) * 4, cv2.BORDER_CONSTANT)
    ),
    "GaussianBlur": _fixed(lambda image, n: cv2.GaussianBlur(image, (0, 0), n["sigma"])),
    "Blur": _fixed(lambda image, n: cv2.blur(image, (2 * n["radius"] + 1,) * 2)),
    "MedianBlur": _fixed(lambda image, n: cv2.medianBlur(image, 2 * n["radius"] + 1)),
    "MotionBlur": lambda c: ops.by_kernel(ops.line(c.arguments["length"], c.arguments["angle"])),
    "Sharpen": lambda c: ops.by_kernel(ops.sharpening(c.arguments["alpha"])),
    "CLAHE": _fixed(lambda image, n: ops.clahe(image, n["clip_limit"])),
    "Downscale": _fixed(lambda image, n: ops.down_and_up(image, n["scale"])),
    "GaussianNoise": _fixed(lambda image, n: ops.noise(image, n["sigma"])),
    "Cutout": _drawn(lambda image, draws, n: ops.square(image, draws, n["size"])),
    "RandomErasing": _drawn(lambda image, draws, n: ops.erase(image, draws)),
    "JpegCompression": _fixed(lambda image, n: ops.jpeg(image, n["quality"])),
    "Normalize": _fixed(lambda image, n: ops.normalize(image)),
}


def _classify(case: Case) -> Work:
    n, draws = case.arguments, Draws()

    def work(image: Any) -> Any:
        image = ops.resized_crop(image, draws, n["size"], n["scale"], n["ratio"])
        if draws.one() < 0.5:
            image = cv2.flip(image, 1)
        light, chroma, color = (
            draws.one(1 - n[key], 1 + n[key]) for key in ("brightness", "contrast", "saturation")
        )
        turned = 360 * draws.one(-n["hue"], n["hue"])
        return ops.normalize(ops.jitter(image, light, chroma, color, turned))

    return work


def _geometry(case: Case) -> Work:
    n, draws = case.arguments, Draws()

    def work(image: Any) -> Any:
        linear, shift, mirrored = geometry_draw(draws, n, case.width)
        if mirrored:
            image = cv2.flip(image, 1)
        image = ops.warp(image, ops.about_center(case, linear, shift))
        light, chroma = (draws.one(1 - n["light"], 1 + n["light"]) for _ in range(2))
        return ops.contrast(cv2.convertScaleAbs(image, alpha=light), chroma)

    return work


def _mixing(case: Case) -> Run:
    """A batch cannot be mixed by images alone: RandAugment in 2 processes, mixing in one."""
    images, draws = inputs.of(case), Draws()

    def blend(a: Any, b: Any, weight: float, out: Any) -> None:
        cv2.addWeighted(a, weight, b, 1 - weight, 0, dst=out)

    alpha = case.arguments["alpha"]
    if case.name == "Mix":
        return Run(lambda: mix_batch(images, draws, alpha, blend), "in 1 process")
    before = each_image(lambda c: rand_augment(STRENGTHS, c.arguments))(case)
    return Run(
        lambda: mix_batch(before.call(), draws, alpha, blend),
        "RandAugment in 2 processes, mixing in 1",
        before.close,
    )


OTHERWISE = {
    "Resize": "INTER_LINEAR, not antialiased",
    "RandomResizedCrop": "INTER_AREA where both sides shrink, else INTER_LINEAR",
    "Elastic": "a field of 8x8 knots, remap",
}


def _makers() -> dict[str, Maker]:
    out: dict[str, Maker] = {
        f"ops/{name}": each_image(make, OTHERWISE.get(name, "")) for name, make in WORKS.items()
    }
    out["pipelines/RandAugment3"] = each_image(lambda c: rand_augment(STRENGTHS, c.arguments))
    out["pipelines/RandAugment3Levels"] = each_image(
        lambda c: rand_augment(STRENGTHS, c.arguments, NAMES)
    )
    out["pipelines/Classify"] = each_image(_classify)
    out["pipelines/Geometry"] = each_image(_geometry)
    out["pipelines/Mix"] = out["pipelines/RandAugment3Mix"] = _mixing
    out["limits/Lookup"] = each_image(lambda c: ops.lookup(255 * (LEVELS / 255) ** 1.4))
    out["limits/Warp"] = each_image(fixed_warp(lambda n: ops.turn(n["angle"])))
    return out


MAKERS = _makers()
