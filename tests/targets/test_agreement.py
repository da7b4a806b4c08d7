"""Boxes and points against supersampled masks and maps composed by hand in float64."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from tests.targets.geometry import apply_matrix, at, move, scale, turn
from variegate.ops.entries import Geometry
from variegate.ops.op import OPS, Kind, declare
from variegate.plan.lower import lower
from variegate.policy.nodes import Sequence, Step

FINE = 8
Sample = tuple[list[Step], np.ndarray, tuple[int, int]]


def random_step(generator: np.random.Generator, size: tuple[int, int]) -> tuple:
    """A step with fixed values, its 3x3 matrix worked out here, and the size after it."""
    height, width = size
    x, y = width / 2, height / 2
    kind = generator.integers(10)
    value = float(generator.uniform(-1, 1))
    about = {
        0: ("Rotate", {"angle": 60 * value}, turn(60 * value, (x, y))),
        1: ("ShearX", {"slope": 0.5 * value}, shear(0.5 * value, 0, x, y)),
        2: ("ShearY", {"slope": 0.5 * value}, shear(0, 0.5 * value, x, y)),
        3: ("TranslateX", {"fraction": 0.3 * value}, move(0.3 * value * width, 0)),
        4: ("TranslateY", {"fraction": 0.3 * value}, move(0, 0.3 * value * height)),
        5: ("Zoom", {"factor": 1.5**value}, move(x, y) @ scale(*[1.5**value] * 2) @ move(-x, -y)),
    }
    if kind in about:
        op, values, matrix = about[int(kind)]
        return at(op, **values), matrix, size
    if kind == 6:
        return vg.HorizontalFlip(), move(width, 0) @ scale(-1, 1), size
    if kind == 7:
        top, right, bottom, left = (int(v) for v in generator.integers(0, 9, 4))
        pad = vg.Pad(padding=(top, right, bottom, left))
        return pad, move(left, top), (height + top + bottom, width + left + right)
    if kind == 8:
        x1, y1 = int(generator.integers(0, width // 3)), int(generator.integers(0, height // 3))
        x2 = int(generator.integers(2 * width // 3, width + 1))
        y2 = int(generator.integers(2 * height // 3, height + 1))
        return vg.Crop(box=(x1, y1, x2, y2)), move(-x1, -y1), (y2 - y1, x2 - x1)
    end = int(generator.integers(20, 60)), int(generator.integers(20, 60))
    return vg.Resize(size=end), scale(end[1] / width, end[0] / height), end


def shear(along_x: float, along_y: float, x: float, y: float) -> np.ndarray:
    linear = np.array([[1, along_x, 0], [along_y, 1, 0], [0, 0, 1.0]])
    return move(x, y) @ linear @ move(-x, -y)


def random_pipeline(seed: int) -> tuple:
    """Steps, the composed matrix, the sizes before and after, and a box and points."""
    generator = np.random.default_rng([7, seed])
    start = size = int(generator.integers(24, 56)), int(generator.integers(24, 56))
    steps, matrix = [], np.eye(3)
    for _ in range(int(generator.integers(1, 5))):
        step, own, size = random_step(generator, size)
        steps.append(step)
        matrix = own @ matrix
    corner = generator.uniform(0, 0.6, 2) * [start[1], start[0]]
    side = generator.uniform(0.15, 0.4, 2) * [start[1], start[0]]
    box = np.concatenate([corner, corner + side])
    points = generator.uniform(-0.2, 1.2, (5, 2)) * [start[1], start[0]]
    return steps, matrix, start, size, box, points


def fine_box(matrix: np.ndarray, size: tuple[int, int], box: np.ndarray) -> np.ndarray | None:
    """Bounds of the box's mask at 8 samples a pixel: each sample is mapped back and asked."""
    x = (np.arange(size[1] * FINE) + 0.5) / FINE
    y = (np.arange(size[0] * FINE) + 0.5) / FINE
    u, v, w = np.einsum("ij,jyx->iyx", np.linalg.inv(matrix), grid(x, y))
    inside = (u >= box[0] * w) & (u < box[2] * w) & (v >= box[1] * w) & (v < box[3] * w) & (w > 0)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if len(rows) == 0:
        return None
    ends = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    return np.array(ends) / FINE


