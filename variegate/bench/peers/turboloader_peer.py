"""TurboLoader 2.39: transforms on one uint8 image at a time, and its own loader."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import inputs
from .cases import MEAN, STD, Case
from .run import Maker, Run, Work, each_image, load
from .run import versions as installed

T = load("turboloader")
T.disable_logging()


def versions() -> dict[str, str]:
    """Of TurboLoader."""
    return installed("turboloader", "numpy")


def _side(case: Case) -> int:
    return round(case.height * float(case.arguments["share"]))


OPS: dict[str, Callable[[Case], Any]] = {
    "HorizontalFlip": lambda c: T.RandomHorizontalFlip(p=1.0),
    "VerticalFlip": lambda c: T.RandomVerticalFlip(p=1.0),
    "Posterize": lambda c: T.RandomPosterize(bits=c.arguments["bits"], p=1.0),
    "Solarize": lambda c: T.RandomSolarize(threshold=c.arguments["threshold"], p=1.0),
    "Brightness": lambda c: T.ColorJitter(brightness=0.3),
    "Contrast": lambda c: T.ColorJitter(contrast=0.3),
    "Color": lambda c: T.ColorJitter(saturation=0.3),
    "Grayscale": lambda c: T.Grayscale(3),
    "ColorJitter": lambda c: T.ColorJitter(0.2, 0.2, 0.2, 10 / 360),
    "Rotate": lambda c: T.RandomRotation(float(c.arguments["angle"])),
    "ShearX": lambda c: T.RandomAffine(shear=11.3),
    "TranslateX": lambda c: T.RandomAffine(translate_x=c.arguments["fraction"]),
    "TranslateY": lambda c: T.RandomAffine(translate_y=c.arguments["fraction"]),
    "Zoom": lambda c: T.RandomAffine(scale_min=1.2, scale_max=1.2),
    "Affine": lambda c: T.RandomAffine(10.0, 0.05, 0.05, 1.1, 1.1, 5.7),
    "Perspective": lambda c: T.RandomPerspective(c.arguments["distortion"], p=1.0),
    "Resize": lambda c: T.Resize(_side(c), _side(c)),
    "CenterCrop": lambda c: T.CenterCrop(_side(c), _side(c)),
    "RandomCrop": lambda c: T.RandomCrop(_side(c), _side(c)),
    "Pad": lambda c: T.Pad(c.arguments["pixels"]),
    "GaussianBlur": lambda c: T.GaussianBlur(9, c.arguments["sigma"]),
    "RandomErasing": lambda c: T.RandomErasing(p=1.0),
    "GridMask": lambda c: T.GridMask(ratio=c.arguments["ratio"], p=1.0),
}
# Of 1,000 single draws at magnitude 9 none moved a pixel.
NO_GEOMETRY = "its own op set, which has no geometry; in 2 processes"
DRAWN = ("Brightness", "Contrast", "Color", "ColorJitter", "Rotate", "ShearX", "Affine")


def _op(case: Case) -> Work:
    work: Work = OPS[case.name](case).apply
    return work


def _normalize(case: Case) -> Run:
    images = inputs.of(case)
    out = np.empty((case.batch, 3, case.height, case.width), dtype=np.float32)
    mean, std = list(MEAN), list(STD)
    return Run(lambda: T.normalize_u8_batch(images, out, mean, std), "into memory in use")


def _rand_augment(case: Case) -> Work:
    n = case.arguments
    work: Work = T.RandAugment(n["num_ops"], n["magnitude"], 1).apply
    return work


def _geometry(case: Case) -> Work:
    n = case.arguments
    low, high = n["scale"]
    moved = T.RandomAffine(n["angle"], n["translate"], n["translate"], low, high, 57.3 * n["shear"])
    light = T.ColorJitter(brightness=n["light"], contrast=n["light"])
    work: Work = T.Compose([T.RandomHorizontalFlip(p=0.5), moved, light]).apply
    return work


def _mix(case: Case) -> Run:
    """Each image with the next one, through its two-image transforms."""
    images = list(inputs.of(case))
    cut, mix = T.CutMix(case.arguments["alpha"], 1), T.MixUp(case.arguments["alpha"], 2)
    before = each_image(_rand_augment)(case) if case.name == "RandAugment3Mix" else None

    def call() -> Any:
        first = images if before is None else list(before.call())
        once = []
        for place, image in enumerate(first):
            cut.set_source_image(first[place - 1])
            once.append(cut.apply(image))
        out = []
        for place, image in enumerate(once):
            mix.set_mix_image(once[place - 1])
            out.append(mix.apply(image))
        return out

    if before is None:
        return Run(call, "in 1 process")
    return Run(call, "RandAugment, without geometry, in 2 processes; mixing in 1", before.close)


def _files(case: Case) -> Run:
    """Its loader from a tar file, with its own transforms; it has no random resized crop."""
    n, folder = case.arguments, Path(os.environ["VARIEGATE_BENCH_FILES"])
    paths = inputs.jpeg_files(folder, case.batch, case.height, case.width)
    archive = folder.with_name(f"files{case.batch}.tar")
    if not archive.is_file():
        with tarfile.open(archive, "w") as out:
            for path in paths:
                out.add(path, path.name)
    light = T.ColorJitter(n["brightness"], n["contrast"], n["saturation"], n["hue"])
    size, edge = n["size"], round(n["size"] * 256 / 224)
    normal = T.Normalize(list(MEAN), list(STD), True)
    flip = T.RandomHorizontalFlip(p=0.5)

    def call() -> int:
        steps = [T.Resize(edge, edge), T.RandomCrop(size, size), flip, light, normal]
        loader = T.FastDataLoader(
            str(archive),
            batch_size=64,
            num_workers=case.threads,
            output_format="numpy_chw",
            target_height=size,
            target_width=size,
            transform=T.Compose(steps),
        )
        return sum(len(images) for images, _ in loader)

    return Run(call, "no random resized crop: resize, then random crop; from a tar file")


def _decode(case: Case) -> Run:
    folder = Path(os.environ["VARIEGATE_BENCH_FILES"])
    paths = inputs.jpeg_files(folder, case.batch, case.height, case.width)
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(case.threads)
    one = T.decode_jpeg
    return Run(
        lambda: sum(1 for _ in pool.map(lambda path: one(path.read_bytes()), paths)),
        "decode_jpeg in 2 threads",
        pool.shutdown,
    )


MAKERS: dict[str, Maker] = {
    f"ops/{name}": each_image(_op, "the strength is drawn" if name in DRAWN else "") for name in OPS
} | {
    "ops/Normalize": _normalize,
    "pipelines/RandAugment3": each_image(_rand_augment, NO_GEOMETRY),
    "pipelines/RandAugment3Levels": each_image(_rand_augment, NO_GEOMETRY),
    "pipelines/Geometry": each_image(_geometry),
    "pipelines/Mix": _mix,
    "pipelines/RandAugment3Mix": _mix,
    "files/Classify": _files,
    "files/Decode": _decode,
}
