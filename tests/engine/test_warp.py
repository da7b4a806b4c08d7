"""WARP in all its ways: kinds of maps, resampling, borders, antialiasing, fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.engine.build import (
    IDENTITY,
    WARPS,
    Image,
    make_image,
    make_stage,
    make_tables,
    warp_rows,
)
from tests.engine.checks import check_equal, check_single_entries, check_within, native
from variegate.engine import reference
from variegate.engine.tolerance import INTERPOLATED
from variegate.plan.program import WARP_WAYS, Border, Resample, Tables, Verb

SIZES = ((1, 1), (1, 7), (5, 3), (33, 47), (64, 64))
DTYPES = (np.uint8, np.float32)


def warp_tables(matrix: Image, size: tuple[int, int], **mode: int) -> Tables:
    """One row: a map from the output to the source, and the output's size."""
    modes = {"resample": 1, "border": 0, "antialias": 1, "field": -1} | mode
    return make_tables(
        warp_matrix=[np.asarray(matrix, dtype=np.float64).ravel()],
        warp_forward=[IDENTITY],
        warp_before=[IDENTITY],
        warp_after=[IDENTITY],
        warp_size=[size],
        warp_field_size=[size],
        warp_mode=[[modes["resample"], modes["border"], modes["antialias"], modes["field"]]],
        warp_fill=[np.linspace(0.5, 240.5, 16)],
    )


@pytest.mark.parametrize("resample", WARP_WAYS)
@pytest.mark.parametrize("border", list(Border))
@pytest.mark.parametrize("kind", WARPS)
def test_a_warp_is_the_reference_s(kind: str, border: Border, resample: Resample) -> None:
    seed = np.random.default_rng([len(kind), int(border), int(resample)])
    for size in SIZES:
        for antialias in (0, 1):
            rows = warp_rows(
                seed, size, [kind] * 4, resample=resample, border=border, antialias=antialias
            )
            tables = make_tables(**rows)
            for dtype, channels in ((np.uint8, 1), (np.uint8, 3), (np.float32, 4), (np.uint8, 2)):
                images = [make_image(seed, size, channels, dtype) for _ in range(4)]
                stage = make_stage([[(Verb.WARP, row)] for row in range(4)], tables, images)
                check_single_entries(stage, images)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [1.5, 2, 2.7, 3, 6, 40])
def test_maps_that_shrink_reduce_first(factor: float, dtype: Any) -> None:
    seed = np.random.default_rng(int(10 * factor))
    angle = np.deg2rad(20)
    turn = factor * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, (-3, 11)
    for resample in (1, 2):
        for border in Border:
            tables = warp_tables(matrix, (21, 34), resample=resample, border=border)
            image = make_image(seed, (61, 90), 3, dtype)
            check_single_entries(make_stage([[(Verb.WARP, 0)]], tables, [image]), [image])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("resample", WARP_WAYS)
@pytest.mark.parametrize("antialias", [0, 1])
def test_quarter_turns_and_mirrors_are_exact(resample: int, antialias: int, dtype: Any) -> None:
    image = make_image(np.random.default_rng(1), (31, 45), 3, dtype)
    height, width = 31, 45
    maps = {
        "same": (np.eye(3), (height, width), image),
        "mirror": ([[-1, 0, width], [0, 1, 0], [0, 0, 1]], (height, width), image[:, ::-1]),
        "flip": ([[1, 0, 0], [0, -1, height], [0, 0, 1]], (height, width), image[::-1]),
        "turn": ([[0, -1, width], [1, 0, 0], [0, 0, 1]], (width, height), np.rot90(image)),
        "crop": ([[1, 0, 7], [0, 1, 4], [0, 0, 1]], (9, 11), image[4:13, 7:18]),
    }
    for matrix, size, expected in maps.values():
        tables = warp_tables(np.array(matrix), size, resample=resample, antialias=antialias)
        stage = make_stage([[(Verb.WARP, 0)]], tables, [image])
        check_equal(native.run_stage(stage, [image]), [expected])
        check_equal(reference.run_stage(stage, [image]), [expected])


