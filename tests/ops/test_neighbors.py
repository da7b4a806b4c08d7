"""Ops that look at a pixel's neighbors, against OpenCV, SciPy, Pillow and values worked by hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage, special

import variegate as vg
from variegate.ops.kernels import motion_blur, ringing_overshoot
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import as_float, pictures

ENGINES = pytest.mark.parametrize("engine", engines())
SIZES = [(1, 1), (1, 6), (2, 3), (13, 8), (40, 37), (64, 130)]


def run(steps: object, images: np.ndarray, engine: str, seed: int = 5) -> np.ndarray:
    pipeline = vg.Pipeline(steps, seed=seed, engine=engine)
    return pipeline(images=images, index=np.arange(len(images)))["images"]


def at(op: str, settings: dict[str, Any] | None = None, **values: float) -> Step:
    return Step(op, {name: (value, value) for name, value in values.items()} | (settings or {}))


def check_near(got: np.ndarray, exact: np.ndarray, *, most: float = 0.51) -> None:
    """Bytes are near real levels; most: the largest distance."""
    assert np.abs(got - np.clip(exact, 0, 255)).max() <= most


def correlated(images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """OpenCV's filter2D in double precision, its usual border."""
    out = [cv2.filter2D(image.astype(np.float64), -1, weights) for image in images]
    return np.stack(out).reshape(images.shape)


@ENGINES
@pytest.mark.parametrize("radius", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("size", SIZES)
def test_blur_is_opencv_s_box(engine: str, size: tuple[int, int], radius: int) -> None:
    images, side = pictures(size, 3), 2 * radius + 1
    exact = correlated(images, np.full((side, side), 1 / side**2))
    check_near(run([at("Blur", radius=radius)], images, engine), exact, most=0.55)
    close = run([at("Blur", radius=radius)], as_float(images), engine)
    assert np.abs(close * 255.0 - exact).max() < 1e-3


@ENGINES
def test_blur_of_half_a_pixel_is_pillow_s(engine: str) -> None:
    images = pictures((30, 41), 3)
    for radius in (0.5, 1.25, 2.8):
        got = run([at("Blur", radius=radius)], images, engine).astype(int)
        theirs = [
            np.asarray(Image.fromarray(i).filter(ImageFilter.BoxBlur(radius))) for i in images
        ]
        inner = (slice(None), slice(3, -3), slice(3, -3))
        assert np.abs(got[inner] - np.stack(theirs)[inner]).max() <= 1


@ENGINES
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 6])
def test_median_blur_is_opencv_s(engine: str, radius: int, channels: int) -> None:
    for size in SIZES:
        images = pictures(size, channels)
        expected = [cv2.medianBlur(image, 2 * radius + 1) for image in images]
        got = run([at("MedianBlur", radius=radius)], images, engine)
        assert np.array_equal(got, np.stack(expected).reshape(images.shape)), size


@ENGINES
@pytest.mark.parametrize("radius", [1, 2, 3, 5])
def test_median_blur_of_floats_is_scipy_s(engine: str, radius: int) -> None:
    images = np.random.default_rng(3).random((2, 21, 34, 3), dtype=np.float32)
    side = 2 * radius + 1
    expected = ndimage.median_filter(images, size=(1, side, side, 1), mode="nearest")
    assert np.array_equal(run([at("MedianBlur", radius=radius)], images, engine), expected)


# Length, angle, direction, and the kernel worked by hand.
ROOT = np.sqrt(2)
LINES = [
    (5, 0, 0, np.full((1, 5), 1 / 5)),
    (5, 90, 0, np.full((5, 1), 1 / 5)),
    (4, 0, 0, np.array([[0.5, 1, 1, 1, 0.5]]) / 4),
    (4, 180, 0, np.array([[0.5, 1, 1, 1, 0.5]]) / 4),
    (3, 0, 1, np.array([[1 / 3, 1, 5 / 3]]) / 3),
    (3, 0, -1, np.array([[5 / 3, 1, 1 / 3]]) / 3),
    (3, 90, 1, np.array([[5 / 3], [1], [1 / 3]]) / 3),
    (2, 45, 0, np.array([[0, 0, 1 - ROOT / 2], [0, ROOT, 0], [1 - ROOT / 2, 0, 0]]) / 2),
    (1, 33, 1, np.ones((1, 1))),
]


@ENGINES
@pytest.mark.parametrize(("length", "angle", "direction", "kernel"), LINES)
def test_motion_blur_follows_a_line(
    engine: str, length: float, angle: float, direction: float, kernel: np.ndarray
) -> None:
    images = pictures((20, 33), 3)
    step = at("MotionBlur", length=length, angle=angle, direction=direction)
    exact = correlated(images, kernel)
    check_near(run([step], images, engine), exact, most=0.56)
    close = run([step], as_float(images), engine)
    assert np.abs(close * 255.0 - exact).max() < 0.02


