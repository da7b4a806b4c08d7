"""The file that keeps a study: opened, checked and written in one place.

The file is an Optuna database (SQLite with a write-ahead log). A commit is on disk before the call
that made it returns; a killed process loses what was not yet committed and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from variegate.errors import StoreError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study import Study

__all__ = [
    "checked",
    "connect",
    "identity_of",
    "open_storage",
    "open_study",
    "read_study",
    "store_errors",
]

MARK = "variegate"
FORMAT = 2  # 2: evaluations with their budgets
BUSY_SECONDS = 60.0
TABLES = {"version_info", "studies", "trials", "trial_params", "trial_values"}


@contextmanager
def store_errors(store: Path, doing: str) -> Iterator[None]:
    """Turn every failure of the database inside the block into a StoreError with a next step."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError, sqlite3.Error, OSError, KeyError) as error:
        cause = error.__cause__ or error
        reason = str(getattr(cause, "orig", None) or cause).strip().rstrip(".")
        raise StoreError(f"{store}: {doing} failed: {reason}. {_advice(reason)}") from error


def _advice(reason: str) -> str:
    text = reason.lower()
    if "readonly" in text or "read-only" in text or "permission" in text:
        return "Make the file and its folder writable, or use another store"
    if "full" in text or "no space" in text:
        return "Free space on the disk and run the same command again; finished trials are kept"
    if "locked" in text:
        return "Close other programs that have the file open and run the same command again"
    if "malformed" in text or "not a database" in text or "disk i/o" in text:
        return "The file is damaged: restore a copy, or move it away to start anew"
    return "Run the same command again; if it fails again, use another store"


def connect(store: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that durability needs; it never creates the file."""
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"file:{quote(str(store.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
    )
    if not read_only:
        # A commit waits for the disk; some builds of SQLite do not by default under a log.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    return connection


def checked(store: Path) -> None:
    """Raise StoreError unless the file is a whole, undamaged study store."""
    if not store.is_file():
        what = "is not a file" if store.exists() else "does not exist"
        raise StoreError(f"{store}: {what}. Give the path of a study store")
    with store_errors(store, "reading the store"):
        head = _head(store, 16)
        if head != b"SQLite format 3\0":
            what = "is empty" if not head else "is not a study store (no SQLite header)"
            raise StoreError(
                f"{store}: {what}. Move the file away to start anew, or name another store"
            )
        _whole_pages(store)
        with contextlib.closing(connect(store, read_only=True)) as connection:
            rows = connection.execute("PRAGMA quick_check(1)").fetchall()
            if rows != [("ok",)]:
                raise StoreError(
                    f"{store}: the file is damaged ({str(rows[0][0]).splitlines()[-1]}). "
                    "Restore a copy, or move it away to start anew"
                )
            found = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            missing = TABLES - {str(row[0]) for row in found}
    if missing:
        raise StoreError(
            f"{store}: is a database of another program (no tables {sorted(missing)}). "
            "Name another store"
        )


def _head(store: Path, count: int) -> bytes:
    with store.open("rb") as file:
        return file.read(count)


def _whole_pages(store: Path) -> None:
    """Refuse a file cut short inside its last page, which SQLite itself takes for zeros."""
    if store.with_name(f"{store.name}-wal").exists():
        return  # a killed process left its log; the file may lag behind it
    head = _head(store, 32)
    page = int.from_bytes(head[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    size = store.stat().st_size
    if size < max(expected, 1):
        raise StoreError(
            f"{store}: the file is damaged (cut short: {size} of {expected} bytes). "
            "Restore a copy, or move it away to start anew"
        )


@contextmanager
def open_storage(store: Path, *, read_only: bool = False) -> Iterator[RDBStorage]:
    """Optuna's storage over a checked file, closed again with its log folded in."""
    from optuna.storages import RDBStorage

    checked(store)
    if not read_only and not os.access(store, os.W_OK):
        raise StoreError(f"{store}: is read-only. {_advice('read-only')}")
    with store_errors(store, "opening the store"):
        try:
            storage = RDBStorage(
                "sqlite:///variegate",
                engine_kwargs={"creator": lambda: connect(store, read_only=read_only)},
                skip_table_creation=True,
            )
        except RuntimeError as error:  # Optuna's answer to another schema
            raise StoreError(
                f"{store}: written with another layout. {error} Or name another store"
            ) from error
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()
        if not read_only:
            _fold(store)


def _fold(store: Path) -> None:
    """Fold the log into the file, so that a store at rest is one file that can be copied.

    Left for the next time when a reader has the file open.
    """
    with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(store)) as connection:
        connection.execute("PRAGMA busy_timeout=100")
        connection.execute("PRAGMA journal_mode=DELETE")


