"""Which engine runs a pipeline."""

from __future__ import annotations

from importlib import import_module

from variegate.engine.engine import Engine
from variegate.errors import EngineError

NAMES = ("native", "reference", "torch")
COMPILED = "variegate.engine._native"


def choose(name: str | None) -> Engine:
    """The engine of this name; None takes native where it was built, else reference.

    Raises EngineError for a name that no engine has, and where native is missing or does not load.
    """
    if name is None:
        return _native() or _load("reference")
    if name not in NAMES:
        known = " or ".join(repr(n) for n in NAMES)
        raise EngineError(
            f"engine: expected {known}, got {name!r}; None takes the fastest there is"
        )
    if name == "reference":
        return _load(name)
    if name == "torch":
        return _torch()
    found = _native()
    if found is None:
        raise EngineError(
            "engine: 'native' was not built; install a C++20 compiler and reinstall variegate, "
            "or take engine='reference'"
        )
    return found


def _native() -> Engine | None:
    """The native engine, or None where it was not built."""
    try:
        return _load("native")
    except ModuleNotFoundError as error:
        if error.name == COMPILED:
            return None
        raise
    except ImportError as error:
        raise EngineError(
            f"engine: the native engine was built but does not load ({error}); reinstall "
            "variegate, or take engine='reference'"
        ) from error


def _torch() -> Engine:
    """The torch engine; raises EngineError where PyTorch is not installed."""
    try:
        return _load("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise EngineError(
            "engine: 'torch' needs PyTorch, which is not installed: pip install 'variegate[train]'"
        ) from error


def _load(name: str) -> Engine:
    engine: Engine = import_module(f"variegate.engine.{name}")
    return engine
