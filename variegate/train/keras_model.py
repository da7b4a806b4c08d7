"""Child models of `keras.applications`, trained from scratch as the built-in net is.

The same batches, one-cycle schedule, momentum and label smoothing; Keras runs on the backend that
the user chose (KERAS_BACKEND). It is imported only when a model of it is asked for.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable
from importlib import util
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from variegate.data import Dataset
from variegate.errors import InputError
from variegate.train.feed import Feed, balanced, batches, check_training, normalized
from variegate.train.isolate import isolated
from variegate.train.loop import Epoch, Pictures, diverged, one_cycle
from variegate.train.settings import TrainSettings, resolve_threads

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["KERAS", "keras_choice", "train_keras"]

KERAS = "keras:"
Floats = npt.NDArray[np.float32]


def keras_choice(model: str) -> tuple[str, dict[str, Any]]:
    """The name and the options of 'keras:NAME' or 'keras:NAME,option=value,...'."""
    name, *pairs = model.removeprefix(KERAS).split(",")
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        try:
            options[key.strip()] = json.loads(value)
        except ValueError as error:
            raise InputError(
                f"model: expected option=number after {name!r}, got {pair!r}"
            ) from error
        if not equals or not key.strip().isidentifier():
            raise InputError(f"model: expected option=number after {name!r}, got {pair!r}")
    return name.strip(), options


def train_keras(
    train: Dataset,
    policy: Policy | None,
    images: Pictures,
    *,
    epochs: int,
    seed: int,
    settings: TrainSettings,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Floats, dict[str, float]]:
    """Train a fresh Keras model, then predict `images`.

    Returns probabilities float32 (n, classes) and seconds as `Trained.seconds`. The same seed gives
    the same first weights and dropout; how far the rest repeats is the backend's affair. Raises
    InputError for an unknown model or images it cannot take, TrainError where the loss diverges.
    """
    check_training(train, epochs, seed)
    threads = resolve_threads(settings)
    feed = Feed(train, policy, seed=seed, threads=threads, device=torch.device("cpu"))
    fill = balanced(train, settings.balance)
    parts = [batches(len(train), settings.batch_size, seed, e, fill) for e in range(epochs)]
    total = sum(len(part) for part in parts)
    with isolated(threads, torch.device("cpu")), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras and its backends warn about each other
        model = _build(train, settings, seed)
        start, augment, done = time.perf_counter(), 0.0, 0
        classes = np.eye(len(train.classes), dtype=np.float32)
        for epoch, ids in enumerate(parts):
            losses, before = [], time.perf_counter()
            for values, labels in feed.epoch(ids, epoch):
                augment += time.perf_counter() - before
                done += 1
                model.optimizer.learning_rate = one_cycle(done / total, settings)
                targets = labels.numpy() if labels.ndim == 2 else classes[labels.numpy()]
                losses.append(float(model.train_on_batch(_layout(values), targets)))
                before = time.perf_counter()
            loss = float(np.mean(losses))
            if not math.isfinite(loss):
                raise diverged(epoch, loss, settings)
            if on_epoch is not None:
                on_epoch(Epoch(epoch, epochs, loss, time.perf_counter() - start))
        taken = time.perf_counter() - start
        probabilities = _predict(model, images, feed)
    seconds = {"total": taken, "augment": augment, "forward_backward": taken - augment}
    return probabilities, seconds


def _predict(model: Any, images: Pictures, feed: Feed) -> Floats:
    parts = [np.zeros((0, len(feed.train.classes)), np.float32)]
    for start in range(0, len(images), 256):
        values = normalized(images[start : start + 256], feed.mean, feed.deviation)
        logits = np.asarray(model.predict_on_batch(_layout(values)), np.float32)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        parts.append(weights / weights.sum(axis=1, keepdims=True))
    return np.concatenate(parts)


def _layout(values: torch.Tensor) -> Floats:
    """Float32 images in the layout that Keras is set to."""
    import keras

    last: bool = keras.config.image_data_format() == "channels_last"
    array: Floats = (values.permute(0, 2, 3, 1) if last else values.contiguous()).numpy()
    return array


def _build(train: Dataset, settings: TrainSettings, seed: int) -> Any:
    """A compiled model whose every initializer and dropout layer draws from a seed of its own."""
    if util.find_spec("keras") is None:
        raise InputError(
            f"model {settings.model}: keras is not installed. Install it, and a backend: "
            "pip install 'variegate[keras]'"
        )
    import keras

    first = _first(keras, train, settings)
    config = first.get_config()
    _set_seeds(config, iter(range(seed * 100_003 % (2**31), 2**62)))
    model = type(first).from_config(config)
    optimizer = keras.optimizers.SGD(
        settings.learning_rate,
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
        weight_decay=settings.weight_decay or None,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=settings.label_smoothing
    )
    model.compile(optimizer=optimizer, loss=loss)
    return model


def _first(keras: Any, train: Dataset, settings: TrainSettings) -> Any:
    from inspect import signature

    from variegate.ops.op import suggest

    name, options = keras_choice(settings.model)
    known = [n for n in dir(keras.applications) if n[0].isupper()]
    if name not in known:
        raise InputError(f"model: keras.applications has no {name!r}; {suggest(name, known)}")
    make = getattr(keras.applications, name)
    takes = signature(make).parameters
    if unknown := [key for key in options if key not in takes]:
        raise InputError(
            f"model: {name} takes no {unknown[0]!r}; {suggest(unknown[0], list(takes))}"
        )
    # The batches are normalized already.
    extra = {"include_preprocessing": False} if "include_preprocessing" in takes else {}
    height, width, channels = train.images.shape[1:]
    last = keras.config.image_data_format() == "channels_last"
    try:
        return make(
            weights=None,
            input_shape=(height, width, channels) if last else (channels, height, width),
            classes=len(train.classes),
            classifier_activation=None,
            **{**extra, **options},
        )
    except (ValueError, TypeError) as error:
        raise InputError(
            f"model: {name} cannot be made for images of {height}x{width} pixels: "
            f"{next(iter(str(error).splitlines()), '')}. Give another size, such as --size 32"
        ) from error


def _set_seeds(config: Any, seeds: Any) -> None:
    """Give every part of a model's config that has a seed one of its own."""
    if isinstance(config, dict):
        if "seed" in config:
            config["seed"] = next(seeds) % (2**31)
        for value in config.values():
            _set_seeds(value, seeds)
    elif isinstance(config, list | tuple):
        for value in config:
            _set_seeds(value, seeds)
