"""Which ops a guided search keeps: worked by hand on a made-up affinity."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.search.toy import Score
from variegate.errors import InputError
from variegate.policy import Policy
from variegate.policy.nodes import Step
from variegate.search import Family, FamilySpace, OpRange, Option, Rung
from variegate.search.guided import guided_schedule, spread
from variegate.search.narrow import OpScore, beyond_chance, narrow, score_ops

SPACE = FamilySpace(
    families=(
        Family("turn", (OpRange("Rotate"), OpRange("ShearX"), OpRange("ShearY", 0.2, 0.6))),
        Family("tone", (OpRange("Invert", None, None), OpRange("Equalize", None, None))),
        Family("hide", (OpRange("Cutout"),)),
    ),
    base=(Option("flip", ((), ({"step": "HorizontalFlip", "p": 0.5},))),),
)


class Match:
    """Accuracy 0.8 without an op; with Rotate it falls by its magnitude, Cutout loses all."""

    def __init__(self) -> None:
        self.seen: list[Policy] = []

    def __call__(self, policy: Policy) -> Score:
        self.seen.append(policy)
        if not policy.steps:
            return Score(0.8)
        step = policy.steps[0]
        assert isinstance(step, Step)
        assert step.p == 1
        magnitude = 1.0 if step.magnitude is None else step.magnitude.high
        kept = {"Rotate": 1 - 0.5 * magnitude, "Invert": 0.1, "HorizontalFlip": 0.7}
        kept["Cutout"] = 0.0 if magnitude > 0.2 else 1.0
        return Score(0.8 * kept.get(step.op, 1.0))


def scores(match: Match) -> dict[str, OpScore]:
    return {score.name: score for score in score_ops(SPACE, match, keep=0.75)}


def test_an_op_is_capped_where_the_clean_models_fall_below_the_share() -> None:
    found = scores(Match())
    # Kept shares 0.5, 0.625, 0.75 at magnitudes 1, 0.75, 0.5; the border of 0.75 is met at 0.5.
    assert found["Rotate"].tried == ((1.0, 0.5), (0.75, 0.625), (0.5, 0.75))
    assert found["Rotate"].cap == 0.5
    assert found["ShearX"].cap == 1.0
    assert found["ShearY"].tried == ((0.6, 1.0),)
    assert found["Equalize"].cap == 1.0
    assert found["Invert"].cap == 0.0
    # Nothing is left at 0.25, all at 0 by definition: 0.75 is crossed at a quarter of 0.25.
    assert found["Cutout"].cap == 0.0, "0.0625 is below what is worth having"
    assert found["1"].cap == 0.0, "a flip keeps 0.7 of what was right, less than 0.75"


def test_between_two_magnitudes_the_cap_lies_on_their_line() -> None:
    [rotate, *_] = score_ops(SPACE, Match(), keep=0.7)
    # 0.625 at 0.75 and 0.75 at 0.5: 0.7 is crossed at 0.5 + 0.25 * 0.05 / 0.125.
    assert rotate.cap == pytest.approx(0.6)


@dataclass(frozen=True)
class ByClass:
    """Accuracies of three images in four and of the rest, as on data with a common class."""

    common: float
    rare: float

    @property
    def accuracy(self) -> float:
        return 0.75 * self.common + 0.25 * self.rare

    @property
    def per_class(self) -> tuple[float, ...]:
        return self.common, self.rare, float("nan")


def test_what_makes_all_images_look_like_the_common_class_keeps_nothing() -> None:
    def match(policy: Policy) -> ByClass:
        if not policy.steps:
            return ByClass(0.9, 0.8)
        step = policy.steps[0]
        assert isinstance(step, Step)
        # 0.75 of 0.875 right answers stay under Invert, 0.8125 under HorizontalFlip.
        return {"Invert": ByClass(1.0, 0.0), "HorizontalFlip": ByClass(0.9, 0.55)}.get(
            step.op, ByClass(0.9, 0.8)
        )

    found = {score.name: score for score in score_ops(SPACE, match)}
    assert found["Invert"].tried == ((1.0, 0.0),)
    # (0.9 + 0.55 - 1) of (0.9 + 0.8 - 1): what two classes give above one half each.
    assert found["1"].tried == ((1.0, round(0.45 / 0.7, 4)),)
    assert [found[name].cap for name in ("Invert", "1", "Rotate")] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("accuracies", "known"),
    [((0.5, 0.5), 0.0), ((1.0, 1.0, 1.0), 1.0), ((0.1, 0.2), 0.0), ((0.9, None, 0.7), 0.6),
     ((1.0, 0.5, 0.25, 0.25), 1 / 3), ((0.4,), 0.4), ((), 0.0)],
)  # fmt: skip
def test_a_guess_knows_nothing_and_no_error_all(
    accuracies: tuple[float | None, ...], known: float
) -> None:
    assert beyond_chance(accuracies) == pytest.approx(known)


def test_the_narrowed_space_has_only_what_was_kept() -> None:
    small = narrow(SPACE, score_ops(SPACE, Match(), keep=0.75))
    assert small.families == (
        Family("turn", (OpRange("Rotate", 0.0, 0.5, 1.0), *SPACE.families[0].ops[1:])),
        Family("tone", (OpRange("Equalize", None, None),)),
    )
    assert small.base == (Option("flip", ((),)),)
    assert small.shared
    assert small.num_ops == (1, 3)
    mixed = replace(SPACE, tail=(Option("mix", ((), ({"step": "MixUp", "p": 0.5},))),))
    [mix] = narrow(mixed, score_ops(mixed, Match())).tail
    assert mix.choices == ((), (), (), ({"step": "MixUp", "p": 0.5},))


def test_scores_that_are_known_are_not_asked_again() -> None:
    first, second = Match(), Match()
    whole = score_ops(SPACE, first)
    kept: list[OpScore] = []
    again = score_ops(SPACE, second, known=whole[:4], on_score=kept.append)
    assert again == whole
    assert kept == whole[4:]
    assert len(second.seen) < len(first.seen)
    assert [OpScore.from_dict(score.to_dict()) for score in whole] == whole
    assert score_ops(SPACE, second, known=whole) == whole


def test_nothing_left_and_nothing_recognized_are_errors() -> None:
    bad = [replace(score, cap=0.0) for score in score_ops(SPACE, Match())]
    with pytest.raises(InputError, match="every op of the space changes the meaning"):
        narrow(SPACE, bad)
    with pytest.raises(InputError, match="know no more than a guess"):
        score_ops(SPACE, lambda policy: Score(0.0))


def test_the_schedule_spends_what_was_asked() -> None:
    plan = guided_schedule(100, 30, 4)
    assert plan.final is not None
    assert plan.epochs / 30 == pytest.approx(100, abs=3)
    assert plan.rungs[0].budget == 15
    assert plan.rungs[-1].budget == plan.final.budget == 30
    few = guided_schedule(20, 30, 4)
    assert few.rungs == (Rung(1, 30),), "short trainings favor weak policies"
    assert few.epochs == 20 * 30
    assert guided_schedule(1, 30, 4).trials == 8


def test_a_spread_column_has_each_part_once() -> None:
    column = [spread(number, 12, 5) for number in range(12)]
    assert sorted(int(value * 12) for value in column) == list(range(12))
    assert column != [spread(number, 12, 6) for number in range(12)]
