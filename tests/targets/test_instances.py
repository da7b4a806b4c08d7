"""What belongs to one instance stays together, leaves together, and the reason is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.targets.geometry import at
from variegate.errors import InputError
from variegate.testing import engines

SIZE = 40, 60
BOXES = np.array([[0, 0, 10, 10], [50, 30, 60, 40], [20, 10, 40, 30], [0, 30, 5, 40]], dtype=float)


def rings(boxes: np.ndarray) -> list[list[np.ndarray]]:
    """Boxes as polygons of one ring."""
    return [[np.array([[a, b], [c, b], [c, d], [a, d]])] for a, b, c, d in boxes.tolist()]


def oriented(boxes: np.ndarray) -> np.ndarray:
    """Boxes as x y width height angle."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([(low + high) / 2, high - low, np.zeros((len(boxes), 1))], axis=1)


def channels(boxes: np.ndarray) -> np.ndarray:
    """Boxes of whole pixels as masks (k, h, w)."""
    masks = np.zeros((len(boxes), *SIZE), dtype=bool)
    for mask, (a, b, c, d) in zip(masks, boxes.astype(int).tolist(), strict=True):
        mask[b:d, a:c] = True
    return masks


def everything(boxes: np.ndarray = BOXES) -> dict[str, Any]:
    """Every target that instances can have."""
    ids = np.zeros(SIZE, dtype=np.int32)
    for place, mask in enumerate(channels(boxes)):
        ids[mask] = place + 1
    return {
        "boxes": boxes,
        "oriented_boxes": oriented(boxes),
        "polygons": rings(boxes),
        "instance_masks": ids,
        "keypoints": boxes.reshape(-1, 2, 2),
        "box_labels": np.arange(len(boxes)) + 10,
        "instances": {"track": list("abcdefgh"[: len(boxes)]), "score": np.arange(len(boxes)) / 8},
    }


def run(steps: list[Any], engine: str = "reference", **targets: Any) -> dict[str, Any]:
    names = ("min_area", "min_visibility", "bad_boxes", "keypoint_pairs", "oriented_boxes")
    form = {name: targets.pop(f"{name}_is") for name in names if f"{name}_is" in targets}
    image = np.zeros((*SIZE, 3), dtype=np.uint8)
    aug = vg.Pipeline(steps, seed=1, engine=engine, **form)
    return aug(image=image, index=0, **targets)


@pytest.mark.parametrize("engine", engines())
def test_an_instance_leaves_with_all_that_belongs_to_it(engine: str) -> None:
    out = run([vg.Crop(box=(15, 5, 60, 40))], engine, **everything())
    shifted = BOXES[[1, 2]] - [15, 5, 15, 5]
    assert out["kept"].tolist() == [1, 2]
    assert out["dropped"].tolist() == [0, 3]
    assert out["reasons"].tolist() == ["out of frame", "out of frame"]
    assert np.array_equal(out["boxes"], shifted)
    assert np.array_equal(out["oriented_boxes"], oriented(shifted))
    for ring, wanted in zip(out["polygons"], rings(shifted), strict=True):
        assert np.array_equal(ring[0], wanted[0])
    assert np.array_equal(out["keypoints"], shifted.reshape(-1, 2, 2))
    assert out["box_labels"].tolist() == [11, 12]
    assert out["instances"] == {"track": ["b", "c"], "score": pytest.approx([0.125, 0.25])}
    ids = out["instance_masks"]
    assert ids.shape == (35, 45)
    assert np.unique(ids).tolist() == [0, 1, 2]
    assert (ids == 1).sum() == 100
    assert ids[5:25, 5:25].tolist() == np.full((20, 20), 2).tolist()


@pytest.mark.parametrize("engine", engines())
def test_the_reason_is_the_first_rule_that_an_instance_fails(engine: str) -> None:
    """A crop from x = 5 on leaves half of the first, all of two, and nothing of the last."""
    out = run([vg.Crop(box=(5, 0, 60, 40))], engine, min_visibility_is=0.6, **everything())
    assert out["kept"].tolist() == [1, 2]
    assert out["reasons"].tolist() == ["below min_visibility", "out of frame"]
    out = run([vg.Crop(box=(5, 0, 60, 40))], engine, min_area_is=50, **everything())
    assert out["reasons"].tolist() == ["below min_area", "out of frame"]


def test_the_finest_outline_decides_how_much_is_seen() -> None:
    """Of a thin triangle in a box, the left half of the box holds a quarter of the area."""
    box = np.array([[10.0, 10, 30, 20]])
    triangle = [[np.array([[10.0, 20], [30, 10], [30, 20]])]]
    crop = [vg.Crop(box=(0, 0, 20, 40))]
    out = run(crop, boxes=box, polygons=triangle, min_visibility_is=0.3)
    assert out["reasons"].tolist() == ["below min_visibility"]
    assert len(run(crop, boxes=box, min_visibility_is=0.3)["boxes"]) == 1
    assert len(run(crop, boxes=box, polygons=triangle, min_visibility_is=0.24)["boxes"]) == 1


