"""A search before it runs: its arguments, its data and its plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from variegate.errors import InputError
from variegate.policy import Policy
from variegate.workflow.budget import read_budget
from variegate.workflow.common import (
    DataInfo,
    Event,
    Options,
    Progress,
    Reading,
    about,
    need,
    open_data,
    settings_for,
    tell,
    understand,
)
from variegate.workflow.density import Reward, check_reward
from variegate.workflow.guided import SearchPlan, candidates_for, plan_search

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.data import Dataset
    from variegate.train import TrainSettings

__all__ = ["Asked", "Setup", "plan", "set_up"]


@dataclass(frozen=True)
class Setup:
    """The data, the settings and the plan of a search, before anything is written.

    each: seconds of one training, 0 where nobody knows. train, validation: None for an objective
    that has data of its own.
    """

    train: Dataset | None
    validation: Dataset | None
    info: DataInfo
    options: Options
    settings: TrainSettings
    plan: SearchPlan
    each: float

    def __str__(self) -> str:
        if not self.each:
            return f"{self.plan}"
        return f"{self.plan}; about {about(self.each * self.plan.trainings)}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, where they are known."""
        return () if self.train is None else self.train.classes


class Asked(Reading, total=False):
    """What `search` and `plan` take besides the data; see `search`."""

    method: str
    reward: Reward | None
    trials: int | None
    budget: str | None
    epochs: int | None
    repeats: int
    space: rooms.Space | Mapping[str, Any] | str | Path | None
    settings: Mapping[str, Any] | None


def plan(
    data: str | Path | Dataset, *, progress: Progress | None = None, **asked: Unpack[Asked]
) -> str:
    """What `search` with these arguments would do and cost, from three timed steps.

    Nothing is searched or written. Raises what `search` raises.
    """
    return str(set_up(data, asked, progress))


def set_up(
    data: str | Path | Dataset | None,
    asked: Asked,
    progress: Progress | None,
    own: Callable[..., Any] | None = None,
) -> Setup:
    """Read the data and plan a search of it, before anything is written."""
    need("search", "train", "search")
    given: dict[str, Any] = {**asked}
    method = given.pop("method", "guided" if own is None else "tpe")
    reward = given.pop("reward", None)
    check_reward(reward, method)
    budget = read_budget(given.pop("budget", None), given.pop("trials", None))
    epochs, repeats = given.pop("epochs", None), given.pop("repeats", 1)
    space, changes = given.pop("space", None), given.pop("settings", None)
    options = Options.read(given)
    _check_own(data, own, method, budget.seconds, epochs)
    train, validation, settings, info = _read(data, options, changes, progress)
    length = settings.epochs if epochs is None else epochs
    wanted = read_space(space, method, info.channels, info.size, length)
    plan_search(method, wanted, budget.trials or 1, length, repeats, info, reward)  # may refuse
    each = 0.0 if own is not None or train is None else seconds_each(train, settings, length)
    trials = budget.trials if not each else budget.in_trials(each * repeats)
    if method == "density" and budget.seconds is not None:
        trials = candidates_for(trials or 1, length, info)
    work = plan_search(method, wanted, trials, length, repeats, info, reward)
    return Setup(train, validation, info, options, settings, work, each)


def _check_own(
    data: object, own: object, method: str, seconds: int | None, epochs: int | None
) -> None:
    """Raise InputError for what an objective of the user's cannot go with."""
    if own is None:
        if data is None:
            raise InputError("data: expected a data set, or an objective that has its own")
        return
    if not callable(own):
        raise InputError(f"objective: expected a function (policy, budget, seed), got {own!r}")
    if method in ("guided", "density"):
        raise InputError(
            f"method {method}: it asks the built-in net about the images, which an objective of "
            "your own does not train; take tpe, random, grid, autoaugment or pba"
        )
    if seconds is not None:
        raise InputError("budget: how long an objective of your own takes is not known; say trials")
    if data is None and epochs is None:
        raise InputError("epochs: without data, say what budget the objective is called with")


def _read(
    data: str | Path | Dataset | None,
    options: Options,
    changes: Mapping[str, Any] | None,
    progress: Progress | None,
) -> tuple[Dataset | None, Dataset | None, TrainSettings, DataInfo]:
    if data is None:
        from variegate.train import TrainSettings as Settings

        info = DataInfo("your own", (0, 0), 3, 0, 0, 0, 0, 0, "yours", options.seed)
        tell(progress, Event("understood", f"an objective with data of its own; seed {info.seed}"))
        return None, None, Settings(**dict(changes or {})), info
    dataset, parts = open_data(data, options, progress)
    settings = settings_for(parts.train, changes)
    info = understand(dataset, parts, settings, options.seed)
    tell(progress, Event("understood", str(info)))
    return parts.train, parts.validation, settings, info


def seconds_each(train: Dataset, settings: TrainSettings, epochs: int) -> float:
    """Seconds of one training of so many epochs, from three timed steps."""
    from variegate.policy.nodes import TrivialAugment
    from variegate.train import time_epoch

    return time_epoch(train, Policy((TrivialAugment(),)), settings, steps=3) * epochs


def read_space(
    given: Any, method: str, channels: int, size: tuple[int, int], epochs: int
) -> rooms.Space:
    """The space that a user named, or the method's own; size 0 by 0 is not known."""
    from variegate.search import default_space, space_from_dict

    if given is None:
        known = size if min(size) else None
        return default_space(method, channels=channels, size=known, epochs=max(4, epochs))
    if isinstance(given, str | Path):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"space: {given}: cannot be read as JSON: {error}") from error
    if isinstance(given, Mapping):
        return space_from_dict(given)
    made: rooms.Space = given
    return made
