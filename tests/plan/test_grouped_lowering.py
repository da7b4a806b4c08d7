"""Records of one position are lowered together: the result must be what each sample gets alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.errors import InputError
from variegate.plan.plan import Plan

IMAGES = np.random.default_rng(4).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)
STEPS = [
    vg.OneOf(
        [
            vg.Rotate(border="reflect"),
            vg.ShearX(fill=90.0),
            vg.Elastic(amount=(0.1, 0.1)),
            vg.Resize(size=(12, 10), resample="bicubic"),
            vg.Brightness(),
            vg.Equalize(),
        ]
    )
] * 3


def test_a_batch_equals_each_sample_alone() -> None:
    aug = vg.Pipeline(STEPS, seed=5, engine="reference")
    together = aug(images=IMAGES, index=range(40))["images"]
    alone = [aug(image=IMAGES[i], index=i)["image"] for i in range(40)]
    assert np.array_equal(together, alone)


def broken(change: str) -> dict[str, Any]:
    """A plan whose records are out of order, or two of whose records share a sample."""
    plan = vg.Pipeline(STEPS, seed=5).draw(sizes=[(12, 10)] * 40, index=range(40))
    records = list(plan.records)
    if change == "order":
        records.reverse()
    else:
        records[1] = replace(records[1], position=records[0].position)
        records[1].rows[0] = records[0].rows[0]
    return replace(plan, records=tuple(records)).to_dict()


@pytest.mark.parametrize(("change", "text"), [("order", "in order"), ("twice", "two records")])
def test_a_plan_that_breaks_the_grouping_is_refused(change: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Plan.from_dict(broken(change))
