"""Label weights are counted pixels, for every mixer, at every size and engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.mixing.mixers import HARD, MIXERS, counted, flat, origins, rough
from variegate.errors import InputError, PolicyError
from variegate.plan.check import check_program
from variegate.plan.lower import lower
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
COUNT = 60


def run(step: Any, images: Any, engine: str = "reference", seed: int = 3, **more: Any) -> Any:
    count = len(images)
    pipeline = vg.Pipeline([step], seed=seed, classes=count, engine=engine, saliency=rough, **more)
    return pipeline(images=images, labels=np.arange(count), index=np.arange(count))


@ENGINES
@pytest.mark.parametrize("size", [(13, 11), (1, 1), (1, 9), (16, 16)])
@pytest.mark.parametrize("name", HARD)
def test_labels_are_counted_pixels(engine: str, name: str, size: tuple[int, int]) -> None:
    out = run(HARD[name], flat(COUNT, size), engine)
    shares = counted(origins(out["images"], COUNT), COUNT)
    assert np.abs(out["labels"] - shares).max() < 1e-6
    assert min(size) == 1 or np.mean(shares.max(axis=1) < 1) > 0.3


@ENGINES
@pytest.mark.parametrize("name", sorted(set(MIXERS) - {"MixUp twice"}))
def test_labels_are_mean_shares_of_soft_mixes_too(engine: str, name: str) -> None:
    """One channel for each sample, hot in its own: the mean of a channel is the sample's share."""
    images = np.zeros((16, 12, 10, 16), dtype=np.float32)
    images[np.arange(16), :, :, np.arange(16)] = 1
    out = run(MIXERS[name], images, engine)
    shares = out["images"].astype(np.float64).sum(axis=(1, 2))
    shares /= shares.sum(axis=1, keepdims=True)
    assert np.abs(out["labels"] - shares).max() < 2e-5


@pytest.mark.parametrize("name", MIXERS)
def test_a_plan_says_all_and_threads_change_nothing(name: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 30, 34, 3)).astype(np.uint8)
    labels = np.arange(9)
    found = []
    for threads in (1, 3):
        steps = [vg.Rotate(), MIXERS[name]]
        aug = vg.Pipeline(steps, seed=5, classes=9, threads=threads, saliency=rough)
        plan = aug.draw(images=images, index=range(9))
        check_program(lower(plan, np.uint8, 3))
        again = vg.Plan.from_dict(plan.to_dict())
        for one in (plan, again):
            out = aug.apply(one, images=images, labels=labels)
            found.append((out["images"].tobytes(), out["labels"].tobytes()))
    assert len(set(found)) == 1


@ENGINES
def test_a_mix_of_mixed_images_weighs_them_by_what_their_labels_say(engine: str) -> None:
    """A pixel of an image that was mixed before counts as a pixel of all that it is made of."""
    steps = [vg.MixUp(), vg.CutMix()]
    images = flat(12, (10, 9))
    labels = [np.arange(12), None]
    first = vg.Pipeline(steps[:1], seed=1, classes=12, engine=engine)
    labels[1] = first(images=images, labels=labels[0], index=range(12))["labels"]
    both = vg.Pipeline(steps, seed=1, classes=12, engine=engine)
    plan = both.draw(images=images, index=range(12))
    mix = lower(plan, np.float32, 1).stages[3]
    wanted = np.zeros((12, 12))
    for sample in range(12):
        own = slice(mix.share_start[sample], mix.share_start[sample + 1])
        wanted[sample] = mix.share[own] @ labels[1][mix.share_source[own]]
    out = both.apply(plan, images=images, labels=labels[0])
    assert np.abs(out["labels"] - wanted).max() < 1e-6


