"""What a search learned: planted effects are found, and chance is not taken for one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

import variegate as vg
from variegate.errors import InputError
from variegate.evaluate import learned as module
from variegate.evaluate.distance import chi_squared, distance_from_random, kolmogorov
from variegate.evaluate.learned import Tried, importance
from variegate.evaluate.usage import occurrences, touched, touched_by_both

OPS = ("Rotate", "ShearX", "Brightness", "Posterize", "Solarize", "Sharpness")


def drawn(generator: np.random.Generator, count: int = 4) -> vg.Policy:
    """A random policy of two-op sub-policies, as AutoAugment's space has them."""
    pairs = []
    for _ in range(count):
        steps = [
            getattr(vg, OPS[generator.integers(len(OPS))])(
                magnitude=float(generator.integers(0, 11)) / 10,
                p=float(generator.integers(0, 11)) / 10,
            )
            for _ in range(2)
        ]
        pairs.append(vg.Sequence(tuple(steps)))
    return vg.Policy((vg.OneOf(tuple(pairs)),))


def trials(seed: int, count: int, effect: float = 0.0, noise: float = 0.01) -> list[Tried]:
    """Random policies whose value falls by `effect` for each image with Solarize, plus noise."""
    generator = np.random.default_rng(seed)
    policies = [drawn(generator) for _ in range(count)]
    return [
        Tried(p, 0.8 - effect * touched(p, "Solarize") + noise * generator.standard_normal())
        for p in policies
    ]


@pytest.mark.parametrize(
    ("policy", "op", "expected"),
    [
        (vg.Policy((vg.Rotate(p=0.5), vg.Rotate(p=0.5))), "Rotate", 0.75),
        (vg.Policy((vg.RandAugment(num_ops=2, rate=0.5),)), "Rotate", 1 - (1 - 0.5 / 14) ** 2),
        (vg.Policy((vg.TrivialAugment(),)), "Color", 1 / 14),
        (
            vg.Policy((vg.OneOf((vg.Invert(), vg.Rotate(p=0.5)), weights=(1, 3), p=0.8),)),
            "Rotate",
            0.8 * 0.75 * 0.5,
        ),
        (vg.Policy((vg.PerClass({0: (vg.Invert(),)}, (vg.Rotate(),)),)), "Invert", 0.5),
        (vg.Policy((vg.AutoAugment("cifar10"),)), "Posterize", 0.3 / 25),
    ],
)
def test_shares_worked_out_by_hand(policy: vg.Policy, op: str, expected: float) -> None:
    assert touched(policy, op) == pytest.approx(expected, abs=1e-12)


def test_shares_are_those_of_drawn_plans() -> None:
    policy = vg.Policy(
        (
            vg.SomeOf((vg.Invert(p=0.7), vg.Sequence((vg.Solarize(p=0.6), vg.Invert(p=0.4)))), 2),
            vg.Rotate(p=0.3),
        )
    )
    count = 6000
    pipeline = vg.Pipeline(policy, seed=1)
    plan = pipeline.draw(sizes=[(4, 4)] * count, index=range(count), epoch=0)
    sets: list[set[str]] = [set() for _ in range(count)]
    for record in plan.records:
        for row in record.rows.tolist():
            sets[row].add(record.op)
    for op in ("Invert", "Solarize", "Rotate"):
        share = sum(op in one for one in sets) / count
        assert share == pytest.approx(touched(policy, op), abs=4 * math.sqrt(0.25 / count))
    both = sum({"Invert", "Solarize"} <= one for one in sets) / count
    expected = touched_by_both(policy, "Invert", "Solarize")
    assert both == pytest.approx(expected, abs=4 * math.sqrt(0.25 / count))


def test_strengths_come_from_magnitudes_and_from_ranges() -> None:
    steps = (
        vg.Rotate(magnitude=0.4),
        vg.Rotate(angle=(-15, 15)),
        vg.Equalize(),
        vg.Cutout(magnitude=1.0),
    )
    found = [use.strength for use in occurrences(vg.Policy(steps))]
    assert found == [0.4, pytest.approx(0.5), None, 1.0]


