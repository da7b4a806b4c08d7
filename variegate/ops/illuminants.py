"""Light: ops that change the color of the light, one gain per channel."""

from __future__ import annotations

import numpy as np

from variegate.ops.channels import scaled
from variegate.ops.entries import Channels, Floats
from variegate.ops.op import Kind, Param, declare
from variegate.ops.settings import choice

# Red, green and blue of each light, every 500 K up to 15,000 K: blackbody from 3,000 K, daylight
# (CIE series D) from 4,000 K.
STEP, HOTTEST = 500.0, 15000.0
LIGHTS = {
    "blackbody": np.array(
        [
            (0.6743, 0.4029, 0.0013),
            (0.6281, 0.4241, 0.1665),
            (0.5919, 0.4372, 0.2513),
            (0.5623, 0.4457, 0.3154),
            (0.5376, 0.4515, 0.3672),
            (0.5163, 0.4555, 0.4103),
            (0.4979, 0.4584, 0.4468),
            (0.4816, 0.4604, 0.4782),
            (0.4672, 0.4619, 0.5053),
            (0.4542, 0.4630, 0.5289),
            (0.4426, 0.4638, 0.5497),
            (0.4320, 0.4644, 0.5681),
            (0.4223, 0.4648, 0.5844),
            (0.4135, 0.4651, 0.5990),
            (0.4054, 0.4653, 0.6121),
            (0.3980, 0.4654, 0.6239),
            (0.3911, 0.4655, 0.6346),
            (0.3847, 0.4656, 0.6444),
            (0.3787, 0.4656, 0.6532),
            (0.3732, 0.4656, 0.6613),
            (0.3680, 0.4655, 0.6688),
            (0.3632, 0.4655, 0.6756),
            (0.3586, 0.4655, 0.6820),
            (0.3544, 0.4654, 0.6878),
            (0.3503, 0.4653, 0.6933),
        ]
    ),
    "cied": np.array(
        [
            (0.5829, 0.4421, 0.2288),
            (0.5510, 0.4514, 0.2948),
            (0.5246, 0.4576, 0.3488),
            (0.5021, 0.4618, 0.3941),
            (0.4826, 0.4646, 0.4325),
            (0.4654, 0.4667, 0.4654),
            (0.4502, 0.4681, 0.4938),
            (0.4364, 0.4692, 0.5186),
            (0.4240, 0.4700, 0.5403),
            (0.4127, 0.4705, 0.5594),
            (0.4023, 0.4709, 0.5763),
            (0.3928, 0.4713, 0.5914),
            (0.3839, 0.4715, 0.6049),
            (0.3757, 0.4716, 0.6171),
            (0.3681, 0.4717, 0.6281),
            (0.3609, 0.4718, 0.6380),
            (0.3543, 0.4719, 0.6472),
            (0.3480, 0.4719, 0.6555),
            (0.3421, 0.4719, 0.6631),
            (0.3365, 0.4719, 0.6702),
            (0.3313, 0.4719, 0.6766),
            (0.3263, 0.4719, 0.6826),
            (0.3217, 0.4719, 0.6882),
        ]
    ),
}
WHITE = 6500.0


@declare(
    Kind.COLOR,
    source="Zini et al. 2023, Planckian Jitter: its tables, linear in between, green kept",
    params=(
        Param(
            "temperature",
            3000,
            HOTTEST,
            "kelvin",
            weak=WHITE,
            strong=3000,
            mirrored=True,
            default=(3000.0, HOTTEST),
        ),
    ),
    settings=(choice("mode", tuple(LIGHTS), "blackbody"),),
)
def planckian_jitter(temperature: Floats, mode: str) -> Channels:
    """Light the image by a lamp (blackbody) or by daylight (cied, from 4,000 K) of this
    temperature.
    """
    table = LIGHTS[mode]
    known = HOTTEST - STEP * np.arange(len(table))[::-1]
    light = np.stack([np.interp(temperature, known, table[:, c]) for c in range(3)], axis=1)
    return Channels(scaled(light / light[:, 1:2]))


# Linear sRGB from CIE XYZ (IEC 61966-2-1).
TO_SRGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
DISPLAY = 2.2  # sRGB's overall exponent: the gains are for values as they are stored
LUMA = np.array([0.299, 0.587, 0.114])
# Cubics in 1000 / temperature for x, and in x for y, highest power first.
X_COOL = (-0.2661239, -0.2343589, 0.8776956, 0.179910)
X_HOT = (-3.0258469, 2.1070379, 0.2226347, 0.240390)
Y_LOW = (-1.1063814, -1.34811020, 2.18555832, -0.20219683)
Y_COOL = (-0.9549476, -1.37418593, 2.09137015, -0.16748867)
Y_HOT = (3.0817580, -5.87338670, 3.75112997, -0.37001483)
LOWEST, HIGHEST, KNEE_Y, KNEE = 1667.0, 25000.0, 2222.0, 4000.0


def chromaticity(temperature: Floats) -> tuple[Floats, Floats]:
    """CIE 1931 x and y of a black body, 1,667 to 25,000 K (Kim et al. 2002)."""
    place = 1000.0 / temperature
    x = np.where(temperature < KNEE, np.polyval(X_COOL, place), np.polyval(X_HOT, place))
    cool = np.where(temperature < KNEE_Y, np.polyval(Y_LOW, x), np.polyval(Y_COOL, x))
    return x, np.where(temperature < KNEE, cool, np.polyval(Y_HOT, x))


def _display(temperature: Floats) -> Floats:
    """(k, 3) stored red, green and blue of a black body."""
    x, y = chromaticity(temperature)
    linear = np.stack([x / y, np.ones_like(y), (1 - x - y) / y], axis=1) @ TO_SRGB.T
    return np.asarray(np.maximum(linear, 0.0) ** (1 / DISPLAY))


@declare(
    Kind.COLOR,
    source="black bodies by Kim et al. 2002 in sRGB, relative to 6,500 K; gray keeps its luma",
    params=(
        Param(
            "temperature",
            LOWEST,
            HIGHEST,
            "kelvin",
            identity=WHITE,
            weak=WHITE,
            strong=3000,
            mirrored=True,
            default=(4000.0, 10000.0),
        ),
    ),
)
def color_temperature(temperature: Floats) -> Channels:
    """Make the light warmer (below 6,500 K) or colder (above)."""
    gains = _display(temperature) / _display(np.full(1, WHITE))
    return Channels(scaled(gains / (gains @ LUMA)[:, None]))
