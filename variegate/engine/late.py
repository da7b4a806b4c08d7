"""Late mixes: what an op left open until the pixels are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Images
from variegate.engine.puzzle import Cut, Solvers, cut_of
from variegate.engine.values import levels
from variegate.errors import EngineError
from variegate.ops.layers import ITSELF, NOTHING, Erased, Layers, Pasted, Puzzle, Salient
from variegate.ops.mixing import FIRST, around, one_layer, whole_frame
from variegate.ops.regions import MOST_HIDDEN
from variegate.plan.counter import uniforms
from variegate.plan.mixes import mix_stage
from variegate.plan.program import MixStage, OpenMix
from variegate.plan.rectangles import rectangles_of
from variegate.plan.tables import fill_row

Floats = npt.NDArray[np.float64]


def mix_of(late: OpenMix, images: Images, maps: Floats, by: Solvers) -> MixStage:
    """The mix for images (h, w, c) of one size and what stands out in them (n, h, w); by: what
    solves its puzzles.
    """
    entry = late.entry
    if isinstance(entry, Salient):
        center = salient_pixels(maps[late.partner[:, 0]])
        place = around(center, entry.sides, late.sizes[late.rows])
        return mix_stage(one_layer(place), late.rows, late.partner, late.sizes)
    if isinstance(entry, Puzzle):
        return _puzzle(late, entry, images, maps, by)
    raise EngineError(f"{late.op} cannot be made of what stands out")


def _puzzle(late: OpenMix, entry: Puzzle, images: Images, maps: Floats, by: Solvers) -> MixStage:
    cuts = []
    for row, (own, other) in enumerate(zip(late.rows, late.partner[:, 0], strict=True)):
        pair = levels(images[int(own)]) / 255, levels(images[int(other)]) / 255
        cuts.append(cut_of(entry, row, pair, (maps[own], maps[other]), by))
    most = max((2 * len(cut.labels) for cut in cuts), default=1)
    partner, place, origin, weight = (np.zeros((len(cuts), most, *w)) for w in ((), (4,), (2,), ()))
    for row, cut in enumerate(cuts):
        size = late.sizes[late.rows[row]]
        for first, layer in enumerate(cut_layers(cut, entry.levels, size)):
            many = slice(first * len(cut.labels), (first + 1) * len(cut.labels))
            partner[row, many], place[row, many], origin[row, many], weight[row, many] = layer
    layers = Layers(
        partner.astype(np.int64), place.astype(np.int64), weight, origin.astype(np.int64)
    )
    return mix_stage(layers, late.rows, late.partner, late.sizes)


def cut_layers(cut: Cut, levels: int, size: Any) -> list[tuple[Any, Any, Any, Any]]:
    """Partner, place, origin and weight of a layer for each cell: the image's own cells, then those
    of the partner over them. size: height and width.
    """
    cells = len(cut.rows) - 1
    row, column = np.divmod(np.arange(cells**2), cells)
    place = np.stack([cut.rows[row], cut.columns[column]], axis=1)
    place = np.concatenate([place, np.stack([cut.rows[row + 1], cut.columns[column + 1]], 1)], 1)
    sides = place[:, 2:] - place[:, :2]
    share = cut.labels / (levels - 1)
    found = []
    for which, shown, weight in (
        (ITSELF, cut.own, np.where((share < 1) & (cut.own != np.arange(cells**2)), 1.0, 0.0)),
        (FIRST, cut.other, share),
    ):
        # Cells may differ by a pixel in size: the picture is then taken a pixel before its cell.
        origin = np.minimum(place[shown, :2], np.asarray(size) - sides)
        found.append((which, place, origin, weight))
    return found


def paste_of(late: OpenMix, instances: list[Any]) -> MixStage:
    """The mix that pastes some instances of the partners; instances: (k, h, w) bool of each image
    of the batch.
    """
    entry, partner = late.entry, late.partner[:, 0]
    if not isinstance(entry, Pasted):
        raise EngineError(f"{late.op} pastes no instances")
    sizes = late.sizes[late.rows]
    masks = np.zeros((len(late.rows), *sizes[0].tolist()), dtype=np.bool_)
    picked = []
    for row, (key, image) in enumerate(zip(entry.key, partner.tolist(), strict=True)):
        own = instances[image]
        chance = uniforms(np.array([key]), np.arange(len(own), dtype=np.uint64))[:, 0]
        chosen = np.flatnonzero((chance < entry.chance) & own.any(axis=(1, 2)))
        masks[row] = own[chosen].any(axis=0)
        picked.append(chosen)
    layers = one_layer(whole_frame(sizes), masks=masks)
    return mix_stage(layers, late.rows, late.partner, late.sizes, picked=picked)


def erase_of(late: OpenMix, objects: list[Any], channels: int) -> MixStage:
    """The mix that hides some objects of each image of the batch.

    objects: of each image (k, h, w) bool, or the number of each pixel's object, 0 for none (h, w).
    """
    entry = late.entry
    if not isinstance(entry, Erased):
        raise EngineError(f"{late.op} hides no objects")
    found = []
    for row, image in enumerate(late.rows.tolist()):
        own = objects[image]
        hidden = _erased(own, int(entry.count[row]), entry.key[row], entry.guard)
        height, width = hidden.shape
        found.append(rectangles_of(hidden, np.arange(height + 1), np.arange(width + 1)))
    place = np.zeros((len(found), max(map(len, found), default=0), 4), dtype=np.int64)
    for row, rects in enumerate(found):
        place[row, : len(rects)] = rects
    layers = Layers(np.full(place.shape[:2], NOTHING), place)
    fill = fill_row(entry.fill, channels, late.op)
    return mix_stage(layers, late.rows, late.partner, late.sizes, fill=fill)


def _erased(objects: Any, count: int, key: Any, guard: bool) -> Any:
    """The pixels (h, w) of up to `count` of an image's objects, each equally likely."""
    if objects.ndim == 3:
        areas = np.count_nonzero(objects, axis=(1, 2))
    else:
        areas = np.bincount(objects.reshape(-1), minlength=1)[1:]
    some = np.flatnonzero(areas)
    chance = uniforms(np.array([key]), some.astype(np.uint64))[:, 0]
    chosen = some[np.argsort(chance, kind="stable")][:count]
    if guard:  # pixels of two objects count twice, so what is left is never too small
        most = MOST_HIDDEN * objects.shape[-2] * objects.shape[-1]
        chosen = chosen[np.cumsum(areas[chosen]) <= most]
    if objects.ndim == 3:
        return objects[chosen].any(axis=0)
    return np.isin(objects, chosen + 1)


def salient_pixels(maps: Any) -> Floats:
    """The row and column of the largest value of each (k, h, w); the first of equal ones."""
    flat = np.argmax(maps.reshape(len(maps), -1), axis=1)
    return np.stack(np.divmod(flat, maps.shape[2]), axis=1).astype(np.float64)
