"""Programs are drawn ahead where samples come in order; no result may tell."""

from __future__ import annotations

import os
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.pipeline.samples import IMAGES, digest, policy
from variegate.pipeline.ahead import MOST, Ahead
from variegate.plan.lower import in_steps
from variegate.testing import engines
from variegate.testing.pictures import as_float

ENGINES = pytest.mark.parametrize("engine", engines())
GRAY = np.full((9, 8, 3), 128, dtype=np.uint8)


def make(engine: str = "reference", **settings: Any) -> vg.Pipeline:
    return vg.Pipeline(policy(), seed=11, engine=engine, threads=1, **settings)


def alone(image: np.ndarray, index: int, epoch: int = 0, engine: str = "reference") -> str:
    """What a sample gives in a pipeline that has seen nothing else."""
    return digest(make(engine)(image=image, index=index, epoch=epoch)["image"])


@ENGINES
def test_counting_gives_each_sample_what_it_gets_alone(engine: str) -> None:
    aug = make(engine)
    found = [digest(aug(image=IMAGES[i % 48])["image"]) for i in range(100)]
    assert found == [alone(IMAGES[i % 48], i, engine=engine) for i in range(100)]


def test_anything_may_come_between() -> None:
    """Other sizes, dtypes, epochs, given indices and batches of any length, in any order."""
    aug, counted = make(), 0
    small, floats = IMAGES[0, :9, :8], as_float(IMAGES[1])
    found: list[str] = []
    wanted: list[str] = []
    for turn in range(40):
        for image in (IMAGES[turn % 48], small if turn % 7 == 0 else IMAGES[3]):
            found.append(digest(aug(image=image)["image"]))
            wanted.append(alone(image, counted))
            counted += 1
        for index in range(counted, counted + (turn % 5 == 0)):
            found.append(digest(aug(image=floats, index=index, epoch=2)["image"]))
            wanted.append(alone(floats, index, 2))
        many = 5 * (turn % 6 == 0)
        found += [digest(one) for one in aug(images=IMAGES[:many])["images"]]
        wanted += [alone(IMAGES[i], counted + i) for i in range(many)]
        counted += many
    assert found == wanted


def test_going_back_and_changing_the_epoch() -> None:
    aug = make()
    order = [(i, 0) for i in range(40, 60)] + [(39, 0), (38, 0), (39, 0), (40, 0), (40, 1), (41, 0)]
    found = [digest(aug(image=IMAGES[3], index=i, epoch=e)["image"]) for i, e in order]
    assert found == [alone(IMAGES[3], i, e) for i, e in order]


def test_all_targets_are_the_same_too() -> None:
    steps = [vg.OneOf([vg.Elastic(amount=(0.1, 0.1)), vg.Rotate(), vg.Brightness()]), vg.ShearX()]
    targets = {"image": IMAGES[0], "mask": np.arange(13 * 17).reshape(13, 17)}
    targets |= {"boxes": np.array([[1.0, 2, 9, 8]]), "keypoints": np.array([[3.0, 4.0]])}
    aug = vg.Pipeline(steps, seed=2)
    for index in range(40):
        counted, given = aug(**targets), vg.Pipeline(steps, seed=2)(index=index, **targets)
        assert {k: digest(v) for k, v in counted.items()} == {
            k: digest(v) for k, v in given.items()
        }


@pytest.mark.parametrize("start", [2**64 - 40, 2**64 - 1, 0])
def test_counting_goes_on_past_the_last_number(start: int) -> None:
    aug = vg.Pipeline([vg.GaussianNoise(sigma=(0.1, 0.1))], seed=1, engine="reference")
    aug._stream._next = start
    found = [digest(aug(image=GRAY)["image"]) for _ in range(60)]
    assert len(set(found)) == 60
    fresh = vg.Pipeline([vg.GaussianNoise(sigma=(0.1, 0.1))], seed=1, engine="reference")
    last = fresh(image=GRAY, index=(start + 59) % 2**64)["image"]
    assert found[59] == digest(last)


