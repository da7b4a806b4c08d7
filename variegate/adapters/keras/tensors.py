"""From tensors to the array half and back: at once, in a TensorFlow graph, and under jax.jit."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from variegate.adapters.keras.form import Form, Spec, is_ragged, leaves, nested
from variegate.errors import InputError

Array = npt.NDArray[Any]
# Arrays by key, and JAX's count of calls or None, to arrays by key.
Function = Callable[[dict[str, Any], Any], Mapping[str, Any]]
Path = tuple[str, ...]
PICTURES = 4  # the rank of a batch of images or masks


def bridged(
    function: Function, inputs: Mapping[str, Any], form: Form, state: Callable[[], Any]
) -> dict[str, Any]:
    """The outputs of `form` as tensors: backend tensors, or TensorFlow's where it builds a graph.

    state: gives the count of calls where JAX traces one call that will run many times.
    """
    given = dict(leaves(inputs))
    if in_tf_graph():
        return _in_graph(function, given, form)
    if _traced(given.values()):
        return _in_jit(function, given, form, state())
    ragged = [v for v in given.values() if type(v).__name__ == "RaggedTensor"]
    result = dict(leaves(function(nested((p, to_numpy(v)) for p, v in given.items()), None)))
    made = {path: _eager(result[path], spec, bool(ragged)) for path, spec in form.outputs.items()}
    return nested(made.items())


def in_tf_graph() -> bool:
    """Whether TensorFlow is tracing a function, such as that of Dataset.map."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and not tf.executing_eagerly()


