"""Splits: stratified, without overlap, by groups, and the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variegate.data import Dataset, Splits, split
from variegate.errors import DataError, InputError


def dataset(counts: list[int], group: int = 0, seed: int = 0) -> Dataset:
    """Images that hold their own number, classes shuffled; `group` images a group if not 0."""
    labels = np.repeat(np.arange(len(counts)), counts)
    groups = None
    if group:
        inside = np.concatenate([np.arange(count) // group for count in counts])
        groups = labels * 10_000 + inside
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(labels))
    numbers = np.arange(len(labels), dtype=np.uint32).view(np.uint8).reshape(-1, 1, 1, 4)
    return Dataset(
        "made-up", numbers, labels[order], tuple(f"c{k}" for k in range(len(counts))),
        None if groups is None else groups[order],
    )  # fmt: skip


def numbers(part: Dataset) -> set[int]:
    found = np.ascontiguousarray(part.images).view(np.uint32).ravel().tolist()
    assert len(found) == len(set(found)), "an image stands twice in one part"
    return set(found)


def check_apart(splits: Splits) -> None:
    train, validation, test = map(numbers, (splits.train, splits.validation, splits.test))
    assert not train & validation
    assert not train & test
    assert not validation & test
    for part in (splits.train, splits.validation, splits.test):
        assert part.counts().all()


counts_of_classes = st.lists(st.integers(3, 60), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(counts_of_classes, st.integers(0, 2**64), st.floats(0.05, 0.45), st.floats(0.05, 0.45))
def test_parts_are_stratified_and_apart(
    counts: list[int], seed: int, validation: float, test: float
) -> None:
    data = dataset(counts)
    splits = split(data, seed=seed, validation=validation, test=test)
    check_apart(splits)
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == len(data)
    for label, count in enumerate(counts):
        room = count - 2
        assert splits.test.counts()[label] == min(max(1, round(test * count)), room)
        held = splits.validation.counts()[label]
        assert abs(held - validation * count) <= 1 or count <= 10


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(9, 60), min_size=1, max_size=5),
    st.integers(1, 3),
    st.integers(0, 1000),
)
def test_no_group_is_in_two_parts(counts: list[int], group: int, seed: int) -> None:
    splits = split(dataset(counts, group), seed=seed)
    check_apart(splits)
    found = []
    for part in (splits.train, splits.validation, splits.test):
        assert part.groups is not None
        found.append(set(part.groups.tolist()))
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]
    for label, count in enumerate(counts):
        assert abs(splits.test.counts()[label] - 0.2 * count) <= group


@pytest.mark.parametrize("group", [0, 3])
def test_same_seed_same_parts_other_seed_other_parts(group: int) -> None:
    data = dataset([40, 50], group)
    one, two, other = (split(data, seed=seed) for seed in (5, 5, 6))
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(one, name).images, getattr(two, name).images)
        assert numbers(getattr(one, name)) != numbers(getattr(other, name))


def test_the_draw_is_pinned() -> None:
    # a changed draw would change every published figure
    splits = split(dataset([10, 10]), seed=7)
    assert sorted(numbers(splits.test)) == [4, 6, 7, 12]


def test_a_new_class_changes_nothing_for_the_others() -> None:
    labels = np.repeat([0, 1, 2], 20)
    images = np.arange(60, dtype=np.uint32).view(np.uint8).reshape(-1, 1, 1, 4)
    small = Dataset("x", images[:40], labels[:40], ("a", "b"))
    large = Dataset("x", images, labels, ("a", "b", "c"))
    assert numbers(split(small, seed=3).test) < numbers(split(large, seed=3).test)


@pytest.mark.parametrize("group", [0, 2])
def test_train_per_class_is_exact_and_nested(group: int) -> None:
    data = dataset([60, 80, 70], group)
    ten = split(data, seed=1, train_per_class=10)
    twenty = split(data, seed=1, train_per_class=20)
    assert ten.train.counts().tolist() == [10, 10, 10]
    assert twenty.train.counts().tolist() == [20, 20, 20]
    assert numbers(ten.train) < numbers(twenty.train)
    assert numbers(ten.test) == numbers(twenty.test)
    check_apart(twenty)


def test_own_parts_are_used_and_never_for_the_rest() -> None:
    data = dataset([20, 20])
    own = replace(dataset([5, 5]), images=dataset([5, 5]).images + np.uint8(200), name="own")
    with_test = replace(data, test=own)
    splits = split(with_test, seed=1)
    assert splits.test is own
    check_apart(splits)
    assert numbers(splits.train) | numbers(splits.validation) == numbers(data)
    both = split(replace(with_test, validation=own.take([0, 1, 2, 3, 4, 5, 6])), seed=1)
    assert numbers(both.train) == numbers(data)


def test_a_class_with_too_few_images_is_named() -> None:
    with pytest.raises(DataError, match="class 'c1' has 2 images, at least 3"):
        split(dataset([30, 2]), seed=1)
    with pytest.raises(DataError, match="class 'c1' has 0 images"):
        split(dataset([30, 0, 30]), seed=1)
    with pytest.raises(DataError, match="class 'c0' has 2 groups"):
        split(dataset([20, 60], group=10), seed=1)
    with pytest.raises(DataError, match="class 'c1' has 6 images for training"):
        split(dataset([30, 10]), seed=1, train_per_class=7)
    data = dataset([9, 9])
    lacking = replace(data.take(np.flatnonzero(data.labels == 0)), name="own")
    with pytest.raises(DataError, match="own: no image of class 'c1'"):
        split(replace(data, test=lacking), seed=1)


def test_a_group_over_two_classes_is_refused() -> None:
    data = dataset([9, 9])
    with pytest.raises(DataError, match="group 0 has images of two classes"):
        split(replace(data, groups=np.zeros(18, np.int64)), seed=1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1}, {"seed": None}, {"seed": 1.5}, {"seed": True}, {"validation": 0},
        {"validation": float("nan")}, {"test": 1.0}, {"test": "0.2"}, {"train_per_class": 0},
        {"validation": 0.5, "test": 0.5}, {"train_per_class": 2.0},
    ],
)  # fmt: skip
def test_illegal_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        split(dataset([20]), **{"seed": 1, **arguments})  # type: ignore[arg-type]
