"""variegate search."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from variegate.cli import options as o
from variegate.cli.show import Show

if TYPE_CHECKING:
    from variegate.workflow.common import Reading
    from variegate.workflow.setup import Asked


class Method(StrEnum):
    """How the next policy to try is chosen."""

    guided = "guided"
    tpe = "tpe"
    random = "random"
    grid = "grid"
    autoaugment = "autoaugment"
    density = "density"
    pba = "pba"


class Reward(StrEnum):
    """What a candidate of density matching is worth."""

    accuracy = "accuracy"
    loss = "loss"


How = Annotated[
    Method,
    typer.Option(
        help="guided scores the ops first; tpe learns from earlier trials; grid is "
        "RandAugment's N x M; autoaugment is the published controller; density asks models "
        "that were trained once; pba finds schedules over the epochs."
    ),
]
Rewarded = Annotated[
    Reward | None,
    typer.Option(help="Of density: accuracy, the best of the passes as published, or loss."),
]
Trials = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Policies to try (20; grid: all cells; density: 100 a fold); for guided, trainings to "
        "spend (40).",
    ),
]
Spend = Annotated[str | None, typer.Option(help="What to spend: 200trials, 90s, 30m or 2h.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan from three timed steps; run nothing.")
]
Drawn = Annotated[Path | None, typer.Option(help="A JSON file that says what may be drawn.")]


ByClass = Annotated[
    bool,
    typer.Option(
        "--per-class", help="Then change the policy for single classes where that is better."
    ),
]


def command(
    data: o.Data,
    method: How = Method.guided,
    reward: Rewarded = None,
    trials: Trials = None,
    budget: Spend = None,
    dry_run: DryRun = False,
    epochs: o.Epochs = None,
    repeats: Annotated[int, typer.Option(min=1, help="Trainings of each policy.")] = 1,
    train_per_class: o.PerClass = None,
    size: o.Size = None,
    limit: o.Limit = None,
    on_error: o.OnError = "stop",
    validation: o.Validation = o.SHARE,
    test: o.Test = o.SHARE,
    space: Drawn = None,
    per_class: ByClass = False,
    seed: o.Seed = 0,
    device: o.Device = "auto",
    threads: o.Threads = None,
    model: o.Model = None,
    executor: o.Executor = "local",
    workers: o.Workers = None,
    track: o.Track = None,
    out: o.Out = Path("runs/search"),
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Find a policy for DATA. The same command resumes a search that was stopped.

    Trains on the train split and scores on the validation split; the test split is not touched.
    Writes study.db (every finished trial), best.json (the policy) and search.json.
    """
    reading = o.reading(seed, train_per_class, o.read_size(size), limit, on_error, validation, test)
    with Show("search", as_json=json, quiet=quiet, debug=debug) as show:
        show.note(f"search {data}")
        from variegate import workflow

        asked: Asked = {
            "method": method.value,
            "reward": None if reward is None else reward.value,
            "trials": trials,
            "budget": budget,
            "epochs": epochs,
            "repeats": repeats,
            "space": space,
            "settings": o.read_settings(device, threads, model),
            **reading,
        }
        if dry_run:
            text = workflow.plan(data, progress=show.event, **asked)
            show.result({"schema": "variegate.plan/1", "plan": text}, [f"{text}; nothing is run"])
            return
        _run(show, data, out, per_class, asked, reading, o.running(executor, workers, track))
        flags = o.data_flags(train_per_class, size, limit, on_error, seed, validation, test)
        flags += "" if epochs is None else f" --epochs {epochs}"
        flags += "" if model is None else f" --model {shlex.quote(model)}"
        show.next(f"variegate compare {shlex.quote(data)}{flags} --out {shlex.quote(str(out))}")


def _run(
    show: Show,
    data: str,
    out: Path,
    per_class: bool,
    asked: Asked,
    reading: Reading,
    where: o.Running,
) -> None:
    """Search, then by class where it is asked for, and say what was found."""
    from variegate import workflow

    found = workflow.search(
        data, out=out, progress=show.event, command=show.command, **where, **asked
    )
    said, told = found.to_dict(), lines(found)
    if per_class:
        own = workflow.by_class(
            data,
            epochs=asked["epochs"],
            settings=asked["settings"],
            out=out,
            progress=show.event,
            **reading,
        )
        said["per_class"], told = own.to_dict(), [*told, *own.lines()]
    show.result(said, told)


def lines(found: object) -> list[str]:
    """The result of a search for a person."""
    from variegate.evaluate.report.policytext import policy_data, policy_lines
    from variegate.workflow import SearchResult

    if not isinstance(found, SearchResult):
        raise TypeError(type(found).__name__)
    steps = policy_lines(policy_data(found.best))
    name = "a control" if found.best_number is None else f"trial {found.best_number}"
    head = (
        f"best: {name} of {len(found.history)} trials, "
        f"{100 * found.best_value:.1f} % of {found.data.validation} validation images "
        "(the best of many, so it flatters; compare measures it)"
    )
    more = [f"  and {len(steps) - 12} more lines in the file"] if len(steps) > 12 else []
    shown = [f"  {'  ' * depth}{text}" for depth, text in steps[:12]]
    tail = f"policy: {found.best_path}; {found.seconds:.0f} s of training in all"
    said = [found.verdict] if found.verdict else []
    share = found.record["cost"]["augment_share"]
    if share is not None:
        tail += f", {100 * share:.1f} % of it augmentation"
    learned = found.record["learned"]["learned"]["text"]
    return [head, *said, *shown, *more, learned, tail]
