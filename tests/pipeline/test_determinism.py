"""The same (seed, epoch, index) gives the same bytes, however the work is cut up.

Draws are keyed by a step's place in the policy. So a step added at the end changes nothing before
it, even at p=0; a step put in front moves the places of those after it, and with them their draws.
"""

from __future__ import annotations

import copy
import functools
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import variegate as vg
from tests.pipeline.samples import COUNT, IMAGES, Draws, Set, digest, make, policy
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
IDS = np.arange(COUNT)
ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def reference(engine: str) -> np.ndarray:
    return make(engine=engine)(images=IMAGES, index=IDS, epoch=1)["images"]


@ENGINES
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 7, 32])
def test_batch_size_and_threads_do_not_matter(engine: str, batch: int, threads: int) -> None:
    aug = make(engine=engine, threads=threads)
    parts = [IDS[i : i + batch] for i in range(0, COUNT, batch)]
    out = [aug(images=IMAGES[part], index=part, epoch=1)["images"] for part in parts]
    assert digest(np.concatenate(out)) == digest(reference(engine))


@ENGINES
def test_order_and_company_do_not_matter(engine: str) -> None:
    order = np.random.default_rng(0).permutation(COUNT)
    out = make(engine=engine)(images=IMAGES[order], index=order, epoch=1)["images"]
    assert digest(out) == digest(reference(engine)[order])
    many = [IMAGES[3], np.zeros((40, 5, 3), dtype=np.uint8), IMAGES[9]]
    mixed = make(engine=engine)(images=many, index=[3, 70, 9], epoch=1)["images"]
    assert np.array_equal(mixed[0], reference(engine)[3])
    assert np.array_equal(mixed[2], reference(engine)[9])


@ENGINES
def test_a_fresh_process_gives_the_same_bytes(engine: str) -> None:
    command = [sys.executable, "-m", "tests.pipeline.samples", engine]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(reference(engine))


def test_threads_of_the_caller_do_not_matter() -> None:
    aug, results = make(), {}

    def work(part: int) -> None:
        ids = IDS[part::4]
        results[part] = aug(images=IMAGES[ids], index=ids, epoch=1)["images"]

    workers = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(results[p], reference("reference")[p::4]) for p in range(4))


def loaded(data: Set, workers: int, method: str | None) -> list[np.ndarray]:
    """All batches of a PyTorch loader, as arrays."""
    context: dict[str, Any] = {"multiprocessing_context": method} if workers else {}
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(data, batch_size=8, num_workers=workers, generator=generator, **context)
    return [batch.numpy() for batch in loader]


@pytest.mark.parametrize(
    ("workers", "method"), [(0, None), (1, "fork"), (2, "fork"), (1, "spawn"), (2, "spawn")]
)
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@ENGINES
def test_loader_workers_do_not_matter(engine: str, workers: int, method: str | None) -> None:
    aug = make(engine=engine, threads=2)
    before = aug(images=IMAGES, index=IDS, epoch=1)["images"]  # so threads exist
    out = np.concatenate(loaded(Set(aug), workers, method))
    assert digest(out) == digest(before) == digest(reference(engine))


@pytest.mark.parametrize(("method", "seed"), [("fork", None), ("fork", 11), ("spawn", None)])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_that_count_never_repeat_each_other_or_the_parent(
    method: str, seed: int | None
) -> None:
    pipeline = make(seed=seed)
    parent = pipeline.draw(sizes=[(9, 9)] * 20).index
    first = np.concatenate(loaded(Draws(pipeline), 2, method)).view(np.uint64)
    again = pipeline.draw(sizes=[(9, 9)] * 20).index
    everything = np.concatenate([parent, first, again])
    assert len(np.unique(everything)) == 40 + COUNT


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_images_of_workers_that_count_differ() -> None:
    """One picture for all, so that equal results could only come from equal draws."""
    aug = vg.Pipeline([vg.GaussianNoise(sigma=(0.1, 0.1))], engine="reference")
    seen = [d for b in loaded(Noise(aug), 2, "fork") for d in map(digest, b)]
    assert len(set(seen)) == COUNT


class Noise(Set):
    """The same gray image every time, no index given."""

    def __getitem__(self, place: int) -> np.ndarray:
        gray = np.full((8, 8, 3), 128, dtype=np.uint8)
        return np.asarray(self.pipeline(image=gray)["image"])


def test_counting_goes_on_and_starts_at_0() -> None:
    aug = make()
    first, second = aug.draw(sizes=[(9, 9)] * 3).index, aug.draw(sizes=[(9, 9)] * 2).index
    assert np.concatenate([first, second]).tolist() == [0, 1, 2, 3, 4]
    assert make().draw(sizes=[(9, 9)]).index.tolist() == [0]


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))]
)
def test_a_copy_is_the_same_pipeline(copied: Callable[[vg.Pipeline], vg.Pipeline]) -> None:
    aug = make()
    twin = copied(aug)
    out = twin(images=IMAGES, index=IDS, epoch=1)["images"]
    assert digest(out) == digest(reference("reference"))
    counted = {int(i) for p in (aug, twin) for i in p.draw(sizes=[(9, 9)] * 5).index}
    assert len(counted) == 10, "a copy counts from a place of its own"


