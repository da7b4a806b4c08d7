"""Several holes at once: worked places, and what random ones must keep."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import variegate as vg
from variegate.policy.nodes import Step
from variegate.testing import engines

pytestmark = pytest.mark.parametrize("engine", engines())


def hidden_by(step: Step, size: tuple[int, int], engine: str, count: int = 1) -> np.ndarray:
    images = np.full((count, *size, 1), 255, dtype=np.uint8)
    pipeline = vg.Pipeline([step], seed=3, engine=engine)
    return pipeline(images=images, index=np.arange(count))["images"][..., 0] == 0


def picture(rows: str) -> np.ndarray:
    return np.array([[c == "x" for c in row] for row in rows.split()])


def test_a_grid_without_offsets_hides_the_corner_of_each_cell(engine: str) -> None:
    """5 x 7 in 2 x 2 cells: rows 0..2, 2..5 (2.5 to the even), columns 0..4, 4..7 (3.5 too)."""
    step = vg.GridDropout(ratio=(0.5, 0.5), cells=(2, 2), random_offset=False)
    expected = picture("xx..x.. ....... xx..x.. ....... .......")
    assert np.array_equal(hidden_by(step, (5, 7), engine)[0], expected)


def test_a_grid_hides_one_place_of_each_cell(engine: str) -> None:
    step = vg.GridDropout(ratio=(0.5, 0.5), cells=(4, 4))
    hidden = hidden_by(step, (32, 32), engine, 200).reshape(200, 4, 8, 4, 8).swapaxes(2, 3)
    cells = hidden.reshape(-1, 8, 8)
    assert np.all(cells.sum(axis=(1, 2)) == 16)
    assert np.all(cells.any(axis=1).sum(axis=1) == 4)
    assert np.all(cells.any(axis=2).sum(axis=1) == 4)
    tops = np.bincount(cells.any(axis=2).argmax(axis=1), minlength=5)
    assert len(tops) == 5
    assert stats.chisquare(tops).pvalue > 1e-3


def test_a_grid_draws_its_number_of_cells(engine: str) -> None:
    step = vg.GridDropout(ratio=(0.5, 0.5), cells=(2, 4), random_offset=False)
    hidden = hidden_by(step, (24, 24), engine, 100)
    sides = hidden.any(axis=1).sum(axis=1)
    starts = (np.diff(hidden[:, 0].astype(int), axis=1) == 1).sum(axis=1) + 1
    assert set(sides) == {12}
    assert set(starts) == {2, 3, 4}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_coarse_dropout_hides_whole_rectangles_of_its_sizes(engine: str, count: int) -> None:
    """A height of 0.25 of 40 rows and a width of 0.1 of 60 columns: 10 x 6 each."""
    sides = {"height": (0.25, 0.25), "width": (0.1, 0.1)}
    hidden = hidden_by(
        Step("CoarseDropout", {"count": (count, count), **sides}), (40, 60), engine, 300
    )
    area = hidden.sum(axis=(1, 2))
    assert area.max() == 60 * count
    assert area.min() >= 60 * min(count, 1)
    assert np.mean(area == 60 * count) > 0.6, "few of them touch"


def test_coarse_dropout_puts_its_holes_anywhere_inside(engine: str) -> None:
    sides = {"height": (0.25, 0.25), "width": (0.1, 0.1)}
    hidden = hidden_by(Step("CoarseDropout", {"count": (1, 1), **sides}), (40, 60), engine, 300)
    tops = hidden.any(axis=2).argmax(axis=1)
    assert tops.max() == 30
    assert stats.kstest(tops + 0.5, "uniform", (0, 31)).pvalue > 1e-3


def test_coarse_dropout_draws_each_hole_s_size(engine: str) -> None:
    step = vg.CoarseDropout(count=(1, 1), height=(0.1, 0.5), width=(0.2, 0.4))
    hidden = hidden_by(step, (100, 100), engine, 600)
    rows, columns = hidden.any(axis=2).sum(axis=1), hidden.any(axis=1).sum(axis=1)
    assert np.array_equal(hidden.sum(axis=(1, 2)), rows * columns)
    assert stats.kstest(rows + 0.5, "uniform", (10, 40)).pvalue > 1e-3
    assert stats.kstest(columns + 0.5, "uniform", (20, 20)).pvalue > 1e-3
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.15


def test_coarse_dropout_by_magnitude_is_a_number_of_holes(engine: str) -> None:
    small = {"height": (0.02, 0.02), "width": (0.02, 0.02)}
    hidden = hidden_by(vg.CoarseDropout(magnitude=1.0, **small), (100, 100), engine, 50)
    assert hidden.sum(axis=(1, 2)).max() == 16 * 4
    none = hidden_by(vg.CoarseDropout(magnitude=0.0, **small), (100, 100), engine, 5)
    assert not none.any()


def test_stripes_reach_from_edge_to_edge(engine: str) -> None:
    step = vg.XYMasking(size=(0.1, 0.1), count_x=(0, 2), count_y=(1, 1))
    hidden = hidden_by(step, (30, 50), engine, 300)
    across, down = hidden.all(axis=1), hidden.all(axis=2)
    assert np.array_equal(hidden, across[:, None, :] | down[:, :, None])
    assert set(down.sum(axis=1)) == {3}
    widths = across.sum(axis=1)
    assert widths.max() == 10
    assert set(widths[widths <= 5]) == {0, 5}
    assert down[:, 0].any()
    assert down[:, -1].any()


def test_noise_is_as_good_a_fill(engine: str) -> None:
    image = np.full((1, 40, 40, 3), 100, dtype=np.uint8)
    for name in ("CoarseDropout", "GridDropout", "XYMasking"):
        pipeline = vg.Pipeline([Step(name, {"mode": "noise"})], seed=2, engine=engine)
        out = pipeline(images=image, index=[0])["images"]
        hidden = (out != 100).any(axis=3)
        assert 0.005 < hidden.mean() <= 0.5, name
        assert len(np.unique(out[hidden])) > 40, name
