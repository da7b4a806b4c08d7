"""Light and shade: what lies over an image and makes parts of it brighter or darker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Ints, ShapeKind, Shapes
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import choice, number, pair, whole
from variegate.ops.veils import FINE, ramp, region, shape_rows, veil, within


def _intensity(name: str, strong: float, default: tuple[float, float]) -> Param:
    unit = "share of the light"
    return Param(name, 0, 1, unit, identity=0, weak=0, strong=strong, default=default)


SHARES = "a pair (low, high) of shares in 0..1"
SIGNS = {"brighten": 0.0, "darken": 1.0}


@declare(
    Kind.SHAPES,
    source="uneven lighting, as Albumentations' Illumination",
    params=(
        _intensity("intensity", 0.6, (0.01, 0.2)),
        Param("angle", 0, 360, "degrees, counter-clockwise", default=(0.0, 360.0)),
        Param("sigma", 0.01, 10, "share of the longer side", default=(0.2, 1.0)),
    ),
    settings=(
        choice("mode", ("linear", "corner", "gaussian"), "linear"),
        choice("effect_type", ("brighten", "darken", "both"), "both"),
        Setting("center", pair(0, 1), SHARES, (0.1, 0.9)),
    ),
    draws=(Draw("place", 2), Draw("corner"), Draw("side")),
)
def illumination(
    sizes: Ints,
    intensity: Floats,
    angle: Floats,
    sigma: Floats,
    mode: str,
    effect_type: str,
    center: tuple[float, float],
    place: Floats,
    corner: Floats,
    side: Floats,
) -> Shapes:
    """Brighten or darken by up to `intensity`: along an angle, out of a corner, or around a point
    with a Gaussian of `sigma`.
    """
    height, width = sizes.T.astype(np.float64)[..., None]
    if mode == "linear":
        rows = ramp(sizes, np.deg2rad(angle), 1.0)
    elif mode == "corner":
        number_of = np.floor(4 * corner)[:, None]
        reach = np.hypot(height, width)
        x, y = number_of % 2 * width, np.floor(number_of / 2) * height
        rows = shape_rows(ShapeKind.DISC, 1.0, reach, x, y, reach / 2)
    else:
        x, y = within((center[0], center[0], center[1], center[1]), sizes, *place.T[..., None])
        spread = sigma[:, None] * np.maximum(height, width)
        rows = shape_rows(ShapeKind.GAUSS, 1.0, FINE, x, y, spread, spread)
    darker = np.full(len(sizes), SIGNS.get(effect_type, 0.0))
    if effect_type == "both":
        darker = np.floor(2 * side)
    return veil(rows, intensity * (1 - 2 * darker))


@declare(
    Kind.SHAPES,
    source="the light of a lens falls off toward the rim; here as a Gaussian",
    params=(
        _intensity("intensity", 0.9, (0.2, 0.5)),
        Param("sigma", 0.05, 5, "share of each side", default=(0.3, 0.5)),
    ),
)
def vignetting(sizes: Ints, intensity: Floats, sigma: Floats) -> Shapes:
    """Darken away from the center by up to `intensity`."""
    height, width = sizes.T.astype(np.float64)[..., None]
    spread = sigma[:, None]
    rows = shape_rows(
        ShapeKind.GAUSS, 1.0, FINE, width / 2, height / 2, spread * width, spread * height
    )
    entry = veil(rows, -intensity)
    return Shapes(entry.rows, entry.used, entry.gain, entry.shift, outside=True)


def _shadows(arguments: Mapping[str, Any]) -> int:
    return max(1, int(arguments["num_shadows"][1]))


def _vertices(arguments: Mapping[str, Any]) -> int:
    return _shadows(arguments) * int(arguments["shadow_dimension"])


@declare(
    Kind.SHAPES,
    source="Saxena 2018, Automold, as Albumentations' RandomShadow; corners go once around",
    params=(
        _intensity("shadow_intensity", 0.9, (0.5, 0.5)),
        Param("num_shadows", 0, 16, "polygons", default=(1.0, 2.0), whole=True),
    ),
    settings=(
        region("shadow_roi", (0.0, 0.5, 1.0, 1.0)),
        Setting("shadow_dimension", lambda v: whole(v, 3, 16), "a whole number 3..16 (corners)", 5),
        Setting("softness", lambda v: number(v, 0, 1), "a share of the shorter side in 0..1", 0.0),
    ),
    draws=(Draw("x", _vertices), Draw("y", _vertices)),
)
def random_shadow(
    sizes: Ints,
    shadow_intensity: Floats,
    num_shadows: Floats,
    shadow_roi: tuple[float, float, float, float],
    shadow_dimension: int,
    softness: float,
    x: Floats,
    y: Floats,
) -> Shapes:
    """Darken polygons with corners in a part of the image by `shadow_intensity`; their edges fade
    over `softness`.
    """
    count = len(sizes)
    place = (x.reshape(count, -1, shadow_dimension), y.reshape(count, -1, shadow_dimension))
    across, down = within(shadow_roi, sizes, *place)
    turn = np.arctan2(
        down - down.mean(axis=2, keepdims=True), across - across.mean(axis=2, keepdims=True)
    )
    order = np.argsort(turn, axis=2, kind="stable")
    across, down = (np.take_along_axis(v, order, axis=2) for v in (across, down))
    shadow = np.arange(across.shape[1])[None, :, None]
    rows = shape_rows(
        ShapeKind.EDGE,
        shadow_intensity[:, None, None],
        np.maximum(FINE, softness * sizes.min(axis=1))[:, None, None],
        across,
        down,
        np.roll(across, -1, axis=2),
        np.roll(down, -1, axis=2),
        shadow,
    )
    used = np.broadcast_to(shadow < num_shadows[:, None, None], rows.shape[:3])
    return veil(rows.reshape(count, -1, 8), -1.0, used=used.reshape(count, -1))
