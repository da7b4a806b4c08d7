"""Stages and tables made by hand: random rows of every verb, and what they are run on."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.ops.entries import NoiseMode, ShapeKind
from variegate.plan.program import KNOTS, Border, Resample, Stage, Tables, Verb

Image = npt.NDArray[Any]
Generator = np.random.Generator
Size = tuple[int, int]
Entry = tuple[Verb, int]

# dtype and shape after the first axis; what ends in _start has one more than its verb's rows.
COLUMNS: dict[str, tuple[str, tuple[int, ...]]] = {
    "warp_matrix": ("f8", (9,)),
    "warp_forward": ("f8", (9,)),
    "warp_before": ("f8", (9,)),
    "warp_after": ("f8", (9,)),
    "warp_size": ("i4", (2,)),
    "warp_field_size": ("i4", (2,)),
    "warp_mode": ("i4", (4,)),
    "warp_fill": ("f4", (16,)),
    "fields": ("f8", (2, 2, 2)),
    "lookup": ("u1", (256,)),
    "channels": ("f8", (12,)),
    "toward": ("f4", ()),
    "measure": ("f8", (4,)),
    "blur": ("f8", (4,)),
    "smooth": ("f4", ()),
    "rectangles_start": ("i8", ()),
    "rectangles": ("i4", (4,)),
    "rectangles_fill": ("f4", (16,)),
    "rectangles_noise": ("u8", ()),
    "grid": ("f8", (6,)),
    "grid_fill": ("f4", (16,)),
    "noise": ("f8", (4,)),
    "noise_fill": ("f4", (16,)),
    "noise_key": ("u8", ()),
    "kernel_start": ("i8", ()),
    "kernel": ("i4", (3,)),
    "kernel_bits": ("i4", ()),
    "median": ("i4", ()),
    "tiles": ("f8", (3,)),
    "rescale": ("i4", (4,)),
    "zoom": ("f8", (2,)),
    "scatter": ("i4", (2,)),
    "scatter_key": ("u8", ()),
    "shapes_start": ("i8", ()),
    "shapes": ("f8", (8,)),
    "shapes_gain": ("f4", (16,)),
    "shapes_shift": ("f4", (16,)),
    "shapes_outside": ("i4", ()),
    "lightness": ("f8", (2,)),
    "match": ("f8", ()),
    "match_counts_start": ("i8", ()),
    "match_counts": ("i4", (256,)),
    "spectrum": ("f8", ()),
    "amplitudes_start": ("i8", ()),
    "amplitudes": ("f4", (65,)),
    "cells_size": ("i4", (2,)),
    "cells_start": ("i8", ()),
    "cells": ("i4", (6,)),
    "hsv": ("f8", (5,)),
    "pick": ("i4", (16,)),
    "pick_fill": ("f4", (16,)),
    "codec": ("i4", (2,)),
}
IDENTITY = np.eye(3).ravel()


def make_tables(**rows: Any) -> Tables:
    """Tables with the given columns; the others have no row."""
    columns = {}
    for name, (dtype, shape) in COLUMNS.items():
        given = rows.pop(name, None)
        empty = np.zeros((1 if name.endswith("_start") else 0, *shape), dtype=dtype)
        kind = np.dtype(dtype) if name != "lookup" or given is None else np.asarray(given).dtype
        columns[name] = empty if given is None else np.ascontiguousarray(given, dtype=kind)
    assert not rows, f"no such table: {sorted(rows)}"
    assert set(columns) == {field.name for field in fields(Tables)}
    return Tables(**columns)


def make_stage(entries: list[list[Entry]], tables: Tables, images: list[Image]) -> Stage:
    """A stage of (verb, row) entries for each image, with the sizes that follow from them."""
    flat = [entry for own in entries for entry in own]
    start = np.cumsum([0, *(len(own) for own in entries)]).astype(np.int64)
    sizes_in = np.array([image.shape[:2] for image in images], dtype=np.int64).reshape(-1, 2)
    sizes_out = sizes_in.copy()
    for place, own in enumerate(entries):
        for verb, row in own:
            if verb == Verb.WARP:
                sizes_out[place] = tables.warp_size[row]
    channels = images[0].shape[2] if images else 1
    narrow = any(verb == Verb.LUMA for verb, _ in flat)
    return Stage(
        start,
        np.array([verb for verb, _ in flat], dtype=np.int32),
        np.array([row for _, row in flat], dtype=np.int64),
        tables,
        sizes_in,
        sizes_out,
        channels,
        1 if narrow else channels,
    )


def make_image(seed: Generator, size: Size, channels: int, dtype: Any) -> Image:
    """A smooth pattern with noise on it; floats on 0..1."""
    y, x = np.mgrid[: size[0], : size[1]]
    turn = seed.uniform(0.02, 0.3, (2, channels))
    wave = 0.5 + 0.5 * np.sin(y[..., None] * turn[0] + x[..., None] * turn[1])
    value = np.clip(wave + seed.normal(0, 0.1, wave.shape), 0, 1)
    return np.rint(value * 255).astype(np.uint8) if dtype == np.uint8 else value.astype(np.float32)


def fills(seed: Generator, count: int) -> Image:
    """(count, 16) levels, whole and broken ones."""
    return np.where(seed.random((count, 1)) < 0.5, 0, seed.uniform(0, 255, (count, 16)))


def around_center(size: Size, out: Size, linear: Image, shift: Image) -> Image:
    """Output to source: `linear` about the centers, moved by `shift` (x, y)."""
    center_in = np.array([size[1], size[0]]) / 2 + shift
    center_out = np.array([out[1], out[0]]) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = center_in - linear @ center_out
    return matrix


def warp_matrix(seed: Generator, kind: str, size: Size, out: Size) -> Image:
    """One map of a kind: affine, perspective, resize, turned (a resize), whole or identity."""
    if kind == "identity":
        return np.eye(3)
    if kind == "whole":
        quarter = np.array([[0.0, 1], [-1, 0]])
        square = [np.eye(2), -np.eye(2), quarter, -quarter]
        matrix = np.eye(3)
        matrix[:2, :2] = square[seed.integers(4)] * np.array([1, seed.choice([-1, 1])])
        matrix[:2, 2] = seed.integers(-3, max(size) + 3, 2)
        return matrix
    shift = seed.normal(0, 0.2, 2) * (size[1], size[0])
    if kind in ("resize", "turned"):
        scale = np.exp(seed.uniform(-1.2, 1.6, 2)) * seed.choice([-1, 1], 2)
        linear = np.diag(scale) if kind == "resize" else np.diag(scale)[::-1]
        return around_center(size, out, linear, shift)
    angle = seed.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, seed.normal(0, 0.3)], [0, 1]])
    matrix = around_center(size, out, np.exp(seed.uniform(-0.7, 1.2)) * turn @ shear, shift)
    if kind == "perspective":
        matrix[2, :2] = seed.normal(0, 0.6, 2) / max(out)
    return matrix


WARPS = ("affine", "perspective", "resize", "turned", "whole", "identity", "field")


def warp_rows(seed: Generator, size: Size, kinds: list[str], **fixed: int) -> dict[str, Image]:
    """Columns of the warp tables, one row per kind; fixed: resample, border or antialias."""
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS if name.startswith("warp_")}
    displacements = []
    for kind in kinds:
        out = (int(seed.integers(1, 2 * size[0] + 3)), int(seed.integers(1, 2 * size[1] + 3)))
        field = -1
        before = np.eye(3)
        matrix = warp_matrix(seed, "affine" if kind == "field" else kind, size, out)
        if kind == "field":
            field = len(displacements)
            displacements.append(seed.normal(0, 0.05 * max(size), (5, 4, 2)))
            before = warp_matrix(seed, str(seed.choice(["affine", "perspective"])), size, size)
        mode = {
            "resample": seed.integers(Resample.BOX),
            "border": seed.integers(len(Border)),
            "antialias": seed.integers(2),
        } | fixed
        rows["warp_matrix"].append(matrix.ravel())
        rows["warp_forward"].append(IDENTITY)
        rows["warp_before"].append(before.ravel())
        rows["warp_after"].append(IDENTITY)
        rows["warp_size"].append(out)
        rows["warp_field_size"].append(size)
        rows["warp_mode"].append((mode["resample"], mode["border"], mode["antialias"], field))
    columns = {name: np.array(own) for name, own in rows.items() if own}
    columns["warp_fill"] = fills(seed, len(kinds))
    if displacements:
        columns["fields"] = np.array(displacements)
    return columns


def lookup_rows(seed: Generator, count: int, dtype: Any) -> Image:
    """Tables with and without steps."""
    if dtype == np.uint8:
        return seed.integers(0, 256, (count, 256)).astype(np.uint8)
    smooth = np.linspace(0, 1, KNOTS) ** seed.uniform(0.5, 2, (count, 1))
    steps = np.repeat(seed.random((count, 256)), 16, axis=1)[:, :KNOTS]
    return np.where(seed.random((count, 1)) < 0.5, smooth, steps).astype(np.float32)


def rectangle_rows(seed: Generator, count: int, size: Size) -> dict[str, Image]:
    """Rectangles inside the frame and over its far edges, empty ones among them."""
    numbers = seed.integers(0, 4, count)
    corners = seed.integers(0, (size[0] + 3, size[1] + 3), (int(numbers.sum()), 2))
    spans = seed.integers(0, (size[0] + 1, size[1] + 1), corners.shape)
    return {
        "rectangles_start": np.cumsum([0, *numbers]),
        "rectangles": np.concatenate([corners, corners + spans], axis=1),
        "rectangles_fill": fills(seed, count),
        "rectangles_noise": np.where(
            seed.random(count) < 0.5, np.uint64(0), seed.integers(1, 2**63, count, dtype=np.uint64)
        ),
    }


def grid_rows(seed: Generator, count: int, size: Size) -> Image:
    """Grids of any angle."""
    period = seed.uniform(2, 3 + max(size), count)
    angle = seed.uniform(0, 2 * np.pi, count)
    offsets = seed.random((2, count)) * period
    side = seed.random(count) * period
    return np.stack([period, side, *offsets, np.cos(angle), np.sin(angle)], axis=1)


def noise_rows(seed: Generator, count: int) -> Image:
    """Noise of every mode in turn."""
    numbers = seed.uniform(0, 0.3, (count, 3))
    mode = np.arange(count) % len(NoiseMode)
    flags = seed.integers(0, 8, count)
    flagged = (mode == NoiseMode.MULTIPLY) | (mode == NoiseMode.IMPULSE)
    numbers[:, 2] = np.where(flagged, flags, 0)
    numbers[mode == NoiseMode.MULTIPLY, 1] += 1
    return np.concatenate([mode[:, None], numbers], axis=1)


def kernel_rows(seed: Generator, count: int) -> dict[str, Image]:
    """Taps here and there: light and heavy weights, all zero, none, and neighbors side by side."""
    numbers = np.where(np.arange(count) % 5 == 4, 0, seed.integers(1, 30, count))
    total = int(numbers.sum())
    taps = np.empty((total, 3), dtype=np.int32)
    taps[:, :2] = seed.integers(-6, 7, (total, 2))
    beside = seed.random(total) < 0.5
    taps[1:, 0] = np.where(beside[1:], taps[:-1, 0], taps[1:, 0])
    taps[1:, 1] = np.where(beside[1:], taps[:-1, 1] + 1, taps[1:, 1])
    bits = np.where(np.arange(count) % 2, 14, 18)
    share = np.repeat(2.0**bits / np.maximum(numbers, 1), numbers)
    taps[:, 2] = np.rint(share * seed.normal(1, 0.8, total))
    return {"kernel": taps, "kernel_start": np.cumsum([0, *numbers]), "kernel_bits": bits}


def filter_rows(seed: Generator, count: int) -> dict[str, Image]:
    """Rows of the verbs that look at neighbors."""
    width = seed.choice([0.0, 0.2, 0.8, 1.5, 4.0], count)
    window, threshold = seed.integers(0, 2, count), seed.choice([0.0, 4.0, 30.0], count)
    amount = seed.choice([-1.0, -1.0, 0.4, 1.0, 2.5], count)
    sides = seed.integers(1, 40, (count, 2))
    modes = np.stack([seed.integers(0, 4, count), seed.integers(0, 3, count)], axis=1)
    return {
        **kernel_rows(seed, count),
        "blur": np.stack([window, width, amount, threshold], axis=1),
        "median": np.arange(count) % 6,
        "tiles": np.concatenate([seed.integers(1, 9, (count, 2)), sides[:, :1]], axis=1),
        "rescale": np.concatenate([sides, modes], axis=1),
        "zoom": np.stack([seed.uniform(0, 0.1, count), seed.integers(1, 12, count)], axis=1),
        "scatter": np.stack([seed.integers(0, 8, count), seed.integers(0, 4, count)], axis=1),
        "scatter_key": seed.integers(1, 2**63, count, dtype=np.uint64),
    }


def one_shape(seed: Generator, kind: int, size: Size) -> list[list[float]]:
    """The rows of one shape, inside the frame or beyond it; a polygon is closed."""
    ends = (seed.uniform(-0.3, 1.3, (4, 2)) * (size[1], size[0])).tolist()
    long, angle = seed.uniform(0, 0.4) * max(size), seed.uniform(0, 2 * np.pi)
    head = [float(kind), seed.random(), seed.uniform(0.5, 9)]
    if kind == ShapeKind.EDGE:
        number = seed.integers(1 << 20)
        return [[*head, *ends[i - 1], *ends[i], float(number)] for i in range(4)]
    numbers = {
        ShapeKind.DISC: [*ends[0], long, 0, 0],
        ShapeKind.SEGMENT: [*ends[0], *ends[1], long],
        ShapeKind.PLANE: [np.cos(angle), np.sin(angle), long, 0, 0],
        ShapeKind.GAUSS: [*ends[0], long + 0.1, 0.3 * long + 0.1, 0],
    }
    return [[*head, *numbers[ShapeKind(kind)]]]


def shape_rows(seed: Generator, count: int, size: Size) -> dict[str, Image]:
    """Up to six shapes of any kind for each row."""
    kinds = [seed.integers(0, len(ShapeKind), seed.integers(0, 7)) for _ in range(count)]
    rows = [[row for kind in own for row in one_shape(seed, int(kind), size)] for own in kinds]
    return {
        "shapes_start": np.cumsum([0, *map(len, rows)]),
        "shapes": np.reshape([row for own in rows for row in own], (-1, 8)),
        "shapes_gain": seed.uniform(-1, 0.5, (count, 16)),
        "shapes_shift": fills(seed, count),
        "shapes_outside": seed.integers(0, 2, count),
    }


def reference_rows(seed: Generator, count: int) -> dict[str, Image]:
    """Histograms with gaps, and amplitudes that fall, mirrored where a real image's are."""
    counts = seed.integers(0, 50, (count * 16, 256)) * (seed.random((count * 16, 256)) < 0.3)
    counts[:, 7] += 1
    down, along = np.arange(33)[:, None], np.arange(-32, 33)[None, :]
    strong = seed.uniform(0, 40, (count * 16, 33, 65)) / (1 + down**2 + along**2)
    strong[:, 0] += strong[:, 0, ::-1].copy()
    return {
        "match": seed.random(count),
        "match_counts_start": np.arange(count + 1) * 16,
        "match_counts": counts,
        "spectrum": seed.choice([-1.0, 0.0, 0.05, 0.2, 0.5], count),
        "amplitudes_start": np.arange(count + 1) * 16 * 33,
        "amplitudes": strong.reshape(-1, 65),
    }


