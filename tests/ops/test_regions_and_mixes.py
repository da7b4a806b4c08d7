"""Hidden parts and mixes: pixels are counted, distributions are compared with SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import variegate as vg
from variegate.ops.mixing import beta_quantile
from variegate.policy.nodes import Step
from variegate.testing import engines

ENGINES = pytest.mark.parametrize("engine", engines())
COUNT = 400
REGIONS = {
    "Cutout": {"size": (0.0, 1.0), "count": (1, 4)},
    "RandomErasing": {"scale": (0.0, 1.0), "ratio": (0.2, 5.0)},
    "GridMask": {"ratio": (0.0, 1.0), "period": (0.05, 2.0)},
    "HideAndSeek": {"share": (0.0, 1.0), "cells": 4},
    "CoarseDropout": {"count": (0, 20), "height": (0.0, 1.0), "width": (0.0, 1.0)},
    "GridDropout": {"ratio": (0.0, 1.0), "cells": (1, 6)},
    "XYMasking": {"size": (0.0, 1.0), "count_x": (0, 3), "count_y": (0, 3)},
}


def run(step: Step, images: np.ndarray, engine: str = "reference", seed: int = 3) -> np.ndarray:
    pipeline = vg.Pipeline([step], seed=seed, engine=engine)
    return pipeline(images=images, index=np.arange(len(images)))["images"]


def white(count: int, size: tuple[int, int], channels: int = 1) -> np.ndarray:
    return np.full((count, *size, channels), 255, dtype=np.uint8)


@ENGINES
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (9, 16), (31, 17)])
@pytest.mark.parametrize("name", sorted(set(REGIONS) - {"GridMask"}))
def test_the_guard_keeps_half_in_sight(engine: str, name: str, size: tuple[int, int]) -> None:
    out = run(Step(name, REGIONS[name]), white(COUNT, size), engine)
    assert (out == 255).mean(axis=(1, 2, 3)).min() >= 0.5


@ENGINES
def test_the_guard_of_a_grid_keeps_about_half_in_sight(engine: str) -> None:
    """The share of a grid is exact on a whole period; a cut-off period moves it a little."""
    out = run(
        Step("GridMask", REGIONS["GridMask"] | {"period": (0.05, 0.2)}), white(COUNT, (64, 64))
    )
    seen = (out == 255).mean(axis=(1, 2, 3))
    assert seen.mean() > 0.5
    assert seen.min() > 0.4


@pytest.mark.parametrize("name", sorted(REGIONS))
def test_without_the_guard_more_than_half_can_go(name: str) -> None:
    out = run(Step(name, {**REGIONS[name], "guard": False}), white(COUNT, (24, 24)))
    assert (out == 255).mean(axis=(1, 2, 3)).min() < 0.3


@ENGINES
@pytest.mark.parametrize("name", sorted(REGIONS))
def test_hidden_pixels_take_the_fill_and_the_others_stay(engine: str, name: str) -> None:
    images = np.random.default_rng(0).integers(0, 200, (20, 15, 18, 3), dtype=np.uint8)
    for images_in, scale in ((images, 1), ((images / 255).astype(np.float32), 255)):
        out = run(Step(name, {**REGIONS[name], "fill": (210, 220, 230)}), images_in, engine)
        hidden = np.abs(out.astype(np.float64) * scale - [210, 220, 230]).max(axis=3) < 1e-3
        assert 0.02 < hidden.mean() < 0.6
        assert np.array_equal(out[~hidden], images_in[~hidden])


def test_cutout_hides_a_square_of_its_size() -> None:
    """A side of 0.25 of 32 pixels: 8 x 8, cut off only where the border is near."""
    hidden = run(Step("Cutout", {"size": (0.25, 0.25)}), white(COUNT, (32, 40)))[..., 0] == 0
    rows, columns = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert np.array_equal(hidden.sum((1, 2)), rows * columns)
    assert rows.max() == columns.max() == 8
    inside = np.mean((rows == 8) & (columns == 8))
    assert abs(inside - (32 - 8) / 32 * (40 - 8) / 40) < 0.1
    centers = [np.argwhere(h).mean(0) for h in hidden if h.sum() == 64]
    assert stats.kstest(np.array(centers)[:, 0], "uniform", (3.5, 25)).pvalue > 1e-3


def test_random_erasing_has_its_areas_and_ratios() -> None:
    step = Step("RandomErasing", {"scale": (0.05, 0.2), "ratio": (0.5, 2.0)})
    hidden = run(step, white(2000, (100, 100)))[..., 0] == 0
    rows, columns = hidden.any(2).sum(1), hidden.any(1).sum(1)
    share = hidden.sum((1, 2)) / 10000
    assert share.min() > 0.045
    assert share.max() < 0.21
    assert stats.kstest(share, "uniform", (0.05, 0.15)).pvalue > 1e-3
    ratio = np.log(columns / rows)
    assert stats.kstest(ratio, "uniform", (-np.log(2), 2 * np.log(2))).pvalue > 1e-3


@ENGINES
def test_random_erasing_can_fill_with_noise(engine: str) -> None:
    step = Step("RandomErasing", {"scale": (0.3, 0.4), "mode": "noise"})
    out = run(step, np.zeros((30, 40, 40, 3), dtype=np.uint8), engine)
    values = out[out > 0]
    assert abs(values.mean() - 128) < 3
    assert stats.chisquare(np.bincount(values, minlength=256)[1:]).pvalue > 1e-3


def test_hide_and_seek_hides_cells_at_its_chance() -> None:
    step = Step("HideAndSeek", {"share": (0.3, 0.3), "cells": 4, "guard": False})
    hidden = run(step, white(COUNT, (16, 16)))[..., 0] == 0
    cells = hidden.reshape(COUNT, 4, 4, 4, 4).mean(axis=(2, 4))
    assert set(np.unique(cells)) == {0.0, 1.0}
    assert np.abs(cells.mean(0) - 0.3).max() < 4.5 * np.sqrt(0.3 * 0.7 / COUNT)


def crop_sizes(scale: tuple[float, float], ratio: tuple[float, float]) -> np.ndarray:
    pipeline = vg.Pipeline([vg.RandomResizedCrop(size=(8, 8), scale=scale, ratio=ratio)], seed=1)
    from variegate.plan.lower import lower

    plan = pipeline.draw(sizes=[(300, 400)] * 4000, index=range(4000))
    back = lower(plan, np.uint8, 3).stages[0].tables.warp_matrix.reshape(-1, 3, 3)
    return np.stack([back[:, 0, 0] * 8, back[:, 1, 1] * 8, back[:, 0, 2], back[:, 1, 2]], axis=1)


def test_random_resized_crop_has_its_areas_and_aspects() -> None:
    width, height, left, top = crop_sizes((0.1, 0.4), (0.75, 4 / 3)).T
    assert stats.kstest(width * height / 120000, "uniform", (0.1, 0.3)).pvalue > 1e-3
    shape = np.log(width / height)
    assert stats.kstest(shape, "uniform", (np.log(0.75), 2 * np.log(4 / 3))).pvalue > 1e-3
    assert stats.kstest((left + 0.5) / (401 - width), "uniform").pvalue > 1e-3
    assert stats.kstest((top + 0.5) / (301 - height), "uniform").pvalue > 1e-3
    assert min(left.min(), top.min()) >= 0
    assert np.all(left + width <= 400)
    assert np.all(top + height <= 300)


def test_a_crop_that_never_fits_is_the_center() -> None:
    width, height, left, top = crop_sizes((1.0, 1.0), (0.5, 0.5)).T
    assert (width == 150).all()
    assert (height == 300).all()
    assert (left == 125).all()
    assert (top == 0).all()


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 2.0, 8.0, 100.0])
def test_beta_quantiles_are_scipy_s(alpha: float) -> None:
    share = np.concatenate([np.linspace(0, 1, 2001)[1:-1], [1e-9, 1e-5, 1 - 1e-9]])
    exact = stats.beta.ppf(share, alpha, alpha)
    assert np.abs(beta_quantile(share, alpha) - exact).max() < 1e-4


def mixed(step: Step, count: int, size: tuple[int, int], engine: str) -> tuple:
    """Each sample is a level of its own, so that every pixel tells where it came from."""
    images = np.tile(np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1) / count, (1, *size, 1))
    pipeline = vg.Pipeline([step], seed=2, classes=count, engine=engine)
    out = pipeline(images=images, labels=np.arange(count), index=np.arange(count))
    return images, out["images"], out["labels"]


@ENGINES
def test_cutmix_labels_are_counted_pixels(engine: str) -> None:
    for alpha in (0.3, 1.0):
        images, out, labels = mixed(vg.CutMix(alpha=alpha), COUNT, (13, 11), engine)
        own = (out == images).mean(axis=(1, 2, 3))
        assert np.abs(labels[np.arange(COUNT), np.arange(COUNT)] - own).max() < 1e-6
        assert np.abs(labels.sum(1) - 1).max() < 1e-6
        origin = np.rint(out[..., 0] * COUNT).astype(int)
        for place in range(COUNT):
            shares = np.bincount(origin[place].ravel(), minlength=COUNT) / 143
            assert np.abs(labels[place] - shares).max() < 1e-6
        assert np.mean(own < 1) > 0.05


def test_cutmix_pastes_a_beta_share_where_nothing_is_cut_off() -> None:
    pipeline = vg.Pipeline([vg.CutMix(alpha=1.0)], seed=4)
    plan = pipeline.draw(sizes=[(200, 200)] * 5000, index=range(5000))
    weight = plan.records[0].values["weight"]
    assert stats.kstest(weight, "uniform").pvalue > 1e-3


@ENGINES
@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_weights_are_beta(engine: str, alpha: float) -> None:
    images, out, labels = mixed(vg.MixUp(alpha=alpha), 1500, (1, 1), engine)
    weight = labels[np.arange(1500), np.arange(1500)]
    assert stats.kstest(weight, stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    blended = labels.astype(np.float64) @ images[:, 0, 0, 0].astype(np.float64)
    assert np.abs(out[:, 0, 0, 0] - blended).max() < 1e-5


def test_everyone_is_a_partner_once_and_no_one_their_own() -> None:
    plan = vg.Pipeline([vg.MixUp()], seed=4).draw(sizes=[(4, 4)] * 50, index=range(50))
    partner = plan.records[0].values["partner"][:, 0]
    assert sorted(partner) == list(range(50))
    assert not np.any(partner == np.arange(50))


@ENGINES
def test_a_batch_of_one_is_not_mixed(engine: str) -> None:
    for step in (vg.CutMix(), vg.MixUp()):
        pipeline = vg.Pipeline([step], seed=4, classes=3, engine=engine)
        image = np.full((1, 6, 6, 3), 77, dtype=np.uint8)
        out = pipeline(images=image, labels=[2], index=[0])
        assert np.array_equal(out["images"], image)
        assert out["labels"].tolist() == [[0, 0, 1]]


def test_labels_are_soft_whether_or_not_a_mix_was_drawn() -> None:
    pipeline = vg.Pipeline([vg.CutMix(p=0.1)], seed=4, classes=3)
    image = np.full((1, 6, 6, 3), 77, dtype=np.uint8)
    shapes = {pipeline(images=image, labels=[1], index=[i])["labels"].shape for i in range(40)}
    assert shapes == {(1, 3)}
