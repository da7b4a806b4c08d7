"""The written rules find what is wrong with a plan or a program, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.errors import EngineError
from variegate.plan.check import check_plan, check_program
from variegate.plan.lower import lower
from variegate.plan.plan import Plan
from variegate.plan.program import MixStage, Program

STEPS = [vg.Rotate(), vg.Cutout(), vg.GaussianNoise(), vg.Elastic(), vg.CutMix(), vg.Invert()]


def plan() -> Plan:
    return vg.Pipeline(STEPS, seed=1).draw(sizes=[(9, 12)] * 3, index=[4, 5, 6])


def program() -> Program:
    return lower(plan(), np.uint8, 3)


def with_value(name: str, value: float) -> Plan:
    """The plan with one value of its Rotate changed."""
    good = plan()
    values = {name: np.array([0.0, value, 0.0])}
    return replace(good, records=(replace(good.records[0], values=values), *good.records[1:]))


def with_record(**changes: Any) -> Plan:
    good = plan()
    return replace(good, records=(replace(good.records[0], **changes), *good.records[1:]))


def test_good_ones_pass() -> None:
    check_plan(plan())
    check_program(program())
    assert [len(s.start) for s in program().stages if not isinstance(s, MixStage)] == [4, 4]


PLANS = {
    "values are finite": lambda: with_value("angle", np.nan),
    "values lie within their declared range": lambda: with_value("angle", 400.0),
    "rows are distinct": lambda: with_record(rows=np.array([0, 1, 1])),
    "rows lie inside the batch": lambda: with_record(rows=np.array([0, 1, 3])),
    "one value per row": lambda: with_record(rows=np.array([0, 1])),
    "a record has rows": lambda: with_record(rows=np.zeros(0, int), values={"angle": np.zeros(0)}),
    "records stand in order": lambda: with_record(position=99),
    "sizes are 1 or more": lambda: replace(plan(), sizes=np.zeros((3, 2), dtype=np.int64)),
    "one size per image": lambda: replace(plan(), sizes=np.ones((2, 2), dtype=np.int64)),
    "sample ids are uint64": lambda: replace(plan(), index=np.arange(3)),
    "one step per sample": lambda: replace(plan(), records=(plan().records[0],) * 2),
}


@pytest.mark.parametrize("rule", sorted(PLANS))
def test_a_broken_plan_is_found(rule: str) -> None:
    with pytest.raises(EngineError, match=f"plan: {rule}"):
        check_plan(PLANS[rule]())


def changed(place: int, **columns: Any) -> Program:
    """The program with columns of one stage, or of its tables, replaced."""
    good = program()
    stage = good.stages[place]
    own = {k: v for k, v in columns.items() if hasattr(stage, k)}
    rest = {k: v for k, v in columns.items() if k not in own}
    if rest:
        own["tables"] = replace(stage.tables, **rest)  # type: ignore[union-attr]
    stages = list(good.stages)
    stages[place] = replace(stage, **own)
    return replace(good, stages=stages)


def bent(name: str, place: int, column: int, value: float) -> Program:
    """The program with one entry of a column of tables changed."""
    array = np.array(getattr(program().stages[0].tables, name))  # type: ignore[union-attr]
    array[place, column] = value
    return changed(0, **{name: array})


PROGRAMS = {
    "starts are monotone": lambda: changed(0, start=np.array([0, 5, 3, 12])),
    "rows lie inside their table": lambda: changed(0, row=program().stages[0].row + 99),
    "a verb is known": lambda: changed(0, verb=program().stages[0].verb + 90),
    "columns are finite": lambda: bent("warp_matrix", 0, 0, np.nan),
    "matrices are invertible": lambda: changed(
        0, warp_matrix=np.zeros_like(program().stages[0].tables.warp_matrix)
    ),
    "the way back is the inverse": lambda: bent("warp_forward", 0, 2, 7.0),
    "sizes are 1 or more": lambda: bent("warp_size", 0, 0, 0),
    "a stage ends with its last warp's size": lambda: bent("warp_size", -1, 0, 11),
    "rectangles lie inside their frame": lambda: bent("rectangles", 0, 2, 50),
    "a way to resample is known": lambda: bent("warp_mode", 0, 0, 5),
    "a border is known": lambda: bent("warp_mode", 0, 1, 9),
    "fills lie in 0..255": lambda: bent("warp_fill", 0, 0, 300),
    "columns have their dtype": lambda: changed(0, noise=np.zeros((3, 4), np.float32)),
    "a noise mode is known": lambda: changed(0, noise=np.full((3, 4), 7.0)),
    "columns have their shape": lambda: changed(0, grid=np.zeros((0, 5))),
    "noise keys are not 0": lambda: changed(0, noise_key=np.zeros(3, np.uint64)),
    "strengths are not negative": lambda: changed(0, noise=np.full((3, 4), -0.1)),
    "partners lie inside the batch": lambda: changed(1, source=program().stages[1].source + 3),
    "weights lie in 0..1": lambda: changed(1, weight=program().stages[1].weight + 0.5),
    "weights are counted pixels": lambda: changed(1, share=program().stages[1].share * 0.9),
    "layers lie inside their picture": lambda: changed(1, origin=program().stages[1].origin + 9),
    "what lies on a sample has its size": lambda: changed(1, sizes_out=np.full((3, 2), 8)),
    "only LUMA changes the channels": lambda: changed(2, channels_out=1),
    "a stage takes the sizes": lambda: changed(2, sizes_in=np.full((3, 2), 8)),
    "the last stage is no mix": lambda: replace(program(), stages=program().stages[:2]),
    "uint8 or float32": lambda: replace(program(), dtype=np.dtype(np.int32)),
}


@pytest.mark.parametrize("rule", sorted(PROGRAMS))
def test_a_broken_program_is_found(rule: str) -> None:
    with pytest.raises(EngineError, match=f"program: {rule}"):
        check_program(PROGRAMS[rule]())
