"""torchvision.transforms.v2 on uint8 tensors, channels first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import inputs
from .cases import MEAN, STD, Case
from .epoch import epochs
from .run import Maker, Run, load, makers, one_by_one
from .run import versions as installed

torch = load("torch")
torch.set_num_threads(1)


def _declare() -> Any:
    """Names of operators that a build without its C++ part lacks, so that it can be imported; no
    transform calls them.
    """
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


try:
    load("torchvision")
except RuntimeError:
    _KEPT = _declare()
    load("torchvision")
v2 = load("torchvision.transforms.v2")
tensors = load("torchvision.tv_tensors")
F = v2.functional
BILINEAR = v2.InterpolationMode.BILINEAR


def versions() -> dict[str, str]:
    """Of torchvision and PyTorch."""
    return installed("torchvision", "torch")


def affine(x: Any, **given: Any) -> Any:
    """An affine map with what is named; angles clockwise, as torchvision has them."""
    plain = {"angle": 0.0, "translate": [0.0, 0.0], "scale": 1.0, "shear": [0.0, 0.0]}
    return F.affine(x, **{**plain, **given}, interpolation=BILINEAR)


def degrees(slope: float) -> float:
    """A slope as an angle."""
    return math.degrees(math.atan(slope))


def normalize(x: Any) -> Any:
    """To float32, minus mean, by deviation."""
    return F.normalize(F.to_dtype(x, torch.float32, scale=True), MEAN, STD)


def _jitter(x: Any, n: Mapping[str, Any]) -> Any:
    x = F.adjust_contrast(F.adjust_brightness(x, n["brightness"]), n["contrast"])
    return F.adjust_hue(F.adjust_saturation(x, n["saturation"]), n["hue"] / 360)


def _side(x: Any, n: Mapping[str, Any]) -> list[int]:
    return [round(x.shape[-2] * n["share"]), round(x.shape[-1] * n["share"])]


FIXED: dict[str, Callable[[Any, Any], Any]] = {
    "HorizontalFlip": lambda x, n: F.horizontal_flip(x),
    "VerticalFlip": lambda x, n: F.vertical_flip(x),
    "Invert": lambda x, n: F.invert(x),
    "Posterize": lambda x, n: F.posterize(x, n["bits"]),
    "Solarize": lambda x, n: F.solarize(x, n["threshold"]),
    "Brightness": lambda x, n: F.adjust_brightness(x, n["factor"]),
    "Contrast": lambda x, n: F.adjust_contrast(x, n["factor"]),
    "Color": lambda x, n: F.adjust_saturation(x, n["factor"]),
    "Sharpness": lambda x, n: F.adjust_sharpness(x, n["factor"]),
    "Gamma": lambda x, n: F.adjust_gamma(x, n["gamma"]),
    "AutoContrast": lambda x, n: F.autocontrast(x),
    "Equalize": lambda x, n: F.equalize(x),
    "Grayscale": lambda x, n: F.rgb_to_grayscale(x, num_output_channels=3),
    "ColorJitter": _jitter,
    "Rotate": lambda x, n: F.rotate(x, n["angle"], interpolation=BILINEAR),
    "ShearX": lambda x, n: affine(x, shear=[degrees(n["slope"]), 0.0]),
    "ShearY": lambda x, n: affine(x, shear=[0.0, degrees(n["slope"])]),
    "TranslateX": lambda x, n: affine(x, translate=[n["fraction"] * x.shape[-1], 0.0]),
    "TranslateY": lambda x, n: affine(x, translate=[0.0, n["fraction"] * x.shape[-2]]),
    "Zoom": lambda x, n: affine(x, scale=n["factor"]),
    "Affine": lambda x, n: affine(
        x,
        angle=-float(n["angle"]),
        scale=n["scale"],
        shear=[degrees(n["shear"]), 0.0],
        translate=[n["translate_x"] * x.shape[-1], n["translate_y"] * x.shape[-2]],
    ),
    "Resize": lambda x, n: F.resize(x, _side(x, n), antialias=True),
    "CenterCrop": lambda x, n: F.center_crop(x, _side(x, n)).contiguous(),
    "Pad": lambda x, n: F.pad(x, [n["pixels"]]),
    "GaussianBlur": lambda x, n: F.gaussian_blur(x, [13, 13], [n["sigma"], n["sigma"]]),
    "Normalize": lambda x, n: normalize(x),
}


def _drawn(case: Case) -> Any:
    """The transforms that draw; each is called once an image."""
    n, size = case.arguments, case.height
    side = round(size * n.get("share", 1))
    return {
        "Perspective": lambda: v2.RandomPerspective(n["distortion"], p=1, interpolation=BILINEAR),
        "Elastic": lambda: v2.ElasticTransform(alpha=40.0, sigma=6.0),
        "RandomCrop": lambda: v2.RandomCrop(side),
        "RandomResizedCrop": lambda: v2.RandomResizedCrop(side, antialias=True),
        "RandomErasing": lambda: v2.RandomErasing(p=1),
    }


DRAWN = tuple(_drawn(Case("", "", 1, 1, 1, 1, "")))


def chw(images: Any) -> Any:
    """A contiguous uint8 tensor, channels first."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(images, -1, -3)))


