"""Arguments of layers as JSON data and back: layers inside, samplers and policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras

from variegate.adapters import keras_cv as arrays
from variegate.errors import InputError, PolicyError
from variegate.policy.policy import Policy

SAMPLERS = {
    maker.__name__: maker
    for maker in (
        arrays.ConstantFactorSampler,
        arrays.NormalFactorSampler,
        arrays.UniformFactorSampler,
    )
}
SAMPLER, POLICY, CLASS = "factor_sampler", "policy_steps", "class_name"


def array_half(value: Any) -> Any:
    """An argument as the array layer takes it: layers of this package become theirs."""
    if isinstance(value, keras.layers.Layer):
        own = getattr(value, "array", None)
        if own is None:
            raise InputError(f"expected layers of this module, got {type(value).__name__}")
        return own
    if isinstance(value, (list, tuple)):
        return type(value)(array_half(item) for item in value)
    return value


def encoded(value: Any) -> Any:
    """An argument as JSON data."""
    if isinstance(value, keras.layers.Layer):
        return keras.saving.serialize_keras_object(value)
    if isinstance(value, Policy):
        return {POLICY: value.to_dict()}
    name = type(value).__name__
    if name in SAMPLERS:
        return {SAMPLER: name, **asdict(value)}
    if isinstance(value, Mapping):
        return {key: encoded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(item) for item in value]
    return value.item() if hasattr(value, "item") else value


def decoded(value: Any) -> Any:
    """The argument that was encoded. Raises PolicyError for a sampler that is not known."""
    if isinstance(value, (list, tuple)):
        return [decoded(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if POLICY in value:
        return Policy.from_dict(value[POLICY])
    if SAMPLER in value:
        rest = dict(value)
        name = rest.pop(SAMPLER)
        if name not in SAMPLERS:
            raise PolicyError(f"{SAMPLER}: expected one of {', '.join(SAMPLERS)}, got {name!r}")
        return SAMPLERS[name](**rest)
    if CLASS in value:
        return keras.saving.deserialize_keras_object(dict(value))
    return {key: decoded(item) for key, item in value.items()}
