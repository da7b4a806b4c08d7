"""The last step of a pipeline: what a model is fed with."""

from __future__ import annotations

from typing import Any

from variegate.errors import PolicyError
from variegate.ops.entries import Output
from variegate.ops.op import Kind, Setting, declare
from variegate.ops.settings import choice, number


def _channels(low: float) -> Any:
    def check(value: object) -> tuple[float, ...]:
        if not isinstance(value, (tuple, list)) or not 1 <= len(value) <= 16:
            raise ValueError
        return tuple(number(v, low, 1e6) for v in value)

    return check


MEAN = Setting(
    "mean", _channels(-1e6), "one number per channel (a tuple), for values on 0..1", required=True
)
STD = Setting(
    "std",
    _channels(1e-12),
    "one number above 0 per channel (a tuple), for values on 0..1",
    required=True,
)


def _register_bfloat16() -> None:
    """Makes the dtype known to NumPy."""
    try:
        import ml_dtypes  # noqa: F401
    except ImportError:
        raise PolicyError("Normalize.dtype: bfloat16 needs the package ml_dtypes") from None


@declare(
    Kind.OUTPUT,
    source="common to every training recipe",
    settings=(
        MEAN,
        STD,
        choice("layout", ("NHWC", "NCHW"), "NHWC"),
        choice("dtype", ("float32", "float16", "bfloat16"), "float32"),
    ),
    example={"mean": (0.5,), "std": (0.25,)},
)
def normalize(mean: tuple[float, ...], std: tuple[float, ...], layout: str, dtype: str) -> Output:
    """(value on 0..1 - mean) / std for each channel, laid out for the model; must be the last
    step. bfloat16 needs the package ml_dtypes.
    """
    if dtype == "bfloat16":
        _register_bfloat16()
    return Output(mean, std, layout, dtype)
