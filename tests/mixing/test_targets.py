"""Boxes, masks, points and all that belongs to instances, against pictures of the instances.

Every instance is drawn into the image with a level of its own. So a mixed image tells by itself
which instances it shows, and where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.mixing.mixers import rough
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
COUNT, MOST = 10, 6
NEAREST = {"resample": "nearest", "antialias": False}
# Pixels of these stay whole, so that boxes are exact.
EXACT: dict[str, list[Any]] = {
    "CutMix": [vg.CutMix()],
    "GridMix": [vg.GridMix(cells=(2, 5))],
    "FMix": [vg.FMix()],
    "SaliencyMix": [vg.SaliencyMix()],
    "PuzzleMix": [vg.PuzzleMix(levels=2, cells=(3,), beta=0.0, eta=0.0, transport=False)],
    "CopyPaste": [vg.CopyPaste()],
    "one of": [vg.OneOf([vg.CutMix(), vg.FMix(), vg.CopyPaste(), vg.Identity()])],
    "one after the other": [vg.CutMix(), vg.GridMix(cells=(3, 3)), vg.CopyPaste(chance=0.3)],
    "geometry around": [vg.HorizontalFlip(), vg.CutMix(p=0.7), vg.D4(), vg.CopyPaste()],
}
MOVED: dict[str, list[Any]] = {
    "ResizeMix": [vg.ResizeMix(scale=(0.3, 0.8), **NEAREST)],
    "Mosaic": [vg.Mosaic(size=(150, 170), **NEAREST)],
    "Mosaic, contained": [vg.Mosaic(size=(150, 170), fit="contain", **NEAREST)],
    "Mosaic, then CutMix": [vg.Mosaic(size=(120, 120), **NEAREST), vg.CutMix()],
    "transported cells": [vg.PuzzleMix(levels=2, cells=(3,), distance=0.0)],
}
WITH_MASKS = ("CopyPaste", "one of", "one after the other", "geometry around")


class Scene:
    """Disks and rectangles that do not overlap, each of a level of its own, on black."""

    def __init__(self, size: tuple[int, int], seed: int = 0, disks: float = 0.5) -> None:
        random = np.random.default_rng(seed)
        rows, columns = np.mgrid[: size[0], : size[1]]
        self.levels = np.zeros((COUNT, *size), dtype=np.uint8)
        self.masks: list[np.ndarray] = []
        self.boxes: list[np.ndarray] = []
        self.points: list[np.ndarray] = []
        for image in range(COUNT):
            masks = []
            for _ in range(40):
                y, x = random.integers(0, size[0]), random.integers(0, size[1])
                reach = int(random.integers(3, min(size) // 4))
                disk = (rows - y) ** 2 + (columns - x) ** 2 <= reach**2
                block = (abs(rows - y) <= reach) & (abs(columns - x) <= reach)
                own = disk if random.random() < disks else block
                if not self.levels[image][own].any() and len(masks) < MOST - 2:
                    self.levels[image][own] = level(image, len(masks))
                    masks.append(own)
            self.masks.append(np.array(masks))
            self.boxes.append(np.array([extent(mask) for mask in masks], dtype=np.float64))
            spots = [np.argwhere(mask) for mask in masks]
            chosen = [spot[[0, len(spot) // 2, -1]] for spot in spots]
            self.points.append(np.array(chosen)[..., ::-1] + 0.5)

    @property
    def targets(self) -> dict[str, Any]:
        return {
            "images": self.levels[..., None],
            "labels": np.arange(COUNT),
            "masks": self.levels,
            "boxes": self.boxes,
            "box_labels": [np.arange(len(b)) + 100 * i for i, b in enumerate(self.boxes)],
            "instances": {
                "name": [[f"{i}/{j}" for j in range(len(b))] for i, b in enumerate(self.boxes)]
            },
            "instance_masks": self.masks,
            "keypoints": self.points,
            "index": range(COUNT),
        }


def level(image: int, instance: int) -> int:
    return 1 + image * MOST + instance


def extent(mask: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def run(steps: list[Any], scene: Scene, engine: str, seed: int, **more: Any) -> Any:
    aug = vg.Pipeline(steps, seed=seed, classes=COUNT, engine=engine, saliency=rough, **more)
    return aug(**scene.targets)


def found_in(out: Any, sample: int) -> dict[int, list[int]]:
    """Rows of each instance that a result has, by its level: several where an image comes twice,
    over a partner that has been mixed with it before.
    """
    rows: dict[int, list[int]] = {}
    pairs = zip(out["origins"][sample], out["kept"][sample], strict=True)
    for row, (image, own) in enumerate(pairs):
        rows.setdefault(level(image, own), []).append(row)
    assert sum(map(len, rows.values())) == len(out["boxes"][sample])
    return rows


def check_rows(out: Any, sample: int, rows: dict[int, list[int]]) -> None:
    """All that belongs to an instance has come along with it."""
    for value, row in [(value, row) for value, some in rows.items() for row in some]:
        image, instance = divmod(value - 1, MOST)
        assert out["box_labels"][sample][row] == 100 * image + instance
        assert out["instances"]["name"][sample][row] == f"{image}/{instance}"
        assert out["shares"][sample][row] == 1


@ENGINES
@pytest.mark.parametrize("name", EXACT)
def test_every_instance_that_is_seen_has_its_box_mask_and_points(engine: str, name: str) -> None:
    shown = 0
    for seed in range(3):
        scene = Scene((36, 36), seed)
        out = run(EXACT[name], scene, engine, seed)
        for sample in range(COUNT):
            picture = out["images"][sample][..., 0]
            rows = found_in(out, sample)
            assert set(rows) == set(np.unique(picture)) - {0}
            check_rows(out, sample, rows)
            for value, some in rows.items():
                masks = out["instance_masks"][sample][some]
                assert np.array_equal(masks.sum(axis=0), picture == value)
                row = some[0]
                assert out["boxes"][sample][row].tolist() == extent(masks[0])
                if len(some) > 1:
                    continue
                x, y = np.floor(out["keypoints"][sample][row]).astype(int).T
                within = (x >= 0) & (x < 36) & (y >= 0) & (y < 36)
                hit = within & (picture[np.clip(y, 0, 35), np.clip(x, 0, 35)] == value)
                assert np.array_equal(out["keypoints_inside"][sample][row], hit)
            assert np.array_equal(out["masks"][sample], picture)
            shown += len(set((np.array(list(rows)) - 1) // MOST)) > 1
    assert shown > COUNT // 2


@ENGINES
@pytest.mark.parametrize("name", MOVED)
def test_instances_of_parts_that_move_are_where_their_pixels_are(engine: str, name: str) -> None:
    for seed in range(2):
        scene = Scene((120, 120), seed, disks=0.0)
        out = run(MOVED[name], scene, engine, seed)
        for sample in range(COUNT):
            picture = out["images"][sample][..., 0]
            rows = found_in(out, sample)
            pixels = np.bincount(picture.ravel(), minlength=256)
            there = {value for value in np.flatnonzero(pixels) if value > 0}
            assert {value for value in there if pixels[value] > 2} <= set(rows)
            check_rows(out, sample, rows)
            for value, some in rows.items():
                masks = out["instance_masks"][sample][some]
                assert np.array_equal(masks.sum(axis=0), picture == value)
                for mask, box in zip(masks, out["boxes"][sample][some], strict=True):
                    assert np.abs(box - extent(mask)).max() <= 1.01
            assert np.array_equal(out["masks"][sample], picture)


@pytest.mark.parametrize("name", [n for n in EXACT | MOVED if n not in WITH_MASKS])
def test_boxes_alone_hold_all_that_is_seen(name: str) -> None:
    """Without masks a box is what is left of a rectangle: never smaller than the instance."""
    steps = (EXACT | MOVED)[name]
    scene = Scene((60, 60), 5)
    targets = {k: v for k, v in scene.targets.items() if k in ("images", "boxes", "index")}
    out = vg.Pipeline(steps, seed=1, saliency=rough)(**targets)
    for sample in range(COUNT):
        picture = out["images"][sample][..., 0]
        rows = found_in(out, sample)
        values, counts = np.unique(picture, return_counts=True)
        for value in set(values[counts > 2]) - {0}:
            x1, y1, x2, y2 = extent(picture == value)
            slack = 1.01 if name in MOVED else 1e-5
            boxes = np.stack([out["boxes"][sample][row] for row in rows[value]])
            assert np.all(boxes[:, :2].min(axis=0) <= np.array([x1, y1]) + slack)
            assert np.all(boxes[:, 2:].max(axis=0) >= np.array([x2, y2]) - slack)


@ENGINES
def test_a_rectangle_shrinks_only_where_a_whole_side_is_hidden(engine: str) -> None:
    """The left half is pasted over one box, a corner over another, all over the third."""
    import json

    images = np.zeros((2, 10, 20, 1), dtype=np.uint8)
    aug = vg.Pipeline([vg.CutMix()], seed=1, engine=engine)
    data = json.loads(aug.draw(images=images, index=[0, 1]).to_json())
    values = data["records"][0]["values"]
    values["weight"], values["y"], values["x"] = [0.75, 0.75], [0.2, 0.2], [0.25, 0.25]
    plan = vg.Plan.from_dict(data)  # rows 0..4, columns 0..9 of the partner
    boxes = [
        np.array([[2, 1, 18, 4], [6, 3, 14, 9], [1, 1, 5, 4]]),
        np.array([[8, 2, 12, 6], [14, 2, 16, 8]]),
    ]
    out = aug.apply(plan, images=images, boxes=boxes)
    assert out["boxes"][0].tolist() == [[10, 1, 18, 4], [6, 3, 14, 9], [8, 2, 10, 4.5 + 0.5]]
    assert out["kept"][0].tolist() == [0, 1, 0]
    assert out["origins"][0].tolist() == [0, 0, 1]
    assert out["dropped"][0].tolist() == [2]
    assert out["reasons"][0].tolist() == ["covered by a mix"]
    assert out["dropped_origins"][0].tolist() == [0]


@ENGINES
def test_mixup_keeps_the_boxes_of_both_with_their_shares(engine: str) -> None:
    scene = Scene((30, 34))
    onehot = np.eye(8, dtype=np.float32)[scene.levels % 8]
    targets = {**scene.targets, "masks": onehot}
    aug = vg.Pipeline([vg.MixUp()], seed=2, classes=COUNT, engine=engine)
    plan = aug.draw(images=targets["images"], index=range(COUNT))
    out = aug.apply(plan, **{k: v for k, v in targets.items() if k != "index"})
    partner = plan.records[0].values["partner"][:, 0]
    for sample in range(COUNT):
        other, weight = partner[sample], out["labels"][sample, sample]
        both = np.concatenate([scene.boxes[sample], scene.boxes[other]])
        assert np.array_equal(out["boxes"][sample], both)
        own = len(scene.boxes[sample])
        assert out["origins"][sample].tolist() == [sample] * own + [other] * (len(both) - own)
        assert np.abs(out["shares"][sample][:own] - weight).max() < 1e-6
        assert np.abs(out["shares"][sample][own:] - (1 - weight)).max() < 1e-6
        assert np.abs(out["masks"][sample].sum(axis=2) - 1).max() < 1e-6
        blend = weight * onehot[sample] + (1 - weight) * onehot[other]
        assert np.abs(out["masks"][sample] - blend).max() < 1e-6
        assert np.array_equal(out["instance_masks"][sample][own:], scene.masks[other])


def test_points_without_instances_are_joined_and_say_whether_they_are_seen() -> None:
    images = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1) * np.ones((1, 20, 24, 1), np.uint8)
    random = np.random.default_rng(1)
    points = [np.floor(random.random((i + 1, 2)) * [24, 20]) + 0.5 for i in range(6)]
    aug = vg.Pipeline([vg.CutMix()], seed=3)
    plan = aug.draw(images=images, index=range(6))
    out = aug.apply(plan, images=images, keypoints=points)
    for sample in range(6):
        partner = int(plan.records[0].values["partner"][sample, 0])
        both = np.concatenate([points[sample], points[partner]])
        source = np.repeat([sample, partner], [sample + 1, partner + 1])
        assert np.array_equal(out["keypoints"][sample], both)
        x, y = np.floor(both).astype(int).T
        seen = out["images"][sample][y, x, 0] == source
        assert np.array_equal(out["keypoints_inside"][sample], seen)


def test_ids_of_instances_are_counted_anew() -> None:
    scene = Scene((36, 36), 2)
    ids = [
        (masks * np.arange(1, len(masks) + 1)[:, None, None]).sum(axis=0).astype(np.int32)
        for masks in scene.masks
    ]
    targets = {**scene.targets, "instance_masks": ids}
    for step in (vg.CutMix(), vg.CopyPaste()):
        plain = vg.Pipeline([step], seed=4, classes=COUNT)
        wanted, out = plain(**scene.targets), plain(**targets)
        for sample in range(COUNT):
            masks = wanted["instance_masks"][sample]
            numbers = np.arange(1, len(masks) + 1)[:, None, None]
            assert np.array_equal(out["instance_masks"][sample], (masks * numbers).sum(axis=0))
            assert np.array_equal(out["boxes"][sample], wanted["boxes"][sample])


def test_pasted_instances_are_chosen_one_by_one() -> None:
    scene = Scene((36, 36), 3)
    shares = []
    for chance in (0.0, 0.3, 1.0):
        pasted = total = 0
        aug = vg.Pipeline([vg.CopyPaste(chance=chance)], seed=1, classes=COUNT)
        for start in range(0, 200, COUNT):
            out = aug(**{**scene.targets, "index": range(start, start + COUNT)})
            for sample in range(COUNT):
                other = out["origins"][sample] != sample
                pasted += int(other.sum())
            total += sum(map(len, scene.boxes))
        shares.append(pasted / total)
    assert shares[0] == 0
    assert abs(shares[1] - 0.3) < 0.06
    assert shares[2] == 1


def test_an_instance_must_show_enough_of_its_whole() -> None:
    scene = Scene((36, 36), 4)
    strict = run([vg.CutMix()], scene, "reference", 1, min_visibility=0.6)
    all_ = run([vg.CutMix()], scene, "reference", 1)
    reasons = {reason for own in strict["reasons"] for reason in own}
    assert reasons == {"covered by a mix", "below min_visibility"}
    assert sum(map(len, strict["boxes"])) < sum(map(len, all_["boxes"]))
