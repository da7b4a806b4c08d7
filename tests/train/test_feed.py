"""Feeding: several batches share a call of the pipeline and come out as if each had its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import variegate as vg
from variegate.data import Dataset
from variegate.train import feed
from variegate.train.feed import Feed, balanced, batches

TRIVIAL = vg.Policy((vg.TrivialAugment(), vg.Cutout(magnitude=0.5, p=0.5)))


def fed(data: Dataset, policy: vg.Policy | None) -> Feed:
    return Feed(data, policy, seed=3, threads=1, device=torch.device("cpu"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of images of each call of a pipeline."""
    seen: list[int] = []
    real = vg.Pipeline.__call__

    def counted(self: vg.Pipeline, **given: object) -> object:
        seen.append(len(np.asarray(given["index"])))
        return real(self, **given)

    monkeypatch.setattr(vg.Pipeline, "__call__", counted)
    return seen


def test_batches_that_share_a_call_have_the_bytes_of_their_own(
    digits: tuple[Dataset, Dataset], calls: list[int]
) -> None:
    parts = batches(len(digits[0]), 24, 5, 2)
    one = fed(digits[0], TRIVIAL)
    calls.clear()
    shared = list(one.epoch(parts, 2))
    assert calls == [200]
    assert [len(images) for images, _ in shared] == [len(part) for part in parts]
    for (images, labels), part in zip(shared, parts, strict=True):
        own_images, own_labels = one.batch(part, 2)
        assert torch.equal(images, own_images)
        assert torch.equal(labels, own_labels)
        assert images.is_contiguous(memory_format=torch.channels_last)


def test_calls_are_bounded_by_images_and_bytes(
    digits: tuple[Dataset, Dataset], calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [np.arange(i, i + 20) for i in range(0, 200, 20)]
    one = fed(digits[0], None)
    for images, size, expected in (
        (70, 10**9, [60, 60, 60, 20]),
        (10**9, 45 * 64, [40] * 5),
        (1, 1, [20] * 10),
    ):
        monkeypatch.setattr(feed, "CALL_IMAGES", images)
        monkeypatch.setattr(feed, "CALL_BYTES", size)
        calls.clear()
        assert sum(len(labels) for _, labels in one.epoch(parts, 0)) == 200
        assert calls == expected


@pytest.mark.parametrize("mix", [vg.CutMix(), vg.OneOf((vg.Invert(), vg.MixUp()))])
def test_mixing_keeps_its_own_batch(
    digits: tuple[Dataset, Dataset], calls: list[int], mix: object
) -> None:
    parts = batches(len(digits[0]), 50, 5, 0)
    one = fed(digits[0], vg.Policy((mix,)))
    calls.clear()
    shared = list(one.epoch(parts, 0))
    assert calls == [50] * 4
    own = [one.batch(part, 0) for part in parts]
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(shared, own, strict=True))


def test_a_balanced_epoch_has_every_class_alike_and_new_copies() -> None:
    labels = np.array([0] * 30 + [1] * 8 + [2] * 2)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    train = Dataset("made up", images, labels, ("a", "b", "c"))
    fill = balanced(train, 1.0)
    parts = batches(40, 16, 3, 0, fill)
    ids = np.concatenate(parts)
    assert len(ids) == 40
    assert np.bincount(labels[ids % 40]).tolist() == [14, 13, 13]
    assert balanced(train, 0.0) is None
    policy = vg.Policy((vg.GaussianNoise(sigma=(0.2, 0.2)),))
    feed = Feed(train, policy, seed=3, threads=1, device=torch.device("cpu"))
    values, given = feed.batch(np.array([39, 79, 119]), 0)
    assert given.tolist() == [2, 2, 2]
    assert not torch.equal(values[0], values[1])
    assert not torch.equal(values[1], values[2])