@ENGINES
def test_mixers_of_one_choice_all_see_the_images_before_it(engine: str) -> None:
    """So a pasted part is of one image, and its share is counted exactly."""
    mosaic = vg.Mosaic(size=(20, 22), fit="contain")
    step = vg.OneOf([vg.CutMix(), vg.ResizeMix(), vg.FMix(), vg.SaliencyMix(), mosaic])
    out = run(step, flat(COUNT, (20, 22)), engine)
    origin = origins(out["images"], COUNT)
    shown = [len(np.unique(one)) for one in origin]
    assert set(shown) == {2, 5}  # of a mosaic four and the fill
    assert np.abs(out["labels"] - counted(origin, COUNT)).max() < 1e-6


def test_a_batch_in_another_order_gives_the_same_samples() -> None:
    """The circle of partners follows the ids, not their order."""
    images = np.random.default_rng(0).integers(0, 256, (8, 20, 20, 3)).astype(np.uint8)
    order = np.array([3, 1, 7, 0, 2, 6, 5, 4])
    for step in MIXERS.values():
        aug = vg.Pipeline([step], seed=5, saliency=by_pixels)
        plain = aug(images=images, index=range(8))["images"]
        turned = aug(images=images[order], index=order)["images"]
        assert np.array_equal(plain[order], turned)


def test_mosaics_have_three_other_partners_where_there_are_that_many() -> None:
    plan = vg.Pipeline([vg.Mosaic(size=(9, 9))], seed=1).draw(sizes=[(8, 8)] * 20, index=range(20))
    partner = plan.records[0].values["partner"]
    assert partner.shape == (20, 3)
    assert all(len({row, *others}) == 4 for row, others in enumerate(partner.tolist()))
    assert str(plan).count("partner=") == 60


@ENGINES
def test_mosaics_and_resized_parts_take_images_of_any_size(engine: str) -> None:
    images = [np.full((5 + i, 9 - i, 3), 40 * i, dtype=np.uint8) for i in range(6)]
    aug = vg.Pipeline([vg.Mosaic(size=(12, 14))], seed=2, classes=6, engine=engine)
    out = aug(images=images, labels=np.arange(6), index=range(6))
    assert out["images"].shape == (6, 12, 14, 3)
    shares = np.stack([(out["images"][..., 0] == 40 * i).mean(axis=(1, 2)) for i in range(6)], 1)
    assert np.abs(shares - out["labels"]).max() < 1e-6
    resized = vg.Pipeline([vg.ResizeMix()], seed=2, engine=engine)(images=images, index=range(6))
    assert [image.shape for image in resized["images"]] == [image.shape for image in images]
    for step in (vg.CutMix(), vg.FMix(), vg.SaliencyMix(), vg.GridMix(), vg.MixUp()):
        with pytest.raises(PolicyError, match=f"{step.op} needs images of one size"):
            vg.Pipeline([step], seed=1)(images=images)


def test_a_mosaic_now_and_then_gives_two_sizes() -> None:
    aug = vg.Pipeline([vg.Mosaic(size=(12, 14), p=0.5), vg.Invert()], seed=2)
    out = aug(images=np.zeros((8, 6, 6, 3), dtype=np.uint8), index=range(8))["images"]
    assert {image.shape[:2] for image in out} == {(6, 6), (12, 14)}
    assert all((image == 255).all() for image in out)


@ENGINES
def test_a_contained_mosaic_meets_at_a_point_and_shows_its_fill(engine: str) -> None:
    step = vg.Mosaic(size=(20, 20), fit="contain", center=(0.5, 0.5), fill=7.0)
    images = np.full((4, 10, 5, 1), 100, dtype=np.uint8)
    out = vg.Pipeline([step], seed=1, engine=engine)(images=images, index=range(4))["images"]
    wanted = np.full((20, 20), 7)
    wanted[:, 5:15] = 100
    assert (out[..., 0] == wanted).all()


