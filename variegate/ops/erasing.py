"""Instances that are hidden: unlike other regions, with their masks and what belongs to them."""

from __future__ import annotations

import numpy as np

from variegate.ops.entries import Floats, Ints, Words
from variegate.ops.layers import Erased
from variegate.ops.op import Kind, Mixing, Param, declare
from variegate.ops.regions import GUARD
from variegate.ops.settings import FILL

COUNT = Param("count", 0, 64, "instances", identity=0, default=(1.0, 1.0), whole=True)


@declare(
    Kind.MIX,
    source="Albumentations",
    params=(COUNT,),
    settings=(FILL, GUARD),
    mixing=Mixing(partners=0, needs="objects", keyed=True, any_size=True),
)
def mask_dropout(
    sizes: Ints, count: Floats, fill: float | tuple[float, ...], guard: bool, key: Words
) -> Erased:
    """Hide random instances, all their pixels; they leave with what belongs to them.

    Needs instance masks, or a mask, whose connected parts that are not 0 then count as instances.
    """
    return Erased(np.rint(count).astype(np.int64), key, fill, guard)
