"""Predictions taken back: from the frame of an augmented image into the frame of the original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from variegate.engine.choose import choose
from variegate.engine.engine import Engine, Images
from variegate.errors import InputError, PolicyError
from variegate.ops.entries import MAX_CHANNELS
from variegate.ops.op import suggest
from variegate.pipeline.forms import Targets
from variegate.pipeline.marks import MARKS, Marks, as_batch_of_one, only
from variegate.pipeline.moved import moved_marks, moved_masks
from variegate.pipeline.stream import default_threads
from variegate.plan.inverse import inverse_program
from variegate.plan.plan import Plan
from variegate.plan.program import Program, Resample, Stage
from variegate.plan.regions import geometry_of
from variegate.targets.images import stack

if TYPE_CHECKING:
    from variegate.pipeline.pipeline import Pipeline

Array = npt.NDArray[Any]
SINGLE = {"image": "images", "mask": "masks", **{name: name for name in MARKS if name != "masks"}}
RESAMPLES = {"nearest": Resample.NEAREST, "bilinear": Resample.BILINEAR}


def invert(
    plan: Plan,
    *,
    like: Pipeline | None = None,
    resample: str = "bilinear",
    fill: float = 0.0,
    single: bool | None = None,
    **targets: Any,
) -> dict[str, Any]:
    """Takes what belongs to a plan's results back to the images that the plan was drawn for.

    targets: those of a Pipeline, in its shapes: images=, masks=, boxes=, keypoints= and so on for a
    batch; image=, mask=, ... for a plan of one image. images may also be maps of a model, floats
    of any values and any number of channels (n, h, w, c): they are interpolated (`resample`:
    bilinear or nearest), masks are not. like: the pipeline whose formats, engine and threads count.
    single: whether the targets are those of one sample; by default they are for a plan of one image
    without images= and masks=.

    Returns a dict with the same names, and `seen`: (n, h, w) bool, or a list where sizes differ:
    which pixels of the original the result shows. Where they were not seen, images get `fill` and
    masks 0. What has a shape comes with `kept`, `dropped` and `reasons`, keypoints with
    `keypoints_inside`, as in a Pipeline. Matrices are undone exactly, fields by Newton's steps on a
    fine grid. A box that was turned is boxed anew, so it grows; polygons do not.

    Raises InputError where the plan mixes images, sizes do not fit or an argument is unknown.
    """
    if not isinstance(plan, Plan):
        raise InputError(f"invert: expected a Plan, got {type(plan).__name__}")
    if resample not in RESAMPLES:
        raise PolicyError(f"resample: expected {' or '.join(RESAMPLES)}, got {resample!r}")
    if single is None:
        single = len(plan) == 1 and not ({"images", "masks"} & set(targets))
    batch = _as_batch(targets, single)
    form = Targets() if like is None else replace(like.targets, min_area=0.0, min_visibility=0.0)
    engine = choose(None if like is None else like.engine)
    threads = None if like is None else like.threads
    if threads is None:
        threads = default_threads() if len(plan) > 1 else 1
    back = inverse_program(geometry_of(plan), np.float32, RESAMPLES[resample])
    stage = _only(back)
    sizes = np.asarray(stage.sizes_in, dtype=np.int64)
    marks = Marks.read({name: batch[name] for name in MARKS if name in batch}, sizes, form)
    maps = _read_maps(batch["images"], sizes) if "images" in batch else None
    seen = _seen(stage, engine, threads)
    result: dict[str, Any] = {}
    if maps is not None:
        moved = _maps_back(stage, maps, engine, threads)
        for image, shown in zip(moved, seen, strict=True):
            image[~shown] = fill
        result["images"] = stack(moved)
    result |= moved_masks(marks, back, engine, threads)
    result |= moved_marks(marks, back, engine, threads) | {"seen": stack(seen)}
    return _one(result, targets) if single else result


def _as_batch(targets: Mapping[str, Any], single: bool) -> dict[str, Any]:
    """The targets under their names in a batch."""
    known = SINGLE if single else ("images", *MARKS)
    for name in targets:
        if name not in known:
            raise InputError(f"invert: unknown argument {name!r}; {suggest(name, [*known])}")
    given = {name: value for name, value in targets.items() if value is not None}
    if not given:
        raise InputError(f"invert: pass at least one of {', '.join(known)}")
    if single:
        return {SINGLE[name]: as_batch_of_one(value) for name, value in given.items()}
    return given


def _one(result: Mapping[str, Any], targets: Mapping[str, Any]) -> dict[str, Any]:
    names = {batch: name for name, batch in SINGLE.items()}
    out = {names.get(name, name): only(value) for name, value in result.items()}
    if "image" in out and np.ndim(targets["image"]) == 2:
        out["image"] = out["image"][..., 0]
    return out


def _only(program: Program) -> Stage:
    stage = program.stages[0]
    if not isinstance(stage, Stage):
        raise InputError("plan: a mix cannot be undone")
    return stage


def _read_maps(images: Any, sizes: Array) -> list[Array]:
    """Each image's map as float arrays (h, w, c), of the size that the plan gives it."""
    if not hasattr(images, "__len__") or len(images) != len(sizes):
        got = f"{len(images)}" if hasattr(images, "__len__") else type(images).__name__
        raise InputError(f"images: expected one item per image ({len(sizes)}), got {got}")
    maps = []
    for place, size in enumerate(sizes.tolist()):
        item = np.asarray(images[place])
        if item.dtype.kind not in "biuf" or item.ndim not in (2, 3):
            raise InputError(
                f"images[{place}]: expected numbers (h, w) or (h, w, c), "
                f"got {item.dtype} of shape {item.shape}"
            )
        if item.shape[:2] != tuple(size):
            raise InputError(
                f"images[{place}]: the plan gives {size[0]}x{size[1]}, "
                f"got {item.shape[0]}x{item.shape[1]}"
            )
        if not np.isfinite(item).all():
            raise InputError(f"images[{place}]: not finite")
        maps.append(item[..., None] if item.ndim == 2 else item)
    return maps


