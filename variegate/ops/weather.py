"""Weather: fog, rain, snow and the flare of the sun, drawn from shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Ints, Lightness, ShapeKind, Shapes
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import choice, number, whole
from variegate.ops.veils import (
    EVERY_ANGLE,
    FINE,
    color,
    everywhere,
    ramp,
    region,
    shape_rows,
    toward,
    veil,
    within,
)

AUTOMOLD = "Saxena 2018, Automold, as Albumentations'"
COLORED = (1, 3, 4)
WHITE = 255.0
SNOW, BLACK = (WHITE,) * 3, (0.0,) * 3  # colors leave a fourth channel alone
PUFFS = 60  # of fog
PUFF_SIZES = (0.12, 0.35)  # radii, share of the shorter side
DARK_RAIN = 50.0  # drops from which on the sky is as dark as it gets
MOST_DROPS = 1000
FLAKES = 200
FLAKE_SIZES = (0.002, 0.008)  # radii, share of the shorter side
FAR_SNOW = np.pi / 2  # the veil of snow is thickest at the top
CIRCLE_SIZES = (0.01, 0.08)  # radii, share of the longer side
CIRCLE_ALPHAS = (0.05, 0.2)
CIRCLE_COLORS = 50.0  # levels that a circle may be darker


def _between(ends: tuple[float, float], uniform: Floats) -> Floats:
    return np.asarray(ends[0] + uniform * (ends[1] - ends[0]))


@declare(
    Kind.SHAPES,
    source=f"{AUTOMOLD} RandomFog; puffs with soft rims instead of a blur of the image",
    params=(
        Param(
            "fog_coef",
            0,
            1,
            "thickness of the fog",
            identity=0,
            weak=0,
            strong=1,
            default=(0.3, 1.0),
        ),
    ),
    settings=(
        Setting("alpha_coef", lambda v: number(v, 0, 1), "a share in 0..1 (of each puff)", 0.08),
    ),
    draws=(Draw("x", PUFFS), Draw("y", PUFFS), Draw("radius", PUFFS)),
)
def random_fog(
    sizes: Ints, fog_coef: Floats, alpha_coef: float, x: Floats, y: Floats, radius: Floats
) -> Shapes:
    """Lay 60 soft white puffs over the image, each as thick as `alpha_coef` times `fog_coef`."""
    across, down = within((0, 0, 1, 1), sizes, x, y)
    reach = _between(PUFF_SIZES, radius) * sizes.min(axis=1)[:, None]
    alpha = alpha_coef * fog_coef[:, None]
    return toward(shape_rows(ShapeKind.DISC, alpha, reach, across, down, reach), WHITE)


def _drop_length(value: object) -> int | None:
    return None if value is None else whole(value, 1, 10000)


def _drops(arguments: Mapping[str, Any]) -> int:
    return max(1, int(arguments.get("count", (0, MOST_DROPS))[1]))


@declare(
    Kind.SHAPES,
    source=f"{AUTOMOLD} RandomRain; there 1/4 (drizzle) to 2 (torrential) drops a row of pixels",
    params=(
        Param(
            "count",
            0,
            MOST_DROPS,
            "drops",
            identity=0,
            weak=0,
            strong=450,
            default=(60.0, 120.0),
            whole=True,
        ),
        Param("slant", -60, 60, "degrees to the right of down", default=(-10.0, 10.0)),
    ),
    settings=(
        Setting(
            "drop_length",
            _drop_length,
            "a whole number of pixels, or None for an eighth of the height",
        ),
        Setting("drop_width", lambda v: whole(v, 1, 100), "a whole number 1..100 (pixels)", 1),
        color("drop_color", (200.0, 200.0, 200.0)),
        Setting("blur_value", lambda v: whole(v, 1, 100), "a whole number 1..100 (pixels)", 7),
        Setting("brightness_coefficient", lambda v: number(v, 0, 1), "a factor in 0..1", 0.7),
    ),
    draws=(Draw("x", _drops), Draw("y", _drops)),
    channels=COLORED,
)
def random_rain(
    sizes: Ints,
    count: Floats,
    slant: Floats,
    drop_length: int | None,
    drop_width: int,
    drop_color: tuple[float, float, float],
    blur_value: int,
    brightness_coefficient: float,
    x: Floats,
    y: Floats,
) -> tuple[Shapes, Shapes]:
    """Add drops of rain, blurred over `blur_value` pixels, then darken to `brightness_coefficient`;
    fewer than 50 drops darken less.
    """
    height, width = sizes.T.astype(np.float64)[..., None]
    length = np.maximum(1, np.floor(height / 8)) if drop_length is None else float(drop_length)
    angle = np.deg2rad(slant)[:, None]
    left, top = x.reshape(len(sizes), -1) * width, y.reshape(len(sizes), -1) * height - length / 2
    # As much light as the sharp drop would add.
    blur, wide = max(FINE, float(blur_value)), float(drop_width)
    alpha = 4 * blur * wide / (blur + wide) ** 2 if wide < blur else 1.0
    rows = shape_rows(
        ShapeKind.SEGMENT,
        alpha,
        blur,
        left,
        top,
        left + length * np.sin(angle),
        top + length * np.cos(angle),
        wide / 2,
    )
    used = np.arange(rows.shape[1]) < count[:, None]
    darker = (brightness_coefficient - 1) * np.minimum(1.0, count / DARK_RAIN)
    return veil(rows, 0.0, drop_color, used), everywhere(darker, BLACK)


def _flakes(arguments: Mapping[str, Any]) -> int:
    return FLAKES if arguments["method"] == "texture" else 1


@declare(
    Kind.SHAPES,
    source=f"{AUTOMOLD} RandomSnow",
    params=(
        Param(
            "brightness_coeff",
            1,
            10,
            "times the lightness",
            identity=1,
            weak=1,
            strong=3,
            default=(2.5, 2.5),
        ),
        Param("snow_point", 0, 1, "how light the snow may be already", default=(0.1, 0.3)),
    ),
    settings=(choice("method", ("bleach", "texture"), "bleach"),),
    draws=(Draw("x", _flakes), Draw("y", _flakes), Draw("radius", _flakes)),
    channels=COLORED,
)
def random_snow(
    sizes: Ints,
    brightness_coeff: Floats,
    snow_point: Floats,
    method: str,
    x: Floats,
    y: Floats,
    radius: Floats,
) -> Lightness | tuple[Shapes, ...]:
    """Bleach what is darker than a third of white plus half of `snow_point`; or (texture) brighten,
    lay a veil that is thickest at the top over the image, and let flakes fall.
    """
    if method == "bleach":
        threshold = WHITE / 3 + snow_point * WHITE / 2
        return Lightness(threshold, brightness_coeff)
    depth = np.minimum(1.0, brightness_coeff - 1)
    across, down = within((0, 0, 1, 1), sizes, x, y)
    reach = np.maximum(0.5, _between(FLAKE_SIZES, radius) * sizes.min(axis=1)[:, None])
    flakes = shape_rows(ShapeKind.DISC, 0.9 * depth[:, None], FINE, across, down, reach)
    far = ramp(sizes, np.full(len(sizes), FAR_SNOW), snow_point * depth)
    bright = everywhere(snow_point * depth, BLACK)
    return bright, toward(far, SNOW), toward(flakes, SNOW)


def _circles(each: int) -> Any:
    def width(arguments: Mapping[str, Any]) -> int:
        return each * max(1, int(arguments["num_flare_circles"][1]))

    return width


@declare(
    Kind.SHAPES,
    source=f"{AUTOMOLD} RandomSunFlare with its overlay method",
    params=(
        Param(
            "intensity",
            0,
            1,
            "share of the effect",
            identity=0,
            weak=0,
            strong=1,
            default=(1.0, 1.0),
        ),
        Param("angle", 0, 1, "share of a turn, counter-clockwise", default=(0.0, 1.0)),
        Param("num_flare_circles", 0, 20, "circles", default=(6.0, 10.0), whole=True),
    ),
    settings=(
        region("flare_roi", (0.0, 0.0, 1.0, 0.5)),
        Setting(
            "src_radius", lambda v: whole(v, 2, 10000), "a whole number 2..10000 (pixels)", 400
        ),
        color("src_color", (255.0, 255.0, 255.0)),
    ),
    draws=(
        Draw("place", 2),
        Draw("along", _circles(1)),
        Draw("radius", _circles(1)),
        Draw("alpha", _circles(1)),
        Draw("tint", _circles(3)),
    ),
    channels=COLORED,
)
def random_sun_flare(
    sizes: Ints,
    intensity: Floats,
    angle: Floats,
    num_flare_circles: Floats,
    flare_roi: tuple[float, float, float, float],
    src_radius: int,
    src_color: tuple[float, float, float],
    place: Floats,
    along: Floats,
    radius: Floats,
    alpha: Floats,
    tint: Floats,
) -> tuple[Shapes, ...]:
    """Put the sun into a part of the image: a glow that ends about `src_radius` away, and circles
    of light on a line through it.
    """
    count = len(sizes)
    sun_x, sun_y = within(flare_roi, sizes, *place.T[..., None])
    longer = sizes.max(axis=1)[:, None]
    away = (2 * along.reshape(count, -1) - 1) * longer
    turn = EVERY_ANGLE * angle[:, None]
    reach = _between(CIRCLE_SIZES, radius.reshape(count, -1)) * longer
    thick = _between(CIRCLE_ALPHAS, alpha.reshape(count, -1)) * intensity[:, None]
    rows = shape_rows(
        ShapeKind.DISC,
        thick,
        FINE,
        sun_x + away * np.cos(turn),
        sun_y - away * np.sin(turn),
        reach,
    )
    darker = CIRCLE_COLORS * tint.reshape(count, -1, 3)
    colors = np.maximum(0.0, np.array(src_color) - darker)
    circles = [
        toward(rows[:, i : i + 1], colors[:, i], (i < num_flare_circles)[:, None])
        for i in range(rows.shape[1])
    ]
    spread = np.full_like(sun_x, src_radius / 3)
    strong = intensity[:, None]
    glow = shape_rows(ShapeKind.GAUSS, 0.9 * strong, FINE, sun_x, sun_y, spread, spread)
    disc = shape_rows(ShapeKind.DISC, strong, spread / 4, sun_x, sun_y, spread / 4)
    return (*circles, toward(np.concatenate([glow, disc], axis=1), src_color))
