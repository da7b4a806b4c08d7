"""Color: ops on a pixel's channels. One channel counts as gray; of four, the fourth stays as it
is.
"""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Channels, Floats, Luma, Toward
from variegate.ops.op import Kind, Param, declare
from variegate.ops.settings import choice
from variegate.ops.tone import PILLOW, factor

# Red, green and blue to luma and two chroma axes (YIQ); a turn about the first axis changes the
# hue alone.
TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
)
FROM_YIQ = np.linalg.inv(TO_YIQ)


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
        10,
        "times, 1 = unchanged",
        identity=1,
        weak=1,
        strong=1.5,
        mirrored=True,
        default=(0.8, 1.2),
    )


@declare(
    Kind.COLOR,
    source="hue as a turn about the gray axis in YIQ: one linear map, no jump at red",
    params=(HUE, _times("saturation"), _times("value")),
)
def hue_saturation_value(hue: Floats, saturation: Floats, value: Floats) -> Channels:
    """Turn the hue, scale the saturation and scale the brightness."""
    radians = np.deg2rad(hue)
    chroma = np.zeros((len(hue), 3, 3))
    chroma[:, 0, 0] = value
    chroma[:, 1, 1] = chroma[:, 2, 2] = value * saturation * np.cos(radians)
    chroma[:, 1, 2] = -value * saturation * np.sin(radians)
    chroma[:, 2, 1] = value * saturation * np.sin(radians)
    matrix = np.zeros((len(hue), 3, 4))
    matrix[:, :, :3] = FROM_YIQ @ chroma @ TO_YIQ
    return Channels(matrix)


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
        one = np.ones(len(hue))
        chain.append(("HueSaturationValue", {"hue": hue, "saturation": one, "value": one}))
    return chain
