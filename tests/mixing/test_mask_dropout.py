"""MaskDropout: instances, or connected parts of a mask, are hidden with what belongs to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import variegate as vg
from tests.mixing.test_targets import COUNT, Scene, level
from variegate.targets.connected import parts_of
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
SCENE = Scene((90, 100), seed=3)
FILL = 250.0


def run(engine: str, step: Any, targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return vg.Pipeline([step], seed=4, engine=engine, **more)(**targets)


@ENGINES
def test_instances_leave_with_all_that_belongs_to_them(engine: str) -> None:
    targets = SCENE.targets
    out = run(engine, vg.MaskDropout(count=(2, 2), fill=FILL, guard=False), targets)
    gone: set[int] = set()
    for image in range(COUNT):
        dropped = sorted(out["dropped"][image].tolist())
        kept = out["kept"][image].tolist()
        assert len(dropped) == min(2, len(SCENE.masks[image]))
        assert sorted(dropped + kept) == list(range(len(SCENE.masks[image])))
        assert out["reasons"][image].tolist() == ["hidden by a dropout"] * len(dropped)
        hidden = SCENE.masks[image][dropped].any(axis=0)
        given = targets["images"][image]
        assert np.array_equal(out["images"][image], np.where(hidden[..., None], FILL, given))
        assert np.array_equal(out["masks"][image], np.where(hidden, 0, SCENE.levels[image]))
        assert np.array_equal(out["boxes"][image], SCENE.boxes[image][kept])
        assert np.array_equal(out["instance_masks"][image], SCENE.masks[image][kept])
        assert np.array_equal(out["keypoints"][image], SCENE.points[image][kept].astype(np.float32))
        assert out["box_labels"][image].tolist() == [100 * image + i for i in kept]
        assert out["instances"]["name"][image] == [f"{image}/{i}" for i in kept]
        gone |= set(dropped)
    assert np.array_equal(out["labels"], targets["labels"]), "class indices stay class indices"
    assert len(gone) > 2
    assert "origins" not in out


@ENGINES
def test_ids_and_boxes_of_neighbors_shrink_to_what_is_left(engine: str) -> None:
    """Two instances overlap: what the dropped one hides is gone from the other one too."""
    masks = np.zeros((2, 20, 30), dtype=bool)
    masks[0, 5:15, 5:15], masks[1, 5:15, 12:25] = True, True
    boxes = np.array([[5, 5, 15, 15], [12, 5, 25, 15]], dtype=np.float32)
    targets = {"image": np.ones((20, 30, 3), np.uint8), "instance_masks": masks, "boxes": boxes}
    seen = set()
    for index in range(12):
        out = run(engine, vg.MaskDropout(), targets | {"index": index})
        dropped = int(out["dropped"][0])
        other = 1 - dropped
        left = masks[other] & ~masks[dropped]
        assert np.array_equal(out["instance_masks"][0], left)
        columns = np.flatnonzero(left.any(axis=0))
        assert out["boxes"].tolist() == [[columns[0], 5, columns[-1] + 1, 15]]
        seen.add(dropped)
    assert seen == {0, 1}


@ENGINES
def test_connected_parts_of_a_mask_are_hidden(engine: str) -> None:
    """Images of several sizes; unbound points say whether they are still seen."""
    random = np.random.default_rng(0)
    masks = [(random.random(size) < 0.2).astype(np.uint8) for size in ((30, 40), (25, 25), (9, 50))]
    images = [np.full((*m.shape, 3), 7, dtype=np.uint8) for m in masks]
    points = [np.argwhere(m)[::3, ::-1] + 0.5 for m in masks]
    step = vg.MaskDropout(count=(3, 3), fill=(1.0, 2.0, 3.0))
    out = run(
        engine, step, {"images": images, "masks": masks, "keypoints": points, "index": [0, 1, 2]}
    )
    for image, mask, before, xy, inside in zip(
        out["images"], out["masks"], masks, points, out["keypoints_inside"], strict=True
    ):
        parts, _ = ndimage.label(before, np.ones((3, 3)))
        hidden = (image == (1, 2, 3)).all(axis=2)
        assert (image[~hidden] == 7).all()
        assert len(np.unique(parts[hidden])) == 3
        assert np.array_equal(hidden, np.isin(parts, np.unique(parts[hidden])) & (before > 0))
        assert np.array_equal(mask, np.where(hidden, 0, before))
        row, column = xy[:, 1].astype(int), xy[:, 0].astype(int)
        assert np.array_equal(inside, ~hidden[row, column])
        assert hidden[row, column].any()


@ENGINES
def test_each_instance_is_hidden_equally_often(engine: str) -> None:
    masks = np.zeros((1, 4, 8, 8), dtype=bool)
    for place in range(4):
        masks[0, place, 2 * place : 2 * place + 2, place : place + 3] = True
    targets = {"images": np.zeros((400, 8, 8, 1), np.uint8), "index": range(400)}
    out = run(engine, vg.MaskDropout(), targets | {"instance_masks": list(masks) * 400})
    counts = np.bincount(np.concatenate(out["dropped"]), minlength=4)
    assert counts.sum() == 400
    assert np.abs(counts - 100).max() < 40


@ENGINES
def test_the_guard_leaves_half_of_the_image(engine: str) -> None:
    masks = np.zeros((2, 10, 10), dtype=bool)
    masks[0, :, :6], masks[1, :, 6:] = True, True
    targets = {"image": np.full((10, 10, 1), 9, np.uint8), "instance_masks": masks, "index": 0}
    out = run(engine, vg.MaskDropout(count=(2, 2)), targets)
    assert (out["image"] == 0).sum() in (0, 40)
    free = run(engine, vg.MaskDropout(count=(2, 2), guard=False), targets | {"label": 1}, classes=3)
    assert not free["image"].any()
    assert free["label"] == 1, "an image that shows nothing keeps its label"
    assert len(free["boxes"] if "boxes" in free else free["instance_masks"]) == 0


@ENGINES
def test_a_mixed_choice_keeps_the_label_of_what_is_hidden_alone(engine: str) -> None:
    targets = SCENE.targets
    step = vg.OneOf([vg.CutMix(), vg.MaskDropout(count=(1, 3), fill=FILL)])
    aug = vg.Pipeline([step], seed=2, classes=COUNT, engine=engine)
    out = aug(**targets)
    plan = aug.draw(sizes=[(90, 100)] * COUNT, index=range(COUNT))
    rows = [i for r in plan.records if r.op == "MaskDropout" for i in r.rows.tolist()]
    assert 1 < len(rows) < COUNT
    assert np.array_equal(out["labels"][rows], np.eye(COUNT, dtype=np.float32)[rows])
    for row in rows:
        assert set(np.unique(out["images"][row])) <= {0, FILL} | {level(row, i) for i in range(6)}


def test_a_program_with_holes_counts_its_pixels() -> None:
    """The written rule for shares holds, and a hole over a hole is one hole."""
    from variegate.ops.layers import NOTHING, Layers
    from variegate.plan.mixes import mix_stage

    place = np.array([[[0, 0, 4, 4], [4, 4, 8, 8]], [[0, 0, 8, 8], [0, 0, 0, 0]]])
    sizes = np.full((2, 2), 8)
    layers = Layers(np.full((2, 2), NOTHING), place)
    mix = mix_stage(layers, np.arange(2), np.zeros((2, 0), dtype=np.int64), sizes)
    assert mix.share.tolist() == [1.0, 1.0]
    assert mix.share_source.tolist() == [0, 1]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.4, 0.6, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (17, 23), (40, 40)])
def test_connected_parts_are_scipy_s(size: tuple[int, int], density: float) -> None:
    random = np.random.default_rng(int(density * 10) + size[0])
    values = np.where(random.random(size) < density, random.integers(1, 3, size), 0)
    expected = np.zeros(size, dtype=int)
    for value in (1, 2):
        parts, _ = ndimage.label(values == value, np.ones((3, 3)))
        expected[parts > 0] = parts[parts > 0] + expected.max()
    found = parts_of(values[..., None])
    assert np.array_equal(found > 0, values > 0)
    pairs = {*zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    channels = np.stack([values == 1, values == 2], axis=2)
    any_parts, _ = ndimage.label(values > 0, np.ones((3, 3)))
    together = {*zip(parts_of(channels).ravel().tolist(), any_parts.ravel().tolist(), strict=True)}
    assert len(together) == len({a for a, _ in together}) == len({b for _, b in together})


def test_a_mask_is_needed() -> None:
    with pytest.raises(vg.InputError, match="masks: MaskDropout hides what they mark"):
        vg.Pipeline([vg.MaskDropout()], seed=1)(image=np.zeros((5, 5, 3), np.uint8))
