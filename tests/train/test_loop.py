"""Training: it learns, it repeats, the policy is applied, and nothing global is touched."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

import variegate as vg
from variegate.data import Dataset
from variegate.errors import DataError, InputError, PolicyError
from variegate.train import (
    ClassificationObjective,
    Epoch,
    Trained,
    TrainError,
    TrainSettings,
    evaluate_model,
    predict,
    time_steps,
    train_model,
)
from variegate.train.feed import Feed, batches, channel_statistics, normalized
from variegate.train.loop import one_cycle

SMALL = TrainSettings(width=8, batch_size=20, threads=1, device="cpu")
INVERT = vg.Policy((vg.Invert(),))


def weights(trained: Trained) -> bytes:
    return b"".join(v.numpy().tobytes() for v in trained.model.state_dict().values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_seed_gives_the_same_bytes(few: Dataset, precision: str) -> None:
    settings = replace(SMALL, precision=precision, threads=2)
    first, same, other = (
        weights(train_model(few, INVERT, epochs=1, seed=seed, settings=settings))
        for seed in (5, 5, 6)
    )
    assert first == same
    assert first != other


def test_learns_digits_from_20_images_a_class(digits: tuple[Dataset, Dataset]) -> None:
    train, validation = digits
    settings = replace(TrainSettings.for_data(train), width=16, threads=1, device="cpu")
    seen: list[Epoch] = []
    trained = train_model(train, None, epochs=12, seed=0, settings=settings, on_epoch=seen.append)
    scores = evaluate_model(trained, validation, seconds=trained.seconds["total"])
    assert scores.accuracy > 0.88
    assert scores.seconds > trained.seconds["total"]
    assert [e.epoch for e in seen] == list(range(12))
    assert seen[-1].loss < seen[0].loss
    parts = trained.seconds["augment"] + trained.seconds["forward_backward"]
    assert 0 < parts <= trained.seconds["total"]


def test_the_policy_decides_what_the_model_sees(few: Dataset) -> None:
    """Trained on negatives only, a model knows negatives and not the originals."""
    settings = replace(SMALL, width=16)
    trained = train_model(few, INVERT, epochs=25, seed=0, settings=settings)
    negatives = predict(trained, 255 - few.images).argmax(axis=1)
    originals = predict(trained, few.images).argmax(axis=1)
    assert (negatives == few.labels).mean() > 0.9
    assert (originals == few.labels).mean() < 0.6


def test_no_policy_feeds_what_predict_feeds(few: Dataset) -> None:
    feed = Feed(few, None, seed=0, threads=1, device=torch.device("cpu"))
    ids = np.array([3, 1, 2])
    images, labels = feed.batch(ids, 0)
    expected = normalized(few.images[ids], feed.mean, feed.deviation)
    torch.testing.assert_close(images, expected, atol=1e-5, rtol=1e-5)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert labels.tolist() == few.labels[ids].tolist()


def test_soft_labels_that_are_one_hot_train_as_hard_ones(
    few: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SMALL, precision="float32", label_smoothing=0.1)
    hard = train_model(few, None, epochs=2, seed=0, settings=settings)
    plain = Feed.batch

    def one_hot(feed: Feed, ids: np.ndarray, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = plain(feed, ids, epoch)
        return images, torch.nn.functional.one_hot(labels, 10).float()

    monkeypatch.setattr(Feed, "batch", one_hot)
    soft = train_model(few, None, epochs=2, seed=0, settings=settings)
    assert soft.history[-1].loss == pytest.approx(hard.history[-1].loss, rel=1e-3)


def test_mixed_labels_are_learned_from(few: Dataset) -> None:
    mixed = vg.Policy((vg.MixUp(alpha=1.0),))
    feed = Feed(few, mixed, seed=0, threads=1, device=torch.device("cpu"))
    _, labels = feed.batch(np.arange(20), 0)
    assert labels.shape == (20, 10)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(20))
    trained = train_model(few, mixed, epochs=1, seed=0, settings=SMALL)
    assert np.isfinite(trained.history[0].loss)


def test_a_loss_that_is_no_number_names_the_epoch(few: Dataset) -> None:
    settings = replace(SMALL, learning_rate=1e30, precision="float32", warmup=0.0)
    with pytest.raises(TrainError, match="in epoch 0 at learning rate") as caught:
        train_model(few, None, epochs=3, seed=0, settings=settings)
    assert caught.value.epoch == 0
    assert torch.are_deterministic_algorithms_enabled() is False


def test_torch_is_left_as_it_was(few: Dataset) -> None:
    def state() -> tuple[object, ...]:
        return (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
            torch.get_rng_state().numpy().tobytes(),
        )

    before = state()
    trained = train_model(few, INVERT, epochs=1, seed=0, settings=replace(SMALL, threads=2))
    predict(trained, few.images)
    time_steps(few, None, SMALL)
    assert state() == before


def test_the_objective_pickles_and_repeats(digits: tuple[Dataset, Dataset], few: Dataset) -> None:
    objective = ClassificationObjective(few, digits[1], SMALL)
    scores = objective(INVERT, 2, 1)
    again = pickle.loads(pickle.dumps(objective))(INVERT, 2, 1)
    assert again.predictions.tolist() == scores.predictions.tolist()
    assert again.loss == scores.loss


def test_an_epoch_has_every_sample_once_in_even_batches() -> None:
    ids = batches(105, 20, 1, 0)
    assert sorted(np.concatenate(ids).tolist()) == list(range(105))
    assert {len(b) for b in ids} == {21}
    assert not np.array_equal(ids[0], batches(105, 20, 1, 1)[0])
    assert np.array_equal(ids[0], batches(105, 20, 1, 0)[0])


def test_channel_statistics_by_hand() -> None:
    images = np.zeros((2, 1, 1, 2), np.uint8)
    images[1, :, :, 0] = 255
    mean, deviation = channel_statistics(images)
    assert mean.tolist() == [0.5, 0.0]
    assert deviation.tolist() == [0.5, 1.0]


def test_the_rate_rises_to_the_peak_and_falls_to_zero() -> None:
    settings = TrainSettings(learning_rate=0.4, warmup=0.25)
    rates = [one_cycle(p, settings) for p in (0.125, 0.25, 0.625, 1.0)]
    assert rates == pytest.approx([0.2, 0.4, 0.2, 0.0])


def test_settings_follow_the_data(few: Dataset) -> None:
    assert TrainSettings.for_data(few).epochs > 10
    assert TrainSettings.for_data(few, width=24).width == 24
    with pytest.raises(InputError, match="unknown setting"):
        TrainSettings.for_data(few, widht=24)
    for wrong in ({"width": 0}, {"precision": "half"}, {"device": "tpu"}, {"threads": 0}):
        with pytest.raises(InputError, match="expected"):
            replace(SMALL, **wrong)


def test_refusals(few: Dataset) -> None:
    with pytest.raises(InputError, match="epochs: expected"):
        train_model(few, None, epochs=0, seed=0, settings=SMALL)
    with pytest.raises(InputError, match="seed: expected"):
        train_model(few, None, epochs=1, seed=-1, settings=SMALL)
    with pytest.raises(DataError, match="at least 2 images"):
        train_model(few.take([0]), None, epochs=1, seed=0, settings=SMALL)
    color = replace(few, images=np.repeat(few.images, 3, axis=3))
    gray = vg.Policy((vg.Grayscale(output_channels=1),))
    with pytest.raises(PolicyError, match="3 channels and came out with 1"):
        train_model(color, gray, epochs=1, seed=0, settings=SMALL)
    own = vg.Policy((vg.Normalize(mean=(0.5,), std=(0.5,)),))
    with pytest.raises(PolicyError, match="leave Normalize out"):
        train_model(few, own, epochs=1, seed=0, settings=SMALL)
