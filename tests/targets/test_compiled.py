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
from variegate.targets.boxes import move_boxes
from variegate.targets.keypoints import move_keypoints
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
@pytest.mark.parametrize("least", [(0.0, 0.0), (30.0, 0.0), (0.0, 0.4)])
def test_boxes_agree(name: str, least: tuple[float, float]) -> None:
    made, boxes = program(POLICIES[name]), some_boxes(len(name))
    corners, kept, counts = move_boxes(made, boxes, *least, fast=False)
    found, kept_fast, counts_fast = move_boxes(made, boxes, *least, fast=True)
    assert np.array_equal(kept_fast, kept)
    assert np.array_equal(counts_fast, counts)
    assert found.shape == corners.shape
    assert np.abs(found - corners).max() < 1e-6
    assert len(kept) > 10


@needs_compiled
@pytest.mark.parametrize("name", POLICIES)
def test_points_agree(name: str) -> None:
    generator = np.random.default_rng(7)
    parts = [generator.uniform(-10, 70, (count, 2)) for count in generator.integers(0, 9, COUNT)]
    made, points, sizes = program(POLICIES[name]), Rows.of(parts, 2), np.array([SIZE] * COUNT)
    before = points.flat.copy()
    moved, inside = move_keypoints(made, points, sizes, fast=False)
    found, inside_fast = move_keypoints(made, points, sizes, fast=True)
    assert np.array_equal(points.flat, before)
    assert np.array_equal(inside_fast, inside)
    assert np.allclose(found, moved, rtol=1e-9, atol=1e-6)
    assert 0 < inside.sum() < len(inside)


@needs_compiled
def test_bent_maps_take_the_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    made, boxes = program([vg.Elastic()]), some_boxes(1)
    wanted = move_boxes(made, boxes, 0, 0, fast=False)
    monkeypatch.setattr(compiled, "move_boxes", None)
    for one, other in zip(move_boxes(made, boxes, 0, 0, fast=True), wanted, strict=True):
        assert np.array_equal(one, other)


@needs_compiled
def test_a_turned_box_is_cut_at_the_frame_as_worked_out_by_hand() -> None:
    """A square of 20 in the corner of a 40 x 40 frame, turned by 45 degrees about the center: its
    near corner comes to (20, 20), and the rest is cut off at the top and at the left or so.
    """
    plan = vg.Pipeline([at("Rotate", angle=45.0)], seed=1).draw(sizes=[(40, 40)], index=[0])
    made = lower(plan, np.dtype(np.uint8), 3)
    boxes = Rows.of([np.array([[0.0, 0, 20, 20]])], 4)
    corners, kept, counts = compiled.move_boxes(made, boxes.first, boxes.flat, 0.0, 0.0)
    reach = 20 * np.sqrt(0.5)
    assert np.allclose(corners, [[0, 20 - reach, 20, 20 + reach]])
    assert kept.tolist() == [0]
    assert counts.tolist() == [1]


@needs_compiled
def test_what_does_not_fit_is_refused() -> None:
    made, boxes = program(POLICIES["affine"]), some_boxes(2)
    stage = made.stages[0]
    stage.row[5] = 10**6
    with pytest.raises(ValueError, match=r"stage\.row: entry 5 has no row"):
        compiled.move_boxes(made, boxes.first, boxes.flat, 0.0, 0.0)
    stage.row[5] = 5
    with pytest.raises(ValueError, match="first: expected places from 0"):
        compiled.move_boxes(made, boxes.first[:-1], boxes.flat, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"stage\.start"):
        compiled.move_boxes(made, boxes.first[[0, -1]], boxes.flat, 0.0, 0.0)
    with pytest.raises(ValueError, match="boxes: expected float64"):
        compiled.move_boxes(made, boxes.first, boxes.flat.astype(np.float32), 0.0, 0.0)


@needs_compiled
@pytest.mark.parametrize(("count", "slots"), [(0, 3), (1, 1), (5, 0), (300, 17)])
def test_uniforms_are_those_of_the_counter(count: int, slots: int) -> None:
    keys = slot_keys(9, 2, np.arange(slots, dtype=np.uint64))
    index = np.arange(2 * count, dtype=np.uint64)[::2] + np.uint64(2**63)
    found = compiled.uniforms(keys, index)
    assert found.tobytes() == uniforms(keys, index).tobytes()
    assert found.shape == hashes(keys, index).shape == (count, slots)
