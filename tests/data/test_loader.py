"""The loader's batches: equal to the pipeline's, whatever the threads, and resumable."""

from __future__ import annotations

import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import variegate as vg
from tests.data.loader_files import cropping, flat, loader_threads, mixing, write_jpegs
from variegate.data import Dataset, decode_file
from variegate.data.order import epoch_order
from variegate.errors import InputError

COUNT = 26


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_jpegs(tmp_path_factory.mktemp("set"), COUNT)


@pytest.fixture(scope="module")
def labeled(paths: list[str]) -> dict[str, object]:
    return {"images": paths, "labels": np.arange(COUNT) % 5}


@pytest.mark.parametrize("make", [cropping, mixing])
def test_batches_equal_the_pipeline_on_decoded_files(make: object, labeled: dict) -> None:
    loader = vg.Loader(labeled, make(), 8, threads=2, scaled_decode=False)
    for epoch in range(3):  # the later epochs decode fewer rows
        seen = []
        for batch in loader:
            index = batch["index"]
            images = [decode_file(labeled["images"][i], channels=3).image for i in index]
            wanted = make()(
                images=images, labels=labeled["labels"][index], index=index, epoch=epoch
            )
            np.testing.assert_array_equal(batch["images"], wanted["images"])
            np.testing.assert_array_equal(batch["labels"], wanted["labels"])
            assert batch["images"].flags.c_contiguous
            seen += index.tolist()
        assert loader.epoch == epoch
        assert seen == epoch_order(COUNT, 3, epoch).tolist()


@pytest.mark.parametrize("make", [cropping, mixing])
def test_threads_and_prefetch_do_not_show(make: object, labeled: dict) -> None:
    def run(threads: int, prefetch: int) -> list[object]:
        loader = vg.Loader(labeled, make(), 6, threads=threads, prefetch=prefetch)
        return flat(loader) + flat(loader)

    wanted = run(1, 0)
    assert len(wanted) == 10
    assert wanted[:5] != wanted[5:]
    for threads, prefetch in [(2, 0), (4, 0), (1, 1), (2, 1), (4, 3), (3, 2)]:
        assert run(threads, prefetch) == wanted


@pytest.mark.parametrize("place", range(8))
def test_resume_at_every_batch(place: int, labeled: dict) -> None:
    whole = flat(vg.Loader(labeled, mixing(), 8, threads=2))
    second = vg.Loader(labeled, mixing(), 8, threads=2)
    second.set_epoch(1)
    whole += flat(second)
    assert len(whole) == 8

    first = vg.Loader(labeled, mixing(), 8, threads=2, prefetch=3)
    state = first.state_dict()
    given = 0
    while given < place:
        for _ in first:
            given += 1
            state = first.state_dict()
            if given == place:
                break
    other = vg.Loader(labeled, mixing(), 8, threads=1, prefetch=1)
    other.load_state_dict(json.loads(json.dumps(state)))
    rest = flat(other)
    while len(rest) < 8 - place:
        rest += flat(other)
    assert rest == whole[place:]


def test_resume_with_another_batch_size(labeled: dict) -> None:
    loader = vg.Loader(labeled, cropping(), 8)
    next(iter(loader))
    other = vg.Loader(labeled, cropping(), 5)
    other.load_state_dict(loader.state_dict())
    found = [batch["index"].tolist() for batch in other]
    assert [len(index) for index in found] == [5, 5, 5, 3]
    assert [place for index in found for place in index] == epoch_order(COUNT, 3, 0).tolist()[8:]


def test_a_broken_off_loop_is_followed_by_the_next_epoch(labeled: dict) -> None:
    loader = vg.Loader(labeled, cropping(), 8)
    for _ in loader:
        break
    assert (loader.epoch, loader.state_dict()["taken"]) == (0, 8)
    again = flat(loader)
    assert loader.epoch == 1
    loader.set_epoch(1)
    assert flat(loader) == again


def test_drop_last_and_length(paths: list[str]) -> None:
    full = vg.Loader(paths, cropping(), 8)
    assert len(full) == 4
    assert [len(b["index"]) for b in full] == [8, 8, 8, 2]
    dropped = vg.Loader(paths, cropping(), 8, drop_last=True)
    assert len(dropped) == 3
    assert [len(b["index"]) for b in dropped] == [8, 8, 8]
    assert dropped.epoch == 0
    state = dropped.state_dict()
    dropped.load_state_dict(state)
    assert len(list(dropped)) == 3
    assert dropped.epoch == 1


