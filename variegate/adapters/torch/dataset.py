"""Map-style data sets and a collate function that pass each sample's index and epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils import data

from variegate.adapters.torch.epoch import Epoch
from variegate.adapters.torch.images import as_tensor, to_tensor
from variegate.adapters.torch.samples import KEPT, Sample, read_sample
from variegate.errors import InputError
from variegate.pipeline import Pipeline

BATCH = {"image": "images", "label": "labels", "mask": "masks"}


@dataclass(frozen=True)
class Item:
    """A sample with its index and epoch, as `Indexed` gives it and `Collate` takes it."""

    sample: Any
    index: int
    epoch: int


class Indexed(data.Dataset[Item]):
    """A map-style data set that gives Items; `set_epoch` reaches workers that run already."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = _checked(dataset)
        self._epoch = Epoch()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Item:
        place = _place(index, len(self))
        return Item(self.dataset[place], place, self._epoch.get())

    def set_epoch(self, epoch: int) -> None:
        """The epoch of what is loaded from now on; set it before each loop over a loader."""
        self._epoch.set(epoch)


class Dataset(data.Dataset[Any]):
    """A map-style data set whose samples go through a pipeline, each by its own index.

    dataset: gives images, (image, label), dicts or torchvision's targets (see read_sample). keep:
    names of a dict that go along untouched. Images come out as tensors (c, h, w), the rest in the
    form in which it came. Raises InputError for a pipeline that mixes samples: that is for Collate.
    """

    def __init__(self, dataset: Any, pipeline: Pipeline, *, keep: Sequence[str] = KEPT) -> None:
        self.dataset = _checked(dataset)
        self.pipeline = alone(pipeline)
        self.keep = tuple(keep)
        self._epoch = Epoch()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Iterable[int]) -> list[Any]:
        """Samples of these indices in one call of the pipeline; loaders ask for a batch so."""
        places = [_place(index, len(self)) for index in indices]
        samples = [read_sample(self.dataset[i], self.pipeline.targets, self.keep) for i in places]
        results = augmented(self.pipeline, samples, places, self._epoch.get())
        return [
            _written(sample, result, self.pipeline)
            for sample, result in zip(samples, results, strict=True)
        ]

    def set_epoch(self, epoch: int) -> None:
        """The epoch of what is loaded from now on; set it before each loop over a loader."""
        self._epoch.set(epoch)


class Collate:
    """A collate function for a loader of `Indexed`: a batch goes through the pipeline in one call,
    so samples may be mixed.

    Gives (images, labels) for pairs, (images, targets) for an image and a dict or tv_tensor, images
    alone, or for dicts one dict by the names of a batch. images: a tensor (n, c, h, w), or a list
    of (c, h, w) where their sizes differ.
    """

    def __init__(self, pipeline: Pipeline, *, keep: Sequence[str] = KEPT) -> None:
        self.pipeline = checked(pipeline)
        self.keep = tuple(keep)

    def __call__(self, items: Sequence[Item]) -> Any:
        """A batch of Items; raises InputError where they are none, or not of one epoch and form."""
        if not all(isinstance(item, Item) for item in items):
            raise InputError("Collate: expected the items of an Indexed data set")
        epochs = {item.epoch for item in items}
        samples = [read_sample(item.sample, self.pipeline.targets, self.keep) for item in items]
        forms = {(sample.form, *sample.targets) for sample in samples}
        if len(epochs) != 1 or len(forms) != 1:
            raise InputError(f"Collate: one epoch and form a batch, got {epochs} and {forms}")
        result = self.pipeline(
            index=[item.index for item in items], epoch=epochs.pop(), **_together(samples)
        )
        return self._formed(samples, result)

    def _formed(self, samples: list[Sample], result: Mapping[str, Any]) -> Any:
        first = self.pipeline.channels_first
        arrays = result["images"]
        images: Any = [to_tensor(image, first) for image in arrays]
        if isinstance(arrays, np.ndarray):
            images = to_tensor(arrays, first)
        form = samples[0].form
        if form == "image":
            return images
        if form == "pair":
            return images, as_tensor(result["labels"])
        singles = apart(result, len(samples))
        rest = [
            sample.rest(single, tuple(image.shape[1:]))
            for sample, single, image in zip(samples, singles, images, strict=True)
        ]
        if form == "target":
            return images, rest
        batch: dict[str, Any] = {BATCH.get(n, n): [own[n] for own in rest] for n in rest[0]}
        for name in ("labels", "masks"):
            if isinstance(result.get(name), np.ndarray):
                batch[name] = as_tensor(result[name])
        return {"images": images, **batch}


def alone(pipeline: Pipeline) -> Pipeline:
    """The pipeline; raises InputError where it mixes samples, which one sample cannot be."""
    if checked(pipeline).mixes_labels:
        raise InputError(
            "pipeline: it mixes samples, which needs a batch: take Indexed and Collate instead"
        )
    return pipeline


def checked(pipeline: Any) -> Pipeline:
    """The pipeline; raises InputError where it is none."""
    if not isinstance(pipeline, Pipeline):
        raise InputError(f"pipeline: expected a vg.Pipeline, got {type(pipeline).__name__}")
    return pipeline


def _checked(dataset: Any) -> Any:
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        raise InputError(
            f"dataset: expected one with items and a length, got {type(dataset).__name__}"
        )
    return dataset


def _place(index: Any, length: int) -> int:
    place = int(index)
    if not -length <= place < length:
        raise IndexError(f"index {place} of {length} samples")
    return place % length


def _together(samples: Sequence[Sample]) -> dict[str, Any]:
    """The targets of samples as those of a batch."""
    batch: dict[str, Any] = {}
    for name in samples[0].targets:
        values = [sample.targets[name] for sample in samples]
        if name == "instances":
            batch[name] = {own: [value[own] for value in values] for own in values[0]}
        else:
            batch[BATCH.get(name, name)] = values
    if len({image.shape for image in batch["images"]}) == 1:
        batch["images"] = np.stack(batch["images"])
    return batch


def apart(result: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """A batch's result as results of single samples."""
    single = {batch: name for name, batch in BATCH.items()}
    return [
        {
            single.get(name, name): {own: value[own][i] for own in value}
            if isinstance(value, Mapping)
            else value[i]
            for name, value in result.items()
        }
        for i in range(count)
    ]


def augmented(
    pipeline: Pipeline, samples: Sequence[Sample], places: Sequence[int] | None, epoch: int
) -> list[dict[str, Any]]:
    """What a pipeline makes of samples; those with the same targets share a call. places: their
    indices; without them the pipeline counts.
    """
    results: list[dict[str, Any]] = [{}] * len(samples)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for number, sample in enumerate(samples):
        image = sample.targets["image"]
        groups.setdefault((*sample.targets, image.dtype.str, image.shape[2]), []).append(number)
    for numbers in groups.values():
        result = pipeline(
            index=None if places is None else [places[i] for i in numbers],
            epoch=epoch,
            **_together([samples[i] for i in numbers]),
        )
        for i, single in zip(numbers, apart(result, len(numbers)), strict=True):
            results[i] = single
    return results


def _written(sample: Sample, result: Mapping[str, Any], pipeline: Pipeline) -> Any:
    image = to_tensor(result["image"], pipeline.channels_first)
    return formed(sample, image, result, tuple(image.shape[1:]))


def formed(sample: Sample, image: Any, result: Mapping[str, Any], size: Any) -> Any:
    """A result in its sample's form, with this image."""
    if sample.form == "image":
        return image
    rest = sample.rest(result, size)
    return {**rest, "image": image} if sample.form == "mapping" else (image, rest)
