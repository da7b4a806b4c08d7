"""Cases, inputs, two processes, the exact rotation and code by hand."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from variegate.bench.accuracy import errors, rotated
from variegate.bench.peers import hand, inputs, variegate_peer
from variegate.bench.peers.cases import NEEDS_BATCH, OPS, SUITES, Case, cases
from variegate.bench.peers.run import Halves, one_by_one
from variegate.bench.runner import KNOWN
from variegate.errors import DataError


@pytest.fixture(autouse=True)
def forks_are_wanted() -> Iterator[None]:
    """Newer Pythons warn where a process with threads forks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def test_ids_are_unique_and_quick_is_a_part() -> None:
    every = [case.id for suite in SUITES for case in cases(suite)]
    assert len(every) == len(set(every))
    assert every.count("ops/Rotate/224x224/64") == 1
    few = {case.id for suite in ("ops", "pipelines", "limits") for case in cases(suite, True)}
    assert few < set(every)


def test_mixing_has_no_single_images() -> None:
    single = {case.name for case in cases("ops") if case.batch == 1}
    assert set(OPS) - single == set(NEEDS_BATCH)


def test_variegate_has_every_case() -> None:
    kinds = {case.kind for suite in SUITES for case in cases(suite)}
    assert kinds == set(variegate_peer.MAKERS)


def test_the_loader_s_case_decodes_every_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VARIEGATE_BENCH_FILES", str(tmp_path))
    numbers = {case.name: case.arguments for case in cases("files", True)}["Classify"]
    made = {
        name: variegate_peer.MAKERS[f"files/{name}"](
            Case("files", name, 48, 64, 6, 2, "", {**numbers, "size": 24})
        )
        for name in ("Classify", "DecodeParts")
    }
    decoded = made["DecodeParts"].call()
    made["DecodeParts"].close()
    assert decoded == made["Classify"].call() == 6
    next(tmp_path.rglob("*.jpg")).write_bytes(b"")
    with pytest.raises(DataError):
        made["Classify"].call()


def test_every_library_has_its_module() -> None:
    folder = Path(inputs.__file__).parent
    assert {path.name.removesuffix("_peer.py") for path in folder.glob("*_peer.py")} == set(KNOWN)


@pytest.mark.parametrize("name", [*OPS])
def test_every_op_does_something(name: str) -> None:
    case = Case("ops", name, 32, 32, 4, 1, "", OPS[name][0])
    run = variegate_peer.MAKERS[case.kind](case)
    before, after = inputs.of(case), np.asarray(run.call())
    assert len(after) == 4
    assert after.shape != before.shape or not np.array_equal(after, before)


def test_pictures_are_the_same_again_and_full_of_values() -> None:
    first, again = inputs.pictures(3, 32, 48), inputs.pictures(3, 32, 48)
    assert np.array_equal(first, again)
    assert (first.shape, first.dtype) == ((3, 32, 48, 3), np.uint8)
    assert all(len(np.unique(image)) > 100 for image in first)
    assert not np.array_equal(first[0], first[1])


def test_annotations_lie_in_the_picture() -> None:
    boxes, points = inputs.boxes(200, 224), inputs.keypoints(20, 224)
    assert boxes.shape == (200, 4)
    assert points.shape == (20, 2)
    assert boxes.min() >= 0
    assert boxes.max() <= 224
    assert points.min() >= 0
    assert points.max() <= 224
    assert (boxes[:, 2:] - boxes[:, :2]).min() >= 7.9
    assert inputs.mask(64).mean() == pytest.approx(np.pi / 9, rel=0.02)


def test_jpeg_files_are_as_promised_and_written_once(tmp_path: Path) -> None:
    paths = inputs.jpeg_files(tmp_path, 5, 40, 60)
    times = [path.stat().st_mtime_ns for path in paths]
    assert inputs.jpeg_files(tmp_path, 5, 40, 60) == paths
    assert [path.stat().st_mtime_ns for path in paths] == times
    with Image.open(paths[0]) as image:
        assert (image.format, image.size, image.mode) == ("JPEG", (60, 40), "RGB")
        assert image.layer[1][1:3] == (1, 1)
        assert image.layer[0][1:3] == (2, 2)


