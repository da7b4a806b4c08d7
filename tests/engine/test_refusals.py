"""Stages that cannot be carried out: a declared error before anything is written, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.engine.build import make_image, make_stage, random_tables
from tests.engine.build_mixes import lay
from tests.engine.checks import check_equal, native
from variegate.errors import EngineError
from variegate.ops.entries import NoiseMode
from variegate.plan.program import Stage, Verb

SEED = 11
Change = Callable[[Stage], Stage]


def one_of_each() -> tuple[Stage, list[Any]]:
    """A legal stage with every verb, and its image."""
    seed = np.random.default_rng(SEED)
    tables = random_tables(seed, (12, 10), np.uint8, 4)
    matrix, mode = tables.warp_matrix.copy(), tables.warp_mode.copy()
    matrix[0], mode[0] = np.eye(3).ravel() * (1.5, 1, 1, 1, 1.5, 1, 1, 1, 1), (1, 1, 1, -1)
    tables = replace(tables, warp_matrix=matrix, warp_mode=mode)
    images = [make_image(seed, (12, 10), 3, np.uint8)]
    run = [(verb, 0) for verb in Verb if verb not in (Verb.LUMA, Verb.CODEC)]
    return make_stage([run], tables, images), images


def changed(name: str, place: Any, value: Any) -> Change:
    """Sets one number of a table."""

    def change(stage: Stage) -> Stage:
        table = getattr(stage.tables, name).copy()
        table[place] = value
        return replace(stage, tables=replace(stage.tables, **{name: table}))

    return change


def other(name: str, work: Callable[[Any], Any]) -> Change:
    """Replaces a whole table."""

    def change(stage: Stage) -> Stage:
        table = work(getattr(stage.tables, name))
        return replace(stage, tables=replace(stage.tables, **{name: table}))

    return change


def part(name: str, work: Callable[[Any], Any]) -> Change:
    """Replaces one of the stage's own arrays."""
    return lambda stage: replace(stage, **{name: work(getattr(stage, name))})


def at(place: int, value: int) -> Callable[[Any], Any]:
    """Sets one number of an array."""

    def work(array: Any) -> Any:
        array = array.copy()
        array[place] = value
        return array

    return work


