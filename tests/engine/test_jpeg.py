"""JPEG without a file: the pixels that Pillow's libjpeg-turbo writes and reads, byte for byte."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow

import variegate as vg
from variegate.testing.pictures import KINDS, picture

SIZES = [
    *((1, 1), (1, 5), (5, 1), (2, 2), (3, 4), (4, 5), (6, 6), (7, 9), (8, 8), (16, 16)),
    *((17, 33), (31, 41), (48, 65), (130, 129)),
]
QUALITIES = (1, 5, 30, 49, 50, 75, 95, 96, 100)


def by_pillow(image: npt.NDArray[Any], quality: int) -> npt.NDArray[Any]:
    """The colors of an image (h, w, 1, 3 or 4) from a file with chroma at half size."""
    color = image[..., 0] if image.shape[2] == 1 else image[..., :3]
    file = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(color)).save(file, "JPEG", quality=quality, subsampling=2)
    back = np.array(Pillow.open(io.BytesIO(file.getvalue()))).reshape(*image.shape[:2], -1)
    return np.concatenate([back, image[..., back.shape[2] :]], axis=2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_quality_gives_the_file_s_pixels(
    target: str, size: tuple[int, int], channels: int
) -> None:
    for kind in KINDS:
        image = picture(kind, size, channels, 0)
        for quality in QUALITIES:
            step = vg.JpegCompression(quality=(quality, quality))
            found = vg.Pipeline([step], seed=0, engine="native")(image=image)["image"]
            np.testing.assert_array_equal(found, by_pillow(image, quality), f"{kind} {quality}")


def test_extreme_blocks_are_clipped_as_in_the_file(target: str) -> None:
    rng = np.random.default_rng(5)
    image = np.where(rng.random((64, 80, 3)) < 0.5, 0, 255).astype(np.uint8)
    for quality in range(1, 101, 3):
        step = vg.JpegCompression(quality=(quality, quality))
        found = vg.Pipeline([step], seed=0, engine="native")(image=image)["image"]
        np.testing.assert_array_equal(found, by_pillow(image, quality), str(quality))


def test_floats_go_through_the_nearest_level(target: str) -> None:
    image = picture("random", (20, 30), 3, 0).astype(np.float32) / 255
    aug = vg.Pipeline([vg.JpegCompression(quality=(60, 60))], seed=0, engine="native")
    found = aug(image=image)["image"]
    wanted = by_pillow(np.floor(image * 255.0 + 0.5).astype(np.uint8), 60)
    np.testing.assert_array_equal(found, (wanted / 255.0).astype(np.float32))


def test_jpeg_and_webp_stand_among_other_entries(target: str) -> None:
    images = np.stack([picture("random", (24, 24), 3, i) for i in range(6)])
    steps = [
        vg.HorizontalFlip(),
        vg.JpegCompression(quality=(50, 50)),
        vg.Invert(),
        vg.OneOf([vg.ImageCompression(compression_type="webp"), vg.JpegCompression()]),
        vg.Brightness(factor=(1.2, 1.2)),
    ]
    found, wanted = (
        vg.Pipeline(steps, seed=3, engine=engine)(images=images)["images"]
        for engine in ("native", "reference")
    )
    np.testing.assert_array_equal(found, wanted)
