"""A search before it runs: its arguments, its data and its plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from variegate.workflow.guided import SearchPlan, plan_search

if TYPE_CHECKING:
    from variegate import search as rooms
    from variegate.data import Dataset
    from variegate.train import TrainSettings

__all__ = ["Asked", "Setup", "plan", "set_up"]


@dataclass(frozen=True)
class Setup:
    """The data, the settings and the plan of a search, before anything is written."""

    train: Dataset
    validation: Dataset
    info: DataInfo
    options: Options
    settings: TrainSettings
    plan: SearchPlan
    each: float

    def __str__(self) -> str:
        return f"{self.plan}; about {about(self.each * self.plan.trainings)}"


class Asked(Reading, total=False):
    """What `search` and `plan` take besides the data; see `search`."""

    method: str
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
    ready = set_up(data, asked, progress)
    tell(progress, Event("plan", f"{ready}; nothing is run", 0, ready.plan.cost.trials))
    return str(ready)


def set_up(data: str | Path | Dataset, asked: Asked, progress: Progress | None) -> Setup:
    """Read the data and plan a search of it, before anything is written."""
    need("search", "train", "search")
    given: dict[str, Any] = {**asked}
    method = given.pop("method", "guided")
    budget = read_budget(given.pop("budget", None), given.pop("trials", None))
    epochs, repeats = given.pop("epochs", None), given.pop("repeats", 1)
    space, changes = given.pop("space", None), given.pop("settings", None)
    options = Options.read(given)
    dataset, parts = open_data(data, options, progress)
    settings = settings_for(parts.train, changes)
    info = understand(dataset, parts, settings, options.seed)
    tell(progress, Event("understood", str(info)))
    length = settings.epochs if epochs is None else epochs
    wanted = read_space(space, method, info.channels)
    plan_search(method, wanted, budget.trials or 1, length, repeats, info)  # refused before timing
    each = seconds_each(parts.train, settings, length)
    work = plan_search(method, wanted, budget.in_trials(each * repeats), length, repeats, info)
    return Setup(parts.train, parts.validation, info, options, settings, work, each)


def seconds_each(train: Dataset, settings: TrainSettings, epochs: int) -> float:
    """Seconds of one training of so many epochs, from three timed steps."""
    from variegate.policy.nodes import TrivialAugment
    from variegate.train import time_epoch

    return time_epoch(train, Policy((TrivialAugment(),)), settings, steps=3) * epochs


def read_space(given: Any, method: str, channels: int) -> rooms.Space:
    """The space that a user named, or the method's own."""
    from variegate.search import default_space, space_from_dict

    if given is None:
        return default_space(method, channels=channels)
    if isinstance(given, str | Path):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"space: {given}: cannot be read as JSON: {error}") from error
    if isinstance(given, Mapping):
        return space_from_dict(given)
    made: rooms.Space = given
    return made
