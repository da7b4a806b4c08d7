"""What an op is called in other libraries, found out from how their names are read here."""

from __future__ import annotations

from functools import lru_cache

from variegate.adapters.albumentations.given import Given, Skip, complete, signatures
from variegate.adapters.albumentations.read import TABLE
from variegate.adapters.report import Report, ops_of
from variegate.errors import PolicyError

# Arguments with which a class that needs some is tried.
TRIED = {
    "height": 8,
    "width": 8,
    "size": (8, 8),
    "min_max_height": (8, 8),
    "max_size": 8,
    "percent": 0.1,
}
# torchvision's transforms.v2, by op.
TORCHVISION = {
    "Affine": "RandomAffine", "AutoContrast": "RandomAutocontrast", "CenterCrop": "CenterCrop",
    "ChannelShuffle": "RandomChannelPermutation", "ColorJitter": "ColorJitter",
    "CutMix": "CutMix", "Elastic": "ElasticTransform", "Equalize": "RandomEqualize",
    "GaussianBlur": "GaussianBlur", "GaussianNoise": "GaussianNoise", "Grayscale": "Grayscale",
    "HorizontalFlip": "RandomHorizontalFlip", "Invert": "RandomInvert",
    "JpegCompression": "JPEG", "MixUp": "MixUp", "Normalize": "Normalize", "Pad": "Pad",
    "Perspective": "RandomPerspective", "Posterize": "RandomPosterize",
    "RandomCrop": "RandomCrop", "RandomErasing": "RandomErasing",
    "RandomPhotometricDistort": "RandomPhotometricDistort",
    "RandomResizedCrop": "RandomResizedCrop", "RandomZoomOut": "RandomZoomOut",
    "Resize": "Resize", "Rotate": "RandomRotation", "ScaleJitter": "ScaleJitter",
    "Sharpness": "RandomAdjustSharpness", "Solarize": "RandomSolarize",
    "VerticalFlip": "RandomVerticalFlip",
}  # fmt: skip


@lru_cache(maxsize=1)
def _albumentations() -> dict[str, tuple[str, ...]]:
    """Albumentations' classes by the only op that each becomes."""
    found: dict[str, list[str]] = {}
    for name, make in TABLE.items():
        known = signatures()[name]
        names = [*known["required"], *known["defaults"]]
        given = {key: value for key, value in TRIED.items() if key in names}
        try:
            steps = make(Given(name, complete(name, given, name), Report()))
        except (Skip, PolicyError):
            continue
        ops = set(ops_of(tuple(steps)))
        if name == "Affine":
            ops = {"Affine"}
        if len(ops) == 1:
            found.setdefault(ops.pop(), []).append(name)
    return {op: tuple(sorted(names)) for op, names in found.items()}


def elsewhere(op: str) -> dict[str, tuple[str, ...]]:
    """The names of an op by library; empty where no other library has it."""
    from variegate.adapters.keras_cv.names import NAMES

    found = {"albumentations": _albumentations().get(op, ())}
    found["torchvision"] = (TORCHVISION[op],) if op in TORCHVISION else ()
    found["keras_cv"] = NAMES.get(op, ())
    return {library: names for library, names in found.items() if names}
