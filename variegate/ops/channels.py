"""Channels: their order, and ops that are one 3x4 matrix per image, values on 0..1. One channel
counts as three equal ones; of four, the fourth stays as it is.
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import MAX_CHANNELS, Channels, Floats, Picked
from variegate.ops.op import Draw, Kind, Param, declare
from variegate.ops.settings import FILL, choice
from variegate.ops.tone import FULL

KNOWN = "common to Albumentations, torchvision and Kornia"


def scaled(gains: Floats) -> Floats:
    """Matrices (k, 3, 4) that multiply each channel by its gain (k, 3)."""
    matrix = np.zeros((len(gains), 3, 4))
    matrix[:, (0, 1, 2), (0, 1, 2)] = gains
    return matrix


def mixed(amount: Floats, full: Floats) -> Floats:
    """Matrices (k, 3, 4) on the way from the identity, at amount 0, to `full` (3, 3), at 1."""
    matrix = scaled(np.ones((len(amount), 3)))
    matrix[:, :, :3] += amount[:, None, None] * (full - np.eye(3))
    return matrix


ORDER = Draw("order", 3)
EVERY = Draw("order", MAX_CHANNELS)


@declare(
    Kind.COLOR,
    source=f"{KNOWN} (there RandomChannelPermutation)",
    draws=(EVERY,),
    channels=(),
)
def channel_shuffle(order: Floats) -> Picked:
    """Put the channels into a random order; each order is equally likely. Of four channels the
    fourth stays.
    """
    return Picked(order)


@declare(
    Kind.COLOR,
    source=f"{KNOWN}: each hidden channel takes the fill",
    params=(
        Param(
            "count",
            0,
            MAX_CHANNELS,
            "channels",
            identity=0,
            weak=0,
            strong=2,
            default=(1.0, 1.0),
            whole=True,
        ),
    ),
    settings=(FILL,),
    draws=(EVERY,),
    channels=(),
)
def channel_dropout(count: Floats, fill: float | tuple[float, ...], order: Floats) -> Picked:
    """Set random channels to one level. Of four channels the fourth stays."""
    return Picked(order, count, fill)


def _shift(name: str) -> Param:
    return Param(
        name,
        -255,
        255,
        "levels",
        identity=0,
        weak=0,
        strong=50,
        mirrored=True,
        default=(-20.0, 20.0),
    )


@declare(Kind.COLOR, source=KNOWN, params=(_shift("red"), _shift("green"), _shift("blue")))
def rgb_shift(red: Floats, green: Floats, blue: Floats) -> Channels:
    """Add an amount of its own to each channel."""
    matrix = scaled(np.ones((len(red), 3)))
    matrix[:, :, 3] = np.stack([red, green, blue], axis=1) / FULL
    return Channels(matrix)


AMOUNT = Param(
    "amount", 0, 1, "share of the effect", identity=0, weak=0, strong=1, default=(1.0, 1.0)
)
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


@declare(
    Kind.COLOR,
    source="the usual sepia weights, as in Albumentations and Kornia; amount 1 is theirs",
    params=(AMOUNT,),
)
def to_sepia(amount: Floats) -> Channels:
    """Tint the gray brown, as on old photographs."""
    return Channels(mixed(amount, SEPIA))


WEIGHTS = {
    "weighted_average": (0.299, 0.587, 0.114),
    "average": (1 / 3, 1 / 3, 1 / 3),
    "rec709": (0.2126, 0.7152, 0.0722),
}


@declare(
    Kind.COLOR,
    source="weights of ITU-R BT.601 (weighted_average) and BT.709, or equal ones (average)",
    params=(AMOUNT,),
    settings=(choice("method", tuple(WEIGHTS), "weighted_average"),),
)
def to_gray(amount: Floats, method: str) -> Channels:
    """Go toward a gray of three equal channels, with a choice of weights, rounded to nearest."""
    return Channels(mixed(amount, np.tile(WEIGHTS[method], (3, 1))))
