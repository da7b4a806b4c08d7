"""CLAHE, resampling that moves nothing, scattered pixels and file formats, against OpenCV, Pillow
and statistics.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, features
from scipy import stats

import variegate as vg
from variegate.errors import PolicyError
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import picture, pictures, scenes

ENGINES = pytest.mark.parametrize("engine", engines())


def run(steps: object, images: np.ndarray, engine: str, seed: int = 5) -> np.ndarray:
    pipeline = vg.Pipeline(steps, seed=seed, engine=engine)
    return pipeline(images=images, index=np.arange(len(images)))["images"]


def at(op: str, settings: dict[str, Any] | None = None, **values: float) -> Step:
    return Step(op, {name: (value, value) for name, value in values.items()} | (settings or {}))


CLAHE_SIZES = [((64, 64), (8, 8)), ((48, 80), (8, 8)), ((61, 85), (8, 8)), ((40, 37), (3, 5))]
ODD = [
    ((64, 61), (8, 8)),
    ((1, 1), (8, 8)),
    ((1, 30), (2, 3)),
    ((5, 300), (4, 64)),
    ((90, 70), (1, 1)),
]


@ENGINES
@pytest.mark.parametrize(("size", "grid"), CLAHE_SIZES + ODD)
def test_clahe_is_opencv_s(engine: str, size: tuple[int, int], grid: tuple[int, int]) -> None:
    images = np.concatenate([pictures(size, 1), scenes(2, size, 1)])
    for clip in (1.0, 2.5, 40.0):
        theirs = cv2.createCLAHE(clip, (grid[1], grid[0]))
        expected = np.stack([theirs.apply(image[..., 0]) for image in images])[..., None]
        got = run([at("CLAHE", {"tile_grid_size": grid}, clip_limit=clip)], images, engine)
        off = np.abs(got.astype(int) - expected)
        assert off.max() <= 1
        assert np.mean(off == 0) > 0.999


@ENGINES
def test_clahe_of_a_color_image_moves_its_luma_alone(engine: str) -> None:
    images = (scenes(4, (64, 72), 3) // 3 + 80).astype(
        np.uint8
    )  # far from where colors are cut off
    got = run([at("CLAHE", clip_limit=1.5)], images, engine).astype(int)
    step = got - images
    assert np.array_equal(step[..., 0], step[..., 1])
    assert np.array_equal(step[..., 0], step[..., 2])
    for image, own in zip(images, step[..., 0], strict=True):
        luma = np.asarray(Image.fromarray(image).convert("L"))
        theirs = cv2.createCLAHE(1.5, (8, 8)).apply(luma).astype(int)
        assert np.abs(luma + own - theirs).max() <= 1


@ENGINES
def test_clahe_leaves_alpha_and_takes_other_channels_apart(engine: str) -> None:
    step = at("CLAHE", {"tile_grid_size": (2, 2)}, clip_limit=3)
    images = pictures((40, 32), 4)
    got = run([step], images, engine)
    assert np.array_equal(got[..., 3], images[..., 3])
    assert np.array_equal(got[..., :3], run([step], images[..., :3].copy(), engine))
    two = run([step], images[..., :2].copy(), engine)
    assert np.array_equal(two[..., :1], run([step], images[..., :1].copy(), engine))


WAYS = {"nearest": 0, "bilinear": 2, "bicubic": 3, "box": 4}


@ENGINES
@pytest.mark.parametrize("up", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("down", list(WAYS))
def test_downscale_is_pillow_s_resize_twice(engine: str, down: str, up: str) -> None:
    for size, scale, small in (((36, 28), 0.25, (9, 7)), ((35, 45), 0.6, (21, 27))):
        images = pictures(size, 3)
        expected = []
        for image in images:  # one axis after the other, which fixes the order
            part = Image.fromarray(image).resize((small[1], size[0]), WAYS[down])
            part = part.resize((small[1], small[0]), WAYS[down]).resize(
                (size[1], small[0]), WAYS[up]
            )
            expected.append(np.asarray(part.resize((size[1], size[0]), WAYS[up])))
        got = run([at("Downscale", {"down": down, "up": up}, scale=scale)], images, engine)
        assert np.array_equal(got, np.stack(expected))


@ENGINES
def test_pixelate_shows_the_mean_of_each_block(engine: str) -> None:
    images = pictures((24, 36), 3)
    got = run([at("Pixelate", block=6)], images, engine)
    blocks = images.reshape(4, 4, 6, 6, 6, 3).astype(np.float64).mean(axis=(2, 4), keepdims=True)
    exact = np.broadcast_to(blocks, (4, 4, 6, 6, 6, 3)).reshape(images.shape)
    assert np.abs(got - exact).max() <= 1  # rows first, then columns, each rounded, as Pillow does
    assert np.array_equal(got[:, ::6, ::6], got[:, 5::6, 5::6])


@ENGINES
def test_zoom_blur_is_the_mean_of_enlarged_images(engine: str) -> None:
    images = scenes(3, (41, 60), 3)
    got = run([at("ZoomBlur", max_factor=1.3, step_factor=0.05)], images, engine)
    for image, own in zip(images, got, strict=True):
        total = np.zeros(image.shape)
        for factor in 1 + 0.05 * np.arange(6):
            middle = np.array([[30 - 0.5, 20.5 - 0.5]])  # OpenCV counts from the pixel's center
            matrix = np.hstack([np.eye(2) * factor, (middle * (1 - factor)).T])
            total += cv2.warpAffine(
                image.astype(np.float32), matrix, (60, 41), borderMode=cv2.BORDER_REPLICATE
            )
        assert np.abs(own - total / 6).max() <= 1.5


@ENGINES
def test_glass_blur_takes_pixels_from_nearby(engine: str) -> None:
    rows, columns = np.mgrid[:128, :128]
    image = np.stack([rows, columns, rows * 0], axis=2).astype(np.uint8)[None]
    step = at("GlassBlur", {"iterations": 1}, sigma=0, max_delta=3)
    got = run([step], image, engine)[0].astype(int)
    inner = (slice(4, -4), slice(4, -4))
    down, across = (got[..., 0] - rows)[inner].ravel(), (got[..., 1] - columns)[inner].ravel()
    for away in (down, across):
        counts = np.bincount(away + 3, minlength=7)
        assert len(counts) == 7
        expected = np.diff(np.ceil(np.arange(8) * 256 / 7)) / 256 * away.size  # of 256 bytes
        assert stats.chisquare(counts, expected).pvalue > 1e-4
    assert abs(np.corrcoef(down, across)[0, 1]) < 5 / np.sqrt(down.size)
    assert abs(np.corrcoef(down[:-1], down[1:])[0, 1]) < 5 / np.sqrt(down.size)
    assert np.all((got[0, :, 0] >= 0) & (got[-1, :, 0] >= 124))
    twice = run([at("GlassBlur", sigma=0, max_delta=3)], image, engine)[0].astype(int)
    assert np.abs(twice[..., 0] - rows).max() in (5, 6)


@ENGINES
def test_glass_blur_depends_on_the_sample_alone(engine: str) -> None:
    images = np.repeat(picture("random", (30, 9), 3)[None], 3, axis=0)
    aug = vg.Pipeline([at("GlassBlur", sigma=0.7, max_delta=4)], seed=1, engine=engine)
    some = aug(images=images, index=[4, 9, 4])["images"]
    assert np.array_equal(some[0], some[2])
    assert not np.array_equal(some[0], some[1])
    assert np.array_equal(aug(images=images[:1], index=[9])["images"][0], some[1])


@ENGINES
def test_image_compression_is_pillow_s(engine: str) -> None:
    assert features.check("webp")
    for channels in (1, 3, 4):
        images = pictures((33, 40), channels)
        jpeg = run([at("ImageCompression", quality=35)], images, engine)
        assert np.array_equal(jpeg, run([at("JpegCompression", quality=35)], images, engine))
        step = at("ImageCompression", {"compression_type": "webp"}, quality=35)
        for image, own in zip(images, run([step], images, engine), strict=True):
            buffer = io.BytesIO()
            flat = Image.fromarray(image[..., 0] if channels == 1 else image[..., :3])
            flat.save(buffer, "WEBP", quality=35)
            back = Image.open(buffer)
            theirs = np.asarray(back.convert("L"))[..., None] if channels == 1 else np.asarray(back)
            assert np.array_equal(own[..., : theirs.shape[2]], theirs)
            assert np.array_equal(own[..., theirs.shape[2] :], image[..., theirs.shape[2] :])


def test_webp_has_a_largest_side() -> None:
    step = vg.ImageCompression(compression_type="webp")
    with pytest.raises(PolicyError, match=r"at most 16383 pixels, got 16384"):
        vg.Pipeline([step], seed=1)(images=np.zeros((1, 1, 16384, 3), dtype=np.uint8))
