"""Targets through the mixes of a program: annotations, masks, and instances that are pasted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.engine import Engine
from variegate.pipeline.marks import Marks
from variegate.plan.maps import runs
from variegate.plan.program import MixStage, Program, Stage
from variegate.plan.rings import Rings, joined
from variegate.targets.annotations import STAYS, Annotations, moved
from variegate.targets.boxes import box_outlines
from variegate.targets.connected import parts_of
from variegate.targets.instance_masks import extents, instance_areas, run_instance_masks
from variegate.targets.mixed import cover_codes, mixed, of_rows, shown_in, with_tiles
from variegate.targets.mixed_masks import mix_instance_masks, mix_masks
from variegate.targets.tensors import as_host

Ints = npt.NDArray[np.int64]


def run_masks(program: Program, masks: list[Any], engine: Engine, threads: int) -> list[Any]:
    """Masks (h, w, c) of classes after a program."""
    for part in runs(program):
        if isinstance(part, MixStage):
            masks = [as_host(mask) for mask in masks]
            tiles = [list(masks)]
            for stage, sources in _tile_stages(part):
                tiles.append(engine.run_masks(stage, [masks[i] for i in sources], threads))
            pictures = [mask for some in tiles for mask in some]
            masks = mix_masks(pictures, part.sizes_out, shown_in(part))
            continue
        for stage in part:
            masks = engine.run_masks(stage, masks, threads)
    return masks


def _tile_stages(mix: MixStage) -> list[tuple[Stage, list[int]]]:
    """Each stage that makes tiles, and the samples that it is run on."""
    found, first = [], 0
    for stage in mix.tiles:
        sources = mix.tile_source[first : first + len(stage.sizes_in)]
        found.append((stage, sources.tolist()))
        first += len(sources)
    return found


def carried(
    annotations: Annotations, marks: Marks, program: Program, engine: Engine, threads: int
) -> tuple[Annotations, list[Any] | None]:
    """Annotations and the marks' instance masks after a program."""
    masks, fast = marks.instance_masks, engine.name == "native"
    pairs = np.array(marks.form.keypoint_pairs, dtype=np.int64).reshape(-1, 2)
    for part in runs(program):
        if isinstance(part, MixStage):
            annotations, masks = _through_mix(annotations, masks, part, engine, threads)
            continue
        annotations = moved(annotations, part, pairs, fast)
        if masks is not None:
            own = Program(program.dtype, list(part))
            masks = run_instance_masks(own, masks, engine, threads)
    return annotations, masks


def instances_at(marks: Marks, program: Program, engine: Engine, threads: int) -> list[Any]:
    """Masks (k, h, w) bool of the instances of each image after a program; those that are lost are
    empty.
    """
    annotations, masks = carried(marks.annotations(boxes=True), marks, program, engine, threads)
    found = []
    for sample, mask in enumerate(masks or []):
        first, last = annotations.first[sample], annotations.first[sample + 1]
        own = mask != 0 if mask.ndim == 3 else mask == np.arange(1, last - first + 1)[:, None, None]
        found.append(own & (annotations.code[first:last] == STAYS)[:, None, None])
    return found


def objects_at(marks: Marks, program: Program, engine: Engine, threads: int) -> list[Any]:
    """What can be told apart in each image after a program: its instances (k, h, w) bool, or
    without instance masks the connected parts of its mask, counted from 1 (h, w).
    """
    if marks.instance_masks is not None:
        return instances_at(marks, program, engine, threads)
    return [parts_of(mask) for mask in run_masks(program, marks.masks or [], engine, threads)]


def _through_mix(
    annotations: Annotations, masks: list[Any] | None, mix: MixStage, engine: Engine, threads: int
) -> tuple[Annotations, list[Any] | None]:
    """Annotations and instance masks after a mix.

    Where there are masks, they tell what is left of an instance: its box is made anew where some of
    its pixels are hidden.
    """
    shown = shown_in(mix)
    pictures = with_tiles(annotations, mix)
    found, rows, below = mixed(pictures, mix, shown)
    if masks is None:
        return found, None
    tiles = list(masks)
    for stage, sources in _tile_stages(mix):
        own = Program(np.dtype(np.uint8), [stage])
        tiles += run_instance_masks(own, [masks[i] for i in sources], engine, threads)
    before = instance_areas(tiles, pictures.first)[rows]
    new = mix_instance_masks(tiles, mix.sizes_out, shown, found.first, rows, pictures.first)
    left = instance_areas(new, found.first)
    stays = np.flatnonzero(below | (left > 0))
    if len(stays) < len(rows):
        found, rows, left, before = of_rows(found, stays), rows[stays], left[stays], before[stays]
        new = mix_instance_masks(tiles, mix.sizes_out, shown, found.first, rows, pictures.first)
    return _fitted(found, new, before, left, cover_codes(mix))


def _fitted(
    annotations: Annotations, masks: list[Any], before: Any, left: Any, covers: Ints
) -> tuple[Annotations, list[Any]]:
    """Boxes about what is left in the masks; instances without a pixel are lost by `covers` (n,) of
    the result that they are in.
    """
    code = annotations.code.copy()
    lost = (left == 0) & (before > 0) & (code == STAYS)
    code[lost] = covers[annotations.owner[lost]]
    outlines = dict(annotations.outlines)
    touched = (left < before) & (left > 0)
    if "boxes" in outlines and touched.any():
        own = outlines["boxes"]
        boxes = box_outlines(extents(masks, annotations.first)[touched]).seen
        boxes = replace(boxes, row=np.flatnonzero(touched)[boxes.row])
        seen: Rings = own.seen.take(np.flatnonzero(~touched[own.seen.row]))
        outlines["boxes"] = replace(own, seen=joined([seen, boxes]))
    return replace(annotations, outlines=outlines, code=code), masks
