"""Cells that change places, and what goes with them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import variegate as vg
from variegate.testing import engines


def numbered(height: int, width: int, count: int = 1) -> np.ndarray:
    """Images whose pixels all differ."""
    values = np.arange(height * width).reshape(height, width)
    one = np.stack([values % 251, values // 251], axis=2).astype(np.uint8)
    return np.stack([one] * count)


@pytest.mark.parametrize("engine", engines())
def test_cells_stay_whole_and_take_each_other_s_places(engine: str) -> None:
    images = numbered(12, 18, 40)
    aug = vg.Pipeline([vg.RandomGridShuffle(grid=(3, 2))], seed=1, engine=engine)
    out = aug(images=images, index=range(40))["images"]
    cells = images[0].reshape(3, 4, 2, 9, 2).swapaxes(1, 2).reshape(6, -1)
    orders = set()
    for own in out:
        found = own.reshape(3, 4, 2, 9, 2).swapaxes(1, 2).reshape(6, -1)
        order = [int(np.flatnonzero((cells == cell).all(axis=1))[0]) for cell in found]
        assert sorted(order) == list(range(6))
        orders.add(tuple(order))
    assert len(orders) > 30


@pytest.mark.parametrize("engine", engines())
def test_every_order_is_equally_likely(engine: str) -> None:
    images = numbered(1, 3, 600)
    aug = vg.Pipeline([vg.RandomGridShuffle(grid=(1, 3))], seed=1, engine=engine)
    out = aug(images=images, index=range(600))["images"][:, 0, :, 0]
    counts = Counter(map(tuple, out.tolist()))
    assert len(counts) == 6
    assert all(60 < count < 140 for count in counts.values())


@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99)
)
@settings(max_examples=40, deadline=None)
def test_no_pixel_is_lost_and_everything_goes_along(
    height: int, width: int, rows: int, columns: int, seed: int
) -> None:
    images = numbered(height, width)
    number = np.arange(height * width, dtype=np.int32).reshape(1, height, width)
    y, x = np.mgrid[:height, :width] + 0.5
    points = [np.stack([x.ravel(), y.ravel()], axis=1)]
    results = []
    for engine in engines():
        aug = vg.Pipeline([vg.RandomGridShuffle(grid=(rows, columns))], seed=seed, engine=engine)
        out = aug(images=images, masks=number, keypoints=points, index=[0])
        results.append(out)
        assert np.array_equal(np.sort(out["masks"].ravel()), number.ravel())
        code = out["masks"][0]
        assert np.array_equal(out["images"][0, ..., 0], (code % 251).astype(np.uint8))
        moved = np.floor(out["keypoints"][0]).astype(int)
        assert np.array_equal(code[moved[:, 1], moved[:, 0]], number.ravel())
        assert np.all(out["keypoints_inside"][0])
    assert all(r["images"].tobytes() == results[0]["images"].tobytes() for r in results)


@pytest.mark.parametrize("engine", engines())
def test_geometry_around_a_shuffle_keeps_its_turn(engine: str) -> None:
    """A shuffle ends a run: flip, shuffle and flip are three maps, for masks and points too."""
    steps = [vg.HorizontalFlip(), vg.RandomGridShuffle(grid=(2, 3)), vg.Rotate(angle=(90, 90))]
    images, mask = numbered(12, 12), np.arange(144).reshape(1, 12, 12)
    aug = vg.Pipeline(steps, seed=3, engine=engine)
    out = aug(images=images, masks=mask, keypoints=[np.array([[3.5, 7.5], [8.5, 1.5]])], index=[2])
    for before, (x, y) in ((7 * 12 + 3, out["keypoints"][0][0]), (20, out["keypoints"][0][1])):
        assert out["masks"][0, int(y), int(x)] == before
        assert out["images"][0, int(y), int(x), 0] == before


@pytest.mark.parametrize("engine", engines())
def test_outlines_are_refused_by_name(engine: str) -> None:
    aug = vg.Pipeline([vg.RandomGridShuffle(p=0.0)], seed=1, engine=engine)
    boxes = [np.array([[1, 1, 5, 5]])]
    with pytest.raises(vg.InputError, match="boxes: RandomGridShuffle cuts the image into cells"):
        aug(images=numbered(9, 9), boxes=boxes)


@pytest.mark.parametrize("engine", engines())
def test_a_shuffle_can_be_undone(engine: str) -> None:
    images = numbered(13, 17, 3)
    aug = vg.Pipeline([vg.RandomGridShuffle(grid=(3, 4)), vg.VerticalFlip()], seed=1, engine=engine)
    plan = aug.draw(images=images, index=range(3))
    masks = np.tile(np.arange(13 * 17).reshape(13, 17), (3, 1, 1))
    out = aug.apply(plan, images=images, masks=masks)
    assert not np.array_equal(out["masks"], masks)
    back = vg.invert(plan, masks=out["masks"])
    assert np.array_equal(back["masks"], masks)
