"""Balance: how often each class comes, copies with draws of their own, loaders that resume."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import variegate as vg
from variegate.data.balance import class_groups
from variegate.errors import InputError

LABELS = np.array([0] * 12 + [1] * 4 + [3] * 2)


def counts(index: np.ndarray, labels: np.ndarray = LABELS) -> list[int]:
    return np.bincount(labels[index % len(labels)], minlength=4).tolist()


def test_every_class_is_filled_up_to_the_largest() -> None:
    balance = vg.Balance(LABELS)
    index = balance.epoch(0, 0)
    assert counts(index) == [12, 12, 0, 12]
    assert len(balance) == len(index) == 36
    # Each image of class 1 three times, of class 3 six times, each time as another copy.
    assert np.bincount(index % 18).tolist() == [1] * 12 + [3] * 4 + [6] * 2
    assert len(np.unique(index)) == 36
    assert sorted(index[index % 18 == 17] // 18) == [0, 1, 2, 3, 4, 5]


def test_power_is_the_share_by_hand() -> None:
    # sqrt(12), 2, sqrt(2) times sqrt(12): 12, 6.93, 4.90
    assert vg.Balance(LABELS, power=0.5).copies.tolist() == [12, 7, 0, 5]
    assert vg.Balance(LABELS, power=0).copies.tolist() == [12, 4, 0, 2]


def test_a_given_length_is_divided_by_largest_remainders() -> None:
    assert vg.Balance(LABELS, length=18).copies.tolist() == [6, 6, 0, 6]
    assert vg.Balance(LABELS, length=20).copies.sum() == 20
    # One each, then 15 in the proportions 12 : 4 : 2, which are 10, 3.33 and 1.67.
    assert vg.Balance(LABELS, power=0, length=18).copies.tolist() == [11, 4, 0, 3]


def test_what_is_left_out_of_an_epoch_changes_with_it() -> None:
    balance = vg.Balance(LABELS, length=18)
    seen = [frozenset((balance.epoch(0, epoch) % 18).tolist()) for epoch in range(8)]
    assert len(set(seen)) > 1
    assert frozenset().union(*seen) == set(range(18))


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60),
    st.floats(0, 1),
    st.integers(0, 2**40),
    st.integers(0, 50),
)
def test_an_epoch_is_a_function_of_seed_and_epoch(
    labels: list[int], power: float, seed: int, epoch: int
) -> None:
    own = np.array(labels)
    balance = vg.Balance(own, power)
    index = balance.epoch(seed, epoch)
    assert np.array_equal(index, vg.Balance(labels, power).epoch(seed, epoch))
    assert len(np.unique(index)) == len(index) == len(balance)
    assert set(index % len(own)) == set(range(len(own))), "no image is left out"
    times = np.bincount(index % len(own), minlength=len(own))
    for label in set(labels):
        assert np.ptp(times[own == label]) <= 1
    assert np.array_equal(np.sort(index), balance.epoch(seed, epoch, shuffle=False))


def test_groups_cut_the_logarithm_into_three() -> None:
    # CIFAR-100-LT: 500 images down to 5; the borders are 107.7 and 23.2.
    assert class_groups([500, 108, 107, 24, 23, 5]) == [
        "many", "many", "medium", "medium", "few", "few",
    ]  # fmt: skip
    assert class_groups([7, 7, 0]) == ["many", "many", "few"]
    rows = vg.Balance(LABELS).report(["a", "b", "c", "d"])
    assert [(row["class"], row["group"], row["images"], row["samples"]) for row in rows] == [
        ("a", "many", 12, 12), ("b", "medium", 4, 12), ("c", "few", 0, 0), ("d", "few", 2, 12),
    ]  # fmt: skip


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (18, 8, 8, 3), dtype=np.uint8)


def loader(**more: object) -> vg.Loader:
    data = {"images": images(), "labels": LABELS}
    aug = vg.Pipeline([vg.Rotate(), vg.GaussianNoise(magnitude=0.5)], seed=3)
    return vg.Loader(data, aug, batch_size=5, balance=vg.Balance(LABELS), **more)


def test_copies_are_augmented_each_by_its_own_draws() -> None:
    found: dict[int, bytes] = {}
    for batch in loader():
        for index, image, label in zip(
            batch["index"], batch["images"], batch["labels"], strict=True
        ):
            found[int(index)] = image.tobytes()
            assert label == LABELS[index % 18]
    assert len(found) == 36
    assert len(set(found.values())) == 36, "no two copies are alike"
    aug = vg.Pipeline([vg.Rotate(), vg.GaussianNoise(magnitude=0.5)], seed=3)
    copy = 17 + 18 * 4
    alone = aug(images=images()[17:18], index=[copy], epoch=0)["images"][0]
    assert found[copy] == alone.tobytes()


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_loader_goes_on_in_the_middle_of_a_balanced_epoch(shuffle: bool) -> None:
    whole = [batch["index"].tolist() for batch in loader(shuffle=shuffle)]
    assert len(whole) == len(loader()) == 8
    first = loader(shuffle=shuffle, threads=2)
    batches = iter(first)
    head = [next(batches)["index"].tolist() for _ in range(3)]
    state = json.loads(json.dumps(first.state_dict()))
    second = loader(shuffle=shuffle, threads=1)
    second.load_state_dict(state)
    assert head + [batch["index"].tolist() for batch in second] == whole
    plain = vg.Loader({"images": images(), "labels": LABELS}, vg.Pipeline([], seed=3))
    with pytest.raises(InputError, match=r"state: (balance|shuffle)"):
        plain.load_state_dict(state)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: vg.Balance(np.eye(3)), r"labels: expected class indices \(n,\)"),
        (lambda: vg.Balance([]), "at least one"),
        (lambda: vg.Balance([-1, 0]), "got -1..0"),
        (lambda: vg.Balance([0], power=1.5), "power: expected a number 0..1, got 1.5"),
        (lambda: vg.Balance([0, 1], length=1), "from 2 up, one for each class, got 1"),
        (lambda: vg.Balance(LABELS).report(["a"]), "names: expected 4, got 1"),
        (lambda: vg.Loader(images(), vg.Pipeline([]), balance=vg.Balance(LABELS)), "no labels"),
        (
            lambda: vg.Loader(
                {"images": images(), "labels": LABELS}, vg.Pipeline([]), balance=vg.Balance([0, 1])
            ),
            "other labels",
        ),
        (
            lambda: vg.Loader({"images": images(), "labels": LABELS}, vg.Pipeline([]), balance=1),
            "expected a Balance, got int",
        ),
    ],
)
def test_bad_arguments_are_named(make: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()  # type: ignore[operator]