def create(store: Path, name: str, identity: dict[str, Any]) -> None:
    """Make a store with one empty study: under another name first, then renamed, so never half.

    Called under the store's lock. A file left by a process killed while making one is removed.
    """
    from optuna.storages import RDBStorage

    with store_errors(store, "making the store"):
        store.parent.mkdir(parents=True, exist_ok=True)
        draft = store.with_name(f".{store.name}.new")
        draft.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")

        def unsynced() -> sqlite3.Connection:
            # Nothing counts before the rename, so the draft is synced once, at the end.
            connection = sqlite3.connect(draft, check_same_thread=False)
            connection.execute("PRAGMA synchronous=OFF")
            return connection

        storage = RDBStorage("sqlite:///variegate", engine_kwargs={"creator": unsynced})
        _add_study(storage, name, identity)
        storage.remove_session()
        storage.engine.dispose()
        sync(draft)
        draft.replace(store)
        sync(store.parent)


def sync(path: Path) -> None:
    """Have the disk hold a file's bytes, or a folder's entries."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _add_study(storage: RDBStorage, name: str, identity: dict[str, Any]) -> Study:
    from optuna.study import create_study

    study = create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True
    )
    study.set_user_attr(MARK, {"format": FORMAT, "identity": identity})
    return study


@contextmanager
def open_study(store: Path, name: str, identity: dict[str, Any]) -> Iterator[Study]:
    """The study of that name, made when it is missing; refused when it is another search's.

    Called under the store's lock. A store that is refused is only read, so its bytes stay.
    """
    if not store.exists():
        create(store, name, identity)
    with open_storage(store, read_only=True) as storage:
        is_new = _is_new(store, storage, name, identity)
    with open_storage(store) as storage:
        with store_errors(store, "opening the study"):
            study = _add_study(storage, name, identity) if is_new else _load(storage, name)
        yield study


def _is_new(store: Path, storage: RDBStorage, name: str, identity: dict[str, Any]) -> bool:
    """Whether the study is still to be made; raises StoreError when it is another search's."""
    with store_errors(store, "opening the study"):
        if name not in {study.study_name for study in storage.get_all_studies()}:
            return True
        study = _load(storage, name)
        if MARK not in study.user_attrs and not study.get_trials(deepcopy=False):
            return True  # killed between the study's row and its identity: nothing was drawn
    changes = list(_differences(stored_identity(store, study), identity))
    if changes:
        raise StoreError(
            f"{store}: study {name!r} is of another search: {'; '.join(changes[:4])}"
            f"{' ...' if len(changes) > 4 else ''}. "
            "Run it with the same data and settings, or under another name or store"
        )
    return False


@contextmanager
def read_study(store: Path, name: str) -> Iterator[Study]:
    """The stored study for reading only; it may be running in another process."""
    with open_storage(store, read_only=True) as storage:
        with store_errors(store, "reading the study"):
            known = sorted(study.study_name for study in storage.get_all_studies())
            if name not in known:
                raise StoreError(
                    f"{store}: has no study {name!r}. Name one of: {', '.join(known) or 'none'}"
                )
            study = _load(storage, name)
        stored_identity(store, study)
        with store_errors(store, "reading the study"):
            yield study


def identity_of(store: Path, name: str) -> dict[str, Any] | None:
    """What a stored study was started with; None where it is still to be made."""
    if not store.exists():
        return None
    with open_storage(store, read_only=True) as storage, store_errors(store, "reading the study"):
        if name not in {study.study_name for study in storage.get_all_studies()}:
            return None
        study = _load(storage, name)
        return stored_identity(store, study) if MARK in study.user_attrs else None


def _load(storage: RDBStorage, name: str) -> Study:
    from optuna.study import load_study

    return load_study(study_name=name, storage=storage)


def stored_identity(store: Path, study: Study) -> dict[str, Any]:
    """What the study was started with. Raises StoreError for a study that is not ours."""
    mark = study.user_attrs.get(MARK)
    if not isinstance(mark, dict) or not isinstance(mark.get("identity"), dict):
        raise StoreError(
            f"{store}: study {study.study_name!r} was made by another program. "
            "Use another name or store"
        )
    if mark.get("format") != FORMAT:
        raise StoreError(
            f"{store}: study {study.study_name!r} has format {mark.get('format')!r}, "
            f"this release reads {FORMAT}. Use the release that wrote it, or another name"
        )
    return dict(mark["identity"])


def _differences(stored: Any, asked: Any, place: str = "") -> Iterator[str]:
    """Each value that differs, by its place, as 'place: stored a, now b'."""
    if isinstance(stored, dict) and isinstance(asked, dict):
        for key in [*stored, *(key for key in asked if key not in stored)]:
            where = f"{place}.{key}" if place else str(key)
            yield from _differences(stored.get(key), asked.get(key), where)
    elif isinstance(stored, list) and isinstance(asked, list) and len(stored) == len(asked):
        for index, (a, b) in enumerate(zip(stored, asked, strict=True)):
            yield from _differences(a, b, f"{place}[{index}]")
    elif stored != asked:
        yield f"{place}: stored {_short(stored)}, now {_short(asked)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
