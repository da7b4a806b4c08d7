"""What an engine is."""

from typing import Any

Engine = Any