def test_threads_that_count_at_once_share_no_sample() -> None:
    aug = make("native") if "native" in engines() else make()
    found: list[list[str]] = [[], [], [], []]

    def work(place: int) -> None:
        found[place] = [digest(aug(image=IMAGES[0])["image"]) for _ in range(150)]

    workers = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    fresh = make(aug.engine)
    wanted = [digest(fresh(image=IMAGES[0], index=i)["image"]) for i in range(600)]
    assert sorted(one for part in found for one in part) == sorted(wanted)


def test_a_copy_takes_no_block_along() -> None:
    aug = make()
    for _ in range(30):
        aug(image=IMAGES[0])
    copied = pickle.loads(pickle.dumps(aug))
    ids = copied.draw(sizes=[(13, 17)]).index
    first = copied(image=IMAGES[0])["image"]
    wanted = make()(image=IMAGES[0], index=np.array([int(ids[0]) + 1], dtype=np.uint64))
    assert digest(first) == digest(wanted["image"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@ENGINES
def test_a_forked_child_neither_hangs_nor_repeats(engine: str) -> None:
    """The parent has threads, a block drawn ahead and buffers; the child uses all of them."""
    aug = vg.Pipeline([vg.GaussianNoise(sigma=(0.1, 0.1))], seed=1, engine=engine, threads=2)
    gray = np.full((4, 300, 300, 3), 128, dtype=np.uint8)
    for _ in range(3):
        aug(images=gray)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        out = aug(images=gray)["images"]
        os.write(write, digest(out).encode())
        os._exit(0)
    parent = digest(aug(images=gray)["images"])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.read(read, 64).decode() != parent
    again = digest(aug(images=gray, index=range(12, 16))["images"])
    assert parent == again


class Counting:
    """Draws plans, and keeps how many samples each time."""

    def __init__(self) -> None:
        self.pipeline = make()
        self.made: list[int] = []

    def __call__(self, epoch: int, ids: Any, sizes: Any) -> Any:
        self.made.append(len(ids))
        return self.pipeline.draw(sizes=sizes, index=ids, epoch=epoch)


def test_blocks_grow_only_while_samples_come_in_order() -> None:
    make_program, form = Counting(), (0, 13, 17, 3, np.dtype(np.uint8))
    ahead = Ahead(make_program, in_steps, 1)
    for index in range(5500):
        ahead.block(index, 1, form)
    assert make_program.made == [1, 4, 16, 64, 256, 1024, 4096, MOST]
    make_program.made.clear()
    for index in (90_000, 70_000, 80_000, 50_000):
        ahead.block(index, 3, form)
    for index in range(50_001, 50_005):
        ahead.block(index, 3, (index, *form[1:]))
    assert make_program.made == [3] * 8


def test_a_later_sample_s_error_waits_for_its_turn() -> None:
    """Color cannot work on two channels; only the samples that draw it may say so."""
    aug = vg.Pipeline([vg.OneOf([vg.Color(), vg.Rotate()], weights=(0.1, 0.9))], seed=5)
    two = IMAGES[0, ..., :2]
    ops = [r.op for i in range(80) for r in aug.draw(sizes=[(13, 17)], index=[i]).records]
    found = []
    for index in range(80):
        try:
            aug(image=two, index=index)
            found.append("Rotate")
        except vg.VariegateError:
            found.append("Color")
    assert found == ops
    assert found.count("Color") > 0


def test_policies_with_classes_or_mixes_are_not_drawn_ahead() -> None:
    for steps in ([vg.PerClass({1: [vg.Invert()]})], [vg.CutMix(), vg.Rotate()]):
        assert vg.Pipeline(steps, seed=1)._ahead is None
    aug = vg.Pipeline([vg.PerClass({1: [vg.Invert()]})], seed=1)
    for label in (0, 1, 1, 0, 1):
        out = aug(image=GRAY, label=label)["image"]
        assert np.array_equal(out, 255 - GRAY if label else GRAY)
