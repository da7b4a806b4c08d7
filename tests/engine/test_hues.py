"""Hues that are turned alone, which bytes do in whole numbers: against the reference's float64."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.build import Image, make_stage, make_tables
from tests.engine.checks import check_single_entries, native
from variegate.plan.program import Verb

STEPS = np.array([0, 1, 2, 3, 9, 26, 51, 77, 100, 127, 128, 150, 178, 200, 229, 250, 253, 254, 255])
COLORS = np.stack(np.meshgrid(STEPS, STEPS, STEPS), axis=-1).reshape(-1, 19, 3).astype(np.uint8)
TURNS = (-400, -179.9, -120, -61.3, -7.3, -0.2, 0.4, 15, 59.9, 60, 77.7, 133, 180, 240.6, 359.99)


def check_turned(image: Image, degrees: float) -> Image:
    tables = make_tables(hsv=[[degrees, 1, 1, 0, 0]])
    stage = make_stage([[(Verb.HSV, 0)]], tables, [image])
    check_single_entries(stage, [image])
    return np.asarray(native.run_stage(stage, [image])[0])


@pytest.mark.parametrize("degrees", TURNS)
def test_colors_of_all_kinds(degrees: float) -> None:
    check_turned(COLORS, degrees)
    check_turned(np.random.default_rng(0).integers(0, 256, (61, 47, 3), dtype=np.uint8), degrees)


@pytest.mark.parametrize("thirds", [0, 1, 2, 3])
def test_turns_by_thirds_of_the_circle_move_channels(thirds: int) -> None:
    moved = np.roll(COLORS, thirds, axis=2)
    np.testing.assert_array_equal(check_turned(COLORS, 120.0 * thirds), moved)


def test_lightest_and_darkest_channel_stay() -> None:
    found = check_turned(COLORS, 37.0)
    np.testing.assert_array_equal(found.max(axis=2), COLORS.max(axis=2))
    np.testing.assert_array_equal(found.min(axis=2), COLORS.min(axis=2))


def test_there_and_back_is_near_where_it_began() -> None:
    back = check_turned(check_turned(COLORS, 48.0), -48.0)
    assert np.abs(back.astype(int) - COLORS).max() <= 1
