"""reorder=True: geometry first, nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from variegate.plan.check import check_plan

IMAGES = np.random.default_rng(8).integers(0, 256, (12, 14, 11, 3), dtype=np.uint8)
TURN, SLIDE = vg.Rotate(angle=(20, 20)), vg.ShearX(slope=(0.2, 0.2))
DARK, LESS = vg.Brightness(factor=(0.5, 0.5)), vg.Posterize(bits=(3, 3))
HIDE = vg.Cutout(size=(0.3, 0.3))


def run(steps: list[vg.Policy], reorder: bool = False) -> np.ndarray:
    return vg.Pipeline(steps, seed=2, reorder=reorder)(images=IMAGES, index=range(12))["images"]


def test_geometry_comes_first_and_runs_once() -> None:
    asked = run([DARK, TURN, LESS, SLIDE], reorder=True)
    assert np.array_equal(asked, run([TURN, SLIDE, DARK, LESS]))
    assert not np.array_equal(asked, run([DARK, TURN, LESS, SLIDE]))


def test_nothing_passes_an_op_that_sees_places() -> None:
    plan = vg.Pipeline([DARK, TURN, HIDE, LESS, SLIDE], seed=2, reorder=True).draw(
        sizes=[(14, 11)] * 12, index=range(12)
    )
    check_plan(plan)
    assert [r.op for r in plan.records] == ["Rotate", "Brightness", "Cutout", "ShearX", "Posterize"]


def test_it_is_saved_and_checked() -> None:
    aug = vg.Pipeline([DARK, TURN], seed=2, reorder=True)
    assert vg.Pipeline.from_dict(aug.to_dict()).reorder is True
    with pytest.raises(vg.PolicyError, match="True or False"):
        vg.Pipeline([], reorder=1)
