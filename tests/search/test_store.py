"""A store that is damaged, foreign, newer or read-only is refused, with a reason."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.search.toy import SPACE, Score, search, toy_score
from variegate.errors import StoreError, VariegateError
from variegate.policy import Policy
from variegate.search import RandAugmentSpace, history, save_best, studies

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    search(folder, trials=3)
    return folder / "study.db"


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "study.db"))


def assert_refused(store: Path, reason: str, **changes: Any) -> None:
    """The search refuses the store, says why and what to do, and leaves its bytes alone."""
    before = store.read_bytes() if store.is_file() else b""
    with pytest.raises(StoreError, match=reason) as caught:
        search(store.parent, store=store, **{"trials": 4, **changes})
    message = str(caught.value)
    assert str(store) in message
    assert re.search(r"\. (Move|Restore|Name|Run|Use|Give|Please) ", message)
    assert (store.read_bytes() if store.is_file() else b"") == before
    assert not store.with_name("study.db.lock").exists()


@pytest.mark.parametrize("share", [0.0, 1e-9, 1e-4, 0.001, 0.05, 0.3, 0.5, 0.8, 0.99, 1.0])
def test_a_store_cut_short_is_refused(store: Path, share: float) -> None:
    data = store.read_bytes()
    store.write_bytes(data[: min(int(len(data) * share + (share == 1e-9)), len(data) - 1)])
    assert_refused(store, "is empty|no SQLite header|damaged|malformed|not a database")
    with pytest.raises(StoreError):
        history(store, "toy")


def test_a_store_with_overwritten_pages_is_refused(store: Path) -> None:
    data = bytearray(store.read_bytes())
    data[4096 : 4096 * 6] = b"\xa5" * (4096 * 5)
    store.write_bytes(bytes(data))
    assert_refused(store, "damaged|malformed")


def test_a_store_that_is_text_or_a_folder_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "study.db"
    text.write_text("accuracy,0.9\n" * 100)
    assert_refused(text, "no SQLite header")
    folder = tmp_path / "folder"
    folder.mkdir()
    assert_refused(folder, "is not a file")
    inside = text / "study.db"
    assert_refused(inside, "cannot make the lock file")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "study.db"
    change(store, "CREATE TABLE songs (title TEXT)")
    assert_refused(store, "of another program")


def change(store: Path, statement: str) -> None:
    """Run one statement on the database file."""
    connection = sqlite3.connect(store)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_study_of_another_program_is_refused(store: Path) -> None:
    change(store, "DELETE FROM study_user_attributes")
    assert_refused(store, "made by another program")


def test_a_newer_format_is_refused(store: Path) -> None:
    change(
        store,
        """UPDATE study_user_attributes
           SET value_json = replace(value_json, '"format": 2', '"format": 3')
           WHERE value_json LIKE '{"format"%'""",
    )
    assert_refused(store, "has format 3, this release reads 2")
    with pytest.raises(StoreError, match="has format 3"):
        history(store, "toy")


def test_a_newer_table_layout_is_refused(store: Path) -> None:
    change(store, "UPDATE alembic_version SET version_num = 'v99.0.0'")
    assert_refused(store, "another layout")


def test_a_read_only_store_is_refused(made: Path) -> None:
    # The superuser may write anything, so a child gives its rights up once all is imported.
    code = """
import os, sys
from pathlib import Path
from tests.search.toy import search
from variegate.errors import StoreError
search(Path(sys.argv[1]), trials=1)
os.getuid() or os.setuid(65534)
try:
    search(Path(sys.argv[2]), trials=4)
except StoreError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as warm, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Path(shutil.copy(made, folder / "study.db"))
        store.chmod(0o444)
        folder.chmod(0o777)
        command = [sys.executable, "-c", code, warm, name]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == (
        f"{store}: is read-only. Make the file and its folder writable, or use another store\n"
    ), done.stderr


def test_a_full_disk_stops_the_search_and_keeps_what_is_finished(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sqlite3.connect

    def small(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = real(*args, **kwargs)
        connection.execute("PRAGMA max_page_count=1")  # the present size, and no page more
        return connection

    # Long trials' records fill the present pages soon.
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", small)
        with pytest.raises(StoreError, match=r"full.*Free space on the disk"):
            search(store.parent, trials=200, epochs=3)
    kept = [t for t in history(store, "toy") if t.state == "done"]
    assert len(kept) >= 3
    assert len(search(store.parent, trials=len(kept) + 1).trials) == len(kept) + 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": "other"}, "data: stored 'toy-1', now 'other'"),
        ({"method": "random"}, "method: stored 'tpe', now 'random'"),
        ({"seed": 12}, "seed: stored 11, now 12"),
        ({"epochs": 4}, "epochs: stored 3, now 4"),
        ({"repeats": 1}, "repeats: stored 2, now 1"),
        ({"space": RandAugmentSpace()}, r"space\.kind: stored 'families', now 'randaugment'"),
    ],
)
def test_another_search_under_the_same_name_is_refused(
    store: Path, changes: dict[str, Any], reason: str
) -> None:
    assert_refused(store, reason, **changes)


def test_another_name_in_the_same_store_is_another_study(store: Path) -> None:
    search(store.parent, name="second", seed=99, trials=1)
    assert studies(store) == ["second", "toy"]
    assert len(history(store, "toy")) == 3
    with pytest.raises(StoreError, match=r"no study 'third'. Name one of: second, toy"):
        history(store, "third")


def test_a_missing_store_has_no_history(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        history(tmp_path / "none.db", "toy")
    assert not list(tmp_path.iterdir())


def test_a_store_removed_while_the_search_runs_is_noticed(tmp_path: Path) -> None:
    from variegate.search import run_study

    store = tmp_path / "study.db"

    def removing(policy: Policy, budget: int, seed: int) -> Score:
        store.unlink()
        return toy_score(policy, seed)

    with pytest.raises(StoreError, match="moved or removed"):
        run_study(
            removing,
            method="random",
            space=SPACE,
            trials=3,
            epochs=1,
            seed=0,
            store=store,
            name="a",
        )


def test_a_store_at_rest_is_one_file(store: Path) -> None:
    history(store, "toy")
    assert [p.name for p in store.parent.iterdir()] == ["study.db"]


def test_save_best_writes_a_policy_file_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = search(tmp_path, trials=2)
    target = save_best(result, tmp_path / "out" / "best.json")
    assert Policy.load(target) == result.best
    old, old_policy = target.read_bytes(), result.best.to_dict()
    assert old_policy["steps"]

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    other = dataclasses.replace(result, best=Policy.from_dict({**old_policy, "steps": []}))
    with pytest.raises(VariegateError, match=r"best.json: cannot write .*No space left"):
        save_best(other, target)
    assert target.read_bytes() == old
    assert [p.name for p in target.parent.iterdir()] == ["best.json"]
