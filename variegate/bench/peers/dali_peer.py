"""NVIDIA DALI on the CPU: a pipeline that is fed from memory, or reads files itself."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import inputs
from .cases import MEAN, STD, Case
from .run import Maker, Run, load
from .run import versions as installed

dali = load("nvidia.dali")
fn, types = load("nvidia.dali.fn"), load("nvidia.dali.types")
augment = load("nvidia.dali.auto_aug.rand_augment")
LINEAR = types.INTERP_LINEAR
NOTE = "fed with arrays in memory"
AHEAD = 2  # batches in the making, DALI's default


def versions() -> dict[str, str]:
    """Of DALI."""
    return {"dali": str(dali.__version__)} | installed("numpy")


def _matrix(case: Case, linear: Any, shift: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """A 2x3 matrix from the output to the source, about the center; rows one after another."""
    import numpy as np

    back = np.linalg.inv(np.asarray(linear, dtype=float))
    center = np.array([case.width / 2, case.height / 2])
    offset = center - back @ (center + np.array(shift))
    return [float(v) for v in np.column_stack([back, offset]).ravel()]


def _warp(linear: Callable[[Any], Any], axis: int | None = None) -> Callable[[Any, Case], Any]:
    def work(x: Any, case: Case) -> Any:
        shift = [0.0, 0.0]
        if axis is not None:
            far = case.arguments["fraction"]
            shift[axis] = far * (case.width, case.height)[axis]
        matrix = _matrix(case, linear(case.arguments), (shift[0], shift[1]))
        return fn.warp_affine(x, matrix=matrix, fill_value=0, interp_type=LINEAR)

    return work


def _turn(n: Any) -> Any:
    angle, scale = math.radians(n["angle"]), n.get("scale", 1.0)
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    shear = n.get("shear", 0.0)
    return [[c, c * shear + s], [-s, c - s * shear]]


def _side(case: Case) -> int:
    return round(case.height * float(case.arguments["share"]))


def _crop(x: Any, case: Case, drawn: bool) -> Any:
    place = (fn.random.uniform(range=(0.0, 1.0)), fn.random.uniform(range=(0.0, 1.0)))
    x_place, y_place = place if drawn else (0.5, 0.5)
    side = _side(case)
    return fn.crop(x, crop=(side, side), crop_pos_x=x_place, crop_pos_y=y_place)


def _twist(x: Any, n: Any) -> Any:
    return fn.color_twist(
        x,
        brightness=n["brightness"],
        contrast=n["contrast"],
        saturation=n["saturation"],
        hue=float(n["hue"]),
    )


def _normalize(x: Any, mirror: Any = 0) -> Any:
    return fn.crop_mirror_normalize(
        x,
        dtype=types.FLOAT,
        output_layout="CHW",
        mean=[255 * v for v in MEAN],
        std=[255 * v for v in STD],
        mirror=mirror,
    )


OPS: dict[str, Callable[[Any, Case], Any]] = {
    "HorizontalFlip": lambda x, c: fn.flip(x, horizontal=1, vertical=0),
    "VerticalFlip": lambda x, c: fn.flip(x, horizontal=0, vertical=1),
    "Brightness": lambda x, c: fn.brightness(x, brightness=c.arguments["factor"]),
    "Contrast": lambda x, c: fn.contrast(x, contrast=c.arguments["factor"]),
    "Color": lambda x, c: fn.saturation(x, saturation=c.arguments["factor"]),
    "Equalize": lambda x, c: fn.experimental.equalize(x),
    "HueSaturationValue": lambda x, c: fn.hsv(
        x, hue=float(c.arguments["hue"]), saturation=c.arguments["saturation"], value=1.1
    ),
    "ColorJitter": lambda x, c: _twist(x, c.arguments),
    "Rotate": lambda x, c: fn.rotate(
        x, angle=float(c.arguments["angle"]), keep_size=True, fill_value=0, interp_type=LINEAR
    ),
    "ShearX": _warp(lambda n: [[1, n["slope"]], [0, 1]]),
    "ShearY": _warp(lambda n: [[1, 0], [n["slope"], 1]]),
    "TranslateX": _warp(lambda n: [[1, 0], [0, 1]], 0),
    "TranslateY": _warp(lambda n: [[1, 0], [0, 1]], 1),
    "Zoom": _warp(lambda n: [[n["factor"], 0], [0, n["factor"]]]),
    "Affine": _warp(_turn),
    "Resize": lambda x, c: fn.resize(x, resize_x=_side(c), resize_y=_side(c), interp_type=LINEAR),
    "CenterCrop": lambda x, c: _crop(x, c, False),
    "RandomCrop": lambda x, c: _crop(x, c, True),
    "RandomResizedCrop": lambda x, c: fn.random_resized_crop(
        x, size=(c.height, c.width), interp_type=LINEAR
    ),
    "GaussianBlur": lambda x, c: fn.gaussian_blur(x, sigma=c.arguments["sigma"]),
    "GaussianNoise": lambda x, c: fn.noise.gaussian(x, stddev=255 * c.arguments["sigma"]),
    "GridMask": lambda x, c: fn.grid_mask(x, ratio=c.arguments["ratio"], tile=c.height // 4),
    "JpegCompression": lambda x, c: fn.jpeg_compression_distortion(
        x, quality=c.arguments["quality"]
    ),
    "Normalize": lambda x, c: _normalize(x),
}


def _around(value: float) -> Any:
    return fn.random.uniform(range=(1 - value, 1 + value))


def _classify_tail(x: Any, n: Any) -> Any:
    hue = 360 * n["hue"]
    x = fn.color_twist(
        x,
        brightness=_around(n["brightness"]),
        contrast=_around(n["contrast"]),
        saturation=_around(n["saturation"]),
        hue=fn.random.uniform(range=(-hue, hue)),
    )
    return _normalize(x, fn.random.coin_flip())


def _resized(x: Any, n: Any) -> Any:
    return fn.random_resized_crop(
        x,
        size=(n["size"], n["size"]),
        random_area=tuple(n["scale"]),
        random_aspect_ratio=tuple(n["ratio"]),
        interp_type=LINEAR,
    )


def _geometry(x: Any, case: Case) -> Any:
    n, transforms = case.arguments, fn.transforms
    center = (case.width / 2, case.height / 2)
    far = n["translate"] * case.width
    slope = math.degrees(math.atan(n["shear"]))
    matrix = transforms.rotation(
        angle=fn.random.uniform(range=(-n["angle"], n["angle"])), center=center
    )
    scale = fn.random.uniform(range=tuple(n["scale"]))
    matrix = transforms.scale(matrix, scale=fn.stack(scale, scale), center=center)
    angles = fn.stack(fn.random.uniform(range=(-slope, slope)), types.Constant(0.0))
    matrix = transforms.shear(matrix, angles=angles, center=center)
    matrix = transforms.translation(matrix, offset=fn.random.uniform(range=(-far, far), shape=2))
    x = fn.flip(x, horizontal=fn.random.coin_flip())
    x = fn.warp_affine(x, matrix=matrix, fill_value=0, interp_type=LINEAR)
    light = n["light"]
    return fn.brightness_contrast(x, brightness=_around(light), contrast=_around(light))


def _rand_augment(x: Any, case: Case) -> Any:
    n = case.arguments
    return augment.rand_augment(
        x, n=n["num_ops"], m=n["magnitude"], fill_value=0, shape=(case.height, case.width)
    )


def _pipe(case: Case, work: Callable[[Any, Case], Any], note: str = NOTE) -> Run:
    """Build a pipeline over the case's batch; one run of it is one batch."""
    images = list(inputs.of(case))

    @dali.pipeline_def(enable_conditionals=True)  # type: ignore[untyped-decorator, unused-ignore]
    def build() -> Any:
        source = fn.external_source(source=lambda: images, layout="HWC", no_copy=True)
        return work(source, case)

    pipe = build(
        batch_size=case.batch,
        num_threads=case.threads,
        device_id=None,
        seed=1,
        prefetch_queue_depth=1,
    )
    pipe.build()
    return Run(lambda: pipe.run()[0], note)