def test_motion_kernels_are_the_lengths_of_the_line_in_each_pixel() -> None:
    """Against points that are strewn along the line."""
    lengths, angles = np.array([9.3, 14.0, 2.5]), np.array([17.0, -63.0, 200.0])
    kernels = motion_blur(lengths, angles, np.zeros(3)).weights
    along = (np.arange(400_000) + 0.5) / 400_000 - 0.5
    for length, angle, kernel in zip(lengths, np.deg2rad(angles), kernels, strict=True):
        x, y = np.rint(along * length * np.cos(angle)), np.rint(-along * length * np.sin(angle))
        middle = len(kernel) // 2
        found = np.zeros_like(kernel)
        np.add.at(found, (y.astype(int) + middle, x.astype(int) + middle), 1 / len(along))
        assert np.abs(found - kernel).max() < 1e-4


@ENGINES
@pytest.mark.parametrize(("radius", "alias_blur"), [(0.4, 0), (3, 0), (3.5, 0.3), (7, 0.5)])
def test_defocus_is_a_disc(engine: str, radius: float, alias_blur: float) -> None:
    point = np.zeros((1, 41, 41, 1), dtype=np.float32)
    point[0, 20, 20] = 1
    step = at("Defocus", radius=radius, alias_blur=alias_blur)
    spread = run([step], point, engine)[0, ..., 0].astype(np.float64)
    rows, columns = np.mgrid[-20:21, -20:21]
    exact = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1)
    if alias_blur:
        exact = ndimage.gaussian_filter(exact, alias_blur, radius=3, mode="constant")
    exact /= exact.sum()
    assert np.abs(spread - exact).max() < 2e-5
    assert abs(spread.sum() - 1) < 1e-5
    check_near(
        run([step], pictures((30, 41), 3), engine),
        correlated(pictures((30, 41), 3), exact),
        most=0.6,
    )


def toward(alpha: float, effect: list[list[float]]) -> np.ndarray:
    same = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.float64)
    return (1 - alpha) * same + alpha * np.array(effect, dtype=np.float64)


# Each step with the kernel that the field documents for it.
SMALL = [
    (at("Sharpen", alpha=0.35, lightness=0.7), [[-1, -1, -1], [-1, 8.7, -1], [-1, -1, -1]], 0.35),
    (at("Sharpen", alpha=1, lightness=1), [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]], 1),
    (at("Emboss", alpha=0.4, strength=0.5), [[-1.5, -0.5, 0], [-0.5, 1, 0.5], [0, 0.5, 1.5]], 0.4),
    (at("Emboss", alpha=1, strength=0), [[-1, 0, 0], [0, 1, 0], [0, 0, 1]], 1),
    (at("EdgeEnhance", alpha=0.6), [[-0.5] * 3, [-0.5, 5, -0.5], [-0.5] * 3], 0.6),
]


@ENGINES
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize(("step", "effect", "alpha"), SMALL)
def test_small_kernels_are_opencv_s(
    engine: str, step: Step, effect: list[list[float]], alpha: float, channels: int
) -> None:
    for size in ((1, 1), (3, 2), (19, 70)):
        images = pictures(size, channels)
        exact = correlated(images, toward(alpha, effect))
        check_near(run([step], images, engine), exact, most=0.6)
        close = run([step], as_float(images), engine)
        assert np.abs(close * 255.0 - np.clip(exact, 0, 255)).max() < 0.05


@ENGINES
def test_edge_enhance_is_pillow_s(engine: str) -> None:
    images = pictures((30, 41), 3)
    theirs = [np.asarray(Image.fromarray(i).filter(ImageFilter.EDGE_ENHANCE)) for i in images]
    got = run([at("EdgeEnhance", alpha=1)], images, engine)
    inner = (slice(None), slice(1, -1), slice(1, -1))
    assert np.array_equal(got[inner], np.stack(theirs)[inner])


@ENGINES
def test_unsharp_mask_adds_the_difference_from_scipy_s_gaussian(engine: str) -> None:
    images = pictures((30, 41), 3)
    value = images.astype(np.float64)
    for sigma, alpha in ((0.8, 0.3), (1.4, 1.0), (4.0, 0.5)):
        smooth, radius = value, int(np.ceil(3 * sigma))
        for axis in (1, 2):
            smooth = ndimage.gaussian_filter1d(smooth, sigma, axis, mode="mirror", radius=radius)
        step = at("UnsharpMask", sigma=sigma, alpha=alpha, threshold=0)
        check_near(run([step], images, engine), value + alpha * (value - smooth), most=0.6)


