"""Where tasks run: in this process, in several, or on a Ray cluster.

An executor holds one function and runs it on tasks. It writes nothing: whoever submits alone keeps
the results. A task whose worker is lost is run again; results come in the order in which they end.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Protocol

from variegate.errors import InputError, VariegateError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

__all__ = ["EXECUTORS", "Done", "Executor", "check_executor", "open_executor", "split_executor"]

EXECUTORS = ("local", "processes", "ray")
# A task that loses its worker this often is the cause (most often: too little memory).
LOST = 3


@dataclass(frozen=True)
class Done:
    """A task's end: its value, or the error's type and first line; how many workers it lost."""

    key: Hashable
    value: Any = None
    error: str = ""
    lost: int = 0


class Executor(Protocol):
    """Runs tasks on `workers` workers at a time; more may be submitted and wait their turn."""

    @property
    def workers(self) -> int:
        """How many tasks run at the same time."""

    def submit(self, key: Hashable, *args: Any) -> None:
        """Have the function called with `args`; `key` names the task in `wait` and `cancel`."""

    def wait(self) -> Done:
        """Block until any task has ended. Raises VariegateError when workers are lost for good."""

    def cancel(self, key: Hashable) -> bool:
        """Take back a task that has not started; False where it runs or has ended."""

    def close(self) -> None:
        """Give up what waits or runs, and let the workers go."""


def split_executor(text: object) -> tuple[str, str]:
    """The kind and the address of 'local', 'processes', 'ray' or 'ray:ADDRESS'."""
    kind, _, address = text.partition(":") if isinstance(text, str) else ("", "", "")
    if kind not in EXECUTORS or (address and kind != "ray"):
        raise InputError(f"executor: expected local, processes, ray or ray:ADDRESS, got {text!r}")
    return kind, address


def check_executor(text: object, workers: object) -> None:
    """Raise InputError for an executor or a number of workers that is not legal."""
    kind, _ = split_executor(text)
    if workers is None:
        return
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(f"workers: expected a whole number >= 1, got {workers!r}")
    if kind == "local" and workers > 1:
        raise InputError(
            f"workers: the executor local has one, got {workers}; take processes or ray"
        )


@contextmanager
def open_executor(
    text: str, call: Callable[..., Any], *, workers: int | None = None, cores: int = 1
) -> Iterator[Executor]:
    """An executor for `call`, closed at the end; `workers` None: as many as there are cores for.

    cores: how many one task keeps busy. Processes are started afresh, so `call`, its arguments and
    results must be picklable, and a script needs `if __name__ == "__main__":`. Raises InputError.
    """
    check_executor(text, workers)
    kind, address = split_executor(text)
    made: Executor
    if kind == "local":
        made = _Local(call)
    elif kind == "processes":
        made = _Processes(call, workers or max(1, usable_cores() // max(1, cores)))
    else:
        from variegate.search.on_ray import OnRay

        made = OnRay(call, address, workers, cores)
    try:
        yield made
    finally:
        made.close()


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def called(call: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, str]:
    """The value of a call and "", or None and the error in one line."""
    try:
        return call(*args), ""
    except Exception as error:
        first_line = next(iter(str(error).splitlines()), "")
        return None, f"{type(error).__name__}: {first_line}"


def too_often(lost: int) -> VariegateError:
    """The error for a task that took its worker with it every time."""
    return VariegateError(
        f"one task lost its worker {lost} times; it was ended from outside (often: too little "
        "memory). What is finished is saved; run the same command again with fewer workers"
    )


class _Local:
    """One task after the other, in this process, when it is waited for."""

    workers = 1

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self._queue: deque[tuple[Hashable, tuple[Any, ...]]] = deque()

    def submit(self, key: Hashable, *args: Any) -> None:
        self._queue.append((key, args))

    def wait(self) -> Done:
        key, args = self._queue.popleft()
        return Done(key, *called(self._call, args))

    def cancel(self, key: Hashable) -> bool:
        return withdraw(self._queue, key)

    def close(self) -> None:
        self._queue.clear()


def withdraw(queue: deque[tuple[Hashable, tuple[Any, ...]]], key: Hashable) -> bool:
    """Take the task of that key out of a queue, if it is there."""
    for item in queue:
        if item[0] == key:
            queue.remove(item)
            return True
    return False


@dataclass(eq=False)
class _Worker:
    """A child process, the pipe to it, and the task that it has."""

    process: BaseProcess
    pipe: Connection
    task: tuple[Hashable, tuple[Any, ...]] | None = None


class _Processes:
    """Fresh child processes. A dead one loses its own task only, which goes to a new one."""

    def __init__(self, call: Callable[..., Any], workers: int) -> None:
        # Not forked: torch's threads do not survive a fork.
        self._context = multiprocessing.get_context("spawn")
        _check_picklable(call)
        self._call, self.workers = call, workers
        self._queue: deque[tuple[Hashable, tuple[Any, ...]]] = deque()
        self._team: list[_Worker] = []
        self._lost: dict[Hashable, int] = {}

    def submit(self, key: Hashable, *args: Any) -> None:
        self._queue.append((key, args))
        self._hand_out()

    def cancel(self, key: Hashable) -> bool:
        return withdraw(self._queue, key)

    def wait(self) -> Done:
        while True:
            self._hand_out()
            busy = {w.pipe: w for w in self._team if w.task is not None}
            for ready in wait(list(busy)):
                worker = busy[ready]  # type: ignore[index]
                if worker.task is None:
                    raise AssertionError("a worker without a task answered")
                task, worker.task = worker.task, None
                try:
                    value, error = worker.pipe.recv()
                except (EOFError, OSError):
                    self._bury(worker, task)
                    continue
                return Done(task[0], value, error, self._lost.pop(task[0], 0))

    def close(self) -> None:
        self._queue.clear()
        for worker in self._team:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._team:
            worker.process.join()
            worker.process.close()
        self._team = []

    def _hand_out(self) -> None:
        while self._queue:
            worker = next((w for w in self._team if w.task is None), None)
            if worker is None:
                if len(self._team) >= self.workers:
                    return
                worker = self._hire()
            task = self._queue.popleft()
            worker.task = task
            try:
                worker.pipe.send(task[1])
            except OSError:
                worker.task = None
                self._bury(worker, task)

    def _hire(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._call, theirs), daemon=True)
        process.start()
        theirs.close()
        self._team.append(_Worker(process, ours))
        return self._team[-1]

    def _bury(self, worker: _Worker, task: tuple[Hashable, tuple[Any, ...]]) -> None:
        """Put a lost worker's task first in the queue again."""
        self._team.remove(worker)
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
        code = worker.process.exitcode
        worker.process.close()
        if code == 1:
            raise VariegateError(
                "a worker process could not start or send its result: its error stands above. "
                'A script that uses processes needs `if __name__ == "__main__":`'
            )
        self._lost[task[0]] = self._lost.get(task[0], 0) + 1
        if self._lost[task[0]] >= LOST:
            raise too_often(self._lost[task[0]])
        self._queue.appendleft(task)


def _check_picklable(call: Callable[..., Any]) -> None:
    from multiprocessing.reduction import ForkingPickler

    try:
        ForkingPickler.dumps(call)
    except Exception as error:  # pickling runs the objects' own code, which may raise anything
        raise InputError(
            f"executor processes: the objective cannot be sent to another process ({error}). "
            "Make it a function at the top of a module, or take the executor local"
        ) from error


def _serve(call: Callable[..., Any], pipe: Connection) -> None:
    """A worker's life: tasks until the other end closes. The driver alone answers Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            args = pipe.recv()
        except EOFError:
            return
        pipe.send(called(call, args))


def _die_with_parent() -> None:
    """End this process as soon as the driver is gone, by kill -9 too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