BAD: dict[str, Change] = {
    "no such verb": part("verb", at(0, 99)),
    "a negative verb": part("verb", at(0, -1)),
    "verbs of another dtype": part("verb", lambda a: a.astype(np.int64)),
    "no such row": part("row", at(2, 4)),
    "a negative row": part("row", at(2, -1)),
    "too few rows": part("row", lambda a: a[:-1]),
    "a start that falls": part("start", at(0, 99)),
    "a negative start": part("start", at(0, -1)),
    "an end behind the entries": part("start", at(1, 99)),
    "too many starts": part("start", lambda a: np.append(a, a[-1])),
    "other sizes out": part("sizes_out", lambda a: a + 1),
    "sizes out of nothing": part("sizes_out", lambda a: a * 0),
    "negative sizes out": part("sizes_out", lambda a: -a),
    "other channels out": part("channels_out", lambda c: c + 1),
    "a size of zero": changed("warp_size", (0, 0), 0),
    "a negative size": changed("warp_size", (0, 1), -5),
    "a huge size": changed("warp_size", (0, 1), 2**31 - 1),
    "no such resampling": changed("warp_mode", (0, 0), 3),
    "no such border": changed("warp_mode", (0, 1), -1),
    "no such antialias": changed("warp_mode", (0, 2), 2),
    "no such field": changed("warp_mode", (0, 3), 99),
    "a negative field": changed("warp_mode", (0, 3), -2),
    "a matrix of NaN": changed("warp_matrix", (0, 0), np.nan),
    "an infinite matrix": changed("warp_matrix", (0, 2), np.inf),
    "a scale beyond sense": changed("warp_matrix", (0, 0), 1e8),
    "matrices of float32": other("warp_matrix", lambda t: t.astype(np.float32)),
    "matrices of another width": other("warp_matrix", lambda t: t[:, :8].copy()),
    "matrices with gaps": other("warp_matrix", lambda t: np.repeat(t, 2, axis=0)[::2]),
    "fewer sizes than matrices": other("warp_size", lambda t: t[:1]),
    "tables for floats": other("lookup", lambda t: np.zeros((4, 4081), dtype=np.float32)),
    "short tables": other("lookup", lambda t: t[:, :255].copy()),
    "no table": other("lookup", lambda t: None),
    "a list for a table": other("toward", lambda t: t.tolist()),
    "no such measure": changed("measure", (0, 0), 4),
    "a broken measure": changed("measure", (0, 0), 0.5),
    "a measure of NaN": changed("measure", (0, 0), np.nan),
    "a negative sigma": changed("blur", (0, 1), -1),
    "a sigma of NaN": changed("blur", (0, 1), np.nan),
    "a huge sigma": changed("blur", (0, 1), 1e9),
    "no such window": changed("blur", (0, 0), 2),
    "half a window": changed("blur", (0, 0), 0.5),
    "an amount of NaN": changed("blur", (0, 2), np.nan),
    "a negative threshold": changed("blur", (0, 3), -1),
    "kernels that fall": changed("kernel_start", 1, 999),
    "too few kernel starts": other("kernel_start", lambda t: t[:-1]),
    "a tap too far away": changed("kernel", (0, 0), -1025),
    "a weight beyond 32 bits": changed("kernel", (0, 2), -(2**31)),
    "too many bits": changed("kernel_bits", 0, 21),
    "negative bits": changed("kernel_bits", 0, -1),
    "a negative radius": changed("median", 0, -1),
    "a huge radius": changed("median", 0, 129),
    "no tile": changed("tiles", (0, 0), 0),
    "half a tile": changed("tiles", (0, 1), 1.5),
    "a clip of NaN": changed("tiles", (0, 2), np.nan),
    "a size of nothing": changed("rescale", (0, 1), 0),
    "no such way down": changed("rescale", (0, 2), 4),
    "boxes on the way up": changed("rescale", (0, 3), 3),
    "no zoom": changed("zoom", (0, 1), 0),
    "too many zooms": changed("zoom", (0, 1), 257),
    "a step of NaN": changed("zoom", (0, 0), np.nan),
    "a scatter too far": changed("scatter", (0, 0), 128),
    "negative rounds": changed("scatter", (0, 1), -1),
    "rectangles that fall": changed("rectangles_start", 1, 99),
    "rectangles before the first": changed("rectangles_start", 0, -1),
    "too few rectangle starts": other("rectangles_start", lambda t: t[:-1]),
    "grids of another width": other("grid", lambda t: t[:, :5].copy()),
    "amounts of NaN": changed("measure", 0, (3, np.nan, 0, 0)),
    "no such shape": changed("shapes", (0, 0), 5),
    "a shape of half a kind": changed("shapes", (0, 0), 0.5),
    "a shape of NaN": changed("shapes", (0, 4), np.nan),
    "a shape without softness": changed("shapes", (0, 2), 0),
    "a bell without width": changed("shapes", 0, (3, 1, 1, 5, 5, 0, 1, 0)),
    "shapes that fall": changed("shapes_start", 1, 999),
    "shapes of another width": other("shapes", lambda t: t[:, :7].copy()),
    "a negative lightness": changed("lightness", (0, 1), -1),
    "a channel that is not there": changed("pick", (0, 0), 3),
    "a channel before the first": changed("pick", (0, 1), -2),
    "a turn of NaN": changed("hsv", (0, 0), np.nan),
    "a huge saturation": changed("hsv", (0, 1), 1e9),
    "counts of nothing": changed("match_counts", 0, 0),
    "negative counts": changed("match_counts", (0, 3), -1),
    "too few counts": changed("match_counts_start", 1, 2),
    "too few waves": changed("amplitudes_start", 1, 9),
    "cells that fall": changed("cells_start", 1, 99),
    "no such noise": changed("noise", (0, 0), len(NoiseMode)),
    "noise of NaN": changed("noise", (0, 1), np.nan),
    "negative noise": changed("noise", (0, 1), -0.1),
    "huge noise": changed("noise", (0, 1), 1e9),
    "keys of int64": other("noise_key", lambda t: t.astype(np.int64)),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_stage_is_refused(name: str) -> None:
    stage, images = one_of_each()
    assert len(native.run_stage(stage, images)) == 1
    with pytest.raises(EngineError, match=r"\w"):
        native.run_stage(BAD[name](stage), images)


def test_bad_numbers_that_only_pixels_see_do_no_harm() -> None:
    for name in ("channels", "toward", "smooth", "grid", "warp_fill", "grid_fill", "noise_fill"):
        for value in (np.nan, np.inf, -np.inf, 1e30):
            stage, images = one_of_each()
            place = 0 if getattr(stage.tables, name).ndim == 1 else (0, slice(None))
            found = native.run_stage(changed(name, place, value)(stage), images)
            assert found[0].shape[2] == 3


def test_rectangles_are_cut_off_at_the_frame() -> None:
    stage, images = one_of_each()
    wild = np.array([-(2**31), -7, 2**31 - 1, 2**31 - 1], dtype=np.int32)
    stage = other("rectangles", lambda t: np.tile(wild, (len(t), 1)))(stage)
    assert len(native.run_stage(stage, images)) == 1


@pytest.mark.parametrize(
    "images",
    [
        [np.zeros((12, 10, 3), dtype=np.float64)],
        [np.zeros((12, 10, 3), dtype=np.int8)],
        [np.zeros((12, 10, 3), dtype=">f4")],
        [np.zeros((12, 10), dtype=np.uint8)],
        [np.zeros((0, 10, 3), dtype=np.uint8)],
        [np.zeros((12, 10, 17), dtype=np.uint8)],
        [np.zeros((12, 10, 2), dtype=np.uint8)],
        [np.zeros((12, 10, 3), dtype=np.float32)],
        [np.zeros((12, 10, 3), dtype=np.uint8)] * 2,
        [],
    ],
)
def test_images_that_do_not_fit_are_refused(images: list[Any]) -> None:
    stage, _ = one_of_each()
    with pytest.raises(EngineError):
        native.run_stage(stage, images)


def test_one_dtype_in_a_batch() -> None:
    stage, (image,) = one_of_each()
    both = [image, image.astype(np.float32)]
    with pytest.raises(EngineError, match=r"images\[1\]"):
        native.run_stage(make_stage([[], []], stage.tables, both), both)


@pytest.mark.parametrize("threads", [0, -1, 2**70, "two", None])
def test_threads_are_a_number_of_at_least_one(threads: Any) -> None:
    stage, images = one_of_each()
    with pytest.raises(EngineError):
        native.run_stage(stage, images, threads)


def test_codec_rows_are_checked_too() -> None:
    stage, images = one_of_each()
    for row in (-1, 4):
        bad = make_stage([[(Verb.LOOKUP, 0), (Verb.CODEC, row)]], stage.tables, images)
        with pytest.raises(EngineError, match="no row"):
            native.run_stage(bad, images)
    for numbers in ((0, 0), (101, 0), (50, 2)):
        tables = replace(stage.tables, codec=np.array([numbers], dtype=np.int32))
        with pytest.raises(EngineError, match="quality of 1 to 100 and JPEG"):
            native.run_stage(make_stage([[(Verb.CODEC, 0)]], tables, images), images)
    bad = make_stage([[(Verb.WARP, 0), (Verb.CODEC, 0)]], stage.tables, images)
    with pytest.raises(EngineError, match="no row"):
        native.run_stage(replace(bad, row=bad.row + np.array([9, 0])), images)


BAD_MIXES = {
    "source": ([0, 1, 3], [0, -2, 2]),
    "base": ([0, 1, 3], [0, 1]),
    "start": ([0, 1, 2, 4], [0, 2, 1, 3], [0, 1, 2]),
    "place": ([[0, 1, 5, 5]] * 3, [[-1, 1, 3, 5]] * 3, [[0, 1, 3, 6]] * 3, [[2, 1, 1, 5]] * 3),
    "origin": ([[0, 2]] * 3, [[2, 1]] * 3, [[-1, 0]] * 3),
    "mask": ([0, 0, 0],),
}
BAD_MIXES = {
    name: [np.array(v, dtype=np.int32 if name in ("place", "origin") else np.int64) for v in values]
    for name, values in BAD_MIXES.items()
}


def test_bad_mixes_and_masks_are_refused() -> None:
    batch = np.zeros((3, 4, 5, 3), dtype=np.uint8)
    mix = lay([1, 2, 0], np.tile([0, 1, 3, 5], (3, 1)), np.full(3, 0.5), (4, 5))
    for name, values in BAD_MIXES.items():
        for value in values:
            with pytest.raises(EngineError, match=name):
                native.run_mixes([replace(mix, **{name: value})], batch)
    with pytest.raises(EngineError, match="made for 3 images"):
        native.run_mixes([mix], batch[:2])
    with pytest.raises(EngineError, match="images"):
        native.run_mixes([mix], batch.astype(np.float64))
    stage, images = one_of_each()
    with pytest.raises(EngineError):
        native.run_masks(BAD["a start that falls"](stage), images)
    with pytest.raises(EngineError):
        native.run_masks(BAD["no such border"](stage), images)


def test_a_stage_that_was_read_for_one_size_checks_images_of_another() -> None:
    """Its samples are checked when it is read, for images as planned; others may not be legal."""
    tables = random_tables(np.random.default_rng(SEED), (12, 10), np.uint8, 4)
    images = np.stack([make_image(np.random.default_rng(i), (12, 10), 3, np.uint8) for i in (1, 2)])
    stage = make_stage([[(Verb.CHANNELS, 0)], [(Verb.PICK, 1)]], tables, list(images))
    ready = native.ready(stage, np.dtype(np.uint8), None)
    assert ready is not None
    out = np.full_like(images, 9)
    ready.run(0, images, out, 1)
    check_equal(list(out), list(native.run_stage(stage, list(images))))
    fewer = np.full((2, 12, 10, 2), 9, dtype=np.uint8)
    with pytest.raises(EngineError, match="needs one channel or at least three, got 2"):
        ready.run(0, images[..., :2], fewer, 1)
    for wrong in (out[:, :11], out[:, :, :9], np.empty((2, 12, 10, 4), np.uint8)):
        given = np.ascontiguousarray(wrong)
        with pytest.raises(EngineError, match="comes out as"):
            ready.run(0, images, given, 1)
    with pytest.raises(EngineError, match="has no 2 samples from 1 on"):
        ready.run(1, images, out, 1)
    assert (fewer == 9).all()


def test_a_stage_with_a_sample_that_is_not_legal_is_not_read_for_all() -> None:
    stage, images = one_of_each()
    many = replace(stage, start=np.append(stage.start, stage.start[-1]))
    sizes = {name: np.repeat(getattr(stage, name), 2, axis=0) for name in ("sizes_in", "sizes_out")}
    assert native.ready(replace(many, **sizes), images[0].dtype, None) is not None
    broken = changed("warp_mode", (0, 0), 3)(replace(many, **sizes))
    assert native.ready(broken, images[0].dtype, None) is None