def test_a_planted_effect_is_proven_with_its_size_and_sign() -> None:
    rows = trials(0, 80, effect=0.2)
    found = importance(rows)
    first = found["effects"][0]
    assert (first["kind"], first["name"], first["verdict"]) == ("op", "Solarize", "worse")
    share = np.array([touched(row.policy, "Solarize") for row in rows])
    slope = scipy.stats.linregress(share, [row.value for row in rows]).slope
    assert first["value"] == pytest.approx(slope * share.std(), rel=1e-9)
    assert first["interval"][0] < -0.2 * share.std() < first["interval"][1] < 0
    assert first["explains"] > 0.5
    assert "more images with Solarize went with worse trials" in found["text"]


def test_chance_alone_is_proven_in_one_search_of_twenty_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PERMUTATIONS", 199)
    monkeypatch.setattr(module, "RESAMPLES", 2)
    wrong = sum(importance(trials(seed, 16), seed=seed)["proven"] > 0 for seed in range(80))
    # 80 searches at 5 %: 4 expected, above 10 in one run of 400 (binomial)
    assert wrong <= 10


def test_nothing_proven_is_said_in_words() -> None:
    found = importance(trials(3, 30))
    assert found["proven"] == 0
    assert found["text"].startswith("Nothing is proven to have mattered: over 30 trials")
    assert all(effect["verdict"] == "not proven" for effect in found["effects"])


def test_ops_that_always_go_together_are_one_feature() -> None:
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(20):
        share = float(generator.random())
        pair = (vg.Rotate(magnitude=0.5), vg.ShearX(magnitude=0.5))
        rows.append(Tried(vg.Policy((vg.OneOf(pair, p=share),)), 0.5 + 0.1 * share))
    found = importance(rows)
    first = found["effects"][0]
    assert (first["kind"], first["name"]) == ("op", "Rotate, ShearX")
    assert found["effects"][0]["verdict"] == "better"


def test_budgets_are_not_compared_with_each_other() -> None:
    """Longer trainings have better values and more Solarize: within a budget nothing differs."""
    generator = np.random.default_rng(1)
    rows = [
        Tried(
            vg.Policy((vg.Solarize(magnitude=0.5, p=float(generator.uniform(low, low + 0.4))),)),
            0.5 + low + 0.01 * float(generator.standard_normal()),
            budget,
        )
        for low, budget in ((0.0, 5), (0.5, 20))
        for _ in range(20)
    ]
    assert importance(rows)["proven"] == 0
    pooled = [Tried(row.policy, row.value) for row in rows]
    assert importance(pooled)["effects"][0]["verdict"] == "better"


def test_too_few_trials_and_equal_values_say_so() -> None:
    assert "too few" in importance(trials(0, 11))["text"]
    flat = [Tried(row.policy, 0.5) for row in trials(0, 15)]
    assert "same value" in importance(flat)["text"]
    with pytest.raises(InputError, match=r"trials\[1\]: expected a finite value"):
        importance([Tried(vg.Policy(), 0.5), Tried(vg.Policy(), math.nan)])


def test_statistics_are_scipys() -> None:
    generator = np.random.default_rng(2)
    counts = generator.integers(1, 30, 12).astype(float)
    assert chi_squared(counts.tolist(), [1.0] * 12) == pytest.approx(
        scipy.stats.chisquare(counts).statistic, rel=1e-12
    )
    a, b = generator.random(40), np.round(generator.random(300), 1)
    assert kolmogorov(a.tolist(), b.tolist()) == pytest.approx(
        scipy.stats.ks_2samp(a, b).statistic, abs=1e-12
    )


def test_random_policies_are_near_and_a_chosen_one_is_far() -> None:
    generator = np.random.default_rng(4)
    reference = [drawn(generator, 25) for _ in range(40)]
    near = [distance_from_random(drawn(generator, 25), reference) for _ in range(12)]
    for row in range(3):
        ps = [found[row]["p"] for found in near]
        assert scipy.stats.kstest(ps, "uniform").pvalue > 1e-3, near[0][row]["what"]
    chosen = vg.Policy((vg.OneOf(tuple(vg.Rotate(magnitude=0.9, p=1.0) for _ in range(50))),))
    found = {row["what"]: row for row in distance_from_random(chosen, reference)}
    assert set(found) == {"op use", "probabilities", "strengths"}
    assert all(row["p"] <= 2 / 41 for row in found.values()), found
    with pytest.raises(InputError, match="at least 20 policies, got 3"):
        distance_from_random(chosen, reference[:3])
