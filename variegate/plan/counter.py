"""A counter-based generator: each number is a pure function of its place, with no state.

The mixer is the 64-bit finalizer of SplitMix64 (Steele, Lea and Flood 2014), applied to the sample
index and to the key of a slot in turn. Sample, epoch, seed and slot each pass through it, so that
neighbors share nothing. Products and sums of arrays wrap around without a warning.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
TO_UNIT = 2.0**-53
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def mix(value: Keys) -> Keys:
    """SplitMix64's finalizer on uint64 arrays; a bijection."""
    first, second, last = SHIFTS
    value = value ^ (value >> first)
    value *= FIRST
    value ^= value >> second
    value *= SECOND
    value ^= value >> last
    return value


def slot_keys(seed: int, epoch: int, slots: Keys) -> Keys:
    """One key per slot for this seed and epoch. seed and epoch: whole numbers, taken modulo
    2**64.
    """
    start = np.array([seed & (2**64 - 1), epoch & (2**64 - 1)], dtype=np.uint64)
    key = mix(start[:1] + GOLDEN)
    key = mix((key ^ start[1:]) + GOLDEN)
    return mix((key ^ slots) + GOLDEN)


def hashes(keys: Keys, index: Keys) -> Keys:
    """(n, slots) random 64-bit words for sample indices (n,) and slot keys (slots,)."""
    sample = mix(index * GOLDEN + GOLDEN)
    return mix(sample[:, None] ^ keys)


def uniforms(keys: Keys, index: Keys) -> Floats:
    """(n, slots) numbers in [0, 1) with 53 random bits."""
    return np.asarray((hashes(keys, index) >> np.uint64(11)) * TO_UNIT, dtype=np.float64)
