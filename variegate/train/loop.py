"""The loop that trains one child model under a policy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from variegate.data import Dataset
from variegate.data.corruptions import CorruptedImages
from variegate.errors import InputError, VariegateError
from variegate.policy.curriculum import Curriculum
from variegate.train.feed import Feed, balanced, batches, check_training, normalized
from variegate.train.isolate import isolated
from variegate.train.levels import next_levels
from variegate.train.model import build_model
from variegate.train.settings import (
    TrainSettings,
    resolve_device,
    resolve_precision,
    resolve_threads,
)

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = [
    "Epoch",
    "Pictures",
    "TrainError",
    "Trained",
    "diverged",
    "one_cycle",
    "predict",
    "time_steps",
    "train_model",
]

Floats = npt.NDArray[np.float64]
Pictures: TypeAlias = npt.NDArray[np.uint8] | CorruptedImages


class TrainError(VariegateError):
    """A training could not go on. `epoch` counts from 0."""

    epoch: int = 0


@dataclass(frozen=True)
class Epoch:
    """One epoch: its number from 0, of how many, the mean training loss, seconds so far."""

    epoch: int
    epochs: int
    loss: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model and how it came about.

    settings: with precision, threads and device as they were resolved. mean, deviation: of each
    channel on 0..1. seconds: "total", "augment" (pipeline calls, normalization included) and
    "forward_backward" (model and optimizer). levels: of every class in each epoch, where a
    curriculum was followed.
    """

    model: nn.Module
    mean: Floats
    deviation: Floats
    classes: tuple[str, ...]
    settings: TrainSettings
    epochs: int
    seed: int
    seconds: dict[str, float]
    history: tuple[Epoch, ...] = field(default=())
    levels: tuple[tuple[int, ...], ...] = ()


