"""One image file in, one array or one named error out."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from tests.data import odd_files as odd
from variegate.data import decode_bytes, decode_file
from variegate.data.codes import ERRORS
from variegate.data.decode import MAX_TOGETHER, read_file, read_files
from variegate.engine import compiled
from variegate.errors import DataError, InputError

FILES = {item.name: item for item in odd.odd_files()}


def test_the_table_is_large_enough() -> None:
    assert len(FILES) >= 100
    assert len(FILES) == len(odd.odd_files()), "a name stands twice"
    found = {item.error for item in FILES.values()}
    assert {f"E{code}" for code in range(101, 111)} <= found


@pytest.mark.parametrize("name", [name for name, item in FILES.items() if item.error])
def test_bad_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name].data)
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        decode_file(path)
    assert time.monotonic() - started < 10
    assert caught.value.code == FILES[name].error, str(caught.value)
    assert caught.value.path == str(path)
    text = str(caught.value)
    assert str(path) in text
    assert caught.value.code in text
    assert ";" in text, "the next step is missing"


@pytest.mark.parametrize("name", [name for name, item in FILES.items() if not item.error])
def test_odd_but_readable_file(name: str, tmp_path: Path) -> None:
    item = FILES[name]
    path = tmp_path / name
    path.write_bytes(item.data)
    started = time.monotonic()
    decoded = decode_file(path)
    assert time.monotonic() - started < 10
    image = decoded.image
    assert image.dtype == np.uint8
    assert image.shape == item.shape
    assert tuple(note.code for note in decoded.notes) == item.notes
    assert image.mean() == pytest.approx(image.mean() if item.mean is None else item.mean, abs=2)
    other = image if item.like is None else decode_bytes(FILES[item.like].data).image
    assert np.abs(image.astype(int) - other).mean() < 1
    assert image.std() > 5 or image.size <= 3 or "W204" in item.notes, "a constant image"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    upright = odd.scene(40, 24)
    upright[:10, :8] = (255, 0, 0)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    data = odd.oriented(upright)[kind](np.ascontiguousarray(stored), orientation)
    image = decode_bytes(data).image
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < (3 if kind == "JPEG" else 0.001)


@pytest.mark.parametrize("color", [0, 2, 4, 6])
@pytest.mark.parametrize("kind", range(5))
def test_sixteen_bits_are_divided_by_257(color: int, kind: int) -> None:
    # each PNG filter in turn: the byte lanes are filtered one by one
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    values = np.random.Generator(np.random.PCG64(3)).integers(0, 65536, (9, 7, channels))
    values[0, 0], values[-1, -1] = 0, 65535
    if color in (4, 6):
        values[..., -1] = 65535
    rows = _filtered(values.astype(">u2"), kind)
    image = decode_bytes(odd.png(7, 9, 16, color, rows)).image
    expected = np.rint(values / 257).astype(np.uint8)
    assert np.array_equal(image, expected[..., : 3 if channels > 2 else 1])


def _filtered(values: np.ndarray, kind: int) -> bytes:
    """Filter rows of a 16-bit PNG as its specification says (section 9)."""
    height, _, channels = values.shape
    rows = np.frombuffer(values.tobytes(), np.uint8).reshape(height, -1).astype(int)
    step, out = channels * 2, bytearray()
    above = np.zeros(rows.shape[1], int)
    for row in rows:
        left = np.concatenate([np.zeros(step, int), row[:-step]])
        corner = np.concatenate([np.zeros(step, int), above[:-step]])
        guess = left + above - corner
        near = np.stack([abs(guess - left), abs(guess - above), abs(guess - corner)]).argmin(0)
        paeth = np.choose(near, [left, above, corner])
        part = [0 * row, left, above, (left + above) // 2, paeth][kind]
        out += bytes([kind]) + ((row - part) % 256).astype(np.uint8).tobytes()
        above = row
    return bytes(out)


@pytest.mark.parametrize(("name", "reason"), [("pgm", "P5"), ("png", "PNG")])
def test_a_gray16_ramp_is_monotone(name: str, reason: str) -> None:
    image = decode_bytes(FILES[f"gray16.{name}"].data).image.ravel()
    assert image[0] == 0, reason
    assert image[-1] == 255
    assert (np.diff(image.astype(int)) >= 0).all()
    assert len(np.unique(image)) == 256


def test_transparency_is_flattened_on_the_background_or_kept() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 100, 0, 255)
    pixels[0, 1] = (200, 100, 0, 51)
    data = odd.save(pixels, "PNG")
    white, black = decode_bytes(data).image, decode_bytes(data, background=0).image
    assert white[0].tolist() == [[200, 100, 0], [244, 224, 204]]
    assert black[0].tolist() == [[200, 100, 0], [40, 20, 0]]
    assert np.array_equal(decode_bytes(data, channels=4).image, pixels)
    assert not decode_bytes(data, channels=4).notes
    assert decode_bytes(data, channels=1).image.shape == (2, 2, 1)
    keyed = odd.save(Image.fromarray(pixels[..., 0]), "PNG", transparency=200)
    assert decode_bytes(keyed).image[..., 0].tolist() == [[255, 255], [0, 0]]


def test_channels() -> None:
    gray = odd.save(odd.scene()[..., 0], "PNG")
    three = decode_bytes(gray, channels=3).image
    assert three.shape == (48, 64, 3)
    assert (three == three[..., :1]).all()
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert decode_bytes(odd.save(red, "PNG")).image[0, 0].tolist() == [255, 0, 0]
    assert decode_bytes(odd.save(red, "PNG"), channels=1).image[0, 0].tolist() == [76]


def test_a_flat_gray_jpeg_is_a_picture() -> None:
    # it ends in mid gray like a cut file, but nothing is missing
    for size in ((48, 64), (47, 63), (8, 8), (1, 1)):
        for options in ({}, {"progressive": True}, {"restart_marker_blocks": 1}):
            data = odd.save(np.full((*size, 3), 128, np.uint8), "JPEG", **options)
            assert decode_bytes(data).image.shape == (*size, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(9, 90), st.integers(9, 90), st.integers(17, 200), st.sampled_from([0, 1, 2]))
def test_missing_rows_are_always_seen(height: int, width: int, more: int, sampling: int) -> None:
    data = odd.save(odd.scene(height, width), "JPEG", subsampling=sampling)
    assert decode_bytes(data).image.shape == (height, width, 3)
    with pytest.raises(DataError, match="E103"):
        decode_bytes(odd.patch_sof(data, height=height + more))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_never_crash(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name].data[:20_000])
    for _ in range(data.draw(st.integers(0, 8))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for part in (bytes(content), bytes(content[:cut])):
        try:
            image = decode_bytes(part, max_pixels=1_000_000).image
        except DataError as error:
            found = error.code
        else:
            found = str(image.dtype)
        assert found == "uint8" or found in ERRORS


@pytest.mark.parametrize("name", ["good.jpg", "good.png", "plain.gif", "lossless.webp"])
def test_truncation_at_every_step_is_seen(name: str) -> None:
    data = FILES[name].data
    whole = decode_bytes(data).image
    for cut in range(0, len(data), 23):
        try:
            image = decode_bytes(data[:cut]).image
        except DataError:
            continue
        assert np.array_equal(image, whole), f"cut at {cut} of {len(data)}"


def test_no_regular_file(tmp_path: Path) -> None:
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    dangling = tmp_path / "dangling.jpg"
    dangling.symlink_to(tmp_path / "nothing.jpg")
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    for path in (folder, dangling, pipe, tmp_path / "none.jpg"):
        with pytest.raises(DataError) as caught:
            decode_file(path)
        assert caught.value.code == "E111"
    sparse = tmp_path / "sparse.jpg"
    with sparse.open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(DataError, match="E105"):
        decode_file(sparse)


@pytest.mark.parametrize("each", [1, 7, 50, 51, 52, 1000])
@pytest.mark.parametrize("told", [0, 20, 50, 90])
def test_a_file_is_read_to_its_end(
    told: int, each: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever size was told for it, and however much the system gives at a time."""
    path, read, state = tmp_path / "file", os.read, os.fstat
    path.write_bytes(bytes(range(50)))
    monkeypatch.setattr(os, "read", lambda file, most: read(file, min(most, each)))
    monkeypatch.setattr(
        os, "fstat", lambda file: os.stat_result((*state(file)[:6], told, *state(file)[7:10]))
    )
    assert read_file(str(path)) == bytes(range(50))


