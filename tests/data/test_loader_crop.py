"""Decoding only what a crop needs: fewer rows change nothing, a smaller scale changes little."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import variegate as vg
from tests.data import odd_files as odd
from tests.data.loader_files import cropping, flat, write_jpegs
from variegate.data import decode_bytes, decode_file
from variegate.data.crop import needs
from variegate.data.jpeg_fast import FACTORS, decode_part, rows_to_decode
from variegate.data.jpeg_frame import read_frame
from variegate.plan.lower import lower
from variegate.testing.pictures import scenes

LIMIT = 1 << 26
KINDS: dict[str, dict[str, Any]] = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "restarts": {"subsampling": 2, "restart_marker_rows": 1},
    "progressive": {"progressive": True},
    "red green blue": {"keep_rgb": True},
}


def picture(height: int, width: int) -> Image.Image:
    noise = np.random.default_rng(1).normal(0, 4, (height, width, 3))
    values = scenes(1, (height, width), 3, seed=2)[0] + noise
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def jpeg(height: int = 101, width: int = 143, **options: Any) -> bytes:
    out = io.BytesIO()
    picture(height, width).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def part(data: bytes, factor: int, rows: int) -> np.ndarray:
    frame = read_frame(data, LIMIT)
    buffer = np.full(frame.height * frame.width * 3, 77, dtype=np.uint8)
    return decode_part(data, frame, 3, factor, rows, buffer).copy()


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_rows_are_exact(kind: str) -> None:
    data = jpeg(**KINDS[kind])
    frame = read_frame(data, LIMIT)
    full = decode_bytes(data).image
    np.testing.assert_array_equal(part(data, 1, frame.height), full)
    counts = []
    for rows in range(1, frame.height + 1):
        counts.append(rows_to_decode(frame, rows))
        np.testing.assert_array_equal(part(data, 1, counts[-1])[:rows], full[:rows])
    fewer = sum(count < frame.height for count in counts)
    assert fewer == {"4:2:0": 80, "restarts": 80, "progressive": 0}.get(kind, 88)


def test_a_scan_in_several_parts_is_decoded_whole() -> None:
    frame = read_frame(jpeg(progressive=True), LIMIT)
    assert not frame.in_order
    assert rows_to_decode(frame, 3) == 101


@pytest.mark.parametrize("factor", FACTORS)
def test_scaled_decoding_is_near_the_mean_of_blocks(factor: int) -> None:
    data = jpeg(96, 160)
    full = decode_bytes(data).image.astype(float)
    blocks = full.reshape(96 // factor, factor, 160 // factor, factor, 3).mean(axis=(1, 3))
    found = part(data, factor, 96)
    assert found.shape == blocks.shape
    assert np.abs(found - blocks).mean() < 1.5


def program_needs(steps: list[Any], size: tuple[int, int], count: int = 200) -> Any:
    plan = vg.Pipeline(steps, seed=1).draw(sizes=[size] * count, index=range(count))
    program = lower(plan, np.uint8, 3)
    return plan, needs(program.stages[0], True)


def seen_rows(steps: list[Any], size: tuple[int, int], count: int) -> list[int]:
    """How many rows of each image show in the result, by changing the rows below."""
    pipe = vg.Pipeline(steps, seed=1, engine="native")
    dark, found = np.zeros((*size, 3), dtype=np.uint8), []
    for index in range(count):
        base = pipe(images=[dark], index=[index])["images"][0]
        low, high = 0, size[0]
        while low < high:
            middle = (low + high) // 2
            bright = dark.copy()
            bright[middle:] = 255
            same = np.array_equal(pipe(images=[bright], index=[index])["images"][0], base)
            low, high = (low, middle) if same else (middle + 1, high)
        found.append(low)
    return found


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic"])
def test_rows_cover_what_shows(resample: str) -> None:
    crop = vg.RandomResizedCrop(size=(20, 30), resample=resample)
    steps = [crop, vg.HorizontalFlip(), vg.VerticalFlip(), vg.Brightness()]
    _, need = program_needs(steps, (120, 100), 30)
    shown = np.array(seen_rows(steps, (120, 100), 30))
    assert np.all(need.rows >= shown)
    assert np.all(need.rows <= shown + 25)
    assert need.rows.min() < 60


def test_all_rows_where_pixels_come_first_or_lines_turn() -> None:
    crop = vg.RandomResizedCrop(size=(20, 30))
    for steps in (
        [vg.Contrast(), crop],
        [crop, vg.Rotate(angle=(5, 10))],
        [vg.TranslateY(fraction=(0.1, 0.2)), vg.Brightness()],
        [vg.Brightness()],
    ):
        _, need = program_needs(steps, (120, 100), 20)
        assert need.rows.tolist() == [120] * 20
        assert need.factor.tolist() == [1] * 20


def test_factor_leaves_half_as_much_again() -> None:
    for side, factor in [(134, 1), (133, 2), (67, 2), (66, 4), (34, 4), (33, 8), (5, 8)]:
        _, need = program_needs([vg.Resize(size=(side, side))], (400, 400), 2)
        assert need.factor.tolist() == [factor] * 2
    for steps in (
        [vg.Resize(size=(20, 20), antialias=False)],
        [vg.Resize(size=(20, 20), resample="nearest")],
        [vg.Resize(size=(20, 399))],
    ):
        _, need = program_needs(steps, (400, 400), 2)
        assert need.factor.tolist() == [1, 1]


def test_scaled_decoding_stays_near_the_full_one(tmp_path: Path) -> None:
    paths = []
    for number, (height, width) in enumerate([(400, 501), (603, 403), (517, 700)]):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(jpeg(height, width))
        paths.append(path)
    steps = [vg.RandomResizedCrop(size=(48, 56)), vg.HorizontalFlip()]
    pipe = vg.Pipeline(steps, seed=5)
    full = vg.Loader(paths, pipe, 3, shuffle=False, scaled_decode=False)
    fast = vg.Loader(paths, pipe, 3, shuffle=False)
    errors = []
    for _ in range(6):
        for one, other in zip(full, fast, strict=True):
            errors.append(np.abs(one["images"].astype(int) - other["images"]))
    assert 0 < np.mean(errors) < 0.5
    assert np.max(errors) <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, tmp_path: Path) -> None:
    data = odd.after_soi(jpeg(), odd.segment(0xE1, odd.exif(orientation)))
    path = tmp_path / "turned.jpg"
    path.write_bytes(data)
    upright = decode_file(path).image
    assert upright.shape[:2] == ((143, 101) if orientation >= 5 else (101, 143))
    for scaled in (False, True):
        loader = vg.Loader([path] * 5, cropping(), 5, scaled_decode=scaled, shuffle=False)
        for epoch in range(2):
            (batch,) = loader
            wanted = cropping()(images=[upright] * 5, index=range(5), epoch=epoch)["images"]
            exact = not scaled or orientation != 1
            assert np.array_equal(batch["images"], wanted) == exact


def test_without_simplejpeg_the_result_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_jpegs(tmp_path, 8)
    fast = flat(vg.Loader(paths, cropping(), 4, scaled_decode=False))
    monkeypatch.setattr("variegate.data.jpeg_fast._library", lambda: None)
    assert flat(vg.Loader(paths, cropping(), 4)) == fast
