"""What all layers share: their arguments as a config, and a call that reaches the array half."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from variegate.adapters.keras import config as written
from variegate.adapters.keras.form import INDEX, READ, Form, form_of
from variegate.adapters.keras.tensors import Function, bridged, cast, of_one_kind
from variegate.adapters.keras.visits import Visits
from variegate.errors import InputError

__all__ = ["Layer", "layer_class"]

PACKAGE = "variegate"
# Keras' own arguments of a layer.
OWN = ("name", "dtype", "trainable", "autocast")


class Layer(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """A preprocessing layer on tensors of any backend, on NumPy arrays, and inside tf.data.

    It takes and gives what the layer of the same name in `variegate.adapters.keras_cv` does; images
    come out in the layer's dtype, float32 unless another is given (dtype="uint8" keeps bytes).
    training=False does nothing but what gives images their size and channels. With `index` in the
    dict, the numbers of the samples in the data set, a draw depends on the seed, that number and on
    how often it came before, so that tf.data gives the same with any num_parallel_calls.
    precision: as of the array layer.
    """

    _make: Callable[..., Any]  # set by `layer_class`

    def __init__(self, *args: Any, precision: str | None = None, **kwargs: Any) -> None:
        own = {key: kwargs.pop(key) for key in OWN if key in kwargs}
        super().__init__(**own)
        make = type(self)._make
        known = inspect.signature(make)
        bound = known.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        seed = given.get("seed")
        self.generator = keras.random.SeedGenerator(None if seed is None else int(seed) % 2**32)
        drawn = dict(given)
        if "seed" in drawn and seed is None:  # a fresh one follows keras.utils.set_random_seed
            drawn["seed"] = int(keras.ops.convert_to_numpy(self.generator.state.value)[0])
        made = make(**{key: written.array_half(value) for key, value in drawn.items()})
        if precision is not None:
            made.precision = precision
        # Held in one object that Keras does not look into: a layer inside has no state of its own.
        self._half = Half(made, given, precision)
        self.built = True
        self.supports_jit = keras.backend.backend() == "jax"
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    @property
    def array(self) -> Any:
        """The layer on NumPy arrays: its steps, and its pipeline with the seed."""
        return self._half.array

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """As of any Keras layer; what the layer does not read may be of any type."""
        if isinstance(inputs, Mapping) and "images" not in inputs:
            raise InputError(f"{self.name}: expected images, got {', '.join(map(str, inputs))}")
        if not isinstance(inputs, Mapping) or self.array.copies > 1:
            return super().__call__(inputs, *args, **kwargs)
        read = {key: value for key, value in inputs.items() if key in READ and value is not None}
        found = super().__call__(of_one_kind(read), *args, **kwargs)
        return {key: found.get(key, value) for key, value in inputs.items()}

    def call(self, inputs: Any, training: Any = True) -> Any:
        """The inputs, augmented: images (h, w, c) or (n, h, w, c), or a dict with them."""
        if not isinstance(inputs, Mapping):
            return self.call({"images": inputs}, training)["images"]
        half, kept = self._half, dict(inputs)
        if not training and not half.array.inference:
            return {**kept, "images": cast(kept["images"], self.compute_dtype)}
        form = form_of(half.array, kept, self.compute_dtype, bool(training))
        result = bridged(half.function(form), {k: kept[k] for k in form.names}, form, self._next)
        result["images"] = cast(result["images"], self.compute_dtype)
        return {**kept, **result}

    def _next(self) -> Any:
        """What JAX counts calls with while it traces: the state of a Keras generator."""
        return self.generator.next()

    def compute_output_spec(self, inputs: Any, training: Any = True) -> Any:
        """Shapes and dtypes, None where they depend on the images."""
        if not isinstance(inputs, Mapping):
            return self.compute_output_spec({"images": inputs}, training)["images"]
        form = form_of(self._half.array, dict(inputs), self.compute_dtype, bool(training))
        return {**inputs, **form.keras_tensors()}

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the images, or of each item of a dict."""
        nested = isinstance(input_shape, Mapping)
        shapes = input_shape if nested else {"images": input_shape}
        tensors = {
            key: keras.KerasTensor(shape, dtype=self.compute_dtype) for key, shape in shapes.items()
        }
        found = {key: tensor.shape for key, tensor in self.compute_output_spec(tensors).items()}
        return found if nested else found["images"]

    def get_config(self) -> dict[str, Any]:
        """Keras' part and the arguments."""
        config = {**super().get_config(), **written.encoded(self._half.given)}
        if self._half.precision is not None:
            config["precision"] = self._half.precision
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Layer:
        """The layer that gave this config."""
        return cls(**written.decoded(config))


class Half:
    """A layer's array half, what it was made from, and how often each sample came by."""

    def __init__(self, array: Any, given: dict[str, Any], precision: str | None) -> None:
        self.array, self.given, self.precision = array, given, precision
        self.visits = Visits()

    def function(self, form: Form) -> Function:
        """The array layer on arrays by key, and on JAX's count of calls."""

        def run(given: dict[str, Any], count: Any) -> Any:
            inputs, call = dict(given), {}
            index = inputs.pop(INDEX, None)
            if count is not None:
                ids = np.arange(len(inputs["images"])) if index is None else np.asarray(index)
                call = {"index": ids, "epoch": int(count[-1])}
            elif index is not None:
                call = {"index": self.visits.numbered(index)}
            return self.array(inputs, form.training, dtype=form.work, **call)

        return run


class _OfTheClass:
    """The signature of making a layer, which is not that of calling one."""

    def __init__(self, signature: inspect.Signature) -> None:
        self._signature = signature

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        return self._signature


def layer_class(make: Callable[..., Any], module: str, name: str = "") -> Any:
    """The class of Keras layers over the array layers that `make` gives, known to Keras by name."""
    members = {
        "_make": staticmethod(make),
        "__doc__": make.__doc__,
        "__module__": module,
        "__signature__": _OfTheClass(inspect.signature(make)),
    }
    made = type(name or make.__name__, (Layer,), members)
    return keras.saving.register_keras_serializable(package=PACKAGE)(made)
