"""What every engine test asks of two results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.engine.build import Image
from variegate.engine import reference
from variegate.engine.engine import Engine
from variegate.engine.tolerance import EXACT, Tolerance, of_entry
from variegate.plan.program import Stage

native: Any = pytest.importorskip(
    "variegate.engine.native", reason="the native engine was not built", exc_type=ImportError
)


def check_within(found: Image, expected: Image, tolerance: Tolerance, what: str = "") -> None:
    """Fails unless `found` is within the tolerance of `expected`."""
    message = tolerance.broken(found, expected)
    assert not message, f"{what}: {message}"


def check_equal(found: Sequence[Image], expected: Sequence[Image]) -> None:
    """Fails unless both hold the same arrays, to the byte."""
    assert len(found) == len(expected)
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        check_within(one, other, EXACT, f"[{place}]")


def check_single_entries(stage: Stage, images: list[Image], threads: int = 1) -> None:
    """Fails unless native is near the reference; each sample has one entry."""
    kept = [image.copy() for image in images]
    found = native.run_stage(stage, images, threads)
    check_equal(images, kept)
    expected = reference.run_stage(stage, images)
    assert len(found) == len(expected) == len(images)
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        entry = int(stage.start[place])
        what = f"sample {place}, verb {stage.verb[entry]}, row {stage.row[entry]}"
        check_within(one, other, of_entry(stage, entry), what)
        assert not np.may_share_memory(one, images[place])


def engines() -> tuple[Engine, Engine]:
    """Both engines, as the protocol sees them."""
    return native, reference
