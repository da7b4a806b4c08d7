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


def yiq_by_hand(images: np.ndarray, hue: float, saturation: float, value: float) -> np.ndarray:
    """Through the standard library's YIQ weights, pixel by pixel in float64."""
    out = np.empty(images.shape)
    turn = np.exp(1j * np.deg2rad(hue))
    for place in np.ndindex(images.shape[:3]):
        y, i, q = colorsys.rgb_to_yiq(*(images[place].astype(np.float64) / 255))
        chroma = (i + 1j * q) * turn * saturation * value
        out[place] = inverse_yiq(y * value, chroma.real, chroma.imag)
    return np.clip(out, 0, 1) * 255


def inverse_yiq(y: float, i: float, q: float) -> np.ndarray:
    rows = [colorsys.rgb_to_yiq(*axis) for axis in np.eye(3).tolist()]
    return np.linalg.solve(np.array(rows).T, np.array([y, i, q]))


@pytest.mark.parametrize(
    ("hue", "saturation", "value"),
    [(0, 1, 1), (40, 1, 1), (-90, 1, 1), (180, 0.5, 1), (0, 1.7, 1), (0, 1, 0.6), (25, 1.3, 1.2)],
)
def test_hue_saturation_value(engine: str, hue: float, saturation: float, value: float) -> None:
    images = pictures((5, 6), 3)
    step = at("HueSaturationValue", hue=hue, saturation=saturation, value=value)
    exact = yiq_by_hand(images, hue, saturation, value)
    # The standard library rounds its weights to two digits: about one level at full saturation.
    assert np.abs(run([step], images, engine) - exact).max() < 4
    gray = np.repeat(picture("random", (5, 6), 1), 3, axis=2)[None]
    turned = run([at("HueSaturationValue", hue=hue, saturation=saturation, value=1)], gray, engine)
    assert np.abs(turned.astype(int) - gray).max() <= 1, "gray has no hue to turn"


def test_hue_turns_red_toward_yellow_when_positive_is_small(engine: str) -> None:
    """A full turn is the identity; opposite turns undo each other on colors that do not clip."""
    images = np.random.default_rng(0).integers(90, 160, (2, 8, 8, 3), dtype=np.uint8)
    there = at("HueSaturationValue", hue=50, saturation=1, value=1)
    back = at("HueSaturationValue", hue=-50, saturation=1, value=1)
    assert np.abs(run([there, back], images, engine).astype(int) - images).max() <= 1
    around = run(
        [at("HueSaturationValue", hue=360 - 180, saturation=1, value=1)] * 2, images, engine
    )
    assert np.abs(around.astype(int) - images).max() <= 2


def test_color_jitter_is_its_four_ops_in_order(engine: str) -> None:
    images = pictures((12, 13), 3)
    jitter = at("ColorJitter", brightness=1.3, contrast=0.7, saturation=1.4, hue=12)
    chain = [at("Brightness", factor=1.3), at("Contrast", factor=0.7), at("Color", factor=1.4)]
    chain.append(at("HueSaturationValue", hue=12, saturation=1, value=1))
    assert np.array_equal(run([jitter], images, engine), run(chain, images, engine))


def test_the_fourth_channel_is_no_color(engine: str) -> None:
    images = pictures((9, 9), 4)
    steps = [at("Color", factor=0.2), at("HueSaturationValue", hue=30, saturation=2, value=1)]
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
