"""AugMix, blobs and what stands out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, stats

import variegate as vg
from tests.mixing.mixers import flat, origins
from variegate.engine.saliency import SURROUNDS, fine_grained, spectral_residual
from variegate.errors import InputError, PolicyError
from variegate.ops.augmix import PUBLISHED, gamma_quantile, one_by_one
from variegate.ops.mixing import beta_quantile
from variegate.ops.registry import get
from variegate.plan.blobs import around_blobs
from variegate.plan.signatures import call
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 24, 20, 3)).astype(np.uint8)


@ENGINES
def test_one_chain_of_one_op_is_a_blend_with_it(engine: str) -> None:
    step = vg.AugMix(width=1, depth=1, ops=("Invert",))
    aug = vg.Pipeline([step], seed=1, engine=engine)
    plan = aug.draw(images=IMAGES, index=range(40))
    share = plan.records[0].values["weight"].reshape(-1, 1, 1, 1)
    exact = IMAGES * (1 - share) + (255.0 - IMAGES) * share
    out = aug.apply(plan, images=IMAGES)["images"]
    assert np.abs(out - exact).max() <= 1.0
    assert np.mean(np.abs(out - exact) <= 0.5 + 1e-9) > 0.95
    assert stats.kstest(share.ravel(), "uniform").pvalue > 1e-3


@ENGINES
def test_chains_blend_as_their_ops_and_weights_say(engine: str) -> None:
    """Three chains of Invert and AutoContrast, put together with NumPy."""
    step = vg.AugMix(width=3, depth=2, alpha=0.7, ops=("Invert", "AutoContrast"))
    aug = vg.Pipeline([step], seed=1, engine=engine)
    plan = aug.draw(images=IMAGES, index=range(40))
    values = plan.records[0].values
    names = step.arguments["ops"]
    ways = {name: vg.Pipeline([getattr(vg, name)()], engine="reference") for name in names}
    out = aug.apply(plan, images=IMAGES)["images"]
    for place, image in enumerate(IMAGES):
        mean = stats.gamma.ppf(values["part"][place], 0.7)
        mean = mean / mean.sum()
        share = stats.beta.ppf(values["weight"][place], 0.7, 0.7)
        exact = image * (1 - share)
        for chain in range(3):
            copy = image
            for turn in range(1 + int(values["length"][place, chain] * 2)):
                name = names[int(values["op"][place, chain * 2 + turn] * 2)]
                copy = ways[name](image=copy)["image"]
            exact = exact + share * mean[chain] * copy
        assert np.abs(out[place] - exact).max() < 1.2


def test_every_op_is_reached_equally_often() -> None:
    """A peer's AugMix never comes to the last of its ops."""
    aug = vg.Pipeline([vg.AugMix(depth=1, width=1)], seed=2)
    plan = aug.draw(sizes=[(8, 8)] * 4000, index=range(4000))
    picked = np.floor(plan.records[0].values["op"].ravel() * len(PUBLISHED)).astype(int)
    counts = np.bincount(picked, minlength=len(PUBLISHED))
    assert stats.chisquare(counts).pvalue > 1e-3
    record = plan.records[0]
    layers = call(get("AugMix"), record.settings, record.values, sizes=np.full((4000, 2), 8))
    assert {name for name, _, _ in layers.tiles.turns} == set(PUBLISHED)


def test_labels_stay_and_so_do_targets_that_nothing_moves() -> None:
    masks = np.random.default_rng(1).integers(0, 5, (40, 24, 20))
    boxes = [np.array([[1.0, 2.0, 9.0, 12.0]])] * 40
    plain = vg.AugMix(ops=("Posterize", "Solarize", "Equalize"))
    out = vg.Pipeline([plain], seed=1)(
        images=IMAGES, labels=np.arange(40), masks=masks, boxes=boxes, index=range(40)
    )
    assert out["labels"].tolist() == list(range(40))
    assert np.array_equal(out["masks"], masks)
    assert all(np.array_equal(box, boxes[0]) for box in out["boxes"])
    assert not np.array_equal(out["images"], IMAGES)


@pytest.mark.parametrize("name", ["masks", "boxes", "keypoints"])
def test_targets_that_a_chain_would_move_are_refused_by_name(name: str) -> None:
    """A peer moves masks by chains of their own, which the image never went through."""
    targets = {
        "masks": np.zeros((40, 24, 20), dtype=int),
        "boxes": [np.array([[1.0, 2.0, 9.0, 12.0]])] * 40,
        "keypoints": [np.array([[1.0, 2.0]])] * 40,
    }
    message = f"{name}: {name} cannot follow a blend .*Rotate, ShearX, ShearY, TranslateX"
    with pytest.raises(InputError, match=message):
        vg.Pipeline([vg.AugMix()], seed=1)(images=IMAGES, **{name: targets[name]})


def test_only_ops_that_a_strength_describes_may_stand_in_a_chain() -> None:
    for name in ("CutMix", "Resize", "Elastic", "GaussianNoise", "RandomCrop", "Nothing", 3):
        with pytest.raises(PolicyError, match=r"AugMix\.ops"):
            vg.AugMix(ops=(name,))


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 3.0])
def test_gamma_quantiles_are_scipy_s(alpha: float) -> None:
    share = np.linspace(0, 1, 501)[1:-1]
    assert np.abs(gamma_quantile(share, alpha) - stats.gamma.ppf(share, alpha)).max() < 1e-3


