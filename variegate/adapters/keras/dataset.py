"""A loader's batches for model.fit, without tf.data."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from variegate.data.loader import Loader
from variegate.errors import InputError

__all__ = ["Dataset"]


class Dataset(keras.utils.PyDataset):  # type: ignore[misc, unused-ignore]
    """The batches of a `vg.Loader` as (images, targets), for fit, evaluate and predict.

    loader: gives files or arrays, augmented. target: the name of what a model is to give, such as
    "labels" or "masks"; None for images alone. one_hot: whether class indices become rows of
    `classes` floats; labels of a policy that mixes are such rows already. workers: threads of Keras
    that ask for batches ahead of their use, at most max_queue_size; the loader's threads make
    each. A batch depends on the loader's seed, the epoch and its number only, so the order in which
    Keras asks changes nothing. `epoch` counts the passes that Keras has finished.
    """

    def __init__(
        self,
        loader: Loader,
        target: str | None = "labels",
        *,
        one_hot: bool = False,
        workers: int = 2,
        max_queue_size: int = 4,
    ) -> None:
        if not isinstance(loader, Loader):
            raise InputError(f"loader: expected a Loader, got {type(loader).__name__}")
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=max_queue_size)
        self.loader, self.target, self.one_hot = loader, target, one_hot
        self.epoch = loader.epoch

    def __len__(self) -> int:
        return len(self.loader)

    @property
    def num_batches(self) -> int:
        """The number of batches of an epoch."""
        return len(self.loader)

    def __getitem__(self, number: int) -> Any:
        """Batch `number` of the epoch; also asked for ahead of time, from several threads."""
        batch = self.loader.batch(number, self.epoch)
        if self.target is None:
            return (batch["images"],)
        if self.target not in batch:
            raise InputError(f"target: expected one of {', '.join(batch)}, got {self.target!r}")
        return batch["images"], self._targets(batch[self.target])

    def _targets(self, values: Any) -> Any:
        targets = np.stack(values) if isinstance(values, list) else np.asarray(values)
        if not self.one_hot or targets.ndim > 1:
            return targets
        classes = self.loader.classes
        count = len(classes) if classes else self.loader.pipeline.classes
        if count is None:
            raise InputError("one_hot: the number of classes is not known; give the Pipeline one")
        return np.eye(count, dtype=np.float32)[targets]

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order and draws."""
        self.epoch += 1