def grid(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([*np.broadcast_arrays(x[None, :], y[:, None]), np.ones((len(y), len(x)))])


def moved(steps: list, start: tuple[int, int], **targets: object) -> dict:
    image = np.zeros((*start, 1), dtype=np.uint8)
    return vg.Pipeline(steps, seed=3)(image=image, index=0, **targets)


def check_box(out: dict, expected: np.ndarray | None, tolerance: float) -> float:
    """A box that shows at 8x is there within the tolerance; one that does not is a sliver."""
    boxes = out["boxes"]
    if expected is None:
        slivers = [min(b[2] - b[0], b[3] - b[1]) for b in boxes]
        assert all(s < 0.5 for s in slivers), boxes
        return 0.0
    assert len(boxes) == 1
    error = float(np.abs(boxes[0] - expected).max())
    assert error <= tolerance, (boxes, expected)
    return error


@pytest.mark.parametrize("part", range(4))
def test_boxes_and_points_of_a_thousand_random_pipelines(part: int) -> None:
    worst, shown = 0.0, 0
    for seed in range(part * 250, part * 250 + 250):
        steps, matrix, start, size, box, points = random_pipeline(seed)
        out = moved(steps, start, boxes=box[None], keypoints=points)
        exact = apply_matrix(matrix, points)
        assert np.abs(out["keypoints"] - exact).max() < 0.01
        inside = ((exact >= 0) & (exact < [size[1], size[0]])).all(1)
        inside &= ((points >= 0) & (points < [start[1], start[0]])).all(1)
        assert np.array_equal(out["keypoints_inside"], inside)
        assert out["image"].shape[:2] == size
        expected = fine_box(matrix, size, box)
        shown += expected is not None
        worst = max(worst, check_box(out, expected, 0.25))
    assert shown > 180, "most boxes must be seen, or the test says nothing"
    assert worst > 0, "some box must be cut by the raster"


def test_a_half_pixel_bug_would_be_seen() -> None:
    """The same comparison with the matrix off by half a pixel fails for most pipelines."""
    failed = 0
    for seed in range(60):
        steps, matrix, start, size, box, _ = random_pipeline(seed)
        out = moved(steps, start, boxes=box[None])
        expected = fine_box(move(0.5, 0.5) @ matrix, size, box)
        if expected is not None and len(out["boxes"]) == 1:
            failed += np.abs(out["boxes"][0] - expected).max() > 0.25
    assert failed > 20


def sequential(steps: list, start: tuple[int, int], box: np.ndarray) -> np.ndarray:
    """The box taken anew after every step, which grows it."""
    boxes, size = box[None], start
    for step in steps:
        out = moved([step], size, boxes=boxes)
        boxes, size = out["boxes"], out["image"].shape[:2]
        if len(boxes) == 0:
            break
    return boxes


def test_boxes_taken_once_are_never_larger() -> None:
    generator = np.random.default_rng(5)
    smaller = 0
    for _ in range(80):
        angles = generator.uniform(-50, 50, 3)
        steps = [at("Zoom", factor=0.5), *(at("Rotate", angle=a) for a in angles)]
        steps.append(at("ShearX", slope=float(generator.uniform(-0.4, 0.4))))
        box = np.array([18.0, 16, 34, 30])
        once, again = (
            moved(steps, (48, 52), boxes=box[None])["boxes"],
            sequential(steps, (48, 52), box),
        )
        areas = [float(np.prod(b[0, 2:] - b[0, :2])) for b in (once, again)]
        assert areas[0] <= areas[1] * (1 + 1e-6)
        smaller += areas[0] < areas[1] * 0.95
    assert smaller > 40


def program_matrix(pipeline: vg.Pipeline, start: tuple[int, int]) -> np.ndarray:
    """The drawn map of sample 0, from the engine's way back: images and boxes must agree on it."""
    program = lower(pipeline.draw(sizes=[start], index=[0]), np.uint8, 1)
    return np.linalg.inv(program.stages[0].tables.warp_matrix[0].reshape(3, 3))


@pytest.mark.parametrize("seed", range(40))
def test_perspective_boxes(seed: int) -> None:
    generator = np.random.default_rng(seed)
    start = 40, 50
    steps = [vg.Perspective(distortion=(0.1, 0.6)), vg.Rotate(), vg.Perspective()]
    pipeline = vg.Pipeline(steps[: 1 + seed % 3], seed=seed)
    x1, y1 = generator.uniform(0, 25, 2)
    box = np.array([x1, y1, x1 + 20, y1 + 12])
    out = pipeline(image=np.zeros((*start, 1), np.uint8), index=0, boxes=box[None])
    check_box(out, fine_box(program_matrix(pipeline, start), start, box), 0.5)


def test_a_box_that_reaches_behind_the_eye_is_cut_off() -> None:
    def tip(sizes: np.ndarray) -> Geometry:
        matrix = np.array([[1, 0, 0], [0, 1, 0], [-0.05, 0, 1.0]])
        return Geometry(np.tile(matrix, (len(sizes), 1, 1)), sizes)

    declare(Kind.MATRIX, source="a test")(tip)
    try:
        points = np.array([[5.0, 5], [30, 5]])
        out = moved([Step("Tip")], (40, 40), boxes=np.array([[5.0, 5, 35, 20]]), keypoints=points)
    finally:
        del OPS["Tip"]
    assert np.abs(out["boxes"] - [[20 / 3, 20 / 3, 40, 40]]).max() < 1e-3
    assert out["keypoints_inside"].tolist() == [True, False]


def test_elastic_boxes_and_points_follow_the_pixels() -> None:
    """A marked box is bent with the image; its mask's bounds are the moved box's within 1 px."""
    size, shown = (96, 120), 0
    aug = vg.Pipeline([vg.Elastic(amount=(0.1, 0.1)), vg.Rotate(angle=(-20, 20))], seed=4)
    for index in range(40):
        generator = np.random.default_rng(index)
        x1, y1 = (int(v) for v in generator.integers(25, 50, 2))
        mask = np.zeros(size, dtype=np.uint8)
        mask[y1 : y1 + 25, x1 : x1 + 30] = 1
        points = np.array([[x1 + 0.5, y1 + 0.5], [x1 + 15.5, y1 + 12.5]])
        dots = np.zeros((*size, 2), dtype=np.float32)
        for place, (x, y) in enumerate(points.astype(int)):
            dots[y - 1 : y + 2, x - 1 : x + 2, place] = 1
        out = aug(image=dots, mask=mask, index=index, keypoints=points,
                  boxes=np.array([[x1, y1, x1 + 30, y1 + 25]]))  # fmt: skip
        rows, columns = np.flatnonzero(out["mask"].any(1)), np.flatnonzero(out["mask"].any(0))
        ends = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        assert np.abs(out["boxes"][0] - ends).max() <= 1.0 + 0.5, "0.5: the mask's own raster"
        for place in range(2):
            weight = out["image"][..., place].astype(np.float64)
            ys, xs = np.indices(size) + 0.5
            center = np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()
            assert np.abs(out["keypoints"][place] - center).max() < 0.35
        shown += np.abs(out["keypoints"] - points).max() > 2
    assert shown > 20


def test_nested_and_flat_pipelines_move_alike() -> None:
    steps = [at("Rotate", angle=20), vg.HorizontalFlip(), at("Zoom", factor=0.8)]
    nested = [Sequence((steps[0], Sequence((steps[1], Sequence((steps[2],))))))]
    box = np.array([[10.0, 12, 25, 30]])
    flat, deep = (moved(s, (40, 44), boxes=box)["boxes"] for s in (steps, nested))
    assert np.array_equal(flat, deep)
