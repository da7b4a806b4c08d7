"""A loader's batches in Keras: the loader's own, in any order and from threads, and a training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import variegate as vg
import variegate.adapters.keras as kcv

IMAGES = np.random.default_rng(6).integers(0, 256, (22, 24, 28, 3), dtype=np.uint8)
LABELS = np.arange(22) % 3
FLOATS = vg.Normalize(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def loader(*steps: Any, **more: Any) -> vg.Loader:
    pipeline = vg.Pipeline(
        [vg.RandomResizedCrop(size=(16, 16)), vg.HorizontalFlip(p=0.5), *steps, FLOATS],
        seed=5,
        classes=3,
    )
    return vg.Loader({"images": IMAGES, "labels": LABELS}, pipeline, 6, threads=2, **more)


def test_batches_are_the_loaders_in_the_order_of_asking() -> None:
    data = kcv.Dataset(loader())
    assert len(data) == data.num_batches == 4
    source = loader()
    epochs = [list(source), list(source)]
    for epoch, wanted in enumerate(epochs):
        assert data.epoch == epoch
        data[3]  # before the pass
        data.on_epoch_begin()
        for place, number in ((0, 2), (1, 0), (0, 2), (2, 3), (3, 1), (1, 0)):
            images, labels = data[number]
            np.testing.assert_array_equal(images, wanted[place]["images"])
            np.testing.assert_array_equal(labels, wanted[place]["labels"])
        data.on_epoch_end()
        data.on_epoch_begin()
        data[1]
        data.on_epoch_end()  # not a whole epoch
    assert not np.array_equal(epochs[0][0]["index"], epochs[1][0]["index"])
    assert len(list(data)) == 4


def test_targets() -> None:
    hot = kcv.Dataset(loader(), one_hot=True)[0][1]
    np.testing.assert_array_equal(hot, np.eye(3)[kcv.Dataset(loader())[0][1]])
    assert hot.dtype == np.float32
    mixed = kcv.Dataset(loader(vg.MixUp(alpha=1.0)), one_hot=True)[0][1]
    assert mixed.shape == (6, 3)
    assert ((mixed > 0.01) & (mixed < 0.99)).any()
    assert len(kcv.Dataset(loader(), target=None)[0]) == 1
    with pytest.raises(vg.InputError, match="target: expected one of images, labels, index"):
        kcv.Dataset(loader(), "masks")[0]
    with pytest.raises(vg.InputError, match="loader: expected a Loader, got list"):
        kcv.Dataset([])
    masks = {"images": IMAGES, "masks": IMAGES[..., 0] // 128}
    pipeline = vg.Pipeline([vg.RandomCrop(size=(16, 16))], seed=1)
    data = kcv.Dataset(vg.Loader(masks, pipeline, 6, threads=2), "masks")
    images, targets = data[0]
    assert targets.shape[:3] == (6, 16, 16)
    np.testing.assert_array_equal(targets.reshape(6, 16, 16), images[..., 0] // 128)


@pytest.mark.parametrize("prefetch", [0, 3])
def test_a_training_evaluation_and_prediction(prefetch: int) -> None:
    keras.utils.set_random_seed(1)
    data = kcv.Dataset(loader(prefetch=prefetch), one_hot=True)
    still = vg.Pipeline([vg.Resize(size=(16, 16)), FLOATS], seed=1, classes=3)
    test = vg.Loader({"images": IMAGES, "labels": LABELS}, still, 6, threads=2, shuffle=False)
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    checked = kcv.Dataset(test, one_hot=True)
    history = model.fit(data, epochs=2, validation_data=checked, verbose=0)
    assert np.isfinite([*history.history["loss"], *history.history["val_loss"]]).all()
    assert data.epoch == 2
    model.fit(data, epochs=2, verbose=0)
    assert data.epoch == 4
    short = vg.Loader({"images": IMAGES[:12], "labels": LABELS[:12]}, loader().pipeline, 6)
    few = kcv.Dataset(short, one_hot=True)
    model.fit(few, epochs=2, verbose=0)
    assert few.epoch == 2
    rows = model.predict(checked, verbose=0)
    np.testing.assert_array_equal(rows, model.predict(checked, verbose=0))
    kernel, bias = (np.asarray(w) for w in model.get_weights())
    images = np.concatenate([batch["images"] for batch in test]).reshape(22, -1)
    np.testing.assert_allclose(rows, images @ kernel + bias, atol=2e-3)
