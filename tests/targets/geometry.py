"""Shared by the tests of this folder: fixed steps, and pipelines run on one sample."""

from __future__ import annotations

import numpy as np

import variegate as vg
from variegate.policy.nodes import Step


def at(op: str, settings: dict | None = None, **values: float) -> Step:
    """An op with fixed values."""
    ranges = {name: (value, value) for name, value in values.items()}
    return Step(op, {**ranges, **(settings or {})})


def run(steps: list, image: np.ndarray, engine: str = "reference") -> np.ndarray:
    """One image (h, w, c) through steps."""
    return vg.Pipeline(steps, seed=1, engine=engine)(images=image[None], index=[0])["images"][0]


def apply_matrix(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (m, 2) through a 3x3 matrix, in float64."""
    full = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    return full[:, :2] / full[:, 2:]


def turn(degrees: float, center: tuple[float, float]) -> np.ndarray:
    """A turn counter-clockwise as displayed about (x, y); y points down."""
    radians = np.deg2rad(degrees)
    cos, sin = np.cos(radians), np.sin(radians)
    linear = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1.0]])
    return move(*center) @ linear @ move(-center[0], -center[1])


def move(x: float, y: float) -> np.ndarray:
    """A shift."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def scale(x: float, y: float) -> np.ndarray:
    """A scaling about the origin."""
    return np.diag([x, y, 1.0])
