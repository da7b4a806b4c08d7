"""Batches for a training: their order, and the pipeline they go through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from variegate.data import Dataset
from variegate.data.balance import Balance
from variegate.errors import DataError, PolicyError
from variegate.ops.op import Kind
from variegate.ops.registry import get
from variegate.pipeline import Pipeline
from variegate.policy.policy import walk
from variegate.policy.steps import Normalize
from variegate.train.settings import check_whole

if TYPE_CHECKING:
    from variegate.policy import Policy

__all__ = ["Feed", "balanced", "batches", "channel_statistics", "check_training", "normalized"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# One call of a pipeline costs about a millisecond before it has touched a pixel, which on small
# images is most of it. So several batches share a call, up to so many images and bytes of them.
CALL_IMAGES, CALL_BYTES = 512, 2**21


def channel_statistics(images: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of each channel, float64 (c,), on 0..1.

    A channel without variation gets the deviation 1, so that nothing is divided by zero.
    Exact: the levels are counted, not summed as floats.
    """
    levels = np.arange(256) / 255.0
    means, deviations = [], []
    for channel in range(images.shape[-1]):
        share = np.bincount(images[..., channel].ravel(), minlength=256) / images[..., 0].size
        mean = float(share @ levels)
        means.append(mean)
        deviations.append(float(np.sqrt(share @ (levels - mean) ** 2)))
    spread = np.array(deviations)
    return np.array(means), np.where(spread < 1e-6, 1.0, spread)


def batches(
    count: int, batch_size: int, seed: int, epoch: int, balance: Balance | None = None
) -> list[Ints]:
    """Return the sample ids of one epoch's batches, a pure function of the arguments.

    Every sample comes once, or as often as `balance` says, its copies under ids of their own (the
    sample is id % count). The batches are of nearly equal size, so that no small last batch upsets
    the batch statistics.
    """
    if balance is None:
        order = np.random.default_rng([seed, epoch]).permutation(count).astype(np.int64)
    else:
        order = balance.epoch(seed, epoch)
    return np.array_split(order, max(1, round(len(order) / batch_size)))


def balanced(train: Dataset, power: float) -> Balance | None:
    """Return what fills scarce classes up within an epoch of the usual length; None at power 0."""
    return Balance(train.labels, power, len(train)) if power > 0 else None


def normalized(images: npt.NDArray[np.uint8], mean: Floats, deviation: Floats) -> Tensor:
    """Return float32 (n, c, h, w), channels last in memory: what Normalize gives unaugmented."""
    scale = torch.from_numpy(1.0 / (255.0 * deviation)).float()
    offset = torch.from_numpy(-mean / deviation).float()
    # A data set may be read-only, which torch would warn about.
    values = torch.from_numpy(np.array(images)).float() * scale + offset
    return values.permute(0, 3, 1, 2)


class Feed:
    """A data set and the pipeline its batches go through.

    Raises PolicyError for a policy that changes the number of channels or normalizes itself.
    """

    def __init__(
        self,
        train: Dataset,
        policy: Policy | None,
        *,
        seed: int,
        threads: int,
        device: torch.device,
    ) -> None:
        self.train, self.device = train, device
        self.mean, self.deviation = channel_statistics(train.images)
        self.seed, self.threads = seed, threads
        self.use(policy)

    def use(self, policy: Policy | None) -> None:
        """Let the next batches go through this policy."""
        mean, deviation = self.mean, self.deviation
        self.pipeline = _pipeline(self.train, policy, mean, deviation, self.seed, self.threads)
        steps = () if policy is None else policy.steps
        self.mixes = any(get(step.op).kind is Kind.MIX for step, _ in walk(steps))

    def epoch(self, parts: Sequence[Ints], epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what `batch` gives for each of the parts, augmenting several in one call.

        A sample's draws depend on its id and the epoch alone, so the call that it shares changes no
        byte. Mixing is the exception: its partner is a sample of the same batch.
        """
        place = 0
        while place < len(parts):
            some = parts[place : place + self._at_once(parts[place:])]
            images, labels = self.batch(np.concatenate(some), epoch)
            sizes = [len(part) for part in some]
            own = torch.split(images, sizes), torch.split(labels, sizes)
            yield from zip(*own, strict=True)
            place += len(some)

    def _at_once(self, parts: Sequence[Ints]) -> int:
        """How many of the parts share a call; at least one."""
        if self.mixes:
            return 1
        most = min(CALL_IMAGES, CALL_BYTES // self.train.images[0].nbytes)
        ends = np.cumsum([len(part) for part in parts])
        return max(1, int(np.searchsorted(ends, most, side="right")))

    def batch(self, ids: Ints, epoch: int) -> tuple[Tensor, Tensor]:
        """Return images float32 (n, c, h, w), channels last, and labels (n,) or (n, classes)."""
        own = ids % len(self.train)
        out = self.pipeline(
            images=self.train.images[own], labels=self.train.labels[own], index=ids, epoch=epoch
        )
        images, labels = out["images"], np.asarray(out["labels"])
        if not isinstance(images, np.ndarray):
            raise PolicyError(
                "policy: images of one batch came out in different sizes; end with a step that "
                "gives all of them one size, such as RandomResizedCrop or Resize"
            )
        values = torch.from_numpy(images).permute(0, 3, 1, 2)
        return values.to(self.device), torch.from_numpy(labels).to(self.device)


def _pipeline(
    train: Dataset,
    policy: Policy | None,
    mean: Floats,
    deviation: Floats,
    seed: int,
    threads: int,
) -> Pipeline:
    steps = () if policy is None else policy.steps
    classes = len(train.classes)
    probe = Pipeline(steps, seed=seed, classes=classes)(
        images=train.images[:1], labels=train.labels[:1], index=np.zeros(1, np.int64)
    )["images"][0]
    if probe.dtype != np.uint8:
        raise PolicyError("policy: leave Normalize out; the training normalizes by its own images")
    channels = train.images.shape[-1]
    if probe.shape[-1] != channels:
        raise PolicyError(
            f"policy: images have {channels} channels and came out with {probe.shape[-1]}; "
            "the model needs the number it is validated with"
        )
    # NHWC on purpose: seen as (n, c, h, w) it is torch's channels-last memory without a copy.
    last = Normalize(mean=tuple(mean.tolist()), std=tuple(deviation.tolist()), layout="NHWC")
    return Pipeline([*steps, last], seed=seed, classes=classes, threads=threads)


def check_training(train: Dataset, epochs: int, seed: int) -> None:
    """Raise InputError or DataError for a training that cannot be done."""
    check_whole("epochs", epochs, 1)
    check_whole("seed", seed, 0)
    if len(train) < 2:
        raise DataError(f"{train.name}: a training needs at least 2 images, got {len(train)}")
    if len(train.classes) < 2:
        raise DataError(f"{train.name}: a training needs at least 2 classes, got {train.classes}")
