"""What peers' mixes get wrong, by name: each test fails where the same is done here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.mixing.mixers import counted, flat, origins
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
BOXES = [np.array([[1.0, 1, 5, 5], [2, 2, 8, 8], [0, 4, 3, 7]])] * 4
LABELS = [np.arange(3) + 10 * i for i in range(4)]


@ENGINES
def test_torchvision_mixup_and_cutmix_raise_on_masks(engine: str) -> None:
    masks = np.arange(4).reshape(4, 1, 1) * np.ones((1, 8, 8), dtype=np.int64)
    out = vg.Pipeline([vg.CutMix()], seed=1, engine=engine)(
        images=flat(4, (8, 8)), masks=masks, index=range(4)
    )
    assert np.array_equal(out["masks"], origins(out["images"], 4))
    soft = np.eye(4, dtype=np.float32)[masks]
    out = vg.Pipeline([vg.MixUp()], seed=1, classes=4, engine=engine)(
        images=IMAGES, masks=soft, labels=np.arange(4), index=range(4)
    )
    assert np.abs(out["masks"] - out["labels"][:, None, None]).max() < 1e-6


@ENGINES
def test_keras_cv_cutmix_weighs_by_the_drawn_share_at_borders(engine: str) -> None:
    """Rectangles that pass the border are smaller than drawn; their labels must say so."""
    out = vg.Pipeline([vg.CutMix()], seed=1, classes=400, engine=engine)(
        images=flat(400, (9, 11)), labels=np.arange(400), index=range(400)
    )
    shares = counted(origins(out["images"], 400), 400)
    assert np.abs(out["labels"] - shares).max() < 1e-6


@ENGINES
def test_keras_cv_cutmix_returns_boxes_unmixed(engine: str) -> None:
    aug = vg.Pipeline([vg.CutMix()], seed=1, engine=engine)
    out = aug(images=IMAGES, boxes=BOXES, box_labels=LABELS, index=range(4))
    seen: list[Any] = []
    for sample in range(4):
        assert len(out["boxes"][sample]) == len(out["box_labels"][sample])
        seen += [image != sample for image in out["origins"][sample]]
    assert any(seen)
    assert not all(np.array_equal(box, BOXES[0]) for box in out["boxes"])


@ENGINES
def test_keras_mixup_has_other_numbers_of_boxes_and_labels(engine: str) -> None:
    aug = vg.Pipeline([vg.MixUp()], seed=1, engine=engine)
    out = aug(images=IMAGES, boxes=BOXES, box_labels=LABELS, index=range(4))
    for sample in range(4):
        assert out["boxes"][sample].shape == (6, 4)
        assert out["box_labels"][sample].shape == (6,)
        wanted = [*LABELS[sample], *LABELS[out["origins"][sample][-1]]]
        assert out["box_labels"][sample].tolist() == wanted


@ENGINES
@pytest.mark.parametrize("step", [vg.MixUp(), vg.CutMix(), vg.FMix(), vg.GridMix()])
def test_keras_mixup_and_cutmix_change_the_channels_of_masks(engine: str, step: Any) -> None:
    for shape in ((4, 8, 8, 1), (4, 8, 8, 2), (4, 8, 8)):
        masks = np.random.default_rng(1).random(shape).astype(np.float32)
        out = vg.Pipeline([step], seed=1, engine=engine)(images=IMAGES, masks=masks, index=range(4))
        assert out["masks"].shape == shape
        assert out["masks"].dtype == np.float32
        assert not np.array_equal(out["masks"], masks)


@ENGINES
def test_keras_cutmix_is_not_there_for_boxes(engine: str) -> None:
    for step in (vg.CutMix(), vg.ResizeMix(), vg.Mosaic(size=(8, 8)), vg.FMix()):
        out = vg.Pipeline([step], seed=1, engine=engine)(images=IMAGES, boxes=BOXES, index=range(4))
        for sample in range(4):
            boxes = out["boxes"][sample]
            assert np.all(boxes[:, 2:] > boxes[:, :2])
            assert boxes.min(initial=0) >= 0
            assert boxes.max(initial=0) <= 8


def test_keras_cv_seeds_mixes_by_nothing() -> None:
    """Its weights ignore the seed: the same pipeline gives other images each time."""
    for step in (vg.MixUp(), vg.CutMix(), vg.AugMix(), vg.Mosaic(size=(8, 8))):
        found = [
            vg.Pipeline([step], seed=seed)(images=IMAGES, index=range(4))["images"].tobytes()
            for seed in (0, 0, 1)
        ]
        assert found[0] == found[1] != found[2]


def test_kornia_cutmix_does_not_correct_its_weight_unless_asked() -> None:
    """One row of pixels: most rectangles lose all of their height, and then all of the label."""
    out = vg.Pipeline([vg.CutMix()], seed=1, classes=50)(
        images=flat(50, (1, 30)), labels=np.arange(50), index=range(50)
    )
    assert np.abs(out["labels"] - counted(origins(out["images"], 50), 50)).max() < 1e-6