def train_model(
    train: Dataset,
    policy: Policy | Curriculum | None,
    *,
    epochs: int,
    seed: int,
    settings: TrainSettings,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train a fresh model for `epochs` on `train` under `policy` (None: no augmentation).

    A curriculum gives every epoch a policy of its own, by what the model recognizes after the last.

    The same arguments give the same weights, byte for byte, on one CPU, torch build and number of
    threads. `on_epoch` is called after every epoch; what it raises ends the training. Torch's
    global state is as before when this returns or raises. Raises InputError, DataError or
    PolicyError for arguments that do not fit, TrainError when the loss is no longer a number.
    """
    check_training(train, epochs, seed)
    run = _Run(train, policy, seed, settings)
    with isolated(run.threads, run.device):
        run.build()
        start = time.perf_counter()
        history: list[Epoch] = []
        fill = balanced(train, settings.balance)
        steps = [batches(len(train), settings.batch_size, seed, e, fill) for e in range(epochs)]
        total = sum(len(s) for s in steps)
        done = 0
        for epoch, ids in enumerate(steps):
            run.begin(epoch)
            losses = []
            for images, labels in run.batches(ids, epoch):
                done += 1
                losses.append(run.step(images, labels, one_cycle(done / total, settings)))
            loss = float(torch.stack(losses).mean())
            if not math.isfinite(loss):
                raise diverged(epoch, loss, settings)
            history.append(Epoch(epoch, epochs, loss, time.perf_counter() - start))
            if on_epoch is not None:
                on_epoch(history[-1])
        run.model.eval()
        seconds = {"total": time.perf_counter() - start, **run.seconds}
    return Trained(
        model=run.model,
        mean=run.feed.mean,
        deviation=run.feed.deviation,
        classes=train.classes,
        settings=run.settings,
        epochs=epochs,
        seed=seed,
        seconds=seconds,
        history=tuple(history),
        levels=tuple(run.levels),
    )


def one_cycle(position: float, settings: TrainSettings) -> float:
    """Return the learning rate at `position` (0 start, 1 end): linear rise, then a cosine to 0."""
    if position < settings.warmup:
        return settings.learning_rate * position / settings.warmup
    rest = (position - settings.warmup) / (1.0 - settings.warmup)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, rest)))


def predict(
    trained: Trained, images: Pictures, *, batch_size: int = 256
) -> npt.NDArray[np.float32]:
    """Return probabilities float32 (n, classes) for uint8 images (n, h, w, c), or what is sliced
    like them.
    """
    channels = len(trained.mean)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != channels:
        raise InputError(
            f"images: expected uint8 (n, h, w, {channels}), got {images.dtype} {images.shape}"
        )
    return np.concatenate(
        [
            np.zeros((0, len(trained.classes)), np.float32),
            *(
                probabilities(
                    trained.model,
                    images[start : start + batch_size],
                    trained.mean,
                    trained.deviation,
                    trained.settings,
                )
                for start in range(0, len(images), batch_size)
            ),
        ]
    )


def probabilities(
    model: nn.Module,
    images: npt.NDArray[np.uint8],
    mean: Floats,
    deviation: Floats,
    settings: TrainSettings,
) -> npt.NDArray[np.float32]:
    """Return what a model in evaluation mode says of uint8 images, all at once."""
    device = torch.device(settings.device)
    with isolated(resolve_threads(settings), device), torch.inference_mode():
        values = normalized(images, mean, deviation).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            logits = model(values)
        return np.asarray(torch.softmax(logits.float(), dim=1).cpu().numpy())


def time_steps(
    train: Dataset, policy: Policy | Curriculum | None, settings: TrainSettings, *, steps: int = 4
) -> float:
    """Return the estimated seconds of one epoch, from `steps` timed steps after an untimed one."""
    check_training(train, 1, 0)
    run = _Run(train, policy, 0, settings)
    ids = batches(len(train), settings.batch_size, 0, 0)
    timed = [ids[i % len(ids)] for i in range(max(1, steps))]
    with isolated(run.threads, run.device):
        run.build()
        run.step(*run.feed.batch(ids[0], 0), 0.0)
        start = time.perf_counter()
        for images, labels in run.batches(timed, 0):
            run.step(images, labels, 0.0)
        taken = time.perf_counter() - start
    return taken / len(timed) * len(ids)


class _Run:
    """One training's feed, model and optimizer."""

    model: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(
        self,
        train: Dataset,
        policy: Policy | Curriculum | None,
        seed: int,
        settings: TrainSettings,
    ) -> None:
        self.device = resolve_device(settings)
        self.threads = resolve_threads(settings)
        self.precision = resolve_precision(settings, self.device)
        self.settings = replace(
            settings, device=str(self.device), threads=self.threads, precision=self.precision
        )
        self.curriculum = policy if isinstance(policy, Curriculum) else None
        self.levels: list[tuple[int, ...]] = []
        first = None if isinstance(policy, Curriculum) else policy
        self.feed = Feed(train, first, seed=seed, threads=self.threads, device=self.device)
        self.train, self.seed = train, seed
        self.seconds = {"augment": 0.0, "forward_backward": 0.0}

    def build(self) -> None:
        """Make the model and the optimizer: inside the isolation, where threads are set."""
        _, height, width, channels = self.train.images.shape
        model = build_model(
            (height, width),
            channels,
            len(self.train.classes),
            width=self.settings.width,
            kind=self.settings.model,
            generator=torch.Generator().manual_seed(self.seed),
        ).to(self.device)
        self.model = model.train()
        # Decay holds weights small; on biases and batch norm's scales it only costs accuracy.
        decayed = [p for p in model.parameters() if p.ndim > 1]
        free = [p for p in model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.SGD(
            [
                {"params": decayed, "weight_decay": self.settings.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ],
            lr=self.settings.learning_rate,
            momentum=self.settings.momentum,
            nesterov=self.settings.momentum > 0,
        )

    def begin(self, epoch: int) -> None:
        """Set the policy of an epoch, where it depends on what the model recognizes by now."""
        if self.curriculum is None:
            return
        if epoch == 0:
            self.levels.append((0,) * len(self.train.classes))
            return
        start = time.perf_counter()
        self.model.eval()
        levels = next_levels(
            self.curriculum, self.levels[-1], self.train, self.ask, seed=self.seed, epoch=epoch - 1
        )
        self.model.train()
        self.levels.append(levels)
        self.feed.use(self.curriculum.policy(levels))
        self.seconds["augment"] += time.perf_counter() - start

    def ask(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities (n, classes) of the model as it is, for uint8 images."""
        feed, parts = self.feed, [images[i : i + 512] for i in range(0, len(images), 512)]
        return np.concatenate(
            [probabilities(self.model, p, feed.mean, feed.deviation, self.settings) for p in parts]
        )

    def batches(
        self, parts: Sequence[npt.NDArray[np.int64]], epoch: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the feed's batches; the time that they take counts as augmentation."""
        feed = self.feed.epoch(parts, epoch)
        while True:
            start = time.perf_counter()
            batch = next(feed, None)
            self.seconds["augment"] += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    def step(self, images: torch.Tensor, labels: torch.Tensor, rate: float) -> torch.Tensor:
        """Take one step of the optimizer and return the batch's loss, detached."""
        start = time.perf_counter()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            logits = self.model(images)
        loss = functional.cross_entropy(
            logits, labels, label_smoothing=self.settings.label_smoothing
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        if self.device.type == "cuda":
            # Without this the time of queued kernels would count as the next augmentation's.
            torch.cuda.synchronize(self.device)
        self.seconds["forward_backward"] += time.perf_counter() - start
        return loss.detach()


def diverged(epoch: int, loss: float, settings: TrainSettings) -> TrainError:
    """The error of a training whose loss is no longer a number."""
    error = TrainError(
        f"training: the loss became {loss} in epoch {epoch} at learning rate "
        f"{settings.learning_rate:g}; take a lower learning_rate or precision='float32'"
    )
    error.epoch = epoch
    return error
