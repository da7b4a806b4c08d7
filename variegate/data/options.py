"""What a caller may ask of a reader, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from variegate.data.fit import check_size_argument
from variegate.data.header import MAX_PIXELS
from variegate.errors import InputError

__all__ = ["Options", "pick_per_class"]


@dataclass(frozen=True)
class Options:
    """The arguments of `load`, with the same names. Raises InputError for an illegal one."""

    size: tuple[int, int] | None = None
    limit_per_class: int | None = None
    channels: int | None = None
    on_error: str = "stop"
    threads: int = 2
    background: int = 255
    max_pixels: int = MAX_PIXELS
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        check_size_argument(self.size)
        if self.on_error not in ("stop", "skip"):
            raise InputError(f'on_error: expected "stop" or "skip", got {self.on_error!r}')
        if self.channels not in (None, 1, 3, 4):
            raise InputError(f"channels: expected 1, 3, 4 or None, got {self.channels!r}")
        if self.limit_per_class is not None and not _whole(self.limit_per_class, 1):
            raise InputError(
                f"limit_per_class: expected a whole number of at least 1, got "
                f"{self.limit_per_class!r}"
            )
        if not _whole(self.threads, 1) or self.threads > 256:
            raise InputError(f"threads: expected 1 to 256, got {self.threads!r}")
        if not _whole(self.background, 0) or self.background > 255:
            raise InputError(f"background: expected 0 to 255, got {self.background!r}")
        if not _whole(self.max_pixels, 1):
            raise InputError(f"max_pixels: expected at least 1, got {self.max_pixels!r}")


def _whole(value: object, low: int) -> bool:
    """Tell whether a value is a whole number of at least `low`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def pick_per_class(labels: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Return sorted indices of at most `limit` images of each class.

    The choice is spread over the class by a fixed seed: the first files of a folder are often
    pictures of one scene.
    """
    keep = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        draws = np.random.Generator(np.random.PCG64([0, int(label)])).random(len(members))
        keep.append(members[np.argsort(draws, kind="stable")[:limit]])
    return np.sort(np.concatenate(keep)) if keep else np.zeros(0, np.int64)
