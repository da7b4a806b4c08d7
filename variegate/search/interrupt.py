"""Writes that Ctrl-C does not cut short."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from variegate.search.store import store_errors

__all__ = ["whole_write"]


@contextmanager
def whole_write(store: Path, doing: str) -> Iterator[None]:
    """A write that Ctrl-C does not cut short: the interrupt comes when the write is done."""
    came: list[tuple[int, FrameType | None]] = []
    handler = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread() and callable(handler)
    if main:
        signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        with store_errors(store, doing):
            yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
    if came and callable(handler):
        handler(*came[-1])
