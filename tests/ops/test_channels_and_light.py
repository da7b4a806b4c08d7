"""Ops of one channel matrix, and the color of the light: values worked by hand and from physics."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

import variegate as vg
from variegate.errors import PolicyError
from variegate.ops.illuminants import LIGHTS, LUMA, chromaticity
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import as_float, pictures

ENGINES = pytest.mark.parametrize("engine", engines())


def run(steps: object, images: np.ndarray, engine: str = "reference", seed: int = 5) -> np.ndarray:
    pipeline = vg.Pipeline(steps, seed=seed, engine=engine)
    return pipeline(images=images, index=range(len(images)))["images"]


def at(op: str, settings: dict | None = None, **values: float) -> Step:
    return Step(op, {name: (value, value) for name, value in values.items()} | (settings or {}))


BROWN, FLAT = (200, 100, 50), (100, 100, 100)
# One pixel each: step, color in, color out, worked by hand.
COLORS = [
    (at("RGBShift", red=60, green=-20.4, blue=0), BROWN, (255, 80, 50)),
    (at("RGBShift", red=-255, green=255, blue=-1), BROWN, (0, 255, 49)),
    (at("ToSepia", amount=1), BROWN, (165, 147, 114)),
    (at("ToSepia", amount=1), (255, 0, 0), (100, 89, 69)),
    (at("ToSepia", amount=0.5), BROWN, (182, 123, 82)),
    (at("ToSepia", amount=1), (255, 255, 255), (255, 255, 239)),
    (at("ToGray", amount=1), BROWN, (124, 124, 124)),
    (at("ToGray", {"method": "average"}, amount=1), BROWN, (117, 117, 117)),
    (at("ToGray", {"method": "rec709"}, amount=1), BROWN, (118, 118, 118)),
    (at("ToGray", {"method": "average"}, amount=0.5), BROWN, (158, 108, 83)),
    (at("ChannelDropout", {"fill": (7, 8, 9)}, count=3), BROWN, (7, 8, 9)),
    (at("ChannelDropout", {"fill": 5}, count=3), BROWN, (5, 5, 5)),
    (at("PlanckianJitter", temperature=6500), BROWN, (209, 100, 52)),
    (at("PlanckianJitter", temperature=3250), FLAT, (157, 100, 20)),
    (at("PlanckianJitter", temperature=3000), FLAT, (167, 100, 0)),
    (at("PlanckianJitter", {"mode": "cied"}, temperature=3000), FLAT, (132, 100, 52)),
    (at("PlanckianJitter", {"mode": "cied"}, temperature=15000), FLAT, (68, 100, 146)),
    (at("ColorTemperature", temperature=6500), BROWN, BROWN),
]


@ENGINES
@pytest.mark.parametrize(("step", "given", "expected"), COLORS)
def test_hand_worked_colors(engine: str, step: Step, given: tuple, expected: tuple) -> None:
    image = np.array(given, dtype=np.uint8).reshape(1, 1, 1, 3)
    assert tuple(run([step], image, engine).ravel()) == expected
    close = run([step], as_float(image), engine).ravel() * 255.0
    assert np.abs(close - expected).max() <= 0.5001


@ENGINES
@pytest.mark.parametrize("step", [step for step, _, _ in COLORS])
def test_the_fourth_channel_is_no_color(engine: str, step: Step) -> None:
    images = pictures((6, 5), 4)
    out = run([step], images, engine)
    assert np.array_equal(out[..., 3], images[..., 3])
    assert np.array_equal(out[..., :3], run([step], images[..., :3], engine))


@ENGINES
def test_one_channel_counts_as_three_equal_ones(engine: str) -> None:
    """100 + 0.299 * 50; the luma of a sepia of 100; gray is its own gray."""
    gray = np.full((1, 1, 1, 1), 100, dtype=np.uint8)
    assert run([at("RGBShift", red=50, green=0, blue=0)], gray, engine).item() == 115
    sepia = 0.299 * 135.1 + 0.587 * 120.3 + 0.114 * 93.7
    assert run([at("ToSepia", amount=1)], gray, engine).item() == round(sepia)
    assert run([at("ToGray", amount=1)], gray, engine).item() == 100
    assert run([vg.ChannelShuffle()], gray, engine).item() == 100


@ENGINES
def test_a_shuffle_takes_each_order_equally_often(engine: str) -> None:
    image = np.array([10, 20, 30], dtype=np.uint8).reshape(1, 1, 1, 3).repeat(3000, axis=0)
    found = run([vg.ChannelShuffle()], image, engine).reshape(-1, 3).tolist()
    counts = [found.count(list(order)) for order in permutations((10, 20, 30))]
    assert sum(counts) == 3000
    assert stats.chisquare(counts).pvalue > 1e-3


@ENGINES
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_dropout_hides_so_many_channels_each_equally_often(engine: str, count: int) -> None:
    image = np.full((3000, 1, 1, 3), 90, dtype=np.uint8)
    hidden = run([at("ChannelDropout", {"fill": 33}, count=count)], image, engine)[:, 0, 0] == 33
    assert set(hidden.sum(axis=1)) == {count}
    assert np.abs(hidden.mean(axis=0) - count / 3).max() < 0.04


@ENGINES
@pytest.mark.parametrize("channels", [2, 5, 9, 16])
def test_channels_of_any_count_are_shuffled_and_dropped(engine: str, channels: int) -> None:
    """Each place is taken equally often; what is hidden has its own level, the rest stays."""
    given = np.arange(10, 10 + channels, dtype=np.uint8)
    image = np.tile(given, (2000, 3, 1, 1))
    for batch in (image, as_float(image)):
        moved = np.rint(
            run([vg.ChannelShuffle()], batch, engine) * (255 if batch is not image else 1)
        )
        assert np.array_equal(np.sort(moved, axis=3), image)
        assert (moved == moved[:, :1]).all()
        at_first = np.bincount(moved[:, 0, 0, 0].astype(int) - 10, minlength=channels)
        assert np.abs(at_first - 2000 / channels).max() < 5 * np.sqrt(2000 / channels)
    fill = tuple(range(100, 100 + channels))
    step = at("ChannelDropout", {"fill": fill}, count=min(4, channels))
    out = run([step], image, engine)
    hidden = out == np.array(fill)
    assert np.array_equal(out, np.where(hidden, np.array(fill), image))
    assert (hidden.sum(axis=3) == min(4, channels)).all()
    assert np.abs(hidden[:, 0, 0].mean(axis=0) - min(4, channels) / channels).max() < 0.05


@pytest.mark.parametrize("fill", [(1, 2), (1, 2, 3, 4), 256, "black", None])
def test_a_dropout_takes_one_level_or_three(fill: object) -> None:
    image = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    with pytest.raises(PolicyError, match=r"ChannelDropout\.fill: expected (a level|1 or 3)"):
        run([vg.ChannelDropout(fill=fill)], image)


@pytest.mark.parametrize("mode", sorted(LIGHTS))
def test_the_tables_of_lights_are_smooth(mode: str) -> None:
    """A wrong digit would stand out from the cubic through its four neighbors."""
    table = LIGHTS[mode]
    between = (-table[:-4] + 4 * table[1:-3] + 4 * table[3:-1] - table[4:]) / 6
    start = 2 if mode == "blackbody" else 0  # the coldest lamp has next to no blue
    assert np.abs(table[2:-2] - between)[start:].max() < 5e-4
    assert np.all(np.diff(table[:, 0]) < 0)
    assert np.all(np.diff(table[:, 2]) > 0)


# Black bodies in CIE 1931 x and y, as tables of color science give them.
BLACK_BODIES = {
    2000: (0.5267, 0.4133),
    2856: (0.4476, 0.4074),
    4000: (0.3805, 0.3768),
    5000: (0.3451, 0.3516),
    6500: (0.3135, 0.3237),
    10000: (0.2807, 0.2884),
}


@pytest.mark.parametrize(("temperature", "expected"), BLACK_BODIES.items())
def test_chromaticity_of_black_bodies(temperature: int, expected: tuple[float, float]) -> None:
    x, y = chromaticity(np.array([float(temperature)]))
    assert abs(x[0] - expected[0]) < 1e-3
    assert abs(y[0] - expected[1]) < 1e-3


@ENGINES
def test_light_gets_colder_with_the_temperature_and_gray_keeps_its_luma(engine: str) -> None:
    gray = np.full((1, 1, 1, 3), 120, dtype=np.uint8)
    kelvins = (1667, 2500, 4000, 6000, 6500, 8000, 12000, 25000)
    steps = [at("ColorTemperature", temperature=kelvin) for kelvin in kelvins]
    colors = np.array([run([step], gray, engine).ravel() for step in steps], dtype=np.float64)
    assert np.all(np.diff(colors[:, 0]) < 0)
    assert np.all(np.diff(colors[:, 2]) > 0)
    assert np.abs(colors @ LUMA - 120).max() < 1


DISTORT = {"brightness": 1.2, "contrast": 0.6, "saturation": 1.4, "hue": 15}


@ENGINES
def test_photometric_distort_is_its_ops_in_one_of_two_orders(engine: str) -> None:
    image = pictures((7, 9), 3)[:1].repeat(40, axis=0)
    out = run([at("RandomPhotometricDistort", {"chance": 1}, **DISTORT, shuffle=0)], image, engine)
    contrast = at("Contrast", factor=0.6)
    start, rest = at("Brightness", factor=1.2), [at("Color", factor=1.4)]
    zero = {"add_saturation": 0, "add_value": 0}
    rest.append(at("HueSaturationValue", hue=15, saturation=1, value=1, **zero))
    orders = [[start, contrast, *rest], [start, *rest, contrast]]
    found = [(out == run(steps, image[:1], engine)).all(axis=(1, 2, 3)) for steps in orders]
    assert np.all(found[0] ^ found[1])
    assert 5 < found[0].sum() < 35


@ENGINES
def test_photometric_distort_takes_each_op_by_chance(engine: str) -> None:
    image = pictures((4, 5), 3)[:1].repeat(400, axis=0)
    none = at("RandomPhotometricDistort", {"chance": 0}, **DISTORT, shuffle=0)
    assert np.array_equal(run([none], image, engine), image)
    only = {"brightness": 0.5, "contrast": 1, "saturation": 1, "hue": 0, "shuffle": 0}
    some = run([at("RandomPhotometricDistort", {"chance": 0.3}, **only)], image, engine)
    assert 80 < np.any(some != image, axis=(1, 2, 3)).sum() < 160
    turned = run([at("RandomPhotometricDistort", {"chance": 0}, **DISTORT, shuffle=1)], image)
    assert np.array_equal(np.sort(turned, axis=3), np.sort(image, axis=3))
    assert 300 < np.any(turned != image, axis=(1, 2, 3)).sum() < 367  # five orders of six


def test_color_ops_name_the_channels_they_take() -> None:
    for name in ("RGBShift", "PlanckianJitter", "RandomPhotometricDistort"):
        with pytest.raises(PolicyError, match="needs images of 1, 3 or 4 channels, got 2"):
            run([Step(name)], np.zeros((1, 4, 4, 2), dtype=np.uint8))
