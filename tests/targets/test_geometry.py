"""Geometry against NumPy's array moves and Pillow's transforms."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import variegate as vg
from tests.targets.geometry import at, move, run, scale, turn
from variegate.ops.entries import Geometry
from variegate.ops.op import OPS, Kind, declare
from variegate.policy.nodes import Step
from variegate.testing import engines
from variegate.testing.pictures import as_float, picture

pytestmark = pytest.mark.parametrize("engine", engines())
RESAMPLES = ("nearest", "bilinear", "bicubic")


def by_matrix(
    matrix: np.ndarray, size: tuple[int, int], image: np.ndarray, engine: str, **settings: object
) -> np.ndarray:
    """One image through any matrix into any frame, as an op declared for this call alone."""
    from variegate.ops.settings import SAMPLING

    def any_map(sizes: np.ndarray) -> Geometry:
        count = len(sizes)
        return Geometry(np.tile(matrix, (count, 1, 1)), np.tile(np.array(size), (count, 1)))

    declare(Kind.MATRIX, source="a test", settings=SAMPLING)(any_map)
    try:
        return run([Step("AnyMap", settings)], image, engine)
    finally:
        del OPS["AnyMap"]


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 9), (6, 11), (11, 6), (1, 5)])
def test_quarter_turns_are_rot90(
    engine: str, size: tuple[int, int], quarters: int, resample: str
) -> None:
    image = picture("random", size, 3)
    expected = np.rot90(image, quarters)
    height, width = size
    frame = expected.shape[:2]
    linear = np.round(turn(90 * quarters, (0, 0)))
    matrix = move(frame[1] / 2, frame[0] / 2) @ linear @ move(-width / 2, -height / 2)
    for given, wanted in ((image, expected), (as_float(image), as_float(expected))):
        assert np.array_equal(by_matrix(matrix, frame, given, engine, resample=resample), wanted)


@pytest.mark.parametrize("angle", [-360, -270, -180, -90, 0, 90, 180, 270, 360])
def test_rotate_by_quarters_is_rot90_on_squares(engine: str, angle: int) -> None:
    for side in (1, 8, 9):
        image = picture("random", (side, side), 3)
        assert np.array_equal(
            run([at("Rotate", angle=angle)], image, engine), np.rot90(image, angle // 90)
        )


def test_flips_are_numpy_s_and_undo_themselves(engine: str) -> None:
    image = picture("random", (7, 10), 3)
    assert np.array_equal(run([vg.HorizontalFlip()], image, engine), image[:, ::-1])
    assert np.array_equal(run([vg.VerticalFlip()], image, engine), image[::-1])
    assert np.array_equal(run([vg.HorizontalFlip()] * 2, image, engine), image)
    between = [vg.HorizontalFlip(), vg.Invert(), vg.HorizontalFlip()]
    assert np.array_equal(run(between, image, engine), 255 - image)


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (-4, 0), (0, 2), (-1, -5), (10, 0), (7, 6)])
def test_whole_shifts_are_array_shifts(engine: str, dx: int, dy: int, resample: str) -> None:
    image = picture("random", (8, 10), 3)
    steps = [at("TranslateX", {"resample": resample, "fill": 9}, fraction=dx / 10)]
    steps.append(at("TranslateY", {"resample": resample, "fill": 9}, fraction=dy / 8))
    expected = np.full_like(image, 9)
    rows, columns = np.arange(8) - dy, np.arange(10) - dx
    inside = np.ix_((rows >= 0) & (rows < 8), (columns >= 0) & (columns < 10))
    source = image[np.clip(rows, 0, 7)][:, np.clip(columns, 0, 9)]
    expected[inside] = source[inside]
    assert np.array_equal(run(steps, image, engine), expected)


def test_a_crop_of_a_pad_is_the_image(engine: str) -> None:
    image = picture("random", (6, 9), 3)
    padded = run([vg.Pad(padding=(1, 2, 3, 4), fill=7)], image, engine)
    expected = np.pad(image, ((1, 3), (4, 2), (0, 0)), constant_values=7)
    assert np.array_equal(padded, expected)
    assert np.array_equal(run([vg.Crop(box=(4, 1, 13, 7))], padded, engine), image)
    both = [vg.Pad(padding=(1, 2, 3, 4)), vg.Crop(box=(4, 1, 13, 7))]
    assert np.array_equal(run(both, image, engine), image)


def test_crops_are_slices(engine: str) -> None:
    image = picture("random", (11, 14), 3)
    assert np.array_equal(run([vg.Crop(box=(2, 3, 9, 8))], image, engine), image[3:8, 2:9])
    assert np.array_equal(run([vg.CenterCrop(size=(5, 6))], image, engine), image[3:8, 4:10])
    places = {(y, x) for y in range(7) for x in range(7)}
    aug = vg.Pipeline([vg.RandomCrop(size=(5, 8))], seed=2, engine=engine)
    out = aug(images=np.repeat(image[None], 600, axis=0), index=range(600))["images"]
    windows = {image[y : y + 5, x : x + 8].tobytes(): (y, x) for y, x in places}
    assert {windows[o.tobytes()] for o in out} == places


PADS = {"reflect": "symmetric", "edge": "edge", "wrap": "wrap"}


@pytest.mark.parametrize("border", sorted(PADS))
@pytest.mark.parametrize("size", [(4, 5), (1, 1), (1, 3)])
def test_borders_are_np_pad_s(engine: str, border: str, size: tuple[int, int]) -> None:
    """`reflect` repeats the outer pixel (np.pad's symmetric): c b a | a b c."""
    image = picture("random", size, 2)
    padding = (9, 11, 7, 13)
    got = run([Step("Pad", {"padding": padding, "border": border})], image, engine)
    expected = np.pad(image, ((9, 7), (13, 11), (0, 0)), mode=PADS[border])
    assert np.array_equal(got, expected)


AFFINES = [
    (1, 0.3, 0, 0, 1, 0),
    (1, 0, 0, -0.25, 1, 0),
    (1, 0, 3.7, 0, 1, -2.2),
    (0.8, 0.3, 1.5, -0.25, 0.9, 2.5),
    (1.1, -0.4, 3, 0.2, 0.95, -1),
]


@pytest.mark.parametrize("numbers", AFFINES)
def test_affine_is_pillow_s(engine: str, numbers: tuple) -> None:
    """Bilinear: Pillow truncates where we round to nearest, so a difference is 0 or 1, never -1.

    Nearest: equal, except where a point lies within Pillow's 16-bit fixed-point step of an edge.
    """
    image = picture("random", (24, 31), 3)
    back = np.array([*numbers, 0, 0, 1.0]).reshape(3, 3)
    forward = np.linalg.inv(back)
    plain = {"antialias": False}
    smooth = by_matrix(forward, (24, 31), image, engine, **plain)
    size, affine = (31, 24), Image.Transform.AFFINE
    theirs = Image.fromarray(image).transform(size, affine, numbers, Image.Resampling.BILINEAR)
    difference = smooth.astype(int) - np.asarray(theirs)
    tolerated = (difference == 0) | (difference == 1)
    assert (~tolerated.all(axis=2)).mean() <= 0.002, np.unique(difference)
    picked = by_matrix(forward, (24, 31), image, engine, resample="nearest", **plain)
    theirs = Image.fromarray(image).transform(size, affine, numbers, Image.Resampling.NEAREST)
    assert (picked != np.asarray(theirs)).any(axis=2).mean() <= 0.004


@pytest.mark.parametrize("angle", [6, -30, 13.3, 27, 135])
def test_rotate_is_pillow_s(engine: str, angle: float) -> None:
    image = picture("random", (33, 33), 3)
    got = run([at("Rotate", {"resample": "nearest"}, angle=angle)], image, engine)
    assert (got != np.asarray(Image.fromarray(image).rotate(angle))).any(axis=2).mean() < 0.005


def arrow(size: int = 41) -> np.ndarray:
    """A bright bar from the center to the right."""
    image = np.zeros((size, size, 1), dtype=np.uint8)
    image[size // 2 - 1 : size // 2 + 2, size // 2 :] = 255
    return image


@pytest.mark.parametrize(
    "step",
    [
        at("Rotate", angle=30),
        at("Affine", angle=30, scale=1, shear=0, translate_x=0, translate_y=0),
    ],
)
def test_positive_angles_turn_counter_clockwise(engine: str, step: Step) -> None:
    turned = run([step], arrow(), engine)[..., 0].astype(float)
    y, x = ndimage.center_of_mass(turned)
    assert np.rad2deg(np.arctan2(20.5 - 0.5 - y, x - 20)) == pytest.approx(30, abs=2)


def test_directions_of_the_other_ops(engine: str) -> None:
    dot = np.zeros((21, 21, 1), dtype=np.uint8)
    dot[4, 10] = 255
    assert np.argwhere(run([at("TranslateX", fraction=3 / 21)], dot, engine))[0].tolist() == [
        4,
        13,
        0,
    ]
    assert np.argwhere(run([at("TranslateY", fraction=3 / 21)], dot, engine))[0].tolist() == [
        7,
        10,
        0,
    ]
    above = run([at("ShearX", {"resample": "nearest"}, slope=0.5)], dot, engine)
    assert np.argwhere(above)[0].tolist() == [4, 7, 0]
    wide = run([at("Zoom", {"resample": "nearest"}, factor=1.5)], dot, engine)
    assert np.argwhere(wide)[:, 0].max() < 4, "above the center, larger moves up"


def test_affine_is_scale_then_shear_then_turn_then_move(engine: str) -> None:
    image = picture("gradient", (20, 26), 3)
    values = {"angle": 25, "scale": 1.2, "shear": 0.3, "translate_x": 0.1, "translate_y": -0.05}
    shear = np.array([[1, 0.3, 0], [0, 1, 0], [0, 0, 1.0]])
    about = move(13, 10) @ turn(25, (0, 0)) @ shear @ scale(1.2, 1.2) @ move(-13, -10)
    expected = by_matrix(move(2.6, -1) @ about, (20, 26), image, engine)
    got = run([at("Affine", **values)], image, engine)
    assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("resample", RESAMPLES)
def test_a_run_is_one_resampling(engine: str, resample: str) -> None:
    image = picture("random", (21, 18), 3)
    way = {"resample": resample, "antialias": False}
    steps = [at("Rotate", way, angle=20), at("ShearX", way, slope=0.2), at("Zoom", way, factor=1.3)]
    shear = np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1.0]])
    about = move(9, 10.5) @ scale(1.3, 1.3) @ shear @ turn(20, (0, 0)) @ move(-9, -10.5)
    expected = by_matrix(about, (21, 18), image, engine, **way)
    got = run(steps, image, engine)
    assert (got != expected).any(axis=2).mean() < 0.01
    apart = run([steps[0], vg.Invert(), vg.Invert(), *steps[1:]], image, engine)
    assert not np.array_equal(got, apart), "an op between them ends the run"


