"""Every op on the torch engine: the contract, and the reference's pixels.

VARIEGATE_DEVICE names the device that arrays run on, by default the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.engine.tolerance import EXACT, INTERPOLATED
from variegate.ops.op import Kind, Op
from variegate.ops.registry import get, names
from variegate.testing.contract import (
    brightness,
    check_op_briefly,
    check_strides,
    needed,
    step_of,
)
from variegate.testing.pictures import picture

COUNT = 4


@pytest.mark.parametrize("name", names())
def test_an_op_keeps_the_contract(name: str) -> None:
    check_op_briefly(name, "torch")


@pytest.mark.parametrize("name", ["Rotate", "Posterize", "GaussianNoise", "CutMix", "Normalize"])
def test_memory_layouts_do_not_matter(name: str) -> None:
    check_strides(get(name), "torch")


@pytest.mark.parametrize("name", names())
def test_an_op_gives_the_reference_s_pixels(name: str) -> None:
    op = get(name)
    channels = 3 if not op.channels or 3 in op.channels else op.channels[0]
    images = np.stack([picture("gradient", (30, 40), channels, i) for i in range(COUNT)])
    tolerance = EXACT if op.kind in (Kind.TABLE, Kind.REGION, Kind.OUTPUT) else INTERPOLATED
    found, expected = (of(op, engine, images) for engine in ("torch", "reference"))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        message = tolerance.broken(np.asarray(one), np.asarray(other))
        assert not message, message


def of(op: Op, engine: str, batch: Any) -> Any:
    """A batch through an op alone."""
    aug = vg.Pipeline([step_of(op)], seed=3, engine=engine, saliency=brightness)
    return aug(images=batch, index=range(COUNT), **needed(op, batch))["images"]
