"""Every declared op by name. Importing this module imports all families."""

from __future__ import annotations

from variegate.errors import PolicyError
from variegate.ops import (  # noqa: F401  (imported so that they declare their ops)
    augmix,
    canvas,
    channels,
    codec,
    color,
    detail,
    erasing,
    field,
    filters,
    frames,
    geometry,
    holes,
    illuminants,
    kernels,
    lattice,
    light,
    looking,
    measured,
    mixing,
    mosaics,
    noise,
    output,
    references,
    regions,
    shuffle,
    symmetry,
    tone,
    weather,
)
from variegate.ops.op import OPS, Op, suggest


def names() -> tuple[str, ...]:
    """Class names of all ops, in alphabetical order."""
    return tuple(sorted(OPS))


def get(name: str) -> Op:
    """The op of this class name; raises PolicyError with the nearest name."""
    op = OPS.get(name)
    if op is None:
        raise PolicyError(f"unknown op {name!r}; {suggest(str(name), list(names()))}")
    return op
