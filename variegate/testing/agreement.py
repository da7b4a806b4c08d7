"""Do boxes, points and masks go where the pixels go? Random policies, judged by the way that the
engine takes for pixels.

The judge goes backwards: it asks for a fine grid of points of the result where the engine would
fetch them from, and which of them lie in a box. Boxes and points are moved forwards, by other code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.engine.sampling import apply_matrix, displace
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.plan.maps import warp_levels
from variegate.plan.program import Program, Stage
from variegate.policy.nodes import Node, Step, Strength

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FINE = 8  # samples a pixel and side
RIM = 1e-3  # pixels: how near to the frame the outermost samples lie, so that wedges there show
SLIVER = 0.5  # pixels: what is thinner may fall between the samples
GEOMETRY = (Kind.MATRIX, Kind.FIELD)
EXACT, TIPPED, BENT = 0.25, 0.5, 1.0  # pixels: affine maps, perspectives, fields
POINTS = 0.1


@dataclass(frozen=True)
class Fine:
    """Samples of a result: their cells' ends, across (m + 1,) and down (k + 1,), where each comes
    from, x and y (k, m), and whether it was inside every frame on the way.
    """

    across: Floats
    down: Floats
    x: Floats
    y: Floats
    inside: Bools


@dataclass(frozen=True)
class Finding:
    """How far boxes and points of a sample are from the pixels, in pixels of the result. limit:
    what boxes may be off; compared: boxes and points that were; wrong: what must not be, in words.
    """

    box_error: float
    point_error: float
    limit: float
    compared: int
    wrong: tuple[str, ...]


def random_steps(
    generator: np.random.Generator, ops: Sequence[str], most: int = 8
) -> tuple[Node, ...]:
    """1 to `most` ops, two of three geometric, at random magnitudes or at their defaults."""
    moving = [name for name in ops if get(name).kind in GEOMETRY]
    others = [name for name in ops if get(name).kind not in GEOMETRY]
    steps: list[Node] = []
    for _ in range(int(generator.integers(1, most + 1))):
        kind = moving if generator.random() < 2 / 3 else others
        op = get(str(generator.choice(kind)))
        strength = None
        if op.has_magnitude and generator.random() < 0.5:
            low, high = np.sort(generator.random(2)).tolist()
            strength = Strength(low, high)
        chance = float(generator.choice([0.5, 1.0]))
        steps.append(Step(op.name, dict(op.example), chance, strength))
    return tuple(steps)


def way_back(program: Program, x: Floats, y: Floats) -> tuple[Floats, Floats, Bools]:
    """Where points of sample 0's result come from, and whether they were inside every frame on the
    way.
    """
    shape = np.broadcast_shapes(x.shape, y.shape)
    inside = np.ones(shape, dtype=bool)
    for stage in reversed(program.stages):
        if not isinstance(stage, Stage):
            raise ValueError("a mix has no way back")
        tables = stage.tables
        rows = [int(level[0]) for level in warp_levels(stage) if level[0] >= 0]
        sizes = [np.asarray(stage.sizes_in)[0], *(np.asarray(tables.warp_size)[r] for r in rows)]
        for row, (height, width) in zip(reversed(rows), reversed(sizes[:-1]), strict=True):
            x, y = apply_matrix(np.asarray(tables.warp_matrix[row]).reshape(3, 3), x, y)
            field = int(np.asarray(tables.warp_mode)[row, 3])
            if field >= 0:
                down, across = np.asarray(tables.warp_field_size)[row].tolist()
                x, y = np.broadcast_arrays(x, y)
                x, y = displace(x, y, tables.fields[field], (down, across))
                x, y = apply_matrix(np.asarray(tables.warp_before[row]).reshape(3, 3), x, y)
            inside = inside & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.broadcast_to(x, shape), np.broadcast_to(y, shape), inside


def fine_samples(program: Program, height: int, width: int) -> Fine:
    """FINE samples a pixel and side of sample 0's result, and one more row along each edge."""
    across, down = (_ends(length) for length in (width, height))
    x, y = (across[:-1] + across[1:]) / 2, (down[:-1] + down[1:]) / 2
    return Fine(across, down, *way_back(program, x[None, :], y[:, None]))


def _ends(length: int) -> Floats:
    inner = np.arange(1, length * FINE) / FINE
    return np.array([0.0, RIM, *inner, length - RIM, length])


