"""Kernels: each pixel becomes a weighted sum of those around it."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Kernel
from variegate.ops.filters import ALPHA
from variegate.ops.op import Kind, Param, declare
from variegate.ops.tone import PILLOW

ALIAS_REACH = 3
NODES = 96  # of the integral for the Bessel function: exact for arguments of up to about 100


def _square(reach: Floats) -> tuple[Floats, Floats]:
    """Rows and columns, (1, s, 1) and (1, 1, s), away from the center of the largest kernel."""
    most = int(np.ceil(reach.max())) if len(reach) else 0
    away = np.arange(-most, most + 1.0)
    return away[None, :, None], away[None, None, :]


def _normalized(weights: Floats) -> Kernel:
    """Weights that sum to 1. Added up in order, so that zeros around a kernel, of which there are
    more beside a larger one, change no bit.
    """
    total = np.cumsum(weights.reshape(len(weights), -1), axis=1)[:, -1]
    return Kernel(weights / total[:, None, None])


@declare(
    Kind.FILTER,
    source="Albumentations (sizes 3 to 7, direction) and Kornia",
    params=(
        Param("length", 1, 101, "pixels", identity=1, weak=1, strong=15, default=(3.0, 7.0)),
        Param("angle", -360, 360, "degrees", default=(0.0, 360.0)),
        Param("direction", -1, 1, "-1 first half, 0 even, 1 second", default=(-1.0, 1.0)),
    ),
)
def motion_blur(length: Floats, angle: Floats, direction: Floats) -> Kernel:
    """Smear along a line, as a camera or a thing that moves does.

    The line has `length` pixels and turns counter-clockwise by `angle` from the horizontal; a pixel
    counts by how much of the line lies in it. At direction 1 or -1 the line fades out toward one of
    its ends.
    """
    turn = np.deg2rad(angle)
    to_x, to_y = length / 2 * np.cos(turn), -length / 2 * np.sin(turn)
    reach = int(np.ceil(np.maximum(length / 2 - 0.5, 0).max(initial=0.0)))
    edges = np.arange(-reach - 1, reach + 1) + 0.5
    with np.errstate(divide="ignore"):
        crossings = [edges / to[:, None] for to in (to_x, to_y)]
    along = np.sort(np.clip(np.concatenate(crossings, axis=1), -1, 1), axis=1)
    ends = np.full((len(length), 1), 1.0)
    along = np.concatenate([-ends, along, ends], axis=1)  # -1 and 1 are the line's ends
    middle, share = (along[:, 1:] + along[:, :-1]) / 2, np.diff(along, axis=1)
    x, y = (np.rint(middle * to[:, None]).astype(np.int64) for to in (to_x, to_y))
    side = 2 * reach + 1
    image = np.arange(len(length))[:, None] * side * side
    x, y = (np.clip(place + reach, 0, side - 1) for place in (x, y))  # where nothing is left to add
    amount = share * (1 + direction[:, None] * middle)
    place = (image + y * side + x).ravel()
    weights = np.bincount(place, amount.ravel(), len(length) * side * side)
    return _normalized(weights.astype(np.float64).reshape(-1, side, side))


@declare(
    Kind.FILTER,
    source="Hendrycks and Dietterich 2019 (ImageNet-C), defaults of Albumentations",
    params=(
        Param("radius", 0, 50, "pixels", identity=0, weak=0, strong=6, default=(3.0, 10.0)),
        Param("alias_blur", 0, 1, "pixels", identity=0, weak=0, strong=0.5, default=(0.1, 0.5)),
    ),
)
def defocus(radius: Floats, alias_blur: Floats) -> Kernel:
    """Blur as a lens out of focus does: by a disc, whose edge a Gaussian of sigma `alias_blur`
    softens.
    """
    rows, columns = _square(radius + ALIAS_REACH)
    disc = np.clip(radius[:, None, None] + 0.5 - np.hypot(rows, columns), 0, 1)
    near = np.arange(-ALIAS_REACH, ALIAS_REACH + 1.0)
    sigma = np.maximum(alias_blur, 1e-3)[:, None]
    soft = np.exp(-0.5 * (near / sigma) ** 2)
    soft = np.where(soft < 1e-6, 0.0, soft)  # taps that no level could feel
    for axis in (1, 2):
        shifted = np.zeros_like(disc)
        for place, shift in enumerate(near.astype(np.int64)):
            shifted += soft[:, place, None, None] * np.roll(disc, shift, axis)
        disc = shifted
    return _normalized(disc)


def _three(rows: list[list[float]]) -> Floats:
    return np.array(rows, dtype=np.float64)


CENTER = _three([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
EDGES = _three([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
SLOPE = _three([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]])
SHARE = Param(
    "alpha", 0, 1, "share of the effect", identity=0, weak=0, strong=0.5, default=(0.2, 0.5)
)


def _toward(alpha: Floats, effect: Floats) -> Kernel:
    """From the image itself at alpha 0 to the effect (k, 3, 3) at 1."""
    return Kernel(CENTER + alpha[:, None, None] * (effect - CENTER))


@declare(
    Kind.FILTER,
    source="Albumentations and imgaug, the same kernel: 8 + lightness in the middle, -1 around",
    params=(SHARE, Param("lightness", 0, 2, "1 keeps the brightness", default=(0.5, 1.0))),
)
def sharpen(alpha: Floats, lightness: Floats) -> Kernel:
    """Add the edges to the image; a lightness below 1 darkens what is sharpened."""
    return _toward(alpha, EDGES + lightness[:, None, None] * CENTER)


@declare(
    Kind.FILTER,
    source="Albumentations and imgaug, the same kernel",
    params=(SHARE, Param("strength", 0, 2, "steepness", default=(0.2, 0.7))),
)
def emboss(alpha: Floats, strength: Floats) -> Kernel:
    """Light edges up from the lower right, as on a relief."""
    steps = _three([[-1, 0, 0], [0, 1, 0], [0, 0, 1]])
    return _toward(alpha, steps + strength[:, None, None] * SLOPE)


@declare(Kind.FILTER, source=f"{PILLOW} (EDGE_ENHANCE; there the rim stays)", params=(ALPHA,))
def edge_enhance(alpha: Floats) -> Kernel:
    """Add half of the edges to the image; alpha 1 is Pillow's filter."""
    return Kernel(CENTER + alpha[:, None, None] * EDGES / 2)


