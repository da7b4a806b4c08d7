"""Random policies on photographs: boxes, points and masks go where the pixels go.

The slice of `python benchmarks/agreement.py ../shared/data` that runs here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import variegate as vg
from benchmarks.agreement import SETS, run_set
from variegate.plan.lower import lower
from variegate.testing.agreement import POINTS, judge

ROOT = Path(__file__).parents[3] / "shared" / "data"
PHOTOGRAPHS = pytest.mark.skipif(not ROOT.is_dir(), reason="the real data sets are not here")


@PHOTOGRAPHS
@pytest.mark.parametrize("name", SETS)
def test_a_slice_of_the_campaign(name: str) -> None:
    row = run_set(ROOT, name, 25, 77_000)
    assert row["wrong"] == []
    assert row["replayed_differently"] == 0
    assert row["judged"] >= 20
    assert row["compared"] >= 20


def test_the_judge_sees_what_is_off() -> None:
    """A box, a point, a label or a mask that is not where the pixels are is found."""
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[10:20, 15:30] = 3
    given = {"image": image, "mask": mask, "boxes": np.array([[15.0, 10, 30, 20], [2, 2, 9, 9]]),
             "box_labels": np.array([3, 4]), "keypoints": np.array([[20.0, 15.0]])}  # fmt: skip
    aug = vg.Pipeline([vg.Rotate(angle=(20, 20)), vg.Perspective(), vg.Elastic()], seed=1)
    plan = aug.draw(sizes=[(40, 60)], index=[0])
    out = aug.apply(plan, **given)
    program = lower(plan, np.uint8, 3)
    fine = judge(program, given, out)
    assert fine.wrong == ()
    assert fine.box_error < fine.limit
    assert fine.point_error < POINTS
    assert fine.compared == 3
    shifted = judge(program, given, {**out, "boxes": out["boxes"] + 1.5})
    assert shifted.box_error > shifted.limit
    moved = judge(program, given, {**out, "keypoints": out["keypoints"] + 0.3})
    assert moved.point_error > POINTS
    swapped = judge(program, given, {**out, "box_labels": out["box_labels"][::-1]})
    assert "box_labels" in swapped.wrong[0]
    grown = judge(program, given, {**out, "mask": out["mask"] + 1})
    assert "new ids" in grown.wrong[0]
    lost = {**out, "kept": out["kept"][:1], "box_labels": out["box_labels"][:1]}
    assert "is gone, but shows" in judge(program, given, lost).wrong[0]