def cell_rows(seed: Generator, count: int, size: Size) -> dict[str, Image]:
    """Halves and corners that change places, some of them not inside the frame."""
    height, width = size
    half = np.array([0, 0, height // 2, width, height - height // 2, 0])
    corner = np.array([height - 1, width - 1, height, width, 0, 0])
    wild = np.array([0, 0, height + 1, 1, 0, 0])
    picked = np.stack([half, corner, wild])[seed.integers(0, 3, 2 * count)]
    return {
        "cells_size": np.tile(size, (count, 1)),
        "cells_start": np.arange(count + 1) * 2,
        "cells": picked,
    }


def hsv_rows(seed: Generator, count: int) -> Image:
    """Turns of any amount; what is multiplied and added stays near nothing, or is large."""
    times, plus = seed.uniform(0, 2, (count, 2)), seed.normal(0, 60, (count, 2))
    return np.concatenate([seed.uniform(-400, 400, (count, 1)), times, plus], axis=1)


def pick_rows(seed: Generator, count: int) -> Image:
    """Each channel becomes one that comes before it, itself, or the fill."""
    return np.stack([seed.integers(-1, channel + 1, count) for channel in range(16)], axis=1)


def random_tables(seed: Generator, size: Size, dtype: Any, count: int = 3) -> Tables:
    """Tables with `count` rows of every verb; warps of all kinds."""
    kinds = [str(kind) for kind in seed.choice(WARPS, count)]
    matrix = np.eye(3, 4) + seed.normal(0, 0.4, (count, 3, 4)) * (1, 1, 1, 0.3)
    modes = np.zeros((count, 4))
    modes[:, 0], modes[:, 1:] = np.arange(count) % 4, seed.uniform(0, 2, (count, 3))
    return make_tables(
        **warp_rows(seed, size, kinds),
        **rectangle_rows(seed, count, size),
        lookup=lookup_rows(seed, count, dtype),
        channels=matrix.reshape(count, 12),
        toward=seed.choice([0.0, 1.0, 0.3, 1.7, 2.0], count),
        measure=modes,
        **filter_rows(seed, count),
        smooth=seed.choice([0.0, 1.0, 0.4, 1.9], count),
        grid=grid_rows(seed, count, size),
        grid_fill=fills(seed, count),
        noise=noise_rows(seed, count),
        noise_fill=fills(seed, count),
        noise_key=seed.integers(1, 2**63, count, dtype=np.uint64),
        **shape_rows(seed, count, size),
        **reference_rows(seed, count),
        **cell_rows(seed, count, size),
        lightness=np.stack([seed.uniform(0, 200, count), seed.uniform(0, 4, count)], axis=1),
        hsv=hsv_rows(seed, count),
        pick=pick_rows(seed, count),
        pick_fill=fills(seed, count),
        codec=np.stack([seed.integers(10, 95, count), np.arange(count) % 2], axis=1),
    )
