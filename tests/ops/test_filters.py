"""Blur, noise, JPEG and resizing against SciPy, Pillow and statistics."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

import variegate as vg
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import as_float, picture, pictures

pytestmark = pytest.mark.parametrize("engine", engines())


def run(steps: object, images: np.ndarray, engine: str, seed: int = 5) -> np.ndarray:
    pipeline = vg.Pipeline(steps, seed=seed, engine=engine)
    return pipeline(images=images, index=np.arange(len(images)))["images"]


def at(op: str, **values: float) -> Step:
    return Step(op, {name: (value, value) for name, value in values.items()})


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 1.7, 3.2, 8.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (2, 3), (13, 8), (40, 37)])
def test_blur_is_scipy_s(engine: str, sigma: float, size: tuple[int, int]) -> None:
    images = pictures(size, 3).astype(np.float32) / np.float32(255)
    radius = int(np.ceil(3 * sigma))
    exact = images.astype(np.float64)
    for axis in (1, 2):
        exact = ndimage.gaussian_filter1d(exact, sigma, axis, mode="mirror", radius=radius)
    assert np.abs(run([at("GaussianBlur", sigma=sigma)], images, engine) - exact).max() < 2e-6
    whole = run([at("GaussianBlur", sigma=sigma)], pictures(size, 3), engine)
    allowed = 0.501 if engine == "reference" else 1.01
    assert np.abs(whole - exact * 255).max() < allowed


def noise_of(engine: str, sigma: float, count: int = 6) -> np.ndarray:
    gray = np.full((count, 64, 80, 3), 0.5, dtype=np.float32)
    return (run([at("GaussianNoise", sigma=sigma)], gray, engine) - 0.5).astype(np.float64)


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.1])
def test_noise_has_its_mean_and_deviation(engine: str, sigma: float) -> None:
    noise = noise_of(engine, sigma)
    assert abs(noise.mean()) < 4 * sigma / np.sqrt(noise.size)
    assert abs(noise.std() / sigma - 1) < 0.01
    assert stats.kstest(noise.ravel()[::7] / sigma, "norm").pvalue > 1e-3
    assert 3500 < len(np.unique(noise)) <= 4096, "one of 4,096 quantiles each"


def test_noise_is_independent_between_channels_pixels_and_samples(engine: str) -> None:
    noise = noise_of(engine, 0.1)
    pairs = [
        (noise[..., 0], noise[..., 1]),
        (noise[..., 1], noise[..., 2]),
        (noise[:, :, :-1], noise[:, :, 1:]),
        (noise[:, :-1], noise[:, 1:]),
        (noise[:-1], noise[1:]),
    ]
    for first, second in pairs:
        correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(first.size)


def test_noise_depends_on_the_sample_alone(engine: str) -> None:
    images = np.repeat(picture("random", (8, 9), 3)[None], 6, axis=0)
    aug = vg.Pipeline([at("GaussianNoise", sigma=0.1)], seed=1, engine=engine)
    whole = aug(images=images, index=[4, 9, 4, 0, 2, 9])["images"]
    assert np.array_equal(whole[0], whole[2])
    assert np.array_equal(whole[1], whole[5])
    assert not np.array_equal(whole[0], whole[1])
    assert np.array_equal(aug(images=images[:1], index=[9])["images"][0], whole[1])


def by_pillow_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    flat = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    flat.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(buffer)).reshape(image.shape)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [1, 10, 50, 90, 100])
def test_jpeg_is_pillow_s(engine: str, quality: int, channels: int) -> None:
    for size in ((1, 1), (7, 9), (33, 40)):
        images = pictures(size, channels)
        expected = np.stack([by_pillow_jpeg(image, quality) for image in images])
        got = run([at("JpegCompression", quality=quality)], images, engine)
        assert np.array_equal(got, expected), size


RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
SIZE_PAIRS = [
    ((8, 8), (8, 8)),
    ((9, 7), (18, 21)),
    ((32, 48), (16, 12)),
    ((45, 31), (13, 30)),
    ((64, 50), (5, 3)),
    ((20, 30), (31, 11)),
    ((1, 1), (4, 6)),
    ((6, 1), (3, 5)),
    ((50, 70), (1, 1)),
]


@pytest.mark.parametrize("resample", sorted(RESAMPLING))
@pytest.mark.parametrize(("start", "end"), SIZE_PAIRS)
def test_resize_is_pillow_s(
    engine: str, start: tuple[int, int], end: tuple[int, int], resample: str
) -> None:
    """Along rows first, then along columns: Pillow in two steps, which fixes that order."""
    images = pictures(start, 3)
    kind = RESAMPLING[resample]
    expected = []
    for image in images:
        wide = Image.fromarray(image).resize((end[1], start[0]), kind)
        expected.append(np.asarray(wide.resize((end[1], end[0]), kind)))
    got = run([vg.Resize(size=end, resample=resample)], images, engine)
    assert np.array_equal(got, np.stack(expected))


@pytest.mark.parametrize(("start", "end"), SIZE_PAIRS)
def test_nearest_resize_is_pillow_s(
    engine: str, start: tuple[int, int], end: tuple[int, int]
) -> None:
    images = pictures(start, 3)
    nearest = Image.Resampling.NEAREST
    expected = [np.asarray(Image.fromarray(i).resize((end[1], end[0]), nearest)) for i in images]
    got = run([vg.Resize(size=end, resample="nearest")], images, engine)
    assert np.array_equal(got, np.stack(expected))


@pytest.mark.parametrize("resample", sorted(RESAMPLING))
def test_resize_of_a_box_is_pillow_s(engine: str, resample: str) -> None:
    """A crop that is stretched: Pillow's `box`, except that ours may look beyond the box."""
    images = pictures((40, 52), 3)
    steps = [vg.Crop(box=(5, 7, 45, 31)), vg.Resize(size=(48, 80), resample=resample)]
    got = run(steps, images, engine)[:, 6:-6, 6:-6]
    for image, ours in zip(images, got, strict=True):
        cut = Image.fromarray(image[7:31, 5:45])
        theirs = cut.resize((80, 24), RESAMPLING[resample]).resize((80, 48), RESAMPLING[resample])
        assert np.array_equal(ours, np.asarray(theirs)[6:-6, 6:-6])


def test_float_resize_follows_the_levels(engine: str) -> None:
    images = pictures((30, 41), 3)
    for end in ((11, 17), (60, 50)):
        whole = run([vg.Resize(size=end)], images, engine)
        close = run([vg.Resize(size=end)], as_float(images), engine)
        assert np.abs(close * 255.0 - whole).max() <= 1.01


def test_shrinking_without_antialias_skips_pixels(engine: str) -> None:
    """A one-pixel checkerboard: smoothed it is gray, picked it is not."""
    board = (np.indices((32, 32)).sum(0) % 2 * 255).astype(np.uint8)[None, ..., None]
    smooth = run([vg.Resize(size=(8, 8))], board, engine)
    assert np.abs(smooth.astype(int) - 127.5).max() <= 8
    picked = run([vg.Resize(size=(7, 7), antialias=False)], board, engine)
    assert picked.max() - picked.min() > 60
    turned = run([vg.Zoom(factor=(0.25, 0.25)), vg.Rotate(angle=(20, 20))], board, engine)
    inner = turned[0, 14:18, 14:18, 0].astype(int)
    assert np.abs(inner - 127.5).max() <= 8
