"""Mixes of parts of other shapes: four images around a point, blobs, salient parts, instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from variegate.ops.entries import Floats, Geometry, Ints, Words
from variegate.ops.layers import Blobs, Layers, Pasted, Puzzle, Salient
from variegate.ops.mixing import ALPHA, beta_quantile, cut_sides
from variegate.ops.op import Draw, Kind, Mixing, Setting, declare
from variegate.ops.settings import (
    ANTIALIAS,
    FILL,
    RESAMPLE,
    SIZE,
    choice,
    flag,
    number,
    pair,
    whole,
)

SALIENCIES = ("spectral_residual", "fine_grained", "given")
MOST_CELLS = 32
# Whether the point is at the end of each part's rows and columns.
INNER = np.array([[[True, True], [True, False], [False, True], [False, False]]])
OWN_AND_PARTNERS = np.array([[-1, 0, 1, 2]])  # upper left, upper right, lower left, lower right


def _size_or_none(value: object) -> tuple[int, int] | None:
    return None if value is None else SIZE.check(value)


FRAME = Setting(
    "size", _size_or_none, "a pair (height, width) of whole numbers, or None for the image's own"
)


@declare(
    Kind.MIX,
    source="Bochkovskiy et al. 2020, YOLOv4",
    settings=(
        FRAME,
        Setting("center", pair(0, 1), "a pair (low, high) of shares of the sides", (0.25, 0.75)),
        choice("fit", ("cover", "contain", "corner"), "cover"),
        RESAMPLE,
        ANTIALIAS,
        FILL,
    ),
    draws=(Draw("center_y"), Draw("center_x"), Draw("y", 4), Draw("x", 4)),
    example={"size": (40, 36)},
    reframes=True,
    mixing=Mixing(partners=3, any_size=True),
)
def mosaic(
    sizes: Ints,
    partner_sizes: Ints,
    size: tuple[int, int] | None,
    center: tuple[float, float],
    fit: str,
    resample: str,
    antialias: bool,
    fill: float,
    center_y: Floats,
    center_x: Floats,
    y: Floats,
    x: Floats,
) -> Layers:
    """Four images, the image itself upper left, around a random point of a frame of `size`.

    cover: each fills its part, scaled with its proportions and cut off at a random place. contain:
    each lies wholly inside its part, at the point; the fill shows around it. corner: each keeps its
    scale and lies with a corner at the point, cut off at the frame.
    """
    low, high = center
    frame = sizes if size is None else np.broadcast_to(np.array(size), (len(sizes), 2))
    point = np.stack([center_y, center_x], axis=1) * (high - low) + low
    cut = np.rint(point * frame).astype(np.int64)
    parts = _quarters(cut, frame)
    sides = parts[..., 2:] - parts[..., :2]
    own = np.concatenate([sizes[:, None], partner_sizes], axis=1)
    partner = np.repeat(OWN_AND_PARTNERS, len(sizes), axis=0)
    if fit == "corner":
        parts = _at_the_point(parts, own)
        origin = np.where(INNER, own - (parts[..., 2:] - parts[..., :2]), 0)
        return Layers(partner, parts, origin=origin, size=frame)
    if fit == "cover":
        tiles = _covering(own, sides, np.stack([y, x], axis=-1))
    else:
        small = _contained(own, sides)
        parts = _at_the_point(parts, small)
        matrix = np.zeros((*own.shape[:2], 3, 3))
        matrix[..., [1, 0], [1, 0]] = small / own
        matrix[..., 2, 2] = 1
        tiles = Geometry(matrix.reshape(-1, 3, 3), small.reshape(-1, 2))
    return Layers(partner, parts, tiles=tiles, size=frame)


def _quarters(cut: Ints, frame: Ints) -> Ints:
    """(k, 4, 4) y1 x1 y2 x2: a frame cut at a point into upper left, upper right, lower left and
    lower right.
    """
    y, x, height, width = cut[:, 0], cut[:, 1], frame[:, 0], frame[:, 1]
    none = np.zeros_like(y)
    parts = [
        [none, none, y, x],
        [none, x, y, width],
        [y, none, height, x],
        [y, x, height, width],
    ]
    return np.stack([np.stack(part, axis=1) for part in parts], axis=1)


def _covering(sizes: Ints, sides: Ints, place: Floats) -> Geometry:
    """Images (k, 4, 2) scaled to just cover their parts, and cut off at a share `place`."""
    wanted = np.maximum(sides, 1)
    scale = np.max(wanted / sizes, axis=2, keepdims=True)
    offset = place * np.maximum(scale * sizes - wanted, 0)
    matrix = np.zeros((*sizes.shape[:2], 3, 3))
    matrix[..., 0, 0] = matrix[..., 1, 1] = scale[..., 0]
    matrix[..., :2, 2] = -offset[..., ::-1]
    matrix[..., 2, 2] = 1
    return Geometry(matrix.reshape(-1, 3, 3), wanted.reshape(-1, 2))


def _contained(sizes: Ints, sides: Ints) -> Ints:
    """The largest size of each image that its part holds, in its proportions (k, 4, 2)."""
    scale = np.min(sides / sizes, axis=2, keepdims=True)
    return np.asarray(np.maximum(np.floor(scale * sizes + 1e-9), 1), dtype=np.int64)


def _at_the_point(parts: Ints, small: Ints) -> Ints:
    """Rectangles of these sizes in their parts, with a corner at the point; none in empty parts."""
    inner = np.minimum(small, parts[..., 2:] - parts[..., :2])
    low, high = parts[..., :2], parts[..., 2:]
    corner = np.where(INNER, high - inner, low)
    filled = np.all(inner > 0, axis=2, keepdims=True)
    placed = np.concatenate([corner, corner + inner], axis=2)
    return np.asarray(np.where(filled, placed, 0))


@declare(
    Kind.MIX,
    source="Harris et al. 2020, FMix, with frequencies of up to 32 cycles over the frame",
    settings=(
        ALPHA,
        Setting("decay", lambda value: number(value, 0, 10), "a number 0..10", 3.0),
    ),
    draws=(Draw("weight"),),
    mixing=Mixing(keyed=True),
)
def fmix(sizes: Ints, alpha: float, decay: float, weight: Floats, key: Words) -> Blobs:
    """Cut along the outline of random blobs; the image keeps a share from Beta(alpha, alpha).

    decay: the higher it is, the larger and smoother the blobs.
    """
    return Blobs(beta_quantile(weight, alpha), decay, key)


@declare(
    Kind.MIX,
    source="Uddin et al. 2021, SaliencyMix",
    settings=(ALPHA, choice("saliency", SALIENCIES, "fine_grained")),
    draws=(Draw("weight"),),
    mixing=Mixing(needs="saliency"),
)
def saliency_mix(sizes: Ints, alpha: float, saliency: str, weight: Floats) -> Salient:
    """CutMix whose rectangle lies around the partner's most salient pixel.

    saliency: spectral_residual, fine_grained, or given (Pipeline's `saliency`).
    """
    return Salient(cut_sides(sizes, alpha, weight), saliency)


def _cell_counts(value: object) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or not value:
        raise ValueError
    return tuple(whole(each, 1, MOST_CELLS) for each in value)


def _blends(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments["levels"] > 2)


@declare(
    Kind.MIX,
    source="Kim et al. 2020, Puzzle Mix; the cut is exact, and so is the transport",
    settings=(
        ALPHA,
        Setting("cells", _cell_counts, f"a list of whole numbers 1..{MOST_CELLS}", (2, 4, 8, 16)),
        Setting("levels", lambda value: whole(value, 2, 5), "a whole number 2..5", 3),
        Setting("beta", lambda value: number(value, 0, 1000), "a number 0..1000", 1.2),
        Setting("gamma", lambda value: number(value, 0, 1000), "a number 0..1000", 0.5),
        Setting("eta", lambda value: number(value, 0, 1000), "a number 0..1000", 0.2),
        flag("transport", True),
        Setting("distance", lambda value: number(value, 0, 1000), "a number 0..1000", 0.8),
        choice("saliency", SALIENCIES, "given"),
    ),
    draws=(Draw("weight"), Draw("grid")),
    mixing=Mixing(blends=_blends, needs="saliency"),
)
def puzzle_mix(
    sizes: Ints,
    alpha: float,
    cells: tuple[int, ...],
    levels: int,
    beta: float,
    gamma: float,
    eta: float,
    transport: bool,
    distance: float,
    saliency: str,
    weight: Floats,
    grid: Floats,
) -> Puzzle:
    """Keep what is salient of both images: cells are cut apart and moved at the least cost.

    cells: a side, one number of them for each image. levels: shares that a cell may have of the
    image (3: none, half, all). beta, gamma, eta: how much smooth cuts, cuts along edges and the
    weight count. distance: what moving a cell costs. saliency: given is Pipeline's `saliency`.
    """
    chosen = np.array(cells)[np.minimum((grid * len(cells)).astype(int), len(cells) - 1)]
    share, travel = beta_quantile(weight, alpha), distance if transport else None
    return Puzzle(share, chosen, levels, beta, gamma, eta, travel, saliency)


@declare(
    Kind.MIX,
    source="Ghiasi et al. 2021, Simple Copy-Paste",
    settings=(Setting("chance", lambda value: number(value, 0, 1), "a number 0..1", 0.5),),
    mixing=Mixing(needs="instances", keyed=True),
)
def copy_paste(sizes: Ints, chance: float, key: Words) -> Pasted:
    """Paste instances of a partner, each with the same chance; needs instance masks.

    What they hide is cut out of the image's own instances.
    """
    return Pasted(chance, key)
