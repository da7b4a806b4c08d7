"""MNIST idx and .npz files, whole and damaged."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from variegate.data import load
from variegate.errors import DataError


def write(path: Path, value: int, size: tuple[int, int] = (20, 30), gray: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if gray else (*size, 3)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


# --- idx


def write_idx(path: Path, array: np.ndarray, kind: int = 8) -> None:
    head = bytes((0, 0, kind, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def idx_folder(root: Path, end: str) -> tuple[np.ndarray, np.ndarray]:
    images = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)
    labels = np.array([3, 1, 3, 1, 7, 7], np.uint8)
    write_idx(root / f"train-images-idx3-ubyte{end}", images)
    write_idx(root / f"train-labels-idx1-ubyte{end}", labels)
    write_idx(root / f"t10k-images-idx3-ubyte{end}", images[:3])
    write_idx(root / f"t10k-labels-idx1-ubyte{end}", labels[:3])
    return images, labels


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx(tmp_path: Path, end: str) -> None:
    images, labels = idx_folder(tmp_path, end)
    data = load(tmp_path)
    assert np.array_equal(data.images[..., 0], images)
    assert data.classes == ("1", "3", "7")
    assert [int(data.classes[at]) for at in data.labels] == labels.tolist()
    assert data.test is not None
    assert data.test.labels.tolist() == [1, 0, 1]


def test_idx_errors(tmp_path: Path) -> None:
    images, labels = idx_folder(tmp_path, "")
    path = tmp_path / "train-images-idx3-ubyte"
    good = path.read_bytes()
    for content, text in (
        (good[:-5], "115 of 120"),
        (good + b"x", "more of 120"),
        (good[:9], "inside the header"),
        (b"\x89PNG" + good, "no idx file"),
        (b"", "no idx file"),
        (bytes((0, 0, 8, 3)) + b"\xff" * 12, "machine has"),
        (gzip.compress(good)[:40], "cannot be read"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=text):
            load(tmp_path)
    write_idx(path, images.astype(np.float32), kind=0x0D)
    with pytest.raises(DataError, match="0x0d"):
        load(tmp_path)
    path.write_bytes(good)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels[:4])
    with pytest.raises(DataError, match="4 labels for 6 images"):
        load(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="train labels"):
        load(tmp_path)


# --- npz


def test_npz_layouts(tmp_path: Path) -> None:
    images = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
    labels = np.array([[0], [1], [0], [1]], np.uint8)
    for names in (("train_images", "train_labels"), ("x", "y"), ("x_train", "y_train")):
        np.savez(tmp_path / "a.npz", **{names[0]: images, names[1]: labels})
        data = load(tmp_path / "a.npz")
        assert data.images.shape == (4, 3, 3, 1)
        assert data.labels.tolist() == [0, 1, 0, 1]
    np.savez(
        tmp_path / "b.npz", train_images=images, train_labels=labels, val_images=images[:2],
        val_labels=labels[:2], test_images=images[1:], test_labels=labels[1:],
        classes=np.array(["no", "yes"]),
    )  # fmt: skip
    data = load(tmp_path / "b.npz", size=(6, 6), channels=3)
    assert data.classes == ("no", "yes")
    assert data.test is not None
    assert data.validation is not None
    assert data.test.images.shape == (3, 6, 6, 3)
    assert data.validation.labels.tolist() == [0, 1]


def test_npz_tracks_become_groups_unique_over_classes(tmp_path: Path) -> None:
    labels = np.repeat([0, 1, 2], 4)
    tracks = np.tile([0, 0, 1, 1], 3)
    images = np.zeros((12, 2, 2, 3), np.uint8)
    np.savez(tmp_path / "t.npz", train_images=images, train_labels=labels, train_tracks=tracks)
    groups = load(tmp_path / "t.npz").groups
    assert groups is not None
    assert groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_npz_of_packed_files(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("test", 2)):
        files = []
        for at in range(count):
            write(tmp_path / "x.png", 20 * at)
            files.append((tmp_path / "x.png").read_bytes())
        if part == "train":
            files[3] = files[3][:50]
        np.savez(
            tmp_path / f"p_{part}_jpeg.npz",
            bytes=np.frombuffer(b"".join(files), np.uint8),
            offsets=np.cumsum([0, *map(len, files)]),
            labels=np.arange(count) % 2,
            classes=np.array(["even", "odd"]),
        )
    path = tmp_path / "p_train_jpeg.npz"
    with pytest.raises(DataError, match=r"p_train_jpeg.npz\[3\]'.*E103"):
        load(path)
    data = load(path, on_error="skip")
    assert data.images[:, 0, 0, 0].tolist() == [0, 20, 40, 80, 100]
    assert data.labels.tolist() == [0, 1, 0, 0, 1]
    assert [item.code for item in data.problems] == ["E103"]
    assert data.test is not None
    assert len(data.test) == 2


class _Trap:
    """An object whose unpickling would be seen."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("trapped",)


def test_npz_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.npz"
    good = np.zeros((4, 3, 3), np.uint8)
    label = np.arange(4)
    trap = np.array([_Trap()], dtype=object)
    cases: list[tuple[dict[str, np.ndarray], str]] = [
        ({"x": trap, "y": label}, "never loaded"),
        ({"x": good.astype(np.float32), "y": label}, "expected uint8"),
        ({"x": good, "y": label[:3]}, "3 labels for 4 images"),
        ({"x": good, "y": label - 1}, "label -1"),
        ({"x": good, "y": label / 2}, "whole numbers"),
        ({"x": good, "y": np.eye(4, dtype=int)}, "labels \\(n,\\)"),
        ({"x": good[0], "y": label}, "expected \\(n, h, w\\)"),
        ({"x": good[:, :0], "y": label}, "expected \\(n, h, w\\)"),
        ({"x": np.zeros((4, 3, 20, 20), np.uint8), "y": label}, "channels last"),
        ({"x": good[:0], "y": label[:0]}, "no training images"),
        ({"pictures": good}, "no images and labels among"),
        ({"x": good, "y": label, "classes": np.array(["a", "b"])}, "expected 0 to 1"),
        ({"x": good, "y": label, "classes": np.array(["a"] * 4)}, "stands twice"),
        (
            {"x_train": good, "y_train": label, "x_test": good, "y_test": label + 1},
            "test has label 4",
        ),
    ]
    for arrays, text in cases:
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=text):
            load(path)
    assert not (tmp_path / "trapped").exists()
    np.savez(path, x=good, y=label)
    content = path.read_bytes()
    for cut in range(0, len(content), 97):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"a\.npz"):
            load(path)


def test_npz_whose_header_lies_takes_no_memory(tmp_path: Path) -> None:
    head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 9, 9), }\n"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"12"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", member)
    with pytest.raises(DataError, match="the file is shorter"):
        load(tmp_path / "a.npz")