@ENGINES
def test_epochs_and_seeds_differ(engine: str) -> None:
    aug = make(engine=engine)
    by_epoch = [aug(images=IMAGES, index=IDS, epoch=e)["images"] for e in (0, 1, 2**40)]
    by_seed = [make(seed=s, engine=engine)(images=IMAGES, index=IDS)["images"] for s in (0, 1, -1)]
    for group in (by_epoch, by_seed):
        for first, second in ((0, 1), (1, 2), (0, 2)):
            same = [np.array_equal(a, b) for a, b in zip(group[first], group[second], strict=True)]
            assert np.mean(same) < 0.01


def test_no_seed_is_a_fresh_seed() -> None:
    assert len({make(seed=None).seed for _ in range(20)}) == 20
    aug = make(seed=None)
    twin = vg.Pipeline.from_dict(aug.to_dict())
    one, two = (p(images=IMAGES, index=IDS)["images"] for p in (aug, twin))
    assert digest(one) == digest(two)


REPLAY = """
import json, sys
import numpy as np
import variegate as vg
from tests.pipeline.samples import IMAGES, digest, make
plan = vg.Plan.from_dict(json.load(open(sys.argv[1])))
print(digest(make(seed=99).apply(plan, images=IMAGES)["images"]))
"""


def test_a_plan_replays_from_json_in_a_new_process(tmp_path: Path) -> None:
    plan = make().draw(images=IMAGES, index=IDS, epoch=1)
    (tmp_path / "plan.json").write_text(plan.to_json())
    command = [sys.executable, "-c", REPLAY, str(tmp_path / "plan.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(reference("reference"))


def test_a_mix_replays_too() -> None:
    aug = vg.Pipeline([vg.CutMix(), vg.MixUp(p=0.5)], seed=3, classes=COUNT)
    out = aug(images=IMAGES, labels=IDS, index=IDS)
    plan = vg.Plan.from_dict(json.loads(aug.draw(images=IMAGES, index=IDS).to_json()))
    again = aug.apply(plan, images=IMAGES, labels=IDS)
    assert digest(out["images"]) == digest(again["images"])
    assert digest(out["labels"]) == digest(again["labels"])


def test_a_pipeline_file_gives_the_same_bytes(tmp_path: Path) -> None:
    aug = vg.Pipeline.load(make().save(tmp_path / "pipeline.json"))
    assert digest(aug(images=IMAGES, index=IDS, epoch=1)["images"]) == digest(
        reference("reference")
    )


def test_a_step_added_at_the_end_changes_nothing_before_it() -> None:
    longer = vg.Pipeline([*policy(), vg.Rotate(p=0.0), vg.Invert(p=0.0)], seed=11)
    one = make().draw(images=IMAGES, index=IDS, epoch=1)
    two = longer.draw(images=IMAGES, index=IDS, epoch=1)
    assert one.to_dict() == two.to_dict()


def test_branches_of_a_choice_do_not_move_what_follows() -> None:
    """What stands after a choice is drawn alike whichever branch was taken."""
    wide = vg.OneOf([vg.ColorJitter(), vg.Identity(), vg.Cutout(count=(1, 5))])
    aug = vg.Pipeline([wide, vg.Rotate()], seed=11)
    slim = vg.Pipeline(
        [vg.OneOf([vg.Identity(), vg.Identity(), vg.Identity()]), vg.Rotate()], seed=11
    )
    angles = [
        next(r for r in p.draw(sizes=[(9, 9)] * 50, index=range(50)).records if r.op == "Rotate")
        for p in (aug, slim)
    ]
    assert np.array_equal(angles[0].values["angle"], angles[1].values["angle"])


def test_random_numbers_are_uniform_and_unrelated() -> None:
    from scipy import stats

    from variegate.plan.counter import slot_keys, uniforms

    slots = np.arange(64, dtype=np.uint64)
    numbers = uniforms(slot_keys(3, 0, slots), np.arange(20000, dtype=np.uint64))
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    pairs = np.corrcoef(numbers.T) - np.eye(64)
    assert np.abs(pairs).max() < 5 / np.sqrt(20000)
    shifted = np.corrcoef(numbers[:-1].T, numbers[1:].T)[:64, 64:]
    assert np.abs(shifted).max() < 5 / np.sqrt(20000)
    other = uniforms(slot_keys(3, 1, slots), np.arange(20000, dtype=np.uint64))
    assert abs(np.corrcoef(numbers.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(numbers.size)
    words = uniforms(slot_keys(4, 0, slots[:1]), np.arange(20000, dtype=np.uint64))
    assert len(np.unique(words)) == 20000
