"""Distorted grids, lenses and splines: nodes worked by hand, SciPy's spline, points and masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator

import variegate as vg
from tests.targets.geometry import at, run
from variegate.engine.sampling import displace
from variegate.errors import PolicyError
from variegate.ops.entries import Geometry
from variegate.ops.lattice import FINE, STEEPEST
from variegate.ops.op import OPS, Kind, declare
from variegate.plan.check import check_program
from variegate.plan.lower import lower
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import picture

ENGINES = pytest.mark.parametrize("engine", engines())
SIZE = (24, 40)
BENDERS = {
    "GridDistortion": [{"amount": STEEPEST, "cells": cells} for cells in (2, 4, 18)],
    "PiecewiseAffine": [{"amount": STEEPEST / 2, "cells": cells} for cells in (2, 4, 18)],
    "ThinPlateSpline": [{"amount": 0.25}],
    "OpticalDistortion": [{"distortion": value} for value in (-0.3, 1)],
    "Fisheye": [{"angle": 45}],
    "Elastic": [{"amount": 0.1}],
}


def drawn(step: Step, **uniforms: list[float]) -> tuple[vg.Pipeline, object]:
    """A pipeline of one step, and a plan for one image of SIZE with its draws replaced."""
    aug = vg.Pipeline([step], seed=1)
    plan = aug.draw(sizes=[SIZE], index=[0])
    record = plan.records[0]
    values = {name: np.array([value]) for name, value in uniforms.items()}
    assert set(values) <= set(record.values)
    shaped = {name: value.reshape(record.values[name].shape) for name, value in values.items()}
    record = replace(record, values={**record.values, **shaped})
    return aug, replace(plan, records=(record,))


def points_after(step: Step, points: list, **uniforms: list[float]) -> np.ndarray:
    aug, plan = drawn(step, **uniforms)
    image = np.zeros((*SIZE, 1), dtype=np.uint8)
    return aug.apply(plan, image=image, keypoints=points)["keypoints"]


def field_of(step: Step, **uniforms: list[float]) -> np.ndarray:
    _, plan = drawn(step, **uniforms)
    return lower(plan, np.uint8, 1).stages[0].tables.fields[0]


ALMOST = 1 - 2**-53


def test_grid_distortion_moves_lines() -> None:
    """2 x 2 cells, amount 0.6: the middle line comes from 0.5 + 0.6 / 2 / 2 of the width, and what
    lies halfway comes from half of that.
    """
    step = at("GridDistortion", {"cells": 2}, amount=0.6)
    sources = [[40 * 0.65, 12], [40 * 0.325, 5], [40 * 0.825, 20]]
    moved = points_after(step, sources, columns=[ALMOST], rows=[0.5])
    assert np.abs(moved - [[20, 12], [10, 5], [30, 20]]).max() < 1e-5
    moved = points_after(step, [[7, 24 * 0.35]], columns=[0.5], rows=[0])
    assert np.abs(moved - [[7, 12]]).max() < 1e-5


@ENGINES
def test_grid_distortion_s_pixels_follow(engine: str) -> None:
    """Nearest: the left half shows 0.65 of the columns, the right half the rest."""
    image = picture("random", SIZE, 3)
    step = at("GridDistortion", {"cells": 2, "resample": "nearest"}, amount=0.6)
    _, plan = drawn(step, columns=[ALMOST], rows=[0.5])
    out = vg.Pipeline([step], seed=1, engine=engine).apply(plan, image=image)["image"]
    x = np.arange(40) + 0.5
    source = np.where(x < 20, x * 1.3, 26 + (x - 20) * 0.7)
    assert np.array_equal(out, image[:, source.astype(int)])


def test_piecewise_affine_is_affine_in_each_triangle() -> None:
    """The middle node comes from (0.5 + 0.3 / 4) of the width. In the upper left cell the triangle
    above the diagonal goes with v, the one below with u.
    """
    step = at("PiecewiseAffine", {"cells": 2}, amount=0.3)
    field = field_of(step, nodes=[ALMOST, 0.5])
    shift = 40 * 0.3 / 4
    assert field.shape == (FINE + 1, FINE + 1, 2)
    assert np.abs(field[..., 1]).max() < 1e-12
    expected = {(18, 18): 1, (9, 9): 0.5, (3, 12): 3 / 18, (12, 3): 3 / 18, (6, 17): 6 / 18}
    expected |= {(0, 18): 0, (18, 36): 0, (21, 33): 3 / 18, (27, 18): 0.5, (20, 3): 1 / 18}
    for (row, column), share in expected.items():
        assert field[row, column, 0] == pytest.approx(shift * share, abs=1e-9), (row, column)


def test_thin_plate_spline_is_scipy_s() -> None:
    generator = np.random.default_rng(3)
    uniforms = generator.uniform(0, 1, (16, 2))
    field = field_of(at("ThinPlateSpline", amount=0.03), controls=uniforms.ravel().tolist())
    y, x = np.divmod(np.arange(16), 4)
    controls = np.stack([x, y], axis=1) / 3
    spline = RBFInterpolator(
        controls, (uniforms * 2 - 1) * 0.03, kernel="thin_plate_spline", degree=1
    )
    line = np.arange(FINE + 1) / FINE
    nodes = np.stack([a.ravel() for a in np.meshgrid(line, line)], axis=1)
    expected = spline(nodes).reshape(FINE + 1, FINE + 1, 2) * [40, 24]
    assert np.abs(field - expected).max() < 1e-9
    assert field[12, 24] == pytest.approx((uniforms[6] * 2 - 1) * 0.03 * [40, 24])


def test_lenses_by_hand() -> None:
    """A quarter of the width from the center: r^2 = 1/16, so 1 + 0.1 (1/16 + 1/256) times as far.

    A fisheye of 45 degrees: the corner stays; what is seen at half the way to it comes from the
    tangent of 22.5 degrees, 0.41421.
    """
    far = 0.25 * (1 + 0.1 * (1 / 16 + 1 / 256))
    moved = points_after(at("OpticalDistortion", distortion=0.1), [[20 + 40 * far, 12]])
    assert np.abs(moved - [[30, 12]]).max() < 1e-4
    sources = [[40, 24], [20 + 20 * 0.41421356, 12 - 12 * 0.41421356], [20, 12]]
    moved = points_after(at("Fisheye", angle=45), sources)
    assert np.abs(moved - [[40, 24], [30, 6], [20, 12]]).max() < 1e-4


def test_a_lens_bends_lines_to_the_side_that_its_sign_says() -> None:
    """Above 0 the corners move inward by more than the sides do; below 0 outward."""
    corner, side = [20 + 40 * 0.3, 12 + 24 * 0.3], [20 + 40 * 0.3, 12]
    for sign in (1, -1):
        step = at("OpticalDistortion", distortion=0.15 * sign)
        moved = points_after(step, [corner, side])
        inward = (np.array([corner[0], side[0]]) - moved[:, 0]) * sign
        assert inward[0] > inward[1] > 0.1


ALL = [(op, values) for op, cases in BENDERS.items() for values in cases]


@pytest.mark.parametrize(("op", "values"), ALL)
def test_points_can_be_followed_at_the_largest_settings(op: str, values: dict) -> None:
    """Where a point lands, the picture comes from where it was: within a thousandth of a pixel."""
    ranges = {k: v for k, v in values.items() if k != "cells"}
    step = at(op, {k: v for k, v in values.items() if k == "cells"}, **ranges)
    size, count = (97, 230), 40
    aug = vg.Pipeline([step], seed=5)
    program = lower(aug.draw(sizes=[size] * count, index=range(count)), np.uint8, 1)
    check_program(program)
    given = np.random.default_rng(1).uniform(0, 1, (count, 300, 2)) * [230, 97]
    images = np.zeros((count, *size, 1), dtype=np.uint8)
    moved = aug(images=images, index=range(count), keypoints=list(given))["keypoints"]
    stage = program.stages[0]
    for sample in range(count):
        field = stage.tables.warp_mode[stage.row[sample], 3]
        q = np.asarray(moved[sample], dtype=np.float64)
        x, y = displace(q[:, 0], q[:, 1], stage.tables.fields[field], size)
        assert np.abs(np.stack([x, y], axis=1) - given[sample]).max() < 1e-3


@ENGINES
@pytest.mark.parametrize("op", sorted(BENDERS))
def test_boxes_masks_and_points_follow_the_pixels(engine: str, op: str) -> None:
    """A marked box bends with the image; its mask's bounds are the moved box's within 1 px."""
    size, shown = (96, 120), 0
    step = Step(op)
    aug = vg.Pipeline([step, vg.Rotate(angle=(-20, 20))], seed=4, engine=engine)
    for index in range(12):
        generator = np.random.default_rng(index)
        x1, y1 = (int(v) for v in generator.integers(25, 50, 2))
        mask = np.zeros(size, dtype=np.uint8)
        mask[y1 : y1 + 25, x1 : x1 + 30] = 1
        points = np.array([[x1 + 0.5, y1 + 0.5], [x1 + 15.5, y1 + 12.5]])
        dots = np.zeros((*size, 2), dtype=np.float32)
        for place, (x, y) in enumerate(points.astype(int)):
            dots[y - 1 : y + 2, x - 1 : x + 2, place] = 1
        boxes = np.array([[x1, y1, x1 + 30, y1 + 25]])
        out = aug(image=dots, mask=mask, index=index, keypoints=points, boxes=boxes)
        rows, columns = np.flatnonzero(out["mask"].any(1)), np.flatnonzero(out["mask"].any(0))
        ends = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        assert np.abs(out["boxes"][0] - ends).max() <= 1.5
        for place in range(2):
            weight = out["image"][..., place].astype(np.float64)
            ys, xs = np.indices(size) + 0.5
            center = np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()
            assert np.abs(out["keypoints"][place] - center).max() < 0.35
        shown += np.abs(out["keypoints"] - points).max() > 2
    assert shown > 5


MIXED = [vg.OneOf([vg.Elastic(amount=(0.1, 0.1)), vg.Fisheye(), vg.GridDistortion()]), vg.ShearX()]


@ENGINES
def test_fields_of_several_grids_in_one_batch_are_each_alone(engine: str) -> None:
    """The bytes of a sample do not tell which other fields its batch had."""
    images = np.stack([picture("random", (21, 34), 3, i) for i in range(30)])
    aug = vg.Pipeline(MIXED, seed=5, engine=engine)
    program = lower(aug.draw(images=images, index=range(30)), np.uint8, 3)
    check_program(program)
    assert program.stages[0].tables.fields.shape[1:] == (FINE + 1, FINE + 1, 2)
    sizes = {tuple(s) for s in program.stages[0].tables.warp_field_size.tolist()}
    assert sizes == {(21, 34), (84, 136)}, "Elastic has a fourth of the cells"
    boxes = [np.array([[4.0, 3, 30, 18]])] * 30
    together = aug(images=images, index=range(30), boxes=boxes)
    for i in range(30):
        alone = aug(image=images[i], index=i, boxes=boxes[i])
        assert np.array_equal(alone["image"], together["images"][i])
        assert np.array_equal(alone["boxes"], together["boxes"][i])


def test_grids_that_do_not_fit_into_each_other_are_refused_by_name() -> None:
    def five(sizes: np.ndarray) -> Geometry:
        eyes = np.tile(np.eye(3), (len(sizes), 1, 1))
        return Geometry(eyes, sizes, np.zeros((len(sizes), 6, 6, 2)))

    declare(Kind.FIELD, source="a test")(five)
    try:
        with pytest.raises(PolicyError, match="fields of 5x5 and 9x9 cells"):
            run([Step("Five"), vg.Elastic()], picture("random", (9, 9), 3))
    finally:
        del OPS["Five"]