def _traced(values: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and any(isinstance(value, jax.core.Tracer) for value in values)


def of_one_kind(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs, with arrays made tensors beside tensors: Keras takes no mixture."""
    kinds = {bool(keras.ops.is_tensor(value)) for _, value in leaves(inputs)}
    if len(kinds) < 2:
        return inputs
    return nested(
        (path, keras.ops.convert_to_tensor(value) if isinstance(value, np.ndarray) else value)
        for path, value in leaves(inputs)
    )


def cast(images: Any, dtype: str) -> Any:
    """Images as tensors of a dtype, in whatever framework is at work."""
    if in_tf_graph():
        tf = sys.modules["tensorflow"]
        return tf.cast(images, dtype)
    if type(images).__name__ == "RaggedTensor":
        return sys.modules["tensorflow"].cast(images, dtype)
    if not (keras.ops.is_tensor(images) or _traced([images])):
        images = np.asarray(images)
    tensor = keras.ops.convert_to_tensor(images)
    same = keras.backend.standardize_dtype(tensor.dtype) == dtype
    return tensor if same else keras.ops.cast(tensor, dtype)


def to_numpy(value: Any) -> Any:
    """A tensor as an array; a ragged one, or a list, as a list of arrays."""
    if type(value).__name__ == "RaggedTensor":
        return _items(*(part.numpy() for part in _ragged_parts(value)))
    if isinstance(value, (list, tuple)):
        return [to_numpy(own) for own in value]
    if keras.ops.is_tensor(value):
        return np.asarray(keras.ops.convert_to_numpy(value))
    return np.asarray(value)


def _ragged_parts(value: Any) -> tuple[Any, Any]:
    """A ragged tensor as two dense ones: rows of all images and where each image's end; pictures
    with a margin and their sizes.
    """
    tf = sys.modules["tensorflow"]
    if len(value.shape) == PICTURES:
        padded = value.to_tensor()
        wide = value.row_lengths(axis=2) if value.ragged_rank > 1 else tf.shape(padded)[2:3]
        widths = tf.reduce_max(wide, axis=1) if value.ragged_rank > 1 else wide
        heights = value.row_lengths(axis=1)
        widths = tf.broadcast_to(tf.cast(widths, heights.dtype), tf.shape(heights))
        return padded, tf.stack([heights, widths], axis=1)
    rows = value.values
    if type(rows).__name__ == "RaggedTensor":
        rows = rows.to_tensor(shape=(None, 4))
    return rows, value.row_splits


def _items(whole: Array, ends: Array) -> list[Array]:
    """One array for each image, of the two parts of a ragged tensor."""
    if ends.ndim == 1:
        return [whole[start:end] for start, end in itertools.pairwise(ends.tolist())]
    return [image[:h, :w] for image, (h, w) in zip(whole, ends.tolist(), strict=True)]


def _joined(rows: Any, spec: Spec) -> tuple[Array, Array]:
    """Rows of all images as one array, and row splits."""
    splits = np.cumsum([0, *(len(own) for own in rows)], dtype=np.int64)
    width = tuple(side or 0 for side in spec.shape[2:])
    full = [np.asarray(own, spec.dtype).reshape(len(own), *width) for own in rows]
    return np.concatenate([np.zeros((0, *width), spec.dtype), *full]), splits


def _dense(value: Any, path: Path, spec: Spec) -> Array:
    """One contiguous array of the dtype that was announced."""
    if isinstance(value, list):
        sizes = sorted({np.shape(own) for own in value})
        if len(sizes) > 1:
            raise InputError(f"{path[-1]}: came out in several sizes, {sizes[0]} and {sizes[1]}")
        value = np.stack([np.asarray(own) for own in value])
    return np.ascontiguousarray(value, dtype=_numpy_dtype(spec.dtype))


def _numpy_dtype(name: str) -> Any:
    if name == "bfloat16":
        import ml_dtypes

        return ml_dtypes.bfloat16
    return np.dtype(name)


def _eager(value: Any, spec: Spec, to_ragged: bool) -> Any:
    if spec.ragged and not to_ragged:
        return [np.asarray(own, spec.dtype) for own in value]
    if spec.ragged:
        tf = sys.modules["tensorflow"]
        return tf.RaggedTensor.from_row_splits(*_joined(value, spec))
    return keras.ops.convert_to_tensor(_dense(value, ("output",), spec))


def _written(result: Mapping[str, Any], form: Form) -> list[Array]:
    """All outputs in order; a ragged one as its rows and their splits."""
    found: dict[Path, Any] = dict(leaves(result))
    flat: list[Array] = []
    for path, spec in form.outputs.items():
        flat += _joined(found[path], spec) if spec.ragged else [_dense(found[path], path, spec)]
    return flat


def _in_graph(function: Function, given: Mapping[Path, Any], form: Form) -> dict[str, Any]:
    """A node that calls back into Python when the graph runs; its shapes are stated."""
    tf = sys.modules["tensorflow"]
    ragged = {path for path, value in given.items() if is_ragged(value)}
    tensors: list[Any] = []
    for path, value in given.items():
        tensors += _ragged_parts(value) if path in ragged else [tf.convert_to_tensor(value)]

    def run(*parts: Array) -> list[Array]:
        left = iter(parts)
        arrays = (
            (path, _items(next(left), next(left)) if path in ragged else next(left))
            for path in given
        )
        return _written(function(nested(arrays), None), form)

    dtypes = [
        dtype
        for spec in form.outputs.values()
        for dtype in ([spec.dtype, "int64"] if spec.ragged else [spec.dtype])
    ]
    made = tf.numpy_function(run, tensors, [tf.as_dtype(dtype) for dtype in dtypes])
    left = iter(made if isinstance(made, (list, tuple)) else [made])
    outputs = []
    for path, spec in form.outputs.items():
        if spec.ragged:
            rows, splits = tf.ensure_shape(next(left), (None, *spec.shape[2:])), next(left)
            count = spec.shape[0]
            splits = tf.ensure_shape(splits, (None if count is None else count + 1,))
            tensor = tf.RaggedTensor.from_row_splits(rows, splits, validate=False)
        else:
            tensor = next(left)
            tensor.set_shape(spec.shape)
        outputs.append((path, tensor))
    return nested(outputs)


def _in_jit(
    function: Function, given: Mapping[Path, Any], form: Form, state: Any
) -> dict[str, Any]:
    """A callback in the compiled program. It is a function of its arguments, the count of calls
    among them; gradients end before it.
    """
    jax = sys.modules["jax"]
    for path, spec in form.outputs.items():
        if None in spec.shape:
            raise InputError(
                f"{'.'.join(path)}: shape {spec.shape} depends on the draw, which jax.jit does not "
                "allow; use the layer in the input pipeline"
            )
    results = [
        jax.ShapeDtypeStruct(spec.shape, _numpy_dtype(spec.dtype)) for spec in form.outputs.values()
    ]

    def run(count: Any, *values: Any) -> list[Array]:
        arrays = nested(zip(given, (np.asarray(value) for value in values), strict=True))
        return _written(function(arrays, np.asarray(count)), form)

    values = [jax.lax.stop_gradient(jax.numpy.asarray(value)) for value in given.values()]
    made = jax.pure_callback(run, results, state, *values)
    return nested(zip(form.outputs, made, strict=True))
