"""Lightning's callback and data module: every sample by its epoch, after resuming too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

import variegate as vg
from tests.adapters.torch_samples import COUNT, IMAGES, Pairs
from variegate.adapters.torch import DataModule, Dataset, SetEpoch
from variegate.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning warns about small runs

STEPS = [vg.RandAugment(num_ops=2, magnitude=0.5), vg.GaussianNoise(sigma=(0.1, 0.1))]


class Net(pl.LightningModule):
    """Learns next to nothing, and keeps what it was given in each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 3)
        self.seen: dict[int, list[Any]] = {}
        self.judged: list[Any] = []

    def training_step(self, batch: Any, number: int) -> Any:
        images, labels = batch
        self.seen.setdefault(self.current_epoch, []).extend(images.numpy())
        return torch.nn.functional.cross_entropy(
            self.layer(images.float().mean((1, 2, 3))[:, None]), labels
        )

    def validation_step(self, batch: Any, number: int) -> None:
        self.judged.extend(batch[0].numpy())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def trainer(folder: Path, epochs: int, *callbacks: Any) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=list(callbacks),
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        enable_checkpointing=any(isinstance(c, pl.callbacks.ModelCheckpoint) for c in callbacks),
    )


def check_seen(net: Net, epochs: range) -> None:
    """Every epoch's images are those of the pipeline, in any order."""
    aug = vg.Pipeline(STEPS, seed=5)
    assert sorted(net.seen) == list(epochs)
    for epoch in epochs:
        wanted = aug(images=IMAGES, index=range(COUNT), epoch=epoch)["images"].transpose(0, 3, 1, 2)
        found = sorted(image.tobytes() for image in net.seen[epoch])
        assert found == sorted(np.ascontiguousarray(image).tobytes() for image in wanted)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_module_sets_the_epoch(tmp_path: Path, workers: int) -> None:
    more = {"num_workers": workers, "persistent_workers": workers > 0}
    module = DataModule(
        Pairs(),
        vg.Pipeline(STEPS, seed=5),
        val=Pairs(),
        val_pipeline=vg.Pipeline([], seed=0),
        batch_size=4,
        **more,
    )
    net = Net()
    trainer(tmp_path, 3).fit(net, module)
    check_seen(net, range(3))
    np.testing.assert_array_equal(np.stack(net.judged[:COUNT]), IMAGES.transpose(0, 3, 1, 2))
    orders = [[image.tobytes() for image in net.seen[epoch]] for epoch in range(3)]
    assert orders[0] != orders[1]


def test_a_resumed_fit_goes_on_with_its_epoch(tmp_path: Path) -> None:
    for own in (True, False):
        keeper = pl.callbacks.ModelCheckpoint(dirpath=tmp_path / str(own), save_last=True)
        first, second = Net(), Net()
        data, more = parts(own)
        trainer(tmp_path, 2, keeper, *more).fit(first, data)
        check_seen(first, range(2))
        data, more = parts(own)
        trainer(tmp_path, 4, *more).fit(second, data, ckpt_path=tmp_path / str(own) / "last.ckpt")
        check_seen(second, range(2, 4))


def parts(own: bool) -> tuple[Any, list[Any]]:
    """A data module, or a loader with the callback; their workers load ahead."""
    more = {"batch_size": 4, "num_workers": 1, "persistent_workers": True}
    if own:
        return DataModule(Pairs(), vg.Pipeline(STEPS, seed=5), **more), []
    data = Dataset(Pairs(), vg.Pipeline(STEPS, seed=5))
    return torch.utils.data.DataLoader(data, **more), [SetEpoch(data)]


def test_wrong_parts_are_refused() -> None:
    with pytest.raises(InputError, match="Dataset or Indexed"):
        SetEpoch(Pairs())
    with pytest.raises(InputError, match="val_pipeline"):
        DataModule(Pairs(), vg.Pipeline([]), val=Pairs())
