"""Oriented boxes, polygons and pairs against shapely, supersampled masks and values by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import Point as Dot
from shapely.geometry import Polygon, box

import variegate as vg
from tests.targets.geometry import apply_matrix, at
from variegate.errors import InputError, PolicyError
from variegate.plan.lower import lower
from variegate.targets.oriented import corners_of, hull, smallest_angle

SIZE = 60, 80
QUIET = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
IMAGE = np.zeros((*SIZE, 1), dtype=np.uint8)


def run(steps: list[Any], index: int = 0, seed: int = 3, **targets: Any) -> dict[str, Any]:
    names = ("keypoint_pairs", "keypoint_names", "oriented_boxes_as", "box_angles", "keypoints_as")
    form = {k.removesuffix("_as"): targets.pop(k) for k in names if k in targets}
    return vg.Pipeline(steps, seed=seed, **form)(image=IMAGE, index=index, **targets)


def matrix_of(steps: list[Any], index: int = 0, seed: int = 3) -> np.ndarray:
    """The drawn map, taken from the engine's way back."""
    plan = vg.Pipeline(steps, seed=seed).draw(sizes=[SIZE], index=[index])
    tables = lower(plan, np.uint8, 1).stages[0].tables
    return np.linalg.inv(tables.warp_matrix[0].reshape(3, 3))


def star(generator: np.random.Generator, count: int = 9) -> np.ndarray:
    """A ring of spikes that is not convex, around a random place."""
    angle = np.sort(generator.uniform(0, 2 * np.pi, count))
    radius = generator.uniform(5, 25, count)
    center = generator.uniform([26, 26], [54, 34])  # so that no spike leaves the image
    return center + np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]


MAPS = {
    "affine": [vg.Affine(angle=(-180.0, 180.0), scale=(0.4, 2.0), shear=(-0.8, 0.8))],
    "perspective": [vg.Perspective(distortion=(0.2, 0.5))],
    "flip and crop": [vg.HorizontalFlip(), vg.RandomCrop(size=(30, 40))],
}


@pytest.mark.parametrize("name", MAPS)
def test_polygons_are_those_of_shapely(name: str) -> None:
    """The area seen is that of the moved polygon cut by the frame, holes taken off."""
    generator, shown = np.random.default_rng(len(name)), 0
    for index in range(60):
        ring = star(generator)
        outer = Polygon(ring)
        inner = outer.representative_point().buffer(0.8, quad_segs=3)
        if not outer.is_valid or not inner.within(outer):
            continue
        hole = np.array(inner.exterior.coords[:-1])
        out = run(MAPS[name], index, polygons=[[ring, hole]])
        frame = box(0, 0, out["image"].shape[1], out["image"].shape[0])
        matrix = matrix_of(MAPS[name], index)
        whole = Polygon(apply_matrix(matrix, ring), [apply_matrix(matrix, hole)])
        wanted = whole.intersection(frame).area
        parts = out["polygons"][0] if len(out["polygons"]) else []
        found = sum(abs(Polygon(part).area) * (1 - 2 * (i > 0)) for i, part in enumerate(parts))
        assert found == pytest.approx(wanted, rel=2e-3, abs=0.05)
        shown += wanted > 1
    assert shown > 25


@pytest.mark.parametrize("name", ["affine", "perspective"])
def test_polygons_cover_what_a_fine_mask_covers(name: str) -> None:
    """Painted at 8 samples a pixel: each sample is mapped back and asked."""
    generator = np.random.default_rng(3)
    for index in range(8):
        ring = star(generator)
        out = run(MAPS[name], index, polygons=[[ring]])
        if len(out["polygons"]) == 0:
            continue
        x, y = np.meshgrid((np.arange(640) + 0.5) / 8, (np.arange(480) + 0.5) / 8)
        points = np.stack([x.ravel(), y.ravel()], axis=1)
        back = apply_matrix(np.linalg.inv(matrix_of(MAPS[name], index)), points)
        inside = even_odd(ring, back)
        found = even_odd(out["polygons"][0][0].astype(np.float64), points)
        assert (inside != found).mean() < 0.001
        assert inside.sum() / 64 > 1


