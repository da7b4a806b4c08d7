"""Records of one position are lowered together: the result must be what each sample gets alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.errors import InputError
from variegate.plan.geometry import inverse
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


def test_the_inverse_of_one_matrix_is_that_of_many_to_the_last_bit() -> None:
    generator = np.random.default_rng(8)
    matrices = generator.normal(0, 1, (300, 3, 3)) * 10.0 ** generator.integers(-4, 5, (300, 1, 1))
    matrices[:40] = generator.integers(-2, 3, (40, 3, 3))
    matrices[40] = [[2, 0, 3], [0, 2, 1], [0, 0, 0.5]]
    regular = matrices[np.abs(np.linalg.det(matrices)) > 1e-12]
    assert len(regular) > 250
    together = inverse(regular)
    alone = np.concatenate([inverse(matrix[None]) for matrix in regular])
    assert together.tobytes() == alone.tobytes()