def test_a_step_that_needs_a_saliency_says_so() -> None:
    images = np.zeros((3, 8, 8, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"PuzzleMix needs to know .*saliency=function"):
        vg.Pipeline([vg.PuzzleMix()], seed=1)(images=images)
    for bad, message in (
        (lambda images, labels: np.ones((2, 8, 8)), r"saliency: expected shape \(3, 8, 8\)"),
        (lambda images, labels: -np.ones((3, 8, 8)), "saliency: expected finite numbers"),
        (lambda images, labels: "none", "saliency: it must give numbers"),
    ):
        with pytest.raises(InputError, match=message):
            vg.Pipeline([vg.PuzzleMix()], seed=1, saliency=bad)(images=images)
    with pytest.raises(PolicyError, match="saliency: expected a function, got int"):
        vg.Pipeline([vg.PuzzleMix()], saliency=3)  # type: ignore[arg-type]


def by_pixels(images: np.ndarray, labels: Any) -> np.ndarray:
    """What matters follows the image, whatever its place in the batch."""
    return images.astype(np.float64).sum(axis=3) ** 2


def given(images: np.ndarray, labels: Any) -> np.ndarray:
    """A module's function, so that a pipeline with it can be pickled."""
    return images.astype(np.float64).sum(axis=3)


def test_a_given_saliency_sees_images_and_soft_labels_as_they_are_then() -> None:
    seen: list[Any] = []

    def measure(images: np.ndarray, labels: Any) -> np.ndarray:
        seen.append((images.copy(), None if labels is None else labels.copy()))
        assert not images.flags.writeable
        return given(images, labels)

    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
    steps = [vg.HorizontalFlip(p=1.0), vg.CutMix(), vg.PuzzleMix()]
    aug = vg.Pipeline(steps, seed=1, classes=5, saliency=measure)
    out = aug(images=images, labels=np.arange(5), index=range(5))
    before = vg.Pipeline(steps[:2], seed=1, classes=5)
    wanted = before(images=images, labels=np.arange(5), index=range(5))
    assert np.array_equal(seen[0][0], wanted["images"])
    assert np.allclose(seen[0][1], wanted["labels"])
    assert np.abs(out["labels"].sum(axis=1) - 1).max() < 1e-6
    aug(images=images, index=range(5))
    assert seen[1][1] is None


def test_a_saliency_is_no_part_of_what_is_saved() -> None:
    import pickle

    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
    aug = vg.Pipeline([vg.PuzzleMix()], seed=1, saliency=given)
    wanted = aug(images=images, index=range(5))["images"]
    data = aug.to_dict()
    assert "saliency" not in str({k: v for k, v in data.items() if k != "policy"})
    again = vg.Pipeline.from_dict(data, saliency=given)
    assert np.array_equal(again(images=images, index=range(5))["images"], wanted)
    with pytest.raises(InputError, match="PuzzleMix needs"):
        vg.Pipeline.from_dict(data)(images=images)
    copied = pickle.loads(pickle.dumps(aug))
    assert np.array_equal(copied(images=images, index=range(5))["images"], wanted)


@pytest.mark.parametrize("after", [vg.TranslateX(magnitude=1.0), vg.Rotate(), vg.Cutout()])
def test_ops_after_a_mosaic_see_its_size(after: Any) -> None:
    """Among them those whose few values are lowered once for a size."""
    images = np.random.default_rng(1).integers(0, 256, (6, 30, 20, 3)).astype(np.uint8)
    steps = [vg.TranslateX(magnitude=1.0), vg.Mosaic(size=(16, 50)), after]
    whole = vg.Pipeline(steps, seed=3).draw(images=images, index=range(6))
    first, last = whole.records[:-1], whole.records[-1:]
    aug = vg.Pipeline(steps, seed=3)
    between = aug.apply(replace(whole, records=first), images=images)["images"]
    rest = replace(whole, records=last, sizes=np.tile([16, 50], (6, 1)))
    wanted = aug.apply(rest, images=between)["images"]
    assert np.array_equal(aug.apply(whole, images=images)["images"], wanted)
    assert np.array_equal(aug(images=images, index=range(6))["images"], wanted)
