"""KerasCV's samplers of factors, where KerasCV has them."""

from __future__ import annotations

from variegate.adapters.keras_cv.factors import (
    ConstantFactorSampler,
    NormalFactorSampler,
    UniformFactorSampler,
)

__all__ = ["ConstantFactorSampler", "NormalFactorSampler", "UniformFactorSampler"]
