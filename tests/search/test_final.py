"""The choice at the end of a search: worked by hand, and on made-up noise."""

from __future__ import annotations

import numpy as np
import pytest

from variegate.policy import Policy
from variegate.search import Evaluation, Finalist, TrialRecord
from variegate.search.final import choose, entries
from variegate.search.schedule import Rung
from variegate.search.surrogate import smoothed


def entry(name: str, number: int | None, values: list[float]) -> Finalist:
    calls = tuple(Evaluation(3, seed, v, None, 1.0, v) for seed, v in enumerate(values))
    return Finalist(name, number, Policy(), calls)


def test_a_control_is_kept_only_where_chance_does_not_explain_its_lead() -> None:
    # The rows rise by 0.02, 0 and 0.02 from seed to seed, 0.04/3 on average. Residuals are half of
    # what a row is off that, so their squares sum to 4/3e-4, over 2 degrees of freedom. 1.886
    # standard errors are significant.
    def three(lead: float) -> list[Finalist]:
        return [
            entry("trial 4", 4, [0.80, 0.82]),
            entry("none", None, [0.80 + lead + 0.01, 0.82 + lead - 0.01]),
            entry("trial 7", 7, [0.70, 0.72]),
        ]

    error = np.sqrt(2 * (4e-4 / 3 / 2) / 2)
    for lead, kept in ((1.8 * error, False), (2.0 * error, True), (-0.1, False)):
        ranked, text = choose(three(float(lead)))
        assert (ranked[0].name == "none") is kept, lead
        assert ("significantly" in text) is kept
        assert {e.name for e in ranked} == {"trial 4", "none", "trial 7"}


def test_a_prior_is_given_up_only_for_what_is_significantly_better() -> None:
    """The same three, with trial 4 as the first: now another trial may replace it too."""
    error = np.sqrt(2 * (4e-4 / 3 / 2) / 2)
    for lead, name in ((1.8 * error, "trial 0"), (2.0 * error, "trial 7")):
        rows = [
            entry("trial 0", 0, [0.80, 0.82]),
            entry("none", None, [0.70, 0.72]),
            entry("trial 7", 7, [0.80 + lead + 0.01, 0.82 + lead - 0.01]),
        ]
        assert choose(rows, prior=True)[0][0].name == name
        assert choose(rows)[0][0].name == "trial 7"


def test_with_one_seed_the_higher_is_taken() -> None:
    for value, name in ((0.81, "none"), (0.79, "trial 4")):
        rows = [entry("trial 4", 4, [0.8]), entry("none", None, [value])]
        assert choose(rows)[0][0].name == name


def test_a_lucky_trial_among_bad_ones_does_not_win_the_smooth_ranking() -> None:
    """Accuracy rises with the magnitude; one weak trial was lucky."""
    places = np.linspace(0, 1, 12)
    values = 0.5 + 0.3 * places + 0.01 * np.sin(40 * places)
    values[2] = 0.81
    rows = [
        TrialRecord(n, "done", {"magnitude": float(m), "base.flip": n % 2}, Policy(), float(v),
                    budget=3, score=float(v), evaluations=(Evaluation(3, 0, v, None, 1.0, v),))
        for n, (m, v) in enumerate(zip(places, values, strict=True))
    ]  # fmt: skip
    plain = entries(rows, {}, Rung(2, 3), {}, "earlier")
    assert plain[0].number == 2
    first, second = entries(rows, {}, Rung(2, 3), {}, "earlier", prior=True)
    assert first.number == 0
    assert second.number in (10, 11)


@pytest.mark.parametrize("noise", [1.0, 2.0])
def test_smoothing_finds_better_trials_than_taking_the_highest(noise: float) -> None:
    """The chosen trial's true value over 200 noisy searches of 14 trials and 4 numbers."""
    generator = np.random.default_rng(4)
    gained = []
    for _ in range(200):
        places = generator.random((14, 4))
        truth = places @ np.array([2.0, -2.0, 0.3, 0.3]) - 6 * (places[:, 0] - 0.5) ** 2
        truth /= truth.std()
        seen = truth + noise * generator.standard_normal(14)
        params = [{f"p{i}": float(v) for i, v in enumerate(row)} for row in places]
        guess = smoothed(params, seen.tolist())
        gained.append(truth[int(np.argmax(guess))] - truth[int(np.argmax(seen))])
    assert np.mean(gained) > 2 * np.std(gained) / np.sqrt(len(gained))


def test_too_few_or_equal_values_stay_what_they_are() -> None:
    few = [{"a": float(i)} for i in range(5)]
    assert smoothed(few, [0.1, 0.9, 0.2, 0.3, 0.4]) == [0.1, 0.9, 0.2, 0.3, 0.4]
    assert smoothed([{"a": 1.0}] * 8, [0.5] * 8) == [0.5] * 8
