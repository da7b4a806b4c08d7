"""Noise against SciPy's distributions, with fixed seeds, and values worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import variegate as vg
from variegate.policy.nodes import Step
from variegate.testing import engines

pytestmark = pytest.mark.parametrize("engine", engines())


def noisy(engine: str, step: Step, level: float, shape: Any = (4, 96, 96, 3)) -> np.ndarray:
    """Flat float images through a step."""
    images = np.full(shape, level / 255, dtype=np.float32)
    out = vg.Pipeline([step], seed=5, engine=engine)(images=images, index=np.arange(shape[0]))
    return np.asarray(out["images"], dtype=np.float64)


@pytest.mark.parametrize(("level", "scale"), [(255, 0.25), (120, 0.02), (40, 0.01), (60, 0.1)])
def test_shot_noise_counts_photons_as_poisson_does(engine: str, level: int, scale: float) -> None:
    """Below white, which is the most that a value holds, the counts are Poisson's own."""
    counts = np.rint(noisy(engine, vg.ShotNoise(scale=(scale, scale)), level) ** 2.2 / scale)
    mean = (level / 255) ** 2.2 / scale
    most = int(1 / scale)
    below = counts[counts < most]
    kept = stats.poisson.cdf(most - 1, mean)
    assert (
        abs(len(below) / counts.size - kept) < 4 * np.sqrt(kept * (1 - kept) / counts.size) + 1e-4
    )
    share = np.bincount(below.astype(int), minlength=most)[:most] / counts.size
    expected = stats.poisson.pmf(np.arange(most), mean)
    assert np.abs(share - expected).max() < 5 * np.sqrt(0.25 / counts.size)
    assert abs(np.cumsum(share - expected)).max() < 1.95 / np.sqrt(counts.size), "KS at 0.001"


def test_many_photons_have_poisson_s_mean_and_variance(engine: str) -> None:
    """150 of them, far below white: Cornish and Fisher's expansion, off by under 0.2 %."""
    scale = 0.0005
    level = 255 * (150 * scale) ** (1 / 2.2)
    images = np.full((6, 128, 128, 1), round(level) / 255, dtype=np.float32)
    step = vg.ShotNoise(scale=(scale, scale))
    out = vg.Pipeline([step], seed=1, engine=engine)(images=images, index=range(6))["images"]
    counts = np.asarray(out, dtype=np.float64) ** 2.2 / scale
    mean = (round(level) / 255) ** 2.2 / scale
    assert abs(counts.mean() - mean) < 4 * np.sqrt(mean / counts.size)
    assert abs(counts.var() / mean - 1) < 0.02
    assert abs(stats.skew(counts.ravel()) - mean**-0.5) < 0.03


def test_shot_noise_keeps_black_black_and_stops_at_white(engine: str) -> None:
    images = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    aug = vg.Pipeline([vg.ShotNoise()], seed=1, engine=engine)
    assert not aug(images=images, index=[0])["images"].any()
    white = aug(images=images + 255, index=[0])["images"]
    assert white.max() == 255
    assert white.min() < 255


@pytest.mark.parametrize(
    ("per_channel", "elementwise", "numbers"),
    [(False, False, 1), (True, False, 3), (False, True, 32 * 32), (True, True, 3 * 32 * 32)],
)
def test_multiplicative_noise_draws_as_many_factors_as_asked(
    engine: str, per_channel: bool, elementwise: bool, numbers: int
) -> None:
    step = vg.MultiplicativeNoise(
        multiplier=(0.5, 1.5), per_channel=per_channel, elementwise=elementwise
    )
    factors = noisy(engine, step, 100, (40, 32, 32, 3)) / (100 / 255)
    for own in factors:
        found = len(np.unique(np.round(own, 5)))
        assert 0.9 * numbers <= found <= numbers
    each = factors[:, 0, 0] if not elementwise else factors.reshape(-1, 3)
    assert (np.ptp(each, axis=1) > 0).any() == per_channel
    spread = each.ravel() if per_channel else each[:, 0]
    assert stats.kstest(spread[:4000], "uniform", (0.5, 1.0)).pvalue > 1e-3


def test_half_of_the_effect_of_a_factor(engine: str) -> None:
    """Factor 1.5 at amount 0.5: 1.25 times."""
    step = vg.MultiplicativeNoise(multiplier=(1.5, 1.5), amount=(0.5, 0.5))
    images = np.array([0, 10, 101, 204, 255], dtype=np.uint8).reshape(1, 1, 5, 1)
    out = vg.Pipeline([step], seed=1, engine=engine)(images=images, index=[0])["images"]
    assert out.ravel().tolist() == [0, 13, 126, 255, 255]


