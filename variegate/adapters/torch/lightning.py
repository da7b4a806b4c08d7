"""Lightning: a callback that sets the epoch, and a data module that has it built in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader

from variegate.adapters.torch.dataset import Collate, Dataset, Indexed
from variegate.adapters.torch.samples import KEPT
from variegate.errors import InputError
from variegate.pipeline import Pipeline

try:
    from lightning.pytorch import Callback, LightningDataModule
except ModuleNotFoundError:  # the older name of the same package
    from pytorch_lightning import Callback, LightningDataModule


class SetEpoch(Callback):  # type: ignore[misc]  # Lightning is no part of the checks
    """Tells data sets (Dataset or Indexed) the trainer's epoch before each epoch's first sample is
    loaded; on resuming from a checkpoint the epoch that goes on.
    """

    def __init__(self, *datasets: Dataset | Indexed) -> None:
        if not datasets or not all(isinstance(own, (Dataset, Indexed)) for own in datasets):
            raise InputError("SetEpoch: expected data sets that are a Dataset or Indexed")
        self.datasets = datasets

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Lightning's hook; the loop over the loader begins after it."""
        self._set(trainer.current_epoch)

    def on_load_checkpoint(
        self, trainer: Any, pl_module: Any, checkpoint: Mapping[str, Any]
    ) -> None:
        """Lightning's hook: the first loop of a resumed fit begins before its epoch starts."""
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
        self._set(progress["processed"])

    def _set(self, epoch: int) -> None:
        for dataset in self.datasets:
            dataset.set_epoch(epoch)


class DataModule(LightningDataModule):  # type: ignore[misc]
    """Loaders of map-style data sets: batches of `train` go through `pipeline`, those of `val` and
    `test` through `val_pipeline`, each sample by its index and epoch.

    seed: of the order of `train`, by default the pipeline's. loader: what a DataLoader takes
    besides, such as num_workers and persistent_workers. keep: see Dataset.
    """

    def __init__(
        self,
        train: Any,
        pipeline: Pipeline,
        *,
        val: Any = None,
        test: Any = None,
        val_pipeline: Pipeline | None = None,
        batch_size: int = 32,
        seed: int | None = None,
        keep: Sequence[str] = KEPT,
        **loader: Any,
    ) -> None:
        super().__init__()
        if val_pipeline is None and not (val is None and test is None):
            raise InputError(
                "DataModule: val= and test= need val_pipeline=, vg.Pipeline([]) if none"
            )
        self.train = Indexed(train)
        self._collate = Collate(pipeline, keep=keep)
        self._judged = {"val": val, "test": test}
        self._judging = None if val_pipeline is None else Collate(val_pipeline, keep=keep)
        self._loader = {"batch_size": batch_size, **loader}
        own = pipeline.seed if seed is None else seed
        self._order = torch.Generator().manual_seed(own % 2**63)

    def setup(self, stage: str) -> None:
        """Lightning's hook: the trainer gets the callback that sets the epoch."""
        callbacks = self.trainer.callbacks
        if not any(isinstance(c, SetEpoch) and self.train in c.datasets for c in callbacks):
            callbacks.append(SetEpoch(self.train))

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled."""
        if self.trainer is not None:  # the loop over it begins before the epoch does
            self.train.set_epoch(self.trainer.current_epoch)
        return DataLoader(
            self.train,
            shuffle=True,
            generator=self._order,
            collate_fn=self._collate,
            **self._loader,
        )

    def val_dataloader(self) -> Any:
        """In order; no loader where there is no `val`."""
        return self._judging_loader("val")

    def test_dataloader(self) -> Any:
        """In order; no loader where there is no `test`."""
        return self._judging_loader("test")

    def _judging_loader(self, name: str) -> Any:
        data = self._judged[name]
        if data is None:
            return []
        return DataLoader(Indexed(data), collate_fn=self._judging, **self._loader)