def test_weights_one_by_one_give_the_shares() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(5), 50)[:, :4]
    left = np.ones(50)
    found = np.zeros_like(shares)
    for layer, weight in enumerate(one_by_one(shares).T):
        found[:, :layer] *= (1 - weight)[:, None]
        found[:, layer] = weight
        left *= 1 - weight
    assert np.abs(found - shares).max() < 1e-12
    assert np.abs(left - (1 - shares.sum(axis=1))).max() < 1e-12


def test_blobs_keep_an_exact_share_and_are_large_and_smooth() -> None:
    for size in ((40, 50), (33, 17), (1, 7), (64, 64)):
        for share in (0.0, 0.3, 0.5, 1.0):
            mask = around_blobs(7, size, 3.0, share)
            assert np.count_nonzero(~mask) == int(share * size[0] * size[1] + 0.5)
    edges = []
    for decay in (0.0, 1.0, 3.0):
        mask = around_blobs(np.uint64(9), (64, 64), decay, 0.5)
        edges.append(np.count_nonzero(mask[1:] != mask[:-1]))
    assert edges[0] > 1.5 * edges[1] > 4 * edges[2]
    parts = [ndimage.label(around_blobs(key, (64, 64), 3.0, 0.5))[1] for key in range(30)]
    assert np.mean(parts) < 6
    assert len({around_blobs(key, (64, 64), 3.0, 0.5).tobytes() for key in range(30)}) == 30


def test_fmix_has_no_grain_where_it_is_drawn_for_other_sizes() -> None:
    """Every pixel of a 20-sample batch is covered now and then."""
    out = vg.Pipeline([vg.FMix()], seed=3)(images=flat(200, (15, 18)), index=range(200))["images"]
    own = origins(out, 200) == np.arange(200)[:, None, None]
    assert own.mean(axis=0).min() > 0.3
    assert own.mean(axis=0).max() < 0.7


def test_fine_grained_saliency_is_its_definition() -> None:
    value = np.random.default_rng(2).random((9, 12)).astype(np.float32)
    wanted = np.zeros((9, 12))
    for row, column in np.ndindex(9, 12):
        for reach in SURROUNDS:
            near = value[max(row - reach, 0) : row + reach + 1].astype(np.float64)
            near = near[:, max(column - reach, 0) : column + reach + 1]
            apart = value[row, column] - (near.sum() - value[row, column]) / (near.size - 1)
            wanted[row, column] += abs(apart)
    assert np.abs(fine_grained(value[..., None]) - wanted).max() < 1e-6


@pytest.mark.parametrize("measure", [fine_grained, spectral_residual])
def test_an_odd_spot_stands_out(measure: object) -> None:
    """A dark disk on stripes; the peak lies on it, and a flat image has none."""
    rows, columns = np.mgrid[:80, :100]
    image = (128 + 20 * np.sin(columns * 1.3)).astype(np.uint8)[..., None]
    spot = (rows - 55) ** 2 + (columns - 30) ** 2 < 36
    image[spot] = 0
    found = measure(image)  # type: ignore[operator]
    peak = np.unravel_index(np.argmax(found), found.shape)
    assert np.hypot(peak[0] - 55, peak[1] - 30) < 9
    assert found.min() >= 0
    level = measure(np.full((30, 30, 3), 9, dtype=np.uint8))  # type: ignore[operator]
    assert np.isfinite(level).all()


@ENGINES
def test_saliency_mix_pastes_what_stands_out(engine: str) -> None:
    """The partner's rectangle is that of CutMix, about its bright dot."""
    seed = np.random.default_rng(3)
    images = seed.integers(98, 103, (30, 40, 44, 1)).astype(np.uint8)
    dots = np.stack([seed.integers(5, 35, 30), seed.integers(5, 39, 30)], axis=1)
    for image, (y, x) in zip(images, dots, strict=True):
        image[y, x] = 255
    aug = vg.Pipeline([vg.SaliencyMix()], seed=4, classes=30, engine=engine)
    plan = aug.draw(images=images, index=range(30))
    record = plan.records[0]
    out = aug.apply(plan, images=images, labels=np.arange(30))
    side = np.sqrt(1 - beta_quantile(record.values["weight"], 1.0))
    for place in range(30):
        partner = int(record.values["partner"][place, 0])
        high, wide = np.floor(side[place] * np.array([40, 44])).astype(int)
        top, left = dots[partner] - np.array([high // 2, wide // 2])
        rows, columns = slice(max(top, 0), top + high), slice(max(left, 0), left + wide)
        wanted = images[place].copy()
        wanted[rows, columns] = images[partner][rows, columns]
        assert np.array_equal(out["images"][place], wanted)
        share = out["labels"][place, partner]
        area = (min(top + high, 40) - max(top, 0)) * (min(left + wide, 44) - max(left, 0))
        assert abs(share - max(area, 0) / (40 * 44)) < 1e-6