def test_an_instance_whose_outline_is_gone_leaves_though_its_box_is_seen() -> None:
    box = np.array([[10.0, 10, 30, 30]])
    corner = [[np.array([[30.0, 10], [30, 30], [26, 30], [26, 10]])]]
    out = run([vg.Crop(box=(0, 0, 25, 40))], boxes=box, polygons=corner)
    assert out["kept"].tolist() == []
    assert out["reasons"].tolist() == ["out of frame"]


def test_masks_alone_decide_too() -> None:
    crop = [vg.Crop(box=(5, 0, 60, 40))]
    out = run(crop, instance_masks=channels(BOXES), min_visibility_is=0.6)
    assert out["kept"].tolist() == [1, 2]
    assert out["reasons"].tolist() == ["below min_visibility", "out of frame"]
    assert np.array_equal(out["instance_masks"], channels(BOXES)[[1, 2], :, 5:])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
@pytest.mark.parametrize("count", [0, 1, 17, 130])
@pytest.mark.parametrize("engine", engines())
def test_many_masks_move_as_each_does_alone(engine: str, count: int, dtype: Any) -> None:
    generator = np.random.default_rng(count)
    masks = generator.integers(0, 2, (count, *SIZE)).astype(dtype)
    steps = [at("Rotate", angle=20), vg.HorizontalFlip()]
    out = run(steps, engine, instance_masks=masks)
    alone = [run(steps, engine, mask=mask)["mask"] for mask in masks[:3]]
    assert out["instance_masks"].dtype == dtype
    assert out["instance_masks"].shape == (count, *SIZE)
    for moved, wanted in zip(out["instance_masks"], alone, strict=False):
        assert np.array_equal(moved, wanted)


def test_rows_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"polygons\[0\]: 3 rows, but boxes\[0\] has 4"):
        run([], boxes=BOXES, polygons=rings(BOXES[:3]))
    with pytest.raises(InputError, match=r"instances.track\[0\]: 3 rows for 4 instances"):
        run([], boxes=BOXES, instances={"track": [1, 2, 3]})
    with pytest.raises(InputError, match=r"ids are 0, or 1 and more for 3 instances; got 0..4"):
        run([], boxes=BOXES[:3], instance_masks=everything()["instance_masks"])
    with pytest.raises(InputError, match="pass boxes="):
        run([], instances={"track": [1]})
    with pytest.raises(InputError, match=r"did you mean 'oriented_boxes'"):
        run([], oriented_box=oriented(BOXES))


NEARLY = [[-1e-6, 0, 10, 10], [50, 30, 60.9, 40.5], [-1, -1, 61, 41]]


def test_boxes_that_rounding_put_outside_are_cut_off() -> None:
    out = run([], boxes=NEARLY)
    assert out["boxes"].tolist() == [[0, 0, 10, 10], [50, 30, 60, 40], [0, 0, 60, 40]]
    out = run([], boxes=[[59.999999, 0, 60.000001, 40]], box_labels=["edge"])
    assert out["box_labels"] == ["edge"]


def test_bad_boxes_can_be_dropped_instead_of_stopping() -> None:
    bad = [[5, 5, 10, 10], [-30, 5, 20, 30], [70, 5, 80, 9], [9, 9, 9, 12], [9, 9, 5, 5],
           [np.nan, 0, 5, 5]]  # fmt: skip
    with pytest.raises(InputError, match=r"boxes\[0\]\[5\]: not finite"):
        run([], boxes=bad)
    out = run([], boxes=bad, bad_boxes_is="drop", box_labels=list("abcdef"))
    assert out["boxes"].tolist() == [[5, 5, 10, 10], [0, 5, 20, 30]]
    assert out["box_labels"] == ["a", "b"]
    assert out["dropped"].tolist() == [2, 3, 4, 5]
    assert set(out["reasons"].tolist()) == {"not a legal shape"}


def test_a_batch_keeps_each_image_s_instances_apart() -> None:
    counts = [2, 0, 3]
    boxes = [BOXES[: count + 1][:count] for count in counts]
    images = np.zeros((3, *SIZE, 1), dtype=np.uint8)
    aug = vg.Pipeline([vg.Crop(box=(15, 5, 60, 40))], seed=1)
    out = aug(images=images, boxes=boxes, polygons=[rings(own) for own in boxes], index=range(3),
              instances={"place": [np.arange(count) for count in counts]})  # fmt: skip
    assert [own.tolist() for own in out["kept"]] == [[1], [], [1, 2]]
    assert [own.tolist() for own in out["dropped"]] == [[0], [], [0]]
    assert [own.tolist() for own in out["instances"]["place"]] == [[1], [], [1, 2]]
    assert [len(own) for own in out["polygons"]] == [1, 0, 2]


def test_labels_of_boxes_may_be_multi_label_rows() -> None:
    many = np.eye(4, 6)
    out = run([vg.Crop(box=(15, 5, 60, 40))], boxes=BOXES, box_labels=many)
    assert np.array_equal(out["box_labels"], many[[1, 2]])
