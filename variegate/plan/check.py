"""Written rules for plans and programs. Tests run them after every draw and every lowering.

A broken rule raises EngineError: `plan: <rule>: <where>` or `program: <rule>: <where>`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import EngineError, PolicyError
from variegate.ops.entries import FileFormat, MeasureMode, NoiseMode, ShapeKind, Window
from variegate.ops.registry import get
from variegate.ops.settings import MAX_SIDE
from variegate.plan.neighbors import MOST_SUM
from variegate.plan.plan import Plan, check_extras, check_values
from variegate.plan.program import (
    KNOTS,
    WARP_WAYS,
    Border,
    LateMix,
    MixStage,
    Program,
    Resample,
    Stage,
    Tables,
    Verb,
)
from variegate.plan.record import Record
from variegate.plan.tables import LISTS, SHAPES

Array = npt.NDArray[Any]

# The column whose rows count a verb's entries; LUMA has no table.
COUNTED = {
    Verb.WARP: "warp_matrix",
    Verb.LOOKUP: "lookup",
    Verb.CHANNELS: "channels",
    Verb.TOWARD: "toward",
    Verb.MEASURE: "measure",
    Verb.BLUR: "blur",
    Verb.SMOOTH: "smooth",
    Verb.RECTANGLES: "rectangles_fill",
    Verb.GRID: "grid",
    Verb.NOISE: "noise",
    Verb.KERNEL: "kernel_bits",
    Verb.MEDIAN: "median",
    Verb.TILES: "tiles",
    Verb.RESCALE: "rescale",
    Verb.ZOOM: "zoom",
    Verb.SCATTER: "scatter",
    Verb.SHAPES: "shapes_gain",
    Verb.LIGHTNESS: "lightness",
    Verb.MATCH: "match",
    Verb.SPECTRUM: "spectrum",
    Verb.CELLS: "cells_size",
    Verb.HSV: "hsv",
    Verb.PICK: "pick",
    Verb.CODEC: "codec",
}
AGREE = 1e-6  # how well a matrix and its inverse multiply to the identity, relative to their size


def _rule(holds: Any, what: str, rule: str, where: object = "") -> None:
    if not np.all(holds):
        raise EngineError(f"{what}: {rule}" + (f": {where}" if where != "" else ""))


def _array(value: Any) -> Array:
    return np.asarray(value)


def check_plan(plan: Plan) -> None:
    """Raises EngineError that names the rule that a plan breaks."""
    count = len(plan.index)
    _rule(plan.index.dtype == np.uint64, "plan", "sample ids are uint64", plan.index.dtype)
    _rule(plan.sizes.shape == (count, 2), "plan", "one size per image", plan.sizes.shape)
    _rule((plan.sizes >= 1) & (plan.sizes <= MAX_SIDE), "plan", "sizes are 1 or more")
    positions = [record.position for record in plan.records]
    _rule(positions == sorted(positions), "plan", "records stand in order of position", positions)
    seen: set[tuple[int, int]] = set()
    for record in plan.records:
        _check_record(record, count)
        places = {(record.position, int(row)) for row in record.rows}
        _rule(not seen & places, "plan", "one step per sample and position", record.path)
        seen |= places


def _check_record(record: Record, count: int) -> None:
    op, rows, where = get(record.op), record.rows, record.path
    _rule(len(rows) > 0, "plan", "a record has rows", where)
    _rule((rows >= 0) & (rows < count), "plan", "rows lie inside the batch", where)
    _rule(np.diff(np.sort(rows)) > 0, "plan", "rows are distinct", where)
    for name, value in record.values.items():
        _rule(value.shape[:1] == (len(rows),), "plan", "one value per row", f"{where}.{name}")
        _rule(np.isfinite(value), "plan", "values are finite", f"{where}.{name}")
    try:
        check_values(op, record.values)
        check_extras(op, record.settings, record.values, count)
    except PolicyError as error:
        raise EngineError(f"plan: values lie within their declared range: {error}") from error
    for param in op.params:
        if param.whole:
            value = record.values[param.name]
            _rule(
                value == np.rint(value), "plan", "whole values are whole", f"{where}.{param.name}"
            )
    if op.keyed:
        _rule(record.values["key"] != 0, "plan", "noise keys are not 0", where)


def check_program(program: Program) -> None:
    """Raises EngineError that names the rule that a lowered program breaks."""
    _rule(program.dtype in (np.uint8, np.float32), "program", "uint8 or float32", program.dtype)
    _rule(isinstance(program.stages[-1], Stage), "program", "the last stage is no mix")
    before: Stage | None = None
    sizes = np.zeros((0, 2), dtype=np.int64)
    for stage in program.stages:
        if isinstance(stage, LateMix):
            continue
        if isinstance(stage, MixStage):
            _rule(before is not None, "program", "a mix follows a stage")
            _check_mix(stage, sizes)
            sizes = _array(stage.sizes_out)
            continue
        if before is not None:
            same = np.array_equal(stage.sizes_in, sizes)
            _rule(same, "program", "a stage takes the sizes that the last one gave")
            same = stage.channels_in == before.channels_out
            _rule(same, "program", "a stage takes the channels that the last one gave")
        _check_tables(stage.tables, program.dtype)
        _check_stage(stage)
        before, sizes = stage, _array(stage.sizes_out)
    output = program.output
    if output is not None and before is not None:
        for values in (output.mean, output.std):
            legal = len(values) in (1, before.channels_out)
            _rule(legal, "program", "one output number per channel", values)


def _check_mix(mix: MixStage, sizes: Array) -> None:
    count, sizes_out, base = len(sizes), _array(mix.sizes_out), _array(mix.base)
    _rule(np.array_equal(mix.sizes_in, sizes), "program", "a mix takes the sizes before it")
    _rule((base >= -1) & (base < count), "program", "samples below lie inside the batch")
    same = np.all(sizes_out == sizes[base], axis=1) | (base < 0)
    _rule(same, "program", "what lies on a sample has its size")
    start, place = _array(mix.start), _array(mix.place)
    whole = len(start) == count + 1 and start[0] == 0 and start[-1] == len(mix.source)
    _rule(whole and np.all(np.diff(start) >= 0), "program", "starts are monotone", "mix")
    owner = np.repeat(np.arange(count), np.diff(start))
    _check_rects(place[:, None], sizes_out[owner], "mix")
    _check_sources(mix, sizes)
    _rule((mix.weight > 0) & (mix.weight <= 1), "program", "weights lie in 0..1")
    _rule(mix.mask < len(mix.masks), "program", "rows lie inside their table", "masks")
    for sample in range(count):
        first, last = mix.share_start[sample], mix.share_start[sample + 1]
        told = np.zeros(count)
        told[mix.share_source[first:last]] = mix.share[first:last]
        found = counted_shares(mix, sample)
        _rule(np.abs(told - found) < 1e-9, "program", "weights are counted pixels", sample)


def _check_sources(mix: MixStage, sizes: Array) -> None:
    """Every layer's picture is there and large enough."""
    all_sizes = sizes
    for tiles in mix.tiles:
        _check_tables(tiles.tables, tiles.tables.lookup.dtype)
        _check_stage(tiles)
        all_sizes = np.concatenate([all_sizes, tiles.sizes_out])
    _rule(len(all_sizes) == len(sizes) + len(mix.tile_source), "program", "one source per tile")
    inside = (mix.tile_source >= 0) & (mix.tile_source < len(sizes))
    _rule(inside, "program", "partners lie inside the batch")
    source, origin, place = _array(mix.source), _array(mix.origin), _array(mix.place)
    inside = (source >= -1) & (source < len(all_sizes))
    _rule(inside, "program", "partners lie inside the batch")
    end = origin + place[:, 2:] - place[:, :2]
    large = (origin >= 0) & ((end <= all_sizes[source]) | (source < 0)[:, None])
    _rule(large, "program", "layers lie inside their picture")


