"""Grain and JAX: the same bytes for any number of workers, new draws in each repeat."""

from __future__ import annotations

import grain
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags

import variegate as vg
from variegate.adapters.grain import Augment

flags.FLAGS.mark_as_parsed()  # Grain's workers ask for flags, which a program's main parses
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 20, 24, 3), dtype=np.uint8)
ROWS = [{"image": image, "label": n % 3} for n, image in enumerate(IMAGES)]
AUG = vg.Pipeline([vg.HorizontalFlip(p=0.5), vg.RandomResizedCrop(size=(16, 16))], seed=3)


def batches(workers: int, seed: int = 7) -> list[dict]:
    data = grain.MapDataset.source(ROWS).seed(seed).shuffle().repeat(2).random_map(Augment(AUG))
    read = data.batch(4).to_iter_dataset()
    if workers:
        read = read.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return list(read)


@pytest.fixture(scope="module")
def alone() -> list[dict]:
    return batches(0)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_no_byte(alone: list[dict], workers: int) -> None:
    for one, other in zip(alone, batches(workers), strict=True):
        assert np.array_equal(one["image"], other["image"])
        assert np.array_equal(one["label"], other["label"])


def test_repeats_and_seeds_draw_anew(alone: list[dict]) -> None:
    pictures = np.concatenate([batch["image"] for batch in alone])
    assert pictures.shape == (16, 16, 16, 3)
    assert len({picture.tobytes() for picture in pictures}) == 16
    assert not np.array_equal(batches(0, seed=8)[0]["image"], alone[0]["image"])


def test_jax_takes_the_batches(alone: list[dict]) -> None:
    batch = jnp.asarray(alone[0]["image"])
    assert batch.dtype == jnp.uint8
    assert int(batch.sum()) == int(alone[0]["image"].sum())


def test_in_a_data_loader() -> None:
    def read(workers: int) -> list[dict]:
        return list(
            grain.DataLoader(
                data_source=ROWS,
                sampler=grain.samplers.IndexSampler(
                    8, shard_options=grain.sharding.NoSharding(), shuffle=True, num_epochs=1, seed=5
                ),
                operations=[Augment(AUG, label="label")],
                worker_count=workers,
            )
        )

    for one, other in zip(read(0), read(2), strict=True):
        assert one["image"].shape == (16, 16, 3)
        assert np.array_equal(one["image"], other["image"])


def test_mixes_are_refused_by_name() -> None:
    with pytest.raises(vg.InputError, match="a mix needs a batch"):
        Augment(vg.Pipeline([vg.MixUp()], classes=3))
