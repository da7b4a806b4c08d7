"""Every kind of bad input gets its declared error, before anything is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import variegate as vg
from tests.pipeline.bad_calls import BOX, IMAGES, MASKS, PLAIN, TARGETS, Call, F, X, run
from tests.pipeline.bad_steps import STEPS
from tests.pipeline.samples import digest
from variegate.errors import InputError
from variegate.testing import engines

TABLES = {"images": IMAGES, "targets": TARGETS, "steps": STEPS}
CASES = [(f"{name}: {k}", *case) for name, table in TABLES.items() for k, case in table.items()]
NAMES = [case[0] for case in CASES]


def fingerprints() -> list[str]:
    return [digest(a) for a in (X, F, MASKS, *BOX)]


@pytest.mark.parametrize(("call", "error", "part"), [c[1:] for c in CASES], ids=NAMES)
def test_bad_input_gets_its_error(call: Call, error: type, part: str) -> None:
    before = fingerprints()
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, vg.VariegateError)
    assert part in str(caught.value)
    assert fingerprints() == before


def test_there_are_at_least_forty_kinds() -> None:
    assert len(set(NAMES)) >= 100


def test_bad_input_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="int64"):
        run(images=X.astype(np.int64))


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("steps", [PLAIN, [*PLAIN, vg.MixUp()]])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_refused_call_writes_nothing(engine: str, steps: list[Any], threads: int) -> None:
    """The last target is bad, and is read last."""
    aug = vg.Pipeline(steps, seed=1, engine=engine, classes=2, threads=threads)
    points = [[[1, 2]]] * 3 + [[[1, np.nan]]]
    bad: dict[str, Any] = {"images": X, "labels": [0] * 4, "boxes": BOX, "keypoints": points}
    bad["masks"] = np.zeros((4, 12, 16, 2), dtype=np.float32)
    out = np.full_like(X, 77)
    before = X.copy()
    for into in (out, None):
        with pytest.raises(InputError, match=r"keypoints\[3\]"):
            aug(**bad, out=into)
    assert (out == 77).all()
    assert np.array_equal(X, before)


def test_a_good_call_after_a_bad_one_is_as_ever() -> None:
    aug = vg.Pipeline([vg.GaussianNoise()], seed=1)
    with pytest.raises(InputError):
        aug(images=X, labels=[1], index=range(4))
    out = aug(images=X, index=range(4))["images"]
    assert digest(out) == digest(
        vg.Pipeline([vg.GaussianNoise()], seed=1)(images=X, index=range(4))["images"]
    )
