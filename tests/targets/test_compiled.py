"""The compiled part moves boxes and points as the NumPy functions do, which are the meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.targets.geometry import at
from variegate.engine import compiled
from variegate.plan.counter import hashes, slot_keys, uniforms
from variegate.plan.lower import lower
from variegate.plan.program import Program
from variegate.targets.annotations import boxes_alone, boxes_of
from variegate.targets.boxes import box_outlines
from variegate.targets.keypoints import moved_points, read_all_keypoints
from variegate.targets.outlines import followed
from variegate.targets.rows import Rows

SIZE = 40, 60
COUNT = 24
POLICIES = {
    "nothing": [],
    "colors alone": [vg.Brightness()],
    "flips": [vg.HorizontalFlip(p=0.5), vg.VerticalFlip(p=0.5)],
    "affine": [vg.Affine(angle=(-180.0, 180.0), scale=(0.2, 3.0), shear=(-1.0, 1.0))],
    "perspective": [vg.Perspective(distortion=(0.2, 0.65), p=0.8)],
    "several warps": [
        vg.Perspective(distortion=(0.2, 0.65)),
        vg.RandomCrop(size=(25, 30)),
        vg.Gamma(p=0.5),
        vg.Rotate(angle=(-90.0, 90.0), p=0.7),
        vg.Brightness(p=0.5),
        vg.Affine(scale=(0.5, 2.0), border="reflect"),
    ],
}
needs_compiled = pytest.mark.skipif(not compiled.available(), reason="the native part is not built")


def program(steps: list[Any]) -> Program:
    """A program of COUNT samples, drawn with every step's own numbers."""
    plan = vg.Pipeline(steps, seed=3, engine="reference").draw(
        sizes=[SIZE] * COUNT, index=range(COUNT)
    )
    return lower(plan, np.dtype(np.uint8), 3)


def some_boxes(seed: int) -> Rows:
    """Boxes of every kind: ordinary, slivers, whole frames, at the frame's sides, none."""
    generator = np.random.default_rng(seed)
    parts = []
    for count in generator.integers(0, 9, COUNT):
        low = generator.uniform(0, 0.7, (count, 2)) * [60, 40]
        span = generator.uniform(0.1, 0.3, (count, 2)) * [60, 40]
        span[::3] *= 1e-6
        boxes = np.concatenate([low, low + span], axis=1)
        boxes[1::4] = [0, 0, 60, 40]
        boxes[2::5, 0] = 0
        parts.append(boxes)
    return Rows.of(parts, 4)


@needs_compiled
@pytest.mark.parametrize("name", POLICIES)
def test_boxes_agree(name: str) -> None:
    made, boxes = program(POLICIES[name]), some_boxes(len(name))
    owner = np.repeat(np.arange(COUNT), boxes.counts)
    outlines = followed(box_outlines(boxes.flat), made.stages, owner)
    corners, (seen, whole) = boxes_of(outlines), outlines.areas()
    quick = boxes_alone(boxes.first, boxes.flat, made.stages, 2)
    assert quick is not None
    found, areas = quick
    shown = seen > 0
    assert np.array_equal(areas.seen > 0, shown)
    assert np.abs(found[shown] - corners[shown]).max() < 1e-6
    assert np.allclose(areas.seen, seen, rtol=1e-9, atol=1e-9)
    assert np.allclose(areas.whole, whole, rtol=1e-9, atol=1e-9)
    assert shown.sum() > 10


@needs_compiled
def test_many_boxes_are_shared_out_over_threads() -> None:
    generator = np.random.default_rng(8)
    made = program(POLICIES["affine"])
    parts = []
    for _ in range(COUNT):
        low = generator.uniform(0, 30, (6000 // COUNT, 2))
        parts.append(np.concatenate([low, low + generator.uniform(1, 10, low.shape)], axis=1))
    boxes = Rows.of(parts, 4)
    alone = compiled.move_boxes(made.stages, boxes.first, boxes.flat)
    shared = compiled.move_boxes(made.stages, boxes.first, boxes.flat, 4)
    assert all(map(np.array_equal, alone, shared))


@needs_compiled
@pytest.mark.parametrize("name", POLICIES)
def test_points_agree(name: str) -> None:
    generator = np.random.default_rng(7)
    parts = [generator.uniform(-10, 70, (count, 2)) for count in generator.integers(0, 9, COUNT)]
    made, sizes, pairs = program(POLICIES[name]), np.array([SIZE] * COUNT), np.zeros((0, 2), int)
    points, _ = read_all_keypoints(parts, None, "keypoints", False, sizes)
    before, owner = points.xy.copy(), np.arange(COUNT)
    slow = moved_points(points, made.stages, owner, pairs, fast=False)
    quick = moved_points(points, made.stages, owner, pairs, fast=True)
    assert np.array_equal(points.xy, before)
    assert np.array_equal(quick.inside, slow.inside)
    assert np.allclose(quick.xy, slow.xy, rtol=1e-9, atol=1e-6)
    assert 0 < slow.inside.sum() < len(slow.inside)


@needs_compiled
def test_bent_maps_take_the_meaning() -> None:
    made, boxes = program([vg.Elastic()]), some_boxes(1)
    assert boxes_alone(boxes.first, boxes.flat, made.stages, 2) is None


@needs_compiled
def test_a_turned_box_is_cut_at_the_frame_as_worked_out_by_hand() -> None:
    """A square of 20 in the corner of a 40 x 40 frame, turned by 45 degrees about the center: its
    near corner comes to (20, 20), and the rest is cut off at the top and at the left or so.
    """
    plan = vg.Pipeline([at("Rotate", angle=45.0)], seed=1).draw(sizes=[(40, 40)], index=[0])
    made = lower(plan, np.dtype(np.uint8), 3)
    boxes = Rows.of([np.array([[0.0, 0, 20, 20]])], 4)
    corners, seen, whole = compiled.move_boxes(made.stages, boxes.first, boxes.flat)
    reach = 20 * np.sqrt(0.5)
    assert np.allclose(corners, [[0, 20 - reach, 20, 20 + reach]])
    assert seen == pytest.approx([400 - (np.sqrt(800) - 20) ** 2])
    assert whole == pytest.approx([400])


@needs_compiled
def test_what_does_not_fit_is_refused() -> None:
    made, boxes = program(POLICIES["affine"]), some_boxes(2)
    stage = made.stages[0]
    stage.row[5] = 10**6
    with pytest.raises(ValueError, match=r"stage\.row: entry 5 has no row"):
        compiled.move_boxes(made.stages, boxes.first, boxes.flat)
    stage.row[5] = 5
    with pytest.raises(ValueError, match="first: expected places from 0"):
        compiled.move_boxes(made.stages, boxes.first[:-1], boxes.flat)
    with pytest.raises(ValueError, match=r"stage\.start"):
        compiled.move_boxes(made.stages, boxes.first[[0, -1]], boxes.flat)
    with pytest.raises(ValueError, match="boxes: expected float64"):
        compiled.move_boxes(made.stages, boxes.first, boxes.flat.astype(np.float32))


@needs_compiled
@pytest.mark.parametrize(("count", "slots"), [(0, 3), (1, 1), (5, 0), (300, 17)])
def test_uniforms_are_those_of_the_counter(count: int, slots: int) -> None:
    keys = slot_keys(9, 2, np.arange(slots, dtype=np.uint64))
    index = np.arange(2 * count, dtype=np.uint64)[::2] + np.uint64(2**63)
    found = compiled.uniforms(keys, index)
    assert found.tobytes() == uniforms(keys, index).tobytes()
    assert found.shape == hashes(keys, index).shape == (count, slots)
