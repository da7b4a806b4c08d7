"""The trainings of a comparison, in this process or on the workers of an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from variegate.errors import VariegateError
from variegate.search.executors import open_executor
from variegate.workflow.common import cores

if TYPE_CHECKING:
    from variegate.data import Dataset
    from variegate.search.executors import Executor
    from variegate.train import TrainSettings
    from variegate.train.loop import Pictures
    from variegate.workflow.policies import Arm

# Most test images that are corrupted; of more, as many of each class in proportion.
CORRUPTED = 250


@dataclass(frozen=True)
class Outcome:
    """Predictions int64 (n,), probabilities float32 (n, classes), seconds of training, epochs.

    corrupted: by corruption, the accuracy at each severity.
    """

    predictions: Any
    probabilities: Any
    seconds: float
    epochs: int
    corrupted: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Task:
    """One training: which arm, from which seed."""

    arm: str
    seed: int


@dataclass(frozen=True)
class RunData:
    """What all trainings share. corruptions: what the trained models are tested under too."""

    train: Dataset
    test: Dataset
    policies: Mapping[str, Arm]
    settings: TrainSettings
    epochs: int
    corruptions: tuple[str, ...] = ()

    def pictures(self) -> Pictures:
        """The test images, with their corrupted copies behind them where any are asked for."""
        if not self.corruptions:
            return self.test.images
        from variegate.data.corruptions import CorruptedImages

        order = np.argsort(self.test.labels, kind="stable")
        count = min(CORRUPTED, len(order))
        picked = np.sort(order[np.linspace(0, len(order) - 1, count).round().astype(np.int64)])
        return CorruptedImages(self.test.images, picked, self.corruptions)


@contextmanager
def opened(
    work: RunData, executor: str, workers: int | None, device: str
) -> Iterator[Executor | None]:
    """Who runs the trainings elsewhere; None where they run one by one in this process.

    processes without `workers`: one a core where a training takes one thread, else this process.
    """
    settings = work.settings
    if executor == "processes" and workers is None:
        workers = _processes(settings.threads, device)
    if executor == "local" or (executor == "processes" and workers == 1):
        yield None
        return
    call = partial(train_and_predict, work)
    with open_executor(executor, call, workers=workers, cores=settings.threads or 1) as team:
        yield team


def _processes(threads: int | None, device: str) -> int:
    """One training a core where each takes one thread; more would only wait for each other."""
    if threads is None or not device.startswith("cpu"):
        return 1
    return max(1, min(8, cores() // threads))


def run_all(
    work: RunData,
    tasks: Sequence[Task],
    team: Executor | None,
    finished: Callable[[Task, Outcome], None],
    during: Callable[[Task, float], None],
) -> None:
    """Run every task; `finished` is called in this process as each one ends.

    Without a team `during` is called after each epoch with the share that is done. Raises
    VariegateError where a training fails elsewhere or loses its worker again and again.
    """
    if team is None:
        for task in tasks:
            finished(task, train_and_predict(work, task, during))
        return
    for task in tasks:
        team.submit(task, task)
    for _ in tasks:
        done = team.wait()
        task = cast("Task", done.key)
        if done.error:
            raise VariegateError(f"{task.arm}, seed {task.seed}: {done.error}")
        finished(task, done.value)


def train_and_predict(
    work: RunData, task: Task, during: Callable[[Task, float], None] | None = None
) -> Outcome:
    """Train one arm from one seed, then predict the test images."""
    from variegate.train import Epoch, train_child

    def on_epoch(epoch: Epoch) -> None:
        if during is not None:
            during(task, (epoch.epoch + 1) / epoch.epochs)

    pictures = work.pictures()
    child = train_child(
        work.train,
        work.policies[task.arm],
        pictures,
        epochs=work.epochs,
        seed=task.seed,
        settings=work.settings,
        on_epoch=on_epoch,
    )
    named = child.probabilities.argmax(axis=1)
    count = len(work.test)
    corrupted = (
        {} if isinstance(pictures, np.ndarray) else (pictures.accuracies(named, work.test.labels))
    )
    seconds = child.seconds["total"]
    return Outcome(named[:count], child.probabilities[:count], seconds, work.epochs, corrupted)
