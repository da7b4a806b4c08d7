"""One writer per store: a lock file that a killed process leaves open for the next."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from variegate.errors import StoreError

__all__ = ["locked"]

# POSIX record locks belong to a process, so a second use within this process is refused here.
_held: set[str] = set()
_guard = threading.Lock()


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold the store's lock file; raises StoreError at once when another holder is alive.

    The kernel drops the lock with its process, so kill -9 leaves nothing that blocks. A record
    lock is not inherited by forked children, so orphaned data-loading workers do not keep it.
    """
    key = os.path.realpath(store)
    with _guard:
        if key in _held:
            raise _busy(store, f"this process ({os.getpid()})")
        _held.add(key)
    try:
        path = Path(f"{key}.lock")
        try:
            handle = _take(path, store)
        except OSError as error:
            raise StoreError(
                f"{store}: cannot make the lock file {path.name} ({error.strerror or error}). "
                "Use a folder that can be written to"
            ) from error
        try:
            yield
        finally:
            # Removed while still locked; who opened it meanwhile sees that it is gone and retries.
            path.unlink(missing_ok=True)
            os.close(handle)
    finally:
        with _guard:
            _held.discard(key)


def _take(path: Path, store: Path) -> int:
    import fcntl

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            owner = os.read(handle, 32).decode(errors="replace").strip()
            os.close(handle)
            raise _busy(store, f"process {owner}" if owner else "another process") from None
        except BaseException:
            os.close(handle)
            raise
        if _same_file(handle, path):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
            return handle
        os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _busy(store: Path, owner: str) -> StoreError:
    return StoreError(
        f"{store}: in use by {owner}, and only one search may write a store. "
        "Wait for it, stop it, or use another store"
    )