def test_a_pad_paints_the_fill() -> None:
    image = make_image(np.random.default_rng(2), (4, 5), 3, np.uint8)
    tables = warp_tables(np.array([[1, 0, -2], [0, 1, -1], [0, 0, 1]]), (7, 9))
    found = native.run_stage(make_stage([[(Verb.WARP, 0)]], tables, [image]), [image])[0]
    fill = np.floor(np.linspace(0.5, 240.5, 16)[:3] + 0.5)
    expected = np.empty((7, 9, 3), dtype=np.uint8)
    expected[:] = fill
    expected[1:5, 2:7] = image
    check_equal([found], [expected])


@pytest.mark.parametrize("scale", [1e5, 1e-5, -900.0])
@pytest.mark.parametrize("border", list(Border))
def test_extreme_scales_are_the_reference_s(border: int, scale: float) -> None:
    image = make_image(np.random.default_rng(5), (13, 9), 3, np.uint8)
    for matrix in (np.diag([scale, scale / 2, 1]), np.array([[scale, 1, 3], [2, 1, 0], [0, 0, 1]])):
        for resample in WARP_WAYS:
            tables = warp_tables(matrix, (3, 2), border=border, resample=resample)
            check_single_entries(make_stage([[(Verb.WARP, 0)]], tables, [image]), [image])


@pytest.mark.parametrize("slope", [3e-17, 4e-16, 1e-15, 5e-15, 3e-12])
@pytest.mark.parametrize("bound", [0, 24])
def test_rows_that_cross_the_frame_s_edge_by_rounding_alone(bound: int, slope: float) -> None:
    """Where a row's coordinate grows by less than its last bit, no guess says where it crosses."""
    seed = np.random.default_rng(0)
    image = make_image(seed, (24, 40), 3, np.uint8)
    for rise in (slope, -slope):
        for column in (0, 3, 17, 39):
            matrix = np.eye(3)
            matrix[1] = rise, 0.93, bound - 0.93 * 12.5 - rise * column
            tables = warp_tables(matrix, (24, 40))
            check_single_entries(make_stage([[(Verb.WARP, 0)]], tables, [image]), [image])


def test_points_behind_the_eye_are_far_outside() -> None:
    image = make_image(np.random.default_rng(6), (20, 20), 3, np.float32)
    matrix = np.array([[1, 0, 0], [0, 1, 0], [-0.2, 0.01, 1.5]])
    for border in Border:
        tables = warp_tables(matrix, (20, 20), border=border, antialias=0)
        check_single_entries(make_stage([[(Verb.WARP, 0)]], tables, [image]), [image])


def test_steps_of_half_a_pixel_are_rounded_alike() -> None:
    image = make_image(np.random.default_rng(7), (40, 40), 3, np.uint8)
    for shift in (0.5, 0.25, 1.5, -0.5):
        matrix = np.array([[1, 0, shift], [0, 1, -shift], [0, 0, 1]])
        for resample in WARP_WAYS:
            tables = warp_tables(matrix, (40, 40), resample=resample)
            check_single_entries(make_stage([[(Verb.WARP, 0)]], tables, [image]), [image])


FIELDS = {
    "alone": [vg.Elastic(amount=(0.05, 0.05))],
    "in a crop": [vg.CenterCrop(size=(30, 37)), vg.Elastic(amount=(0.05, 0.05))],
    "before a crop": [vg.Elastic(amount=(0.05, 0.05)), vg.CenterCrop(size=(30, 37))],
    "larger": [vg.Elastic(amount=(0.04, 0.04)), vg.Resize(size=(90, 101))],
    "smaller": [vg.Elastic(amount=(0.04, 0.04)), vg.Resize(size=(23, 19))],
    "mirrored": [vg.Elastic(amount=(0.05, 0.05)), vg.HorizontalFlip()],
    "upside down": [vg.Elastic(amount=(0.05, 0.05)), vg.VerticalFlip()],
    "turned": [vg.Elastic(amount=(0.05, 0.05)), vg.Rotate(angle=(20, 20))],
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_along_their_own_rows_and_across(name: str) -> None:
    seed = np.random.default_rng(7)
    images = np.stack([make_image(seed, (48, 61), 3, np.uint8) for _ in range(4)])
    found, wanted = (
        vg.Pipeline(FIELDS[name], seed=2, engine=engine)(images=images)["images"]
        for engine in ("native", "reference")
    )
    assert not np.array_equal(wanted[0], wanted[1])
    check_within(found, wanted, INTERPOLATED, name)