def test_order_is_a_function_of_seed_and_epoch(paths: list[str]) -> None:
    orders = [epoch_order(1000, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(1000)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    loader = vg.Loader(paths, cropping(), 8, shuffle=False)
    assert np.concatenate([b["index"] for b in loader]).tolist() == list(range(COUNT))
    seeded = vg.Loader(paths, cropping(), 8, seed=11)
    found = np.concatenate([b["index"] for b in seeded])
    assert found.tolist() == epoch_order(COUNT, 11, 0).tolist()


def test_arrays_and_datasets() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 20, 24, 3), dtype=np.uint8)
    labels = np.arange(10) % 3
    dataset = Dataset("d", images, labels, ("a", "b", "c"))
    sources = [dataset, {"images": images, "labels": labels}]
    sources.append({"images": list(images), "labels": labels.tolist()})
    for source in sources:
        loader = vg.Loader(source, mixing(), 4, shuffle=False)
        wanted = mixing()(images=images[4:8], labels=labels[4:8], index=range(4, 8), epoch=0)
        found = list(loader)[1]
        np.testing.assert_array_equal(found["images"], wanted["images"])
        np.testing.assert_array_equal(found["labels"], wanted["labels"])
    assert vg.Loader(dataset, mixing()).classes == ("a", "b", "c")


def test_masks_boxes_and_keypoints_follow(paths: list[str]) -> None:
    sizes = [decode_file(path).image.shape[:2] for path in paths]
    masks = [np.arange(h * w, dtype=np.int32).reshape(h, w) for h, w in sizes]
    targets = {
        "masks": masks,
        "boxes": [[[1, 2, 30, 28]]] * COUNT,
        "box_labels": [[7]] * COUNT,
        "keypoints": [[[3.0, 4.0]]] * COUNT,
        "labels": np.arange(COUNT),
    }
    loader = vg.Loader({"images": paths, **targets}, cropping(), 4, shuffle=False)
    batch = list(loader)[2]
    part = {name: list(items[8:12]) for name, items in targets.items()}
    images = [decode_file(path).image for path in paths[8:12]]
    wanted = cropping()(images=images, index=range(8, 12), epoch=0, **part)
    assert set(batch) == {*wanted, "index"}
    np.testing.assert_array_equal(batch["images"], wanted["images"])
    for name in ("masks", "boxes", "kept", "keypoints", "keypoints_inside", "box_labels"):
        for found, expected in zip(batch[name], wanted[name], strict=True):
            np.testing.assert_array_equal(found, expected)


def fail_on_first(loader: vg.Loader) -> None:
    for batch in loader:
        raise KeyError(int(batch["index"][0]))


def test_no_thread_outlives_its_loop(labeled: dict) -> None:
    loader = vg.Loader(labeled, cropping(), 4, threads=3, prefetch=3)
    for _ in loader:
        assert loader_threads()
        break
    assert loader_threads() == []
    with pytest.raises(KeyError):
        fail_on_first(loader)
    assert loader_threads() == []
    batches = iter(loader)
    next(batches)
    del batches
    assert loader_threads() == []
    with loader:
        held = iter(loader)
        next(held)
        assert loader_threads()
    assert loader_threads() == []
    with pytest.raises(StopIteration):
        next(held)
    list(loader)
    assert loader_threads() == []


@pytest.mark.parametrize("kind", [ValueError, SystemExit])
def test_what_a_lazy_data_set_raises_reaches_the_consumer(kind: type[BaseException]) -> None:
    class Lazy:
        def __len__(self) -> int:
            return 20

        def __getitem__(self, place: int) -> np.ndarray:
            if place == 13:
                raise kind("its own words")
            return np.zeros((30, 30, 3), dtype=np.uint8)

    batches = iter(vg.Loader(Lazy(), cropping(), 5, shuffle=False, threads=3))
    assert [len(next(batches)["index"]) for _ in range(2)] == [5, 5]
    with pytest.raises(kind, match="its own words"):
        next(batches)
    assert loader_threads() == []


def test_kept_batches_stay_as_they_are(labeled: dict) -> None:
    loader = vg.Loader(labeled, cropping(size=(200, 200)), 4, threads=2, prefetch=1)
    kept, copies = [], []
    for batch in (*loader, *loader):  # two epochs
        kept.append(batch["images"][:1])
        copies.append(batch["images"][:1].copy())
    for found, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(found, copy)


def test_memory_of_dropped_batches_is_used_again(labeled: dict) -> None:
    loader = vg.Loader(labeled, cropping(size=(300, 300)), 2, threads=2, prefetch=1)
    places = [batch["images"].ctypes.data for batch in loader]
    assert len(places) == 13
    assert len(set(places)) <= 4
    assert {batch["images"].ctypes.data for batch in loader} <= set(places), "the next epoch"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork(labeled: dict, tmp_path: Path) -> None:
    loader = vg.Loader(labeled, cropping(), 8, threads=2)
    begun = iter(loader)
    next(begun)
    child = os.fork()
    if child == 0:
        try:
            next(begun)
        except InputError as error:
            (tmp_path / "refusal").write_text(str(error))
        loader.set_epoch(0)
        (tmp_path / "batches").write_bytes(pickle.dumps(flat(loader)))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert "begin a new one in each process" in (tmp_path / "refusal").read_text()
    assert len(list(begun)) == 3
    wanted = flat(vg.Loader(labeled, cropping(), 8))
    assert pickle.loads((tmp_path / "batches").read_bytes()) == wanted