def test_what_leaves_the_frame_in_a_run_comes_back(engine: str) -> None:
    image = picture("random", (12, 12), 3)
    there, back = at("TranslateX", fraction=0.5), at("TranslateX", fraction=-0.5)
    assert np.array_equal(run([there, back], image, engine), image)
    lost = run([there, vg.Invert(), vg.Invert(), back], image, engine)
    assert np.array_equal(lost[:, :6], image[:, :6])
    assert not lost[:, 6:].any()


def test_ops_that_resample_differently_do_not_join(engine: str) -> None:
    image = picture("random", (12, 12), 3)
    first = at("TranslateX", {"fill": 10}, fraction=0.5)
    second = at("TranslateX", {"fill": 200}, fraction=-0.5)
    out = run([first, second], image, engine)
    assert (out[:, 6:] == 200).all()
    assert np.array_equal(out[:, :6], image[:, :6])


@pytest.mark.parametrize("borders", [("edge", "constant"), ("constant", "wrap")])
def test_borders_that_differ_do_not_join(engine: str, borders: tuple[str, str]) -> None:
    image = picture("random", (6, 12), 3)
    first = at("TranslateX", {"border": borders[0]}, fraction=0.5)
    second = at("TranslateX", {"border": borders[1]}, fraction=0.5)
    once = run([second], run([first], image, engine), engine)
    assert np.array_equal(run([first, second], image, engine), once)


