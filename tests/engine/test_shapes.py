"""SHAPES against masks drawn with many points a pixel, and against formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.build import make_stage, make_tables
from tests.engine.checks import engines
from variegate.ops.entries import ShapeKind
from variegate.plan.program import Verb

SIZE = (40, 56)
FINE = 16  # points a pixel and axis
POLYGON = np.array([(8.3, 5.1), (49.7, 12.4), (40.2, 36.6), (22.0, 24.0), (6.5, 33.9)])


def row(kind: ShapeKind, *numbers: float, alpha: float = 1.0, softness: float = 1.0) -> list[float]:
    return [kind, alpha, softness, *numbers, *[0.0] * (5 - len(numbers))]


def polygon_rows(corners: np.ndarray, number: int = 0, **more: float) -> list[list[float]]:
    ends = np.concatenate([corners, np.roll(corners, -1, axis=0)], axis=1)
    return [row(ShapeKind.EDGE, *edge, number, **more) for edge in ends]


def cover(engine: Any, rows: list[list[float]], outside: int = 0) -> np.ndarray:
    """What the rows cover of a frame: a white veil over black."""
    image = np.zeros((*SIZE, 1), dtype=np.float32)
    tables = make_tables(
        shapes=np.reshape(rows, (-1, 8)),
        shapes_start=[0, len(rows)],
        shapes_gain=np.zeros((1, 16)),
        shapes_shift=np.full((1, 16), 255.0),
        shapes_outside=[outside],
    )
    stage = make_stage([[(Verb.SHAPES, 0)]], tables, [image])
    return np.asarray(engine.run_stage(stage, [image])[0][..., 0], dtype=np.float64)


def points() -> tuple[np.ndarray, np.ndarray]:
    y, x = ((np.arange(side * FINE) + 0.5) / FINE for side in SIZE)
    return x[None, :], y[:, None]


def shares(inside: np.ndarray) -> np.ndarray:
    return np.asarray(inside.reshape(SIZE[0], FINE, SIZE[1], FINE).mean(axis=(1, 3)))


def in_polygon(corners: np.ndarray) -> np.ndarray:
    """By winding: the sum of the angles under which the edges are seen."""
    x, y = points()
    angle = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        turn = np.arctan2(y2 - y, x2 - x) - np.arctan2(y1 - y, x1 - x)
        angle += (turn + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(np.abs(angle) > np.pi)


@pytest.mark.parametrize("engine", engines())
def test_shapes_cover_what_their_areas_do(engine: Any) -> None:
    x, y = points()
    disc = np.hypot(x - 20.2, y - 17.9) < 11.3
    side = 0.6 * x + 0.8 * y < 31.7
    along = np.clip(((x - 9) * 30 + (y - 6) * 21) / (30**2 + 21**2), 0, 1)
    line = np.hypot(x - 9 - along * 30, y - 6 - along * 21) < 2.4
    cases = {
        "disc": ([row(ShapeKind.DISC, 20.2, 17.9, 11.3)], disc),
        "plane": ([row(ShapeKind.PLANE, 0.6, 0.8, 31.7)], side),
        "segment": ([row(ShapeKind.SEGMENT, 9, 6, 39, 27, 2.4)], line),
        "polygon": (polygon_rows(POLYGON), in_polygon(POLYGON)),
    }
    for name, (rows, inside) in cases.items():
        found, expected = cover(engine, rows), shares(inside)
        off = np.abs(found - expected)
        assert abs(found.sum() / expected.sum() - 1) < 0.004, name
        assert off.mean() < 0.004, name
        # A rim through a corner of a pixel covers up to 1/8 more than its distance says.
        assert np.sort(off.ravel())[-16] < 0.13, name
        assert np.all(found[expected == 1] > 0.8), name


@pytest.mark.parametrize("engine", engines())
def test_a_polygon_around_the_whole_frame_covers_it(engine: Any) -> None:
    around = np.array([(-90.0, -80.0), (190.0, -75.0), (180.0, 150.0), (-95.0, 140.0)])
    assert np.all(cover(engine, polygon_rows(around)) == 1)
    assert np.all(cover(engine, polygon_rows(around + 400)) == 0)


@pytest.mark.parametrize("engine", engines())
def test_rims_fade_over_their_softness(engine: Any) -> None:
    """A line at x = 20, covered to the left, over 8 pixels: 1/2 - (x + 1/2 - 20) / 8."""
    found = cover(engine, [row(ShapeKind.PLANE, 1, 0, 20, alpha=0.5, softness=8)])
    x = np.arange(SIZE[1]) + 0.5
    expected = 0.5 * np.clip(0.5 - (x - 20) / 8, 0, 1)
    assert np.abs(found - expected[None]).max() < 1e-6


@pytest.mark.parametrize("engine", engines())
def test_veils_add_up_as_veils_do(engine: Any) -> None:
    rows = [
        row(ShapeKind.DISC, 20, 20, 12, alpha=0.5),
        row(ShapeKind.GAUSS, 30, 15, 9, 5, alpha=0.8),
        *polygon_rows(POLYGON, 1, alpha=0.25),
        *polygon_rows(POLYGON + 3, 2, alpha=0.5),
    ]
    one = [cover(engine, rows[:1]), cover(engine, rows[1:2])]
    one += [cover(engine, rows[2:7]), cover(engine, rows[7:])]
    clear = np.prod([1 - own for own in one], axis=0)
    assert np.abs(cover(engine, rows) - (1 - clear)).max() < 1e-6
    assert np.abs(cover(engine, rows, outside=1) - clear).max() < 1e-6
    x, y = np.arange(SIZE[1])[None] + 0.5, np.arange(SIZE[0])[:, None] + 0.5
    bell = 0.8 * np.exp(-((x - 30) ** 2) / 162 - (y - 15) ** 2 / 50)
    assert np.abs(one[1] - bell).max() < 1e-6


@pytest.mark.parametrize("engine", engines())
def test_no_shape_covers_nothing_and_its_outside_everything(engine: Any) -> None:
    assert not cover(engine, []).any()
    assert np.all(cover(engine, [], outside=1) == 1)
