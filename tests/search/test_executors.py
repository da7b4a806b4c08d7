"""Executors: what they run, what they do about lost workers, and that order changes no search."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.search.toy import log_of, search, summary
from variegate.errors import InputError, StoreError, VariegateError
from variegate.search import Rung, Schedule, methods, study
from variegate.search.executors import Done, called, open_executor, split_executor

ROOT = Path(__file__).parents[2]


def work(folder: Path, number: int) -> tuple[int, int]:
    """Half a number and the process that halved it; 13 fails, 7 loses its worker once."""
    if number == 13:
        raise ArithmeticError("thirteen\nsecond line")
    mark = folder / "lost"
    if number == 7 and not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return number // 2, os.getpid()


def die(number: int) -> int:
    """Always lose the worker."""
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def nap(seconds: float) -> int:
    """Sleep; give the process."""
    time.sleep(seconds)
    return os.getpid()


@pytest.mark.parametrize("kind", ["local", "processes"])
def test_every_task_ends_once_with_its_value_or_its_error(kind: str, tmp_path: Path) -> None:
    numbers = [4, 13, 6, 8] + ([7] if kind == "processes" else [])
    with open_executor(kind, partial(work, tmp_path)) as executor:
        for number in numbers:
            executor.submit(number, number)
        done = {d.key: d for d in (executor.wait() for _ in numbers)}
    assert set(done) == set(numbers)
    assert {k: d.value[0] for k, d in done.items() if not d.error} == {
        n: n // 2 for n in numbers if n != 13
    }
    assert done[13] == Done(13, None, "ArithmeticError: thirteen")
    assert {k: d.lost for k, d in done.items() if d.lost} == ({7: 1} if 7 in numbers else {})
    own = {d.value[1] == os.getpid() for d in done.values() if not d.error}
    assert own == {kind == "local"}


def test_two_processes_work_at_the_same_time_and_a_waiting_task_can_be_withdrawn() -> None:
    with open_executor("processes", nap, workers=2) as executor:
        for key, seconds in (("a", 0.0), ("b", 0.4), ("c", 0.4), ("d", 9.0)):
            executor.submit(key, seconds)
        assert executor.cancel("d")
        assert not executor.cancel("d")
        assert not executor.cancel("a"), "it runs already"
        done = [executor.wait() for _ in range(3)]
    assert {d.key for d in done} == {"a", "b", "c"}
    assert len({d.value for d in done}) == 2


def test_a_task_that_always_loses_its_worker_is_given_up() -> None:
    with open_executor("processes", die, workers=1) as executor:
        executor.submit(0, 0)
        with pytest.raises(VariegateError, match="lost its worker 3 times"):
            executor.wait()


def test_closing_ends_what_runs() -> None:
    started = time.perf_counter()
    with open_executor("processes", nap, workers=1) as executor:
        executor.submit(0, 0.0)
        process = executor.wait().value
        executor.submit(1, 60.0)
    assert time.perf_counter() - started < 50
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


DRIVER = """
import sys, time
from tests.search.test_executors import nap
from variegate.search.executors import open_executor
if __name__ == "__main__":
    with open_executor("processes", nap, workers=1) as executor:
        executor.submit(0, 0.0)
        print(executor.wait().value, flush=True)
        executor.submit(1, 300.0)
        executor.wait()
