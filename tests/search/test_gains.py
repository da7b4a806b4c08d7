"""Short trainings of single ops: what stands out, worked by hand."""

from __future__ import annotations

from dataclasses import replace

from variegate.policy import Policy
from variegate.policy.nodes import Step
from variegate.search import Family, FamilySpace, OpRange, Option
from variegate.search.gains import OpGain, apply_gains, gain_count, score_gains

FLIP, TURN = ({"step": "HorizontalFlip", "p": 0.5},), ({"step": "VerticalFlip", "p": 0.5},)
SPACE = FamilySpace(
    families=(
        Family("turn", (OpRange("Rotate"), OpRange("ShearX"), OpRange("ShearY"))),
        Family("tone", (OpRange("Brightness"), OpRange("Equalize", None, None))),
        Family("hide", (OpRange("Cutout"),)),
    ),
    base=(Option("flip", ((), FLIP, TURN)),),
)
# As narrowed: Rotate up to 0.4, no vertical flip.
SMALL = replace(
    SPACE,
    families=(
        Family("turn", (OpRange("Rotate", 0.0, 0.4, 1.0), *SPACE.families[0].ops[1:])),
        *SPACE.families[1:],
    ),
    base=(Option("flip", ((), FLIP)),),
)
VALUES = {
    "Rotate": 0.71, "ShearX": 0.70, "ShearY": 0.69, "Brightness": 0.70, "Equalize": 0.71,
    "Cutout": 0.40, "HorizontalFlip": 0.69, "VerticalFlip": 0.95,
}  # fmt: skip


class Training:
    """0.7 without an op; notes what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Step] = []

    def __call__(self, policy: Policy) -> float:
        if not policy.steps:
            return 0.7
        [step] = policy.steps
        assert isinstance(step, Step)
        self.seen.append(step)
        return VALUES[step.op]


def test_each_op_is_trained_alone_at_its_cap_and_dropped_choices_too() -> None:
    training = Training()
    gains = score_gains(SMALL, SPACE, training)
    assert [(g.group, g.name) for g in gains] == [
        ("turn", "Rotate"), ("turn", "ShearX"), ("turn", "ShearY"), ("tone", "Brightness"),
        ("tone", "Equalize"), ("hide", "Cutout"), ("flip", "1"), ("flip", "2"),
    ]  # fmt: skip
    assert {step.p for step in training.seen} == {0.5}
    assert training.seen[0].magnitude is not None
    assert training.seen[0].magnitude.high == 0.4
    assert [round(g.gain, 6) for g in gains] == [0.01, 0.0, -0.01, 0.0, 0.01, -0.3, -0.01, 0.25]
    assert gain_count(SPACE) == len(gains) + 1


def test_what_stands_out_leaves_and_comes_back() -> None:
    """The median is 0 and the absolute deviations' 0.01: beyond 2.5 * 0.0148 something is far."""
    found = apply_gains(SMALL, SPACE, score_gains(SMALL, SPACE, Training()))
    assert [family.name for family in found.families] == ["turn", "tone"]
    assert found.families == SMALL.families[:2]
    assert found.base == (Option("flip", ((), FLIP, TURN)),)
    near = [OpGain("Cutout", "hide", -0.03), *score_gains(SMALL, SPACE, Training())[:5]]
    assert apply_gains(SMALL, SPACE, near).families == SMALL.families


def test_a_family_of_which_all_hurts_stays_when_it_is_the_last() -> None:
    one = replace(SMALL, families=SMALL.families[2:])
    bad = [OpGain("Cutout", "hide", -0.5), OpGain("1", "flip", 0.0), OpGain("2", "flip", 0.0)]
    assert apply_gains(one, SPACE, bad).families == one.families


def test_known_gains_are_not_trained_again() -> None:
    first, second = Training(), Training()
    whole = score_gains(SMALL, SPACE, first)
    kept: list[OpGain] = []
    assert score_gains(SMALL, SPACE, second, known=whole[:5], on_gain=kept.append) == whole
    assert kept == whole[5:]
    assert [OpGain.from_dict(gain.to_dict()) for gain in whole] == whole
    assert len(second.seen) == 3