def _files(case: Case) -> Run:
    n, folder = case.arguments, Path(os.environ["VARIEGATE_BENCH_FILES"])
    paths = [str(p) for p in inputs.jpeg_files(folder, case.batch, case.height, case.width)]

    @dali.pipeline_def  # type: ignore[untyped-decorator, unused-ignore]
    def build() -> Any:
        coded, _ = fn.readers.file(files=paths, random_shuffle=True, name="files")
        if case.name == "Decode":
            return fn.decoders.image(coded, device="cpu", output_type=types.RGB)
        part = fn.decoders.image_random_crop(
            coded,
            device="cpu",
            output_type=types.RGB,
            random_area=tuple(n["scale"]),
            random_aspect_ratio=tuple(n["ratio"]),
        )
        part = fn.resize(part, size=(n["size"], n["size"]), interp_type=LINEAR)
        return _classify_tail(part, n)

    pipe = build(
        batch_size=64,
        num_threads=case.threads,
        device_id=None,
        seed=1,
        prefetch_queue_depth=min(AHEAD, case.batch // 64),
    )
    pipe.build()
    note = "decodes the crop alone" if case.name == "Classify" else "its own decoder"
    return Run(_epoch_of(pipe, case.batch // 64), note)


def _epoch_of(pipe: Any, batches: int) -> Callable[[], None]:
    """An epoch that makes its own batches only, two ahead of the one taken.

    `run` would leave two batches of the next epoch to be made while the clock stands.
    """
    ahead = min(AHEAD, batches)
    started = False

    def epoch() -> None:
        nonlocal started
        # the first call fills the queue by itself
        for _ in range(ahead if started else 1):
            pipe.schedule_run()
        started = True
        for place in range(batches):
            pipe.share_outputs()
            pipe.release_outputs()
            if place + ahead < batches:
                pipe.schedule_run()

    return epoch


MAKERS: dict[str, Maker] = {
    f"ops/{name}": lambda case: _pipe(case, OPS[case.name]) for name in OPS
} | {
    "pipelines/RandAugment3": lambda case: _pipe(case, _rand_augment, f"{NOTE}; its own op set"),
    "pipelines/Classify": lambda case: _pipe(
        case, lambda x, c: _classify_tail(_resized(x, c.arguments), c.arguments)
    ),
    "pipelines/Geometry": lambda case: _pipe(case, _geometry),
    "files/Classify": _files,
    "files/Decode": _files,
}
