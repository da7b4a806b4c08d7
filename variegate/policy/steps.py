"""What users write: `vg.Rotate(angle=(-30, 30), p=0.5)`. One constructor per op, made when it is
first asked for.

The type stub beside this file is written by `python -m variegate.policy.stubs`; a test compares it.
"""

from __future__ import annotations

from collections.abc import Callable

from variegate.ops.registry import get, names
from variegate.policy.constructors import constructor
from variegate.policy.nodes import Step


def __getattr__(name: str) -> Callable[..., Step]:
    if name.startswith("_") or name not in names():
        raise AttributeError(f"module 'variegate' has no attribute {name!r}")
    function = constructor(get(name))
    globals()[name] = function
    return function


def __dir__() -> list[str]:
    return sorted([*globals(), *names()])