def even_odd(ring: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points lie in a ring."""
    odd = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crosses = (y1 > points[:, 1]) != (y2 > points[:, 1])
        odd ^= crosses & (points[:, 0] < x1 + (points[:, 1] - y1) * (x2 - x1) / (y2 - y1))
    return odd


@QUIET
@given(st.integers(0, 10**6), st.lists(st.sampled_from("hvtrsz"), min_size=1, max_size=5))
def test_a_polygon_that_stays_inside_has_its_area_times_the_determinant(
    seed: int, kinds: list[str]
) -> None:
    steps = [vg.Pad(padding=(400, 400, 400, 400)), *(STEPS[kind] for kind in kinds)]
    ring = star(np.random.default_rng(seed), 6)
    before = abs(Polygon(ring).area)
    out = run(steps, seed % 97, polygons=[[ring]])
    matrix = matrix_of(steps, seed % 97)
    wanted = before * abs(np.linalg.det(matrix[:2, :2]))
    found = abs(Polygon(out["polygons"][0][0].astype(np.float64)).area)
    assert found == pytest.approx(wanted, rel=1e-3, abs=0.05)


STEPS = {
    "h": vg.HorizontalFlip(),
    "v": vg.VerticalFlip(),
    "t": vg.Transpose(),
    "r": vg.Rotate(),
    "s": vg.ShearX(),
    "z": vg.Zoom(factor=(0.7, 1.2)),
}


def everything(seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    low = generator.uniform(5, 40, (3, 2))
    return {
        "boxes": np.concatenate([low, low + generator.uniform(3, 15, (3, 2))], axis=1),
        "oriented_boxes": np.concatenate(
            [generator.uniform(20, 40, (3, 2)), generator.uniform(3, 9, (3, 2)),
             generator.uniform(-89, 89, (3, 1))], axis=1),
        "polygons": [[star(generator) * 0.7 + 5] for _ in range(3)],
        "keypoints": np.concatenate(
            [generator.uniform(1, 50, (3, 4, 2)), np.full((3, 4, 1), 2.0)], axis=2),
        "instance_masks": generator.integers(0, 2, (3, *SIZE)).astype(bool),
        "mask": generator.integers(0, 9, SIZE),
    }  # fmt: skip


IDENTITIES = {
    "four flips": [vg.HorizontalFlip(), vg.VerticalFlip()] * 2,
    "four quarters": [vg.RandomRotate90(turns=(1, 1))] * 4,
    "two transposes": [vg.Transpose(), vg.Invert(), vg.Transpose(), vg.Invert()],
    "a flip undone by turns": [
        vg.HorizontalFlip(),
        vg.VerticalFlip(),
        vg.RandomRotate90(turns=(2, 2)),
    ],
}


@pytest.mark.parametrize("name", IDENTITIES)
@QUIET
@given(st.integers(0, 10**6))
def test_what_undoes_itself_leaves_every_target(name: str, seed: int) -> None:
    targets = everything(seed)
    out = run(IDENTITIES[name], keypoint_pairs=[(0, 1), (2, 3)], **targets)
    plain = run([], keypoint_pairs=[(0, 1), (2, 3)], **targets)
    for key in ("boxes", "oriented_boxes", "keypoints"):
        assert np.abs(out[key] - plain[key]).max() < 1e-4, key
    for key in ("instance_masks", "mask", "kept"):
        assert np.array_equal(out[key], plain[key]), key
    for rings, others in zip(out["polygons"], plain["polygons"], strict=True):
        assert np.abs(rings[0] - others[0]).max() < 1e-4


MIRRORED = {
    "h": ([vg.HorizontalFlip()], True),
    "v": ([vg.VerticalFlip()], True),
    "hv": ([vg.HorizontalFlip(), vg.VerticalFlip()], False),
    "transpose": ([vg.Transpose()], True),
    "turn": ([vg.Rotate(angle=(170, 170))], False),
    "d4 turns": ([vg.D4(element=(3, 3))], False),
    "d4 mirrors": ([vg.D4(element=(5, 5))], True),
    "two runs": ([vg.HorizontalFlip(), vg.Invert(), vg.Transpose()], False),
    "a field": ([vg.Elastic(), vg.HorizontalFlip()], True),
    "perspective": ([vg.Perspective(distortion=(0.6, 0.6))], False),
    "perspective mirrored": ([vg.Perspective(distortion=(0.6, 0.6)), vg.VerticalFlip()], True),
}


@pytest.mark.parametrize("name", MIRRORED)
def test_pairs_swap_after_an_odd_number_of_mirrorings(name: str) -> None:
    steps, swapped = MIRRORED[name]
    points = np.array([[20.0, 30], [50, 30], [35, 40]])
    plain = run(steps, keypoints=points)["keypoints"]
    out = run(steps, keypoints=points, keypoint_names=["left", "right", "nose"],
              keypoint_pairs=[("left", "right")])["keypoints"]  # fmt: skip
    assert np.array_equal(out, plain[[1, 0, 2] if swapped else [0, 1, 2]])


def test_pairs_swap_sample_by_sample_with_their_visibility() -> None:
    images = np.zeros((40, *SIZE, 1), dtype=np.uint8)
    points = [np.array([[20.0, 30, 2], [50, 30, 1]])] * 40
    aug = vg.Pipeline([vg.HorizontalFlip(p=0.5)], seed=3, keypoint_pairs=[(0, 1)])
    plan = aug.draw(images=images, index=range(40))
    flipped = np.isin(np.arange(40), plan.records[0].rows)
    out = aug(images=images, keypoints=points, index=range(40))["keypoints"]
    for own, mirrored in zip(out, flipped, strict=True):
        wanted = [[30, 30, 1], [60, 30, 2]] if mirrored else [[20, 30, 2], [50, 30, 1]]
        assert own.tolist() == wanted
    assert 5 < flipped.sum() < 35


def test_visibility_is_coco_s() -> None:
    points = np.array([[[5.0, 5, 2], [70, 5, 1], [0, 0, 0], [40, 30, 1]]])
    crop = [vg.Crop(box=(10, 0, 60, 50))]
    out = run(crop, keypoints=points)
    assert out["keypoints"][0].tolist() == [[-5, 5, 0], [60, 5, 0], [0, 0, 0], [30, 30, 1]]
    assert out["keypoints_inside"][0].tolist() == [False, False, False, True]
    apart = run(crop, keypoints=points[..., :2], keypoint_visibility=points[..., 2])
    assert apart["keypoint_visibility"].tolist() == [[0, 0, 0, 1]]
    assert np.array_equal(apart["keypoints"], out["keypoints"][..., :2])
    back = [vg.TranslateX(fraction=(0.5, 0.5)), vg.Invert(), vg.TranslateX(fraction=(-0.5, -0.5))]
    assert run(back, keypoints=points)["keypoints"][0, 1].tolist() == [70, 5, 0]


def test_a_flip_moves_index_points_to_the_mirrored_pixel() -> None:
    """Half a pixel: the pixel 0 of 80 becomes 79; continuous 0 becomes 80."""
    assert run([vg.HorizontalFlip()], keypoints=[[0, 3]], keypoints_as="index")[
        "keypoints"
    ].tolist() == [[79, 3]]
    assert run([vg.HorizontalFlip()], keypoints=[[0, 3]])["keypoints"].tolist() == [[80, 3]]


BY_HAND = {
    "turn": ([at("Rotate", angle=25)], [40, 30, 20, 10, 5], [40, 30, 20, 10, 30]),
    "flip": ([vg.HorizontalFlip()], [30, 20, 12, 4, 30], [50, 20, 12, 4, -30]),
    "vertical flip": ([vg.VerticalFlip()], [30, 20, 12, 4, 30], [30, 40, 12, 4, -30]),
    "transpose": ([vg.Transpose()], [30, 20, 12, 4, 30], [20, 30, 12, 4, -120 + 180]),
    "quarter": ([vg.RandomRotate90(turns=(1, 1))], [30, 20, 12, 4, 30], [20, 50, 12, 4, -60]),
    "zoom": ([at("Zoom", factor=2)], [42, 31, 10, 4, -20], [44, 32, 20, 8, -20]),
    "stretched": ([vg.Resize(size=(120, 80))], [30, 20, 12, 4, 0], [30, 40, 12, 8, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_oriented_boxes_by_hand(name: str) -> None:
    steps, given_box, wanted = BY_HAND[name]
    out = run(steps, oriented_boxes=[given_box])["oriented_boxes"][0]
    assert np.abs(out - wanted).max() < 1e-4


def test_a_heading_is_kept_where_asked() -> None:
    out = run([vg.HorizontalFlip()], oriented_boxes=[[30, 20, 12, 4, 30]], box_angles="full")
    assert out["oriented_boxes"][0].tolist() == pytest.approx([50, 20, 12, 4, 150])
    out = run([at("Rotate", angle=100)], oriented_boxes=[[40, 30, 12, 4, 120]], box_angles="full")
    assert out["oriented_boxes"][0, 4] == pytest.approx(-140)


def test_an_oriented_box_at_angle_0_is_cut_as_a_box_is() -> None:
    flat = np.array([[5.0, 5, 30, 20], [50, 40, 79, 59]])
    given_boxes = [[17.5, 12.5, 25, 15, 0], [64.5, 49.5, 29, 19, 0]]
    for steps in (
        [vg.Crop(box=(10, 8, 70, 50))],
        [vg.HorizontalFlip(), vg.Crop(box=(20, 0, 80, 44))],
    ):
        out = run(steps, boxes=flat, oriented_boxes=given_boxes)
        found = corners_of(out["oriented_boxes"].astype(np.float64))
        ends = np.concatenate([found.min(axis=1), found.max(axis=1)], axis=1)
        assert np.abs(ends - out["boxes"]).max() < 1e-4


def test_what_is_seen_of_an_oriented_box_decides_over_it() -> None:
    """A square of 20 turned by 45 degrees about the frame's left side: half of it is seen."""
    square = [[0, 30, 20, 20, 45]]
    aug = [vg.Identity()]
    for least, stays in ((0.49, 1), (0.51, 0)):
        pipeline = vg.Pipeline(aug, seed=1, min_visibility=least)
        assert len(pipeline(image=IMAGE, oriented_boxes=square, index=0)["kept"]) == stays
    whole = run(aug, oriented_boxes=square, oriented_boxes_as="whole")["oriented_boxes"]
    assert whole[0].tolist() == pytest.approx([0, 30, 20, 20, 45])
    seen = run(aug, oriented_boxes=square)["oriented_boxes"][0]
    assert seen[4] == 45
    shape = affinity.rotate(box(-10, 20, 10, 40), 45, origin=(0, 30)).intersection(
        box(0, 0, 80, 60)
    )
    assert Polygon(corners_of(seen[None].astype(float))[0]).buffer(1e-3).contains(shape)
    assert seen[2] * seen[3] < 400 * 1.01


@pytest.mark.parametrize("seed", range(6))
def test_sheared_boxes_get_the_smallest_rectangle_of_shapely(seed: int) -> None:
    generator = np.random.default_rng(seed)
    given_box = np.array([40, 30, *generator.uniform(4, 16, 2), generator.uniform(-80, 80)])
    steps = [at("ShearX", slope=float(generator.uniform(-0.9, 0.9))), at("Zoom", factor=0.9)]
    out = run(steps, oriented_boxes=given_box[None])["oriented_boxes"][0].astype(float)
    moved = apply_matrix(matrix_of(steps), corners_of(given_box[None])[0])
    smallest = Polygon(moved).minimum_rotated_rectangle
    assert out[2] * out[3] == pytest.approx(smallest.area, rel=1e-4)
    assert Polygon(corners_of(out[None])[0]).buffer(1e-3).contains(Polygon(moved))
    points = run(steps, oriented_boxes=corners_of(given_box[None]))["oriented_boxes"]
    assert np.abs(points[0] - moved).max() < 1e-4
    flat = run(steps, oriented_boxes=corners_of(given_box[None]).reshape(1, 8))["oriented_boxes"]
    assert np.array_equal(flat.reshape(1, 4, 2), points)


def test_bent_boxes_hold_every_bent_edge() -> None:
    steps = [vg.Elastic(amount=(0.1, 0.1)), vg.Rotate()]
    for index in range(6):
        given_box = np.array([[40.0, 30, 30, 20, 20]])
        out = run(steps, index, oriented_boxes=given_box, oriented_boxes_as="whole")
        edge = np.linspace(0, 1, 50)[:-1, None]
        corners = corners_of(given_box)[0]
        points = np.concatenate(
            [a + edge * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
        )
        moved = run(steps, index, keypoints=points)["keypoints"].astype(float)
        found = Polygon(corners_of(out["oriented_boxes"].astype(float))[0])
        assert all(found.buffer(0.02).contains(Dot(*point)) for point in moved)
        assert found.area == pytest.approx(Polygon(moved).minimum_rotated_rectangle.area, rel=0.01)


def test_hulls_and_angles_by_hand() -> None:
    diamond = np.array([[0.0, 1], [1, 0], [2, 1], [1, 2], [1, 1], [0.5, 0.5]])
    assert sorted(hull(diamond).tolist()) == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert abs(smallest_angle(diamond)) % 90 == pytest.approx(45)


BAD = {
    "no width": ({"oriented_boxes": [[1, 2, 0, 4, 5]]}, r"oriented_boxes\[0\]\[0\]: expected"),
    "NaN": ({"oriented_boxes": [[1, 2, 3, np.nan, 5]]}, "finite"),
    "a bow tie": ({"oriented_boxes": [[0, 0, 9, 9, 9, 0, 0, 9]]}, "cross itself"),
    "six numbers": ({"oriented_boxes": [[1, 2, 3, 4, 5, 6]]}, r"got shape \(1, 6\)"),
    "two points": ({"polygons": [[[[1, 2], [3, 4]]]]}, r"polygons\[0\]\[0\]: expected rings of at"),
    "a line": ({"polygons": [[[[1, 1], [2, 2], [3, 3]]]]}, "the outline has no area"),
    "NaN in a ring": ({"polygons": [[[[1, 1], [2, np.nan], [3, 3]]]]}, "not finite"),
    "no ring": ({"polygons": [[]]}, "at least one ring"),
    "odd numbers": ({"polygons": [[[1, 2, 3, 4, 5]]]}, r"polygons\[0\]\[0\]\[0\]: expected points"),
    "visibility 3": ({"keypoints": [[1, 2, 3]]}, "visibility is 0, 1 or 2, got 3"),
    "visibility twice": (
        {"keypoints": [[1, 2, 1]], "keypoint_visibility": [1]}, "has it already"),
    "visibility alone": ({"keypoint_visibility": [1]}, "pass keypoints="),
    "visibility for fewer": ({"keypoints": [[1, 2], [3, 4]], "keypoint_visibility": [1]},
                             r"expected shape \(2,\), got \(1,\)"),
    "a batch of forms": ({"instance_masks": np.zeros((2, 5, 5))}, "differs from the image's"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_shape_is_refused_by_name(name: str) -> None:
    targets, message = BAD[name]
    with pytest.raises(InputError, match=message):
        run([], **targets)


def test_pairs_are_checked() -> None:
    with pytest.raises(PolicyError, match="pass keypoint_names"):
        vg.Pipeline([], keypoint_pairs=[("a", "b")])
    with pytest.raises(PolicyError, match="'c' is not among"):
        vg.Pipeline([], keypoint_names=["a", "b"], keypoint_pairs=[("a", "c")])
    with pytest.raises(PolicyError, match="two pairs"):
        vg.Pipeline([], keypoint_pairs=[(0, 1), (1, 2)])
    with pytest.raises(InputError, match="2 points a group, but keypoint_pairs need 4"):
        run([], keypoints=[[1, 2], [3, 4]], keypoint_pairs=[(0, 3)])
    with pytest.raises(InputError, match="2 points a group, but 3 keypoint_names"):
        run([], keypoints=[[1, 2], [3, 4]], keypoint_names=["a", "b", "c"])


def test_settings_of_targets_are_saved() -> None:
    form = {"keypoint_names": ["a", "b"], "keypoint_pairs": [("a", "b")], "bad_boxes": "drop"}
    form |= {"box_angles": "full", "oriented_boxes": "whole"}
    aug = vg.Pipeline([vg.HorizontalFlip()], seed=1, **form)
    again = vg.Pipeline.from_dict(aug.to_dict())
    assert again.targets == aug.targets
    assert again.targets.keypoint_pairs == ((0, 1),)


def square(low: float, high: float) -> np.ndarray:
    return np.array([[low, low], [high, low], [high, high], [low, high]])


def test_a_hole_does_not_count_and_an_island_in_it_does() -> None:
    """20 x 20 with a hole of 18 x 18 shows 76 pixels; an island of 10 x 10 in it makes 176."""
    hollow, island = [square(10, 30), square(29, 11)], [square(15, 25)]
    for rings, wanted in ((hollow, 76), (hollow + island, 176), ([*island, square(40, 50)], 200)):
        for least, stays in ((wanted - 1, 1), (wanted + 1, 0)):
            out = vg.Pipeline([], seed=1, min_area=least)(image=IMAGE, polygons=[rings], index=0)
            assert len(out["kept"]) == stays, (wanted, least)
