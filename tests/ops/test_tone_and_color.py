"""Tables and color ops against formulas written out here, and hand-worked values per family."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image

import variegate as vg
from variegate.policy.nodes import Step, Strength
from variegate.testing import engines
from variegate.testing.pictures import as_float, picture, pictures

pytestmark = pytest.mark.parametrize("engine", engines())
RAMP = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
RAMP_FLOAT = (np.arange(256, dtype=np.float64) / 255).astype(np.float32).reshape(1, 16, 16, 1)


def run(steps: object, images: np.ndarray, engine: str) -> np.ndarray:
    pipeline = vg.Pipeline(steps, seed=5, engine=engine)
    return pipeline(images=images, index=range(len(images)))["images"]


def at(op: str, **values: float) -> Step:
    return Step(op, {name: (value, value) for name, value in values.items()})


# One row a family: op, ranges, pixels in, pixels out, worked by hand.
HAND = [
    (at("Posterize", bits=3), [0, 31, 32, 100, 255], [0, 0, 32, 96, 224]),
    (at("Solarize", threshold=100), [0, 99, 100, 200, 255], [0, 99, 155, 55, 0]),
    (at("SolarizeAdd", add=50, threshold=128), [0, 77, 127, 128, 255], [50, 127, 177, 128, 255]),
    (at("Invert"), [0, 1, 100, 254, 255], [255, 254, 155, 1, 0]),
    (at("Brightness", factor=1.5), [0, 1, 99, 170, 171], [0, 1, 148, 255, 255]),
    (at("Gamma", gamma=2.0), [0, 51, 102, 204, 255], [0, 10, 41, 163, 255]),
    (at("RandomGamma", gamma=2.0, gain=0.5), [0, 51, 102, 204, 255], [0, 5, 20, 82, 128]),
    (
        at("RandomBrightnessContrast", brightness=0.1, contrast=0.2),
        [0, 1, 63, 127, 200],
        [25, 26, 101, 177, 255],
    ),
    (at("RandomToneCurve", low=0.2, high=0.9), [0, 63, 127, 200, 255], [0, 57, 136, 220, 255]),
    (at("AutoContrast"), [51, 61, 75, 81, 102], [0, 50, 120, 150, 255]),
    (at("Contrast", factor=0.5), [0, 50, 100, 150, 200], [50, 75, 100, 125, 150]),
    (Step("Crop", {"box": (1, 0, 6, 1)}), [1, 2, 3, 4, 5], [2, 3, 4, 5, 0]),
    (at("HorizontalFlip"), [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]),
    (at("Cutout", size=0.0), [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
    (at("GaussianBlur", sigma=0.3), [0, 0, 255, 0, 0], [0, 1, 253, 1, 0]),
    (at("GaussianNoise", sigma=0.0), [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
]


@pytest.mark.parametrize(("step", "given", "expected"), HAND, ids=[row[0].op for row in HAND])
def test_hand_worked_values(engine: str, step: Step, given: list, expected: list) -> None:
    images = np.array(given, dtype=np.uint8).reshape(1, 1, 5, 1)
    assert run([step], images, engine).ravel().tolist() == expected


def test_hand_worked_colors(engine: str) -> None:
    red = np.array([255, 0, 0], dtype=np.uint8).reshape(1, 1, 1, 3)
    gray = run([vg.Grayscale()], red, engine)
    assert gray.ravel().tolist() == [76, 76, 76]
    assert run([at("Color", factor=0.5)], red, engine).ravel().tolist() == [165, 38, 38]
    one = run([vg.Grayscale(output_channels=1)], red, engine)
    assert one.shape == (1, 1, 1, 1)
    assert one.item() == 76


@pytest.mark.parametrize("add", [0, 1, 50, 110.7, 255])
@pytest.mark.parametrize("threshold", [0, 1, 128, 256])
def test_solarize_add(engine: str, add: float, threshold: float) -> None:
    got = run([at("SolarizeAdd", add=add, threshold=threshold)], RAMP, engine).ravel()
    level = np.arange(256)
    assert np.array_equal(
        got, np.where(level < threshold, np.minimum(level + int(add), 255), level)
    )


@pytest.mark.parametrize("gamma", [0.05, 0.5, 0.9, 1.0, 1.7, 4.0, 20.0])
def test_gamma(engine: str, gamma: float) -> None:
    exact = 255 * (np.arange(256) / 255) ** gamma
    got = run([at("Gamma", gamma=gamma)], RAMP, engine).ravel()
    assert np.array_equal(got, np.floor(exact + 0.5))
    close = run([at("Gamma", gamma=gamma)], RAMP_FLOAT, engine).ravel()
    # Between the 4,081 knots the curve is a line; near 0 a strong root is steeper than that.
    assert np.abs(close - exact / 255)[1:].max() < 2e-4


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1 / 3, 2 / 3), (0.25, 0.75), (0.6, 0.4)])
def test_a_tone_curve_is_a_bezier_curve(engine: str, low: float, high: float) -> None:
    """By de Casteljau's halving of the line between control points, not by the polynomial."""
    points = np.array([0.0, low, high, 1.0])[:, None] * np.ones(256)
    share = np.arange(256) / 255
    while len(points) > 1:
        points = points[:-1] * (1 - share) + points[1:] * share
    got = run([at("RandomToneCurve", low=low, high=high)], RAMP, engine).ravel()
    assert np.abs(got - points[0] * 255).max() <= 0.5 + 1e-9


