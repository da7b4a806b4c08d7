"""What is drawn is lowered in groups over all positions; it must mean what its records mean."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.ops.registry import get
from variegate.plan.drawn import Drawn, Group, spans_of
from variegate.plan.lower import lower
from variegate.plan.plan import Plan
from variegate.plan.program import Program, Stage, Verb
from variegate.plan.record import Record
from variegate.plan.tables import SHAPES
from variegate.policy.nodes import Step

COUNT = 60
LABELS = np.arange(COUNT) % 4
POLICIES: dict[str, list[Any]] = {
    "RandAugment": [vg.RandAugment(num_ops=3)],
    "noisy magnitude": [vg.RandAugment(magnitude_std=0.2, rate=0.7)],
    "AutoAugment": [vg.AutoAugment("svhn")],
    "TrivialAugment": [vg.TrivialAugment(), vg.TrivialAugment()],
    "frames between": [
        vg.SomeOf([vg.Rotate(), vg.ShearX(fill=9.0)], 2),
        vg.RandomResizedCrop(size=(9, 7)),
        vg.SomeOf([vg.TranslateX(), vg.HorizontalFlip(), vg.Cutout(count=(1, 3))], 2),
        vg.OneOf([vg.Pad(padding=(1, 2, 3, 4)), vg.Crop(box=(-1, 0, 11, 13))]),
        vg.TranslateY(),
    ],
    "fields": [vg.SomeOf([vg.Elastic(), vg.Rotate(border="wrap"), vg.HorizontalFlip()], 4)],
    "classes": [
        vg.PerClass({1: [vg.Rotate(), vg.RandAugment()], 3: [vg.GaussianNoise()]}, [vg.ShearX()])
    ],
    "chains": [vg.Rotate(), vg.OneOf([vg.ColorJitter(hue=(0, 9)), vg.ShearX()]), vg.TranslateX()],
    "gray": [vg.Rotate(fill=(1, 2, 3)), vg.Grayscale(output_channels=1), vg.Rotate(fill=(4,))],
    "mixes": [vg.RandAugment(), vg.OneOf([vg.CutMix(), vg.MixUp()]), vg.RandAugment(), vg.CutMix()],
    "mixes by class": [vg.PerClass({1: [vg.MixUp(p=0.7)]}, [vg.CutMix()]), vg.Rotate()],
}


def drawn(name: str, seed: int = 3) -> Plan:
    pipeline = vg.Pipeline(POLICIES[name], seed=seed, classes=4)
    return pipeline.draw(sizes=[(12, 10)] * COUNT, index=range(COUNT), labels=LABELS)


def entries(stage: Stage) -> list[Any]:
    """Each sample's verbs, and the rows that they point to, with no row numbers in them."""
    tables, found = stage.tables, []
    for entry in range(len(stage.verb)):
        verb, row = Verb(int(stage.verb[entry])), int(stage.row[entry])
        names = [n for n in SHAPES if n.split("_")[0] == verb.name.lower()]
        values = [np.asarray(getattr(tables, name)[row]).tolist() for name in names]
        if verb is Verb.WARP:
            field = values[names.index("warp_mode")].pop()
            values += [tables.fields[field].tolist()] if field >= 0 else []
        if verb is Verb.LOOKUP:
            values.append(tables.lookup[row].tolist())
        if verb is Verb.RECTANGLES:
            first, last = tables.rectangles_start[row : row + 2]
            values.append(tables.rectangles[first:last].tolist())
        found.append((verb, values))
    return found


def meaning(program: Program) -> list[Any]:
    """All that a program says, for comparison."""
    found: list[Any] = [program.output]
    for stage in program.stages:
        if isinstance(stage, Stage):
            found += [stage.start.tolist(), entries(stage), stage.sizes_out.tolist()]
            found += [stage.channels_in, stage.channels_out]
        else:
            found += [stage.source.tolist(), stage.start.tolist(), stage.place.tolist()]
            found += [stage.weight.tolist(), stage.share.tolist()]
    return found


@pytest.mark.parametrize("name", sorted(POLICIES))
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_groups_mean_what_their_records_mean(name: str, dtype: type) -> None:
    plan = drawn(name)
    together = lower(plan, dtype, 3)
    assert isinstance(plan.records, Drawn)
    assert not plan.records.seen
    by_record = lower(Plan.from_dict(plan.to_dict()), dtype, 3)
    assert meaning(together) == meaning(by_record)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_record_for_each_step_in_order(name: str) -> None:
    """Every sample that a group holds stands in exactly one record of its position."""
    plan = drawn(name)
    grouped = sorted(
        (int(position), int(row), group.op.name)
        for span in spans_of(plan.records)
        for group in span
        for position, row in zip(group.position, group.rows, strict=True)
    )
    recorded = sorted((r.position, int(row), r.op) for r in plan.records for row in r.rows)
    assert grouped == recorded
    positions = [record.position for record in plan.records]
    assert positions == sorted(positions)


def test_changed_records_are_what_is_lowered() -> None:
    plan = vg.Pipeline([vg.Rotate()], seed=3).draw(sizes=[(9, 9)] * 4, index=range(4))
    plan.records[0].values["angle"][:] = 90.0
    matrix = lower(plan, np.uint8, 3).stages[0].tables.warp_forward
    assert np.array_equal(matrix[:, :2], [[0.0, 1.0]] * 4)


def test_a_plan_can_be_pickled() -> None:
    plan = drawn("RandAugment")
    again = pickle.loads(pickle.dumps(plan))
    assert again.to_dict() == plan.to_dict()
    assert meaning(lower(again, np.uint8, 3)) == meaning(lower(plan, np.uint8, 3))


def test_values_that_are_few_get_one_table_each() -> None:
    """RandAugment's Brightness has two factors, its Posterize one: not a table for each image."""
    program = lower(drawn("RandAugment"), np.uint8, 3)
    assert len(np.unique(program.stages[0].tables.lookup, axis=0)) == 4
    assert len(program.stages[0].tables.lookup) == 4
    assert np.count_nonzero(program.stages[0].verb == Verb.LOOKUP) > 20


def group(step: Step, position: int) -> Group:
    """A step that every sample goes through, at a position."""
    op, rows = get(step.op), np.arange(3)
    values = {draw.name: np.array([0.0, 0.4, 0.9]) for draw in op.draws}
    settings = {s.name: step.arguments[s.name] for s in op.settings}
    return Group(op, settings, rows, np.full(3, position), values)


def test_an_op_that_changes_sizes_parts_its_span() -> None:
    """Even where nothing declares that it does: later ops of the span need the new size."""
    span = [group(vg.RandomCrop(size=(6, 5)), 0), group(vg.RandomCrop(size=(4, 3)), 1)]
    records = tuple(
        Record(int(g.position[0]), "", g.op.name, g.rows, g.values, g.settings) for g in span
    )
    ids, sizes = np.arange(3, dtype=np.uint64), np.full((3, 2), 12)
    together = Plan(0, 0, ids, sizes, Drawn([span], lambda: records))
    apart = Plan(0, 0, ids, sizes, records)
    found = lower(together, np.uint8, 3)
    assert meaning(found) == meaning(lower(apart, np.uint8, 3))
    assert found.stages[0].tables.warp_matrix[2, 2] == np.floor(0.9 * 8) + np.floor(0.9 * 3)
