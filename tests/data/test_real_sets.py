"""The readers and splits on real sets, where they lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from variegate.data import load, split

ROOT = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="the real data sets are not here")


def test_fashion_mnist() -> None:
    data = load(ROOT / "fashion_mnist")
    assert data.images.shape == (60_000, 28, 28, 1)
    assert data.counts().tolist() == [6000] * 10
    splits = split(data, seed=1, train_per_class=400)
    assert len(splits.train) == 4000
    assert len(splits.test) == 10_000
    assert 60 < data.images.mean() < 80


def test_flowers17() -> None:
    data = load(ROOT / "flowers17", size=(32, 32), limit_per_class=5)
    assert data.images.shape == (85, 32, 32, 3)
    assert data.test is not None
    assert data.test.counts().tolist() == [16] * 17
    assert data.test.classes == data.classes
    assert data.images.reshape(85, -1).std(axis=1).min() > 5


def test_gtsrb_never_splits_a_track() -> None:
    data = load(ROOT / "gtsrb" / "gtsrb.npz")
    assert data.groups is not None
    assert len(np.unique(data.groups)) == 860
    splits = split(data, seed=1)
    assert len(splits.test) == 2580
    assert splits.train.groups is not None
    assert splits.validation.groups is not None
    assert not set(splits.train.groups.tolist()) & set(splits.validation.groups.tolist())
    assert splits.train.counts().all()
    assert splits.validation.counts().all()


def test_pneumoniamnist() -> None:
    data = load(ROOT / "pneumoniamnist" / "pneumoniamnist.npz")
    splits = split(data, seed=1)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [
        3882, 524, 624
    ]  # fmt: skip


def test_cifar10() -> None:
    assert load(ROOT / "cifar10" / "cifar10_lossless4k.npz").images.shape == (4000, 32, 32, 3)
    data = load(ROOT / "cifar10" / "cifar10_test_jpeg.npz", limit_per_class=20)
    assert data.images.shape == (200, 32, 32, 3)
    assert data.classes[:2] == ("airplane", "automobile")


def test_no_false_alarm_on_photographs() -> None:
    for name in ("sign_digits", "flowers17"):
        data = load(ROOT / name, size=(16, 16), limit_per_class=40)
        assert not data.problems