def counted_shares(mix: MixStage, sample: int) -> Array:
    """(n,) shares of the pixels of one result that show each sample, counted pixel by pixel."""
    count = len(mix.base)
    seen = np.zeros((count, *(int(side) for side in mix.sizes_out[sample])))
    if mix.base[sample] >= 0:
        seen[mix.base[sample]] = 1
    for layer in range(int(mix.start[sample]), int(mix.start[sample + 1])):
        source = int(mix.source[layer])
        top, left, bottom, right = mix.place[layer]
        weight = np.full((bottom - top, right - left), mix.weight[layer])
        if mix.mask[layer] >= 0:
            weight = weight * mix.masks[mix.mask[layer], top:bottom, left:right]
        seen[:, top:bottom, left:right] *= 1 - weight
        if source >= 0:
            image = source if source < count else int(mix.tile_source[source - count])
            seen[image, top:bottom, left:right] += weight
    shares = seen.sum(axis=(1, 2))
    if not shares.any():  # nothing but the fill
        shares[sample] = 1
    return np.asarray(shares / max(float(shares.sum()), 1e-300))


def _check_rects(rects: Array, sizes: Array, where: str) -> None:
    low, high = rects[..., :2], rects[..., 2:]
    _rule(low >= 0, "program", "rectangles lie inside their frame", where)
    _rule(high <= _array(sizes)[:, None, :], "program", "rectangles lie inside their frame", where)
    _rule(low <= high, "program", "rectangles are not inside out", where)


