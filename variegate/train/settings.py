"""What a training is done with, and good defaults for a data set."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch

from variegate.data import Dataset
from variegate.errors import InputError

__all__ = [
    "Precision",
    "TrainSettings",
    "check_whole",
    "resolve_device",
    "resolve_precision",
    "resolve_threads",
]

RESIDUAL, LENET = "residual", "lenet"
BUILT_IN = (RESIDUAL, LENET)
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one training; two trainings are comparable when these are equal.

    width: channels of the net's first stage. epochs: the budget meant for this data (a training
    may be asked for another). learning_rate: the peak of the one-cycle schedule. label_smoothing:
    on 0..1. balance: how far scarce classes are filled up, 0 to 1 (see `data.Balance`); an epoch
    keeps its length. precision: "auto" takes bfloat16 where the processor multiplies it natively.
    threads: None takes every usable core, at most 8. device: "auto", "cpu" or "cuda". model:
    "residual", the built-in net, "lenet", a smaller one for many quick trainings, or "keras:NAME"
    of keras.applications (see `keras_model`); width, precision and device are the built-in nets'.

    Several threads pay on a quiet machine only. They wait for each other after every layer, so one
    busy neighbor on two cores made a training 30 times as slow with 2 threads and at most twice
    with 1. Where many models are trained, run one process a core with threads=1.
    """

    width: int = 32
    batch_size: int = 32
    epochs: int = 30
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    warmup: float = 0.2
    balance: float = 0.0
    precision: Precision = "auto"
    threads: int | None = None
    device: str = "auto"
    model: str = RESIDUAL

    def __post_init__(self) -> None:
        for name, low in (("width", 4), ("batch_size", 2), ("epochs", 1)):
            check_whole(name, getattr(self, name), low)
        if self.threads is not None:
            check_whole("threads", self.threads, 1)
        for name, low_number, high_number in (
            ("learning_rate", 0.0, float("inf")),
            ("momentum", 0.0, 0.9999),
            ("weight_decay", 0.0, 1.0),
            ("label_smoothing", 0.0, 0.9999),
            ("warmup", 0.0, 0.9999),
            ("balance", 0.0, 1.0),
        ):
            number = getattr(self, name)
            if not low_number <= number <= high_number:
                raise InputError(
                    f"{name}: expected {low_number:g} to {high_number:g}, got {number!r}"
                )
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise InputError(
                f"precision: expected auto, float32 or bfloat16, got {self.precision!r}"
            )
        if self.device != "auto" and self.device.partition(":")[0] not in ("cpu", "cuda"):
            raise InputError(f"device: expected auto, cpu or cuda, got {self.device!r}")
        if self.model not in BUILT_IN and not str(self.model).startswith("keras:"):
            names = ", ".join(BUILT_IN)
            raise InputError(f"model: expected {names} or keras:NAME, got {self.model!r}")

    @staticmethod
    def for_data(dataset: Dataset, **changes: Any) -> TrainSettings:
        """Return defaults for the size and the number of a data set's images.

        `changes` are settings to take instead of the defaults, by name; an unknown one raises
        InputError. The epochs rise as the images get fewer, so that a training takes a few
        hundred to a few thousand steps.
        """
        known = TrainSettings.__dataclass_fields__
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise InputError(f"{unknown[0]}: unknown setting; known: {', '.join(known)}")
        side, n = max(dataset.images.shape[1:3]), max(1, len(dataset))
        batch_size = 64 if n >= 10_000 else 32
        wanted_images = 10_000 if side <= 16 else 48_000 if side <= 40 else 44_000
        epochs = int(min(60, max(8, round(wanted_images / n))))
        # On so small images a second thread gains a fifth at best, and costs a factor of 30 as soon
        # as another program wants the same core: threads wait for each other after each operation.
        threads = 1 if side <= 32 else None
        defaults = TrainSettings(width=32, batch_size=batch_size, epochs=epochs, threads=threads)
        return replace(defaults, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)


def check_whole(name: str, value: object, low: int) -> None:
    """Raise InputError where `value` is not a whole number from `low` up to 2**63 - 1."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value < 2**63:
        raise InputError(f"{name}: expected a whole number from {low} up, got {value!r}")


def resolve_device(settings: TrainSettings) -> torch.device:
    """Return the device that `settings` mean here; raises InputError where there is none."""
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if settings.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError("device: cuda was asked for, but this machine has none; take 'cpu'")
    return torch.device(settings.device)


def resolve_precision(
    settings: TrainSettings, device: torch.device
) -> Literal["float32", "bfloat16"]:
    """Return "float32" or "bfloat16".

    A fixed rule, not a timing at run time: a timing could choose differently on a busy machine,
    and the same seed would give another model. Measured on an AVX512-BF16 processor with two
    cores, forward and backward of this net's convolutions run 1.6 to 2.3 times as fast in
    bfloat16 (1.15 times for a whole training on 8x8 images); without native support it is slower.
    """
    if settings.precision != "auto":
        return settings.precision
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if _multiplies_bfloat16() else "float32"


def _multiplies_bfloat16() -> bool:
    # Older torch does not say what the processor has; float32 is then the safe answer.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def resolve_threads(settings: TrainSettings) -> int:
    """Return the number of threads that torch computes with."""
    if settings.threads is not None:
        return settings.threads
    if hasattr(os, "sched_getaffinity"):
        return min(8, len(os.sched_getaffinity(0)))
    return min(8, os.cpu_count() or 1)
