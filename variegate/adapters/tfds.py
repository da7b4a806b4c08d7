"""TensorFlow Datasets: augmented in `tf.data`, keyed by element and epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from variegate.adapters.records import Fields, augment_records, key_of
from variegate.errors import InputError
from variegate.pipeline import Pipeline

__all__ = ["augmented"]


def augmented(
    dataset: Any,
    pipeline: Pipeline,
    *,
    epochs: int = 1,
    batch_size: int = 32,
    key: str | None = None,
    **fields: str | None,
) -> Any:
    """A `tf.data.Dataset` of `epochs` epochs of augmented batches, dicts like the elements there.

    key: the field that tells an element, such as "tfds_id" (ReadConfig(add_tfds_id=True)); without
    it the place in `dataset`. fields: as of `Fields`: image="image", label, mask. Shapes are static
    where the first batch has them. The same bytes for the same seed, epoch and key, however many
    calls run at a time; shuffle `dataset` before. Train with steps_per_epoch=len(result) // epochs.
    """
    import tensorflow as tf

    named = Fields(**fields)  # type: ignore[arg-type]
    if named.boxes is not None or named.keypoints is not None:
        raise InputError("fields: boxes and keypoints are ragged; use tfds.data_source with Grain")
    one_size = None not in dataset.element_spec[named.image].shape
    example = next(iter(dataset.enumerate().batch(1)))
    augment = _augment(pipeline, named, key)
    made = augment(0, example[0].numpy(), tf.nest.map_structure(_array, example[1]))
    flat = tf.nest.flatten(made)
    shapes = [value.shape[1:] for value in flat]

    def call(epoch: Any, *columns: Any) -> list[Any]:
        place, *rest = columns
        out = augment(epoch, place, tf.nest.pack_sequence_as(example[1], rest))
        values = tf.nest.flatten(out)
        if [value.shape[1:] for value in values] != shapes:
            raise InputError("images: their sizes vary; end the policy in a resize or a crop")
        return list(values)

    def one_epoch(epoch: Any) -> Any:
        def augmented_batch(place: Any, element: Any) -> Any:
            given = [epoch, place, *tf.nest.flatten(element)]
            values = tf.numpy_function(call, given, [value.dtype for value in flat])
            for value, shape in zip(values, shapes, strict=True):
                value.set_shape((None, *shape))
            return tf.nest.pack_sequence_as(element, values)

        batches = dataset.enumerate().batch(batch_size if one_size else 1)
        batches = batches.map(augmented_batch, num_parallel_calls=tf.data.AUTOTUNE)
        return batches if one_size else batches.unbatch().batch(batch_size)

    joined = tf.data.Dataset.range(epochs).flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)
    count = int(dataset.cardinality())
    if count < 0:
        return joined
    each = -(-count // batch_size)
    return joined.apply(tf.data.experimental.assert_cardinality(epochs * each))


def _array(tensor: Any) -> Any:
    return tensor.numpy()


def _augment(pipeline: Pipeline, fields: Fields, key: str | None) -> Callable[..., Any]:
    """A function from a batch, a dict of columns, to the batch augmented."""

    def augment(epoch: Any, places: Any, columns: dict[str, Any]) -> dict[str, Any]:
        rows = [{name: own[n] for name, own in columns.items()} for n in range(len(places))]
        ids = [key_of(row[key]) for row in rows] if key is not None else places.tolist()
        made = augment_records(rows, pipeline, fields, ids, int(epoch))
        return {name: np.stack([row[name] for row in made]) for name in columns}

    return augment
