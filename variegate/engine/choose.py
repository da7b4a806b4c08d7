"""Which engine runs a pipeline."""

from __future__ import annotations

from typing import Any

from variegate.engine import reference
from variegate.errors import EngineError


def choose(name: str | None) -> Any:
    """The engine of this name; None takes the fastest there is."""
    if name in (None, "reference"):
        return reference
    raise EngineError(f"engine: expected 'native' or 'reference', got {name!r}")
