"""Calling an op's lowering function with what its signature names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from variegate.ops.op import Op
from variegate.ops.registry import get


@lru_cache(maxsize=256)
def _accepted(op_name: str) -> frozenset[str]:
    return frozenset(inspect.signature(get(op_name).lower).parameters)


def call(
    op: Op, record_settings: Mapping[str, Any], values: Mapping[str, Any], **given: Any
) -> Any:
    """Calls the lowering function with the values, settings and `given` that its signature
    names.
    """
    everything = {**given, **record_settings, **values}
    return op.lower(**{name: everything[name] for name in _accepted(op.name)})
