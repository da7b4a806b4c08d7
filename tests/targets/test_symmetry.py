"""Quarter turns, mirrors, the transpose and turns that keep all of the image, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import variegate as vg
from tests.targets.geometry import at, run
from variegate.testing import engines
from variegate.testing.pictures import as_float, picture

ENGINES = pytest.mark.parametrize("engine", engines())
SIZES = ((1, 1), (8, 8), (6, 11), (11, 6), (1, 5))


def by_element(image: np.ndarray, element: int) -> np.ndarray:
    mirrored = image[:, ::-1] if element >= 4 else image
    return np.rot90(mirrored, element % 4)


@ENGINES
@pytest.mark.parametrize("size", SIZES)
def test_symmetries_are_numpy_s(engine: str, size: tuple[int, int]) -> None:
    for image in (picture("random", size, 3), as_float(picture("random", size, 3))):
        assert np.array_equal(run([vg.Transpose()], image, engine), image.swapaxes(0, 1))
        for turns in range(4):
            out = run([at("RandomRotate90", turns=turns)], image, engine)
            assert np.array_equal(out, np.rot90(image, turns))
        for element in range(8):
            out = run([at("D4", element=element)], image, engine)
            assert np.array_equal(out, by_element(image, element))


@ENGINES
def test_a_symmetry_and_its_opposite_leave_nothing_to_do(engine: str) -> None:
    image = picture("random", (6, 11), 3)
    for steps in (
        [vg.Transpose(), vg.Transpose()],
        [at("RandomRotate90", turns=1), at("RandomRotate90", turns=3)],
        [at("D4", element=5), at("D4", element=5)],
    ):
        assert np.array_equal(run(steps, image, engine), image)
        from variegate.plan.lower import lower

        program = lower(vg.Pipeline(steps, seed=1).draw(sizes=[(6, 11)], index=[0]), np.uint8, 3)
        assert len(program.stages[0].verb) == 0


@ENGINES
def test_all_of_them_are_drawn_and_sizes_may_differ_in_a_batch(engine: str) -> None:
    image = picture("random", (3, 5), 1)
    for step, count in ((vg.RandomRotate90(), 4), (vg.D4(), 8)):
        aug = vg.Pipeline([step], seed=2, engine=engine)
        out = aug(images=np.repeat(image[None], 400, axis=0), index=range(400))["images"]
        found = [(o.shape, o.tobytes()) for o in out]
        wanted = [by_element(image, e) for e in range(count)]
        counts = [found.count((w.shape, w.tobytes())) for w in wanted]
        assert sum(counts) == 400
        assert min(counts) > 0.6 * 400 / count


def test_points_turn_with_the_pixels() -> None:
    """In a frame of height 4 and width 6 a quarter turn moves (x, y) to (y, 6 - x)."""
    point, box = [[1.0, 0.5]], [[1.0, 0.0, 3.0, 2.0]]
    expected = {
        ("RandomRotate90", 1): ([0.5, 5], [0, 3, 2, 5]),
        ("RandomRotate90", 2): ([5, 3.5], [3, 2, 5, 4]),
        ("RandomRotate90", 3): ([3.5, 1], [2, 1, 4, 3]),
        ("D4", 4): ([5, 0.5], [3, 0, 5, 2]),
        ("D4", 5): ([0.5, 1], [0, 1, 2, 3]),
        ("Transpose", None): ([0.5, 1], [0, 1, 2, 3]),
    }
    for (op, value), (moved, frame) in expected.items():
        step = at(op) if value is None else at(op, **{_param(op): value})
        image = np.zeros((4, 6, 1), dtype=np.uint8)
        out = vg.Pipeline([step], seed=1)(image=image, index=0, keypoints=point, boxes=box)
        assert out["keypoints"].tolist() == [moved]
        assert out["boxes"].tolist() == [frame]


def _param(op: str) -> str:
    return "turns" if op == "RandomRotate90" else "element"


def points_after(step: object, size: tuple[int, int], points: list) -> np.ndarray:
    image = np.zeros((*size, 1), dtype=np.uint8)
    return vg.Pipeline([step], seed=1)(image=image, index=0, keypoints=points)["keypoints"]


def test_safe_rotate_by_hand() -> None:
    """A quarter turn of 20 x 40 must shrink by half; an eighth of a square by the root of 1/2."""
    turned = points_after(at("SafeRotate", angle=90), (20, 40), [[40, 10], [20, 0]])
    assert np.abs(turned - [[20, 0], [15, 10]]).max() < 1e-5
    turned = points_after(at("SafeRotate", angle=45), (10, 10), [[0, 0], [10, 0]])
    assert np.abs(turned - [[0, 5], [5, 0]]).max() < 1e-5


@pytest.mark.parametrize("size", [(20, 40), (33, 9), (16, 16)])
def test_safe_rotate_loses_no_corner_and_wastes_no_room(size: tuple[int, int]) -> None:
    h, w = size
    corners = [[0, 0], [w, 0], [w, h], [0, h]]
    for angle in range(-180, 181, 15):
        out = points_after(at("SafeRotate", angle=angle), size, corners)
        assert out.min() > -1e-4
        assert np.all(out < [w + 1e-4, h + 1e-4])
        touched = np.isclose(np.ptp(out, axis=0), [w, h], atol=1e-3)
        assert touched.any(), "one side is used to the full"


@ENGINES
def test_expand_holds_all_of_the_image(engine: str) -> None:
    image = picture("random", (6, 11), 3)
    wide = {"expand": True}
    for quarter in range(-4, 5):
        out = run([at("Rotate", wide, angle=90 * quarter)], image, engine)
        assert np.array_equal(out, np.rot90(image, quarter))
    out = run([at("Rotate", wide, angle=45)], picture("random", (10, 10), 3), engine)
    assert out.shape == (15, 15, 3)  # 10 times the root of 2 is 14.14
    middle = points_after(at("Rotate", wide, angle=45), (10, 10), [[5, 5], [10, 5]])
    assert np.abs(middle - [[7.5, 7.5], [7.5 + 3.5355, 7.5 - 3.5355]]).max() < 1e-3


@ENGINES
@pytest.mark.parametrize("angle", [30, -28, 117])
def test_expand_is_pillow_s(engine: str, angle: int) -> None:
    """At these angles; at others Pillow takes a row or column more than is needed."""
    image = picture("random", (32, 32), 3)
    theirs = np.asarray(Image.fromarray(image).rotate(angle, expand=True))
    ours = run([at("Rotate", {"expand": True, "resample": "nearest"}, angle=angle)], image, engine)
    assert ours.shape == theirs.shape
    assert (ours != theirs).any(axis=2).mean() < 0.01