def test_a_strong_perspective_does_not_vanish(engine: str) -> None:
    """The output's own corner may lie behind the eye; the picture is still there."""
    white = np.full((300, 30, 40, 1), 255, dtype=np.uint8)
    aug = vg.Pipeline([vg.Perspective(distortion=(0.66, 0.66))], seed=1, engine=engine)
    shown = (aug(images=white, index=range(300))["images"] > 0).mean(axis=(1, 2, 3))
    assert shown.min() > 0.05


def test_an_origin_behind_the_eye_hides_nothing_else(engine: str) -> None:
    """Output x comes from x / (x / 5 - 1): of the source's 12 columns, seen from 8.6 on."""
    back = np.array([[1, 0, 0], [0, 1, 0], [0.2, 0, -1.0]])
    white = np.full((12, 12, 1), 255, dtype=np.uint8)
    out = by_matrix(np.linalg.inv(back), (1, 40), white, engine, antialias=False)
    assert (out[0, :, 0] == np.where(np.arange(40) + 0.5 > 12 / 1.4, 255, 0)).all()


def test_perspective_moves_its_corners(engine: str) -> None:
    """By drawn corners of 1, each goes inward by distortion / 2 of a side."""
    from dataclasses import replace

    aug = vg.Pipeline([vg.Perspective(distortion=(0.5, 0.5))], seed=1, engine=engine)
    plan = aug.draw(sizes=[(40, 60)], index=[0])
    record = plan.records[0]
    corners = np.array([[1, 1, 0, 0, 0, 0, 0, 0]]) * (1 - 2**-53)
    plan = replace(plan, records=(replace(record, values={**record.values, "corners": corners}),))
    points = np.array([[0, 0], [60, 0], [60, 40], [0, 40]], dtype=float)
    moved = aug.apply(plan, image=np.zeros((40, 60, 1), np.uint8), keypoints=points)["keypoints"]
    assert np.abs(moved - [[15, 10], [60, 0], [60, 40], [0, 40]]).max() < 1e-4


def test_stretch_and_shear_move_points_as_worked_out_by_hand(engine: str) -> None:
    # The center of an 8 x 12 image is (6, 4); (9, 6) lies 3 right of it and 2 below.
    rows = (
        (at("Stretch", x=2.0, y=0.5), (12.0, 5.0)),
        (at("Shear", x=0.5, y=0.0), (10.0, 6.0)),
        (at("Shear", x=0.5, y=-0.25), (10.0, 5.25)),
    )
    for step, expected in rows:
        pipeline = vg.Pipeline([step], seed=1, engine=engine)
        image, point = np.zeros((8, 12, 3), np.uint8), np.array([[9.0, 6.0]])
        moved = pipeline(image=image, keypoints=point, index=0)["keypoints"]
        np.testing.assert_allclose(moved, [expected], atol=1e-5)
