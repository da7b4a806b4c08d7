"""The trainings of a comparison, in this process or in several."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from variegate.errors import VariegateError

if TYPE_CHECKING:
    from variegate.data import Dataset
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


def run_all(
    work: RunData,
    tasks: Sequence[Task],
    jobs: int,
    finished: Callable[[Task, Outcome], None],
    during: Callable[[Task, float], None],
) -> None:
    """Run every task; `finished` is called in this process as each one ends.

    With jobs=1 `during` is called after each epoch with the share that is done. More jobs use
    fresh processes: a script that asks for them needs the usual `if __name__ == "__main__":`.
    """
    if min(jobs, len(tasks)) <= 1:
        for task in tasks:
            finished(task, train_and_predict(work, task, during))
        return
    _in_processes(work, tasks, min(jobs, len(tasks)), finished)


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


# What a worker process works on, under the one key "data".
_shared: dict[str, RunData] = {}


def _start(work: RunData) -> None:
    """Set up a worker: the parent alone answers Ctrl-C, and the data travels once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shared["data"] = work


def _one(task: Task) -> Outcome:
    return train_and_predict(_shared["data"], task)


def _in_processes(
    work: RunData,
    tasks: Sequence[Task],
    jobs: int,
    finished: Callable[[Task, Outcome], None],
) -> None:
    # Not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(work,))
    try:
        futures = {pool.submit(_one, task): task for task in tasks}
        for future in as_completed(futures):
            finished(futures[future], future.result())
        pool.shutdown()
    except BrokenProcessPool as error:
        raise VariegateError(
            "a training process was ended from outside (often: too little memory). Finished runs "
            "are saved; run the same command again with --jobs 1"
        ) from error
    finally:
        # After an error or Ctrl-C the trainings under way are given up at once.
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
