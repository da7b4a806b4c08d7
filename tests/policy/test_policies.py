"""Policies as data: round trips, published tables, frequencies, magnitudes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy import stats

import variegate as vg
from variegate.ops.registry import get, names
from variegate.policy.nodes import RANDAUGMENT_OPS, Step, Strength
from variegate.policy.presets import TABLES, sub_policies
from variegate.testing.strategies import LEAVES, policies

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text())
COUNT = 6000
SIZES = [(32, 32)] * COUNT
QUIET = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

EIGHT = np.zeros((8, 33, 40, 1), dtype=np.uint8)


def drawn(steps: object, seed: int = 1, labels: object = None, count: int = COUNT) -> vg.Plan:
    pipeline = vg.Pipeline(steps, seed=seed)
    none = {"boxes": [np.zeros((0, 4))] * count, "masks": [np.zeros((32, 32), bool)] * count}
    marks = none if pipeline.looks else {}
    return pipeline.draw(sizes=[(32, 32)] * count, index=range(count), labels=labels, **marks)


def by_op(plan: vg.Plan) -> Counter:
    """How many samples each op was drawn for; Identity is drawn as nothing."""
    counts: Counter = Counter()
    for record in plan.records:
        counts[record.op] += len(record.rows)
    return counts


def check_share(count: int, chance: float, total: int = COUNT) -> None:
    assert stats.binomtest(count, total, chance).pvalue > 1e-4, (count, chance * total)


@QUIET
@given(policies())
def test_json_gives_the_policy_back(policy: vg.Policy) -> None:
    text = json.dumps(policy.to_dict(), allow_nan=False)
    again = vg.Policy.from_dict(json.loads(text))
    assert again == policy
    assert json.dumps(again.to_dict()) == text


@settings(QUIET, max_examples=25)
@given(policies(per_class=False))
def test_a_policy_read_back_draws_the_same(policy: vg.Policy) -> None:
    again = vg.Policy.from_dict(json.loads(json.dumps(policy.to_dict())))
    plans = [vg.Pipeline(p, seed=2).draw(images=EIGHT, index=range(8)) for p in (policy, again)]
    assert plans[0].to_dict() == plans[1].to_dict()


def test_files_give_the_policy_back(tmp_path: Path) -> None:
    steps = [vg.RandAugment(magnitude=np.float32(0.4)), vg.Rotate(angle=(-5, np.int64(5)))]
    policy = vg.Policy(
        (*steps, vg.PerClass({3: [vg.Invert()]}, default=[vg.Rotate(magnitude=0.5)]))
    )
    path = policy.save(tmp_path / "policy.json")
    assert vg.Policy.load(path) == policy
    assert [p.name for p in tmp_path.iterdir()] == ["policy.json"], "no temporary file stays"


@pytest.mark.parametrize("table", sorted(TABLES))
def test_tables_are_the_published_ones(table: str) -> None:
    ours = [
        [[s.op, s.p, round(s.magnitude.low * 9) if s.magnitude else None] for s in sub]
        for sub in sub_policies(table)
    ]
    published = [
        [[op, p, level if get(op).has_magnitude else None] for op, p, level in sub]
        for sub in PUBLISHED[table]
    ]
    assert len(ours) == 25
    assert ours == published


# AutoAugment's table 6 on ten levels, as torchvision has it; ours at level / 9.
BINS = {
    ("ShearX", "slope"): np.linspace(0, 0.3, 10),
    ("TranslateX", "fraction"): np.linspace(0, 150 / 331, 10),
    ("Rotate", "angle"): np.linspace(0, 30, 10),
    ("Brightness", "factor"): 1 + np.linspace(0, 0.9, 10),
    ("Color", "factor"): 1 + np.linspace(0, 0.9, 10),
    ("Contrast", "factor"): 1 + np.linspace(0, 0.9, 10),
    ("Sharpness", "factor"): 1 + np.linspace(0, 0.9, 10),
    ("Posterize", "bits"): 8 - np.round(np.arange(10) / (9 / 4)),
    ("Solarize", "threshold"): np.linspace(256, 0, 10),
}


@pytest.mark.parametrize(("op", "name"), sorted(BINS))
def test_levels_are_the_published_ones(op: str, name: str) -> None:
    param = next(p for p in get(op).params if p.name == name)
    level = np.arange(10) / 9
    assert np.abs(param.at(level, np.ones(10)) - BINS[op, name]).max() < 1e-9
    below = param.at(level, -np.ones(10))
    mirrored = 2 * param.weak - BINS[op, name] if param.mirrored else BINS[op, name]
    assert np.abs(below - mirrored).max() < 1e-9


def test_randaugment_draws_every_op_equally_often() -> None:
    counts = by_op(drawn([vg.RandAugment(num_ops=2, magnitude=0.5)]))
    expected = [counts[op] for op in RANDAUGMENT_OPS if op != "Identity"]
    expected.append(2 * COUNT - sum(expected))
    assert len(expected) == 14
    assert stats.chisquare(expected).pvalue > 1e-3


def test_trivialaugment_draws_one_op_at_31_levels() -> None:
    plan = drawn([vg.TrivialAugment()])
    rows = np.concatenate([r.rows for r in plan.records])
    assert len(np.unique(rows)) == len(rows)
    angles = np.concatenate([r.values["angle"] for r in plan.records if r.op == "Rotate"])
    assert set(np.round(np.abs(angles) / 4.5, 9)) <= set(range(31))
    assert np.abs(angles).max() == 135


def test_autoaugment_takes_each_sub_policy_equally_often() -> None:
    plan = drawn([vg.AutoAugment(table="cifar10")])
    picked = Counter(r.path.rsplit(".", 2)[0] for r in plan.records for _ in r.rows)
    assert len(picked) == 25
    share = by_op(drawn([vg.AutoAugment(table="cifar10")]))["Color"]
    chance = np.mean([sum(p for op, p, _ in sub if op == "Color") for sub in PUBLISHED["cifar10"]])
    check_share(share, float(chance))


@pytest.mark.parametrize("name", LEAVES)
def test_every_op_is_reached_from_a_choice(name: str) -> None:
    steps = [Step(n, dict(get(n).example)) for n in LEAVES if n not in ("Grayscale", "Identity")]
    plan = drawn([vg.OneOf(steps), Step(name, dict(get(name).example))], count=2000)
    reached = {r.op for r in plan.records if len(r.rows)}
    assert reached | {"Identity"} >= {s.op for s in steps} | {name}


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.93, 1.0])
def test_p_is_the_share_of_images(p: float) -> None:
    counts = by_op(drawn([vg.Invert(p=p), vg.Sequence([vg.Equalize()], p=p)]))
    check_share(counts["Invert"], p)
    check_share(counts["Equalize"], p)


def test_one_of_and_its_weights() -> None:
    steps = [vg.Invert(), vg.Equalize(), vg.AutoContrast()]
    plan = drawn([vg.OneOf(steps, weights=(1, 3, 0), p=0.8)])
    counts = by_op(plan)
    check_share(counts["Invert"], 0.2)
    check_share(counts["Equalize"], 0.6)
    assert counts["AutoContrast"] == 0
    rows = np.concatenate([r.rows for r in plan.records])
    assert len(np.unique(rows)) == len(rows), "one of them for each image"


def test_some_of_layers_and_rate() -> None:
    steps = [vg.Invert(), vg.Equalize()]
    plan = drawn([vg.SomeOf(steps, augmentations_per_image=3, rate=0.5)])
    counts = by_op(plan)
    layers = np.bincount(np.concatenate([r.rows for r in plan.records]), minlength=COUNT)
    expected = stats.binom(3, 0.5).pmf(range(4)) * COUNT
    assert stats.chisquare(np.bincount(layers, minlength=4), expected).pvalue > 1e-3
    check_share(counts["Invert"], 0.5, counts["Invert"] + counts["Equalize"])


def test_per_class_picks_by_label() -> None:
    steps = [vg.PerClass({0: [vg.Invert()], 7: [vg.Equalize(p=0.5)]}, default=[vg.Rotate()])]
    labels = np.tile([0, 7, 3], 1000)
    rows = {r.op: r.rows for r in drawn(steps, labels=labels, count=3000).records}
    assert np.array_equal(rows["Invert"], np.flatnonzero(labels == 0))
    assert np.array_equal(rows["Rotate"], np.flatnonzero(labels == 3))
    assert set(labels[rows["Equalize"]]) == {7}
    check_share(len(rows["Equalize"]), 0.5, 1000)
    soft = np.eye(8, dtype=np.float32)[labels]
    again = {r.op: r.rows for r in drawn(steps, labels=soft, count=3000).records}
    assert np.array_equal(again["Invert"], rows["Invert"])


def test_ranges_and_signs_are_drawn_evenly() -> None:
    plan = drawn([vg.Rotate(angle=(-20, 50)), vg.ShearX(magnitude=0.5), vg.Posterize(bits=(3, 6))])
    angle, slope, bits = (plan.records[i].values for i in range(3))
    assert stats.kstest(angle["angle"], "uniform", (-20, 70)).pvalue > 1e-3
    assert set(np.round(slope["slope"], 12)) == {0.15, -0.15}
    check_share(int((slope["slope"] > 0).sum()), 0.5)
    assert stats.chisquare(np.unique(bits["bits"], return_counts=True)[1]).pvalue > 1e-3
    assert set(bits["bits"]) == {3, 4, 5, 6}


def test_magnitude_noise_has_its_deviation() -> None:
    plan = drawn([Step("Solarize", magnitude=Strength(0.5, 0.5, 0.1))])
    magnitude = 1 - plan.records[0].values["threshold"] / 256
    assert stats.kstest(magnitude, "norm", (0.5, 0.1)).pvalue > 1e-3


def test_seed_0_is_a_seed_like_any_other() -> None:
    plans = [drawn([vg.Rotate()], seed=s).records[0].values["angle"] for s in (0, 0, 1)]
    assert np.array_equal(plans[0], plans[1])
    assert not np.array_equal(plans[0], plans[2])
    assert vg.Pipeline([vg.Rotate()], seed=0).seed == 0


def test_every_op_is_a_public_name_with_help() -> None:
    for name in names():
        constructor = getattr(vg, name)
        assert constructor(**get(name).example).op == name
        assert "Source:" in (constructor.__doc__ or "")
        assert name in dir(vg)


def test_a_plan_is_printed_by_sample() -> None:
    text = vg.Pipeline([vg.Rotate(angle=(3, 3)), vg.Invert(p=0.0)], seed=1).explain(5, epoch=2)
    assert "5: Rotate(angle=3)" in text
    assert "Invert" not in text
