"""Mixes at a policy's end: drawn ahead up to them, mixed without a further copy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.pipeline.samples import IMAGES, digest, policy
from variegate.pipeline.apply import _shows_others
from variegate.plan.lower import lower
from variegate.plan.program import MixStage, Program
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
OUTPUT = vg.Normalize(mean=(0.5,), std=(0.2,), layout="NCHW")
ENDS = {
    "both": [vg.CutMix(p=0.5), vg.MixUp()],
    "one of": [vg.OneOf([vg.CutMix(), vg.MixUp()], p=0.8)],
    "seldom": [vg.MixUp(p=0.03), OUTPUT],
    "output": [vg.CutMix(), OUTPUT],
}
LABELS = np.arange(48) % 5


@ENGINES
@pytest.mark.parametrize("name", ENDS)
def test_a_call_gives_what_the_whole_plan_gives(engine: str, name: str) -> None:
    aug = vg.Pipeline([*policy(), *ENDS[name]], seed=3, engine=engine, classes=5, threads=1)
    assert aug._tails is not None
    for first, last in ((0, 7), (7, 14), (14, 16), (16, 40), (3, 10)):
        batch: dict[str, Any] = {"images": IMAGES[first:last], "labels": LABELS[first:last]}
        index = np.arange(first, last)
        called = aug(index=index, epoch=1, **batch)
        plan = aug.draw(images=batch["images"], index=index, epoch=1)
        for key, value in aug.apply(plan, **batch).items():
            assert digest(value) == digest(called[key])


TAILS: dict[str, tuple[list[Any], bool]] = {
    "nothing before": ([vg.CutMix(), vg.MixUp()], True),
    "with an output": ([vg.Rotate(), vg.MixUp(p=0.5), vg.CutMix(), OUTPUT], True),
    "three pictures": ([vg.Rotate(), vg.OneOf([vg.ResizeMix(), vg.GridMix(), vg.MixUp()])], False),
    "masks": ([vg.HorizontalFlip(), vg.FMix()], False),
    "tiles": ([vg.Mosaic()], False),
    "pixels decide": ([vg.HorizontalFlip(), vg.SaliencyMix()], False),
}


@ENGINES
@pytest.mark.parametrize("name", TAILS)
def test_batches_in_order_give_what_each_gives_alone(engine: str, name: str) -> None:
    """Drawn together or not: the same seed, ids and batches."""
    steps, together = TAILS[name]
    aug = vg.Pipeline(steps, seed=9, engine=engine, classes=5, threads=1)
    batches = [(4 * n, 4 * n + 4) for n in range(9)] + [(36, 42), (42, 48), (0, 4)]
    seen = 0
    for first, last in batches:
        batch: dict[str, Any] = {"images": IMAGES[first:last], "labels": LABELS[first:last]}
        called = aug(index=np.arange(first, last), epoch=2, **batch)
        alone = vg.Pipeline(steps, seed=9, engine=engine, classes=5, threads=1)
        plan = alone.draw(images=batch["images"], index=np.arange(first, last), epoch=2)
        for key, value in alone.apply(plan, **batch).items():
            assert digest(value) == digest(called[key])
        run = aug._tails._run if aug._tails else None
        assert run is not None
        seen = max(seen, (run.stop - run.start) // run.count)
    assert (seen > 1) == together


@ENGINES
def test_sizes_that_change_from_batch_to_batch(engine: str) -> None:
    sides = [vg.Resize(size=(20, 20)), vg.Resize(size=(24, 24))]
    steps = [vg.OneOf(sides), vg.CutMix(), vg.MixUp()]
    aug = vg.Pipeline(steps, seed=9, engine=engine, classes=5, threads=1)
    found = set()
    for index in range(40):
        batch: dict[str, Any] = {"images": IMAGES[:1], "labels": LABELS[:1]}
        called = aug(index=[index], **batch)["images"]
        plan = aug.draw(images=batch["images"], index=[index])
        assert np.array_equal(called, aug.apply(plan, **batch)["images"])
        found.add(called.shape[1])
    assert found == {20, 24}


@pytest.mark.parametrize(
    "steps",
    [
        [vg.Rotate(), vg.MixUp(), vg.Rotate()],
        [vg.PerClass({1: [vg.Invert()]}), vg.MixUp()],
        [vg.Rotate(), vg.PerClass({1: [vg.MixUp()]})],
        [vg.PerClass({1: [vg.MixUp()]})],
        [vg.Rotate(), vg.Sequence([vg.Invert(), vg.MixUp()])],
    ],
)
def test_other_policies_are_drawn_as_a_whole(steps: list[Any]) -> None:
    aug = vg.Pipeline(steps, seed=3, classes=5)
    assert aug._tails is None
    assert aug._ahead is None
    assert aug(images=IMAGES[:4], labels=LABELS[:4])["labels"].shape == (4, 5)


@ENGINES
def test_results_are_new_and_the_images_stay(engine: str) -> None:
    """Batches large enough for memory that is used again."""
    images = np.random.default_rng(0).integers(0, 256, (8, 220, 210, 3)).astype(np.uint8)
    before = images.copy()
    aug = vg.Pipeline([vg.CutMix(), vg.MixUp()], seed=1, engine=engine, classes=5, threads=1)
    kept = [aug(images=images, labels=LABELS[:8])["images"] for _ in range(4)]
    found = [digest(one) for one in kept]
    assert np.array_equal(images, before)
    assert not any(np.may_share_memory(images, one) for one in kept)
    fresh = vg.Pipeline([vg.CutMix(), vg.MixUp()], seed=1, engine=engine, classes=5, threads=1)
    wanted = [digest(fresh(images=images, labels=LABELS[:8])["images"]) for _ in range(4)]
    assert found == wanted
    assert len(set(wanted)) == 4


@ENGINES
def test_a_mix_writes_into_the_given_array(engine: str) -> None:
    aug = vg.Pipeline([vg.Rotate(), vg.CutMix()], seed=1, engine=engine, classes=5)
    wanted = aug(images=IMAGES, labels=LABELS, index=range(48))["images"]
    out = np.empty_like(IMAGES)
    result = aug(images=IMAGES, labels=LABELS, index=range(48), out=out)["images"]
    assert np.may_share_memory(result, out)
    assert np.array_equal(out, wanted)
    assert not np.array_equal(wanted, IMAGES)


def test_a_result_that_shows_only_another_sample_is_mixed() -> None:
    """As where a weight of MixUp rounds to 1: its annotations come from that sample."""
    plan = vg.Pipeline([vg.MixUp()], seed=3).draw(sizes=[(13, 17)] * 2, index=[0, 1])
    program = lower(plan, np.dtype(np.uint8), 3)
    assert _shows_others(program)
    mix = next(stage for stage in program.stages if isinstance(stage, MixStage))
    for sources, shown in (([0, 1], False), ([1, 0], True)):
        own = replace(
            mix,
            share_start=np.arange(3),
            share_source=np.array(sources),
            share=np.ones(2),
        )
        assert _shows_others(Program(program.dtype, [own])) is shown
