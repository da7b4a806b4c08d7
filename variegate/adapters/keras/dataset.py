"""A loader's batches for model.fit, without tf.data."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import keras
import numpy as np

from variegate.data.loader import Loader
from variegate.errors import InputError

__all__ = ["Dataset"]


class Dataset(keras.utils.PyDataset):  # type: ignore[misc, unused-ignore]
    """The batches of a `vg.Loader` as (images, targets), for fit, evaluate and predict.

    loader: gives files or arrays, augmented; its threads work ahead of the model, by its prefetch.
    target: the name of what a model is to give, such as "labels" or "masks"; None for images alone.
    one_hot: whether class indices become rows of floats, one for each class; labels of a policy
    that mixes are such rows already.

    The order is the loader's: whichever batch Keras asks for first in a pass is the first one, so
    that fit(shuffle=True), Keras' default, shuffles nothing twice. A pass that was asked for in
    full advances `epoch`, which is that of the next batch.
    """

    def __init__(
        self, loader: Loader, target: str | None = "labels", *, one_hot: bool = False
    ) -> None:
        if not isinstance(loader, Loader):
            raise InputError(f"loader: expected a Loader, got {type(loader).__name__}")
        super().__init__()
        self.loader, self.target, self.one_hot = loader, target, one_hot
        self.epoch = loader.epoch
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._places: dict[int, int] = {}  # by the number that Keras calls a batch
        self._ahead: dict[int, Future[dict[str, Any]]] = {}
        self._passing = False

    def __len__(self) -> int:
        return len(self.loader)

    @property
    def num_batches(self) -> int:
        """The number of batches of an epoch."""
        return len(self.loader)

    def __getitem__(self, number: int) -> Any:
        """The batch that Keras calls `number` in this pass. Raises IndexError behind the last."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        batch = self._taken(number).result()
        if self.target is None:
            return (batch["images"],)
        if self.target not in batch:
            raise InputError(f"target: expected one of {', '.join(batch)}, got {self.target!r}")
        return batch["images"], self._targets(batch[self.target])

    def _taken(self, number: int) -> Future[dict[str, Any]]:
        """The batch in the making; those that follow are begun."""
        with self._lock:
            place = self._places.setdefault(number, len(self._places))
            found = self._ahead.pop(place, None) or self._begun(place)
            for later in range(place + 1, min(place + 1 + self.loader.prefetch, len(self))):
                if later not in self._ahead:
                    self._ahead[later] = self._begun(later)
        return found

    def _begun(self, place: int) -> Future[dict[str, Any]]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="variegate-keras")
        return self._pool.submit(self.loader.batch, place, self.epoch)

    def _targets(self, values: Any) -> Any:
        targets = np.stack(values) if isinstance(values, list) else np.asarray(values)
        if not self.one_hot or targets.ndim > 1:
            return targets
        classes = self.loader.classes
        count = len(classes) if classes else self.loader.pipeline.classes
        if count is None:
            raise InputError("one_hot: the number of classes is not known; give the Pipeline one")
        return np.eye(count, dtype=np.float32)[targets]

    def on_epoch_begin(self) -> None:
        """Begin a pass: what was asked for before it, to see shapes, does not count."""
        with self._lock:
            self._places.clear()
            self._passing = True

    def on_epoch_end(self) -> None:
        """Go on to the next epoch, where this one was asked for in full: before a training Keras
        looks at one batch and calls that a pass too.
        """
        with self._lock:
            self.epoch += self._passing and len(self._places) == len(self)
            self._passing = False
            self._places.clear()
            for batch in self._ahead.values():
                batch.cancel()
            self._ahead.clear()
