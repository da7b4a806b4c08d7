"""The objective of the workflow's searches, and what is told while one runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variegate.workflow.common import Event, Progress, tell, write_json
from variegate.workflow.scored import Judged, judged
from variegate.workflow.tracking import tell_trial

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.adapters.tracking import Tracker
    from variegate.data import Dataset
    from variegate.policy import Policy
    from variegate.train import Epoch, TrainSettings

__all__ = ["ChildObjective", "Told", "Watch"]


@dataclass(frozen=True, eq=False)
class ChildObjective:
    """Trains under a policy and scores on the validation images.

    It holds data only, so it runs in another process or on another machine as it does here.
    """

    train: Dataset
    validation: Dataset
    settings: TrainSettings
    guided: bool = False

    def __post_init__(self) -> None:
        from variegate.train import ClassificationObjective

        # checks that the two sets fit together
        ClassificationObjective(self.train, self.validation, self.settings)

    def __call__(
        self,
        policy: Policy,
        budget: int,
        seed: int,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Judged:
        from variegate.train import train_child

        child = train_child(
            self.train,
            policy,
            self.validation.images,
            epochs=budget,
            seed=seed,
            settings=self.settings,
            on_epoch=on_epoch,
        )
        return judged(
            child.probabilities,
            self.validation.labels,
            guided=self.guided,
            augment_seconds=child.seconds["augment"],
        )


class Told:
    """An objective in this process that tells about each epoch."""

    def __init__(self, objective: Callable[..., Any], progress: Progress | None) -> None:
        self.objective, self.progress = objective, progress
        self.text = "trial 1"
        self.done, self.total = 0, 1
        self.left: float | None = None

    def __call__(self, policy: Policy, budget: int, seed: int) -> Any:
        if not isinstance(self.objective, ChildObjective):
            return self.objective(policy, budget, seed)

        def on_epoch(epoch: Epoch) -> None:
            share = (epoch.epoch + 1) / epoch.epochs
            text = f"{self.text}, epoch {epoch.epoch + 1}/{epoch.epochs}"
            # How many trainings a final round still has is not known before it has ended.
            done, total = (self.done + share, self.total) if self.done < self.total else (0, 0)
            tell(self.progress, Event("progress", text, done, total, self.left))

        return self.objective(policy, budget, seed, on_epoch)


class Watch:
    """Turns the study's progress into events, tells the tracker, keeps the best policy's file."""

    def __init__(
        self,
        told: Told,
        best: Path,
        progress: Progress | None,
        tracker: Tracker | None = None,
        classes: tuple[str, ...] = (),
    ) -> None:
        self.told, self.path, self.progress = told, best, progress
        self.tracker, self.classes = tracker, classes
        self.best = -1

    def __call__(self, state: rooms.Progress) -> None:
        """What `run_study` calls."""
        told = self.told
        told.done, told.total, told.left = state.done, state.total, state.seconds_left
        best = ""
        if state.best is not None and state.best.value is not None:
            best = f"best {100 * state.best.value:.1f} % (#{state.best.number})"
            if state.best.number != self.best and state.best.policy is not None:
                write_json(self.path, state.best.policy.to_dict())
                self.best = state.best.number
        trial = f"trial {state.done + 1}/{state.total}"
        told.text = ", ".join(
            filter(None, (trial if state.done < state.total else "final round", best))
        )
        if state.finalist is not None:
            self._finalist(state, state.finalist)
        elif state.record is not None:
            self._record(state, state.record, best)
        elif state.done:
            text = f"resuming: {state.done} of {state.total} trials are done, {best}"
            tell(self.progress, Event("remark", text))

    def _finalist(self, state: rooms.Progress, entry: rooms.Finalist) -> None:
        mean = sum(entry.accuracies) / max(1, len(entry.accuracies))
        text = f"final round: {entry.name} {100 * mean:.1f} %"
        tell(self.progress, Event("progress", text, state.done, state.total, state.seconds_left))

    def _record(self, state: rooms.Progress, record: rooms.TrialRecord, best: str) -> None:
        tell_trial(self.tracker, record, self.classes, state.best)
        value = "failed" if record.value is None else f"{100 * record.value:.1f} %"
        value += " (dropped)" if record.state == "dropped" else ""
        if record.reason:
            tell(self.progress, Event("remark", record.reason))
        text = f"trial {state.done}/{state.total} {value}" + (f", {best}" if best else "")
        tell(self.progress, Event("progress", text, state.done, state.total, state.seconds_left))