def _bessel(x: Floats) -> Floats:
    """The Bessel function of the first kind and order 1, by the mean of its integral."""
    angle = (np.arange(NODES) + 0.5) * np.pi / NODES
    return np.asarray(np.cos(angle - x[..., None] * np.sin(angle)).mean(axis=-1))


@declare(
    Kind.FILTER,
    source="Wang et al. 2021 (Real-ESRGAN): a sinc filter; sizes 7 to 15 as in Albumentations",
    params=(
        Param("radius", 1, 15, "pixels", default=(3.0, 7.0), whole=True),
        Param(
            "cutoff",
            0.2,
            3.1416,
            "radians per pixel",
            weak=3.1416,
            strong=0.7854,
            default=(0.7854, 1.5708),
        ),
    ),
)
def ringing_overshoot(radius: Floats, cutoff: Floats) -> Kernel:
    """Cut off all frequencies above a limit, so that edges ring as after strong compression."""
    rows, columns = _square(radius)
    away, place = np.unique(np.hypot(rows, columns), return_inverse=True)  # each distance once
    limit = cutoff[:, None]
    weights = limit * _bessel(limit * away) / (2 * np.pi * np.where(away > 0, away, 1.0))
    weights = np.where(away > 0, weights, limit**2 / (4 * np.pi))
    weights = weights[:, place.reshape(rows.shape[1], -1)]
    inside = np.maximum(np.abs(rows), np.abs(columns)) <= radius[:, None, None]
    return _normalized(np.where(inside, weights, 0.0))
