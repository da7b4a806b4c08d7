"""What the checks of a data set find: planted copies, turned files, odd sizes, scarce classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from variegate.data import BadFile, Dataset, FileNote, load
from variegate.data.alike import alike, perceptual_hash, thumbnails
from variegate.data.health import check_files, check_images, file_facts

Pixels = npt.NDArray[np.uint8]


def scenes(count: int, side: int = 40, seed: int = 0) -> Pixels:
    """Made-up photographs: a few broad waves of color each."""
    generator = np.random.default_rng(seed)
    place = np.linspace(0, 1, side)
    x, y = np.meshgrid(place, place)
    out = np.zeros((count, side, side, 3))
    for image in out:
        for _ in range(6):
            a, b, shift = generator.uniform((-9, -9, 0), (9, 9, 6))
            image[:] += np.cos(a * x + b * y + shift)[..., None] * generator.uniform(0.2, 1, 3)
    low, high = out.min(axis=(1, 2, 3), keepdims=True), out.max(axis=(1, 2, 3), keepdims=True)
    return (255 * (out - low) / (high - low)).astype(np.uint8)


def as_set(images: Pixels, labels: object = None, classes: tuple[str, ...] = ("a", "b")) -> Dataset:
    own = np.arange(len(images)) % len(classes) if labels is None else np.asarray(labels, np.int64)
    return Dataset("made up", images, own, classes)


def test_the_hash_is_that_of_a_plain_cosine_transform() -> None:
    from scipy.fft import dctn

    small = thumbnails(scenes(3))
    for image, found in zip(small, perceptual_hash(small), strict=True):
        low = dctn(image.astype(np.float64), type=2)[:8, :8].ravel()
        bits = low > np.median(low[1:])
        assert int(found) == sum(1 << place for place in np.flatnonzero(bits).tolist())


def test_the_same_picture_is_found_again_compressed_or_smaller_and_no_other(
    tmp_path: Path,
) -> None:
    pictures = scenes(60)
    Image.fromarray(pictures[7]).save(tmp_path / "a.jpg", quality=60)
    with Image.open(tmp_path / "a.jpg") as opened:
        again = np.asarray(opened)
    smaller = np.asarray(Image.fromarray(pictures[11]).resize((30, 30)).resize((40, 40)))
    images = np.concatenate([pictures, again[None], smaller[None], pictures[3][None]])
    assert alike(images) == [(3, 62), (7, 60), (11, 61)]
    assert alike(np.zeros((4, 8, 8, 1), np.uint8)) == [], "flat images say nothing"
    assert alike(images[:0]) == []


def test_digits_look_alike_and_are_not_copies() -> None:
    # Two ones, 4 levels of 255 apart on the mean: a person would not tell them apart either.
    assert alike(load("digits").images) == [(1585, 1648)], "of 1.6 million pairs"


def test_copies_are_told_apart_by_where_they_lie() -> None:
    images = scenes(12)
    train = as_set(np.concatenate([images[:6], images[:1]]), [0, 1, 0, 1, 0, 1, 0])
    test = as_set(np.concatenate([images[6:], images[1:3]]), [0, 1, 0, 1, 0, 1, 1, 1])
    found = {c.kind: c for c in check_images({"train": train, "test": test})}
    assert found["leak"].severity == "error"
    assert found["leak"].examples == ("train[1] (b) = test[6] (b)",)
    assert found["contradiction"].examples == ("train[2] (a) = test[7] (b)",)
    assert found["copy"].examples == ("train[0] (a) = train[6] (a)",)
    assert "1 equal byte for byte" in found["copy"].text


def test_scarce_classes_and_flat_images_are_named() -> None:
    images = np.concatenate([scenes(44), np.full((1, 40, 40, 3), 7, np.uint8)])
    train = as_set(images, [0] * 41 + [1] * 4)
    found = {c.kind: c for c in check_images({"train": train})}
    assert "'b' has 4 training images, 'a' 41: 1 to 10" in found["balance"].text
    assert found["few"].examples == ("b: 4",)
    assert found["flat"].examples == ("train[44] (b)",)
    even = as_set(scenes(40), [0, 1] * 20)
    assert check_images({"train": even}) == []


def test_files_are_judged_by_size_and_orientation(tmp_path: Path) -> None:
    for number in range(10):
        Image.fromarray(scenes(1, seed=number)[0]).save(tmp_path / f"{number}.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(scenes(1)[0]).save(tmp_path / "turned.jpg", exif=turned)
    Image.fromarray(scenes(1)[0][:18]).save(tmp_path / "wide.png")
    Image.fromarray(scenes(1)[0][:9, :9]).save(tmp_path / "tiny.png")
    (tmp_path / "bad.png").write_bytes(b"nothing")
    facts = file_facts(sorted(str(path) for path in tmp_path.iterdir()))
    assert len(facts) == 13
    bad = [BadFile("x/bad.png", "E102", "not an image")]
    notes = [FileNote("x/0.jpg", "W201", "the end mark is missing")]
    found = {c.kind: c for c in check_files(bad, notes, facts)}
    assert {kind: c.count for kind, c in found.items()} == {
        "corrupt": 1,
        "remark": 1,
        "orientation": 1,
        "aspect": 1,
        "small": 1,
    }
    assert found["corrupt"].severity == "error"
    assert "1 x E102" in found["corrupt"].text
    assert found["orientation"].examples[0].endswith("turned.jpg: orientation 6")
    assert found["aspect"].examples[0].endswith("wide.png: 40 x 18")
    assert check_files([], [], facts[:8]) == []


def test_a_turned_file_has_the_aspect_that_it_is_seen_with(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 8
    for number in range(4):
        Image.fromarray(scenes(1)[0][:20]).save(tmp_path / f"{number}.jpg")
    Image.fromarray(scenes(1)[0][:, :20]).save(tmp_path / "t.jpg", exif=turned)
    facts = file_facts(sorted(str(path) for path in tmp_path.iterdir()))
    assert [c.kind for c in check_files([], [], facts)] == ["orientation"]