def test_two_processes_do_what_one_does() -> None:
    images = list(inputs.pictures(5, 8, 8))
    halves = Halves(lambda image: image[::-1], images, 2)
    first = halves.call().copy()
    halves.out[:] = 0
    second = halves.call().copy()
    children = [child for child, _, _ in halves._children]
    halves.close()
    assert np.array_equal(first, np.stack(images)[:, ::-1])
    assert np.array_equal(second, first)
    assert len(set(children)) == 2
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_failure_in_a_process_is_told() -> None:
    images = [np.zeros(3), np.ones(3)]
    halves = Halves(lambda image: image / (1 - int(image[0])), images, 2)
    with pytest.raises(RuntimeError, match="the work failed in it"):
        halves.call()
    halves.close()


def test_one_thread_is_a_loop() -> None:
    images = [np.zeros(2), np.ones(2)]
    loop = one_by_one(Case("ops", "x", 1, 2, 2, 1, ""), lambda image: image + 1, images)
    only = one_by_one(Case("ops", "x", 1, 2, 1, 1, ""), lambda image: image + 1, images)
    assert [image.tolist() for image in loop.call()] == [[1, 1], [2, 2]]
    assert only.call().tolist() == [1, 1]


def test_the_exact_rotation() -> None:
    images = inputs.pictures(2, 9, 9)
    same, inside = rotated(images, 0.0)
    assert np.array_equal(same[:, inside], images[:, inside])
    assert inside.sum() == 64  # the last row and column have no neighbor
    quarter, inside = rotated(images, 90.0)
    turned = np.rot90(images, axes=(1, 2))
    assert np.abs(quarter - turned)[:, inside].max() < 1e-9


def test_the_exact_rotation_of_one_pixel_by_hand() -> None:
    image = np.zeros((1, 3, 3, 1), np.uint8)
    image[0, 1, 2] = 100  # one to the right of the center
    turned, _ = rotated(image, 30.0)
    # The center stays; the pixel above it takes its value from (1 - sin 30, 1 - cos 30).
    assert turned[0, 1, 1, 0] == 0
    # (2, 1) comes from x = 1 + cos 30 = 1.866, y = 1 + sin 30 = 1.5: 0.866 across, half down.
    assert turned[0, 1, 2, 0] == pytest.approx(100 * np.cos(np.pi / 6) * 0.5)


def test_errors_are_those_of_the_pixels_inside() -> None:
    exact = np.array([[[0.0], [1.5]], [[2.0], [100.0]]])[None]
    inside = np.array([[True, True], [True, False]])
    result = np.array([[[0], [1]], [[3], [0]]], np.uint8)[None]
    assert errors(result, exact, inside) == {"mean": 0.5, "greatest": 1.0}


def test_a_drawn_crop_has_the_area_and_shape_asked_for() -> None:
    draws = hand.Draws(3)
    places = [hand.crop_place(draws, 300, 400, (0.2, 0.5), (0.75, 4 / 3)) for _ in range(200)]
    top, left, high, wide = np.array(places).T
    shares = high * wide / (300 * 400)
    assert shares.min() > 0.19
    assert shares.max() < 0.51
    assert np.ptp(shares) > 0.2
    assert (wide / high).min() > 0.74
    assert (wide / high).max() < 1.35
    assert (top + high).max() <= 300
    assert (left + wide).max() <= 400
    assert np.ptp(top) > 50
    assert np.ptp(left) > 50


def test_rand_augment_by_hand_draws_all_ops_and_both_signs() -> None:
    seen: list[tuple[str, float]] = []
    names = hand.levels_of({"magnitude": 9})
    ops = {name: lambda image, v, name=name: seen.append((name, v)) for name in names}
    work = hand.rand_augment(ops, {"num_ops": 3, "magnitude": 9})
    for _ in range(300):
        work(None)
    assert len(seen) == 900
    assert {name for name, _ in seen} == set(names)
    assert {round(v, 9) for name, v in seen if name == "Rotate"} == {9.0, -9.0}
    assert {v for name, v in seen if name == "Posterize"} == {7}


def test_a_batch_mixed_by_hand_keeps_its_range() -> None:
    images = inputs.pictures(4, 16, 16)

    def blend(a: object, b: object, weight: float, out: object) -> None:
        out[:] = np.rint(a * weight + b * (1 - weight))  # type: ignore[index, operator]

    mixed = hand.mix_batch(images, hand.Draws(1), 1.0, blend)
    assert mixed.shape == images.shape
    assert mixed.min() >= images.min()
    assert mixed.max() <= images.max()
    assert all(not np.array_equal(mixed[i], images[i]) for i in range(4))
