"""Compiled lowering: the same program as NumPy's to the last bit, and no trust in its arguments."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

import variegate as vg
from variegate.engine import compiled
from variegate.ops.op import OPS
from variegate.ops.tone import brightness
from variegate.plan.geometry import inverse, product
from variegate.plan.lower import lower
from variegate.plan.plan import Plan
from variegate.plan.program import Stage

COUNT = 70
FRAMES = [vg.OneOf([vg.Pad(padding=(1, 2, 3, 4)), vg.Rotate(expand=True)]), vg.TranslateY()]
POLICIES: dict[str, list[Any]] = {
    "RandAugment": [vg.RandAugment(num_ops=4, magnitude=0.4)],
    "noisy magnitude": [vg.RandAugment(magnitude_std=0.2, rate=0.7)],
    "clashes": [vg.SomeOf([vg.Rotate(fill=3.0), vg.ShearX(border="wrap"), vg.Posterize()], 5)],
    "frames": [vg.RandomResizedCrop(size=(9, 7)), *FRAMES],
    "fields": [vg.Rotate(), vg.SomeOf([vg.Elastic(), vg.Brightness(), vg.HorizontalFlip()], 3)],
    "levels": [vg.Brightness(), vg.Gamma(), vg.Posterize(bits=(3, 6)), vg.Contrast()],
    "mixes": [vg.TrivialAugment(), vg.CutMix(), vg.Perspective(), vg.MixUp()],
    "nothing": [vg.Rotate(angle=(0, 0)), vg.HorizontalFlip(), vg.HorizontalFlip()],
}
ONE_SIZE = np.full((COUNT, 2), (13, 10))
SIZES = np.random.default_rng(5).integers(5, 20, (COUNT, 2))


def drawn(name: str, sizes: Any) -> Plan:
    return vg.Pipeline(POLICIES[name], seed=8, classes=3).draw(sizes=sizes, index=range(COUNT))


def arrays(stage: Any) -> dict[str, Any]:
    """Every array of a stage or a mix."""
    found = {f.name: getattr(stage, f.name) for f in fields(stage) if f.name != "tables"}
    if isinstance(stage, Stage):
        found |= {f.name: getattr(stage.tables, f.name) for f in fields(stage.tables)}
    return found


@pytest.mark.parametrize("sizes", [ONE_SIZE, SIZES], ids=["one size", "sizes"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("name", sorted(set(POLICIES) - {"mixes"}))
def test_compiled_lowering_gives_the_same_bytes(name: str, dtype: Any, sizes: Any) -> None:
    plan = drawn(name, sizes)
    assert_same(lower(plan, dtype, 3, compiled), lower(plan, dtype, 3))


def test_compiled_lowering_around_mixes() -> None:
    plan = drawn("mixes", ONE_SIZE)
    assert_same(lower(plan, np.uint8, 3, compiled), lower(plan, np.uint8, 3))


def assert_same(ours: Any, numpys: Any) -> None:
    assert len(ours.stages) == len(numpys.stages)
    for one, other in zip(ours.stages, numpys.stages, strict=True):
        expected = arrays(other)
        for name, value in arrays(one).items():
            assert np.asarray(value).dtype == np.asarray(expected[name]).dtype
            assert np.array_equal(value, expected[name]), name


def test_short_lists_lowered_once_per_size_mean_the_same() -> None:
    """A policy that has seen other sizes and dtypes gives what a fresh one gives."""
    used = vg.Pipeline([vg.RandAugment(num_ops=3)], seed=1)
    for side in range(8, 60):
        used.draw(sizes=[(side, side)] * 4, index=range(4))
        lower(used.draw(sizes=[(side, side)] * 4, index=range(4)), np.float32, 3, compiled)
    sizes = [(31, 17)] * 50
    fresh = vg.Pipeline([vg.RandAugment(num_ops=3)], seed=1).draw(sizes=sizes, index=range(50))
    plan = used.draw(sizes=sizes, index=range(50))
    assert_same(lower(plan, np.uint8, 3, compiled), lower(fresh, np.uint8, 3))


def test_inverses_and_products() -> None:
    matrices = np.random.default_rng(2).normal(size=(50, 3, 3)) + 3 * np.eye(3)
    matrices[:, 2, 2] = np.abs(matrices[:, 2, 2])
    found = compiled.inverse(matrices)
    assert np.array_equal(found, inverse(matrices))
    expected = np.linalg.inv(matrices)
    expected /= np.abs(expected[:, 2:, 2:])
    assert np.allclose(found, expected, rtol=1e-9)
    assert np.allclose(product(matrices, matrices[::-1]), matrices @ matrices[::-1], rtol=1e-13)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("rounds", "expected"), [(False, 99), (True, 100)])
def test_levels_are_clipped_then_rounded_or_cut_off(kind: Any, rounds: bool, expected: int) -> None:
    levels = np.zeros((2, 256), dtype=kind)
    levels[0, :5] = [99.5, -3, 255.4, 1e9, 254.99]
    out = np.empty((2, 256), dtype=np.uint8)
    compiled.settled(levels, rounds, out)
    assert out[0, :4].tolist() == [expected, 0, 255, 255]
    assert out[0, 4] == 254 + rounds
    assert not out[1].any()


@pytest.mark.parametrize("rounds", [False, True])
def test_scaled_levels_are_those_of_the_op(rounds: bool) -> None:
    generator = np.random.default_rng(3)
    few = np.array([0, -0.0, -2, 1, 0.5, 255, 1 / 3, 1e-30, 1e30])
    factors = np.concatenate([few, generator.uniform(0, 20, 500)]).astype(np.float32)
    assert [op.name for op in OPS.values() if op.scales] == ["Brightness"]
    expected = np.clip(brightness(np.arange(256.0), factors[:, None]), 0, 255)
    expected = (expected + np.float32(0.5) if rounds else expected).astype(np.uint8)
    out = np.empty((len(factors), 256), dtype=np.uint8)
    compiled.scaled(factors, rounds, out)
    assert np.array_equal(out, expected)


def test_places_outside_are_refused() -> None:
    one, two = np.array([1]), np.array([0, 1])
    zeros, eyes = np.zeros(2, dtype=np.int64), np.tile(np.eye(3), (2, 1, 1))
    size = np.full((2, 2), 5)
    state = (np.zeros(2, dtype=bool), zeros, eyes, eyes.copy(), size, size.copy())
    manners = (np.zeros((1, 1), int), np.zeros((1, 4), np.int32), np.zeros((1, 16), np.float32))
    legal = {"rows": two, "position": zeros, "manner": zeros, "pick": zeros}
    tables = (eyes[:1].copy(), eyes[:1].copy(), size[:1])
    none = (zeros[:0], zeros[:0])
    assert len(compiled.compose((*legal.values(), *tables), none, state, manners)["rows"]) == 0
    for name in ("rows", "manner", "pick"):
        wrong = legal | {name: np.array([0, 2])}
        with pytest.raises(ValueError, match=rf"moves\.{name}: no such place"):
            compiled.compose((*wrong.values(), *tables), none, state, manners)
    with pytest.raises(ValueError, match=r"ends\.rows: no such place"):
        compiled.compose((*legal.values(), *tables), (one + 1, one), state, manners)
    with pytest.raises(ValueError, match=r"part\.samples: no such place"):
        compiled.order([(0, one, one, None, 0)], 1)
