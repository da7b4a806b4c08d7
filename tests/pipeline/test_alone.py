"""Calls with images alone take a shorter way; no result may tell."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.pipeline.samples import IMAGES, digest, policy
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())

POLICIES: dict[str, list[Any]] = {
    "many": policy(),
    "none": [],
    "sizes that differ": [vg.Rotate(angle=(-40, 40), expand=True)],
    "files": [vg.HorizontalFlip(p=0.5), vg.JpegCompression(p=0.5)],
    "an output": [vg.RandAugment(), vg.Normalize(mean=(0.5,), std=(0.2,), layout="NCHW")],
    "gray": [vg.Grayscale(output_channels=1), vg.Gamma()],
}


def planned(aug: vg.Pipeline, images: Any, index: list[int]) -> list[str]:
    """Digests by draw and apply, which know no shorter way."""
    found = []
    for image, one in zip(images, index, strict=True):
        batch = image[None]
        plan = aug.draw(images=batch, index=[one], epoch=2)
        found.append(digest(aug.apply(plan, images=batch)["images"][0]))
    return found


@ENGINES
@pytest.mark.parametrize("name", list(POLICIES))
def test_single_images_and_batches_are_what_plans_give(name: str, engine: str) -> None:
    aug = vg.Pipeline(POLICIES[name], seed=4, engine=engine, threads=2)
    wanted = planned(aug, IMAGES, list(range(48)))
    single = [digest(aug(image=image, epoch=2)["image"]) for image in IMAGES[:9]]
    batch = aug(images=IMAGES[9:30], epoch=2)["images"]
    rest = aug(images=IMAGES[30:, ::-1, ::-1][:, ::-1, ::-1], epoch=2)["images"]
    given = [digest(aug(image=IMAGES[i], index=i, epoch=2)["image"]) for i in (40, 3, 47)]
    assert [*single, *map(digest, batch), *map(digest, rest)] == wanted
    assert given == [wanted[i] for i in (40, 3, 47)]


@ENGINES
@pytest.mark.parametrize("name", list(POLICIES))
def test_every_way_counts_on(name: str, engine: str) -> None:
    """With labels, in floats and with an array for the result a call goes the longer way."""
    aug = vg.Pipeline(POLICIES[name], seed=4, engine=engine, threads=1)
    turns: list[dict[str, Any]] = [{}, {"label": 3}, {}, {}, {"mask": IMAGES[0, :, :, 0]}, {}]
    found = [digest(aug(image=IMAGES[i], epoch=2, **turn)["image"]) for i, turn in enumerate(turns)]
    assert found == planned(aug, IMAGES[: len(turns)], list(range(len(turns))))


@ENGINES
def test_a_refused_call_counts_nothing(engine: str) -> None:
    aug = vg.Pipeline(policy(), seed=4, engine=engine, threads=1)
    for bad in (np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 17), np.uint8), IMAGES[0, 0, 0]):
        with pytest.raises(vg.InputError):
            aug(image=bad)
    with pytest.raises(vg.InputError):
        aug(images=np.zeros((1, 1, 40000, 3), np.uint8))
    assert digest(aug(image=IMAGES[0], epoch=2)["image"]) == planned(aug, IMAGES[:1], [0])[0]


@ENGINES
def test_a_copy_counts_for_itself(engine: str) -> None:
    aug = vg.Pipeline(policy(), seed=4, engine=engine, threads=1)
    aug(image=IMAGES[0])
    other = copy.deepcopy(aug)
    other(images=IMAGES[:5])
    assert digest(aug(image=IMAGES[1], epoch=2)["image"]) == planned(aug, IMAGES[1:2], [1])[0]