def test_salt_and_pepper_have_their_shares(engine: str) -> None:
    step = vg.SaltAndPepper(amount=(0.2, 0.2), salt_vs_pepper=(0.3, 0.3))
    images = np.full((8, 100, 100, 3), 77, dtype=np.uint8)
    out = vg.Pipeline([step], seed=2, engine=engine)(images=images, index=range(8))["images"]
    salt, pepper = np.all(out == 255, axis=3), np.all(out == 0, axis=3)
    rest = np.all(out == 77, axis=3)
    assert np.all(salt | pepper | rest), "all channels of a pixel together"
    for found, share in ((salt, 0.06), (pepper, 0.14)):
        low, high = stats.binom.interval(0.9999, found.size, share)
        assert low <= found.sum() <= high


@pytest.mark.parametrize(("per_channel", "least", "most"), [(False, 1, 1), (True, 0, 0.01)])
def test_pixel_dropout_drops_its_share(
    engine: str, per_channel: bool, least: float, most: float
) -> None:
    step = vg.PixelDropout(dropout_prob=(0.05, 0.05), per_channel=per_channel, drop_value=(9, 8, 7))
    images = np.full((8, 100, 100, 3), 200, dtype=np.uint8)
    out = vg.Pipeline([step], seed=2, engine=engine)(images=images, index=range(8))["images"]
    dropped = out == np.array([9, 8, 7], dtype=np.uint8)
    assert np.all(dropped | (out == 200))
    together = np.all(dropped, axis=3).sum() / np.any(dropped, axis=3).sum()
    assert least <= together <= most
    low, high = stats.binom.interval(0.9999, dropped[..., 0].size, 0.05)
    assert np.all((dropped.sum(axis=(0, 1, 2)) >= low) & (dropped.sum(axis=(0, 1, 2)) <= high))


def test_dropped_pixels_can_be_random(engine: str) -> None:
    step = vg.PixelDropout(dropout_prob=(1, 1), drop_value=None)
    out = noisy(engine, step, 10, (2, 64, 64, 3)) * 255
    counts = np.bincount(np.rint(out).astype(int).ravel(), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_iso_noise_is_normal_in_brightness_and_hue(engine: str) -> None:
    """The sum over the chroma's axes keeps its length; the gray moves by intensity / 10."""
    color = np.array([0.55, 0.45, 0.4])
    images = np.broadcast_to(color.astype(np.float32), (4, 64, 64, 3))
    step = vg.ISONoise(color_shift=(0.05, 0.05), intensity=(0.4, 0.4))
    out = vg.Pipeline([step], seed=3, engine=engine)(images=images, index=range(4))["images"]
    to_yiq = np.array(
        [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
    )
    yiq, own = np.asarray(out, dtype=np.float64) @ to_yiq.T, to_yiq @ color
    luma = (yiq[..., 0] - own[0]) / 0.04
    assert stats.kstest(luma.ravel()[::3], "norm").pvalue > 1e-3
    assert np.allclose(np.hypot(yiq[..., 1], yiq[..., 2]), np.hypot(own[1], own[2]), atol=1e-5)
    angle = np.arctan2(yiq[..., 2], yiq[..., 1]) - np.arctan2(own[2], own[1])
    tangent = np.tan(angle / 2) / (np.pi * 0.05 * 0.4)
    assert stats.kstest(tangent.ravel()[::3], "norm").pvalue > 1e-3
    assert abs(np.corrcoef(luma.ravel(), tangent.ravel())[0, 1]) < 0.04


def test_iso_noise_is_for_gray_and_color(engine: str) -> None:
    aug = vg.Pipeline([vg.ISONoise()], seed=1, engine=engine)
    with pytest.raises(vg.PolicyError, match="ISONoise needs images of 1, 3 or 4 channels, got 2"):
        aug(images=np.zeros((1, 4, 4, 2), dtype=np.uint8))


def test_the_two_dtypes_agree(engine: str) -> None:
    """Rounding alone parts them; shot noise on bytes is the same count."""
    image = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), dtype=np.uint8)
    for step in (vg.ShotNoise(), vg.MultiplicativeNoise(elementwise=True), vg.ISONoise()):
        aug = vg.Pipeline([step], seed=4, engine=engine)
        whole = aug(images=image, index=[0])["images"].astype(np.float64)
        floats = aug(images=(image / 255).astype(np.float32), index=[0])["images"] * 255.0
        assert np.abs(whole - floats).max() <= 0.5001
