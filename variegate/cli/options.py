"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

if TYPE_CHECKING:
    from variegate.workflow.common import Reading

SHARE = 0.2
DATA_HELP = (
    "'digits', a folder of class folders (or of train, val and test above them), a folder of "
    "MNIST idx files, or an .npz file."
)

Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP, show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")]
Seed = Annotated[int, typer.Option(min=0, help="Divides the data and starts every draw.")]
PerClass = Annotated[
    int | None, typer.Option(min=1, help="Train on exactly so many images of each class.")
]
Size = Annotated[
    str | None, typer.Option(metavar="H[xW]", help="Bring every image to this size in pixels.")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit-per-class", min=1, help="Read at most so many training images a class."),
]
Validation = Annotated[
    float, typer.Option(min=0.01, max=0.9, help="Share of each class that chooses the policy.")
]
Test = Annotated[
    float, typer.Option(min=0.01, max=0.9, help="Share of each class that is kept for compare.")
]
OnError = Annotated[str, typer.Option(help="At a bad image file: stop or skip.")]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Passes over the training images; by default by data.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Threads of a training; by default one up to 32 pixels, else all."),
]
Executor = Annotated[
    str, typer.Option(help="Where trainings run: local, processes, ray or ray:ADDRESS.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Trainings at a time; by default as many as there are cores for."),
]


class Tracker(StrEnum):
    """Where params, metrics and the policy are written too."""

    mlflow = "mlflow"
    tensorboard = "tensorboard"


Track = Annotated[
    Tracker | None, typer.Option(help="Write params, metrics and the policy to a tracker too.")
]
Model = Annotated[
    str | None,
    typer.Option(
        help="keras:NAME trains that model of keras.applications, lenet a small net for many quick "
        "trainings; by default the built-in net."
    ),
]
Out = Annotated[Path, typer.Option(help="The folder to keep everything in; it resumes from there.")]


def read_size(text: str | None) -> tuple[int, int] | None:
    """'96' or '96x128' as (height, width)."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise typer.BadParameter(f"--size: expected 96 or 96x128 (height x width), got {text!r}")
    return int(parts[0]), int(parts[-1])


def read_settings(device: str, threads: int | None, model: str | None = None) -> dict[str, object]:
    """Training settings from options; only what was given."""
    given = {"device": None if device == "auto" else device, "threads": threads, "model": model}
    return {name: value for name, value in given.items() if value is not None}


def reading(
    seed: int,
    train_per_class: int | None,
    size: tuple[int, int] | None,
    limit: int | None,
    on_error: str,
    validation: float,
    test: float,
) -> Reading:
    """The workflow's arguments for reading and dividing the data."""
    return {
        "seed": seed,
        "train_per_class": train_per_class,
        "size": size,
        "limit_per_class": limit,
        "on_error": on_error,
        "validation": validation,
        "test": test,
    }


class Running(TypedDict):
    """Where trainings run, and what is told about them."""

    executor: str
    workers: int | None
    track: str | None


def running(executor: str, workers: int | None, track: Tracker | None) -> Running:
    """The workflow's arguments for where trainings run."""
    told = None if track is None else track.value
    return {"executor": executor, "workers": workers, "track": told}


def data_flags(
    per_class: int | None,
    size: str | None,
    limit: int | None,
    on_error: str,
    seed: int,
    validation: float,
    test: float,
) -> str:
    """The data options as they were given, for the next command."""
    flags = "" if per_class is None else f" --train-per-class {per_class}"
    flags += "" if size is None else f" --size {size}"
    flags += "" if limit is None else f" --limit-per-class {limit}"
    flags += "" if validation == SHARE else f" --validation {validation:g}"
    flags += "" if test == SHARE else f" --test {test:g}"
    flags += "" if on_error == "stop" else f" --on-error {on_error}"
    return flags + (f" --seed {seed}" if seed else "")