def test_only_ordinary_files_are_read_together(tmp_path: Path) -> None:
    names = ("plain", "empty", "größer \n", "folder", "pipe", "large", "missing")
    paths = [tmp_path / name for name in names]
    for path, content in zip(paths[:3], (b"\xff\0\n" * 70_000, b"", b"1"), strict=True):
        path.write_bytes(content)
    paths[3].mkdir()
    os.mkfifo(paths[4])
    with paths[5].open("wb") as file:
        file.truncate(MAX_TOGETHER + 1)
    given = [str(path) for path in paths]
    found = read_files([*given, str(paths[0]) + "\0"])
    together = [path.read_bytes() for path in paths[:3]]
    assert found[3:] == [None] * 5
    assert read_files([given[0], "\ud800"]) == [None] * 2
    assert found[:3] in (together, [None] * 3)
    assert (found[0] is None) == (not compiled.available() or os.name == "nt")
    for path, own in zip(given, read_files(given), strict=True):
        assert own is None or own == read_file(path)


def test_a_path_with_control_characters_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b]0;title\x07.jpg"
    path.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        decode_file(path)
    assert "\x1b" not in str(caught.value)


def test_pixel_limit() -> None:
    data = FILES["good.png"].data
    assert decode_bytes(data, max_pixels=48 * 64).image.shape == (48, 64, 3)
    with pytest.raises(DataError, match="E105"):
        decode_bytes(data, max_pixels=48 * 64 - 1)


def test_the_truncation_switch_of_pillow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(DataError, match="LOAD_TRUNCATED_IMAGES"):
        decode_bytes(FILES["good.jpg"].data)


@pytest.mark.parametrize("arguments", [{"channels": 2}, {"background": 300}])
def test_illegal_arguments(arguments: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        decode_bytes(FILES["good.jpg"].data, **arguments)