"""


def test_workers_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    command = [sys.executable, str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as driver:
        assert driver.stdout is not None
        worker = int(driver.stdout.readline())
        driver.kill()
        driver.wait()
    end = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.parametrize("text", ["", "threads", "local:2", "processes:x", None])
def test_an_unknown_executor_is_refused(text: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="executor: expected local, processes, ray or ray:ADDRESS"):
        search(tmp_path, executor=text)
    assert not list(tmp_path.iterdir())


def test_addresses_are_read_and_bad_numbers_of_workers_refused(tmp_path: Path) -> None:
    assert split_executor("ray:ray://10.0.0.1:10001") == ("ray", "ray://10.0.0.1:10001")
    assert split_executor("ray") == ("ray", "")
    with pytest.raises(InputError, match="the executor local has one, got 2"):
        search(tmp_path, workers=2)
    with pytest.raises(InputError, match="workers: expected a whole number >= 1, got 0"):
        search(tmp_path, executor="processes", workers=0)
    assert not list(tmp_path.iterdir())


def test_an_objective_that_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be sent to another process"):
        study.run_study(
            lambda policy, budget, seed: 0.5,
            method="random",
            space=search.__globals__["SPACE"],
            trials=1,
            seed=0,
            store=tmp_path / "study.db",
            name="a",
            executor="processes",
        )
    assert not (tmp_path / "study.db").exists()


class Shuffled:
    """Runs submitted tasks one by one in a random order, as workers of different speeds would."""

    def __init__(self, call: Callable[..., Any], workers: int, seed: int) -> None:
        self.workers = workers
        self._call, self._order = call, random.Random(seed)
        self._open: list[tuple[Hashable, tuple[Any, ...]]] = []
        self.most = 0

    def submit(self, key: Hashable, *args: Any) -> None:
        self._open.append((key, args))
        self.most = max(self.most, len(self._open))

    def wait(self) -> Done:
        key, args = self._open.pop(self._order.randrange(len(self._open)))
        return Done(key, *called(self._call, args))

    def cancel(self, key: Hashable) -> bool:
        return False

    def close(self) -> None:
        self._open = []


def shuffled(patch: pytest.MonkeyPatch, workers: int, seed: int) -> list[Shuffled]:
    """Make the next searches run on a shuffled executor."""
    made: list[Shuffled] = []

    @contextmanager
    def opened(text: str, call: Callable[..., Any], **_: Any) -> Iterator[Shuffled]:
        made.append(Shuffled(call, workers, seed))
        yield made[-1]

    patch.setattr(study, "open_executor", opened)
    return made


HALVING = Schedule(3, (Rung(4, 1), Rung(2, 3, 2)))


@pytest.mark.parametrize("schedule", [None, HALVING], ids=["plain", "halving"])
def test_the_end_does_not_depend_on_the_order_in_which_workers_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: Schedule | None
) -> None:
    monkeypatch.setattr(methods, "TPE_STARTUP", 4)
    ends = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        made = shuffled(monkeypatch, 6, seed)
        ends.append(summary(search(folder, schedule=schedule, trials=None if schedule else 10)))
        assert made[0].most == 6
    assert ends[1:] == ends[:1] * 2


def test_a_resume_with_other_workers_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "TPE_STARTUP", 4)
    ends = {}
    for stop_at in (0, 5, 11):
        folder = tmp_path / str(stop_at)
        folder.mkdir()
        calls = iter(range(2 * stop_at)) if stop_at else iter(range(1000))

        def stop(left: Iterator[int] = calls) -> bool:
            return next(left, None) is None

        with monkeypatch.context() as patch:
            shuffled(patch, 6, stop_at)
            first = search(folder, trials=14, stop=stop)
        assert first.stopped == bool(stop_at)
        ends[stop_at] = summary(search(folder, trials=14))  # one worker, the stored window
    assert ends[5] == ends[0] == ends[11]
    alone = tmp_path / "alone"
    alone.mkdir()
    assert summary(search(alone, trials=14))["trials"] != ends[0]["trials"], (
        "the window has no effect"
    )


def test_a_search_in_two_processes_ends_like_one_that_is_resumed_in_none(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    settings: dict[str, Any] = {"executor": "processes", "workers": 4}
    expected = summary(search(whole, trials=8, **settings))
    asked = iter(range(1000))
    first = search(broken, trials=8, stop=lambda: next(asked) > 7, **settings)
    assert first.stopped
    assert summary(search(broken, trials=8)) == expected
    lines = [tuple(line) for line in log_of(broken)]
    assert sorted(lines) == sorted(tuple(line) for line in log_of(whole))


def test_a_trial_with_a_failed_repeat_fails_whatever_its_others_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def half(policy: Any, budget: int, seed: int) -> float:
        calls.append(seed)
        if len(calls) == 3:
            raise ArithmeticError("once")
        return 0.5

    shuffled(monkeypatch, 6, 1)
    result = study.run_study(
        half,
        method="random",
        space=search.__globals__["SPACE"],
        trials=6,
        epochs=1,
        repeats=3,
        seed=0,
        store=tmp_path / "study.db",
        name="a",
    )
    assert sorted(t.state for t in result.trials) == ["done"] * 5 + ["failed"]


def test_a_store_of_another_search_is_refused_before_a_worker_starts(tmp_path: Path) -> None:
    search(tmp_path, trials=1)
    with pytest.raises(StoreError, match="another search"):
        search(tmp_path, seed=12, executor="processes", workers=2)