def test_grayscale_is_pillow_s(engine: str) -> None:
    images = pictures((20, 31), 3)
    expected = np.stack([np.asarray(Image.fromarray(i).convert("L")) for i in images])[..., None]
    assert np.array_equal(run([vg.Grayscale(output_channels=1)], images, engine), expected)
    three = run([vg.Grayscale()], images, engine)
    assert np.array_equal(three, np.repeat(expected, 3, axis=3))
    luma = as_float(images).astype(np.float64) @ np.array([19595, 38470, 7471]) / 65536
    assert np.abs(run([vg.Grayscale()], as_float(images), engine)[..., 0] - luma).max() < 1e-6


def hsv_by_hand(
    images: np.ndarray, hue: float, times: tuple[float, float], plus: tuple[float, float]
) -> np.ndarray:
    """Through the standard library, pixel by pixel in float64. images on 0..1."""
    out = np.empty(images.shape)
    for place in np.ndindex(images.shape[:3]):
        h, s, v = colorsys.rgb_to_hsv(*images[place].astype(np.float64))
        s, v = (np.clip(x * t + p / 255, 0, 1) for x, t, p in zip((s, v), times, plus, strict=True))
        out[place] = colorsys.hsv_to_rgb((h + hue / 360) % 1.0, s, v)
    return out


HSV = [
    (0, (1, 1), (0, 0)),
    (40, (1, 1), (0, 0)),
    (-90, (1, 1), (0, 0)),
    (180, (0.5, 1), (0, 0)),
    (0, (1.7, 1), (0, 0)),
    (0, (1, 0.6), (0, 0)),
    (25, (1.3, 1.2), (0, 0)),
    (-14, (1, 1), (25, -40)),
    (100, (0.8, 1.1), (-30, 12)),
]


def hsv_step(hue: float, times: tuple[float, float], plus: tuple[float, float]) -> Step:
    numbers = {"hue": hue, "saturation": times[0], "value": times[1]}
    return at("HueSaturationValue", **numbers, add_saturation=plus[0], add_value=plus[1])


@pytest.mark.parametrize(("hue", "times", "plus"), HSV)
def test_hue_saturation_value_is_the_standard_library_s_hsv(
    engine: str, hue: float, times: tuple[float, float], plus: tuple[float, float]
) -> None:
    images = pictures((9, 11), 3)
    images[:, 0, :4] = [[[0, 0, 0], [255, 255, 255], [90, 90, 90], [255, 0, 0]]]
    exact = hsv_by_hand(images / 255, hue, times, plus)
    step = hsv_step(hue, times, plus)
    assert np.abs(run([step], images, engine) - exact * 255).max() <= 0.5 + 1e-3
    assert np.abs(run([step], as_float(images), engine) - exact).max() < 2e-6


