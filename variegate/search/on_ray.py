"""Tasks on a Ray cluster. Ray moves and runs them; nothing of a study is ever written there."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Hashable
from importlib import util
from typing import Any

from variegate.errors import InputError, VariegateError
from variegate.search.executors import LOST, Done, called, too_often, withdraw

__all__ = ["OnRay"]

ANSWER = 10.0  # seconds that a cluster's machine has to take a connection


class OnRay:
    """Ray tasks, each with `cores` CPUs; a lost worker's or machine's task is run again.

    address: of a running cluster, "auto" for the one of this machine, "" to start one here.
    """

    def __init__(
        self, call: Callable[..., Any], address: str, workers: int | None, cores: int
    ) -> None:
        ray = _ray()
        self._ray = ray
        self._started = not ray.is_initialized()
        if self._started:
            _connect(ray, address)
        total = int(ray.cluster_resources().get("CPU", 1))
        if cores > total:
            self.close()
            raise InputError(f"executor ray: a task needs {cores} CPUs, the cluster has {total}")
        self.workers = workers or max(1, total // cores)
        # max_retries=0: lost tasks are counted and run again here, not unseen inside Ray.
        self._remote = ray.remote(called).options(num_cpus=cores, max_retries=0)
        self._call = ray.put(call)
        self._queue: deque[tuple[Hashable, tuple[Any, ...]]] = deque()
        self._running: dict[Any, tuple[Hashable, tuple[Any, ...]]] = {}
        self._lost: dict[Hashable, int] = {}

    def submit(self, key: Hashable, *args: Any) -> None:
        self._queue.append((key, args))
        self._hand_out()

    def cancel(self, key: Hashable) -> bool:
        return withdraw(self._queue, key)

    def wait(self) -> Done:
        while True:
            self._hand_out()
            (ready, *_), _ = self._ray.wait(list(self._running), num_returns=1)
            task = self._running.pop(ready)
            try:
                value, error = self._ray.get(ready)
            except self._ray.exceptions.RayTaskError as failed:
                # The call itself never raises: its arguments or its value could not be moved.
                return Done(task[0], error=f"{type(failed.cause).__name__}: {failed.cause}")
            except self._ray.exceptions.RayError:
                self._lost[task[0]] = self._lost.get(task[0], 0) + 1
                if self._lost[task[0]] >= LOST:
                    raise too_often(self._lost[task[0]]) from None
                self._queue.appendleft(task)
                continue
            return Done(task[0], value, error, self._lost.pop(task[0], 0))

    def close(self) -> None:
        for ref in getattr(self, "_running", {}):
            self._ray.cancel(ref, force=True)
        if self._started:
            self._ray.shutdown()

    def _hand_out(self) -> None:
        while self._queue and len(self._running) < self.workers:
            task = self._queue.popleft()
            self._running[self._remote.remote(self._call, task[1])] = task


def _ray() -> Any:
    if util.find_spec("ray") is None:
        raise VariegateError(
            "executor ray: ray is not installed. Install it: pip install 'variegate[ray]'"
        )
    import ray

    return ray


def _connect(ray: Any, address: str) -> None:
    """Start Ray here or join a cluster; raises VariegateError where none answers."""
    try:
        _knock(address)
        ray.init(
            address=address or "local",
            include_dashboard=False if not address else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise VariegateError(
            f"executor ray: no cluster at {address or 'this machine'} "
            f"({next(iter(str(error).splitlines()), '')}). Start one with `ray start --head`"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray itself waits there for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), ANSWER).close()