def _seen(stage: Stage, engine: Engine, threads: int) -> list[Array]:
    """Which pixels of each original (h, w) some pixel of the result shows."""
    ones = [np.ones((h, w, 1), dtype=np.uint8) for h, w in np.asarray(stage.sizes_in).tolist()]
    return [mask[..., 0] > 0 for mask in engine.run_masks(stage, ones, threads)]


def _maps_back(stage: Stage, maps: list[Array], engine: Engine, threads: int) -> list[Array]:
    """Maps through a stage, in their dtype. Engines keep floats within 0..1 and
    take 16 channels at most, so maps are scaled and cut in parts.
    """
    low = [float(item.min()) if item.size else 0.0 for item in maps]
    span = [(float(item.max()) if item.size else 0.0) - least or 1.0
            for item, least in zip(maps, low, strict=True)]  # fmt: skip
    scaled = [
        ((item - least) / reach).astype(np.float32)
        for item, least, reach in zip(maps, low, span, strict=True)
    ]
    moved = _in_parts(stage, scaled, engine, threads)
    return [
        _restored(image, least, reach, item.dtype)
        for image, least, reach, item in zip(moved, low, span, maps, strict=True)
    ]


def _in_parts(stage: Stage, maps: list[Array], engine: Engine, threads: int) -> list[Array]:
    channels = max((item.shape[2] for item in maps), default=0)
    parts = []
    for first in range(0, channels, MAX_CHANNELS):
        piece = [np.ascontiguousarray(m[..., first : first + MAX_CHANNELS]) for m in maps]
        own = _with_channels(stage, piece[0].shape[2])
        parts.append(list(engine.run_stage(own, Images(piece), threads)))
    if len(parts) == 1:
        return [np.array(image) for image in parts[0]]
    return [np.concatenate(pieces, axis=2) for pieces in zip(*parts, strict=True)]


def _with_channels(stage: Stage, channels: int) -> Stage:
    return Stage(stage.start, stage.verb, stage.row, stage.tables, stage.sizes_in,
                 stage.sizes_out, channels, channels)  # fmt: skip


def _restored(image: Array, least: float, reach: float, dtype: Any) -> Array:
    value = image.astype(np.float64) * reach + least
    return np.asarray((np.rint(value) if dtype.kind in "iub" else value).astype(dtype))