@pytest.mark.parametrize("shifts", [(7, 0, 0), (-20, 0, 0), (0, 30, 0), (3, -25, 20)])
def test_hue_saturation_value_is_opencv_s(engine: str, shifts: tuple[int, int, int]) -> None:
    """On floats to the last digits; on bytes OpenCV keeps a hue of 2 degrees a step."""
    cv2 = pytest.importorskip("cv2")
    images = pictures((40, 50), 3)
    hue, saturation, value = shifts
    step = hsv_step(2.0 * hue, (1, 1), (saturation, value))
    got = run([step], as_float(images), engine)
    for image, own in zip(as_float(images), got, strict=True):
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + 2 * hue) % 360
        hsv[..., 1:] = np.clip(hsv[..., 1:] + np.array([saturation, value]) / 255, 0, 1)
        assert np.abs(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) - own).max() < 2e-5


def test_a_gray_has_no_hue_to_turn(engine: str) -> None:
    gray = np.repeat(picture("random", (5, 6), 1), 3, axis=2)[None]
    turned = run([hsv_step(77, (1.5, 1), (0, 0))], gray, engine)
    assert np.array_equal(turned, gray)
    one = run([hsv_step(77, (1.5, 0.5), (40, 10))], gray[..., :1], engine)
    assert np.array_equal(one, np.floor(gray[..., :1] * 0.5 + 10.5))


def test_hue_turns_red_to_yellow_to_green(engine: str) -> None:
    """Opposite turns undo each other, and a full turn is the identity."""
    red = np.full((1, 2, 2, 3), (200, 0, 0), dtype=np.uint8)
    yellow = run([hsv_step(60, (1, 1), (0, 0))], red, engine)
    assert (yellow == (200, 200, 0)).all()
    assert (run([hsv_step(60, (1, 1), (0, 0))], yellow, engine) == (0, 200, 0)).all()
    images = pictures((12, 13), 3)
    steps = [hsv_step(turn, (1, 1), (0, 0)) for turn in (50, -50)]
    assert np.abs(run(steps, images, engine).astype(int) - images).max() <= 2
    assert np.array_equal(run([hsv_step(-360 + 180, (1, 1), (0, 0))], images, engine),
                          run([hsv_step(180, (1, 1), (0, 0))], images, engine))  # fmt: skip


def test_color_jitter_is_its_four_ops_in_order(engine: str) -> None:
    images = pictures((12, 13), 3)
    jitter = at("ColorJitter", brightness=1.3, contrast=0.7, saturation=1.4, hue=12)
    chain = [at("Brightness", factor=1.3), at("Contrast", factor=0.7), at("Color", factor=1.4)]
    chain.append(hsv_step(12, (1, 1), (0, 0)))
    assert np.array_equal(run([jitter], images, engine), run(chain, images, engine))


def test_the_fourth_channel_is_no_color(engine: str) -> None:
    images = pictures((9, 9), 4)
    steps = [at("Color", factor=0.2), hsv_step(30, (2, 1), (0, 0))]
    steps.append(Step("JpegCompression", {"quality": (20, 20)}))
    for step in steps:
        out = run([step], images, engine)
        assert np.array_equal(out[..., 3], images[..., 3])
        assert not np.array_equal(out[..., :3], images[..., :3])


FOLLOWING = ["Posterize", "Solarize", "Invert", "Brightness", "Gamma", "RandomGamma"]
FOLLOWING += ["RandomBrightnessContrast", "RandomToneCurve"]


@pytest.mark.parametrize("name", FOLLOWING)
def test_floats_follow_the_whole_levels(engine: str, name: str) -> None:
    """At the 256 levels the float path is the uint8 path, up to its truncation."""
    strength = None if name == "Invert" else Strength(0.6, 0.6)
    step = Step(name, magnitude=strength)
    whole = run([step], RAMP, engine).astype(np.float64)
    close = run([step], RAMP_FLOAT, engine).astype(np.float64) * 255
    assert np.abs(close - whole).max() <= 1.001