def test_a_pickled_loader_gives_the_same(labeled: dict) -> None:
    loader = vg.Loader(labeled, cropping(), 8)
    held = iter(loader)
    next(held)
    copy = pickle.loads(pickle.dumps(loader))
    assert flat(copy) == flat(loader)
    assert copy.epoch == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pipeline": "x"}, "pipeline: expected a Pipeline, got str"),
        ({"batch_size": 0}, "batch_size: expected 1 to"),
        ({"batch_size": 2.0}, "batch_size: expected a whole number"),
        ({"threads": 0}, "threads: expected 1 to 256"),
        ({"prefetch": -1}, "prefetch: expected 0 to"),
        ({"shuffle": 1}, "shuffle: expected True or False"),
        ({"on_error": "ignore"}, "on_error: expected"),
        ({"channels": 2}, "channels: expected 1, 3 or 4"),
        ({"dataset": []}, "dataset: has no images"),
        ({"dataset": 7}, "dataset: expected a folder"),
        ({"dataset": {"labels": [1]}}, 'a mapping needs "images"'),
        ({"dataset": {"images": ["a"], "label": [1]}}, "unknown name 'label'.*labels"),
        ({"dataset": {"images": ["a"], "labels": [1, 2]}}, "labels: expected 1 items, got 2 items"),
    ],
)
def test_illegal_arguments(change: dict, words: str, paths: list[str]) -> None:
    arguments = {"dataset": paths, "pipeline": cropping(), **change}
    with pytest.raises(InputError, match=words):
        vg.Loader(**arguments)


def test_results_of_different_sizes_are_refused(paths: list[str]) -> None:
    loader = vg.Loader(paths, vg.Pipeline([vg.HorizontalFlip()], seed=0), 8)
    with pytest.raises(InputError, match=r"different sizes \(33x37 and .*put Resize"):
        list(loader)
    assert loader_threads() == []


def test_states_of_another_loader_are_refused(paths: list[str]) -> None:
    state = vg.Loader(paths, cropping(), 8).state_dict()
    with pytest.raises(InputError, match="pipeline_seed is 3, this loader has 4"):
        vg.Loader(paths, cropping(4), 8, seed=3).load_state_dict(state)
    with pytest.raises(InputError, match="samples is 26, this loader has 25"):
        vg.Loader(paths[:-1], cropping(), 8).load_state_dict(state)
    with pytest.raises(InputError, match=r"expected what Loader\.state_dict gave"):
        vg.Loader(paths, cropping(), 8).load_state_dict({"epoch": 1})


def test_every_target_comes_in_the_order_of_the_images() -> None:
    """uint16 arrays, polygons and named arrays of instances; each follows its image."""
    images = np.arange(6, dtype=np.uint16)[:, None, None, None] * np.ones((8, 9, 1), np.uint16)
    boxes = [np.array([[0.0, 0, 2 + place % 3, 4]]) for place in range(6)]
    rings = [[[np.array([[0.0, 0], [2 + place % 3, 0], [0, 4]])]] for place in range(6)]
    names = {"name": [[f"number {place}"] for place in range(6)]}
    data = {"images": images, "boxes": boxes, "polygons": rings, "instances": names}
    for batch in vg.Loader(data, vg.Pipeline([], seed=1), batch_size=4, threads=2):
        assert batch["images"].dtype == np.uint16
        for slot, place in enumerate(batch["index"].tolist()):
            assert (batch["images"][slot] == place).all()
            assert batch["boxes"][slot].tolist() == boxes[place].tolist()
            assert batch["polygons"][slot][0][0].tolist() == rings[place][0][0].tolist()
            assert batch["instances"]["name"][slot] == [f"number {place}"]


@pytest.mark.parametrize("drop_last", [False, True])
def test_a_batch_by_number_is_the_loops(drop_last: bool, labeled: dict) -> None:
    loader = vg.Loader(labeled, mixing(), 8, threads=2, drop_last=drop_last)
    wanted = [flat(loader), flat(loader)]
    again = vg.Loader(labeled, mixing(), 8, threads=2, drop_last=drop_last)
    count = len(again)
    loop = iter(again)
    found = {0: flat([next(loop)])[0]}
    for epoch, number in [(1, count - 1), (0, 2), (0, 0), (1, 0), (0, count - 1)]:
        assert flat([again.batch(number, epoch)])[0] == wanted[epoch][number]
    rest = flat(loop)
    assert [found[0], *rest] == wanted[0]  # the loop went on as if nothing had been
    again.close()
    assert flat([again.batch(1)])[0] == wanted[0][1]
    for number in (-1, count, True, 1.0):
        with pytest.raises(InputError, match="number: expected"):
            again.batch(number)


def test_batches_by_number_from_many_threads(labeled: dict) -> None:
    loader = vg.Loader(labeled, mixing(), 4, threads=2)
    wanted = flat(loader)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: flat([loader.batch(n)])[0], [*range(7), *range(7)]))
    assert found == [*wanted, *wanted]
    copy = pickle.loads(pickle.dumps(loader))
    assert flat([copy.batch(3)])[0] == wanted[3]
    for used in (loader, copy):
        used.close()
    assert loader_threads() == []
