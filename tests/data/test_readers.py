"""Folders, digits, arguments and the Dataset itself, on small made-up data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from variegate.data import Dataset, load
from variegate.errors import DataError, InputError


def write(path: Path, value: int, size: tuple[int, int] = (20, 30), gray: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if gray else (*size, 3)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def folder(root: Path, counts: dict[str, int], value: int = 10) -> Path:
    """Class folders with `counts` images each; image k has gray level value + k."""
    for name, count in counts.items():
        for at in range(count):
            write(root / name / f"{at:03}.png", value + at)
    return root


def test_folder_without_splits(tmp_path: Path) -> None:
    folder(tmp_path / "pets", {"dog": 3, "cat": 2})
    data = load(tmp_path / "pets")
    assert data.name == "pets"
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1, 1, 1]
    assert data.images.shape == (5, 20, 30, 3)
    assert data.images[:, 0, 0, 0].tolist() == [10, 11, 10, 11, 12]
    assert data.test is None
    assert data.paths is not None
    assert data.paths[2] == str(tmp_path / "pets" / "dog" / "000.png")


def test_folder_with_splits_matches_classes_by_name(tmp_path: Path) -> None:
    folder(tmp_path / "train", {"a": 2, "b": 2, "c": 2})
    folder(tmp_path / "valid", {"c": 1, "b": 1}, 100)
    folder(tmp_path / "test", {"b": 1, "a": 1, "c": 2}, 200)
    data = load(tmp_path)
    assert data.test is not None
    assert data.validation is not None
    assert data.test.labels.tolist() == [0, 1, 2, 2]
    # class "a" is missing here: the numbers of the others must not move
    assert data.validation.labels.tolist() == [1, 2]
    assert data.validation.classes == data.classes
    assert any("validation has no images of class 'a'" in text for text in data.remarks)


def test_hidden_and_empty_folders_are_no_classes(tmp_path: Path) -> None:
    folder(tmp_path, {"a": 1, "b": 1, ".ipynb_checkpoints": 1, "__MACOSX": 1})
    (tmp_path / "empty").mkdir()
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "a" / "._000.png").write_bytes(b"x")
    (tmp_path / "b" / "nested").mkdir()
    data = load(tmp_path)
    assert data.classes == ("a", "b")
    assert len(data) == 2
    text = "\n".join(data.remarks)
    for name in (".ipynb_checkpoints", "__MACOSX", "empty", ".DS_Store", "Thumbs.db", "nested"):
        assert name in text


def test_folder_errors_name_the_cause(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "nothing")
    with pytest.raises(DataError, match="no class folders"):
        load(tmp_path)
    folder(tmp_path / "x" / "test", {"a": 1})
    with pytest.raises(DataError, match="no train folder"):
        load(tmp_path / "x")
    folder(tmp_path / "x" / "train", {"b": 1})
    with pytest.raises(DataError, match="test has class 'a'"):
        load(tmp_path / "x")
    folder(tmp_path / "y" / "val", {"a": 1})
    folder(tmp_path / "y" / "valid", {"a": 1})
    with pytest.raises(DataError, match="both 'val' and 'valid'"):
        load(tmp_path / "y")
    (tmp_path / "words.txt").write_text("x")
    with pytest.raises(DataError, match=r"expected a folder or an \.npz"):
        load(tmp_path / "words.txt")


def test_size_crops_the_center_and_keeps_the_aspect(tmp_path: Path) -> None:
    image = np.zeros((40, 120, 3), np.uint8)
    image[:, 40:80] = 200
    (tmp_path / "a").mkdir()
    Image.fromarray(image).save(tmp_path / "a" / "wide.png")
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 0, 2))).save(
        tmp_path / "a" / "tall.png"
    )
    data = load(tmp_path, size=(10, 10))
    assert data.images.shape == (2, 10, 10, 3)
    # tall comes first by name; both equal Pillow's resize followed by a crop
    whole = np.asarray(Image.fromarray(image).resize((30, 10), Image.Resampling.BILINEAR))
    assert np.array_equal(data.images[1], whole[:, 10:20])
    assert np.array_equal(data.images[0], whole[:, 10:20].transpose(1, 0, 2))
    assert (data.images[1, :, 1:-1] == 200).all()
    with pytest.raises(DataError, match="give a size"):
        load(tmp_path)


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    image = np.zeros((64, 64), np.uint8)
    image[:, ::2] = 255
    (tmp_path / "a").mkdir()
    Image.fromarray(image).save(tmp_path / "a" / "stripes.png")
    small = load(tmp_path, size=(8, 8)).images
    assert np.abs(small.astype(int) - 127.5).max() < 20


def test_channels_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "train" / "a" / "1.png", 10, gray=True)
    write(tmp_path / "test" / "a" / "1.png", 20, gray=True)
    data = load(tmp_path)
    assert data.images.shape[3] == 1
    assert load(tmp_path, channels=3).images.shape[3] == 3
    assert load(tmp_path, channels=4).images.shape[3] == 4
    # one color image anywhere makes all parts RGB
    write(tmp_path / "test" / "a" / "2.png", 30)
    data = load(tmp_path)
    assert data.test is not None
    assert data.images.shape[3] == data.test.images.shape[3] == 3
    assert (data.images[0] == 10).all()
    assert load(tmp_path, channels=1).images.shape[3] == 1


def test_a_bad_file_stops_or_is_skipped_and_listed(tmp_path: Path) -> None:
    folder(tmp_path, {"a": 30, "b": 30})
    bad = tmp_path / "b" / "025.png"
    bad.write_bytes(bad.read_bytes()[:60])
    (tmp_path / "a" / "004.jpg").write_bytes(b"")
    (tmp_path / "a" / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    with pytest.raises(DataError, match=r"004\.jpg.*E101"):
        load(tmp_path)
    data = load(tmp_path, on_error="skip")
    assert [(Path(item.path).name, item.code) for item in data.problems] == [
        ("004.jpg", "E101"), ("photo.heic", "E109"), ("025.png", "E103")
    ]  # fmt: skip
    assert len(data) == 59
    assert data.counts().tolist() == [30, 29]
    assert data.paths is not None
    for image, path in zip(data.images, data.paths, strict=True):
        assert image[0, 0, 0] == 10 + int(Path(path).stem)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="no readable image is left in class 'c'"):
        load(tmp_path, on_error="skip")


def test_remarks_on_files_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.png", 10)
    (tmp_path / "a" / "1.png").rename(tmp_path / "a" / "1.jpg")
    assert [note.code for note in load(tmp_path).notes] == ["W209"]


def test_progress_counts_every_file(tmp_path: Path) -> None:
    folder(tmp_path, {"a": 20, "b": 13})
    seen: list[tuple[int, int]] = []
    load(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(at, 33) for at in range(34)]


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    folder(tmp_path, {"a": 40, "b": 40})
    first = load(tmp_path, threads=1)
    for threads in (2, 5):
        other = load(tmp_path, threads=threads)
        assert np.array_equal(first.images, other.images)
        assert first.paths == other.paths


def test_limit_per_class_leaves_the_test_part_whole(tmp_path: Path) -> None:
    folder(tmp_path / "train", {"a": 20, "b": 5})
    folder(tmp_path / "test", {"a": 9, "b": 9})
    data = load(tmp_path, limit_per_class=7)
    assert data.test is not None
    assert data.counts().tolist() == [7, 5]
    assert data.test.counts().tolist() == [9, 9]
    assert data.paths == load(tmp_path, limit_per_class=7).paths


def test_a_link_in_a_circle_is_no_class(tmp_path: Path) -> None:
    folder(tmp_path, {"a": 1})
    (tmp_path / "b").symlink_to(tmp_path / "b")
    data = load(tmp_path)
    assert data.classes == ("a",)
    assert any("'b'" in text for text in data.remarks)


@pytest.mark.skipif(os.geteuid() == 0, reason="every folder is readable for root")
def test_an_unreadable_class_folder_is_named(tmp_path: Path) -> None:
    folder(tmp_path, {"a": 1, "b": 1})
    (tmp_path / "b").chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path)


# --- digits, arguments, the value itself


def test_digits() -> None:
    sklearn_data = pytest.importorskip("sklearn.datasets")
    data = load("digits")
    assert data.images.shape == (1797, 8, 8, 1)
    raw = sklearn_data.load_digits().images
    table = [round(value * 255 / 16) for value in range(17)]
    assert data.images[..., 0].tolist() == np.take(table, raw.astype(int)).tolist()
    assert data.classes == tuple("0123456789")
    assert load("digits", limit_per_class=20).counts().tolist() == [20] * 10
    assert load("digits", size=(16, 16), channels=3).images.shape == (1797, 16, 16, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": (0, 8)}, {"size": 8}, {"size": (8, 8, 3)}, {"size": (True, 8)},
        {"size": (8.0, 8)}, {"size": (1 << 31, 8)}, {"limit_per_class": 0}, {"channels": 2},
        {"on_error": "ignore"}, {"threads": 0}, {"background": -1}, {"max_pixels": 0},
    ],
)  # fmt: skip
def test_illegal_arguments(arguments: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        load(tmp_path, **arguments)  # type: ignore[arg-type]


def test_unknown_argument_and_source() -> None:
    with pytest.raises(TypeError, match="sizes"):
        load("digits", sizes=(8, 8))  # type: ignore[call-arg]
    with pytest.raises(InputError, match="source"):
        load(7)  # type: ignore[arg-type]


def test_dataset_take_and_its_checks() -> None:
    images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    data = Dataset("x", images, np.array([0, 1, 0, 1]), ("a", "b"), paths=("p", "q", "r", "s"))
    part = data.take([3, 0])
    assert part.images.ravel().tolist() == [3, 0]
    assert part.labels.tolist() == [1, 0]
    assert part.paths == ("s", "p")
    assert len(data.take([])) == 0
    for bad in ([4], [-1], [0.5], [[0]], [True]):
        with pytest.raises(InputError, match="indices"):
            data.take(bad)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="labels"):
        Dataset("x", images, np.array([0, 1, 0, 2]), ("a", "b"))
    with pytest.raises(DataError, match="labels"):
        Dataset("x", images, np.array([0, 1, 0], np.int64), ("a", "b"))
    with pytest.raises(DataError, match="uint8"):
        Dataset("x", images / 2, np.array([0, 1, 0, 1]), ("a", "b"))