def _op(case: Case) -> Run:
    """The whole batch in one call: it has the same numbers for all images."""
    work, n = FIXED[case.name], case.arguments
    batch = chw(inputs.of(case))
    only = batch if case.batch > 1 else batch[0]
    return Run(lambda: work(only, n), "one call for the batch" if case.batch > 1 else "")


def _random(case: Case) -> Run:
    return one_by_one(case, _drawn(case)[case.name](), list(chw(inputs.of(case))))


def _mix_op(case: Case) -> Run:
    make = {"MixUp": v2.MixUp, "CutMix": v2.CutMix}[case.name]
    transform = make(alpha=case.arguments["alpha"], num_classes=10)
    batch, labels = chw(inputs.of(case)), torch.from_numpy(inputs.labels(case.batch))
    if case.name == "MixUp":
        batch = batch.to(torch.float32)
        return Run(lambda: transform(batch, labels), "one weight for the batch; float32 only")
    return Run(lambda: transform(batch, labels), "one weight for the batch")


def _around(value: float) -> tuple[float, float]:
    return 1 - value, 1 + value


def classify(n: Mapping[str, Any], tensor: bool = True) -> Any:
    """Random resized crop, flip, jitter, normalize; from Pillow images where tensor is False."""
    steps = [
        v2.RandomResizedCrop(n["size"], tuple(n["scale"]), tuple(n["ratio"]), antialias=True),
        v2.RandomHorizontalFlip(0.5),
        v2.ColorJitter(n["brightness"], n["contrast"], n["saturation"], n["hue"]),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
    return v2.Compose(steps if tensor else [v2.ToImage(), *steps])


def geometry(n: Mapping[str, Any]) -> Any:
    """Flip, affine, brightness and contrast."""
    slope, light = degrees(n["shear"]), n["light"]
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(0.5),
            v2.RandomAffine(
                n["angle"],
                (n["translate"],) * 2,
                tuple(n["scale"]),
                (-slope, slope),
                interpolation=BILINEAR,
            ),
            v2.ColorJitter(light, light),
        ]
    )


def _rand_augment(n: Mapping[str, Any]) -> Any:
    return v2.RandAugment(n["num_ops"], n["magnitude"], interpolation=BILINEAR)


def _pipeline(case: Case) -> Run:
    n = case.arguments
    known = {"RandAugment3": _rand_augment, "Classify": classify, "Geometry": geometry}
    return one_by_one(case, known[case.name](n), list(chw(inputs.of(case))))


def _as_float(batch: Any) -> Any:
    """Its MixUp takes no uint8."""
    return batch[0].to(torch.float32), batch[1]


def _mixing(case: Case) -> Run:
    """Mixing draws once for the batch, as torchvision does."""
    n, batch = case.arguments, chw(inputs.of(case))
    labels = torch.from_numpy(inputs.labels(case.batch))
    cut, mix = (make(alpha=n["alpha"], num_classes=10) for make in (v2.CutMix, v2.MixUp))
    if case.name == "Mix":
        return Run(lambda: mix(*_as_float(cut(batch, labels))), "one draw for the batch, 1 process")
    before = one_by_one(case, _rand_augment(n), list(batch))
    return Run(
        lambda: mix(*_as_float(cut(torch.from_numpy(before.call()), labels))),
        "RandAugment in 2 processes; mixing with one draw for the batch in 1",
        before.close,
    )


def _annotated(case: Case) -> Run:
    n, size = case.arguments, case.height
    transform, canvas = geometry(n), (size, size)
    form = tensors.BoundingBoxFormat.XYXY
    mask = tensors.Mask(torch.from_numpy(inputs.mask(size)))
    samples = []
    for place, image in enumerate(chw(inputs.of(case))):
        corners = torch.from_numpy(inputs.boxes(n["boxes"], size, place))
        boxes = tensors.BoundingBoxes(corners, format=form, canvas_size=canvas)
        sample = {"image": tensors.Image(image), "boxes": boxes, "mask": mask}
        points = torch.from_numpy(inputs.keypoints(20, size, place))
        sample["points"] = tensors.KeyPoints(points, canvas_size=canvas)
        samples.append(sample)
    return one_by_one(case, transform, samples)


def _files(case: Case) -> Run:
    """Pillow decodes: torchvision's own decoder is missing in builds without its C++ part."""
    image = load("PIL.Image")
    transform = classify(case.arguments, tensor=False)
    return epochs(
        case,
        lambda path: transform(image.open(path).convert("RGB")),
        "a PyTorch DataLoader with 2 workers; Pillow decodes",
    )


MAKERS: dict[str, Maker] = (
    makers("ops", FIXED, _op)
    | makers("ops", DRAWN, _random)
    | makers("ops", ("MixUp", "CutMix"), _mix_op)
    | makers("pipelines", ("RandAugment3", "Classify", "Geometry"), _pipeline)
    | makers("pipelines", ("Mix", "RandAugment3Mix"), _mixing)
    | makers("annotated", ("Boxes1", "Boxes20", "Boxes200"), _annotated)
    | {"files/Classify": _files}
)
