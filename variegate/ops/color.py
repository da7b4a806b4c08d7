"""Color: ops on a pixel's channels. One channel counts as gray; of four, the fourth stays as it
is.
"""

from __future__ import annotations

import numpy as np

from variegate.ops.channels import ORDER
from variegate.ops.entries import Floats, Hsv, Luma, Toward
from variegate.ops.op import Draw, Kind, Param, Setting, declare
from variegate.ops.settings import choice, number
from variegate.ops.tone import PILLOW, factor


@declare(Kind.COLOR, source=PILLOW, params=(factor(),))
def color(factor: Floats) -> Toward:
    """Saturation: 0 is gray, 1 unchanged, above 1 stronger."""
    return Toward(factor)


@declare(
    Kind.COLOR,
    source="ITU-R BT.601 luma in Pillow's integer arithmetic",
    settings=(choice("output_channels", (1, 3), 3),),
)
def grayscale(count: int, output_channels: int) -> Toward | Luma:
    """Replace color by its gray, in three equal channels or in one."""
    return Luma(count) if output_channels == 1 else Toward(np.zeros(count))


HUE = Param(
    "hue", -180, 180, "degrees", identity=0, weak=0, strong=45, mirrored=True, default=(-18.0, 18.0)
)


def _times(name: str) -> Param:
    return Param(
        name,
        0,
        1000,
        "times, 1 = unchanged",
        identity=1,
        weak=1,
        strong=1.5,
        mirrored=True,
        default=(0.8, 1.2),
    )


def _plus(name: str) -> Param:
    return Param(name, -255, 255, "levels, 0 = unchanged", identity=0, default=(0.0, 0.0))


@declare(
    Kind.COLOR,
    source="Smith 1978, HSV, in real numbers, rounded once",
    params=(
        HUE,
        _times("saturation"),
        _times("value"),
        _plus("add_saturation"),
        _plus("add_value"),
    ),
)
def hue_saturation_value(
    hue: Floats, saturation: Floats, value: Floats, add_saturation: Floats, add_value: Floats
) -> Hsv:
    """Turn the hue of HSV; multiply its saturation and value, and add to them.

    A gray pixel has the hue 0: it becomes red where something is added to its saturation.
    """
    return Hsv(hue, saturation, value, add_saturation, add_value)


def _turned(hue: Floats) -> tuple[str, dict[str, Floats]]:
    """The hue alone, as a part of a chain."""
    one, none = np.ones(len(hue)), np.zeros(len(hue))
    rest = {"saturation": one, "value": one, "add_saturation": none, "add_value": none}
    return "HueSaturationValue", {"hue": hue, **rest}


@declare(
    Kind.CHAIN,
    source="the usual color jitter; the order is fixed, so that a plan reads as it runs",
    params=(
        factor("brightness"),
        factor("contrast"),
        factor("saturation"),
        Param(
            "hue",
            -180,
            180,
            "degrees",
            identity=0,
            weak=0,
            strong=18,
            mirrored=True,
            default=(0.0, 0.0),
        ),
    ),
)
def color_jitter(
    brightness: Floats, contrast: Floats, saturation: Floats, hue: Floats
) -> list[tuple[str, dict[str, Floats]]]:
    """Brightness, contrast, saturation and hue, each by its own random amount, in this order."""
    chain: list[tuple[str, dict[str, Floats]]] = [
        ("Brightness", {"factor": brightness}),
        ("Contrast", {"factor": contrast}),
        ("Color", {"factor": saturation}),
    ]
    if np.any(hue):
        chain.append(_turned(hue))
    return chain


def _around(name: str, strong: float, default: tuple[float, float]) -> Param:
    return Param(
        name,
        0,
        20,
        "times, 1 = unchanged",
        identity=1,
        weak=1,
        strong=strong,
        mirrored=True,
        default=default,
    )


@declare(
    Kind.CHAIN,
    source="Liu et al. 2016, SSD; the ranges are torchvision's RandomPhotometricDistort",
    params=(
        _around("brightness", 1.25, (0.875, 1.125)),
        _around("contrast", 1.9, (0.5, 1.5)),
        _around("saturation", 1.9, (0.5, 1.5)),
        Param(
            "hue",
            -180,
            180,
            "degrees",
            identity=0,
            weak=0,
            strong=36,
            mirrored=True,
            default=(-18.0, 18.0),
        ),
        Param(
            "shuffle",
            0,
            1,
            "chance of a random order of the channels",
            identity=0,
            weak=0,
            strong=1,
            default=(0.5, 0.5),
        ),
    ),
    settings=(
        Setting("chance", lambda v: number(v, 0, 1), "0..1, of each of the first four", 0.5),
    ),
    draws=(Draw("taken", 4), Draw("last"), Draw("shuffled"), ORDER),
)
def random_photometric_distort(
    brightness: Floats,
    contrast: Floats,
    saturation: Floats,
    hue: Floats,
    shuffle: Floats,
    chance: float,
    taken: Floats,
    last: Floats,
    shuffled: Floats,
    order: Floats,
) -> list[tuple[str, dict[str, Floats]]]:
    """Brightness, contrast, saturation and hue, each by chance, contrast before or after the other
    two; then perhaps another order of the channels.
    """
    use = taken < chance
    late = last < 0.5
    turn = np.where(use[:, 3], hue, 0.0)
    chain: list[tuple[str, dict[str, Floats]]] = [
        ("Brightness", {"factor": np.where(use[:, 0], brightness, 1.0)}),
        ("Contrast", {"factor": np.where(use[:, 1] & ~late, contrast, 1.0)}),
        ("Color", {"factor": np.where(use[:, 2], saturation, 1.0)}),
    ]
    if np.any(turn):
        chain.append(_turned(turn))
    chain.append(("Contrast", {"factor": np.where(use[:, 1] & late, contrast, 1.0)}))
    mixed = shuffled < shuffle
    if np.any(mixed):
        chain.append(("ChannelShuffle", {"order": np.where(mixed[:, None], order, np.arange(3.0))}))
    return chain