def _check_cells(tables: Tables, row: int, size: Array, where: str) -> None:
    _rule(_array(tables.cells_size)[row] == size, "program", "cells have their frame", where)
    first, last = _array(tables.cells_start)[row : row + 2]
    moves = _array(tables.cells)[first:last]
    side = moves[:, 2:4] - moves[:, :2]
    _check_rects(moves[None, :, :4], size[None], where)
    sources = np.concatenate([moves[:, 4:], moves[:, 4:] + side], axis=1)
    _check_rects(sources[None], size[None], where)


def _check_tables(tables: Tables, dtype: Any) -> None:
    lookup = ((256,), np.uint8) if dtype == np.uint8 else ((KNOTS,), np.float32)
    lists = {name: ((width,), kind) for name, (width, kind) in LISTS.items()}
    for name, (shape, kind) in {**SHAPES, **lists, "lookup": lookup}.items():
        value = _array(getattr(tables, name))
        _rule(value.shape[1:] == shape, "program", "columns have their shape", name)
        _rule(value.dtype == kind, "program", "columns have their dtype", name)
        _rule(value.flags.c_contiguous, "program", "columns are C-ordered", name)
        _rule(np.isfinite(value), "program", "columns are finite", name)
    for name in (n for n in SHAPES if n.endswith("_fill")):
        value = _array(getattr(tables, name))
        _rule((value >= 0) & (value <= 255), "program", "fills lie in 0..255", name)
    for name in ("toward", "smooth", "noise", "median", "scatter"):
        _rule(_array(getattr(tables, name)) >= 0, "program", "strengths are not negative", name)
    modes = _array(tables.measure)[:, 0]
    _rule(np.isin(modes, [float(m) for m in MeasureMode]), "program", "a measure mode is known")
    modes = _array(tables.noise)[:, 0]
    _rule(np.isin(modes, [float(m) for m in NoiseMode]), "program", "a noise mode is known")
    _rule(_array(tables.noise_key) != 0, "program", "noise keys are not 0")
    shapes = _array(tables.shapes)
    _rule(np.isin(shapes[:, 0], list(ShapeKind)), "program", "a shape is known")
    _rule((shapes[:, 1] >= 0) & (shapes[:, 1] <= 1), "program", "alphas lie in 0..1")
    _rule(shapes[:, 2] > 0, "program", "softness is above 0")
    for name in LISTS:
        start = _array(getattr(tables, f"{name}_start"))
        whole = start[0] == 0 and start[-1] == len(getattr(tables, name))
        _rule(whole and np.all(np.diff(start) >= 0), "program", "starts are monotone", name)
    _check_filters(tables)
    _check_warps(tables)


def _check_filters(tables: Tables) -> None:
    window, width, _, threshold = _array(tables.blur).T
    _rule(np.isin(window, list(Window)), "program", "a window is known")
    _rule((width >= 0) & (threshold >= 0), "program", "strengths are not negative", "blur")
    bits = _array(tables.kernel_bits)
    _rule((bits >= 0) & (bits <= 20), "program", "kernels have 0 to 20 bits")
    ends = np.concatenate([[0], np.cumsum(np.abs(_array(tables.kernel)[:, 2]), dtype=np.int64)])
    sums = np.diff(ends[_array(tables.kernel_start)])
    _rule(sums <= MOST_SUM, "program", "32 bits hold a kernel's sums")
    rows, columns, clip = _array(tables.tiles).T
    _rule((rows >= 1) & (columns >= 1) & (clip >= 1), "program", "tiles and clips are 1 or more")
    height, width, down, up = _array(tables.rescale).T
    sizes = np.minimum(height, width) >= 1, np.maximum(height, width) <= MAX_SIDE
    _rule(np.all(sizes), "program", "sizes are 1 or more", "rescale")
    _rule(np.isin(down, list(Resample)), "program", "a way to resample is known", "rescale")
    _rule(np.isin(up, WARP_WAYS), "program", "a way to resample is known", "rescale")
    step, count = _array(tables.zoom).T
    _rule((step >= 0) & (count >= 1), "program", "zooms are 1 or more")
    _rule(_array(tables.scatter_key) != 0, "program", "noise keys are not 0", "scatter")
    quality, kind = _array(tables.codec).T
    _rule((quality >= 1) & (quality <= 100), "program", "a file's quality is 1..100")
    _rule(np.isin(kind, list(FileFormat)), "program", "a file format is known")


