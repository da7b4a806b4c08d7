"""A search killed at any moment loses nothing and ends as if it had not been."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.search.toy import REPEATS, SPACE, Score, search, summary, text_of, toy_score
from variegate.errors import StoreError
from variegate.search import history, methods, store, study

ROOT = Path(__file__).parents[2]
KILLS = 20


@dataclass(frozen=True)
class Campaign:
    """How a search is killed, and with how many calls under way."""

    kills: int
    executor: str = "local"
    workers: int = 1


# The longer ones: benchmarks/kill_campaign.py.
CAMPAIGNS = (Campaign(KILLS), Campaign(4, "processes", 2))


@pytest.fixture(scope="module", params=CAMPAIGNS, ids=lambda c: f"{c.executor}-{c.kills}")
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Campaign, dict[str, Any]]:
    campaign: Campaign = request.param
    folder = tmp_path_factory.mktemp("kills")
    command = [sys.executable, "-m", "tests.search.toy", str(folder), str(campaign.kills)]
    if campaign.executor != "local":
        command += [campaign.executor, str(campaign.workers)]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return campaign, data


def test_every_kill_came_before_the_end(killed: tuple[Campaign, dict[str, Any]]) -> None:
    campaign, report = killed
    assert [moment["killed"] for moment in report["moments"]] == [True] * campaign.kills
    counts = [len(moment["done"]) for moment in report["moments"]]
    assert len(set(counts)) > campaign.kills // 4, f"all at the same few places: {counts}"


def test_resumed_search_ends_like_the_uninterrupted_one(
    killed: tuple[Campaign, dict[str, Any]],
) -> None:
    _, report = killed
    assert report["actual"]["trials"] == report["expected"]["trials"]
    assert report["actual"]["best"] == report["expected"]["best"]


def test_no_finished_trial_is_lost_or_changed(killed: tuple[Campaign, dict[str, Any]]) -> None:
    _, report = killed
    end = {str(t[0]): t for t in report["actual"]["trials"]}
    before: dict[str, Any] = {}
    for moment in report["moments"]:
        assert before.items() <= moment["done"].items()
        before = moment["done"]
    for number, (params, value, _) in before.items():
        assert end[number][2:] == [params, value]


def test_no_finished_trial_is_run_again_and_one_repeat_a_kill_and_worker(
    killed: tuple[Campaign, dict[str, Any]],
) -> None:
    campaign, report = killed
    for moment in report["moments"]:
        old = {policy for _, _, policy in moment["done"].values()}
        later = {policy for policy, _ in report["log"][moment["log"] :]}
        assert not old & later
    times = Counter((policy, seed) for policy, seed in report["log"])
    assert len(times) == len(report["expected"]["trials"]) * REPEATS
    assert max(times.values()) <= 1 + campaign.kills
    assert sum(times.values()) - len(times) <= campaign.kills * campaign.workers


class Crash(BaseException):
    """Stands for the end of the process at one exact place."""


def crash_at(patch: pytest.MonkeyPatch, place: int, *, after: bool) -> list[int]:
    """Make the store's commit number `place` the last; the list returned grows with each commit."""
    seen: list[int] = []

    class Connection(sqlite3.Connection):
        def commit(self) -> None:
            if self.in_transaction:
                seen.append(len(seen))
            crash = self.in_transaction and len(seen) == place
            if crash and not after:
                raise Crash
            super().commit()
            if crash:
                raise Crash

    patch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Connection))
    return seen


def test_crash_before_and_after_every_write_of_a_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "TPE_STARTUP", 2)
    whole, start = tmp_path / "whole", tmp_path / "start"
    whole.mkdir()
    start.mkdir()
    search(start, trials=3)
    shutil.copytree(start, whole, dirs_exist_ok=True)
    with monkeypatch.context() as patch:
        writes = crash_at(patch, 0, after=False)
        expected = summary(search(whole, trials=4))
    draws = len(expected["trials"][0][2])
    assert len(writes) >= draws + REPEATS + 3, "a trial, its draws, policy, repeats and end"
    for place in range(1, len(writes) + 1):
        # After write k is before write k + 1, so one side of each suffices, and the last end.
        folder = tmp_path / f"at{place}"
        shutil.copytree(start, folder)
        with monkeypatch.context() as patch:
            crash_at(patch, place, after=place == len(writes))
            with pytest.raises(Crash):
                search(folder, trials=4)
        assert summary(search(folder, trials=4)) == expected, place


def test_crash_while_the_store_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(store, "sync", crash)
        with pytest.raises(Crash):
            search(tmp_path, trials=1)
    assert not (tmp_path / "study.db").exists()
    assert len(search(tmp_path, trials=1).trials) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.jsonl", "study.db"]


def test_ctrl_c_in_a_trial_keeps_everything(tmp_path: Path) -> None:
    calls: list[str] = []

    def stopping(policy: Any, budget: int, seed: int) -> Score:
        calls.append(text_of(policy))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return toy_score(policy, seed)

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    arguments: dict[str, Any] = {
        "method": "random",
        "space": SPACE,
        "trials": 5,
        "epochs": 1,
        "seed": 3,
        "name": "toy",
    }
    expected = summary(study.run_study(stopping_free, store=whole / "a.db", **arguments))
    with pytest.raises(KeyboardInterrupt):
        study.run_study(stopping, store=broken / "a.db", repeats=2, **arguments)
    states = [t.state for t in history(broken / "a.db", "toy")]
    assert states == ["done", "done", "running"]
    resumed = study.run_study(stopping, store=broken / "a.db", repeats=2, **arguments)
    assert [t.params for t in resumed.trials] == [t[2] for t in expected["trials"]]
    assert len(calls) == 5 * 2 + 1, "the finished repeat of the interrupted trial is kept"


def stopping_free(policy: Any, budget: int, seed: int) -> Score:
    """The toy objective without a log or a delay."""
    return toy_score(policy, seed)


def test_ctrl_c_while_writing_comes_after_the_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = study._finish

    def interrupted(*args: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(study, "_finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path, trials=3)
    assert [t.state for t in history(tmp_path / "study.db", "toy")] == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


HOLD = """
import sys, time
from pathlib import Path
from variegate.search.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    store = tmp_path / "study.db"
    command = [sys.executable, "-c", HOLD, str(store)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"in use by process {holder.pid}"):
            search(tmp_path, trials=1)
        assert not store.exists(), "nothing is written by the process that is refused"
        holder.kill()
        holder.wait()
    assert (tmp_path / "study.db.lock").exists(), "kill -9 leaves the lock file"
    started = time.perf_counter()
    assert len(search(tmp_path, trials=1).trials) == 1
    assert time.perf_counter() - started < 20
    assert not (tmp_path / "study.db.lock").exists()


def test_a_second_search_of_this_process_is_refused(tmp_path: Path) -> None:
    def nested(policy: Any, budget: int, seed: int) -> Score:
        with pytest.raises(StoreError, match="in use by this process"):
            search(tmp_path, trials=1)
        return toy_score(policy, seed)

    result = study.run_study(
        nested,
        method="random",
        space=SPACE,
        trials=1,
        epochs=1,
        seed=0,
        store=tmp_path / "study.db",
        name="toy",
    )
    assert [t.state for t in result.trials] == ["done"]