def box_limit(program: Program) -> float:
    """What boxes may be off: by the hardest map on the way."""
    limit = EXACT
    for stage in program.stages:
        if not isinstance(stage, Stage):
            continue
        for level in warp_levels(stage):
            if level[0] < 0:
                continue
            if int(np.asarray(stage.tables.warp_mode)[level[0], 3]) >= 0:
                return BENT
            if np.any(np.asarray(stage.tables.warp_matrix)[level[0], 6:8]):
                limit = TIPPED
    return limit


def judge(program: Program, given: Mapping[str, Any], out: Mapping[str, Any]) -> Finding:
    """Compares what a pipeline gave for one sample with the way of its pixels.

    given: boxes (k, 4) with box_labels (k,), keypoints (m, 2) and a mask, as the pipeline took
    them; out: what it returned, `program` its lowered plan.
    """
    height, width = out["image"].shape[:2]
    fine = fine_samples(program, height, width)
    wrong: list[str] = []
    box_error, boxes = _boxes(fine, given, out, wrong) if "boxes" in given else (0.0, 0)
    point_error, points = _points(program, given, out) if "keypoints" in given else (0.0, 0)
    if "mask" in given:
        new = np.setdiff1d(out["mask"], [*np.unique(given["mask"]), 0])
        wrong += [f"mask: new ids {new.tolist()[:4]}"] if len(new) else []
        if out["mask"].shape[:2] != (height, width):
            wrong.append("mask: of another size than the image")
    return Finding(box_error, point_error, box_limit(program), boxes + points, tuple(wrong))


def _boxes(
    fine: Fine,
    given: Mapping[str, Any],
    out: Mapping[str, Any],
    wrong: list[str],
) -> tuple[float, int]:
    kept = out["kept"].tolist()
    labels = np.asarray(given["box_labels"])
    if not np.array_equal(np.asarray(out["box_labels"]), labels[kept]):
        wrong.append("box_labels: not those of the boxes that stay")
    worst, compared = 0.0, 0
    for place, box in enumerate(np.asarray(given["boxes"], dtype=np.float64)):
        seen = bounds(fine, box)
        if place not in kept:
            if seen is not None and min(seen[2] - seen[0], seen[3] - seen[1]) > SLIVER:
                wrong.append(f"box {place} is gone, but shows at {np.round(seen, 2).tolist()}")
            continue
        moved = np.asarray(out["boxes"][kept.index(place)], dtype=np.float64)
        if seen is None:
            if min(moved[2] - moved[0], moved[3] - moved[1]) > SLIVER:
                wrong.append(f"box {place} is at {np.round(moved, 2).tolist()}, but does not show")
            continue
        if min(seen[2] - seen[0], seen[3] - seen[1]) <= SLIVER:
            continue  # a corner of what shows may lie between the samples
        worst, compared = max(worst, float(np.abs(moved - seen).max())), compared + 1
    return worst, compared


def bounds(fine: Fine, box: Floats) -> Floats | None:
    """The bounds x1 y1 x2 y2 of the samples that come from a box, or None if none does."""
    x, y = fine.x, fine.y
    own = fine.inside & (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    if len(rows) == 0:
        return None
    low = fine.across[columns[0]], fine.down[rows[0]]
    return np.array([*low, fine.across[columns[-1] + 1], fine.down[rows[-1] + 1]])


def _points(
    program: Program, given: Mapping[str, Any], out: Mapping[str, Any]
) -> tuple[float, int]:
    """The error of points inside, measured at their source and scaled to the result's pixels."""
    inside = np.asarray(out["keypoints_inside"])
    source = np.asarray(given["keypoints"], dtype=np.float64)[inside]
    moved = np.asarray(out["keypoints"], dtype=np.float64)[inside]
    if len(source) == 0:
        return 0.0, 0
    x, y = moved.T
    found = np.stack(way_back(program, x, y)[:2], axis=1)
    step = 0.05
    along = [
        np.stack(way_back(program, x + dx, y + dy)[:2], axis=1) - found
        for dx, dy in ((step, 0.0), (0.0, step))
    ]
    jacobian = np.stack(along, axis=2) / step
    error = np.linalg.solve(jacobian, (source - found)[..., None])[..., 0]
    return float(np.abs(error).max()), len(source)