def _check_warps(tables: Tables) -> None:
    for name in ("warp_matrix", "warp_forward", "warp_before", "warp_after"):
        matrix = _array(getattr(tables, name)).reshape(-1, 3, 3)
        _rule(np.linalg.det(matrix) != 0, "program", "matrices are invertible", name)
    mode = _array(tables.warp_mode)
    _rule(np.isin(mode[:, 0], WARP_WAYS), "program", "a way to resample is known")
    _rule(np.isin(mode[:, 1], list(Border)), "program", "a border is known")
    _rule(np.isin(mode[:, 2], (0, 1)), "program", "antialias is 0 or 1")
    field = (mode[:, 3] >= -1) & (mode[:, 3] < len(tables.fields))
    _rule(field, "program", "rows lie inside their table", "fields")
    for name in ("warp_size", "warp_field_size"):
        size = _array(getattr(tables, name))
        _rule((size >= 1) & (size <= MAX_SIDE), "program", "sizes are 1 or more", name)
    _rule(np.isfinite(_array(tables.fields)), "program", "columns are finite", "fields")
    there = _array(tables.warp_forward).reshape(-1, 3, 3)
    back = _array(tables.warp_before).reshape(-1, 3, 3)
    straight = (mode[:, 3] < 0)[:, None, None]
    last = _array(tables.warp_matrix).reshape(-1, 3, 3)
    after = _array(tables.warp_after).reshape(-1, 3, 3)
    _check_inverse(np.where(straight, last, back), there)
    _check_inverse(np.where(straight, np.eye(3), last), np.where(straight, np.eye(3), after))


def _check_inverse(back: Array, there: Array) -> None:
    product = back @ there
    scale = (np.abs(back) @ np.abs(there)).max(axis=(1, 2), initial=1.0)
    off = product / product[:, 2:, 2:] - np.eye(3)
    error = np.abs(off).max(axis=(1, 2), initial=0.0)
    _rule(error <= AGREE * scale, "program", "the way back is the inverse of the way there")


def _check_stage(stage: Stage) -> None:
    start, verb, row = _array(stage.start), _array(stage.verb), _array(stage.row)
    whole = start[0] == 0 and start[-1] == len(verb) == len(row)
    _rule(whole and np.all(np.diff(start) >= 0), "program", "starts are monotone")
    _rule(len(stage.sizes_in) == len(start) - 1, "program", "one size per image")
    for kind in np.unique(verb):
        _rule(kind in list(Verb), "program", "a verb is known", kind)
        if kind in COUNTED:
            own, rows = row[verb == kind], len(getattr(stage.tables, COUNTED[Verb(kind)]))
            inside = (own >= 0) & (own < rows)
            _rule(inside, "program", "rows lie inside their table", Verb(kind).name)
    lowered = np.any(verb == Verb.LUMA)
    expected = 1 if lowered else stage.channels_in
    _rule(stage.channels_out == expected, "program", "only LUMA changes the channels")
    _check_sizes(stage)


def _check_sizes(stage: Stage) -> None:
    """Follows each image's size through its warps; rectangles must fit the size at their place."""
    tables = stage.tables
    starts, rects = _array(tables.rectangles_start), _array(tables.rectangles)
    for sample in range(len(stage.start) - 1):
        size = _array(stage.sizes_in)[sample]
        for entry in range(int(stage.start[sample]), int(stage.start[sample + 1])):
            place = int(stage.row[entry])
            if stage.verb[entry] == Verb.WARP:
                size = _array(tables.warp_size)[place]
            elif stage.verb[entry] == Verb.RECTANGLES:
                own = rects[starts[place] : starts[place + 1]]
                _check_rects(own[None], size[None], f"sample {sample}")
            elif stage.verb[entry] == Verb.CELLS:
                _check_cells(tables, place, size, f"sample {sample}")
        same = np.array_equal(size, _array(stage.sizes_out)[sample])
        _rule(same, "program", "a stage ends with its last warp's size", f"sample {sample}")
