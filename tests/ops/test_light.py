"""Light and weather: values worked by hand, and what every drawn picture must keep."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from scipy import stats

import variegate as vg
from variegate.policy.nodes import Step
from variegate.testing import engines

pytestmark = pytest.mark.parametrize("engine", engines())


def flat(level: int, size: tuple[int, int] = (24, 32), channels: int = 3) -> np.ndarray:
    return np.full((1, *size, channels), level, dtype=np.uint8)


def run(engine: str, step: Step, images: Any, count: int = 1) -> np.ndarray:
    batch = np.repeat(images, count, axis=0)
    out = vg.Pipeline([step], seed=4, engine=engine)(images=batch, index=np.arange(len(batch)))
    return np.asarray(out["images"])


def fixed(name: str, settings: dict[str, Any] | None = None, **ranges: float) -> Step:
    pairs = {key: (value, value) for key, value in ranges.items()}
    return Step(name, {**pairs, **(settings or {})})


def test_linear_light_rises_from_one_side_to_the_other(engine: str) -> None:
    """100 times 1 + c / 2 with c = 1/8, 3/8, 5/8, 7/8: to the right at 0, to the top at 90."""
    levels = [106, 119, 131, 144]
    for angle, expected in ((0, levels), (180, levels[::-1])):
        step = fixed("Illumination", {"effect_type": "brighten"}, intensity=0.5, angle=angle)
        out = run(engine, step, flat(100, (3, 4)))[0]
        assert np.all(out == np.array(expected)[None, :, None])
    step = fixed("Illumination", {"effect_type": "darken"}, intensity=0.5, angle=90)
    out = run(engine, step, flat(100, (4, 3)))[0]
    assert np.all(out == np.array([56, 69, 81, 94])[:, None, None])


def test_light_from_a_corner_falls_with_the_distance(engine: str) -> None:
    step = fixed("Illumination", {"mode": "corner", "effect_type": "brighten"}, intensity=1)
    out = run(engine, step, flat(100, (30, 40), 1), 40)[..., 0] / 100.0 - 1
    y, x = np.mgrid[:30, :40] + 0.5
    corners = [1 - np.hypot(x - a, y - b) / 50 for b in (0, 30) for a in (0, 40)]
    off = np.array([[np.abs(own - corner).max() for corner in corners] for own in out])
    assert np.all(off.min(axis=1) < 0.0051), "half a level of 100"
    assert len(set(off.argmin(axis=1))) == 4


def test_light_around_a_point_is_a_gaussian(engine: str) -> None:
    settings = {"mode": "gaussian", "effect_type": "darken", "center": (0.25, 0.25)}
    step = fixed("Illumination", settings, intensity=1, sigma=0.5)
    out = run(engine, step, flat(200, (20, 40), 1))[0, ..., 0]
    y, x = np.mgrid[:20, :40] + 0.5
    bell = np.exp(-((x - 10) ** 2 + (y - 5) ** 2) / (2 * 20**2))
    assert np.abs(out - 200 * (1 - bell)).max() <= 0.51


def test_light_goes_both_ways_as_often(engine: str) -> None:
    out = run(engine, fixed("Illumination", intensity=0.5), flat(100, (8, 8), 1), 400)
    brighter = int((out.mean(axis=(1, 2, 3)) > 100).sum())
    low, high = stats.binom.interval(0.9999, 400, 0.5)
    assert low <= brighter <= high


def test_vignetting_darkens_the_corners(engine: str) -> None:
    out = run(engine, fixed("Vignetting", intensity=0.5, sigma=0.3), flat(200, (21, 41), 1))[0]
    y, x = np.mgrid[:21, :41] + 0.5
    bell = np.exp(-((x / 41 - 0.5) ** 2 + (y / 21 - 0.5) ** 2) / (2 * 0.3**2))
    assert np.abs(out[..., 0] - 200 * (1 - 0.5 * (1 - bell))).max() <= 0.51


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_shadows_halve_what_they_cover_within_their_region(engine: str, channels: int) -> None:
    step = fixed("RandomShadow", {"shadow_roi": (0.5, 0.25, 1, 1)}, shadow_intensity=0.5)
    out = run(engine, step, flat(200, (64, 64), channels), 30)
    assert np.all(out == out[..., :1]), "all channels alike"
    assert np.all(out[:, :15] == 200)
    assert np.all(out[:, :, :31] == 200)
    inside = out[..., 0] == 100
    assert np.all(inside.any(axis=(1, 2)))
    between = (out[..., 0] > 100) & (out[..., 0] < 200)
    assert between.mean() < 0.05, "only rims"
    deep = out[..., 0] < 100
    assert deep.any(), "two shadows over each other"
    assert out.min() >= 50


def test_more_shadows_and_wider_rims_cover_more(engine: str) -> None:
    counts = [
        (run(engine, fixed("RandomShadow", num_shadows=n), flat(200), 40) < 200).mean()
        for n in (0, 1, 4)
    ]
    assert counts[0] == 0 < counts[1] < counts[2]
    soft = run(engine, fixed("RandomShadow", {"softness": 0.5}, num_shadows=1), flat(200), 40)
    assert (soft < 200).mean() > 1.3 * counts[1]


def test_fog_brightens_with_its_thickness(engine: str) -> None:
    thick = [run(engine, fixed("RandomFog", fog_coef=f), flat(60), 8) for f in (0, 0.3, 1)]
    assert np.all(thick[0] == 60)
    assert np.all(thick[2] >= thick[1])
    assert 65 < thick[1].mean() < thick[2].mean() - 20


def test_a_drop_of_rain_keeps_its_light(engine: str) -> None:
    """A drop of 20 pixels, 2 wide, in a sharp and in a blurred form, on black and with no sky."""
    total = []
    for blur in (1, 6):
        settings = {"drop_length": 20, "drop_width": 2, "blur_value": blur}
        settings |= {"brightness_coefficient": 1.0, "drop_color": (255.0, 255.0, 255.0)}
        out = run(engine, fixed("RandomRain", settings, count=1), flat(0, (160, 160)), 40) / 255.0
        light = out[..., 0].sum(axis=(1, 2))
        # The ends are round: half a disc each, of radius 1 where the drop is sharp.
        total.append(np.median(light))
    assert abs(total[0] - (40 + np.pi)) < 1.0
    assert abs(total[1] - total[0]) < 8


def test_rain_falls_at_its_slant(engine: str) -> None:
    settings = {"drop_length": 60, "brightness_coefficient": 1.0}
    for slant in (-30, 0, 45):
        step = fixed("RandomRain", settings, count=1, slant=slant)
        image = run(engine, step, flat(0, (200, 200)), 20)[..., 0].astype(float)
        inner = [own for own in image if not (own[0].any() or own[-1].any())]
        own = next(o for o in inner if not (o[:, 0].any() or o[:, -1].any()))
        y, x = np.mgrid[:200, :200]
        weight = own / own.sum()
        dx, dy = x - (weight * x).sum(), y - (weight * y).sum()
        angle = np.arctan2(2 * (weight * dx * dy).sum(), (weight * (dy**2 - dx**2)).sum()) / 2
        assert abs(np.rad2deg(angle) - slant) < 1.5


def test_rain_darkens_the_sky(engine: str) -> None:
    """Ten drops a fifth of the way to 0.7, fifty and more all of it."""
    for count, level in ((0, 200), (10, 188), (50, 140), (200, 140)):
        step = fixed("RandomRain", {"drop_length": 2, "blur_value": 1}, count=count)
        out = run(engine, step, flat(200, (256, 256)))
        assert np.median(out) == level


def test_snow_bleaches_as_hls_does(engine: str) -> None:
    image = np.random.default_rng(3).integers(0, 256, (1, 20, 20, 3), dtype=np.uint8)
    step = fixed("RandomSnow", brightness_coeff=2, snow_point=0.2)
    out = run(engine, step, image)[0].reshape(-1, 3)
    threshold = 1 / 3 + 0.1
    for pixel, found in zip(image[0].reshape(-1, 3), out, strict=True):
        hue, lightness, saturation = colorsys.rgb_to_hls(*(pixel / 255))
        lightness = min(2 * lightness, 1) if lightness < threshold else lightness
        expected = np.array(colorsys.hls_to_rgb(hue, lightness, saturation)) * 255
        assert np.abs(found - expected).max() <= 0.5 + 1e-6


def test_gray_snow_doubles_the_dark(engine: str) -> None:
    image = np.array([0, 40, 110, 111, 250], dtype=np.uint8).reshape(1, 1, 5, 1)
    step = fixed("RandomSnow", brightness_coeff=2, snow_point=0.2)
    assert run(engine, step, image).ravel().tolist() == [0, 80, 220, 111, 250]


def test_falling_snow_is_thickest_at_the_top(engine: str) -> None:
    step = fixed("RandomSnow", {"method": "texture"}, brightness_coeff=3, snow_point=0.4)
    out = run(engine, step, flat(80, (64, 64)), 6).astype(float)
    rows = np.median(out, axis=(0, 2, 3))
    assert np.all(np.diff(rows) <= 0)
    assert abs(rows[0] - (112 + 0.4 * (255 - 112))) < 1
    flakes = (out > rows[None, :, None, None] + 30).mean()
    assert 0.02 < flakes < 0.2


def test_the_sun_stands_in_its_region(engine: str) -> None:
    settings = {"flare_roi": (0.5, 0.0, 1.0, 0.25), "src_radius": 30}
    step = fixed("RandomSunFlare", settings, num_flare_circles=0)
    out = run(engine, step, flat(20, (80, 80)), 20)[..., 0].astype(float)
    where = np.array([np.unravel_index(own.argmax(), own.shape) for own in out])
    assert np.all(where[:, 0] <= 22)
    assert np.all(where[:, 1] >= 37)
    assert np.all(out.max(axis=(1, 2)) > 250)
    assert np.all(out[:, -8:, :8] == 20), "far from it nothing shines"


def test_the_glow_of_the_sun_falls_off_with_its_radius(engine: str) -> None:
    """On black, 0.9 of white by a Gaussian of a third of `src_radius`, outside of the disc."""
    settings = {"flare_roi": (0.4999, 0.4999, 0.5001, 0.5001), "src_radius": 60}
    step = fixed("RandomSunFlare", settings, num_flare_circles=0)
    out = run(engine, step, flat(0, (101, 101)), 1)[0, 50, :, 0].astype(float)
    away = np.abs(np.arange(101) + 0.5 - 50.5)
    expected = 255 * 0.9 * np.exp(-(away**2) / (2 * 20**2))
    outside = away > 8
    assert outside.sum() > 80
    assert np.abs(out - expected)[outside].max() <= 1.5


def test_circles_lie_on_a_line_through_the_sun(engine: str) -> None:
    settings = {"flare_roi": (0.49, 0.49, 0.51, 0.51), "src_radius": 2}
    step = fixed("RandomSunFlare", settings, num_flare_circles=8, angle=0.125)
    out = run(engine, step, flat(0, (100, 100)), 10)
    y, x = np.mgrid[:100, :100] + 0.5
    off = np.abs((x - 50) + (y - 50)) / np.sqrt(2)  # from the rising diagonal
    lit = out.max(axis=3) > 0
    assert np.all(lit.sum(axis=(1, 2)) > 20)
    assert np.all(off[None] * lit < 8 + 2.5)


def test_color_needs_three_channels_and_leaves_a_fourth(engine: str) -> None:
    four = flat(50, channels=4)
    for step in (vg.RandomRain(), vg.RandomSunFlare(), vg.RandomSnow(method="texture")):
        out = run(engine, step, four)
        assert np.all(out[..., 3] == 50)
        assert np.any(out[..., :3] != 50)
        with pytest.raises(vg.PolicyError, match="needs images of 1, 3 or 4 channels, got 2"):
            run(engine, step, four[..., :2])
