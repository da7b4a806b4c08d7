"""What the loader makes of files: odd, damaged and missing ones, and how much it holds."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import variegate as vg
from tests.data import odd_files as odd
from tests.data.loader_files import cropping, flat, loader_threads, write_jpegs
from variegate.data import decode_file
from variegate.data.content import Reading, open_image, pixels_of
from variegate.data.header import MAX_PIXELS
from variegate.data.samples import Samples
from variegate.errors import DataError

FILES = {item.name: item for item in odd.odd_files()}
READING = Reading(channels=3, background=255, max_pixels=MAX_PIXELS)


def take(size: int) -> np.ndarray:
    return np.empty(size, dtype=np.uint8)


def decoded(path: Path, rows: int | None = None) -> np.ndarray:
    """One file as the loader decodes it."""
    content = open_image(Samples([str(path)], True), 0, READING)
    return pixels_of(content, READING, 1, content.size[0] if rows is None else rows, take)[0]


@pytest.mark.parametrize("name", [name for name, item in FILES.items() if item.error])
def test_bad_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name].data)
    with pytest.raises(DataError) as wanted:
        decode_file(path, channels=3)
    with pytest.raises(DataError) as found:
        decoded(path)
    assert str(found.value) == str(wanted.value)
    assert found.value.code == FILES[name].error


@pytest.mark.parametrize("name", [name for name, item in FILES.items() if not item.error])
def test_odd_but_readable_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name].data)
    np.testing.assert_array_equal(decoded(path), decode_file(path, channels=3).image)


@pytest.mark.parametrize("length", [0, 1, 3, 20, 160, 400, 700, 900])
def test_truncated_jpeg(length: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(odd.save(odd.scene(96, 128), "JPEG")[:length])
    loader = vg.Loader([str(path)], cropping(), 1)
    with pytest.raises(DataError, match=r"cut\.jpg': E10[123] "):
        list(loader)
    assert loader_threads() == []


def test_truncated_jpeg_with_an_end_mark(tmp_path: Path) -> None:
    data = odd.save(odd.scene(96, 128), "JPEG")
    for length in (900, 1200, len(data) - 40):
        path = tmp_path / f"{length}.jpg"
        path.write_bytes(data[:length] + b"\xff\xd9")
        with pytest.raises(DataError, match="E103"):
            decoded(path)


def test_damage_below_the_crop_is_found_in_the_first_epoch(tmp_path: Path) -> None:
    data = odd.save(odd.scene(160, 64), "JPEG")
    path = tmp_path / "short.jpg"
    path.write_bytes(data)
    pipe = vg.Pipeline([vg.CenterCrop(size=(20, 20))], seed=0)
    loader = vg.Loader([path], pipe, 1)
    first, second = flat(loader), flat(loader)
    assert first == second
    path.write_bytes(data[:-60] + b"\xff\xd9")
    assert flat(loader) == first, "the rows in view are whole, and the file was seen before"
    with pytest.raises(DataError, match=r"short\.jpg': E103"):
        list(vg.Loader([path], pipe, 1))


def test_stop_names_the_first_bad_file_of_the_order(tmp_path: Path) -> None:
    paths = write_jpegs(tmp_path, 20)
    for place in (9, 13, 14):
        Path(paths[place]).write_bytes(b"no picture")
    for threads in (1, 3):
        loader = vg.Loader(paths, cropping(), 8, shuffle=False, threads=threads, prefetch=2)
        batches = iter(loader)
        assert next(batches)["index"].tolist() == list(range(8))
        with pytest.raises(DataError, match=r"0009\.jpg': E102") as caught:
            next(batches)
        assert caught.value.path == paths[9]
        assert loader.state_dict()["taken"] == 8


def test_skip_fills_from_the_order_and_lists_the_files(tmp_path: Path) -> None:
    paths = write_jpegs(tmp_path, 12)
    Path(paths[1]).unlink()
    Path(paths[2]).write_bytes(b"")
    data = Path(paths[4]).read_bytes()
    Path(paths[4]).write_bytes(data[: len(data) // 2])  # seen only when it is decoded
    Path(paths[10]).write_bytes(b"no picture")
    results = []
    for threads, prefetch in [(1, 0), (2, 2), (4, 1)]:
        loader = vg.Loader(
            paths, cropping(), 4, shuffle=False, on_error="skip", threads=threads, prefetch=prefetch
        )
        results.append(flat(loader))
        found = [(Path(file.path).name, file.code) for file in loader.skipped]
        assert found == [
            ("0001.jpg", "E111"),
            ("0002.jpg", "E101"),
            ("0004.jpg", "E103"),
            ("0010.jpg", "E102"),
        ]
        assert loader.skipped[1].reason == "empty file: 0 bytes"
        loader.set_epoch(0)
        order = [batch["index"].tolist() for batch in loader]
        assert order == [[0, 6, 5, 3], [8, 5, 6, 7], [8, 9, 0, 11]]
        assert len(loader.skipped) == 4
    assert results[0] == results[1] == results[2]


def test_a_set_without_a_readable_file(tmp_path: Path) -> None:
    paths = write_jpegs(tmp_path, 3)
    for path in paths:
        Path(path).write_bytes(b"x")
    with pytest.raises(DataError, match=r"none of the 3 images can be read; the first: .*E102"):
        list(vg.Loader(paths, cropping(), 2, on_error="skip"))
    paths = [*paths, *write_jpegs(tmp_path / "good", 1)]
    loader = vg.Loader(paths, cropping(), 4, on_error="skip", shuffle=False)
    assert [batch["index"].tolist() for batch in loader] == [[3, 3, 3, 3]]


def test_a_folder_gives_labels_and_class_names(tmp_path: Path) -> None:
    write_jpegs(tmp_path / "train" / "cat", 3)
    write_jpegs(tmp_path / "train" / "ape", 2)
    loader = vg.Loader(tmp_path, cropping(), 5, shuffle=False)
    assert loader.classes == ("ape", "cat")
    (batch,) = loader
    assert batch["labels"].tolist() == [0, 0, 1, 1, 1]
    with pytest.raises(DataError, match="no such folder"):
        vg.Loader(tmp_path / "none", cropping())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no class folders with image files"):
        vg.Loader(tmp_path / "empty", cropping())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["RGB", "L", "RGBA", "LA", "I;16", "P"])
def test_png_kinds_and_channels(kind: str, channels: int, tmp_path: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(odd.scene()).convert("RGB")
    values = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21
    made = Image.fromarray(values) if kind == "I;16" else picture.convert(kind)
    path = tmp_path / "a.png"
    made.save(path)
    pipe = vg.Pipeline([vg.HorizontalFlip(p=0.0)], seed=0)
    (batch,) = vg.Loader([path], pipe, 1, channels=channels)
    wanted = decode_file(path, channels=channels).image
    np.testing.assert_array_equal(batch["images"][0], wanted)
    assert wanted.shape == (48, 64, channels)


def test_the_size_of_the_set_does_not_show_in_memory(tmp_path: Path) -> None:
    paths = write_jpegs(tmp_path, 30) * 100
    loader = vg.Loader(paths, cropping(), 32, threads=2, prefetch=2)
    peaks = []
    tracemalloc.start()
    try:
        for number, _ in enumerate(loader):
            if number in (30, 90):
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000
    assert peaks[1] < 8_000_000


def test_no_more_than_prefetch_batches_are_ahead(tmp_path: Path) -> None:
    asked: list[int] = []
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    idle = threading.Event()

    class Lazy:
        def __len__(self) -> int:
            return 100

        def __getitem__(self, place: int) -> np.ndarray:
            asked.append(place)
            return image

    pipe = vg.Pipeline([vg.HorizontalFlip()], seed=0)
    for prefetch in (0, 1, 3):
        asked.clear()
        loader = vg.Loader(Lazy(), pipe, 10, shuffle=False, prefetch=prefetch)
        for number, _ in zip(range(1, 4), loader, strict=False):
            idle.wait(0.2)
            assert len(set(asked)) == 10 * (number + prefetch)
