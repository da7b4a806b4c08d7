"""Moderated errors: the fit of Smyth's model, the mixture by hand, and what stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import polygamma

from variegate.evaluate import Difference, class_differences, paired_difference
from variegate.evaluate.moderate import fit, moderated


def difference(value: float, error: float, df: float = 4.0) -> Difference:
    return Difference(value, -1.0, 1.0, 0.5, df, 5, 100, error)


@pytest.mark.parametrize(("prior_df", "prior"), [(6.0, 1.7), (30.0, 0.8)])
def test_fit_finds_what_the_ratios_were_drawn_from(prior_df: float, prior: float) -> None:
    generator = np.random.default_rng(0)
    df = np.full(40_000, 4.0)
    ratios = prior * stats.f.rvs(4, prior_df, size=len(df), random_state=generator)
    found_df, found = fit(ratios, df)
    assert found_df == pytest.approx(prior_df, rel=0.15)
    assert found == pytest.approx(prior, rel=0.03)


def test_fit_of_two_spreads_by_hand() -> None:
    # Logs -1 and +1 with 4 df: variance 2, less trigamma(2) = pi^2/6 - 1; that is trigamma(d / 2).
    found_df, _ = fit(np.exp(np.array([-1.0, 1.0])), np.full(2, 4.0))
    assert polygamma(1, found_df / 2) == pytest.approx(2 - (np.pi**2 / 6 - 1), rel=1e-6)
    # No more spread than 4 degrees of freedom give: all classes have one noise.
    assert fit(np.ones(5), np.full(5, 4.0))[0] == 1e6


def test_equal_noise_is_pooled_over_the_classes() -> None:
    # 500 answers, 50 disagreements: independent draws have the variance 0.1 / 500.
    rows = [difference(v, 0.02) for v in (0.05, -0.02, 0.01, 0.0, 0.03)]
    found = moderated(rows, [50] * 5)
    half = stats.t.ppf(0.975, 20) * found[0].error
    assert [own.df for own in found if own] == pytest.approx([20.0] * 5)
    assert (found[0].value, found[0].high) == pytest.approx((0.05, 0.05 + half))
    # exp(digamma) of 2 against 2: the moment of the logarithm is not the mean, so s is above r.
    assert found[0].error == pytest.approx(0.02 * np.exp(-0.5 * (0.4227843351 - np.log(2))))
    assert found[0].p == pytest.approx(2 * stats.t.sf(0.05 / found[0].error, 20))


def test_few_classes_and_few_disagreements_stay_as_they_are() -> None:
    rows = [difference(0.1, 0.02), difference(0.0, 0.03), difference(0.0, 0.01)]
    assert moderated(rows, [50] * 3) == rows
    four = [*rows, difference(0.0, 0.02), None]
    found = moderated(four, [50, 50, 50, 4, 0])
    assert found == four, "only three have the 5 disagreements that say something of the noise"
    more = moderated([*four[:4], difference(0.0, 0.02)], [50, 50, 50, 4, 50])
    assert more[3] == four[3]
    assert more[0] != four[0]


def test_values_are_those_of_every_class_alone() -> None:
    generator = np.random.default_rng(2)
    labels = np.arange(300) % 5
    first, second = generator.random((4, 300)) < 0.8, generator.random((4, 300)) < 0.7
    for index, own in enumerate(class_differences(first, second, labels, 6)[:5]):
        alone = paired_difference(first[:, labels == index], second[:, labels == index])
        assert own is not None
        assert own.value == alone.value
        assert own.df > alone.df
    assert class_differences(first, second, labels, 6)[5] is None


def test_a_fall_of_ten_points_is_seen_with_five_seeds() -> None:
    # One class of ten falls from 85 to 72 %: a class alone has too few seeds to see it every time.
    generator = np.random.default_rng(3)
    labels, seen, alone = np.arange(1000) % 10, 0, 0
    for _ in range(40):
        shift = np.where(labels == 0, 0.13, 0.0)
        base = generator.random((5, 1000)) < 0.85
        other = generator.random((5, 1000)) < 0.85 - shift
        found = class_differences(other, base, labels, 10)[0]
        plain = paired_difference(other[:, labels == 0], base[:, labels == 0])
        seen += found.p < 0.005
        alone += plain.p < 0.005
    assert seen >= 30
    assert seen >= alone + 15