@ENGINES
def test_unsharp_mask_leaves_small_differences(engine: str) -> None:
    """Two steps of 20 and 200 levels: a threshold of 30 keeps the first and sharpens the second."""
    image = np.full((1, 9, 60, 1), 20, dtype=np.uint8)
    image[:, :, 20:] = 40
    image[:, :, 40:] = 240
    got = run([at("UnsharpMask", sigma=1, alpha=0.5, threshold=30)], image, engine)[0, 4, :, 0]
    assert np.array_equal(got[:30], image[0, 4, :30, 0])
    tail = np.exp(-0.5 * np.arange(1, 4) ** 2).sum()
    edge = 200 * tail / (1 + 2 * tail)  # what the blur adds below the edge
    assert got[39] == np.rint(40 - 0.5 * edge)
    plain = run([at("UnsharpMask", sigma=1, alpha=0.5, threshold=0)], image, engine)[0, 4, :, 0]
    assert plain[19] < 20
    assert plain[20] > 40
    assert np.array_equal(plain[39:41], got[39:41])
    assert got[38] == 40 > plain[38]


def test_ringing_kernels_are_sinc_filters() -> None:
    kernel = ringing_overshoot(np.array([7.0]), np.array([1.1])).weights[0]
    rows, columns = np.mgrid[-7:8, -7:8]
    away = np.hypot(rows, columns)
    away[7, 7] = 1
    exact = 1.1 * special.j1(1.1 * away) / (2 * np.pi * away)
    exact[7, 7] = 1.1**2 / (4 * np.pi)
    assert np.abs(kernel - exact / exact.sum()).max() < 1e-12


@ENGINES
def test_ringing_overshoots_at_an_edge(engine: str) -> None:
    image = np.full((1, 21, 60, 3), 60, dtype=np.uint8)
    image[:, :, 30:] = 180
    got = run([at("RingingOvershoot", radius=7, cutoff=0.9)], image, engine)[0, 10, :, 0].astype(
        int
    )
    assert got.min() < 55
    assert got.max() > 185


FLAT = [
    at("Blur", radius=2.5),
    at("MedianBlur", radius=3),
    at("MotionBlur", length=9.4, angle=33, direction=0.4),
    at("Defocus", radius=4.7, alias_blur=0.4),
    at("ZoomBlur", max_factor=1.2, step_factor=0.03),
    at("GlassBlur", sigma=1.1, max_delta=4),
    at("Sharpen", alpha=0.4, lightness=1),
    at("UnsharpMask", sigma=1.3, alpha=0.7, threshold=0),
    at("Emboss", alpha=0.4, strength=0.6),
    at("EdgeEnhance", alpha=0.8),
    at("RingingOvershoot", radius=5, cutoff=1.2),
    at("Downscale", {"down": "box", "up": "bicubic"}, scale=0.3),
    at("Pixelate", block=5.5),
]


@ENGINES
@pytest.mark.parametrize("step", FLAT, ids=lambda step: step.op)
def test_flat_images_stay(engine: str, step: Step) -> None:
    images = np.stack(
        [np.full((17, 23, 3), level, dtype=np.uint8) for level in (0, 1, 127, 254, 255)]
    )
    assert np.array_equal(run([step], images, engine), images)
    close = run([step], as_float(images), engine)
    assert np.abs(close - as_float(images)).max() < 2e-6


SYMMETRIC = [step for step in FLAT if step.op not in ("MotionBlur", "GlassBlur", "Emboss")]


@ENGINES
@pytest.mark.parametrize("step", SYMMETRIC, ids=lambda step: step.op)
def test_mirrored_images_stay_mirrored(engine: str, step: Step) -> None:
    images = pictures((20, 30), 3)[[0, 3]]
    for flip in (np.s_[:, ::-1], np.s_[:, :, ::-1]):
        there = run([step], images[flip].copy(), engine)[flip].astype(int)
        off = np.abs(there - run([step], images, engine))
        assert off.max() <= 1
        assert np.mean(off == 0) > 0.97


@ENGINES
@pytest.mark.parametrize("op", ["MotionBlur", "Defocus", "RingingOvershoot"])
def test_a_kernel_does_not_depend_on_the_larger_ones_beside_it(engine: str, op: str) -> None:
    """Kernels of a batch lie in one array as large as the largest of them."""
    images = as_float(np.stack([pictures((24, 31), 3)[0]] * 24))
    aug = vg.Pipeline([Step(op)], seed=8, engine=engine)
    whole = aug(images=images, index=np.arange(24))["images"]
    for place in range(24):
        alone = aug(images=images[place : place + 1], index=[place])["images"]
        assert np.array_equal(whole[place], alone[0])
