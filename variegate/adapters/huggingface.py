"""Hugging Face datasets: a transform for `set_transform`, and a collate function for `Trainer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from variegate.adapters.records import Fields, augment_records, field_of, key_of
from variegate.adapters.torch.epoch import Epoch
from variegate.errors import InputError
from variegate.pipeline import Pipeline
from variegate.targets.boxes import from_corners, to_corners

__all__ = ["Collate", "Transform", "follow_epochs", "with_index"]

INDEX = "index"


def with_index(dataset: Any, name: str = INDEX) -> Any:
    """The dataset with a column that numbers its rows, by which draws are keyed.

    Call it before shuffle, select and shard: the numbers go with the rows.
    """
    return dataset.add_column(name, np.arange(len(dataset)))


class _Augments:
    """What a transform and a collate function share: a pipeline, fields, an epoch."""

    def __init__(self, pipeline: Pipeline, fields: Fields, index: str) -> None:
        self.pipeline, self.fields, self.index = pipeline, fields, index
        self._epoch = Epoch()

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of the draws, in running workers too."""
        self._epoch.set(epoch)

    def records(self, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The records, augmented."""
        for record in records:
            if self.index not in record:
                raise InputError(
                    f"record: no field {self.index!r} to key the draws by; "
                    "variegate.adapters.huggingface.with_index(dataset) adds it"
                )
        ids = [key_of(record[self.index]) for record in records]
        return augment_records(records, self.pipeline, self.fields, ids, self._epoch.get())


class Transform(_Augments):
    """For `Dataset.set_transform`: augments the rows that are asked for, as a batch.

    pipeline: a variegate Pipeline. index: the column that tells a row, see `with_index`. fields:
    as of `Fields`: image="image", label, mask, boxes="objects.bbox", box_labels, keypoints, mode.
    A row is the same for the same seed, epoch and index, in whatever worker or batch it is read.
    """

    def __init__(self, pipeline: Pipeline, *, index: str = INDEX, **fields: str | None) -> None:
        super().__init__(pipeline, Fields(**fields), index)  # type: ignore[arg-type]

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """The batch, a dict of columns, with the fields augmented."""
        count = len(next(iter(batch.values()), ()))
        rows = [{name: column[place] for name, column in batch.items()} for place in range(count)]
        made = self.records(rows)
        return {name: [row[name] for row in made] for name in batch}


class Collate(_Augments):
    """For `Trainer(data_collator=...)`: augments records and makes one batch of tensors.

    Gives `pixel_values`, and `labels` from `label` or `mask`, or from `boxes` as detection models
    take them: dicts of `class_labels` and relative center boxes. pipeline: ends in
    Normalize(layout="NCHW"). The rest as of Transform. Set remove_unused_columns=False.
    """

    def __init__(self, pipeline: Pipeline, *, index: str = INDEX, **fields: str | None) -> None:
        super().__init__(pipeline, Fields(**fields), index)  # type: ignore[arg-type]

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A batch for a model's forward."""
        import torch

        fields = self.fields
        made = self.records(records)
        batch = {"pixel_values": torch.from_numpy(np.stack([r[fields.image] for r in made]))}
        wanted = fields.label or fields.mask
        if wanted is not None:
            batch["labels"] = torch.from_numpy(np.stack([np.asarray(r[wanted]) for r in made]))
        elif fields.boxes is not None:
            batch["labels"] = [self._boxes(record) for record in made]  # type: ignore[assignment]
        return batch

    def _boxes(self, record: Mapping[str, Any]) -> dict[str, Any]:
        import torch

        own: dict[str, Any] = {}
        for target, path in self.fields.paths().items():
            if target in ("boxes", "box_labels"):
                own[target] = np.asarray(field_of(record, path))
        pixels = record[self.fields.image]  # (c, h, w)
        corners = to_corners(
            own["boxes"].astype(np.float64).reshape(-1, 4),
            pixels.shape[1:],
            self.pipeline.targets.boxes,
        )
        made = {"boxes": torch.from_numpy(from_corners(corners, pixels.shape[1:], "yolo"))}
        if "box_labels" in own:
            made["class_labels"] = torch.from_numpy(own["box_labels"].astype(np.int64).reshape(-1))
        return made


def follow_epochs(*augments: Transform | Collate) -> Any:
    """A callback for `Trainer(callbacks=[...])` that tells transforms and collate functions which
    epoch it is.
    """
    from transformers import TrainerCallback

    class FollowEpochs(TrainerCallback):  # type: ignore[misc]
        def on_epoch_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            for own in augments:
                own.set_epoch(round(state.epoch or 0))

    return FollowEpochs()
