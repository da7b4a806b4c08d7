"""What a mix is drawn from, by hand: sides of rectangles, blobs, shares with holes."""

from __future__ import annotations

import numpy as np
import pytest

import variegate as vg
from variegate.ops.layers import NOTHING, Layers
from variegate.ops.mixing import cut_sides, cutmix
from variegate.plan.blobs import around_blobs
from variegate.plan.check import counted_shares
from variegate.plan.mixes import mix_stage


def test_a_rectangle_s_area_is_what_beta_leaves() -> None:
    """Beta(1, 1) is even: at 0.75 a quarter of the area, half of each side, is pasted."""
    sizes = np.array([[100, 40], [100, 40], [9, 9]])
    sides = cut_sides(sizes, 1.0, np.array([0.75, 0.0, 0.36]))
    assert sides.tolist() == [[50, 20], [100, 40], [7, 7]]
    half = np.array([0.5])
    layers = cutmix(sizes[:1], 1.0, np.array([0.75]), half, half)
    assert layers.place.tolist() == [[[25, 10, 75, 30]]]
    corner = cutmix(sizes[:1], 1.0, np.array([0.75]), np.array([0.0]), np.array([0.0]))
    assert corner.place.tolist() == [[[0, 0, 25, 10]]]


def test_pasted_areas_have_their_mean() -> None:
    """The center is even over the image: of sides a and b of 1, (a - a**2 / 4) * (b - b**2 / 4)
    are left on the average, and a = b = sqrt(u).
    """
    images = np.zeros((3000, 40, 40, 1), dtype=np.uint8)
    labels = np.arange(3000) % 2
    aug = vg.Pipeline([vg.CutMix()], seed=3, classes=2)
    own = aug(images=images, labels=np.zeros(3000, int), index=range(3000))
    assert (own["labels"][:, 0] == 1).all()
    out = aug(images=images, labels=labels, index=range(3000))["labels"]
    moved = 1 - out[np.arange(3000), labels]
    u = (np.arange(2000) + 0.5) / 2000
    side = np.sqrt(u) - u / 4
    # A partner has the other label in half of the pairs.
    assert abs(moved.mean() - np.mean(side**2) / 2) < 0.02


@pytest.mark.parametrize(
    ("decay", "least", "most"), [(0.0, 0.4, 0.6), (1.0, 0.1, 0.4), (3.0, 0, 0.08)]
)
def test_a_blob_is_smoother_the_higher_its_decay(decay: float, least: float, most: float) -> None:
    """How often neighbors differ: half of the time where all waves are as strong."""
    changes = []
    for key in range(1, 21):
        mask = around_blobs(np.uint64(key), (64, 64), decay, 0.5)
        assert mask.sum() == 64 * 32
        changes.append(np.mean(mask[:, 1:] != mask[:, :-1]))
    assert least <= np.mean(changes) <= most


def test_shares_count_what_is_left_beside_holes() -> None:
    """A partner's quarter, an eighth of nothing: of the rest each pixel counts once."""
    place = np.array([[[0, 0, 4, 4], [4, 0, 6, 4]]])
    layers = Layers(np.array([[0, NOTHING]]), place)
    sizes = np.full((2, 2), 8)
    mix = mix_stage(layers, np.array([0]), np.array([[1]]), sizes)
    assert mix.source.tolist() == [1, -1]
    assert mix.share[: mix.share_start[1]].tolist() == [40 / 56, 16 / 56]
    assert np.allclose(counted_shares(mix, 0), [40 / 56, 16 / 56])


def test_a_mosaic_that_covers_cuts_its_images_at_random_places() -> None:
    """Wide images fill parts as high as they are, so a column tells where each was cut off."""
    columns = np.tile(np.arange(80, dtype=np.uint8)[None, None, :, None], (200, 20, 1, 1))
    step = vg.Mosaic(size=(40, 40), center=(0.5, 0.5), resample="nearest", antialias=False)
    out = vg.Pipeline([step], seed=5)(images=columns, index=range(200))["images"][..., 0]
    for rows, across in ((slice(20), 0), (slice(20), 20), (slice(20, 40), 0), (slice(20, 40), 20)):
        first = out[:, rows, across].astype(int)
        assert (first == first[:, :1]).all()
        assert first.min() <= 4
        assert 56 <= first.max() <= 60
        assert abs(first.mean() - 30) < 5


def test_the_guard_counts_all_that_is_hidden() -> None:
    """Two objects of 40 % each: one of them is hidden, never both."""
    masks = np.zeros((3, 10, 10), dtype=bool)
    masks[0, :4], masks[1, 4:8], masks[2, 8:] = True, True, True
    images = np.full((40, 10, 10, 1), 9, dtype=np.uint8)
    aug = vg.Pipeline([vg.MaskDropout(count=(3, 3))], seed=1)
    out = aug(images=images, instance_masks=[masks] * 40, index=range(40))["images"]
    hidden = (out == 0).sum(axis=(1, 2, 3))
    assert set(hidden.tolist()) <= {20, 40}
    assert (hidden == 40).any()


def test_half_shown_cells_keep_what_matters_too() -> None:
    """Labels 1, 0, 2, 2 of three levels: of the partner the first cell shows a half, so the most
    salient cell, which would be lost, moves there.
    """
    from variegate.engine import flow
    from variegate.engine.puzzle import Solvers, cut_of
    from variegate.ops.layers import Puzzle

    own, other = np.array([[0.1, 0.7], [0.1, 0.1]]), np.array([[0.1, 0.5], [0.2, 0.2]])
    maps = tuple(np.repeat(np.repeat(m, 4, axis=0), 4, axis=1) for m in (own, other))
    images = np.zeros((8, 8, 1)), np.zeros((8, 8, 1))
    entry = Puzzle(np.array([0.5]), np.array([2]), 3, 0.0, 0.0, 0.1, 0.01, "given")
    cut = cut_of(entry, 0, images, (maps[0], maps[1]), Solvers(flow.min_cut, flow.assign))
    assert cut.labels.tolist() == [1, 0, 2, 2]
    assert cut.other.tolist() == [1, 0, 2, 3]
